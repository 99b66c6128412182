//! ITU-T G.722 at 64 kbit/s: two halves of the band, each by adaptive differences, six bits for the lower, two for the upper.
//!
//! Block and variable names are those of the recommendation (§3, §6). All arithmetic is on integers with the
//! recommendation's saturation, so two implementations agree bit for bit.

use crate::media::codec::CodecError;
use crate::media::codec::CodecKind;

/// 16 kHz samples into octets, two samples to an octet.
#[derive(Debug, Clone)]
pub struct Encoder {
    history: [i32; 24],
    lower: Band,
    upper: Band,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { history: [0; 24], lower: Band::with_scale(32), upper: Band::with_scale(8) }
    }
}

impl Encoder {
    /// Takes an even number of samples; returns the octets written.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        if !samples.len().is_multiple_of(2) {
            return Err(CodecError::Frame { codec: CodecKind::G722, samples: samples.len() });
        }
        let (needed, room) = (samples.len() / 2, payload.len());
        let out = payload.get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
        for (octet, pair) in out.iter_mut().zip(samples.chunks_exact(2)) {
            let (low, high) = split(&mut self.history, i32::from(pair[0]), i32::from(pair[1]));
            *octet = self.upper.encode_upper(high) << 6 | self.lower.encode_lower(low);
        }
        Ok(needed)
    }
}

/// Octets into 16 kHz samples.
#[derive(Debug, Clone)]
pub struct Decoder {
    history: [i32; 24],
    lower: Band,
    upper: Band,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { history: [0; 24], lower: Band::with_scale(32), upper: Band::with_scale(8) }
    }
}

impl Decoder {
    /// Returns the samples written: two for each octet.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        let (needed, room) = (payload.len() * 2, samples.len());
        let out = samples.get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
        for (pair, octet) in out.chunks_exact_mut(2).zip(payload) {
            let low = self.lower.decode_lower(usize::from(octet & 0x3f));
            let high = self.upper.decode_upper(usize::from(octet >> 6));
            (pair[0], pair[1]) = join(&mut self.history, low, high);
        }
        Ok(needed)
    }
}

/// The transmit QMF (§5.2.1): two samples of the whole band into one of each half.
fn split(history: &mut [i32; 24], first: i32, second: i32) -> (i32, i32) {
    history.copy_within(2.., 0);
    (history[22], history[23]) = (first, second);
    let (mut even, mut odd) = (0, 0);
    for (i, pair) in history.chunks_exact(2).enumerate() {
        odd += pair[0] * QMF[i];
        even += pair[1] * QMF[11 - i];
    }
    ((even + odd) >> 14, (even - odd) >> 14)
}

/// The receive QMF (§5.2.2).
fn join(history: &mut [i32; 24], low: i32, high: i32) -> (i16, i16) {
    history.copy_within(2.., 0);
    (history[22], history[23]) = (low + high, low - high);
    let (mut first, mut second) = (0, 0);
    for (i, pair) in history.chunks_exact(2).enumerate() {
        first += pair[1] * QMF[11 - i];
        second += pair[0] * QMF[i];
    }
    (narrow(first >> 11), narrow(second >> 11))
}

/// One half of the band: the adaptive quantiser's scale and the adaptive predictor.
#[derive(Debug, Clone)]
struct Band {
    /// NABLA: the logarithm of the scale, and DETL/DETH, the scale itself.
    nb: i32,
    det: i32,
    /// The predicted signal: both sections, and the zero section alone.
    s: i32,
    sz: i32,
    /// The last two reconstructed signals (RLT) and partial ones (PLT).
    r: [i32; 2],
    p: [i32; 2],
    /// Pole and zero coefficients, and the last six differences.
    a: [i32; 2],
    b: [i32; 6],
    d: [i32; 6],
}

impl Band {
    fn with_scale(det: i32) -> Band {
        Band { nb: 0, det, s: 0, sz: 0, r: [0; 2], p: [0; 2], a: [0; 2], b: [0; 6], d: [0; 6] }
    }

    /// QUANTL, then the adaptation that the decoder will make as well.
    fn encode_lower(&mut self, sample: i32) -> u8 {
        let el = saturate(sample - self.s);
        let magnitude = if el < 0 { -(el + 1) } else { el };
        let level = 1 + Q6[1..].iter().take_while(|level| magnitude >= (**level * self.det) >> 12).count();
        let code = if el < 0 { NEGATIVE[level] } else { POSITIVE[level] };
        self.adapt_lower(usize::from(code));
        code
    }

    /// INVQBL by all six bits for what is heard; the adaptation uses the upper four only.
    fn decode_lower(&mut self, code: usize) -> i32 {
        let heard = (self.s + ((self.det * QM6[code]) >> 15)).clamp(-16_384, 16_383);
        self.adapt_lower(code);
        heard
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor.
    fn adapt_lower(&mut self, code: usize) {
        let index = code >> 2;
        let difference = (self.det * QM4[index]) >> 15;
        self.nb = (((self.nb * 127) >> 7) + WL[index]).clamp(0, 18_432);
        self.det = scale(self.nb, 8);
        self.predict(difference);
    }

    /// QUANTH, then the adaptation.
    fn encode_upper(&mut self, sample: i32) -> u8 {
        let eh = saturate(sample - self.s);
        let magnitude = if eh < 0 { -(eh + 1) } else { eh };
        let outer = magnitude >= (564 * self.det) >> 12;
        let code = match (eh < 0, outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.adapt_upper(usize::from(code));
        code
    }

    fn decode_upper(&mut self, code: usize) -> i32 {
        let heard = (self.s + ((self.det * QM2[code]) >> 15)).clamp(-16_384, 16_383);
        self.adapt_upper(code);
        heard
    }

    /// INVQAH, LOGSCH, SCALEH and the predictor.
    fn adapt_upper(&mut self, code: usize) {
        let difference = (self.det * QM2[code]) >> 15;
        self.nb = (((self.nb * 127) >> 7) + WH[code]).clamp(0, 22_528);
        self.det = scale(self.nb, 10);
        self.predict(difference);
    }

    /// Block 4 (§6.2.1.4): PARREC, RECONS, UPPOL2, UPPOL1, UPZERO, FILTEP, FILTEZ, PREDIC.
    fn predict(&mut self, d: i32) {
        let r = saturate(self.s + d);
        let p = saturate(self.sz + d);
        self.adapt_poles(p);
        self.adapt_zeros(d);
        self.p = [p, self.p[0]];
        self.r = [r, self.r[0]];
        self.d.copy_within(..5, 1);
        self.d[0] = d;
        let poles = saturate(self.r.iter().zip(self.a).map(|(r, a)| (a * saturate(r + r)) >> 15).sum());
        self.sz = saturate(self.d.iter().zip(self.b).map(|(d, b)| (b * saturate(d + d)) >> 15).sum());
        self.s = saturate(poles + self.sz);
    }

    fn adapt_poles(&mut self, p: i32) {
        let [a1, a2] = self.a;
        let like_last = (p < 0) == (self.p[0] < 0);
        let like_before = (p < 0) == (self.p[1] < 0);
        let steep = saturate(a1 << 2);
        let turn = if like_last { (-steep).min(32_767) } else { steep };
        let a2 = (turn >> 7) + if like_before { 128 } else { -128 } + ((a2 * 32_512) >> 15);
        let a2 = a2.clamp(-12_288, 12_288);
        let limit = saturate(15_360 - a2);
        let a1 = saturate(if like_last { 192 } else { -192 } + ((a1 * 32_640) >> 15));
        self.a = [a1.clamp(-limit, limit), a2];
    }

    fn adapt_zeros(&mut self, d: i32) {
        let gain = if d == 0 { 0 } else { 128 };
        for (b, past) in self.b.iter_mut().zip(self.d) {
            let turn = if (d < 0) == (past < 0) { gain } else { -gain };
            *b = saturate(turn + ((*b * 32_640) >> 15));
        }
    }
}

/// SCALEL and SCALEH: the scale from its logarithm.
fn scale(nb: i32, shift: i32) -> i32 {
    let mantissa = ILB[(nb >> 6 & 31) as usize];
    let shift = shift - (nb >> 11);
    let scale = if shift < 0 { mantissa << -shift } else { mantissa >> shift };
    scale << 2
}

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

fn narrow(value: i32) -> i16 {
    saturate(value) as i16
}

/// Table 11: half of the symmetric filter, every second tap.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Table 14: decision levels of the lower band's quantiser.
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Table 17: codes of negative differences by level.
const NEGATIVE: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
];

/// Table 17: codes of positive differences by level.
const POSITIVE: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34,
    33, 32,
];

/// Tables 15 and 16: how the scale's logarithm moves, by the upper four bits of the code (WL and RL42 in one).
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// Tables 21 and 22, likewise for the upper band (WH and RH2 in one).
const WH: [i32; 4] = [798, -214, 798, -214];

/// Table 18: the inverse logarithm.
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Table 15: differences by the upper four bits of a lower code.
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];

/// Table 21: differences by an upper code.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// Table 19: differences by all six bits of a lower code.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

#[cfg(test)]
mod tests {
    use ezk_g722::libg722;

    use super::*;

    /// Noise of changing loudness with a swept tone: wakes every level of both quantisers.
    fn sound(seed: u64) -> Vec<i16> {
        let mut random = fastrand::Rng::with_seed(seed);
        let sample = |index: u32| {
            let loudness = [30, 300, 3_000, 16_000][(index / 800 % 4) as usize];
            let time = f64::from(index) / 16_000.0;
            let tone = (time * time * 9_000.0).sin() * f64::from(loudness);
            tone as i16 + random.i16(-loudness..=loudness)
        };
        (0..16_000).map(sample).collect()
    }

    /// The other implementation begins with a scale of 0 in both bands, not with the recommendation's 32 and 8;
    /// from there on both must agree.
    fn without_scale() -> (Encoder, Decoder) {
        let (lower, upper) = (Band::with_scale(0), Band::with_scale(0));
        let encoder = Encoder { history: [0; 24], lower: lower.clone(), upper: upper.clone() };
        (encoder, Decoder { history: [0; 24], lower, upper })
    }

    #[test]
    fn encodes_bit_by_bit_as_another_implementation_does() {
        for seed in 0..5 {
            let samples = sound(seed);
            let mut theirs = libg722::encoder::Encoder::new(libg722::Bitrate::Mode1_64000, false, false);
            let (mut ours, mut payload) = (without_scale().0, vec![0; samples.len() / 2]);
            for (samples, payload) in samples.chunks(320).zip(payload.chunks_mut(160)) {
                assert_eq!(ours.encode(samples, payload), Ok(160));
            }
            assert!(payload == theirs.encode(&samples), "seed {seed}");
        }
    }

    #[test]
    fn decodes_bit_by_bit_as_another_implementation_does() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = (0..8_000).map(|_| random.u8(..)).collect();
        let mut speech = vec![0; 8_000];
        Encoder::default().encode(&sound(3), &mut speech).unwrap();
        for payload in [noise, speech] {
            let mut theirs = libg722::decoder::Decoder::new(libg722::Bitrate::Mode1_64000, false, false);
            let mut samples = vec![0; payload.len() * 2];
            without_scale().1.decode(&payload, &mut samples).unwrap();
            assert!(samples == theirs.decode(&payload));
        }
    }

    #[test]
    fn odd_frames_and_short_buffers_are_refused() {
        let mut encoder = Encoder::default();
        assert_eq!(encoder.encode(&[0; 3], &mut [0; 8]), Err(CodecError::Frame { codec: CodecKind::G722, samples: 3 }));
        assert_eq!(encoder.encode(&[0; 320], &mut [0; 8]), Err(CodecError::Room { needed: 160, room: 8 }));
        assert_eq!(Decoder::default().decode(&[0; 160], &mut [0; 8]), Err(CodecError::Room { needed: 320, room: 8 }));
    }
}
