//! The way of a packet that has come: judged, told to the switch if it is a key, kept for who listens, sent on.

use std::net::SocketAddr;
use std::time::Instant;

use crate::io::media::leg::Sent;
use crate::io::media::legs::Place;
use crate::io::media::relay::Heard;
use crate::io::media::session::Verdict;
use crate::io::media::thread::Worker;
use crate::io::media::transport::Arrived;
use crate::media::both_sides::Side;
use crate::media::command::Event;
use crate::media::command::RecordEnd;
use crate::media::rtp;

/// Whether a socket had something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    One,
    Nothing,
}

impl Worker {
    /// Takes one datagram from the RTP socket of a leg all the way.
    pub(super) fn hear(&mut self, place: Place, now: Instant) -> Drawn {
        let Some(leg) = self.legs.at(place) else {
            return Drawn::Nothing;
        };
        let Some((length, from)) = leg.receive(&mut self.datagram[..]) else {
            return Drawn::Nothing;
        };
        let (length, verdict) = match leg.open(&mut self.datagram[..length], from, now) {
            Arrived::Media(length) => (length, leg.judge(&self.datagram[..length], from, now)),
            Arrived::Refused(why) => (length, leg.refuse(from, why)),
            Arrived::Handled => {
                self.attend(place, now);
                return Drawn::One;
            }
        };
        match verdict {
            Verdict::Refused(why) => {
                leg.refused.count(why);
                self.links.counters.dropped[why as usize].add(1);
            }
            Verdict::Control => {
                let from = leg.placed(from);
                self.on_control(place, length, from, now);
            }
            Verdict::Ignored => self.count_received(length),
            Verdict::Audio => self.on_audio(place, length, now),
            Verdict::Noise => self.on_noise(place, length, now),
            Verdict::Key(key) => self.on_key(place, length, key, now),
        }
        Drawn::One
    }

    pub(super) fn hear_control(&mut self, place: Place, now: Instant) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some((length, from)) = leg.receive_control(&mut self.datagram[..]) else {
            return;
        };
        match leg.open_control(&mut self.datagram[..length], from, now) {
            Arrived::Media(length) => self.on_control(place, length, from, now),
            Arrived::Refused(why) => {
                leg.refused.count(why);
                self.links.counters.dropped[why as usize].add(1);
            }
            Arrived::Handled => self.attend(place, now),
        }
    }

    fn on_control(&mut self, place: Place, length: usize, from: SocketAddr, now: Instant) {
        let ntp = self.clock.at(now);
        if let Some(session) = self.legs.at(place).and_then(|leg| leg.session.as_mut()) {
            session.on_control(&self.datagram[..length], from, ntp, now);
        }
    }

    fn on_audio(&mut self, place: Place, length: usize, now: Instant) {
        self.count_received(length);
        if let Some(leg) = self.legs.at(place) {
            leg.write_down(Side::Said, &self.datagram[..length], now);
        }
        if let Some(playout) = self.legs.at(place).and_then(|leg| leg.playout.as_mut())
            && let Some(packet) = rtp::read(&self.datagram[..length])
        {
            playout.on_audio(&packet.header, packet.payload, now);
        }
        self.relay(place, length, Heard::Audio, now);
    }

    fn on_noise(&mut self, place: Place, length: usize, now: Instant) {
        self.count_received(length);
        if let Some(playout) = self.legs.at(place).and_then(|leg| leg.playout.as_mut())
            && let Some(packet) = rtp::read(&self.datagram[..length])
        {
            playout.on_noise(&packet.header, packet.payload, now);
        }
        self.keep_back(place);
    }

    fn on_key(&mut self, place: Place, length: usize, key: Option<char>, now: Instant) {
        self.count_received(length);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        if let Some(playout) = &mut leg.playout
            && let Some(packet) = rtp::read(&self.datagram[..length])
        {
            playout.on_other(packet.header.sequence);
        }
        if let Some(digit) = key {
            self.on_press(place, digit);
        }
        self.relay(place, length, Heard::Key, now);
    }

    /// A press was heard, in whatever way.
    pub(super) fn on_press(&mut self, place: Place, digit: char) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let stop_key = leg.recorder.as_ref().and_then(|recorder| recorder.stop_key());
        let leg = leg.id;
        match stop_key == Some(digit) {
            true => self.end_recording(place, RecordEnd::Key(digit)),
            false => self.report(Event::Digit { leg, digit }),
        }
    }

    /// The switch may have ended before us; then nobody is left to hear it.
    pub(super) fn report(&self, event: Event) {
        let _ = self.links.events.send(event);
    }

    fn count_received(&self, length: usize) {
        self.links.counters.received.add(1);
        self.links.counters.octets_received.add(length as u64);
    }

    pub(super) fn count(&self, sent: Sent) {
        if sent == Sent::Gone {
            self.links.counters.sent.add(1);
        }
    }
}
