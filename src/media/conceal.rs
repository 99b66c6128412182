//! Fills the hole that a lost packet leaves in a G.711 or G.722 stream: the last pitch period goes on, and fades.
//!
//! Not as ITU-T G.711 appendix I: the same idea with a coarser search and without overlap at the end of the hole.
//! Opus conceals by itself.

use crate::media::codec::CodecError;

/// Remembers what was heard last.
#[derive(Debug, Clone)]
pub struct Concealment {
    /// The newest sample is the last one.
    heard: [i16; MEMORY],
    /// Frames invented since something was heard.
    invented: u32,
}

impl Default for Concealment {
    fn default() -> Concealment {
        Concealment { heard: [0; MEMORY], invented: 0 }
    }
}

impl Concealment {
    /// Notes the first `count` of `samples`, which were just decoded, and hands `count` on.
    pub(super) fn heard(&mut self, count: usize, samples: &[i16]) -> Result<usize, CodecError> {
        self.invented = 0;
        self.remember(&samples[..count]);
        Ok(count)
    }

    /// Goes on with the last pitch period; silent after three frames.
    pub(super) fn conceal(&mut self, frame: &mut [i16]) {
        let lag = self.pitch(frame.len());
        let gain = FADE.get(self.invented as usize).copied().unwrap_or(0);
        self.invented = self.invented.saturating_add(1);
        for i in 0..frame.len() {
            frame[i] = if i < lag { self.heard[MEMORY - lag + i] } else { frame[i - lag] };
        }
        self.remember(frame);
        for sample in frame {
            *sample = ((i32::from(*sample) * gain) >> 8) as i16;
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        let count = samples.len().min(MEMORY);
        self.heard.copy_within(count.., 0);
        self.heard[MEMORY - count..].copy_from_slice(&samples[samples.len() - count..]);
    }

    /// The distance at which the newest samples resemble earlier ones most: 2.5 to 15 ms. `frame` is 20 ms long.
    fn pitch(&self, frame: usize) -> usize {
        let (shortest, longest) = (frame / 8, (frame * 3 / 4).min(MEMORY / 2));
        let newest = &self.heard[MEMORY - longest / 2..];
        let likeness = |lag: usize| {
            let start = MEMORY - longest / 2 - lag;
            let earlier = &self.heard[start..start + newest.len()];
            let product: i64 = newest.iter().zip(earlier).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
            let energy: i64 = earlier.iter().map(|b| i64::from(*b) * i64::from(*b)).sum();
            product as f64 / ((energy + 1) as f64).sqrt()
        };
        (shortest..=longest).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap_or(longest)
    }
}

/// 40 ms at 16 kHz.
const MEMORY: usize = 640;

/// Gain of the frames of a hole, in 1/256.
const FADE: [i32; 3] = [230, 150, 60];
