//! A leg's turn on the grid: what it was sent meanwhile is read and listened to, and what it says is sent.

use std::time::Duration;
use std::time::Instant;

use crate::io::media::grid::Tick;
use crate::io::media::hear::Drawn;
use crate::io::media::leg::Doing;
use crate::io::media::leg::Leg;
use crate::io::media::leg::Sent;
use crate::io::media::legs::Place;
use crate::io::media::player::Player;
use crate::io::media::player::Step;
use crate::io::media::session::Session;
use crate::io::media::thread::Worker;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::command::Event;
use crate::media::command::PlayId;
use crate::media::dtmf;
use crate::media::rtp::HEADER_LEN;
use crate::media::rtp::Header;

/// A packet that leaves later than this after its time is counted.
const LATE: Duration = Duration::from_millis(5);

/// Datagrams that one turn reads at most, so that a flood to one leg does not hold up the others.
const READS: usize = 10;

/// Every so many turns a leg is read until it is empty; in between one packet is what a turn brings.
const EMPTIED_EVERY: u64 = 8;

/// The longest packet of ours: three frames of G.711, or one of Opus.
const PACKET: usize = HEADER_LEN + MAX_PAYLOAD;

/// What became of a turn.
enum Outcome {
    Quiet,
    Spoke(Sent),
    Finished(PlayId),
    /// The last key has been pressed.
    Released,
}

impl Worker {
    pub(super) fn serve(&mut self, place: Place, tick: &Tick) {
        let now = Instant::now();
        self.empty(place, tick, now);
        self.attend_busy(place, now);
        self.listen(place, tick.at);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        match speak(leg, tick.at) {
            Outcome::Quiet => {}
            Outcome::Spoke(sent) => {
                self.count(sent);
                if now.saturating_duration_since(tick.at) > LATE {
                    self.links.counters.late.add(1);
                }
            }
            Outcome::Finished(play) => {
                let leg = leg.id;
                self.report(Event::Finished { leg, play });
                self.unsettled.push(place);
            }
            Outcome::Released => self.unsettled.push(place),
        }
    }

    /// Reads what has come for a leg that nobody is woken for.
    fn empty(&mut self, place: Place, tick: &Tick, now: Instant) {
        let Some(leg) = self.legs.at(place).filter(|leg| !leg.watched) else {
            return;
        };
        let emptied = (tick.number / 4).is_multiple_of(EMPTIED_EVERY);
        let reads = if leg.busy_line || leg.playout.is_some() || emptied { READS } else { 1 };
        let read = (0..reads).take_while(|_| self.hear(place, now) == Drawn::One).count();
        if let Some(leg) = self.legs.at(place)
            && reads > 1
        {
            leg.busy_line = read > 2;
        }
    }
}

/// Sends the packet of this turn, if there is one. The time is that of the grid, so that the timestamps show none of
/// the scheduler's moods.
fn speak(leg: &mut Leg, due: Instant) -> Outcome {
    // Nobody would hear what is played before there are keys and a path; it waits.
    if leg.transport.as_ref().is_some_and(|transport| !transport.is_ready()) {
        return Outcome::Quiet;
    }
    let Some(session) = &mut leg.session else {
        return Outcome::Quiet;
    };
    let mut packet = Packet { octets: [0; PACKET], length: 0 };
    let outcome = match (&mut leg.keys, &mut leg.doing) {
        (Some(keys), _) => press(keys, session, due, &mut packet),
        (None, Doing::Playing(player)) => play(player, session, due, &mut packet),
        (None, _) => Outcome::Quiet,
    };
    match outcome {
        Outcome::Finished(_) => leg.doing = Doing::Nothing,
        Outcome::Released => leg.keys = None,
        Outcome::Spoke(_) => return Outcome::Spoke(leg.send(&packet.octets[..packet.length])),
        Outcome::Quiet => {}
    }
    outcome
}

fn play(player: &mut Player, session: &mut Session, due: Instant, packet: &mut Packet) -> Outcome {
    match player.step(&session.stream) {
        Step::Send { payload, frames } if session.may_send() => {
            let ticks = session.stream.codec.frame_ticks() * frames as u32;
            let header = session.restamp.tick(session.stream.payload_type, ticks, due);
            packet.put(&header, payload)
        }
        Step::Send { .. } | Step::Wait => Outcome::Quiet,
        Step::Finished => Outcome::Finished(player.play),
    }
}

fn press(keys: &mut dtmf::Sender, session: &mut Session, due: Instant, packet: &mut Packet) -> Outcome {
    let Some((payload_type, clock_rate)) = session.stream.dtmf else {
        return Outcome::Released;
    };
    match keys.step() {
        dtmf::Step::Send { payload, phase } => {
            let header = session.restamp.event(payload_type, phase, clock_rate / 50, due);
            packet.put(&header, &payload)
        }
        dtmf::Step::Pause => Outcome::Quiet,
        dtmf::Step::Idle => Outcome::Released,
    }
}

/// A packet of ours on its way out.
struct Packet {
    octets: [u8; PACKET],
    length: usize,
}

impl Packet {
    /// To be sent if it fits, which all of ours do.
    fn put(&mut self, header: &Header, payload: &[u8]) -> Outcome {
        let length = HEADER_LEN + payload.len();
        let Some(room) = self.octets.get_mut(HEADER_LEN..length) else {
            return Outcome::Quiet;
        };
        room.copy_from_slice(payload);
        if let Some(fixed) = self.octets.first_chunk_mut() {
            header.write(fixed);
        }
        self.length = length;
        Outcome::Spoke(Sent::Not)
    }
}
