//! What was negotiated for a leg, and what is known of its far side since.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::source::Source;
use crate::media::command::Stream;
use crate::media::dtmf;
use crate::media::reception::Arrival;
use crate::media::reception::Reception;
use crate::media::rtcp;
use crate::media::rtp;
use crate::media::rtp::Header;
use crate::media::rtp::Packet;
use crate::media::rtp::Restamp;
use crate::media::sdp::Direction;

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
    last_heard: Instant,
    silence: Silence,
    control_source: Option<SocketAddr>,
    /// The middle of the NTP time in the far side's last sender report, and when that came.
    last_sender_report: Option<(u32, Instant)>,
}

/// Whether the switch was told that nothing comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Unreported,
    Reported,
}

/// What one datagram is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not of this session: counted, never answered, never passed on.
    Refused,
    /// RTCP on the RTP port (RFC 5761).
    Control,
    /// Was here before, or carries nothing that anybody could hear.
    Ignored,
    Audio(Arrival),
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

/// RFC 3389 §3: comfort noise at 8 kHz. We make none and need none, but some gateways send it unasked.
const COMFORT_NOISE: u8 = 13;

/// Our reports are this far apart (RFC 3550 §6.2: the minimum for a small session).
pub(super) const REPORT_EVERY: Duration = Duration::from_secs(5);

impl Session {
    pub(super) fn new(stream: Stream, rng: &mut fastrand::Rng, now: Instant) -> Session {
        let clock_rate = stream.codec.clock_rate();
        Session {
            source: Source::new(stream.remote),
            restamp: Restamp::new(rng.u32(..), rng.u16(..), rng.u32(..), clock_rate),
            reception: Reception::new(clock_rate),
            // RFC 7022 §4.2: a name that lasts for one session and says nothing of the machine.
            cname: format!("{:016x}", rng.u64(..)),
            next_report: now + REPORT_EVERY.mul_f32(0.5 + rng.f32() / 2.0),
            before: (0, 0),
            presses: dtmf::Receiver::new(),
            last_heard: now,
            silence: Silence::Unreported,
            control_source: None,
            last_sender_report: None,
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
        self.last_heard = now;
        self.silence = Silence::Unreported;
        self.stream = stream;
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
        if !self.source.may_hear(from) {
            return Verdict::Refused;
        }
        if rtp::is_rtcp(datagram) {
            return if self.is_muxed() { Verdict::Control } else { Verdict::Refused };
        }
        match rtp::read(datagram) {
            Some(packet) if self.may_hear() => self.accept(&packet, from, now),
            _ => Verdict::Refused,
        }
    }

    fn accept(&mut self, packet: &Packet<'_>, from: SocketAddr, now: Instant) -> Verdict {
        let Packet { header, payload } = packet;
        let kind = match header.payload_type {
            audio if audio == self.stream.payload_type => Kind::Audio,
            event if self.is_event(event) => Kind::Event,
            COMFORT_NOISE if self.stream.codec.clock_rate() == 8000 => Kind::Noise,
            _ => return Verdict::Refused,
        };
        self.source.heard(from);
        self.last_heard = now;
        self.silence = Silence::Unreported;
        match (kind, self.arrive(header, payload, kind, now)) {
            (_, Arrival::Duplicate) | (Kind::Noise, _) => Verdict::Ignored,
            (Kind::Event, arrival) => self.press(header, payload, arrival),
            // RFC 6263 §4.6: an empty packet only keeps a way through NAT open.
            (Kind::Audio, _) if payload.is_empty() => Verdict::Ignored,
            (Kind::Audio, arrival) => Verdict::Audio(arrival),
        }
    }

    fn arrive(&mut self, header: &Header, payload: &[u8], kind: Kind, now: Instant) -> Arrival {
        // All packets of a press carry the timestamp of its beginning; for the jitter it is the end that counts.
        let timestamp = match kind {
            Kind::Event => header.timestamp.wrapping_add(u32::from(event_duration(payload))),
            _ => header.timestamp,
        };
        self.reception.on_packet(header.ssrc, header.sequence, timestamp, now)
    }

    fn press(&mut self, header: &Header, payload: &[u8], arrival: Arrival) -> Verdict {
        if arrival == Arrival::Restarted {
            self.presses.reset();
        }
        Verdict::Key(self.presses.on_packet(payload, header.timestamp))
    }

    fn is_event(&self, payload_type: u8) -> bool {
        self.stream.dtmf.is_some_and(|(event, _)| event == payload_type)
    }

    /// How long nothing has come that should have; once for each silence.
    pub(super) fn fell_quiet(&mut self, after: Duration, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.last_heard);
        if self.stream.direction != Direction::SendRecv || self.silence == Silence::Reported || since < after {
            return None;
        }
        self.silence = Silence::Reported;
        Some(since)
    }

    /// Takes in the reports of the far side; whatever else comes is stepped over.
    pub(super) fn on_control(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let known = self.source.proven().map_or(self.stream.remote.ip(), |proven| proven.ip());
        if from.ip() != known {
            return;
        }
        for report in rtcp::read(datagram) {
            self.control_source = Some(from);
            if let Some(sender) = report.sender {
                self.last_sender_report = Some(((sender.ntp >> 16) as u32, now));
            }
        }
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
        let (last_report, delay) = self.last_sender_report.map_or((0, 0), |(middle, came)| {
            let delay = now.saturating_duration_since(came).as_secs_f64() * 65_536.0;
            (middle, delay as u32)
        });
        Some(rtcp::ReportBlock { last_report, delay, ..block })
    }

    pub(super) fn received_and_lost(&self) -> (u64, u64) {
        (self.before.0 + self.reception.received(), self.before.1 + self.reception.lost())
    }
}

/// RFC 4733 §2.3.5.
fn event_duration(payload: &[u8]) -> u16 {
    match payload {
        [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}
