//! One leg: its two sockets, what was negotiated for them, and what it is doing.
//!
//! A leg knows nothing of other legs; whom it is bridged to is a place that its thread looks up. It lives on one
//! thread at a time and may be handed to another with everything that it holds.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::legs::Place;
use crate::io::media::player::Player;
use crate::io::media::ports::Pair;
use crate::io::media::recorder::Recorder;
use crate::io::media::scribe::Scribe;
use crate::io::media::seat::Seat;
use crate::io::media::session::Session;
use crate::io::media::session::Verdict;
use crate::io::media::transport::Arrived;
use crate::io::media::transport::Port;
use crate::io::media::transport::SEALED;
use crate::io::media::transport::Transmit;
use crate::io::media::transport::Transport;
use crate::media::answering::Answering;
use crate::media::both_sides::Side;
use crate::media::codec::CodecKind;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::command::Command;
use crate::media::command::LegId;
use crate::media::command::Stream;
use crate::media::dtmf;
use crate::media::figures::FarEar;
use crate::media::figures::Figures;
use crate::media::fmtp::OpusTerms;
use crate::media::inband::KeyTones;
use crate::media::playout::Playout;
use crate::media::refusal::Refusal;
use crate::media::refusal::Refusals;
use crate::media::rtp;
use crate::media::rtp::HEADER_LEN;
use crate::media::transcode::Rewriter;
use crate::media::transcode::Transcoder;

/// Room for any datagram that a telephone sends; a longer one is cut and then refused.
pub(super) const DATAGRAM: usize = 2048;

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// `None` until the first `Connect`.
    pub(super) session: Option<Session>,
    /// `None` where packets travel as they are.
    pub(super) transport: Option<Box<Transport>>,
    pub(super) doing: Doing,
    pub(super) keys: Option<dtmf::Sender>,
    pub(super) recorder: Option<Box<Recorder>>,
    pub(super) scribe: Option<Box<Scribe>>,
    pub(super) bridge: Option<Bridge>,
    /// Its place in a room; never beside a bridge.
    pub(super) seat: Option<Box<Seat>>,
    /// Only where somebody needs samples of what the far side says.
    pub(super) playout: Option<Box<Playout>>,
    /// Beside a playout, until a telephone event shows that tones need not be heard.
    pub(super) tones: Option<Box<KeyTones>>,
    /// While it is not known who has answered.
    pub(super) answering: Option<Box<Answering>>,
    /// Its RTP socket is in the thread's epoll set.
    pub(super) watched: bool,
    pub(super) slot: Option<usize>,
    /// Its turns bring more than one packet each, so every turn reads until there is none.
    pub(super) busy_line: bool,
    pub(super) sent: u64,
    pub(super) octets: u64,
    /// Held back, as the far side's address has proved nothing.
    pub(super) withheld: u64,
    pub(super) refused: Refusals,
    /// What signalling has shown to be an address of the far side.
    pub(super) vouched: Option<IpAddr>,
}

/// More packets than a socket's buffer holds.
const MOST_WAITING: usize = 1000;

/// What the far side hears from us when nobody is bridged to it.
#[derive(Debug)]
pub(super) enum Doing {
    Nothing,
    /// Ordered before the codec was known.
    WillPlay(Command),
    Playing(Box<Player>),
    /// Its own voice.
    Echoing,
}

/// The way to the other half of a conversation.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) partner: Place,
    pub(super) way: Way,
    /// A key is being pressed; until then no sound is sent between its packets.
    pub(super) key_until: Option<Instant>,
}

/// From what this leg says to what the partner understands.
#[derive(Debug)]
pub(super) enum Way {
    /// Both speak the same codec.
    Relay,
    Rewrite(Rewriter),
    Transcode(Box<Transcoder>),
}

impl Bridge {
    pub(super) fn to(partner: Place) -> Bridge {
        Bridge { partner, way: Way::Relay, key_until: None }
    }
}

impl Leg {
    pub(super) fn new(id: LegId, pair: Pair) -> Leg {
        Leg {
            id,
            rtp: pair.rtp,
            rtcp: pair.rtcp,
            session: None,
            transport: None,
            doing: Doing::Nothing,
            keys: None,
            recorder: None,
            scribe: None,
            bridge: None,
            seat: None,
            playout: None,
            tones: None,
            answering: None,
            watched: false,
            slot: None,
            busy_line: false,
            sent: 0,
            octets: 0,
            withheld: 0,
            refused: Refusals::default(),
            vouched: None,
        }
    }

    pub(super) fn connect(&mut self, stream: Stream, rng: &mut fastrand::Rng, now: Instant) {
        match &mut self.session {
            Some(session) => session.reconnect(stream, now),
            None => self.session = Some(Session::new(stream, rng, now)),
        }
        if let (None, Some(session)) = (&self.transport, &mut self.session) {
            session.source.set_path(None);
        }
        if let (Some(transport), Some(session)) = (&mut self.transport, &mut self.session)
            && transport.needs_ssrc()
        {
            session.restart_line(rng);
        }
    }

    /// How long the far side is sent to while its address has proved nothing.
    pub(super) fn set_allowance(&mut self, longest: Duration) {
        let vouched = self.vouched;
        if let Some(session) = &mut self.session {
            session.source.allow(longest);
            vouched.into_iter().for_each(|address| session.source.vouch(address));
        }
    }

    /// Whether its packets must wake the thread, and whether it has turns on the grid.
    pub(super) fn wants(&self) -> (bool, bool) {
        let connected = self.session.is_some();
        let talking = connected && (self.bridge.is_some() || self.is_echoing());
        let busy = connected && self.is_busy();
        // A room serves its legs in its own turn.
        let served = self.seat.is_none() && (!talking || self.speaks_itself() || self.playout.is_some());
        (talking || busy, connected && (served || busy))
    }

    /// Whether a handshake or a search for a path is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.transport.as_ref().is_some_and(|transport| transport.is_busy())
    }

    pub(super) fn rtp(&self) -> BorrowedFd<'_> {
        self.rtp.as_fd()
    }

    pub(super) fn rtcp(&self) -> BorrowedFd<'_> {
        self.rtcp.as_fd()
    }

    /// Whether packets of our own must be sent: what a far side hears from its partner waits meanwhile.
    pub(super) fn speaks_itself(&self) -> bool {
        self.keys.is_some() || matches!(self.doing, Doing::Playing(_))
    }

    pub(super) fn is_echoing(&self) -> bool {
        matches!(self.doing, Doing::Echoing)
    }

    /// Makes the leg decode what it hears, or stop doing so.
    pub(super) fn attend(&mut self, now: Instant) {
        let wanted = self.session.as_ref().map(|session| session.stream.codec).filter(|_| self.needs_samples());
        if self.playout.as_ref().map(|playout| playout.codec()) != wanted {
            self.playout = wanted.map(|codec| Box::new(Playout::new(codec, now)));
            self.tones = wanted.map(|codec| Box::new(KeyTones::new(codec.sample_rate())));
            if let (Some(answering), Some(codec)) = (&mut self.answering, wanted) {
                **answering = Answering::new(codec.sample_rate());
            }
        }
    }

    fn needs_samples(&self) -> bool {
        let transcoded = self.bridge.as_ref().is_some_and(|bridge| matches!(bridge.way, Way::Transcode(_)));
        transcoded
            || self.recorder.is_some()
            || self.seat.is_some()
            || self.answering.is_some()
            || self.presses_by_tones()
    }

    /// A far side that can send no telephone events, alone with a dialplan that may ask for keys. Two who talk press none for us.
    fn presses_by_tones(&self) -> bool {
        let hears = self.session.as_ref().is_some_and(|session| session.stream.dtmf.is_none() && session.may_hear());
        hears && self.bridge.is_none()
    }

    /// One datagram from the RTP socket into `buffer`; `None` when there is none.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.rtp.recv_from(buffer).ok()
    }

    /// Throws away what came before anything was negotiated: nobody wants to hear old sound in one burst.
    pub(super) fn discard(&self, buffer: &mut [u8]) {
        for socket in [&self.rtp, &self.rtcp] {
            let mut left = MOST_WAITING;
            while left > 0 && socket.recv_from(buffer).is_ok() {
                left -= 1;
            }
        }
    }

    pub(super) fn receive_control(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.rtcp.recv_from(buffer).ok()
    }

    /// For the recording of both sides, if there is one.
    pub(super) fn write_down(&mut self, side: Side, datagram: &[u8], now: Instant) {
        let (Some(scribe), Some(session)) = (&mut self.scribe, &self.session) else {
            return;
        };
        let is_audio = |number| match side {
            Side::Said => session.stream.is_audio(number),
            Side::Heard => session.stream.payload_type == number,
        };
        if let Some(packet) = rtp::read(datagram).filter(|it| is_audio(it.header.payload_type)) {
            scribe.on_packet(side, &packet, session.stream.codec, now);
        }
    }

    /// Its far side does not get a packet of its partner's, and shall not take that for a loss.
    pub(super) fn keep_back(&mut self) {
        if let Some(session) = &mut self.session {
            session.restamp.keep_back();
        }
    }

    /// Sends one RTP packet; what the kernel does not take is lost, as on any network.
    pub(super) fn send(&mut self, datagram: &[u8]) -> Sent {
        if self.scribe.is_some() {
            self.write_down(Side::Heard, datagram, Instant::now());
        }
        let Some(session) = &mut self.session else {
            return Sent::Not;
        };
        if !session.source.may_send(datagram.len()) {
            self.withheld += 1;
            session.vigil.on_withheld();
            return Sent::Not;
        }
        let destination = session.source.destination();
        let sent = match &mut self.transport {
            None => self.rtp.send_to(datagram, destination).is_ok(),
            Some(transport) => {
                let mut room = [0; SEALED];
                let sealed = transport.seal(datagram, &mut room);
                sealed.is_some_and(|sealed| self.rtp.send_to(sealed, destination).is_ok())
            }
        };
        if !sent {
            session.vigil.on_unsent();
            return Sent::Not;
        }
        self.sent += 1;
        self.octets += datagram.len().saturating_sub(HEADER_LEN) as u64;
        session.vigil.on_sent();
        Sent::Gone
    }

    /// Sends a part of a handshake or a check; what is lost is repeated.
    pub(super) fn send_as_is(&self, transmit: &Transmit) {
        let socket = match transmit.port {
            Port::Rtp => &self.rtp,
            Port::Rtcp => &self.rtcp,
        };
        let _ = socket.send_to(&transmit.datagram, transmit.to);
    }

    /// Opens a datagram of the RTP port where it lies.
    pub(super) fn open(&mut self, datagram: &mut [u8], from: SocketAddr, now: Instant) -> Arrived {
        // What fills the buffer was cut.
        if datagram.len() >= DATAGRAM {
            return Arrived::Refused(Refusal::Size);
        }
        match (&mut self.transport, &self.session) {
            (_, None) => Arrived::Refused(Refusal::Source),
            (None, _) => Arrived::Media(datagram.len()),
            (Some(transport), Some(session)) => {
                transport.on_datagram(datagram, from, |from| session.source.may_hear(from), now)
            }
        }
    }

    /// The same of the RTCP port.
    pub(super) fn open_control(&mut self, datagram: &mut [u8], from: SocketAddr, now: Instant) -> Arrived {
        match (&mut self.transport, &self.session) {
            (_, None) => Arrived::Refused(Refusal::Source),
            (None, _) => Arrived::Media(datagram.len()),
            (Some(transport), Some(session)) => {
                transport.on_control(datagram, from, |from| session.may_report(from), now)
            }
        }
    }

    /// From where an opened datagram counts as heard: with ICE the checks say where the far side is.
    pub(super) fn placed(&self, from: SocketAddr) -> SocketAddr {
        match (&self.transport, &self.session) {
            (Some(transport), Some(session)) if transport.has_ice() => session.source.destination(),
            _ => from,
        }
    }

    pub(super) fn judge(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Verdict {
        let mut from = self.placed(from);
        let signed = self.transport.as_ref().is_some_and(|transport| transport.is_signed());
        let Some(session) = &mut self.session else {
            return Verdict::Refused(Refusal::Source);
        };
        if signed && let Some(packet) = rtp::read(datagram).filter(|_| !rtp::is_rtcp(datagram)) {
            from = session.source.on_signed(from, &packet.header, now);
        }
        session.judge(datagram, from, now)
    }

    /// What was not even opened.
    pub(super) fn refuse(&mut self, from: SocketAddr, why: Refusal) -> Verdict {
        if let Some(session) = &mut self.session {
            session.vigil.on_refused(from, why);
        }
        Verdict::Refused(why)
    }

    /// Sends 20 ms of audio of our own, if the far side is to hear any.
    pub(super) fn send_frame(&mut self, payload: &[u8], due: Instant) -> Sent {
        let mut packet = [0; HEADER_LEN + MAX_PAYLOAD];
        let length = HEADER_LEN + payload.len();
        let Some(session) = self.session.as_mut().filter(|session| session.may_send()) else {
            return Sent::Not;
        };
        let Some(room) = packet.get_mut(HEADER_LEN..length).filter(|room| !room.is_empty()) else {
            return Sent::Not;
        };
        room.copy_from_slice(payload);
        let codec = session.stream.codec;
        if codec.is_pause(room) {
            session.restamp.leave_out(codec.frame_ticks(), due);
            return Sent::Not;
        }
        let header = session.restamp.next(session.stream.payload_type, codec.frame_ticks(), due);
        if let Some(fixed) = packet.first_chunk_mut() {
            header.write(fixed);
        }
        self.send(&packet[..length])
    }

    /// What was negotiated.
    pub(super) fn codec(&self) -> Option<CodecKind> {
        self.session.as_ref().map(|session| session.stream.codec)
    }

    /// What the far side speaks, and what it asks of what it gets.
    pub(super) fn spoken(&self) -> Option<Spoken> {
        self.session.as_ref().map(|session| (session.stream.codec, session.stream.opus))
    }

    /// Sends one RTCP packet by the way that was negotiated.
    pub(super) fn send_control(&mut self, datagram: &[u8]) {
        let Some(session) = &self.session else { return };
        let mut room = [0; SEALED];
        let sealed = match &mut self.transport {
            None => Some(datagram),
            Some(transport) => transport.seal_control(datagram, &mut room),
        };
        let Some(datagram) = sealed else { return };
        // A report that is lost is made up for by the next one.
        let _ = match session.control_destination() {
            Some(remote) => self.rtcp.send_to(datagram, remote),
            None if session.is_muxed() => self.rtp.send_to(datagram, session.source.destination()),
            None => Ok(0),
        };
    }

    pub(super) fn figures(&self, now: Instant) -> Figures {
        let dropped = self.refused.total();
        let Some(session) = &self.session else {
            return Figures { dropped, refused: self.refused, ..Figures::default() };
        };
        let (received, lost) = session.received_and_lost();
        let clock_rate = session.stream.codec.clock_rate() as f32;
        let far = session
            .far
            .block()
            .map(|block| FarEar { lost: i64::from(block.lost), jitter_ms: block.jitter as f32 / clock_rate * 1000.0 });
        Figures {
            received,
            sent: self.sent,
            octets_received: session.octets_received,
            octets_sent: self.octets,
            lost,
            dropped,
            refused: self.refused,
            withheld: self.withheld,
            jitter_ms: milliseconds(session.reception.jitter()),
            codec: session.stream.codec.to_string(),
            negotiated: Some(session.source.negotiated()),
            source: session.source.proven(),
            round_trip: session.far.round_trip(),
            far,
            voip: session.far.voip().copied().map(Box::new),
            silent_for: (received > 0).then(|| session.vigil.unheard(now)),
        }
    }
}

pub(super) type Spoken = (CodecKind, OpusTerms);

/// Whether a packet left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Gone,
    Not,
}

fn milliseconds(span: Duration) -> f32 {
    span.as_secs_f32() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_that_plays_takes_less_than_two_kilobytes() {
        let octets = size_of::<Leg>() + size_of::<Player>();
        assert!(octets < 2048, "{octets}");
    }
}
