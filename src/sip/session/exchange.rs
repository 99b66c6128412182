//! Offers and answers while the call stands: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), in both directions.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::SessionEvent;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::credentials::Attempts;
use crate::sip::agent::identity::ALLOW;
use crate::sip::content::SDP;
use crate::sip::dialog::Role;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::pending_ack::PendingAck;
use crate::sip::session::ringing::PeersSdp;
use crate::sip::session::sdp_of;
use crate::sip::transaction::layer::ClientKey;

/// Who may say what about the media just now: one offer at a time, RFC 3264 §4.
#[derive(Debug)]
pub(super) enum Exchange {
    Idle,
    /// The peer offered (or asked for an offer); the PBX has to answer.
    Theirs {
        transaction: TransactionId,
        request: Box<Request>,
    },
    /// Our 2xx to the peer's re-INVITE is repeated until its ACK.
    Acknowledging {
        pending: PendingAck,
        peers_sdp: PeersSdp,
    },
    /// Our re-INVITE is not decided.
    Ours {
        invite: ClientKey,
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
    pub(super) fn waits_for(&self, key: ClientKey) -> bool {
        matches!(self, Exchange::Ours { invite, .. } if *invite == key)
    }

    pub(super) fn is_about(&self, id: TransactionId) -> bool {
        matches!(self, Exchange::Theirs { transaction, .. } if *transaction == id)
    }

    pub(super) fn deadline(&self, wanted: Option<&Wanted>) -> Option<Instant> {
        match self {
            Exchange::Idle => wanted.and_then(|wanted| wanted.not_before),
            Exchange::Acknowledging { pending, .. } => Some(pending.deadline()),
            Exchange::Theirs { .. } | Exchange::Ours { .. } => None,
        }
    }
}

/// The peer offers.
impl Session {
    /// A re-INVITE or UPDATE.
    pub(super) fn on_offer(&mut self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        let quiet_update = request.method == Method::Update && request.body.is_empty();
        let status = match &self.state {
            State::Talking(_) if quiet_update => 200,
            State::Talking(Exchange::Idle) => {
                return self.on_peers_turn(transaction, request, core, now);
            }
            // RFC 3261 §14.2, RFC 3311 §5.2: one after the other.
            State::Talking(Exchange::Theirs { .. }) | State::Ringing(_) => 500,
            State::Talking(_) | State::Answered(_) | State::Calling(_) => 491,
            State::Leaving(_) | State::Over => 481,
        };
        if status == 200 {
            self.dialog.refresh_target(&request.headers);
        }
        let mut response = self.reply(&request, status, core);
        if status == 500 {
            let seconds = core.rng.u8(0..=10).to_string();
            response.headers.push(Name::RetryAfter, seconds);
        }
        core.layer.answer(transaction, &response, now);
    }

    fn on_peers_turn(&mut self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        if request.method == Method::Invite {
            core.layer.answer(transaction, &request.reply(100), now);
            core.invites.insert(transaction, InviteUse::Session(self.id));
        }
        self.dialog.refresh_target(&request.headers);
        let sdp = sdp_of(&request.headers, &request.body);
        core.tell(self.id, SessionEvent::Offered { sdp });
        let request = Box::new(request);
        self.state = State::Talking(Exchange::Theirs { transaction, request });
    }

    pub(in crate::sip) fn answer(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        let State::Talking(Exchange::Theirs { transaction, request }) = &self.state else {
            return;
        };
        let transaction = *transaction;
        let peers_sdp = match sdp_of(&request.headers, &request.body) {
            Some(_) => PeersSdp::InInvite,
            None => PeersSdp::InAck,
        };
        let response = self.reply_with(request, 200, Some(sdp), core);
        if request.method == Method::Update {
            core.layer.answer(transaction, &response, now);
            return self.on_settled(core, now);
        }
        let pending = PendingAck::send(transaction, &response, core, now);
        self.state = State::Talking(Exchange::Acknowledging { pending, peers_sdp });
    }

    pub(in crate::sip) fn refuse_offer(&mut self, status: u16, core: &mut Core, now: Instant) {
        let State::Talking(Exchange::Theirs { transaction, request }) = &self.state else {
            return;
        };
        let response = self.reply(request, status, core);
        core.layer.answer(*transaction, &response, now);
        core.invites.remove(transaction);
        self.warning = None;
        self.on_settled(core, now);
    }

    pub(super) fn on_exchange_acknowledged(&mut self, ack: &Request, core: &mut Core, now: Instant) {
        let State::Talking(Exchange::Acknowledging { pending, peers_sdp }) = &self.state else {
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
        self.state = State::Talking(Exchange::Idle);
        self.offer_if_wanted(core, now);
    }
}

/// We offer.
impl Session {
    pub(in crate::sip) fn offer(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        self.wanted = Some(Wanted { sdp, not_before: None, refusals: 0 });
        self.offer_if_wanted(core, now);
    }

    pub(super) fn offer_if_wanted(&mut self, core: &mut Core, now: Instant) {
        let State::Talking(Exchange::Idle) = &self.state else {
            return;
        };
        let due = |wanted: &mut Wanted| wanted.not_before.is_none_or(|at| at <= now);
        let Some(Wanted { sdp, refusals, .. }) = self.wanted.take_if(due) else {
            return;
        };
        let hop = self.dialog.hop();
        let contact = core.identity.contact(hop, self.dialog.contact_user.as_deref());
        let mut request = self.dialog.request(Method::Invite).with_body(SDP, sdp.clone());
        request.headers.push(Name::Contact, contact);
        request.headers.push(Name::Allow, ALLOW);
        let invite = core.send(request, hop, User::Session(self.id, Purpose::Reinvite), now);
        let attempts = Attempts::default();
        self.state = State::Talking(Exchange::Ours { invite, sdp, refusals, attempts });
    }

    pub(super) fn on_reinvite_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        match response.status {
            100..200 => {}
            200..300 => self.on_offer_accepted(key, response, core, now),
            // RFC 3261 §12.2.1.2: the far end knows nothing of this call any more.
            408 => self.lose(core, now),
            481 => self.end(SessionEvent::Lost, core),
            491 => self.on_glare(core, now),
            _ => self.on_offer_refused(key, response, core, now),
        }
    }

    fn on_offer_accepted(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        self.dialog.refresh_target(&response.headers);
        core.acknowledge(key, &self.dialog);
        let event = match sdp_of(&response.headers, &response.body) {
            Some(sdp) => SessionEvent::Answered { sdp },
            None => SessionEvent::OfferRefused { status: 488 },
        };
        core.tell(self.id, event);
        self.on_settled(core, now);
    }

    fn on_offer_refused(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Talking(Exchange::Ours { invite, attempts, .. }) = &mut self.state else {
            return;
        };
        let credentials = self.credentials.as_deref();
        if let Some((request, hop)) = core.answer_challenge(key, response, credentials, attempts) {
            self.dialog.on_sent(&request);
            *invite = core.send(request, hop, User::Session(self.id, Purpose::Reinvite), now);
            return;
        }
        let status = response.status;
        core.tell(self.id, SessionEvent::OfferRefused { status });
        self.on_settled(core, now);
    }

    /// RFC 3261 §14.1: both ends offered at once. Who made the Call-ID waits longer.
    fn on_glare(&mut self, core: &mut Core, now: Instant) {
        let State::Talking(exchange) = &mut self.state else {
            return;
        };
        let Exchange::Ours { sdp, refusals, .. } = std::mem::replace(exchange, Exchange::Idle) else {
            return;
        };
        if refusals >= GLARES {
            core.tell(self.id, SessionEvent::OfferRefused { status: 491 });
            return self.offer_if_wanted(core, now);
        }
        let tens = match self.dialog.role() {
            Role::Caller => core.rng.u64(210..=400),
            Role::Callee => core.rng.u64(0..=200),
        };
        let not_before = Some(now + Duration::from_millis(tens * 10));
        // A newer offer that was ordered in the meantime replaces the one that collided.
        let sdp = self.wanted.take().map_or(sdp, |newer| newer.sdp);
        let refusals = refusals + 1;
        self.wanted = Some(Wanted { sdp, not_before, refusals });
    }

    pub(super) fn on_exchange_timeout(&mut self, core: &mut Core, now: Instant) {
        match &mut self.state {
            State::Talking(Exchange::Acknowledging { pending, .. }) => match pending.is_given_up(now) {
                true => self.lose(core, now),
                false => pending.repeat(core, now),
            },
            State::Talking(Exchange::Idle) => self.offer_if_wanted(core, now),
            _ => {}
        }
    }
}
