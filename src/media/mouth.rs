//! Turns frames of the mixer into the payloads of one codec.
//!
//! One for each listener who hears a mix of his own, one for all who hear the same in the same codec. Nothing is
//! allocated after `new`.

use crate::media::codec::CodecKind;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::fmtp::OpusTerms;
use crate::media::mixer;
use crate::media::mixer::Frame;
use crate::media::resample::Resampler;

#[derive(Debug)]
pub struct Mouth {
    encoder: Encoder,
    /// `None` when the codec samples as the mixer does.
    resampler: Option<Resampler>,
    payload: [u8; MAX_PAYLOAD],
    length: usize,
}

/// A frame of the highest rate, 48 kHz, and what a resampler may ask for beyond it.
const ROOM: usize = 961;

impl Mouth {
    pub fn new(codec: CodecKind) -> Mouth {
        let rate = codec.sample_rate();
        Mouth {
            encoder: Encoder::new(codec),
            resampler: (rate != mixer::RATE).then(|| Resampler::new(mixer::RATE, rate)),
            payload: [0; MAX_PAYLOAD],
            length: 0,
        }
    }

    pub fn codec(&self) -> CodecKind {
        self.encoder.kind()
    }

    /// What the far side asks of what it gets.
    pub fn set_terms(&mut self, terms: OpusTerms) {
        self.encoder.set_terms(terms);
    }

    /// So many of a hundred packets do not reach the far side.
    pub fn expect_loss(&mut self, percent: u8) {
        self.encoder.expect_loss(percent);
    }

    /// Encodes one frame; it stays until the next.
    pub fn say(&mut self, frame: &Frame) {
        let mut room = [0; ROOM];
        let encoded = match &mut self.resampler {
            Some(resampler) => {
                let count = resampler.process(frame, &mut room);
                self.encoder.encode(&room[..count], &mut self.payload)
            }
            None => self.encoder.encode(frame, &mut self.payload),
        };
        // A frame of 20 ms is what every encoder takes.
        self.length = encoded.unwrap_or(0);
    }

    /// What was said last: one packet of 20 ms.
    pub fn payload(&self) -> &[u8] {
        &self.payload[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::codec::Decoder;
    use crate::media::codec::MAX_SAMPLES;
    use crate::media::ear::Ear;
    use crate::media::level;
    use crate::media::mixer::FRAME;
    use crate::media::mixer::SILENCE;

    #[test]
    fn what_a_mouth_says_an_ear_hears_in_every_codec() {
        for codec in CodecKind::ALL {
            let (mut mouth, mut decoder, mut scratch) = (Mouth::new(codec), Decoder::new(codec), [0; MAX_SAMPLES]);
            let mut ear = Ear::new(codec);
            let mut loudness = 0;
            for number in 0..50 {
                let frame: Frame = std::array::from_fn(|n| (((number * FRAME + n) as f64 * 0.15).sin() * 9e3) as i16);
                mouth.say(&frame);
                let count = decoder.decode(mouth.payload(), &mut scratch).unwrap();
                ear.hear(&scratch[..count]);
                let mut heard = SILENCE;
                ear.draw(&mut heard);
                loudness = level::mean(&heard);
            }
            assert!((4_800..6_500).contains(&loudness), "{codec}: {loudness}");
        }
    }
}
