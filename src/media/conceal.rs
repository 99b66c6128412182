//! Fills the hole that a lost packet leaves in a G.711 or G.722 stream: the voice goes on in its own pitch, and fades.
//!
//! The idea is that of ITU-T G.711 appendix I: repeat the last pitch period, after 10 ms the last two, after 20 ms the last
//! three, so that it does not buzz; fade from 10 ms on and be silent after 60; and when the far side is heard again, slide
//! from what was invented into what was said. Not as appendix I: nothing is delayed by 3.75 ms for the sake of a smooth
//! beginning. Opus conceals by itself.

use crate::media::pitch;
use crate::media::pitch::fade;

/// Remembers what was heard last.
#[derive(Debug, Clone)]
pub struct Concealment {
    /// Samples in 10 ms.
    ten_ms: usize,
    /// The newest sample is the last one. What was invented is not in it.
    heard: Box<[i16; MEMORY]>,
    hole: Option<Hole>,
}

/// The hole that is being filled.
#[derive(Debug, Clone, Copy)]
struct Hole {
    period: usize,
    /// The sample of the memory that is next.
    at: usize,
    /// Samples invented so far.
    filled: usize,
}

/// 50 ms at 16 kHz: three of the longest periods, and a quarter of one before them.
const MEMORY: usize = 800;

/// The longest slide from invented to real sound, in tens of milliseconds.
const LONGEST_SLIDE: usize = 1;

impl Concealment {
    pub(super) fn new(rate: u32) -> Concealment {
        Concealment { ten_ms: (rate / 100) as usize, heard: Box::new([0; MEMORY]), hole: None }
    }

    /// Notes samples that were just decoded; the first of them after a hole are joined to what was invented.
    pub(super) fn heard(&mut self, samples: &mut [i16]) {
        if let Some(mut hole) = self.hole.take() {
            // The longer the hole, the less the two will fit.
            let slide = hole.period / 4 + hole.filled / 5;
            let slide = slide.min(LONGEST_SLIDE * self.ten_ms).min(samples.len());
            for (index, sample) in samples[..slide].iter_mut().enumerate() {
                *sample = fade(self.invent(&mut hole), *sample, index, slide);
            }
        }
        let count = samples.len().min(MEMORY);
        self.heard.copy_within(count.., 0);
        self.heard[MEMORY - count..].copy_from_slice(&samples[samples.len() - count..]);
    }

    /// Goes on with what was heard; silent after 60 ms.
    pub(super) fn conceal(&mut self, frame: &mut [i16]) {
        let mut hole = self.hole.unwrap_or_else(|| self.begin());
        for sample in frame {
            *sample = self.invent(&mut hole);
        }
        self.hole = Some(hole);
    }

    fn begin(&self) -> Hole {
        let period = self.period();
        Hole { period, at: MEMORY - period, filled: 0 }
    }

    /// The distance at which the newest 20 ms resemble earlier ones most: 5 to 15 ms, which holds a period of any voice,
    /// or several.
    fn period(&self) -> usize {
        let window = 2 * self.ten_ms;
        let newest = &self.heard[MEMORY - window..];
        let pair = |lag: usize| (newest, &self.heard[MEMORY - window - lag..][..window]);
        pitch::find(self.ten_ms / 2..=self.ten_ms * 3 / 2, (self.ten_ms / 40).max(1), pair).lag
    }

    fn invent(&self, hole: &mut Hole) -> i16 {
        let periods = (1 + hole.filled / self.ten_ms).min(3);
        let span = hole.period * periods;
        if hole.at >= MEMORY {
            hole.at = MEMORY - span;
        }
        let seam = hole.period / 4;
        let into_seam = hole.at.saturating_sub(MEMORY - seam);
        // The end of the loop slides into what stands before its beginning, so that it can be joined to it.
        let sample = match into_seam {
            0 => self.heard[hole.at],
            _ => fade(self.heard[hole.at], self.heard[hole.at - span], into_seam, seam),
        };
        let gain = self.gain(hole.filled);
        hole.at += 1;
        hole.filled = hole.filled.saturating_add(1);
        ((i32::from(sample) * gain) >> 8) as i16
    }

    /// In 1/256: full for 10 ms, then down to nothing at 60 ms.
    fn gain(&self, filled: usize) -> i32 {
        let (fading, whole) = (filled.saturating_sub(self.ten_ms), 5 * self.ten_ms);
        (256 * whole.saturating_sub(fading) / whole) as i32
    }
}

#[cfg(test)]
pub(in crate::media) mod tests {
    use super::*;
    use crate::media::level;

    /// A voice: pulses of 125 Hz through a formant, a bit of breath.
    pub(in crate::media) fn voice(rate: u32, count: usize) -> Vec<i16> {
        let (mut one, mut two, mut random) = (0.0, 0.0, fastrand::Rng::with_seed(3));
        let angle = std::f64::consts::TAU * 600.0 / f64::from(rate);
        (0..count)
            .map(|index| {
                let pulse = if index.is_multiple_of(rate as usize / 125) { 3_000.0 } else { 0.0 };
                let breath = random.f64() * 40.0 - 20.0;
                let sample = pulse + breath + 2.0 * 0.96 * angle.cos() * one - 0.96 * 0.96 * two;
                (one, two) = (sample, one);
                sample as i16
            })
            .collect()
    }

    /// dB by which the error lies below the signal.
    fn ratio(signal: &[i16], heard: &[i16]) -> f64 {
        let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
        let whole = power(&mut signal.iter().map(|sample| f64::from(*sample)));
        let error = power(&mut signal.iter().zip(heard).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        10.0 * (whole / error.max(1.0)).log10()
    }

    #[test]
    fn one_lost_packet_of_a_steady_voice_is_hardly_missed() {
        for rate in [8_000, 16_000] {
            let frame = rate as usize / 50;
            let voice = voice(rate, frame * 10);
            let mut concealment = Concealment::new(rate);
            let mut heard = Vec::new();
            for (index, chunk) in voice.chunks(frame).enumerate() {
                let mut chunk = chunk.to_vec();
                match index {
                    6 => concealment.conceal(&mut chunk),
                    _ => concealment.heard(&mut chunk),
                }
                heard.extend(chunk);
            }
            let span = 6 * frame..8 * frame;
            let ratio = ratio(&voice[span.clone()], &heard[span]);
            assert!(ratio > 10.0, "{rate}: {ratio:.1} dB");
        }
    }

    #[test]
    fn neither_end_of_a_hole_clicks() {
        let frame = 160;
        let voice = voice(8_000, frame * 12);
        let step = |samples: &[i16]| {
            samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap()
        };
        let loudest_step = step(&voice);
        for lost in 1..4 {
            let mut concealment = Concealment::new(8_000);
            let mut heard = Vec::new();
            for (index, chunk) in voice.chunks(frame).enumerate() {
                let mut chunk = chunk.to_vec();
                match (5..5 + lost).contains(&index) {
                    true => concealment.conceal(&mut chunk),
                    false => concealment.heard(&mut chunk),
                }
                heard.extend(chunk);
            }
            assert!(step(&heard) <= loudest_step * 5 / 4, "{lost}: {} after {loudest_step}", step(&heard));
        }
    }

    #[test]
    fn a_long_hole_ends_in_silence_after_sixty_milliseconds() {
        let mut concealment = Concealment::new(8_000);
        concealment.heard(&mut voice(8_000, 800));
        let mut hole = [0; 800];
        concealment.conceal(&mut hole);
        assert!(level::mean(&hole[..80]) > 3 * level::mean(&hole[320..400]));
        assert!(level::mean(&hole[400..470]) > 0);
        assert!(hole[481..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn before_anything_was_heard_there_is_nothing_to_go_on_with() {
        let mut hole = [1; 320];
        Concealment::new(16_000).conceal(&mut hole);
        assert_eq!(hole, [0; 320]);
    }
}
