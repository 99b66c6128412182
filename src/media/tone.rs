//! The tones of a telephone exchange, by region (ITU-T E.180 supplement 2), and the beep before a recording.
//!
//! A tone is one period of its cadence as a clip: to be played with [`crate::media::command::Repeat::Forever`], except the beep.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::media::clip::Clip;

/// A tone of one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tone {
    pub signal: Signal,
    pub region: Region,
}

/// What a tone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Dial now.
    Dial,
    /// The other phone rings.
    Ringback,
    Busy,
    /// No line, or no such number.
    Congestion,
    /// Three rising notes before a spoken notice (ITU-T E.180 §7).
    Information,
    /// Speak now.
    Beep,
}

/// Whose exchange it sounds like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
pub enum Region {
    #[default]
    #[serde(rename = "br")]
    Brazil,
    /// Most of Europe (CEPT).
    #[serde(rename = "eu")]
    Europe,
    #[serde(rename = "uk")]
    UnitedKingdom,
    #[serde(rename = "us")]
    NorthAmerica,
}

impl Tone {
    pub const RINGBACK: Tone = Tone { signal: Signal::Ringback, region: Region::Brazil };
    pub const BUSY: Tone = Tone { signal: Signal::Busy, region: Region::Brazil };
    pub const CONGESTION: Tone = Tone { signal: Signal::Congestion, region: Region::Brazil };
    pub const BEEP: Tone = Tone { signal: Signal::Beep, region: Region::Brazil };

    /// One period, shared by all calls.
    pub fn clip(self) -> Arc<Clip> {
        Arc::clone(&CLIPS[&self])
    }

    fn cadence(self) -> Vec<Part> {
        match (self.signal, self.region) {
            (Signal::Beep, _) => vec![on(&[1000], 400)],
            (Signal::Dial, Region::Brazil | Region::Europe) => vec![on(&[425], 1000)],
            (Signal::Dial, Region::UnitedKingdom) => vec![on(&[350, 450], 1000)],
            (Signal::Dial, Region::NorthAmerica) => vec![on(&[350, 440], 1000)],
            (Signal::Information, Region::NorthAmerica) => {
                vec![on(&[914], 274), on(&[1371], 274), on(&[1777], 380), off(1000)]
            }
            (Signal::Information, _) => vec![on(&[950], 330), on(&[1400], 330), on(&[1800], 330), off(1000)],
            (Signal::Ringback, Region::Brazil) => vec![on(&[425], 1000), off(4000)],
            (Signal::Busy, Region::Brazil) => vec![on(&[425], 250), off(250)],
            (Signal::Congestion, Region::Brazil) => {
                vec![on(&[425], 250), off(250), on(&[425], 750), off(250)]
            }
            (Signal::Ringback, Region::Europe) => vec![on(&[425], 1000), off(4000)],
            (Signal::Busy, Region::Europe) => vec![on(&[425], 500), off(500)],
            (Signal::Congestion, Region::Europe) => vec![on(&[425], 200), off(200)],
            (Signal::Ringback, Region::UnitedKingdom) => {
                vec![on(&[400, 450], 400), off(200), on(&[400, 450], 400), off(2000)]
            }
            (Signal::Busy, Region::UnitedKingdom) => vec![on(&[400], 375), off(375)],
            (Signal::Congestion, Region::UnitedKingdom) => {
                vec![on(&[400], 400), off(350), on(&[400], 225), off(525)]
            }
            (Signal::Ringback, Region::NorthAmerica) => vec![on(&[440, 480], 2000), off(4000)],
            (Signal::Busy, Region::NorthAmerica) => vec![on(&[480, 620], 500), off(500)],
            (Signal::Congestion, Region::NorthAmerica) => vec![on(&[480, 620], 250), off(250)],
        }
    }
}

static CLIPS: LazyLock<BTreeMap<Tone, Arc<Clip>>> = LazyLock::new(|| {
    let signals = [Signal::Dial, Signal::Ringback, Signal::Busy, Signal::Congestion, Signal::Information, Signal::Beep];
    let regions = [Region::Brazil, Region::Europe, Region::UnitedKingdom, Region::NorthAmerica];
    let tones = signals.into_iter().flat_map(|signal| regions.map(|region| Tone { signal, region }));
    tones.map(|tone| (tone, Arc::new(render(tone)))).collect()
});

/// A stretch of a cadence: frequencies in Hz (none: silence) and milliseconds.
struct Part {
    frequencies: &'static [u32],
    ms: u32,
}

const fn on(frequencies: &'static [u32], ms: u32) -> Part {
    Part { frequencies, ms }
}

const fn off(ms: u32) -> Part {
    Part { frequencies: &[], ms }
}

fn render(tone: Tone) -> Clip {
    let name = format!("{:?}", tone.signal).to_lowercase();
    let cadence = tone.cadence();
    // Without a pause it goes round: a second holds whole periods, so its end joins its beginning.
    let fade = if tone.signal == Signal::Dial { 0 } else { FADE };
    Clip::from_pcm(&name, cadence.iter().flat_map(|part| render_part(part, fade)).collect(), RATE)
}

fn render_part(part: &Part, fade: u32) -> Vec<i16> {
    let count = part.ms * RATE / 1000;
    (0..count).map(|index| sample(part.frequencies, index, count, fade)).collect()
}

/// The tone at one sample, faded in and out over `fade` samples so that it does not click.
fn sample(frequencies: &[u32], index: u32, count: u32, fade: u32) -> i16 {
    let edge = if fade == 0 { 1.0 } else { f64::from(index.min(count - 1 - index).min(fade)) / f64::from(fade) };
    let wave = |frequency: &u32| (f64::from(*frequency) * TAU * f64::from(index) / f64::from(RATE)).sin();
    let sum: f64 = frequencies.iter().map(wave).sum();
    (sum * edge * LOUDNESS / frequencies.len().max(1) as f64) as i16
}

const RATE: u32 = 8_000;

/// 5 ms.
const FADE: u32 = RATE / 200;

/// About -13 dBm0, where exchanges have their tones.
const LOUDNESS: f64 = 7_000.0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::level;

    #[test]
    fn ringback_in_brazil_is_one_second_of_425_hz_and_four_of_silence() {
        let clip = Tone::RINGBACK.clip();
        assert_eq!(clip.duration(), Duration::from_secs(5));
        let samples = clip.samples();
        let crossings = samples[..8_000].windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((424..=426).contains(&crossings), "{crossings}");
        assert!(level::mean(&samples[..8_000]) > 3_000);
        assert_eq!(level::mean(&samples[8_000..]), 0);
    }

    #[test]
    fn every_region_has_every_tone_in_whole_frames() {
        for (tone, clip) in CLIPS.iter() {
            assert!(clip.duration() >= Duration::from_millis(400), "{tone:?}");
            // A period of 425 ms would be cut at its last frame; silence makes up for it within 20 ms.
            assert!(level::mean(&clip.samples()) > 500, "{tone:?}");
        }
        assert_eq!(CLIPS.len(), 24);
    }

    #[test]
    fn a_dial_tone_goes_round_without_a_click() {
        for region in [Region::Brazil, Region::Europe, Region::UnitedKingdom, Region::NorthAmerica] {
            let samples = Tone { signal: Signal::Dial, region }.clip().samples().into_owned();
            let steepest = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
            assert!((samples[0] - samples[samples.len() - 1]).abs() <= steepest, "{region:?}");
        }
    }

    #[test]
    fn the_beep_is_heard_once_and_shared() {
        assert_eq!(Tone::BEEP.clip().duration(), Duration::from_millis(400));
        assert!(Arc::ptr_eq(&Tone::BEEP.clip(), &Tone::BEEP.clip()));
    }
}
