//! G.711 µ-law: 14 bits of amplitude in 8, by segments whose steps double.

use crate::media::codec::CodecError;
use crate::media::codecs::pcma;

/// One octet for each sample; returns the octets written.
pub fn encode(samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
    let (needed, room) = (samples.len(), payload.len());
    let out = payload.get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
    for (octet, sample) in out.iter_mut().zip(samples) {
        *octet = compress(*sample);
    }
    Ok(needed)
}

/// One sample for each octet; returns the samples written.
pub fn decode(payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
    let (needed, room) = (payload.len(), samples.len());
    let out = samples.get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
    for (sample, octet) in out.iter_mut().zip(payload) {
        *sample = EXPANDED[usize::from(*octet)];
    }
    Ok(needed)
}

/// Rewrites A-law octets as µ-law ones, in place.
pub fn from_pcma(payload: &mut [u8]) {
    for octet in payload {
        *octet = FROM_PCMA[usize::from(*octet)];
    }
}

/// The octet that plays as nothing.
pub const SILENCE: u8 = compress(0);

/// Added before the segment is looked for, so that every segment begins at a power of two.
const BIAS: i32 = 0x84;

/// Louder samples are cut: beyond this the bias would overflow the highest segment.
const LOUDEST: i32 = 32_635;

/// One sample as its octet (G.711 table 2).
pub const fn compress(sample: i16) -> u8 {
    let (sign, magnitude) = if sample < 0 { (0x80, -(sample as i32)) } else { (0x00, sample as i32) };
    let level = if magnitude > LOUDEST { LOUDEST } else { magnitude } + BIAS;
    let segment = 24 - level.leading_zeros();
    let octet = sign | (segment << 4) as u8 | (level >> (segment + 3) & 0x0f) as u8;
    !octet
}

/// The sample that an octet stands for.
pub const fn expand(octet: u8) -> i16 {
    let octet = !octet;
    let segment = octet >> 4 & 7;
    let magnitude = (((((octet & 0x0f) as i32) << 3) + BIAS) << segment) - BIAS;
    let sample = if octet & 0x80 == 0 { magnitude } else { -magnitude };
    sample as i16
}

static EXPANDED: [i16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = expand(octet as u8);
        octet += 1;
    }
    table
};

static FROM_PCMA: [u8; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = compress(pcma::expand(octet as u8));
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_stands_for_a_sample_that_becomes_it_again() {
        for octet in 0..=255 {
            // Two octets stand for zero; the positive one is chosen.
            let expected = if octet == 0x7f { 0xff } else { octet };
            assert_eq!(compress(expand(octet)), expected);
        }
    }

    #[test]
    fn every_sample_becomes_the_nearest_of_its_segment() {
        for sample in -32_635..=32_635_i16 {
            let error = (i32::from(expand(compress(sample))) - i32::from(sample)).abs();
            assert!(error <= ((i32::from(sample).abs() + BIAS) >> 5).max(4), "{sample}: {error}");
        }
    }

    /// From G.711 table 2a: the loudest values, and zero.
    #[test]
    fn the_corners_are_those_of_the_recommendation() {
        assert_eq!(compress(0), 0xff);
        assert_eq!(compress(i16::MAX), 0x80);
        assert_eq!(compress(i16::MIN), 0x00);
        assert_eq!(expand(0x80), 32_124);
        assert_eq!(expand(0x00), -32_124);
    }

    /// The loudest two segments and the softest of G.711 table 2b, times four.
    #[test]
    fn samples_are_those_of_the_recommendation() {
        let loud = [
            -32_124, -31_100, -30_076, -29_052, -28_028, -27_004, -25_980, -24_956, -23_932, -22_908, -21_884, -20_860,
            -19_836, -18_812, -17_788, -16_764, -15_996, -15_484, -14_972, -14_460, -13_948, -13_436, -12_924, -12_412,
        ];
        let soft = [-120, -112, -104, -96, -88, -80, -72, -64, -56, -48, -40, -32, -24, -16, -8, 0];
        assert!(loud.iter().enumerate().all(|(octet, sample)| expand(octet as u8) == *sample));
        assert!(soft.iter().enumerate().all(|(octet, sample)| expand(0x70 + octet as u8) == *sample));
        assert!((0..128).all(|octet| expand(octet) == -expand(octet | 0x80)));
    }

    #[test]
    fn rewritten_octets_stay_within_a_step() {
        let mut octets: Vec<u8> = (0..=255).collect();
        from_pcma(&mut octets);
        for (before, after) in (0..=255).zip(octets) {
            let (before, after) = (i32::from(pcma::expand(before)), i32::from(expand(after)));
            assert!((before - after).abs() <= (before.abs() >> 4).max(8), "{before} became {after}");
        }
    }
}
