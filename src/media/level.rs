//! How loud a frame is, and for how long nobody has spoken.

use std::time::Duration;

/// Measures silence for a recording that ends when its speaker has.
#[derive(Debug, Clone, Default)]
pub struct Silence {
    activity: Activity,
    silent: Duration,
}

impl Silence {
    /// Takes in samples that last `duration`; returns how long it has been silent by now.
    pub fn on_frame(&mut self, samples: &[i16], duration: Duration) -> Duration {
        self.silent = match self.activity.on_frame(samples) {
            Voice::Silence => self.silent + duration,
            Voice::Speech => Duration::ZERO,
        };
        self.silent
    }

    /// Takes in a stretch in which no packet came.
    pub fn on_nothing(&mut self, duration: Duration) -> Duration {
        self.silent += duration;
        self.silent
    }
}

/// Whether somebody speaks in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    Speech,
    Silence,
}

/// Tells speech from the noise behind it, which it learns: a car is louder than an office.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// Mean magnitude of the noise.
    floor: u32,
}

/// Louder than this is speech, whatever the noise: about -24 dBm0.
const LOUD: u32 = 1_600;

/// Speech stands above the noise by so much: 9 dB.
const ABOVE: u32 = 3;

impl Activity {
    /// Takes in 20 ms.
    pub fn on_frame(&mut self, samples: &[i16]) -> Voice {
        let level = mean(samples);
        let speaks = level >= (self.floor * ABOVE).clamp(SPEECH, LOUD);
        // Down at once, up over seconds: a pause between two words shows the noise, a word is over before it counts.
        self.floor = if level < self.floor {
            level
        } else {
            self.floor + (level - self.floor) / 128 + u32::from(level > self.floor)
        };
        if speaks { Voice::Speech } else { Voice::Silence }
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

    #[test]
    fn a_noise_that_goes_on_is_silence_after_a_while_and_a_voice_above_it_is_not() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut noise = |loudness: i16| (0..160).map(|_| random.i16(-loudness..loudness)).collect::<Vec<i16>>();
        let mut activity = Activity::default();
        for _ in 0..500 {
            activity.on_frame(&noise(700));
        }
        assert_eq!(activity.on_frame(&noise(700)), Voice::Silence, "a fan");
        assert_eq!(activity.on_frame(&noise(6_000)), Voice::Speech);
        assert_eq!(activity.on_frame(&noise(700)), Voice::Silence);
        let mut quiet = Activity::default();
        assert_eq!(quiet.on_frame(&noise(700)), Voice::Speech, "unknown yet, so it may be a voice");
    }
}
