//! What a leg is heard to say, 20 ms at a time, and who gets it: the recorder, the room that it is in, a partner who speaks
//! another codec, and whoever waits for keys or wants to know who has answered.

use std::time::Instant;

use crate::io::media::legs::Place;
use crate::io::media::session::Keys;
use crate::io::media::thread::Worker;
use crate::media::answering::Found;
use crate::media::command::Event;

impl Worker {
    /// Takes the next frame of a leg that is decoded. `due` is the time of the grid: the pace shows none of the scheduler's moods.
    pub(super) fn listen(&mut self, place: Place, due: Instant) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some(playout) = &mut leg.playout else {
            return;
        };
        let count = playout.listen(&mut self.samples[..], due);
        self.hear_greeting(place, count);
        if count == 0 {
            return;
        }
        self.hear_tones(place, count);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        if let Some(seat) = &mut leg.seat {
            seat.hear(&self.samples[..count]);
        }
        let ended = leg.recorder.as_mut().and_then(|recorder| recorder.on_frame(&self.samples[..count], due));
        if let Some(ended) = ended {
            self.end_recording(place, ended);
        }
        self.carry_over(place, count, due);
    }

    fn hear_tones(&mut self, place: Place, count: usize) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        if leg.session.as_ref().is_some_and(|session| session.keys == Keys::Events) {
            leg.tones = None;
        }
        if let Some(digit) = leg.tones.as_mut().and_then(|tones| tones.on_frame(&self.samples[..count])) {
            self.on_press(place, digit);
        }
    }

    fn hear_greeting(&mut self, place: Place, count: usize) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some(answering) = &mut leg.answering else {
            return;
        };
        let found = answering.on_frame(&self.samples[..count]);
        if answering.is_over() {
            leg.answering = None;
            self.unsettled.push(place);
        }
        let leg = leg.id;
        match found {
            Some(Found::Verdict(verdict)) => self.report(Event::Greeted { leg, verdict }),
            Some(Found::Beep) => self.report(Event::Beeped { leg }),
            None => {}
        }
    }
}
