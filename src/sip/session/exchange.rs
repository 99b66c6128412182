//! Offers and answers: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), in both directions; UPDATE also while it rings,
//! once the first offer and answer are done.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::Failure;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::credentials::Attempts;
use crate::sip::content::SDP;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Role;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::abilities::Update;
use crate::sip::session::branch;
use crate::sip::session::pending_ack::PendingAck;
use crate::sip::session::refusal::retry_after;
use crate::sip::session::reliable::Media;
use crate::sip::session::ringing::PeersSdp;
use crate::sip::session::sdp_of;
use crate::sip::transaction::layer::ClientKey;
use crate::sip::transaction::layer::ClientKind;

/// Who may say what about the media just now: one offer at a time, RFC 3264 §4.
#[derive(Debug)]
pub(super) enum Exchange {
    Idle,
    /// The peer offered (or asked for an offer) in an INVITE, UPDATE or PRACK; the PBX has to answer.
    Theirs {
        transaction: TransactionId,
        request: Box<Request>,
    },
    /// Our 2xx to the peer's re-INVITE is repeated until its ACK.
    Acknowledging {
        pending: PendingAck,
        peers_sdp: PeersSdp,
    },
    /// The far end's 2xx to our INVITE without an offer had one; our answer goes into the ACK.
    InOurAck {
        invite: ClientKey,
    },
    /// Our re-INVITE or UPDATE is not decided.
    Ours {
        key: ClientKey,
        sdp: Bytes,
        refusals: u8,
        attempts: Attempts,
    },
}

/// An offer of ours that could not be made yet.
#[derive(Debug)]
pub(super) struct Wanted {
    sdp: Bytes,
    /// After a glare: not before this.
    not_before: Option<Instant>,
    /// How often glare has sent it back.
    refusals: u8,
}

/// Two ends that always collide are a fault of one of them.
const GLARES: u8 = 5;

impl Exchange {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Exchange::Idle)
    }

    pub(super) fn waits_for(&self, awaited: ClientKey) -> bool {
        match self {
            Exchange::Ours { key, .. } | Exchange::InOurAck { invite: key } => *key == awaited,
            _ => false,
        }
    }

    pub(super) fn is_about(&self, id: TransactionId) -> bool {
        matches!(self, Exchange::Theirs { transaction, .. } if *transaction == id)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Exchange::Acknowledging { pending, .. } => Some(pending.deadline()),
            _ => None,
        }
    }
}

/// The peer offers.
impl Session {
    /// A re-INVITE or UPDATE.
    pub(super) fn on_offer(&mut self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        let quiet_update = request.method == Method::Update && sdp_of(&request.headers, &request.body).is_none();
        let status = match self.turn_of(&request) {
            Turn::Over => 481,
            _ if quiet_update => return self.on_quiet_update(transaction, &request, core, now),
            Turn::Theirs => return self.on_peers_turn(transaction, request, core, now),
            // RFC 3261 §14.2, RFC 3311 §5.2: one after the other.
            Turn::TheyWait => 500,
            Turn::Ours => 491,
        };
        let mut response = self.reply(&request, status, core);
        if status == 500 {
            let seconds = core.rng.u8(0..=10).to_string();
            response.headers.push(Name::RetryAfter, seconds);
        }
        core.layer.answer(transaction, &response, now);
    }

    fn turn_of(&self, request: &Request) -> Turn {
        let is_update = request.method == Method::Update;
        match (&self.state, &self.exchange) {
            (State::Leaving(_) | State::Over, _) => Turn::Over,
            (_, Exchange::Theirs { .. }) => Turn::TheyWait,
            (State::Talking, Exchange::Idle) => Turn::Theirs,
            (State::Talking | State::Answered(_), _) => Turn::Ours,
            (State::Ringing(_) | State::Calling(_), Exchange::Ours { .. }) => Turn::Ours,
            (State::Ringing(ringing), _) => match ringing.media() {
                Media::Settled if is_update => Turn::Theirs,
                Media::Told if !ringing.has_offer() => Turn::Ours,
                _ => Turn::TheyWait,
            },
            (State::Calling(calling), _) => {
                let branch = calling.branches.find(request.headers.from_tag().unwrap_or_default());
                let settled = branch.is_some_and(|branch| branch.media == branch::Media::Settled);
                if is_update && settled && calling.owed.is_none() { Turn::Theirs } else { Turn::Ours }
            }
        }
    }

    /// RFC 3311 §5.2: an UPDATE without offer moves the target and refreshes the session.
    fn on_quiet_update(&mut self, transaction: TransactionId, update: &Request, core: &mut Core, now: Instant) {
        self.dialog_with(update.headers.from_tag().unwrap_or_default()).refresh_target(&update.headers);
        let mut response = self.reply(update, 200, core);
        self.refresh_by(update, &mut response, core, now);
        core.layer.answer(transaction, &response, now);
    }

    /// The 2xx of a re-INVITE or UPDATE begins the session timer anew. RFC 4028 §9.
    fn refresh_by(&mut self, request: &Request, response: &mut Response, core: &Core, now: Instant) {
        if matches!(self.state, State::Talking) {
            self.timer = self.agree(request, response, core, now);
        }
    }

    fn on_peers_turn(&mut self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        if request.method == Method::Invite {
            core.layer.answer_bytes(transaction, 100, request.trying(), now);
            core.invites.insert(transaction, InviteUse::Session(self.id));
        }
        let tag = request.headers.from_tag().unwrap_or_default();
        self.dialog_with(tag).refresh_target(&request.headers);
        let sdp = sdp_of(&request.headers, &request.body);
        self.note_branch_sdp(tag, sdp.as_ref());
        core.tell(self.id, SessionEvent::Offered { sdp });
        self.exchange = Exchange::Theirs { transaction, request: Box::new(request) };
    }

    pub(in crate::sip) fn answer(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        if self.answer_in_prack(&sdp, core, now) || self.answer_in_ack(&sdp, core, now) {
            return;
        }
        let Exchange::Theirs { transaction, request } = &self.exchange else {
            return;
        };
        let transaction = *transaction;
        let peers_sdp = match sdp_of(&request.headers, &request.body) {
            Some(_) => PeersSdp::InInvite,
            None => PeersSdp::InAck,
        };
        let Exchange::Theirs { request, .. } = std::mem::replace(&mut self.exchange, Exchange::Idle) else {
            return;
        };
        self.spoken = sdp.clone();
        let mut response = self.reply_with(&request, 200, Some(sdp), core);
        if request.method != Method::Prack {
            self.refresh_by(&request, &mut response, core, now);
        }
        if request.method != Method::Invite {
            core.layer.answer(transaction, &response, now);
            return self.on_settled(core, now);
        }
        let pending = PendingAck::send(transaction, &response, core, now);
        self.exchange = Exchange::Acknowledging { pending, peers_sdp };
    }

    pub(in crate::sip) fn refuse_offer(&mut self, status: u16, core: &mut Core, now: Instant) {
        let Exchange::Theirs { transaction, request } = &self.exchange else {
            return;
        };
        let response = self.reply(request, status, core);
        core.layer.answer(*transaction, &response, now);
        core.invites.remove(transaction);
        self.warning = None;
        self.on_settled(core, now);
    }

    pub(super) fn on_exchange_acknowledged(&mut self, ack: &Request, core: &mut Core, now: Instant) {
        let Exchange::Acknowledging { pending, peers_sdp } = &self.exchange else {
            return;
        };
        if !pending.is_confirmed_by(ack) {
            return;
        }
        let answer = match peers_sdp {
            PeersSdp::InInvite => None,
            PeersSdp::InAck => sdp_of(&ack.headers, &ack.body),
        };
        if let Some(sdp) = answer {
            core.tell(self.id, SessionEvent::Answered { sdp });
        }
        self.on_settled(core, now);
    }

    fn on_settled(&mut self, core: &mut Core, now: Instant) {
        self.exchange = Exchange::Idle;
        self.accept_if_held(core, now);
        self.offer_if_wanted(core, now);
    }
}

/// Whose turn it is when an offer of the peer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Theirs,
    /// An earlier offer of the peer has no answer of ours.
    TheyWait,
    /// An offer or answer of ours is on its way.
    Ours,
    Over,
}

/// We offer.
impl Session {
    pub(in crate::sip) fn offer(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        self.wanted = Some(Wanted { sdp, not_before: None, refusals: 0 });
        self.offer_if_wanted(core, now);
    }

    pub(super) fn offer_if_wanted(&mut self, core: &mut Core, now: Instant) {
        let Some(method) = self.way_to_offer() else {
            return;
        };
        let due = |wanted: &mut Wanted| wanted.not_before.is_none_or(|at| at <= now);
        let Some(Wanted { sdp, refusals, .. }) = self.wanted.take_if(due) else {
            return;
        };
        let dialog = self.offering_dialog();
        let hop = dialog.hop();
        let mut request = dialog.request(method).with_body(SDP, sdp.clone());
        self.introduce(&mut request.headers, core);
        let key = core.send(request, hop, User::Session(self.id, Purpose::Offer), now);
        self.exchange = Exchange::Ours { key, sdp, refusals, attempts: Attempts::default() };
    }

    /// The dialog in which an offer of ours is made now.
    fn offering_dialog(&mut self) -> &mut Dialog {
        let early = match &mut self.state {
            State::Calling(calling) => calling.branches.settled_dialog(),
            _ => None,
        };
        early.unwrap_or(&mut self.dialog)
    }

    /// When an offer of ours that glare sent back may be made.
    pub(super) fn offer_deadline(&self) -> Option<Instant> {
        self.way_to_offer().and(self.wanted.as_ref()).and_then(|wanted| wanted.not_before)
    }

    /// How an offer of ours is made now; `None`: not now.
    fn way_to_offer(&self) -> Option<Method> {
        if !self.exchange.is_idle() || self.wanted.is_none() {
            return None;
        }
        let may_update = self.peer.update == Update::Allowed;
        match &self.state {
            State::Talking => Some(Method::Invite),
            State::Ringing(ringing) if may_update && ringing.media() == Media::Settled => Some(Method::Update),
            State::Calling(calling) if may_update && calling.owed.is_none() && calling.is_wanted() => {
                calling.branches.settled().map(|_| Method::Update)
            }
            _ => None,
        }
    }

    pub(super) fn on_offer_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        if !self.exchange.waits_for(key) {
            return;
        }
        match response.status {
            100..200 => {}
            200..300 => self.on_offer_accepted(key, response, core, now),
            // RFC 3261 §12.2.1.2: the far end knows nothing of this call any more.
            408 if self.stands() => self.lose(None, core, now),
            481 if self.stands() => self.end(SessionEvent::Lost, core),
            491 => self.on_glare(None, core, now),
            422 => {
                self.on_interval_refused(&response.headers, now);
                self.on_glare(Some(Duration::ZERO), core, now);
            }
            500 if retry_after(&response.headers).is_some() => {
                self.on_glare(retry_after(&response.headers), core, now);
            }
            _ => self.on_offer_refused(key, response, core, now),
        }
    }

    fn stands(&self) -> bool {
        matches!(self.state, State::Talking)
    }

    pub(super) fn on_offer_failed(&mut self, why: Failure, core: &mut Core, now: Instant) {
        if self.stands() {
            return self.lose(None, core, now);
        }
        let status = if why == Failure::Timeout { 408 } else { 503 };
        if matches!(self.exchange, Exchange::Ours { .. }) {
            core.tell(self.id, SessionEvent::OfferRefused { status });
            self.on_settled(core, now);
        }
    }

    fn on_offer_accepted(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let Exchange::Ours { sdp, .. } = &self.exchange else {
            return;
        };
        self.spoken = sdp.clone();
        let tag = response.headers.to_tag().unwrap_or_default();
        self.dialog_with(tag).refresh_target(&response.headers);
        if key.kind == ClientKind::Invite {
            core.acknowledge(key, &self.dialog);
        }
        if self.stands() {
            self.on_refreshed(&response.headers, core, now);
        }
        let sdp = sdp_of(&response.headers, &response.body);
        self.note_branch_sdp(tag, sdp.as_ref());
        core.tell(
            self.id,
            sdp.map_or(SessionEvent::OfferRefused { status: 488 }, |sdp| SessionEvent::Answered { sdp }),
        );
        self.on_settled(core, now);
    }

    /// What a far end said last is what holds if its 2xx says nothing.
    fn note_branch_sdp(&mut self, tag: &str, sdp: Option<&Bytes>) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        if let (Some(branch), Some(sdp)) = (calling.branches.find_mut(tag), sdp) {
            branch.sdp = Some(sdp.clone());
        }
    }

    fn on_offer_refused(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let Exchange::Ours { attempts, .. } = &mut self.exchange else {
            return;
        };
        let credentials = self.credentials.as_deref();
        if let Some((request, hop)) = core.answer_challenge(key, response, credentials, attempts) {
            let tag = request.headers.to_tag().unwrap_or_default().to_owned();
            self.dialog_with(&tag).on_sent(&request);
            let again = core.send(request, hop, User::Session(self.id, Purpose::Offer), now);
            if let Exchange::Ours { key, .. } = &mut self.exchange {
                *key = again;
            }
            return;
        }
        let status = response.status;
        self.on_refresh_refused(retry_after(&response.headers), now);
        core.tell(self.id, SessionEvent::OfferRefused { status });
        self.on_settled(core, now);
    }

    /// RFC 3261 §14.1: both ends offered at once. Who made the Call-ID waits longer. RFC 3311 §5.3: or the far end said
    /// when to try again.
    fn on_glare(&mut self, wait: Option<Duration>, core: &mut Core, now: Instant) {
        let Exchange::Ours { sdp, refusals, .. } = std::mem::replace(&mut self.exchange, Exchange::Idle) else {
            return;
        };
        if refusals >= GLARES {
            self.on_refresh_refused(None, now);
            core.tell(self.id, SessionEvent::OfferRefused { status: 491 });
            self.accept_if_held(core, now);
            return self.offer_if_wanted(core, now);
        }
        let tens = match self.dialog.role() {
            Role::Caller => core.rng.u64(210..=400),
            Role::Callee => core.rng.u64(0..=200),
        };
        let wait = wait.map_or(Duration::from_millis(tens * 10), |wait| wait.min(LONGEST_WAIT));
        // A newer offer that was ordered in the meantime replaces the one that collided.
        let sdp = self.wanted.take().map_or(sdp, |newer| newer.sdp);
        let refusals = refusals + 1;
        self.wanted = Some(Wanted { sdp, not_before: Some(now + wait), refusals });
        self.accept_if_held(core, now);
    }

    /// The call stands with another branch than the one that our offer went to: it is made again.
    pub(super) fn take_back_offer(&mut self) {
        if let Exchange::Ours { sdp, .. } = &self.exchange {
            let sdp = sdp.clone();
            self.wanted.get_or_insert(Wanted { sdp, not_before: None, refusals: 0 });
            self.exchange = Exchange::Idle;
        }
    }

    pub(super) fn on_exchange_timeout(&mut self, core: &mut Core, now: Instant) {
        match &mut self.exchange {
            Exchange::Acknowledging { pending, .. } => match pending.is_given_up(now) {
                true => self.lose(None, core, now),
                false => pending.repeat(core, now),
            },
            Exchange::Idle => self.offer_if_wanted(core, now),
            _ => {}
        }
    }
}

/// RFC 3311 §5.2 lets a far end ask for 10 s at most.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
