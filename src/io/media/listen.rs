//! What a leg is heard to say, 20 ms at a time, and who gets it: the recorder, the room that it is in,
//! a partner who speaks another codec.

use std::time::Instant;

use crate::io::media::legs::Place;
use crate::io::media::thread::Worker;

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
        if count == 0 {
            return;
        }
        if let Some(seat) = &mut leg.seat {
            seat.hear(&self.samples[..count]);
        }
        let ended = leg.recorder.as_mut().and_then(|recorder| recorder.on_frame(&self.samples[..count], due));
        if let Some(ended) = ended {
            self.end_recording(place, ended);
        }
        self.carry_over(place, count, due);
    }
}
