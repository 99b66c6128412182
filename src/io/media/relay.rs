//! From one leg of a conversation to the other, without a copy where the codecs agree.
//!
//! The datagram in hand gets a new header, in place, and leaves; between the laws of G.711 its octets are exchanged on the
//! way. Where the codecs differ more, packets wait in the leg's playout, and every 20 ms a frame of it leaves in a packet
//! of our own. A press of a key keeps its bounds under the number and clock that the partner gave it.

use std::time::Duration;
use std::time::Instant;

use crate::io::media::leg::Bridge;
use crate::io::media::leg::Doing;
use crate::io::media::leg::Leg;
use crate::io::media::leg::Sent;
use crate::io::media::leg::Way;
use crate::io::media::legs::Place;
use crate::io::media::session::Session;
use crate::io::media::thread::Worker;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::dtmf;
use crate::media::rtp;
use crate::media::rtp::HEADER_LEN;
use crate::media::rtp::Held;
use crate::media::rtp::Passage;
use crate::media::rtp::Phase;
use crate::media::transcode::Frame;

/// What is in hand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heard {
    Audio,
    Key,
}

/// The packets of a key follow each other at least so fast.
const KEY: Duration = Duration::from_millis(60);

impl Worker {
    /// Sends on what a leg has said, if somebody is there to hear it. What is transcoded is sent when its turn comes.
    pub(super) fn relay(&mut self, place: Place, length: usize, heard: Heard, now: Instant) {
        let Some(partner) = self.partner(place) else {
            return self.echo_back(place, length, heard, now);
        };
        let Some((from, to)) = self.legs.both(place, partner) else {
            return;
        };
        let Some(bridge) = &mut from.bridge else {
            return;
        };
        let datagram = &mut self.datagram[..length];
        let sent = match (heard, &bridge.way) {
            (Heard::Audio, Way::Relay) => pass_on(to, datagram, now),
            (Heard::Audio, Way::Rewrite(rewriter)) => {
                rtp::payload_mut(datagram).into_iter().for_each(|payload| rewriter.rewrite(payload));
                pass_on(to, datagram, now)
            }
            (Heard::Audio, Way::Transcode(_)) => 0,
            (Heard::Key, _) => {
                bridge.key_until = Some(now + KEY);
                pass_key(from, to, datagram, now)
            }
        };
        self.links.counters.sent.add(sent);
    }

    /// The partner does not get what was just heard.
    pub(super) fn keep_back(&mut self, place: Place) {
        if let Some(leg) = self.partner(place).and_then(|partner| self.legs.at(partner)) {
            leg.keep_back();
        }
    }

    /// To a leg that is to hear itself, its own sound.
    fn echo_back(&mut self, place: Place, length: usize, heard: Heard, now: Instant) {
        let leg = self.legs.at(place).filter(|leg| matches!(leg.doing, Doing::Echoing));
        let (Some(leg), Heard::Audio) = (leg, heard) else {
            return;
        };
        let sent = pass_on(leg, &mut self.datagram[..length], now);
        self.links.counters.sent.add(sent);
    }

    /// Sends the frame that a leg was just heard to say, in its partner's codec.
    pub(super) fn carry_over(&mut self, place: Place, count: usize, due: Instant) {
        let Some(partner) = self.partner(place) else {
            return;
        };
        let Some((from, to)) = self.legs.both(place, partner) else {
            return;
        };
        let Some(Bridge { way: Way::Transcode(transcoder), key_until, .. }) = &mut from.bridge else {
            return;
        };
        // Room is always there: a frame comes in and a frame goes out.
        let _ = transcoder.push(&self.samples[..count]);
        let pressed = key_until.is_some_and(|until| due < until);
        while let Some(frame) = transcoder.pull() {
            if !pressed {
                self.links.counters.sent.add(send_frame(to, &frame, due));
            }
        }
    }
}

/// The session of a leg that hears its partner now.
fn listening(leg: &mut Leg) -> Option<&mut Session> {
    if leg.speaks_itself() {
        return None;
    }
    let is_ready = leg.transport.as_ref().is_none_or(|transport| transport.is_ready());
    let session = leg.session.as_mut()?;
    if !is_ready || !session.may_send() {
        session.restamp.keep_back();
        return None;
    }
    Some(session)
}

fn pass_on(to: &mut Leg, datagram: &mut [u8], now: Instant) -> u64 {
    let Some(session) = listening(to) else {
        return 0;
    };
    let (codec, payload_type) = (session.stream.codec, session.stream.payload_type);
    match session.restamp.relay(datagram, payload_type, |payload| codec.ticks_of(payload), now) {
        Passage::Send => sent(to.send(datagram)),
        Passage::Drop => 0,
    }
}

fn send_frame(to: &mut Leg, frame: &Frame<'_>, due: Instant) -> u64 {
    let Some(session) = listening(to) else {
        return 0;
    };
    let mut out = [0; HEADER_LEN + MAX_PAYLOAD];
    let length = HEADER_LEN + frame.payload.len();
    let Some(room) = out.get_mut(..length) else {
        return 0;
    };
    if session.stream.codec.is_pause(frame.payload) {
        session.restamp.leave_out(frame.ticks, due);
        return 0;
    }
    let header = session.restamp.next(session.stream.payload_type, frame.ticks, due);
    room[HEADER_LEN..].copy_from_slice(frame.payload);
    if let Some(fixed) = room.first_chunk_mut() {
        header.write(fixed);
    }
    sent(to.send(room))
}

/// A partner that cannot take keys does not get this one.
fn pass_key(from: &Leg, to: &mut Leg, datagram: &mut [u8], now: Instant) -> u64 {
    let clock = |leg: &Leg| leg.session.as_ref().and_then(|session| session.stream.dtmf);
    let (Some((_, heard)), Some((payload_type, spoken))) = (clock(from), clock(to)) else {
        to.keep_back();
        return 0;
    };
    let transcoded = from.bridge.as_ref().is_some_and(|bridge| matches!(bridge.way, Way::Transcode(_)));
    let Some(session) = listening(to) else {
        return 0;
    };
    if !transcoded && heard == spoken {
        let clock_rate = session.stream.codec.clock_rate();
        let held = |payload: &[u8]| Some(scaled(dtmf::duration(payload), spoken, clock_rate));
        return match session.restamp.relay(datagram, payload_type, held, now) {
            Passage::Send => sent(to.send(datagram)),
            Passage::Drop => 0,
        };
    }
    let Some(packet) = rtp::read(datagram) else {
        return 0;
    };
    let Some(&[event, flags, ..]) = packet.payload.first_chunk::<4>() else {
        return 0;
    };
    let held = Held { began: packet.header.timestamp, ticks: scaled(dtmf::duration(packet.payload), heard, spoken) };
    let phase = if packet.header.marker { Phase::Begins } else { Phase::Continues };
    let (header, duration) = session.restamp.held_event(payload_type, phase, spoken / 50, held, now);
    let duration = duration.to_be_bytes();
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
fn scaled(duration: u16, from: u32, to: u32) -> u32 {
    let ticks = u64::from(duration) * u64::from(to) / u64::from(from.max(1));
    u32::try_from(ticks).unwrap_or(u32::MAX)
}
