//! Comfort noise (RFC 3389): how silence sounds on the far side while it sends nothing.

/// Makes noise of the loudness and colour that the far side has described.
#[derive(Debug, Clone)]
pub struct ComfortNoise {
    seed: u32,
    /// Root mean square of the samples; it moves to `target` over some frames, so that nobody hears a step.
    level: f32,
    target: f32,
    order: usize,
    reflections: [f32; MAX_ORDER],
    state: [f32; MAX_ORDER + 1],
    /// The noise that is put into the filter, for an output of loudness 1.
    gain: f32,
}

/// RFC 3389 §3.2: more coefficients may come; eight are plenty for noise.
const MAX_ORDER: usize = 8;

/// Softer than this nobody hears it, and it may be left out.
const SILENT: f32 = 1.0;

impl Default for ComfortNoise {
    fn default() -> ComfortNoise {
        ComfortNoise {
            seed: 0x2545_f491,
            level: 0.0,
            target: 0.0,
            order: 0,
            reflections: [0.0; MAX_ORDER],
            state: [0.0; MAX_ORDER + 1],
            gain: 1.0,
        }
    }
}

impl ComfortNoise {
    /// Takes in a payload: the level in -dBov, then reflection coefficients (RFC 3389 §3). An empty one says nothing.
    pub fn on_packet(&mut self, payload: &[u8]) {
        let Some((level, reflections)) = payload.split_first() else {
            return;
        };
        let below_overload = f32::from(level & 0x7f);
        // 0 dBov is the loudest square wave.
        self.target = 32_767.0 * 10_f32.powf(-below_overload / 20.0);
        self.order = reflections.len().min(MAX_ORDER);
        let mut power = 1.0;
        for (coefficient, octet) in self.reflections.iter_mut().zip(reflections) {
            *coefficient = ((f32::from(*octet) - 127.0) / 128.0).clamp(-0.98, 0.98);
            power *= 1.0 - *coefficient * *coefficient;
        }
        self.gain = power.sqrt();
    }

    /// Forgets what the far side said: it speaks again, or is another.
    pub fn stop(&mut self) {
        *self = ComfortNoise { seed: self.seed, ..ComfortNoise::default() };
    }

    /// Whether the far side has said how its silence sounds.
    pub fn is_on(&self) -> bool {
        self.target > SILENT
    }

    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            self.level += (self.target - self.level) / 256.0;
            let white = self.white() * self.level * self.gain;
            *sample = self.shape(white).clamp(-32_768.0, 32_767.0) as i16;
        }
    }

    /// Uniform, of root mean square 1 (xorshift).
    fn white(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        (self.seed.cast_signed() as f32 / 2_147_483_648.0) * 3_f32.sqrt()
    }

    /// The all-pole lattice of the reflection coefficients.
    fn shape(&mut self, white: f32) -> f32 {
        let mut forward = white;
        for stage in (0..self.order).rev() {
            forward -= self.reflections[stage] * self.state[stage];
            self.state[stage + 1] = self.state[stage] + self.reflections[stage] * forward;
        }
        self.state[0] = forward;
        forward
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rms(samples: &[i16]) -> f32 {
        let power: f32 = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        (power / samples.len() as f32).sqrt()
    }

    #[test]
    fn it_is_as_loud_as_was_said_whatever_its_colour() {
        for payload in [&[50][..], &[50, 40], &[50, 200, 90, 130]] {
            let (mut noise, mut samples) = (ComfortNoise::default(), [0; 16_000]);
            noise.on_packet(payload);
            assert!(noise.is_on());
            noise.fill(&mut samples);
            let level = 20.0 * (rms(&samples[4_000..]) / 32_767.0).log10();
            assert!((-51.5..-48.5).contains(&level), "{payload:?}: {level:.1} dBov");
        }
    }

    #[test]
    fn coefficients_give_it_a_colour() {
        let (mut noise, mut samples) = (ComfortNoise::default(), [0; 8_000]);
        // A first coefficient below zero: neighbours are alike, a deep hum.
        noise.on_packet(&[30, 20]);
        noise.fill(&mut samples);
        let alike: i64 = samples[4_000..].windows(2).map(|pair| i64::from(pair[0]) * i64::from(pair[1])).sum();
        let power: i64 = samples[4_000..].iter().map(|sample| i64::from(*sample).pow(2)).sum();
        assert!(alike > power / 2, "{alike} of {power}");
    }

    #[test]
    fn silence_described_as_silence_is_none_of_its_business() {
        let mut noise = ComfortNoise::default();
        noise.on_packet(&[]);
        noise.on_packet(&[127]);
        assert!(!noise.is_on());
        noise.on_packet(&[40]);
        noise.stop();
        assert!(!noise.is_on());
    }
}
