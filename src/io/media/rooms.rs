//! The rooms of a thread: orders about them, and their turns on the grid.
//!
//! In its turn a room reads every member's socket, adds up what was said and sends each far side what it is to hear. A
//! member to whom something else is played hears that in place of the room, and is heard all the same.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::grid::Tick;
use crate::io::media::leg::Doing;
use crate::io::media::leg::Sent;
use crate::io::media::legs::Place;
use crate::io::media::room::Room;
use crate::io::media::seat::Hears;
use crate::io::media::seat::Seat;
use crate::io::media::thread::Worker;
use crate::media::command::Background;
use crate::media::command::Event;
use crate::media::command::RecordEnd;
use crate::media::command::Role;
use crate::media::command::RoomId;
use crate::media::command::Sound;
use crate::media::mixer::SILENCE;

/// The thread that all legs of a room come to.
pub(super) fn thread_of(room: RoomId, threads: usize) -> usize {
    usize::try_from(room.0 % threads.max(1) as u64).unwrap_or(0)
}

/// `None` where a room was, until another takes its place; also while its turn is being served.
#[derive(Debug, Default)]
pub(super) struct Rooms(Vec<Option<Box<Room>>>);

impl Rooms {
    fn find(&mut self, room: RoomId) -> Option<&mut Room> {
        self.0.iter_mut().flatten().map(|found| &mut **found).find(|found| found.id == room)
    }

    fn insert(&mut self, room: Room) {
        let room = Some(Box::new(room));
        match self.0.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = room,
            None => self.0.push(room),
        }
    }

    fn remove(&mut self, room: RoomId) -> Option<Box<Room>> {
        self.0.iter_mut().find(|place| place.as_ref().is_some_and(|found| found.id == room))?.take()
    }

    fn take_if_due(&mut self, index: usize, slot: usize) -> Option<Box<Room>> {
        self.0.get_mut(index)?.take_if(|room| room.slot == slot)
    }
}

impl Worker {
    pub(super) fn join(&mut self, place: Place, room: RoomId, role: Role, background: Background) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let id = leg.id;
        let already_there = leg.seat.as_ref().is_some_and(|seat| seat.room == room);
        if !already_there {
            self.part(place);
            self.leave(place);
        }
        if self.rooms.find(room).is_none() {
            let slot = self.grid.join(Instant::now());
            self.rooms.insert(Room::new(room, slot));
        }
        let (Some(found), Some(leg)) = (self.rooms.find(room), self.legs.at(place)) else {
            return;
        };
        found.join(place, id, role, background);
        if !already_there {
            let codec = leg.session.as_ref().map(|session| session.stream.codec);
            leg.doing = Doing::Nothing;
            leg.seat = Some(Box::new(Seat::new(room, codec)));
        }
        self.tune_seat(place);
    }

    /// Takes a leg out of its room, if it is in one.
    pub(super) fn leave(&mut self, place: Place) {
        let Some(seat) = self.legs.at(place).and_then(|leg| leg.seat.take()) else {
            return;
        };
        if let Some(room) = self.rooms.find(seat.room) {
            room.leave(place);
            if room.is_empty() {
                self.close_room(seat.room);
            }
        }
        self.settle(place);
    }

    fn close_room(&mut self, room: RoomId) {
        if let Some(mut room) = self.rooms.remove(room) {
            room.stop_recording(RecordEnd::Asked);
            self.grid.leave(room.slot);
        }
    }

    /// Before the thread ends.
    pub(super) fn end_room_recordings(&mut self) {
        self.rooms.0.iter_mut().flatten().for_each(|room| room.stop_recording(RecordEnd::Asked));
    }

    /// After a codec was negotiated.
    pub(super) fn tune_seat(&mut self, place: Place) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let (Some(seat), Some(session)) = (&mut leg.seat, &leg.session) else {
            return;
        };
        seat.tune(session.stream.codec);
        seat.set_terms(session.stream.opus);
        if let Some(room) = self.rooms.find(seat.room) {
            room.learn(session.stream.codec);
        }
    }

    pub(super) fn announce(&mut self, room: RoomId, sounds: &[Sound]) {
        if let Some(room) = self.rooms.find(room) {
            room.announce(sounds);
        }
    }

    pub(super) fn record_room(&mut self, room: RoomId, path: PathBuf, longest: Duration) {
        match self.rooms.find(room) {
            Some(found) => found.record(path, longest, self.links.tape.clone()),
            None => {
                let ended = RecordEnd::Failed("nobody is in the room".to_owned());
                self.report(Event::RoomRecorded { room, path, length: Duration::ZERO, ended, cut: Duration::ZERO });
            }
        }
    }

    pub(super) fn stop_recording_room(&mut self, room: RoomId) {
        if let Some(room) = self.rooms.find(room) {
            room.stop_recording(RecordEnd::Asked);
        }
    }

    /// Serves the rooms of one slot.
    pub(super) fn serve_rooms(&mut self, tick: &Tick) {
        for index in 0..self.rooms.0.len() {
            if let Some(mut room) = self.rooms.take_if_due(index, tick.slot) {
                self.serve_room(&mut room, tick);
                self.rooms.0[index] = Some(room);
            }
        }
    }

    fn serve_room(&mut self, room: &mut Room, tick: &Tick) {
        let mut seat = 0;
        while let Some(place) = room.member(seat) {
            self.serve(place, tick);
            if let (Some(leg), Some(frame)) = (self.legs.at(place), room.mixer.frame(seat)) {
                match &mut leg.seat {
                    Some(taken) => taken.draw(frame),
                    None => *frame = SILENCE,
                }
            }
            seat += 1;
        }
        room.sum(&mut self.samples);
        for seat in 0..seat {
            let sent = self.tell_mix(room, seat, tick);
            self.count(sent);
        }
        room.keep();
    }

    /// Sends one member what it hears in this turn.
    fn tell_mix(&mut self, room: &mut Room, seat: usize, tick: &Tick) -> Sent {
        let Some(leg) = room.member(seat).and_then(|place| self.legs.at(place)) else {
            return Sent::Not;
        };
        if leg.speaks_itself() {
            return Sent::Not;
        }
        let Some(mut taken) = leg.seat.take() else {
            return Sent::Not;
        };
        let may = if room.mixer.hears_all(seat) { Hears::Shared } else { Hears::Own };
        let sent = match (taken.choose(may), leg.codec()) {
            (_, None) => Sent::Not,
            (Hears::Shared, Some(codec)) => {
                room.shared(codec, tick.number).map_or(Sent::Not, |payload| leg.send_frame(payload, tick.at))
            }
            (Hears::Own, Some(_)) => {
                let mut mix = SILENCE;
                room.mixer.mix(seat, &mut mix);
                leg.send_frame(taken.say(&mix), tick.at)
            }
        };
        leg.seat = Some(taken);
        sent
    }
}
