//! How loud a frame is, and for how long nobody has spoken.

use std::time::Duration;

/// Measures silence for a recording that ends when its speaker has.
#[derive(Debug, Clone, Default)]
pub struct Silence {
    silent: Duration,
}

impl Silence {
    /// Takes in samples that last `duration`; returns how long it has been silent by now.
    pub fn on_frame(&mut self, samples: &[i16], duration: Duration) -> Duration {
        self.silent = if mean(samples) < SPEECH { self.silent + duration } else { Duration::ZERO };
        self.silent
    }

    /// Takes in a stretch in which no packet came.
    pub fn on_nothing(&mut self, duration: Duration) -> Duration {
        self.silent += duration;
        self.silent
    }
}

/// The mean magnitude of the samples.
pub fn mean(samples: &[i16]) -> u32 {
    let sum: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs())).sum();
    u32::try_from(sum / samples.len().max(1) as u64).unwrap_or(u32::MAX)
}

/// About -42 dBm0: above a quiet office on a mobile phone, below a soft voice.
const SPEECH: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[test]
    fn silence_lasts_until_somebody_speaks() {
        let mut silence = Silence::default();
        assert_eq!(silence.on_frame(&[40, -30, 20], FRAME), FRAME);
        assert_eq!(silence.on_nothing(FRAME), FRAME * 2);
        assert_eq!(silence.on_frame(&[4_000, -3_000, 2_000], FRAME), Duration::ZERO);
        assert_eq!(silence.on_frame(&[], FRAME), FRAME);
    }
}
