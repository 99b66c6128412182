//! The user agent: transactions, dialogs and INVITE sessions as one machine without input or output of its own.
//!
//! Packets go in with [`UserAgent::receive`], orders with the verbs below it; what has to be sent comes out of
//! [`UserAgent::poll_transmit`], what the PBX has to know out of [`UserAgent::poll_event`]. Everything that SIP alone
//! decides is decided here and not heard of outside: repeats, ACKs, forks, challenges, glare, faulty requests.

mod ahead;
mod arrivals;
pub(super) mod core;
pub(super) mod credentials;
pub mod dialogs;
mod gate;
pub mod identity;
pub mod overload;
pub(super) mod oversize;
pub(super) mod reason;
mod requests;
mod responses;
mod sessions;
pub mod stand_in;
mod subscriptions;
pub mod targets;
#[cfg(test)]
mod tests;
mod validity;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::core::Core;
use crate::sip::agent::dialogs::Departed;
use crate::sip::agent::gate::Gate;
use crate::sip::agent::overload::Shed;
use crate::sip::agent::requests::Pending;
use crate::sip::agent::subscriptions::Subscriptions;
use crate::sip::config::Config;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::name_addr::NameAddr;
use crate::sip::network::Network;
use crate::sip::session::Session;
use crate::sip::transaction::deadlines::Alarms;
use crate::sip::transaction::deadlines::Armed;
use crate::sip::transaction::deadlines::Deadlines;
use crate::sip::transaction::fingerprint::NumberHashing;
use crate::sip::transaction::tally::Tally;
use crate::sip::uri::Uri;

/// A request of a peer that is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub u64);

/// A request of ours outside of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// One call leg: an INVITE, answered or not, ours or a peer's, until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Somebody who is told of changes until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub u64);

/// What the PBX has to know.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would cost each request an allocation, and few events wait at a time"
)]
pub enum Event {
    /// Anything but INVITE, ACK and CANCEL outside of a dialog. Answer it with [`UserAgent::respond`].
    Request {
        transaction: TransactionId,
        request: Request,
        hop: Hop,
    },
    /// A new call; 100 has been sent. Take it, or refuse it with [`UserAgent::respond`].
    Invite {
        transaction: TransactionId,
        request: Arc<Request>,
        hop: Hop,
    },
    /// The final response to a request of ours.
    Response {
        request: RequestId,
        response: Response,
    },
    RequestFailed {
        request: RequestId,
        why: Failure,
    },
    Session {
        session: SessionId,
        event: SessionEvent,
    },
    /// Nobody is told anything more; the id is not known any more.
    SubscriptionEnded {
        subscription: SubscriptionId,
    },
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came for 64*T1.
    Timeout,
    ConnectionLost,
}

/// What happened to a call. "Gone" means that the [`SessionId`] is not known any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// Ours: a provisional response above 100. After a fork each branch has its own SDP, the latest counts; 199 says that a
    /// branch is over.
    Progress { status: u16, sdp: Option<Bytes> },
    /// Ours: a 2xx; our ACK is on its way. `sdp` is empty if the far end never sent one. Where the INVITE had no offer this is
    /// one: [`UserAgent::answer`] it, and the ACK goes out with the answer.
    Accepted { sdp: Bytes },
    /// Ours: one target did not answer (408), refused with 503, or the connection to it broke (503); the next of the
    /// [`Invitation::alternatives`] is being tried.
    MovedOn { from: Hop, status: u16, retry_after: Option<Duration> },
    /// Ours: a final refusal, 408 if nothing came, 503 if the connection broke. `cause` is that of Q.850, `redirect` the
    /// Contacts of a 3xx, best first. Gone.
    Refused { status: u16, reason: String, cause: Option<u16>, retry_after: Option<Duration>, redirect: Vec<NameAddr> },
    /// Theirs: the ACK came; with the answer, where the INVITE had no offer.
    Confirmed { sdp: Option<Bytes> },
    /// A re-INVITE or UPDATE of the peer, an offer in its PRACK, or one in a reliable response to our INVITE that had none.
    /// [`UserAgent::answer`] it or [`UserAgent::refuse_offer`]. Without SDP the
    /// answer is an offer, and `Answered` follows.
    Offered { sdp: Option<Bytes> },
    /// Our offer was accepted.
    Answered { sdp: Bytes },
    /// Our offer was refused; all stays as it was.
    OfferRefused { status: u16 },
    /// Theirs: given up before our answer. Gone.
    Cancelled { cause: Option<u16> },
    /// The peer hung up. Gone.
    HungUp { cause: Option<u16> },
    /// No ACK, no answer inside the dialog, or the connection broke before the call stood. Gone. RFC 3261 §13.3.1.4, §12.2.1.2.
    Lost,
    /// An INFO, already answered 200: `application/dtmf-relay` and the like.
    Info { content_type: String, body: Bytes },
    /// A REFER while the call stands: [`UserAgent::accept_referral`] or [`UserAgent::respond`].
    Referred { transaction: TransactionId, request: Box<Request> },
    /// How the peer fares that got a REFER of ours, by a status line in its NOTIFY. RFC 3515 §2.4.5.
    ReferFares { status: u16 },
    /// What [`UserAgent::hang_up`] began is finished. Gone.
    HangUpDone,
}

/// Why we hang up, for the `Reason` header. RFC 3326.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUpReason {
    /// A cause of Q.850 and its text.
    Q850(u16, &'static str),
    /// A status of SIP and its text; before the call is answered, this is the refusal.
    Sip(u16, &'static str),
}

/// A call of ours.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The Request-URI.
    pub target: Uri,
    pub hop: Hop,
    /// Where else the call may go if `hop` is silent, broken or answers 503, best first. RFC 3263 §4.3.
    pub alternatives: Vec<Hop>,
    /// Without tag.
    pub from: NameAddr,
    pub to: NameAddr,
    /// Our offer.
    pub sdp: Bytes,
    /// Further headers, as `P-Asserted-Identity` or `Diversion`.
    pub headers: Vec<(Name, Bytes)>,
    /// Answers to 401 and 407, of the INVITE and of all that follows it.
    pub credentials: Option<Credentials>,
}

/// Figures for the metrics, since the start but for what is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Alive now.
    pub transactions: usize,
    /// Alive now.
    pub sessions: usize,
    /// Alive now: requests of ours outside of calls.
    pub requests: usize,
    /// Alive now.
    pub subscriptions: usize,
    pub received: Tally,
    pub sent: Tally,
    /// Could not be read; answered where that was possible.
    pub malformed: u64,
    /// Responses and ACKs that belong to nothing.
    pub stray: u64,
    /// Repeated requests, absorbed or answered again.
    pub repeated: u64,
    /// What was refused or dropped because there was too much of it.
    pub shed: Shed,
}

/// See the top of this file.
#[derive(Debug)]
pub struct UserAgent {
    core: Core,
    gate: Gate,
    sessions: HashMap<SessionId, Kept, NumberHashing>,
    session_by_tag: HashMap<u64, SessionId, NumberHashing>,
    alarms: Alarms<SessionId>,
    request_alarms: Deadlines<RequestId>,
    pending: HashMap<RequestId, Pending, NumberHashing>,
    subscriptions: Subscriptions,
    /// INVITEs that came since messages last left, each with its 100: they hear it unless they have been answered by then. Who
    /// is turned away must not, or he would repeat his INVITE no more (RFC 3261 §8.2.7, §17.1.1.2).
    untried: Vec<(TransactionId, Bytes, Instant)>,
    departed: Departed,
    last_session: u64,
    last_request: u64,
    received: Tally,
    malformed: u64,
    stray: u64,
    repeated: u64,
    shed: Shed,
    lag: Duration,
}

#[derive(Debug)]
struct Kept {
    session: Box<Session>,
    armed: Armed,
    /// REFERs of the peer whose outcome he is still told.
    referrals: Vec<SubscriptionId>,
    referrals_taken: u32,
}

impl UserAgent {
    pub fn new(config: &Config, rng: fastrand::Rng) -> UserAgent {
        UserAgent {
            core: Core::new(config, rng),
            gate: Gate::new(&config.limits),
            sessions: HashMap::default(),
            session_by_tag: HashMap::default(),
            alarms: Alarms::new(),
            request_alarms: Deadlines::new(),
            pending: HashMap::default(),
            subscriptions: Subscriptions::new(&config.subscriptions),
            untried: Vec::new(),
            departed: Departed::default(),
            last_session: 0,
            last_request: 0,
            received: Tally::default(),
            malformed: 0,
            stray: 0,
            repeated: 0,
            shed: Shed::default(),
            lag: Duration::ZERO,
        }
    }

    /// Addresses that no limit for single sources holds up: those of trunks.
    pub fn exempt(&mut self, sources: Vec<Network>) {
        self.gate.exempt(sources);
    }

    /// How long messages wait at present until [`UserAgent::receive`] gets them.
    pub fn on_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }

    /// What has to be sent next.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        for (transaction, trying, at) in self.untried.drain(..) {
            self.core.layer.answer_bytes(transaction, 100, trying, at);
        }
        self.core.layer.poll_transmit()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// When [`UserAgent::handle_timeout`] is to be called; now and then there will be nothing to do.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let calls = [self.core.layer.poll_timeout(), self.alarms.next()];
        let others = [self.request_alarms.next(), self.subscriptions.next_alarm()];
        let earliest = calls.into_iter().chain(others);
        earliest.flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(user) = self.core.layer.expire(now) {
            self.on_failure(user, Failure::Timeout, now);
        }
        while let Some((at, id)) = self.alarms.pop_due(now) {
            let kept = self.sessions.get_mut(&id).filter(|kept| kept.armed.is_at(at));
            if let Some(kept) = kept {
                kept.armed = Armed::default();
                self.with_session(id, |session, core| session.handle_timeout(core, now));
            }
        }
        while let Some((at, id)) = self.request_alarms.pop_due(now) {
            self.on_request_alarm(id, at, now);
        }
        self.run_due_subscriptions(now);
    }

    /// The connection is closed: what waited for an answer on it fails, calls that stand go on.
    pub fn connection_lost(&mut self, connection: ConnectionId, now: Instant) {
        self.on_connection_lost(connection, now);
    }

    /// There is no stream by which this could go: its request is tried by another way, or fails at once.
    pub fn unsent(&mut self, transmit: Transmit, now: Instant) {
        self.on_unsent(transmit, now);
    }

    /// One packet from the network.
    pub fn receive(&mut self, packet: Packet, now: Instant) {
        if !self.gate.admits(&packet.bytes, packet.hop, now) {
            return;
        }
        self.received.count(&packet.bytes);
        self.on_packet(packet, now);
    }

    pub fn counts(&self) -> Counts {
        Counts {
            transactions: self.core.layer.len(),
            sessions: self.sessions.len(),
            requests: self.pending.len(),
            subscriptions: self.subscriptions.len(),
            received: self.received,
            sent: self.core.layer.outbox().sent(),
            malformed: self.malformed,
            stray: self.stray,
            repeated: self.repeated,
            shed: Shed { rate: self.gate.dropped(), ..self.shed },
        }
    }
}
