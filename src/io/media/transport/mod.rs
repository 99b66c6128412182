//! What lies between a leg's sockets and its packets where they are encrypted or their path is looked for: ICE, DTLS and
//! SRTP on one port, told apart by the first octet (RFC 7983 §7). RTCP on a port of its own has a handshake of its own there
//! (RFC 5764 §4.2).
//!
//! Handshakes and checks may allocate; packets do not. A leg that speaks plain RTP has none of this.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::io::media::leg::DATAGRAM;
use crate::io::media::transport::association::Association;
use crate::io::media::transport::association::End;
use crate::io::media::transport::handshake::Origin;
use crate::io::media::transport::identity::Identity;
use crate::io::media::transport::keys::Content;
use crate::media::command::Stream;
use crate::media::ice::agent::Agent;
use crate::media::ice::agent::Verdict;
use crate::media::refusal::Refusal;
use crate::media::rtp;
use crate::media::security::MasterKey;
use crate::media::security::Security;
use crate::media::security::Suite;
use crate::media::srtp::OVERHEAD;
use crate::media::stun;

mod association;
mod handshake;
mod hello;
pub(super) mod identity;
mod keys;

/// Room for any datagram once it is sealed.
pub(super) const SEALED: usize = DATAGRAM + OVERHEAD;

#[derive(Debug)]
pub(super) struct Transport {
    /// As it was negotiated last.
    security: Security,
    ice: Option<Box<Agent>>,
    rtp: Association,
    /// Of the RTCP port, where the keys of both ports come from handshakes.
    rtcp: Option<Box<Association>>,
    /// Keys from descriptions under which we have sent, the first [`MOST_SPENT`].
    spent: Vec<MasterKey>,
    line: Line,
    news: VecDeque<News>,
}

/// A description with a new key costs the far side one request. Beyond these each change counts as a key that comes back.
const MOST_SPENT: usize = 16;

/// What a change of keys means for the packets that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    GoesOn,
    /// An old key has come back, and under it we count from 0 again: only another SSRC keeps its keystream from being used a
    /// second time. RFC 3711 §9.1.
    NeedsSsrc,
}

/// How the handshake of a port has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The certificate is the one that signalling named, of whoever is there.
    Secured { port: Port, suite: Suite, with: SocketAddr },
    /// It is another's.
    Failed(String),
    /// There was none, or no end to it.
    Unfinished { port: Port, why: String },
}

/// From which of its two ports a leg is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Rtp,
    Rtcp,
}

/// Part of a handshake or a check that is to be sent as it is.
#[derive(Debug)]
pub(super) struct Transmit {
    pub(super) port: Port,
    pub(super) to: SocketAddr,
    pub(super) datagram: Vec<u8>,
}

/// What a datagram was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// RTP or RTCP, opened where it lies; so many octets.
    Media(usize),
    /// Part of a handshake or a check. Answers wait in [`Transport::poll_transmit`].
    Handled,
    /// Not encrypted, not signed by the far side, or of nobody who may speak here.
    Refused(Refusal),
}

impl Transport {
    /// What the terms ask for; as much of `former` goes on as they leave as it was. `None` for plain RTP.
    pub(super) fn renew(
        former: Option<Box<Transport>>,
        stream: &Stream,
        identity: &Arc<Identity>,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Option<Box<Transport>> {
        let has_sealed = former.as_ref().is_some_and(|former| !former.spent.is_empty());
        if stream.security == Security::Plain && stream.ice.is_none() && !has_sealed {
            return None;
        }
        let mut transport = former.unwrap_or_else(|| Box::new(Transport::empty()));
        transport.renew_ice(stream, rng, now);
        transport.renew_keys(stream, identity, now);
        transport.security = stream.security.clone();
        Some(transport)
    }

    fn empty() -> Transport {
        Transport {
            security: Security::Plain,
            ice: None,
            rtp: Association::default(),
            rtcp: None,
            spent: Vec::new(),
            line: Line::GoesOn,
            news: VecDeque::new(),
        }
    }

    fn renew_ice(&mut self, stream: &Stream, rng: &mut fastrand::Rng, now: Instant) {
        let Some(terms) = &stream.ice else {
            self.ice = None;
            return;
        };
        match &mut self.ice {
            Some(agent) if agent.is_same(terms) => {}
            Some(agent) => agent.reconnect((**terms).clone(), rng.fork(), now),
            None => self.ice = Some(Box::new(Agent::new((**terms).clone(), rng.fork(), now))),
        }
    }

    fn renew_keys(&mut self, stream: &Stream, identity: &Arc<Identity>, now: Instant) {
        let is_new = self.security != stream.security;
        match &stream.security {
            Security::Plain => self.rtp = Association::default(),
            Security::Sdes(terms) => {
                self.spend(terms.suite, terms.ours);
                self.rtp.take_described(terms);
            }
            Security::Dtls(terms) if is_new => self.rtp.shake_hands(terms, identity, now),
            Security::Dtls(_) => {}
        }
        match (&stream.security, stream.remote_rtcp) {
            (Security::Dtls(terms), Some(_)) if is_new || self.rtcp.as_ref().is_none_or(|rtcp| !rtcp.is_alive()) => {
                self.rtcp.get_or_insert_default().shake_hands(terms, identity, now);
            }
            (Security::Dtls(_), Some(_)) => {}
            _ => self.rtcp = None,
        }
    }

    /// Notes a key that we are about to send under.
    fn spend(&mut self, suite: Suite, ours: MasterKey) {
        let goes_on = self.rtp.sends_under(suite, ours);
        match self.spent.contains(&ours) || self.spent.len() >= MOST_SPENT {
            true if !goes_on => self.line = Line::NeedsSsrc,
            true => {}
            false => self.spent.push(ours),
        }
    }

    /// Whether packets have to leave under another SSRC from now on; asked once after each [`Transport::renew`].
    pub(super) fn needs_ssrc(&mut self) -> bool {
        std::mem::replace(&mut self.line, Line::GoesOn) == Line::NeedsSsrc
    }

    /// Whether every datagram matters now, and timers are to be looked at each turn of the grid.
    pub(super) fn is_busy(&self) -> bool {
        let searches = self.ice.as_ref().is_some_and(|agent| agent.is_searching());
        searches || self.rtp.is_shaking_hands() || self.rtcp.as_ref().is_some_and(|rtcp| rtcp.is_shaking_hands())
    }

    /// Whether packets can be sent.
    pub(super) fn is_ready(&self) -> bool {
        let has_path = self.ice.as_ref().is_none_or(|agent| agent.path().is_some());
        has_path && (self.rtp.has_keys() || self.security == Security::Plain)
    }

    /// Where packets go, where ICE says so.
    pub(super) fn path(&self) -> Option<SocketAddr> {
        self.ice.as_ref()?.path()
    }

    /// Whether what is opened was signed by the far side.
    pub(super) fn is_signed(&self) -> bool {
        self.security != Security::Plain
    }

    pub(super) fn has_ice(&self) -> bool {
        self.ice.is_some()
    }

    /// Takes in a datagram of the RTP port. `may_shake` says whether a handshake from there may be answered.
    pub(super) fn on_datagram(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        may_shake: impl Fn(SocketAddr) -> bool,
        now: Instant,
    ) -> Arrived {
        match datagram.first() {
            Some(0..=3) => self.on_check(datagram, from, now),
            Some(20..=63) => self.on_handshake(datagram, from, may_shake, now),
            Some(128..=191) if !self.is_path_open(from) => Arrived::Refused(Refusal::Source),
            Some(128..=191) if rtp::is_rtcp(datagram) => self.open(datagram, Content::Report),
            Some(128..=191) => self.open(datagram, Content::Packet),
            _ => Arrived::Refused(Refusal::Malformed),
        }
    }

    /// Whether packets from there may be looked at: unsigned ones only from where a check has come.
    fn is_path_open(&self, from: SocketAddr) -> bool {
        self.security != Security::Plain || self.ice.as_ref().is_none_or(|agent| agent.has_proven(from))
    }

    /// Takes in a datagram of the RTCP port; `may_shake` as in [`Transport::on_datagram`].
    pub(super) fn on_control(
        &mut self,
        datagram: &mut [u8],
        from: SocketAddr,
        may_shake: impl Fn(SocketAddr) -> bool,
        now: Instant,
    ) -> Arrived {
        match (&mut self.rtcp, datagram.first()) {
            _ if stun::is_stun(datagram) => Arrived::Refused(Refusal::Stun),
            (None, _) => self.open(datagram, Content::Report),
            (Some(rtcp), Some(20..=63)) => {
                let origin = may_shake(from).then_some(Origin::Address(from));
                let (arrived, ended) = rtcp.on_handshake(datagram, origin, now);
                self.note(Port::Rtcp, ended);
                arrived
            }
            (Some(rtcp), _) => rtcp.open(datagram, Content::Report),
        }
    }

    fn on_check(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Arrived {
        if !stun::is_stun(datagram) {
            return Arrived::Refused(Refusal::Malformed);
        }
        let Some(agent) = &mut self.ice else {
            return Arrived::Refused(Refusal::Stun);
        };
        match agent.on_datagram(datagram, from, now) {
            Verdict::Understood => Arrived::Handled,
            Verdict::Refused => Arrived::Refused(Refusal::Source),
        }
    }

    fn on_handshake(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        may_shake: impl Fn(SocketAddr) -> bool,
        now: Instant,
    ) -> Arrived {
        let origin = match &self.ice {
            Some(agent) => agent.has_proven(from).then_some(Origin::Checked(from)),
            None => may_shake(from).then_some(Origin::Address(from)),
        };
        let (arrived, ended) = self.rtp.on_handshake(datagram, origin, now);
        self.note(Port::Rtp, ended);
        arrived
    }

    fn open(&mut self, datagram: &mut [u8], content: Content) -> Arrived {
        match self.security {
            Security::Plain => Arrived::Media(datagram.len()),
            Security::Sdes(_) | Security::Dtls(_) => self.rtp.open(datagram, content),
        }
    }

    /// The datagram as it may leave, in `room` where it has to be sealed. `None` before there are keys and a path.
    pub(super) fn seal<'a>(&mut self, datagram: &'a [u8], room: &'a mut [u8; SEALED]) -> Option<&'a [u8]> {
        self.seal_as(datagram, room, Content::Packet)
    }

    /// The same for a compound of RTCP packets.
    pub(super) fn seal_control<'a>(&mut self, datagram: &'a [u8], room: &'a mut [u8; SEALED]) -> Option<&'a [u8]> {
        match &mut self.rtcp {
            Some(rtcp) => rtcp.seal(datagram, room, Content::Report),
            None => self.seal_as(datagram, room, Content::Report),
        }
    }

    fn seal_as<'a>(&mut self, datagram: &'a [u8], room: &'a mut [u8; SEALED], content: Content) -> Option<&'a [u8]> {
        if !self.is_ready() {
            return None;
        }
        match self.security {
            Security::Plain => Some(datagram),
            Security::Sdes(_) | Security::Dtls(_) => self.rtp.seal(datagram, room, content),
        }
    }

    /// `negotiated` is where the far side is without ICE, and `reports` where it takes RTCP on a port of its own.
    pub(super) fn handle_timeout(&mut self, negotiated: SocketAddr, reports: Option<SocketAddr>, now: Instant) {
        if let Some(agent) = &mut self.ice {
            agent.handle_timeout(now);
        }
        let destination = if self.ice.is_some() { self.path() } else { Some(negotiated) };
        let ended = self.rtp.handle_timeout(destination, now);
        self.note(Port::Rtp, ended);
        let ended = self.rtcp.as_mut().and_then(|rtcp| rtcp.handle_timeout(reports, now));
        self.note(Port::Rtcp, ended);
    }

    fn note(&mut self, port: Port, ended: Option<End>) {
        self.news.extend(ended.map(|end| match end {
            End::Agreed { suite, with } => News::Secured { port, suite, with },
            End::Failed(why) => News::Failed(why),
            End::Unfinished(why) => News::Unfinished { port, why },
        }));
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let check = self.ice.as_mut().and_then(|agent| agent.poll_transmit());
        let path = self.path();
        if let Some((to, datagram)) = check.or_else(|| self.rtp.poll_transmit(path)) {
            return Some(Transmit { port: Port::Rtp, to, datagram });
        }
        let (to, datagram) = self.rtcp.as_mut()?.poll_transmit(None)?;
        Some(Transmit { port: Port::Rtcp, to, datagram })
    }

    pub(super) fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }
}
