//! Gives what one member of a room says to the mixer, at the mixer's rate.
//!
//! The frames are those of the leg's [`crate::media::playout::Playout`], taken in the same turn of the grid in which the mixer draws them.
//! Nothing is allocated after `new`.

use crate::media::codec::CodecKind;
use crate::media::mixer;
use crate::media::mixer::FRAME;
use crate::media::mixer::Frame;
use crate::media::mixer::SILENCE;
use crate::media::resample::Resampler;

#[derive(Debug)]
pub struct Ear {
    codec: CodecKind,
    /// `None` when the codec samples as the mixer does.
    resampler: Option<Resampler>,
    frame: Frame,
}

impl Ear {
    pub fn new(codec: CodecKind) -> Ear {
        let rate = codec.sample_rate();
        let resampler = (rate != mixer::RATE).then(|| Resampler::new(rate, mixer::RATE));
        Ear { codec, resampler, frame: SILENCE }
    }

    pub fn codec(&self) -> CodecKind {
        self.codec
    }

    /// Takes in 20 ms at the codec's rate.
    pub fn hear(&mut self, samples: &[i16]) {
        let mut room = [0; FRAME + 1];
        match &mut self.resampler {
            Some(resampler) => {
                let count = resampler.process(samples, &mut room).min(FRAME);
                self.frame[..count].copy_from_slice(&room[..count]);
            }
            None => {
                let count = samples.len().min(FRAME);
                self.frame[..count].copy_from_slice(&samples[..count]);
            }
        }
    }

    /// The frame of this turn: silence when nothing was heard.
    pub fn draw(&mut self, frame: &mut Frame) {
        *frame = std::mem::replace(&mut self.frame, SILENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_drawn_once_at_the_mixers_rate() {
        for codec in CodecKind::ALL {
            let (mut ear, mut frame) = (Ear::new(codec), SILENCE);
            for _ in 0..3 {
                ear.hear(&vec![4_000; codec.frame_samples()]);
                ear.draw(&mut frame);
            }
            assert!(frame.iter().all(|sample| (3_900..4_100).contains(sample)), "{codec}");
            ear.draw(&mut frame);
            assert_eq!(frame, SILENCE, "{codec}");
        }
    }

    #[test]
    fn frames_of_any_length_do_no_harm() {
        for codec in CodecKind::ALL {
            let mut ear = Ear::new(codec);
            for length in [0, 1, 2_000] {
                ear.hear(&vec![1; length]);
            }
            assert_eq!(ear.codec(), codec);
        }
    }
}
