//! Changes the sample rate by a fixed ratio: a windowed-sinc filter cut into phases.
//!
//! 8, 16 and 48 kHz are what calls need while they run; any other rate is for prompts that somebody recorded. One
//! [`Resampler`] for each stream: it remembers the samples that the filter still reaches. Nothing is allocated after `new`.

/// One stream on its way from one rate to another.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// The ratio in lowest terms: `up` samples come out for `down` that go in.
    up: usize,
    down: usize,
    /// Taps of one phase.
    taps: usize,
    /// `up` filters one after another, each `taps` long, newest sample last, in 1/2^14.
    filters: Box<[i16]>,
    /// The last `taps - 1` samples, and room for a piece of input behind them.
    window: Box<[i16]>,
    /// How far the next output lies beyond the window's first full filter, in 1/`up` samples.
    position: usize,
}

impl Resampler {
    pub fn new(from: u32, to: u32) -> Resampler {
        let divisor = gcd(from.max(1), to.max(1));
        let (up, down) = ((to.max(1) / divisor) as usize, (from.max(1) / divisor) as usize);
        let taps = TAPS * down.max(up).div_ceil(up);
        let filters = design(up, down, taps);
        Resampler { up, down, taps, filters, window: vec![0; taps - 1 + PIECE].into(), position: 0 }
    }

    /// The most samples that `count` samples of input can give.
    pub fn room_for(&self, count: usize) -> usize {
        count * self.up / self.down + 1
    }

    /// Converts `input`; returns the samples written. A whole number of frames gives a whole number of frames.
    /// What does not fit into `output` is lost: give it [`Resampler::room_for`] samples.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut written = 0;
        for piece in input.chunks(PIECE) {
            written += self.piece(piece, output.get_mut(written..).unwrap_or_default());
        }
        written
    }

    fn piece(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let history = self.taps - 1;
        self.window[history..history + input.len()].copy_from_slice(input);
        let mut out = output.iter_mut();
        let mut written = 0;
        while self.position < input.len() * self.up {
            let (start, phase) = (self.position / self.up, self.position % self.up);
            let filter = &self.filters[phase * self.taps..][..self.taps];
            if let Some(sample) = out.next() {
                *sample = convolve(filter, &self.window[start..start + self.taps]);
                written += 1;
            }
            self.position += self.down;
        }
        self.position -= input.len() * self.up;
        self.window.copy_within(input.len()..input.len() + history, 0);
        written
    }
}

/// Converts a whole recording; the filter's delay is taken out, so what was in step stays in step.
pub fn convert(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to {
        return samples.to_vec();
    }
    let mut resampler = Resampler::new(from, to);
    let delay = resampler.taps / 2;
    resampler.position = delay * resampler.up;
    let length = samples.len() * resampler.up / resampler.down;
    let mut out = vec![0; resampler.room_for(samples.len()) + resampler.room_for(delay)];
    let written = resampler.process(samples, &mut out);
    resampler.process(&vec![0; delay], &mut out[written..]);
    out.truncate(length);
    out
}

/// Taps of a phase when the rate rises: 0.9 kHz of transition at 8 kHz, 60 dB down beyond.
const TAPS: usize = 32;

/// Input is taken in pieces of 20 ms at 48 kHz.
const PIECE: usize = 960;

/// Where the filter is 6 dB down, as a part of the lower rate's half.
const CUTOFF: f64 = 0.96;

/// Kaiser's window for 60 dB.
const BETA: f64 = 5.65;

const ONE: f64 = 16_384.0;

/// Eight sums side by side: the shape that compilers turn into vector instructions.
fn convolve(filter: &[i16], samples: &[i16]) -> i16 {
    let mut sums = [1 << 13, 0, 0, 0, 0, 0, 0, 0];
    for (coefficients, values) in filter.chunks_exact(8).zip(samples.chunks_exact(8)) {
        for (sum, (coefficient, value)) in sums.iter_mut().zip(coefficients.iter().zip(values)) {
            *sum += i32::from(*coefficient) * i32::from(*value);
        }
    }
    (sums.iter().sum::<i32>() >> 14).clamp(-32_768, 32_767) as i16
}

fn design(up: usize, down: usize, taps: usize) -> Box<[i16]> {
    let length = (up * taps) as f64;
    let cutoff = CUTOFF / up.max(down) as f64;
    let prototype = |index: f64| {
        let offset = index - length / 2.0;
        let edge = 2.0 * offset / length;
        cutoff * sinc(cutoff * offset) * bessel(BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel(BETA)
    };
    let mut filters = Vec::with_capacity(up * taps);
    for phase in 0..up {
        let filter: Vec<f64> = (0..taps).map(|tap| prototype(((taps - 1 - tap) * up + phase) as f64)).collect();
        let sum: f64 = filter.iter().sum();
        filters.extend(filter.iter().map(|value| (value / sum * ONE).round() as i16));
    }
    filters.into()
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
}

/// The modified Bessel function of order zero.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..30 {
        let half = x / (2.0 * f64::from(k));
        term *= half * half;
        sum += term;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frequency: f64, rate: u32, count: usize) -> Vec<i16> {
        let step = frequency * std::f64::consts::TAU / f64::from(rate);
        (0..count).map(|index| ((index as f64 * step).sin() * 10_000.0).round() as i16).collect()
    }

    /// Power of what is left when `expected` is taken away, in dB below it.
    fn distance(samples: &[i16], expected: &[i16]) -> f64 {
        let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
        let signal = power(&mut expected.iter().map(|sample| f64::from(*sample)));
        let rest = power(&mut samples.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        10.0 * (signal / rest).log10()
    }

    #[test]
    fn speech_frequencies_come_out_as_they_went_in() {
        for (from, to) in [
            (8_000, 16_000),
            (8_000, 48_000),
            (16_000, 48_000),
            (48_000, 16_000),
            (48_000, 8_000),
            (16_000, 8_000),
            (44_100, 48_000),
            (22_050, 16_000),
        ] {
            for frequency in [300.0, 1_000.0, 3_000.0] {
                let converted = convert(&tone(frequency, from, from as usize / 2), from, to);
                let expected = tone(frequency, to, to as usize / 2);
                assert_eq!(converted.len(), expected.len(), "{from} to {to}");
                let inner = 1_000..expected.len() - 1_000;
                let distance = distance(&converted[inner.clone()], &expected[inner]);
                assert!(distance > 50.0, "{frequency} Hz from {from} to {to}: {distance:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_taken_out() {
        for (from, to, frequency) in [(48_000, 8_000, 4_600.0), (16_000, 8_000, 5_000.0), (48_000, 16_000, 9_500.0)] {
            let converted = convert(&tone(frequency, from, from as usize / 2), from, to);
            let loudest =
                converted[500..converted.len() - 500].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!(loudest < 20, "{frequency} Hz from {from} to {to} leaves {loudest}");
        }
    }

    #[test]
    fn a_stream_in_frames_is_the_same_as_the_whole() {
        for (from, to, frame) in [(8_000, 48_000, 160), (48_000, 8_000, 960), (16_000, 8_000, 320), (8_000, 16_000, 33)]
        {
            let samples = tone(700.0, from, 9_600);
            let mut whole = vec![0; samples.len() * 6 + 1];
            let length = Resampler::new(from, to).process(&samples, &mut whole);
            let (mut resampler, mut pieces) = (Resampler::new(from, to), Vec::new());
            let mut out = vec![0; resampler.room_for(frame)];
            for piece in samples.chunks(frame) {
                let count = resampler.process(piece, &mut out);
                pieces.extend_from_slice(&out[..count]);
            }
            assert!(pieces == whole[..length], "{from} to {to}");
        }
    }

    #[test]
    fn frames_of_20_ms_stay_frames_of_20_ms() {
        let mut resampler = Resampler::new(48_000, 8_000);
        let mut out = [0; 200];
        for _ in 0..100 {
            assert_eq!(resampler.process(&[0; 960], &mut out), 160);
        }
    }

    #[test]
    fn the_loudest_sound_does_not_overflow() {
        let square: Vec<i16> = (0..4_800).map(|index| if index / 7 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        for (from, to) in [(8_000, 48_000), (48_000, 8_000), (16_000, 48_000)] {
            let out = convert(&square, from, to);
            assert!(out.contains(&i16::MAX) || to < from);
        }
    }
}
