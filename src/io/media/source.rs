//! Whom a leg listens to, and where it therefore sends.
//!
//! The SDP names an address, but a phone behind NAT names one that nobody can reach; the packets themselves show the
//! way back. The first packet that fits what was negotiated decides, and from then on its address and its SSRC alone are
//! heard (RFC 7362 §5.2 and its warning). If that was a stranger, the negotiated address and the host that signals for the
//! far side take their place back. Only signalling opens the choice again, and even then whoever spoke last goes first: a
//! session refresh is no gap for a stranger to slip into.
//!
//! A PBX that starts its stream anew in mid-call, unannounced, is let in on probation: some packets in a row, and nothing
//! of the former speaker for a while. Who can forge the far side's address and speaks into its pauses can still be heard;
//! against him there is SRTP only.
//!
//! An address that has not answered may be anybody's: a forged INVITE names a victim. It gets a bounded amount of audio,
//! unless signalling has shown that it is the far side's own.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::media::refusal::Refusal;
use crate::media::rtp::Header;

/// The far side of one leg's RTP.
#[derive(Debug, Clone)]
pub(super) struct Source {
    negotiated: SocketAddr,
    state: State,
    candidate: Option<Candidate>,
    allowance: Allowance,
    /// SSRC and sequence number of the furthest signed packet.
    furthest: Option<(u32, u16)>,
    /// What ICE has found; it goes before all else.
    path: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has spoken yet.
    Open,
    /// This one was heard; after a re-INVITE with the same address the next packet may move it.
    Reopened(Speaker),
    /// This one alone is heard.
    Latched(Speaker),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Speaker {
    from: SocketAddr,
    ssrc: u32,
    last: Instant,
}

/// Who wants to take over.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next_sequence: u16,
    packets: u8,
}

/// What may be sent to an address that has proved nothing.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// What signalling has shown to be the far side's.
    vouched: Option<IpAddr>,
    /// A report came from there, or ICE has checked it.
    answered: bool,
    octets: u32,
    since: Option<Instant>,
    longest: Duration,
}

/// RFC 3550 A.1 asks for two; one more costs 20 ms, and a forger one more lucky gap.
const PROBATION: u8 = 3;

/// A signed packet that is further behind than this was not opened under the same key, so another count has begun.
const OPENED: u16 = 128;

/// So long the former speaker must have said nothing: longer than the longest packets in use, shorter than a word.
const GONE: Duration = Duration::from_millis(100);

/// Octets a second that the allowance is reckoned by: G.711 with all headers has 10,000.
const OCTETS_PER_SECOND: f32 = 12_000.0;

/// IP and UDP.
const HEADERS: u32 = 28;

impl Source {
    pub(super) fn new(negotiated: SocketAddr) -> Source {
        let (allowance, furthest) = (Allowance::default(), None);
        Source { negotiated, state: State::Open, candidate: None, allowance, furthest, path: None }
    }

    /// A re-INVITE. To another address: what was proven about the old one is void. To the same: a phone that moved to
    /// another network still names its private address, so its next packets may come from elsewhere.
    pub(super) fn reconnect(&mut self, negotiated: SocketAddr) {
        let was_proven = self.is_proven();
        self.state = match self.state {
            State::Latched(speaker) | State::Reopened(speaker) if negotiated == self.negotiated => {
                State::Reopened(speaker)
            }
            _ => State::Open,
        };
        if negotiated.ip() != self.negotiated.ip() {
            self.allowance.move_on(was_proven);
        }
        (self.candidate, self.furthest) = (None, None);
        self.negotiated = negotiated;
    }

    /// Where to send: the proven source, before there is one the negotiated address, and nowhere else.
    pub(super) fn destination(&self) -> SocketAddr {
        self.path.or(self.proven()).unwrap_or(self.negotiated)
    }

    pub(super) fn negotiated(&self) -> SocketAddr {
        self.negotiated
    }

    /// The address that was really heard.
    pub(super) fn proven(&self) -> Option<SocketAddr> {
        match self.state {
            State::Open => None,
            State::Reopened(speaker) | State::Latched(speaker) => Some(speaker.from),
        }
    }

    /// Whether a stranger's packet may be looked at more closely. Cheap, so it is asked before anything is parsed.
    pub(super) fn may_hear(&self, from: SocketAddr) -> bool {
        match self.state {
            State::Latched(speaker) => from == speaker.from || self.outranks(from, speaker.from),
            State::Open | State::Reopened(_) => true,
        }
    }

    /// The negotiated address comes before whoever spoke first from elsewhere. A phone behind NAT never sends from there, so
    /// the host that signals for it comes before everybody else.
    fn outranks(&self, from: SocketAddr, speaker: SocketAddr) -> bool {
        let is_vouched = |address: SocketAddr| self.allowance.vouched == Some(address.ip());
        speaker != self.negotiated && (from == self.negotiated || is_vouched(from) && !is_vouched(speaker))
    }

    /// Whether RTCP on a port of its own may come from there: a NAT may give that port any number, but not another host.
    pub(super) fn may_report(&self, from: SocketAddr) -> bool {
        match self.state {
            State::Latched(speaker) => from.ip() == speaker.from.ip() || from.ip() == self.negotiated.ip(),
            State::Open | State::Reopened(_) => true,
        }
    }

    /// Whether a packet that fits what was negotiated is heard, and with it its source.
    pub(super) fn admit(&mut self, from: SocketAddr, header: &Header, now: Instant) -> Result<(), Refusal> {
        let heard = Speaker { from, ssrc: header.ssrc, last: now };
        let admitted = match self.state {
            State::Open => true,
            State::Latched(speaker) if speaker.is(&heard) => true,
            State::Latched(speaker) if self.outranks(from, speaker.from) => true,
            State::Reopened(speaker) => speaker.from == from || self.passes(&heard, header.sequence, speaker.last),
            State::Latched(speaker) => self.passes(&heard, header.sequence, speaker.last),
        };
        if admitted {
            self.state = State::Latched(heard);
            self.candidate = None;
            return Ok(());
        }
        Err(if self.proven() == Some(from) { Refusal::Ssrc } else { Refusal::Source })
    }

    /// Whoever signs what comes from there is the far side, wherever it has moved and whatever it calls its source. Gives back
    /// from where the packet counts as heard: one that was overtaken is the far side's too, but moves nothing, for somebody may
    /// have held it back to send it from elsewhere.
    pub(super) fn on_signed(&mut self, from: SocketAddr, header: &Header, now: Instant) -> SocketAddr {
        let Header { ssrc, sequence, .. } = *header;
        let overtaken = self
            .furthest
            .is_some_and(|(same, furthest)| same == ssrc && (1..OPENED).contains(&furthest.wrapping_sub(sequence)));
        if let Some(proven) = self.proven().filter(|_| overtaken) {
            return proven;
        }
        self.state = State::Latched(Speaker { from, ssrc, last: now });
        (self.candidate, self.furthest) = (None, Some((ssrc, sequence)));
        from
    }

    /// A handshake has shown that the far side is there, though it may have said nothing yet.
    pub(super) fn on_handshake(&mut self, from: SocketAddr, now: Instant) {
        self.furthest = None;
        match &mut self.state {
            State::Open => self.state = State::Reopened(Speaker { from, ssrc: 0, last: now }),
            State::Reopened(speaker) | State::Latched(speaker) => speaker.from = from,
        }
    }

    /// Checks have found where the far side is, or are not used any more.
    pub(super) fn set_path(&mut self, path: Option<SocketAddr>) {
        if let (Some(path), State::Latched(speaker) | State::Reopened(speaker)) = (path, &mut self.state) {
            speaker.from = path;
        }
        self.path = path;
    }

    /// One more packet of a candidate: whether it takes over.
    fn passes(&mut self, heard: &Speaker, sequence: u16, last: Instant) -> bool {
        let packets = match self.candidate {
            Some(it) if (it.from, it.ssrc, it.next_sequence) == (heard.from, heard.ssrc, sequence) => {
                it.packets.saturating_add(1)
            }
            _ => 1,
        };
        let next_sequence = sequence.wrapping_add(1);
        self.candidate = Some(Candidate { from: heard.from, ssrc: heard.ssrc, next_sequence, packets });
        packets >= PROBATION && heard.last.saturating_duration_since(last) >= GONE
    }
}

/// What is sent.
impl Source {
    pub(super) fn allow(&mut self, longest: Duration) {
        self.allowance.longest = longest;
    }

    pub(super) fn vouch(&mut self, address: IpAddr) {
        self.allowance.vouched = Some(address);
    }

    /// A report, or an answer to a check of ICE, has come from where we send.
    pub(super) fn on_answer(&mut self) {
        self.allowance.answered = true;
    }

    /// Whether what goes to [`Source::destination`] goes to somebody who has shown that he is there.
    pub(super) fn is_proven(&self) -> bool {
        let Allowance { vouched, answered, .. } = self.allowance;
        answered || self.path.is_some() || self.proven().is_some() || vouched == Some(self.negotiated.ip())
    }

    /// Whether so many octets may go out; if so, they are counted.
    pub(super) fn may_send(&mut self, octets: usize) -> bool {
        self.is_proven() || self.allowance.take(octets)
    }

    /// Looks at the clock, which nobody does for each packet.
    pub(super) fn watch_allowance(&mut self, now: Instant) {
        if !self.is_proven() {
            self.allowance.look(now);
        }
    }
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance { vouched: None, answered: false, octets: 0, since: None, longest: Duration::from_secs(15) }
    }
}

impl Allowance {
    fn take(&mut self, octets: usize) -> bool {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX).saturating_add(HEADERS);
        let most = (self.longest.as_secs_f32() * OCTETS_PER_SECOND) as u32;
        if self.octets.saturating_add(octets) > most {
            return false;
        }
        self.octets += octets;
        true
    }

    fn look(&mut self, now: Instant) {
        if self.octets == 0 {
            return;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.longest {
            self.octets = u32::MAX;
        }
    }

    /// To another address. Who has proved the last one gets a new allowance, anybody else what was left of his.
    fn move_on(&mut self, was_proven: bool) {
        self.answered = false;
        if was_proven {
            (self.octets, self.since) = (0, None);
        }
    }
}

impl Speaker {
    fn is(&self, other: &Speaker) -> bool {
        (self.from, self.ssrc) == (other.from, other.ssrc)
    }
}

#[cfg(test)]
#[path = "tests/source.rs"]
mod tests;
