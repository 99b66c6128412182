//! Takes in what one member of a room says and gives it to the mixer in its frames.
//!
//! Packets come when they like and in any length and codec; the mixer asks every 20 ms. In between lies a short line of
//! samples that is filled before it is first drawn from, so that a packet that is a little late is not missed. Nothing
//! is allocated after `new`.

use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::mixer;
use crate::media::mixer::FRAME;
use crate::media::mixer::Frame;
use crate::media::mixer::SILENCE;
use crate::media::resample::Resampler;
use crate::media::transcode::MAX_CONCEALED;

#[derive(Debug)]
pub struct Ear {
    decoder: Decoder,
    /// `None` when the codec samples as the mixer does.
    resampler: Option<Resampler>,
    /// The first `filled` samples wait to be drawn.
    line: Box<[i16; LINE]>,
    filled: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is drawn until enough is there.
    Filling,
    Flowing,
}

/// What is gathered before the first frame is drawn: 40 ms.
const ENOUGH: usize = 2 * FRAME;

/// More than this is delay that nobody gets back: 200 ms.
const TOO_MUCH: usize = 10 * FRAME;

/// Room for one more packet of 120 ms, which every codec of ours keeps to, beyond what is too much.
const LINE: usize = TOO_MUCH + 6 * FRAME + 1;

impl Ear {
    pub fn new(codec: CodecKind) -> Ear {
        let rate = codec.sample_rate();
        Ear {
            decoder: Decoder::new(codec),
            resampler: (rate != mixer::RATE).then(|| Resampler::new(rate, mixer::RATE)),
            line: Box::new([0; LINE]),
            filled: 0,
            state: State::Filling,
        }
    }

    pub fn codec(&self) -> CodecKind {
        self.decoder.kind()
    }

    /// Takes in the payload of a packet before which `missing` others were lost. `scratch` holds the longest packet
    /// ([`crate::media::codec::MAX_SAMPLES`]); what cannot be decoded leaves no sound.
    pub fn on_packet(&mut self, payload: &[u8], missing: u16, scratch: &mut [i16]) {
        for _ in 0..missing.min(MAX_CONCEALED) {
            let count = self.decoder.conceal(scratch).unwrap_or(0);
            self.keep(&scratch[..count]);
        }
        let count = self.decoder.decode(payload, scratch).unwrap_or(0);
        self.keep(&scratch[..count]);
    }

    /// The next frame: silence when nothing is there.
    pub fn draw(&mut self, frame: &mut Frame) {
        let needed = if self.state == State::Filling { ENOUGH } else { FRAME };
        if self.filled < needed {
            self.state = State::Filling;
            *frame = SILENCE;
            return;
        }
        self.state = State::Flowing;
        frame.copy_from_slice(&self.line[..FRAME]);
        self.forget(FRAME);
    }

    fn keep(&mut self, decoded: &[i16]) {
        let room = &mut self.line[self.filled..];
        let written = match &mut self.resampler {
            Some(resampler) => resampler.process(decoded, room),
            None => {
                let count = decoded.len().min(room.len());
                room[..count].copy_from_slice(&decoded[..count]);
                count
            }
        };
        self.filled += written;
        if self.filled > TOO_MUCH {
            self.forget(self.filled - ENOUGH);
        }
    }

    fn forget(&mut self, count: usize) {
        self.line.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::codec::MAX_SAMPLES;
    use crate::media::codecs::pcma;

    /// 20 ms of A-law with samples of about this value.
    fn packet(value: i16) -> [u8; 160] {
        [pcma::compress(value); 160]
    }

    fn loudness(frame: &Frame) -> i16 {
        frame[FRAME - 1]
    }

    #[test]
    fn a_packet_that_is_late_by_half_its_length_is_not_missed() {
        let (mut ear, mut frame, mut scratch) = (Ear::new(CodecKind::Pcma), SILENCE, [0; MAX_SAMPLES]);
        ear.on_packet(&packet(4_000), 0, &mut scratch);
        ear.draw(&mut frame);
        assert_eq!(frame, SILENCE, "one packet is no cushion");
        ear.on_packet(&packet(4_000), 0, &mut scratch);
        for _ in 0..5 {
            ear.draw(&mut frame);
            assert!(loudness(&frame) > 3_500);
            ear.draw(&mut frame);
            assert!(loudness(&frame) > 3_500);
            (0..2).for_each(|_| ear.on_packet(&packet(4_000), 0, &mut scratch));
        }
    }

    #[test]
    fn a_burst_is_cut_to_what_is_new_and_a_pause_is_silence() {
        let (mut ear, mut frame, mut scratch) = (Ear::new(CodecKind::Pcma), SILENCE, [0; MAX_SAMPLES]);
        (0..300).for_each(|_| ear.on_packet(&packet(4_000), 0, &mut scratch));
        let drawn = (0..100).take_while(|_| {
            ear.draw(&mut frame);
            frame != SILENCE
        });
        assert!((2..=10).contains(&drawn.count()));
        ear.draw(&mut frame);
        assert_eq!(frame, SILENCE);
    }

    #[test]
    fn every_codec_and_any_garbage_keeps_to_the_line() {
        let mut scratch = [0; MAX_SAMPLES];
        for codec in CodecKind::ALL {
            let (mut ear, mut frame) = (Ear::new(codec), SILENCE);
            for length in [0, 1, 3, 160, 333, 1_400, 1_400, 1_400, 2_000] {
                ear.on_packet(&vec![0x5a; length], 9, &mut scratch);
                ear.draw(&mut frame);
            }
            assert!(ear.filled <= TOO_MUCH, "{codec}");
        }
    }
}
