//! The called side until the call stands: RFC 3261 §13.3.

use std::sync::Arc;
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
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::abilities::Abilities;
use crate::sip::session::abilities::Provisional;
use crate::sip::session::pending_ack::PendingAck;
use crate::sip::session::reliable::Media;
use crate::sip::session::reliable::Reliable;
use crate::sip::session::sdp_of;

/// An INVITE that waits for our decision.
#[derive(Debug)]
pub(super) struct Ringing {
    transaction: TransactionId,
    pub(super) request: Arc<Request>,
    /// What we told the caller last, and when to tell it again.
    progress: Option<Progress>,
    /// `None`: the peer confirms nothing.
    pub(super) reliable: Option<Box<Reliable>>,
    /// So long the caller wants to wait for our decision. RFC 3261 §13.3.1.
    expires_at: Option<Instant>,
    /// The call is answered; the peer hears of it when all that comes before is settled. RFC 3262 §3.
    held: Option<Bytes>,
}

#[derive(Debug)]
struct Progress {
    status: u16,
    /// Empty: it was confirmed, and is said anew.
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
        let progress = self.progress.as_ref().map(|progress| progress.repeat_at);
        let reliable = self.reliable.as_ref().and_then(|reliable| reliable.deadline());
        [progress, reliable, self.expires_at].into_iter().flatten().min()
    }

    /// Where the first offer and answer stand, as far as the peer confirmed them.
    pub(super) fn media(&self) -> Media {
        self.reliable.as_ref().map_or(Media::Open, |reliable| reliable.media())
    }

    pub(super) fn has_offer(&self) -> bool {
        sdp_of(&self.request.headers, &self.request.body).is_some()
    }

    /// The number of the INVITE.
    pub(super) fn number(&self) -> u32 {
        self.request.headers.cseq().map_or(0, |cseq| cseq.number)
    }

    pub(super) fn is_about(&self, transaction: TransactionId) -> bool {
        self.transaction == transaction
    }

    pub(super) fn transaction(&self) -> TransactionId {
        self.transaction
    }
}

impl Answered {
    pub(super) fn deadline(&self) -> Instant {
        self.pending.deadline()
    }
}

impl Session {
    /// An INVITE becomes a session; `None` if no dialog can be made of it.
    pub(in crate::sip) fn incoming(
        id: SessionId,
        transaction: TransactionId,
        untaken: Untaken,
        core: &mut Core,
        now: Instant,
    ) -> Option<Session> {
        let Untaken { request, hop, local_tag } = untaken;
        let sent_by = request.headers.sent_by().ok()?;
        let dialog = Dialog::of_callee(&request, sent_by, hop, local_tag)?;
        let peer = Abilities::of_request(&request);
        let reliable = (peer.provisional != Provisional::Unreliable).then(|| Box::new(Reliable::new(core.number())));
        let expires = request.headers.expires().filter(|seconds| *seconds > 0);
        let expires_at = expires.map(|seconds| now + Duration::from_secs(seconds.into()));
        let ringing = Ringing { transaction, request, progress: None, reliable, expires_at, held: None };
        Some(Session::new(id, dialog, peer, State::Ringing(ringing)))
    }

    pub(in crate::sip) fn progress(&mut self, status: u16, sdp: Option<Bytes>, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &mut self.state else {
            return;
        };
        // RFC 3261 §13.2.1: what was said reliably about the media is not said twice.
        let sdp = sdp.filter(|_| ringing.media() == Media::Open);
        let reliably = match self.peer.provisional {
            Provisional::Unreliable => false,
            Provisional::WithSdpReliable => sdp.is_some(),
            Provisional::AllReliable => true,
        };
        let bytes = match reliably {
            true => {
                self.progress_reliably(status, sdp, core, now);
                Bytes::new()
            }
            false => self.progress_once(status, sdp, core, now),
        };
        if let State::Ringing(ringing) = &mut self.state {
            ringing.progress = Some(Progress { status, bytes, repeat_at: now + PROGRESS_EVERY });
        }
    }

    fn progress_once(&mut self, status: u16, sdp: Option<Bytes>, core: &mut Core, now: Instant) -> Bytes {
        let State::Ringing(ringing) = &self.state else {
            return Bytes::new();
        };
        let bytes = self.reply_with(&ringing.request, status, sdp, core).write();
        core.layer.answer_bytes(ringing.transaction, status, bytes.clone(), now);
        bytes
    }

    pub(super) fn on_ringing_timeout(&mut self, core: &mut Core, now: Instant) {
        if let State::Ringing(Ringing { expires_at: Some(at), transaction, .. }) = self.state
            && at <= now
        {
            return self.on_cancel(transaction, None, core, now);
        }
        self.on_unconfirmed(core, now);
        let State::Ringing(Ringing { progress: Some(progress), transaction, .. }) = &mut self.state else {
            return;
        };
        if progress.repeat_at > now {
            return;
        }
        progress.repeat_at = now + PROGRESS_EVERY;
        let status = progress.status;
        match progress.bytes.is_empty() {
            false => core.layer.answer_bytes(*transaction, status, progress.bytes.clone(), now),
            // RFC 3262 §3: a repetition for the proxies on the way is a new response with a number of its own.
            true => self.progress(status, None, core, now),
        }
    }

    pub(in crate::sip) fn accept(&mut self, sdp: Bytes, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &mut self.state else {
            return;
        };
        // RFC 3262 §3: no 2xx before the PRACK of a response that had SDP; and one offer after the other.
        if ringing.media() == Media::Told || !self.exchange.is_idle() {
            ringing.held = Some(sdp);
            return;
        }
        let (media, has_offer) = (ringing.media(), ringing.has_offer());
        self.unconfirmed = self.late_confirmation();
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let request = &ringing.request;
        let peers_sdp = match has_offer || media == Media::Settled {
            true => PeersSdp::InInvite,
            false => PeersSdp::InAck,
        };
        let sdp = Some(sdp).filter(|_| media == Media::Open);
        let mut response = self.reply_with(request, 200, sdp.clone(), core);
        let timer = self.agree(request, &mut response, core, now);
        let pending = PendingAck::send(ringing.transaction, &response, core, now);
        let then = Then::Talk;
        self.state = State::Answered(Answered { pending, peers_sdp, then });
        self.timer = timer;
        if let Some(sdp) = sdp {
            self.spoken = sdp;
        }
    }

    /// The answer that had to wait, if nothing is in its way any more.
    pub(super) fn accept_if_held(&mut self, core: &mut Core, now: Instant) {
        if let State::Ringing(ringing) = &mut self.state
            && let Some(sdp) = ringing.held.take()
        {
            self.accept(sdp, core, now);
        }
    }

    pub(in crate::sip) fn reject(&mut self, status: u16, reason: Option<&str>, core: &mut Core, now: Instant) {
        self.refuse(status, reason, None, core, now);
    }

    /// A call that ends forgets what waits for its turn: else the refusal would make room for it.
    pub(super) fn refuse_offer_at_the_end(&mut self, core: &mut Core, now: Instant) {
        self.wanted = None;
        if let State::Ringing(ringing) = &mut self.state {
            ringing.held = None;
        }
        self.refuse_offer(487, core, now);
    }

    /// The same with a `Reason` header, for the far ends that count in Q.850.
    pub(in crate::sip) fn refuse(
        &mut self,
        status: u16,
        reason: Option<&str>,
        why: Option<HangUpReason>,
        core: &mut Core,
        now: Instant,
    ) {
        self.refuse_offer_at_the_end(core, now);
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let mut response = self.reply(&ringing.request, status, core);
        if let Some(why) = why {
            response.headers.push(Name::Reason, why.to_string());
        }
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
            State::Talking if self.exchange.is_about(transaction) => self.refuse_offer(487, core, now),
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
            true => self.lose(None, core, now),
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
                self.state = State::Talking;
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
