//! A leg's place in a room: the way of its voice into the mix, and of the mix to its far side.

use crate::media::codec::CodecKind;
use crate::media::command::RoomId;
use crate::media::ear::Ear;
use crate::media::fmtp::OpusTerms;
use crate::media::mixer::Frame;
use crate::media::mixer::SILENCE;
use crate::media::mouth::Mouth;

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) room: RoomId,
    /// `None` until the codec is known.
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    ear: Ear,
    mouth: Mouth,
    /// Turns for which the far side keeps the encoder of its own.
    own_for: u8,
}

/// Whose encoding a far side hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// One that is made for all who are silent.
    Shared,
    Own,
}

/// Going from one encoder to another can be heard in codecs that remember, so who has spoken keeps his own through the
/// pauses of his speech: 1 s.
const KEEP_OWN: u8 = 50;

impl Seat {
    pub(super) fn new(room: RoomId, codec: Option<CodecKind>) -> Seat {
        let mut seat = Seat { room, line: None };
        if let Some(codec) = codec {
            seat.tune(codec);
        }
        seat
    }

    /// Says what was negotiated; again after a re-INVITE.
    pub(super) fn tune(&mut self, codec: CodecKind) {
        if self.line.as_ref().is_none_or(|line| line.ear.codec() != codec) {
            self.line = Some(Line { ear: Ear::new(codec), mouth: Mouth::new(codec), own_for: 0 });
        }
    }

    /// What the far side asks of a mix for it alone.
    pub(super) fn set_terms(&mut self, terms: OpusTerms) {
        if let Some(line) = &mut self.line {
            line.mouth.set_terms(terms);
        }
    }

    /// So many of a hundred packets do not reach the far side.
    pub(super) fn expect_loss(&mut self, percent: u8) {
        if let Some(line) = &mut self.line {
            line.mouth.expect_loss(percent);
        }
    }

    /// Takes in 20 ms of what the far side says, at its codec's rate.
    pub(super) fn hear(&mut self, samples: &[i16]) {
        if let Some(line) = &mut self.line {
            line.ear.hear(samples);
        }
    }

    /// What the far side has said in this turn.
    pub(super) fn draw(&mut self, frame: &mut Frame) {
        match &mut self.line {
            Some(line) => line.ear.draw(frame),
            None => *frame = SILENCE,
        }
    }

    /// Whether the far side gets the common encoding in a turn in which it may or must not.
    pub(super) fn choose(&mut self, may: Hears) -> Hears {
        let Some(line) = &mut self.line else {
            return Hears::Shared;
        };
        match may {
            Hears::Own => line.own_for = KEEP_OWN,
            Hears::Shared => line.own_for = line.own_for.saturating_sub(1),
        }
        if line.own_for > 0 { Hears::Own } else { Hears::Shared }
    }

    /// A mix for this far side alone.
    pub(super) fn say(&mut self, frame: &Frame) -> &[u8] {
        match &mut self.line {
            Some(line) => {
                line.mouth.say(frame);
                line.mouth.payload()
            }
            None => &[],
        }
    }
}
