//! Makes a piece of sound a little shorter or longer, by one period of its voice, without a change of pitch.
//!
//! So the wait for packets is set right, and the drift between two clocks: nobody hears a period more or less.

use crate::media::pitch;
use crate::media::pitch::Period;
use crate::media::pitch::fade;

/// The longest period that is put in: 10 ms at 48 kHz.
pub(super) const LONGEST: usize = 480;

/// Softer than this (mean magnitude), nobody hears what is left out.
const SOFT: u32 = 60;

/// Leaves a period out of `samples`; returns how many are left. As they were if nothing in them is as alike as `enough`.
pub(super) fn shorten(samples: &mut [i16], rate: u32, enough: f32) -> usize {
    let Some(lag) = period(samples, rate, enough) else {
        return samples.len();
    };
    for index in 0..lag {
        samples[index] = fade(samples[index], samples[index + lag], index, lag);
    }
    samples.copy_within(2 * lag.., lag);
    samples.len() - lag
}

/// Puts a period into the first `count` of `samples`; returns how many there are now. There must be room for [`LONGEST`] more.
pub(super) fn lengthen(samples: &mut [i16], count: usize, rate: u32, enough: f32) -> usize {
    let lag = samples.get(..count).and_then(|samples| period(samples, rate, enough));
    let Some(lag) = lag.filter(|lag| count + lag <= samples.len()) else {
        return count;
    };
    samples.copy_within(lag..count, 2 * lag);
    for index in 0..lag {
        samples[lag + index] = fade(samples[2 * lag + index], samples[index], index, lag);
    }
    count + lag
}

/// Of 2.5 to 10 ms, and so that two of them fit.
fn period(samples: &[i16], rate: u32, enough: f32) -> Option<usize> {
    let longest = (rate as usize / 100).min(samples.len() / 2).min(LONGEST);
    let shortest = rate as usize / 400;
    if longest <= shortest {
        return None;
    }
    let pair = |lag: usize| (&samples[..lag], &samples[lag..2 * lag]);
    let Period { lag, likeness } = pitch::find(shortest..=longest, (rate as usize / 4_000).max(1), pair);
    (likeness >= enough || crate::media::level::mean(samples) < SOFT).then_some(lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, rate: u32, count: usize) -> Vec<i16> {
        let step = frequency * std::f64::consts::TAU / f64::from(rate);
        (0..count).map(|index| ((index as f64 * step).sin() * 8_000.0) as i16).collect()
    }

    /// The largest distance from a tone of the same frequency that is fitted to `samples`, as a part of its amplitude.
    fn impurity(samples: &[i16], frequency: f64, rate: u32) -> f64 {
        let step = frequency * std::f64::consts::TAU / f64::from(rate);
        let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            let (angle, sample) = (index as f64 * step, f64::from(*sample));
            sine += angle.sin() * sample;
            cosine += angle.cos() * sample;
            power += sample * sample;
        }
        1.0 - 2.0 * (sine * sine + cosine * cosine) / (power * samples.len() as f64)
    }

    #[test]
    fn a_tone_becomes_shorter_and_longer_and_stays_a_tone() {
        for rate in [8_000, 16_000, 48_000] {
            for frequency in [200.0, 313.0, 440.0] {
                let frame = rate as usize / 50;
                let mut samples = tone(frequency, rate, frame);
                let short = shorten(&mut samples, rate, 0.9);
                assert!((frame / 2..frame * 7 / 8 + 1).contains(&short), "{frequency} at {rate}: {short}");
                assert!(impurity(&samples[..short], frequency, rate) < 0.02, "{frequency} at {rate}");
                let mut samples = tone(frequency, rate, frame);
                samples.resize(frame + LONGEST, 0);
                let long = lengthen(&mut samples, frame, rate, 0.9);
                assert!((frame * 9 / 8..=frame * 3 / 2).contains(&long), "{frequency} at {rate}: {long}");
                assert!(impurity(&samples[..long], frequency, rate) < 0.02, "{frequency} at {rate}");
            }
        }
    }

    #[test]
    fn what_does_not_repeat_itself_is_left_alone() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut noise: Vec<i16> = (0..160).map(|_| random.i16(-8_000..8_000)).collect();
        let before = noise.clone();
        assert_eq!(shorten(&mut noise, 8_000, 0.8), 160);
        assert_eq!(noise, before);
        assert!(shorten(&mut [0; 160], 8_000, 0.8) < 160, "silence may go");
        assert_eq!(shorten(&mut [5; 7], 8_000, 0.0), 7);
        assert_eq!(lengthen(&mut [5; 160], 160, 8_000, 0.0), 160, "no room");
    }
}
