//! From one leg of a conversation to the other, without a copy where the codecs agree.
//!
//! The datagram in hand gets a new header, in place, and leaves. Where the codecs differ its sound is carried over and
//! leaves in packets of our own. A press of a key keeps its bounds under the number and clock that the partner gave it.

use std::time::Instant;

use crate::io::media::hear::missing;
use crate::io::media::leg::Doing;
use crate::io::media::leg::Leg;
use crate::io::media::leg::Sent;
use crate::io::media::legs::Place;
use crate::io::media::session::Session;
use crate::io::media::thread::Worker;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::reception::Arrival;
use crate::media::rtp;
use crate::media::rtp::HEADER_LEN;
use crate::media::rtp::Passage;
use crate::media::rtp::Phase;
use crate::media::transcode::Transcoder;

/// What is in hand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heard {
    Audio(Arrival),
    Key,
}

impl Worker {
    /// Sends on what a leg has said, if somebody is there to hear it.
    pub(super) fn relay(&mut self, place: Place, length: usize, heard: Heard, now: Instant) {
        let Some(partner) = self.partner(place) else {
            return self.echo_back(place, length, heard, now);
        };
        let Some((from, to)) = self.legs.both(place, partner) else {
            return;
        };
        let datagram = &mut self.datagram[..length];
        let transcoder = from.bridge.as_mut().and_then(|bridge| bridge.transcoder.as_deref_mut());
        let sent = match (heard, transcoder) {
            (Heard::Audio(_), None) => pass_on(to, datagram, now),
            (Heard::Audio(arrival), Some(transcoder)) => carry_over(transcoder, to, datagram, arrival, now),
            (Heard::Key, _) => pass_key(from, to, datagram, now),
        };
        self.links.counters.sent.add(sent);
    }

    /// To a leg that is to hear itself, its own sound.
    fn echo_back(&mut self, place: Place, length: usize, heard: Heard, now: Instant) {
        let leg = self.legs.at(place).filter(|leg| matches!(leg.doing, Doing::Echoing));
        let (Some(leg), Heard::Audio(_)) = (leg, heard) else {
            return;
        };
        let sent = pass_on(leg, &mut self.datagram[..length], now);
        self.links.counters.sent.add(sent);
    }
}

/// The session of a leg that hears its partner now.
fn listening(leg: &mut Leg) -> Option<&mut Session> {
    if leg.speaks_itself() {
        return None;
    }
    leg.session.as_mut().filter(|session| session.may_send())
}

fn pass_on(to: &mut Leg, datagram: &mut [u8], now: Instant) -> u64 {
    let Some(session) = listening(to) else {
        return 0;
    };
    match session.restamp.relay(datagram, session.stream.payload_type, now) {
        Passage::Send => sent(to.send(datagram)),
        Passage::Drop => 0,
    }
}

fn carry_over(transcoder: &mut Transcoder, to: &mut Leg, datagram: &[u8], arrival: Arrival, now: Instant) -> u64 {
    let Some(missing) = missing(arrival) else {
        return 0;
    };
    let Some(packet) = rtp::read(datagram) else {
        return 0;
    };
    // What cannot be decoded makes no sound, and no packet.
    let _ = transcoder.conceal(missing);
    let _ = transcoder.push(packet.payload);
    let mut out = [0; HEADER_LEN + MAX_PAYLOAD];
    let mut count = 0;
    while let Some(frame) = transcoder.pull() {
        let Some(session) = listening(to) else {
            continue;
        };
        let header = session.restamp.next(session.stream.payload_type, frame.ticks, now);
        let length = HEADER_LEN + frame.payload.len();
        let Some(room) = out.get_mut(..length) else {
            continue;
        };
        room[HEADER_LEN..].copy_from_slice(frame.payload);
        if let Some(fixed) = room.first_chunk_mut() {
            header.write(fixed);
        }
        count += sent(to.send(room));
    }
    count
}

/// A partner that cannot take keys does not get this one.
fn pass_key(from: &Leg, to: &mut Leg, datagram: &mut [u8], now: Instant) -> u64 {
    let clock = |leg: &Leg| leg.session.as_ref().and_then(|session| session.stream.dtmf);
    let (Some((_, heard)), Some((payload_type, spoken))) = (clock(from), clock(to)) else {
        return 0;
    };
    let transcoded = from.bridge.as_ref().is_some_and(|bridge| bridge.transcoder.is_some());
    let Some(session) = listening(to) else {
        return 0;
    };
    if !transcoded && heard == spoken {
        return match session.restamp.relay(datagram, payload_type, now) {
            Passage::Send => sent(to.send(datagram)),
            Passage::Drop => 0,
        };
    }
    let Some(packet) = rtp::read(datagram) else {
        return 0;
    };
    let Some(&[event, flags, high, low]) = packet.payload.first_chunk() else {
        return 0;
    };
    let duration = scaled(u16::from_be_bytes([high, low]), heard, spoken).to_be_bytes();
    let phase = if packet.header.marker { Phase::Begins } else { Phase::Continues };
    let header = session.restamp.event(payload_type, phase, spoken / 50, now);
    let mut out = [0; HEADER_LEN + 4];
    out[HEADER_LEN..].copy_from_slice(&[event, flags, duration[0], duration[1]]);
    if let Some(fixed) = out.first_chunk_mut() {
        header.write(fixed);
    }
    sent(to.send(&out))
}

fn sent(sent: Sent) -> u64 {
    u64::from(sent == Sent::Gone)
}

/// A duration in ticks of one clock, in those of another.
fn scaled(duration: u16, from: u32, to: u32) -> u16 {
    let ticks = u64::from(duration) * u64::from(to) / u64::from(from.max(1));
    u16::try_from(ticks).unwrap_or(u16::MAX)
}
