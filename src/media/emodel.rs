//! How a talk sounds to a person, computed from what was measured: the E-model, ITU-T G.107.
//!
//! All that cannot be measured on the way (loudness, noise, echo losses) has the recommendation's default values; what
//! remains are the codec, the loss and the delay. The scale is that of narrow-band telephony, for wide-band codecs too: so a
//! figure of one call can be held against that of another.

use std::time::Duration;

use crate::media::codec::CodecKind;

/// What one side hears of the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    pub codec: CodecKind,
    /// Of all packets, 0 to 1.
    pub loss: f64,
    /// From mouth to ear.
    pub delay: Duration,
}

/// A path's rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// 0 to 93.2; below 60 nearly all users are dissatisfied.
    pub r: f64,
    /// Mean opinion of a conversation, 1 to 4.5.
    pub mos: f64,
}

/// None for a codec of which nobody has published how it bears loss.
pub fn score(path: &Path) -> Option<Score> {
    let (impairment, robustness) = impairment(path.codec)?;
    let percent = path.loss.clamp(0.0, 1.0) * 100.0;
    // §3.5, with losses at random: BurstR = 1.
    let equipment = impairment + (95.0 - impairment) * percent / (percent + robustness);
    let r = (BASIC - SIMULTANEOUS - delay_impairment(path.delay) - equipment).clamp(0.0, 100.0);
    Some(Score { r, mos: mos(r) })
}

/// Annex B. The polynomial dips below 1 where R is below 6.5; nobody's opinion does.
fn mos(r: f64) -> f64 {
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

/// Ie and Bpl of G.113 Appendix I, the far end concealing what it lost.
fn impairment(codec: CodecKind) -> Option<(f64, f64)> {
    match codec {
        // Robust as with the concealment of G.711 Appendix I, which every telephone has in some form.
        CodecKind::Pcma | CodecKind::Pcmu => Some((0.0, 25.1)),
        // Nothing is published on this scale; all are at least as good as G.711 and conceal as it does.
        CodecKind::G722 | CodecKind::Opus | CodecKind::L16 => Some((0.0, 25.1)),
        CodecKind::G729 => Some((11.0, 19.0)),
        CodecKind::Gsm | CodecKind::Ilbc => None,
    }
}

/// Ro and Is with all values at their defaults (Table 2).
const BASIC: f64 = 94.77;
const SIMULTANEOUS: f64 = 1.41;

/// Loudness ratings of the echo paths, in dB (Table 2).
const TALKER_ECHO: f64 = 65.0;
const LISTENER_ECHO: f64 = 110.0;

/// Id of §3.4: talker echo, listener echo, and delay as such. All three delays are those of one path.
fn delay_impairment(delay: Duration) -> f64 {
    let one_way = delay.as_secs_f64() * 1000.0;
    talker_echo(one_way) + listener_echo(one_way * 2.0) + pure_delay(one_way)
}

fn talker_echo(delay: f64) -> f64 {
    let loss = TALKER_ECHO - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10()
        + 6.0 * (-0.3 * delay * delay).exp();
    let echo = 80.0 + 2.5 * (loss - 14.0);
    let half = (BASIC - echo) / 2.0;
    (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp())
}

fn listener_echo(round_trip: f64) -> f64 {
    let echo = 10.5 * (LISTENER_ECHO + 7.0) * (round_trip + 1.0).powf(-0.25);
    let half = (BASIC - echo) / 2.0;
    half + (half * half + 169.0).sqrt()
}

fn pure_delay(delay: f64) -> f64 {
    if delay <= 100.0 {
        return 0.0;
    }
    let x = (delay / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rated(loss: f64, delay_ms: u64) -> Score {
        score(&Path { codec: CodecKind::Pcma, loss, delay: Duration::from_millis(delay_ms) }).unwrap()
    }

    #[test]
    fn a_perfect_line_has_the_rating_of_the_recommendation() {
        let perfect = rated(0.0, 0);
        assert!((perfect.r - 93.2).abs() < 0.05, "{perfect:?}");
        assert!((perfect.mos - 4.41).abs() < 0.01, "{perfect:?}");
    }

    #[test]
    fn delay_costs_what_is_published_for_lines_without_echo() {
        // Cole and Rosenbluth's line through G.107: 0.024 d, and 0.11 more for each ms above 177.3.
        for (delay, line) in [(50, 1.2), (100, 2.4), (150, 3.6), (250, 6.0 + 8.0), (400, 9.6 + 24.5)] {
            let lost = 93.2 - rated(0.0, delay).r;
            assert!((lost - line).abs() < 3.5, "{delay} ms cost {lost}, about {line} was expected");
        }
    }

    #[test]
    fn loss_costs_what_the_table_of_the_codec_says() {
        // Ie,eff of G.711 with concealment: 95 * P / (P + 25.1).
        assert!((93.2 - rated(0.01, 0).r - 3.64).abs() < 0.1);
        assert!((93.2 - rated(0.05, 0).r - 15.78).abs() < 0.1);
        assert!((rated(0.2, 0).mos - 2.64).abs() < 0.05, "{:?}", rated(0.2, 0));
    }

    #[test]
    fn worse_is_never_rated_better_and_all_opinions_are_on_the_scale() {
        for step in 0..100_u32 {
            let (loss, more) = (f64::from(step) / 100.0, f64::from(step + 1) / 100.0);
            assert!(rated(loss, 20).r >= rated(more, 20).r);
            assert!(rated(0.0, u64::from(step) * 10).r >= rated(0.0, u64::from(step) * 10 + 10).r - 1e-9);
            assert!((1.0..=4.5).contains(&rated(loss, u64::from(step) * 20).mos));
        }
    }
}
