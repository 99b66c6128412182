//! The called side until the call stands: RFC 3261 §13.3.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::core::Untaken;
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::exchange::Exchange;
use crate::sip::session::pending_ack::PendingAck;
use crate::sip::session::sdp_of;

/// An INVITE that waits for our decision.
#[derive(Debug)]
pub(super) struct Ringing {
    transaction: TransactionId,
    request: Box<Request>,
    /// What we told the caller last, and when to tell it again.
    progress: Option<Progress>,
}

#[derive(Debug)]
struct Progress {
    status: u16,
    bytes: Bytes,
    repeat_at: Instant,
}

/// An INVITE that we accepted, before its ACK.
#[derive(Debug)]
pub(super) struct Answered {
    pending: PendingAck,
    peers_sdp: PeersSdp,
    then: Then,
}

/// Where the peer's half of the first offer and answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeersSdp {
    /// It was the offer in the INVITE.
    InInvite,
    /// It will be the answer in the ACK.
    InAck,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Talk,
    /// RFC 3261 §15: a BYE may not be sent before the ACK came.
    HangUp(Option<HangUpReason>),
}

/// RFC 3261 §13.3.1.1: a proxy gives up a call that it hears nothing of for 3 minutes.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);

impl Ringing {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.progress.as_ref().map(|progress| progress.repeat_at)
    }

    pub(super) fn is_about(&self, transaction: TransactionId) -> bool {
        self.transaction == transaction
    }
}

impl Answered {
    pub(super) fn deadline(&self) -> Instant {
        self.pending.deadline()
    }
}

impl Session {
    /// An INVITE becomes a session; `None` if no dialog can be made of it.
    pub(in crate::sip) fn incoming(id: SessionId, transaction: TransactionId, untaken: Untaken) -> Option<Session> {
        let Untaken { request, hop, local_tag } = untaken;
        let via = request.headers.via().ok()?;
        let dialog = Dialog::of_callee(&request, &via, hop, local_tag)?;
        let ringing = Ringing { transaction, request: Box::new(request), progress: None };
        Some(Session { id, dialog, credentials: None, wanted: None, warning: None, state: State::Ringing(ringing) })
    }

    pub(in crate::sip) fn progress(&mut self, status: u16, sdp: Option<Bytes>, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let transaction = ringing.transaction;
        let bytes = self.reply_with(&ringing.request, status, sdp, core).write();
        core.layer.answer_bytes(transaction, status, bytes.clone(), now);
        let repeat_at = now + PROGRESS_EVERY;
        if let State::Ringing(ringing) = &mut self.state {
            ringing.progress = Some(Progress { status, bytes, repeat_at });
        }
    }

    pub(super) fn repeat_progress(&mut self, core: &mut Core, now: Instant) {
        let State::Ringing(Ringing { transaction, progress: Some(progress), .. }) = &mut self.state else {
            return;
        };
        if progress.repeat_at <= now {
            core.layer.answer_bytes(*transaction, progress.status, progress.bytes.clone(), now);
            progress.repeat_at = now + PROGRESS_EVERY;
        }
    }

    pub(in crate::sip) fn accept(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let request = &ringing.request;
        let peers_sdp = match sdp_of(&request.headers, &request.body) {
            Some(_) => PeersSdp::InInvite,
            None => PeersSdp::InAck,
        };
        let response = self.reply_with(request, 200, Some(sdp), core);
        let pending = PendingAck::send(ringing.transaction, &response, core, now);
        let then = Then::Talk;
        self.state = State::Answered(Answered { pending, peers_sdp, then });
    }

    pub(in crate::sip) fn reject(&mut self, status: u16, reason: Option<&str>, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let response = self.reply(&ringing.request, status, core);
        let response = match reason {
            Some(reason) => response.with_reason(reason),
            None => response,
        };
        core.layer.answer(ringing.transaction, &response, now);
        core.invites.remove(&ringing.transaction);
        self.state = State::Over;
    }

    /// RFC 3261 §9.2: the peer gave up before our final answer.
    pub(in crate::sip) fn on_cancel(
        &mut self,
        transaction: TransactionId,
        cause: Option<u16>,
        core: &mut Core,
        now: Instant,
    ) {
        match &self.state {
            State::Ringing(ringing) if ringing.is_about(transaction) => {
                self.reject(487, None, core, now);
                core.tell(self.id, SessionEvent::Cancelled { cause });
            }
            State::Talking(exchange) if exchange.is_about(transaction) => self.refuse_offer(487, core, now),
            _ => {
                core.invites.remove(&transaction);
            }
        }
    }

    pub(super) fn repeat_answer(&mut self, core: &mut Core, now: Instant) {
        let State::Answered(answered) = &mut self.state else {
            return;
        };
        match answered.pending.is_given_up(now) {
            true => self.lose(core, now),
            false => answered.pending.repeat(core, now),
        }
    }

    /// Waits with the BYE until the ACK comes.
    pub(super) fn hang_up_after_ack(&mut self, why: Option<HangUpReason>) {
        if let State::Answered(answered) = &mut self.state {
            answered.then = Then::HangUp(why);
        }
    }

    pub(super) fn on_answer_acknowledged(&mut self, ack: &Request, core: &mut Core, now: Instant) {
        let State::Answered(answered) = &self.state else {
            return;
        };
        if !answered.pending.is_confirmed_by(ack) {
            return;
        }
        let sdp = match answered.peers_sdp {
            PeersSdp::InInvite => None,
            PeersSdp::InAck => sdp_of(&ack.headers, &ack.body),
        };
        match answered.then {
            Then::HangUp(why) => self.leave(why, core, now),
            Then::Talk => {
                self.state = State::Talking(Exchange::Idle);
                core.tell(self.id, SessionEvent::Confirmed { sdp });
                self.offer_if_wanted(core, now);
            }
        }
    }

    /// The transaction that the peer's INVITE came in, to be found when it is cancelled.
    pub(in crate::sip) fn claim(&self, core: &mut Core) {
        if let State::Ringing(ringing) = &self.state {
            core.invites.insert(ringing.transaction, InviteUse::Session(self.id));
        }
    }
}
