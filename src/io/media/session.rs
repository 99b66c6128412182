//! What was negotiated for a leg, and what is known of its far side since.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::source::Source;
use crate::io::media::vigil::Vigil;
use crate::media::command::Stream;
use crate::media::dtmf;
use crate::media::far::Far;
use crate::media::reception::Arrival;
use crate::media::reception::Reception;
use crate::media::refusal::Refusal;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::rtp::Header;
use crate::media::rtp::Packet;
use crate::media::rtp::Restamp;
use crate::media::sdp::Direction;
use crate::media::stun;

/// From the first `Connect` of a leg to its end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) stream: Stream,
    pub(super) source: Source,
    pub(super) restamp: Restamp,
    pub(super) reception: Reception,
    pub(super) cname: String,
    pub(super) next_report: Instant,
    /// Received and lost under codecs that a re-INVITE has replaced.
    before: (u64, u64),
    presses: dtmf::Receiver,
    pub(super) keys: Keys,
    /// Of the payloads that were accepted.
    pub(super) octets_received: u64,
    pub(super) vigil: Vigil,
    pub(super) far: Far,
    control_source: Option<SocketAddr>,
}

/// How the far side tells its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Unknown,
    /// It has sent telephone events; the tones in its audio are the same presses.
    Events,
}

/// What one datagram is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not of this session: counted, never answered, never passed on.
    Refused(Refusal),
    /// RTCP on the RTP port (RFC 5761).
    Control,
    /// Was here before, or carries nothing that anybody could hear.
    Ignored,
    Audio,
    /// How the far side's silence sounds (RFC 3389).
    Noise,
    /// A telephone event; with the key when this is the first packet of a press.
    Key(Option<char>),
}

/// By payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Event,
    Noise,
}

/// RFC 3389 §3: comfort noise at 8 kHz. Nobody is told that we take it, but some gateways send it unasked.
const COMFORT_NOISE: u8 = 13;

/// Our reports are this far apart (RFC 3550 §6.2: the minimum for a small session).
pub(super) const REPORT_EVERY: Duration = Duration::from_secs(5);

impl Session {
    pub(super) fn new(stream: Stream, rng: &mut fastrand::Rng, now: Instant) -> Session {
        let clock_rate = stream.codec.clock_rate();
        // RFC 3711 §3.3.1: whoever misses the first packets of an encrypted line still knows that its numbers have not begun
        // anew, as long as they begin in the lower half.
        let restamp = Restamp::new(rng.u32(..), rng.u16(..0x8000), rng.u32(..), clock_rate);
        Session {
            source: Source::new(stream.remote),
            restamp,
            reception: Reception::new(clock_rate),
            // RFC 7022 §4.2: a name that lasts for one session and says nothing of the machine.
            cname: format!("{:016x}", rng.u64(..)),
            next_report: now + REPORT_EVERY.mul_f32(0.5 + rng.f32() / 2.0),
            before: (0, 0),
            presses: dtmf::Receiver::new(),
            keys: Keys::Unknown,
            octets_received: 0,
            vigil: Vigil::new(now),
            far: Far::default(),
            control_source: None,
            stream,
        }
    }

    /// A re-INVITE: everything may change but the line of packets that the far side hears.
    pub(super) fn reconnect(&mut self, stream: Stream, now: Instant) {
        if stream.codec != self.stream.codec {
            let clock_rate = stream.codec.clock_rate();
            self.before = self.received_and_lost();
            self.reception = Reception::new(clock_rate);
            self.restamp.set_clock_rate(clock_rate);
        }
        self.source.reconnect(stream.remote);
        self.control_source = None;
        self.far.reset();
        self.vigil.on_agreed(now);
        if stream.dtmf.is_none() {
            self.keys = Keys::Unknown;
        }
        self.stream = stream;
    }

    /// Goes on under another SSRC.
    pub(super) fn restart_line(&mut self, rng: &mut fastrand::Rng) {
        self.restamp.rename(rng.u32(..), rng.u16(..0x8000));
    }

    pub(super) fn may_send(&self) -> bool {
        matches!(self.stream.direction, Direction::SendRecv | Direction::SendOnly)
    }

    pub(super) fn may_hear(&self) -> bool {
        matches!(self.stream.direction, Direction::SendRecv | Direction::RecvOnly)
    }

    pub(super) fn is_muxed(&self) -> bool {
        self.stream.remote_rtcp.is_none()
    }

    /// Judges one datagram from the RTP socket; only what is accepted changes anything.
    pub(super) fn judge(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Verdict {
        let verdict = self.examine(datagram, from, now);
        if let Verdict::Refused(why) = verdict {
            self.vigil.on_refused(from, why);
        }
        verdict
    }

    fn examine(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Verdict {
        if !self.source.may_hear(from) {
            return Verdict::Refused(Refusal::Source);
        }
        if rtp::is_rtcp(datagram) {
            return if self.is_muxed() { Verdict::Control } else { Verdict::Refused(Refusal::Control) };
        }
        match rtp::read(datagram) {
            Some(packet) if self.may_hear() => self.accept(&packet, from, now),
            Some(_) => Verdict::Refused(Refusal::Hold),
            None if stun::is_stun(datagram) => Verdict::Refused(Refusal::Stun),
            None => Verdict::Refused(Refusal::Malformed),
        }
    }

    fn accept(&mut self, packet: &Packet<'_>, from: SocketAddr, now: Instant) -> Verdict {
        let Packet { header, payload } = packet;
        let kind = match header.payload_type {
            audio if self.stream.is_audio(audio) => Kind::Audio,
            event if self.stream.is_event(event) => Kind::Event,
            noise if self.is_noise(noise) => Kind::Noise,
            _ => return Verdict::Refused(Refusal::PayloadType),
        };
        if let Err(why) = self.source.admit(from, header, now) {
            return Verdict::Refused(why);
        }
        self.vigil.on_heard(now);
        self.octets_received += payload.len() as u64;
        match (kind, self.arrive(header, payload, kind, now)) {
            (_, Arrival::Duplicate) => Verdict::Ignored,
            (Kind::Noise, _) => Verdict::Noise,
            (Kind::Event, arrival) => self.press(header, payload, arrival),
            // RFC 6263 §4.6: an empty packet only keeps a way through NAT open.
            (Kind::Audio, _) if payload.is_empty() => Verdict::Ignored,
            (Kind::Audio, _) => Verdict::Audio,
        }
    }

    fn arrive(&mut self, header: &Header, payload: &[u8], kind: Kind, now: Instant) -> Arrival {
        // All packets of a press carry the timestamp of its beginning; for the jitter it is the end that counts.
        let timestamp = match kind {
            Kind::Event => header.timestamp.wrapping_add(u32::from(dtmf::duration(payload))),
            _ => header.timestamp,
        };
        self.reception.on_packet(header.ssrc, header.sequence, timestamp, now)
    }

    fn press(&mut self, header: &Header, payload: &[u8], arrival: Arrival) -> Verdict {
        if arrival == Arrival::Restarted {
            self.presses.reset();
        }
        self.keys = Keys::Events;
        Verdict::Key(self.presses.on_packet(payload, header.timestamp))
    }

    fn is_noise(&self, payload_type: u8) -> bool {
        let unasked = payload_type == COMFORT_NOISE && self.stream.codec.clock_rate() == 8000;
        unasked || self.stream.comfort_noise == Some(payload_type)
    }

    /// Takes in the reports of the far side, `ntp` being our own clock; whatever else comes is stepped over.
    pub(super) fn on_control(&mut self, datagram: &[u8], from: SocketAddr, ntp: u64, now: Instant) {
        let is_known = from.ip() == self.source.destination().ip();
        if (is_known || self.is_reporter(from)) && self.far.on_control(datagram, self.restamp.ssrc(), ntp, now) {
            self.control_source = Some(from);
            if is_known {
                self.source.on_answer();
            }
        }
    }

    /// Whether reports come from there, by what was negotiated (RFC 3605) or what was heard.
    fn is_reporter(&self, from: SocketAddr) -> bool {
        self.control_source == Some(from) || self.stream.remote_rtcp.is_some_and(|remote| remote.ip() == from.ip())
    }

    /// Whether somebody there may begin a handshake on the RTCP port.
    pub(super) fn may_report(&self, from: SocketAddr) -> bool {
        self.is_reporter(from) || self.source.may_report(from)
    }

    /// A handshake on the RTCP port has shown where the far side is.
    pub(super) fn on_control_handshake(&mut self, from: SocketAddr) {
        self.control_source = Some(from);
    }

    /// Where reports go; `None` when they share the RTP port, or when the address named lies behind a NAT.
    pub(super) fn control_destination(&self) -> Option<SocketAddr> {
        let remote = self.stream.remote_rtcp?;
        let reachable = self.source.proven().is_none_or(|proven| proven.ip() == self.stream.remote.ip());
        self.control_source.or(reachable.then_some(remote))
    }

    /// What we heard of the far side, for a report of ours.
    pub(super) fn block(&mut self, now: Instant) -> Option<rtcp::ReportBlock> {
        let block = self.reception.report()?;
        let (last_report, delay) = self.far.last_report(now);
        Some(rtcp::ReportBlock { last_report, delay, ..block })
    }

    pub(super) fn received_and_lost(&self) -> (u64, u64) {
        (self.before.0 + self.reception.received(), self.before.1 + self.reception.lost())
    }
}
