//! How much of a piece of sound lies at one frequency (Goertzel).

use std::f32::consts::TAU;

/// A frequency to look for at one rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goertzel {
    coefficient: f32,
}

impl Goertzel {
    pub(super) fn new(frequency: f32, rate: u32) -> Goertzel {
        Goertzel { coefficient: 2.0 * (TAU * frequency / rate as f32).cos() }
    }

    /// The power at the frequency in the scale of [`energy`]: a pure tone gives all of it.
    pub(super) fn power(self, samples: &[f32]) -> f32 {
        let (mut one, mut two) = (0.0_f32, 0.0_f32);
        for sample in samples {
            (one, two) = (sample + self.coefficient * one - two, one);
        }
        let squared = one * one + two * two - self.coefficient * one * two;
        squared * 2.0 / samples.len().max(1) as f32
    }
}

/// The sum of squares.
pub(super) fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        let tone: Vec<f32> = (0..400).map(|n| (n as f32 * TAU * 1000.0 / 8000.0).sin() * 3000.0).collect();
        let share = |frequency| Goertzel::new(frequency, 8_000).power(&tone) / energy(&tone);
        assert!((0.99..1.01).contains(&share(1000.0)));
        assert!(share(1100.0) < 0.01 && share(500.0) < 0.01);
    }
}
