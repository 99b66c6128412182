//! G.711 A-law: 13 bits of amplitude in 8, by segments whose steps double.

use crate::media::codec::CodecError;
use crate::media::codecs::pcmu;

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

/// Rewrites µ-law octets as A-law ones, in place.
pub fn from_pcmu(payload: &mut [u8]) {
    for octet in payload {
        *octet = FROM_PCMU[usize::from(*octet)];
    }
}

/// The octet that plays as nothing.
pub const SILENCE: u8 = compress(0);

/// One sample as its octet (G.711 table 1).
pub const fn compress(sample: i16) -> u8 {
    // Ones' complement: the negative half mirrors the positive one without a second zero.
    let (sign, magnitude) = if sample < 0 { (0x00, !sample) } else { (0x80, sample) };
    let level = magnitude as u16 >> 4;
    let top = 15 - (level | 1).leading_zeros();
    let (segment, step) = if top < 5 { (top >> 2 << 2 >> 2, 0) } else { (top - 3, top - 4) };
    let octet = sign | (segment << 4) as u8 | (level >> step & 0x0f) as u8;
    octet ^ 0x55
}

/// The sample that an octet stands for.
pub const fn expand(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let segment = octet >> 4 & 7;
    let step = (octet & 0x0f) as i16;
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if octet & 0x80 == 0 { -magnitude } else { magnitude }
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

static FROM_PCMU: [u8; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = compress(pcmu::expand(octet as u8));
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
            assert_eq!(compress(expand(octet)), octet);
        }
    }

    #[test]
    fn every_sample_becomes_the_nearest_of_its_segment() {
        for sample in i16::MIN..=i16::MAX {
            let error = (i32::from(expand(compress(sample))) - i32::from(sample)).abs();
            let allowed = (i32::from(sample).abs() >> 5).max(8);
            assert!(error <= allowed.max(8) + i32::from(sample == i16::MIN) * 512, "{sample}: {error}");
        }
    }

    /// From G.711 table 1a: the first and last decision values, and zero.
    #[test]
    fn the_corners_are_those_of_the_recommendation() {
        assert_eq!(compress(0), 0xd5);
        assert_eq!(compress(-1), 0x55);
        assert_eq!(compress(i16::MAX), 0xaa);
        assert_eq!(compress(i16::MIN), 0x2a);
        assert_eq!(expand(0xaa), 32_256);
        assert_eq!(expand(0xd5), 8);
    }

    #[test]
    fn rewritten_octets_stay_within_a_step() {
        let mut octets: Vec<u8> = (0..=255).collect();
        from_pcmu(&mut octets);
        for (before, after) in (0..=255).zip(octets) {
            let (before, after) = (i32::from(pcmu::expand(before)), i32::from(expand(after)));
            assert!((before - after).abs() <= (before.abs() >> 4).max(8), "{before} became {after}");
        }
    }

    /// The first 32 values of G.711 table 1b, times eight, with the even bits inverted as they are sent.
    #[test]
    fn samples_are_those_of_the_recommendation() {
        let expected = [
            -5_504, -5_248, -6_016, -5_760, -4_480, -4_224, -4_992, -4_736, -7_552, -7_296, -8_064, -7_808, -6_528,
            -6_272, -7_040, -6_784, -2_752, -2_624, -3_008, -2_880, -2_240, -2_112, -2_496, -2_368, -3_776, -3_648,
            -4_032, -3_904, -3_264, -3_136, -3_520, -3_392,
        ];
        assert!(expected.iter().enumerate().all(|(octet, sample)| expand(octet as u8) == *sample));
        assert!((0..128).all(|octet| expand(octet) == -expand(octet | 0x80)));
    }
}
