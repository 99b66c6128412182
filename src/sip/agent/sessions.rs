//! The orders that the PBX gives about calls. An order for a session that is gone is not an error: its end is on the way.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::HangUpReason;
use crate::sip::agent::Invitation;
use crate::sip::agent::Kept;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::targets::Silence;
use crate::sip::session::Session;
use crate::sip::transaction::deadlines::Armed;

impl UserAgent {
    /// An INVITE becomes a session; `None` if it was answered or cancelled already.
    pub fn take(&mut self, transaction: TransactionId, now: Instant) -> Option<SessionId> {
        let InviteUse::Untaken(untaken) = self.core.invites.remove(&transaction)? else {
            return None;
        };
        let id = self.next_session();
        let session = Session::incoming(id, transaction, untaken, &mut self.core, now)?;
        session.claim(&mut self.core);
        self.keep(id, session);
        Some(id)
    }

    /// Calls somebody. `Progress`, then `Accepted` or `Refused` follow.
    pub fn invite(&mut self, invitation: Invitation, now: Instant) -> SessionId {
        self.invite_unless_silent(invitation, Silence::Borne, now)
    }

    /// The same; `silence` says whether the last target may be silent for 64*T1.
    pub fn invite_unless_silent(&mut self, invitation: Invitation, silence: Silence, now: Instant) -> SessionId {
        let id = self.next_session();
        let session = Session::outgoing(id, invitation, silence, &mut self.core, now);
        self.keep(id, session);
        id
    }

    /// Tells the caller how it stands: 180, 181, 182 or 183. Repeated every minute by itself.
    pub fn progress(&mut self, session: SessionId, status: u16, sdp: Option<Bytes>, now: Instant) {
        self.with_session(session, |session, core| session.progress(status, sdp, core, now));
    }

    /// Answers the call with 200; `Confirmed` or `Lost` follows.
    pub fn accept(&mut self, session: SessionId, sdp: Bytes, now: Instant) {
        self.with_session(session, |session, core| session.accept(sdp, core, now));
    }

    /// What the next refusal of this session says in its `Warning`: a code of RFC 3261 §20.43, and text.
    pub fn warn(&mut self, session: SessionId, code: u16, text: &str) {
        self.with_session(session, |session, core| session.warn(code, text, core));
    }

    /// Refuses the call; the session is gone, no event follows.
    pub fn reject(&mut self, session: SessionId, status: u16, reason: Option<&str>, now: Instant) {
        self.with_session(session, |session, core| session.reject(status, reason, core, now));
    }

    /// The same, and the caller's side learns the cause from a `Reason` header. RFC 3326.
    pub fn refuse(&mut self, session: SessionId, status: u16, why: HangUpReason, now: Instant) {
        self.with_session(session, |session, core| session.refuse(status, None, Some(why), core, now));
    }

    /// CANCEL, BYE or a final refusal, whichever the state asks for. `HangUpDone` follows, unless the call ends otherwise
    /// first.
    pub fn hang_up(&mut self, session: SessionId, why: Option<HangUpReason>, now: Instant) {
        self.with_session(session, |session, core| session.hang_up(why, core, now));
    }

    /// Offers new media, as soon as it is our turn. `Answered` or `OfferRefused` follows.
    pub fn offer(&mut self, session: SessionId, sdp: Bytes, now: Instant) {
        self.with_session(session, |session, core| session.offer(sdp, core, now));
    }

    /// Answers `Offered`; where that had no SDP, this is the offer.
    pub fn answer(&mut self, session: SessionId, sdp: Bytes, now: Instant) {
        self.with_session(session, |session, core| session.answer(sdp, core, now));
    }

    /// Refuses `Offered`; the media stay as they are.
    pub fn refuse_offer(&mut self, session: SessionId, status: u16, now: Instant) {
        self.with_session(session, |session, core| session.refuse_offer(status, core, now));
    }

    /// The connection broke on which a peer waited for our answer.
    pub(super) fn on_invite_lost(&mut self, transaction: TransactionId) {
        if let Some(InviteUse::Session(id)) = self.core.invites.remove(&transaction) {
            self.with_session(id, |session, core| session.on_transaction_lost(transaction, core));
        }
    }

    /// Lets a session act, then sets its alarm, or forgets it if it is over.
    pub(super) fn with_session(&mut self, id: SessionId, act: impl FnOnce(&mut Session, &mut Core)) {
        let Some(kept) = self.sessions.get_mut(&id) else {
            return;
        };
        act(&mut kept.session, &mut self.core);
        if kept.session.is_over() {
            self.alarms.disarm(id, kept.armed);
            return self.forget_session(id);
        }
        let deadline = kept.session.deadline();
        self.alarms.arm(id, &mut kept.armed, deadline);
    }

    fn forget_session(&mut self, id: SessionId) {
        let Some(Kept { session, referrals, .. }) = self.sessions.remove(&id) else {
            return;
        };
        let tag = session.local_tag();
        self.session_by_tag.remove(&tag);
        self.departed.note(tag);
        if !referrals.is_empty() {
            self.on_referring_call_over(&referrals, *session);
        }
    }

    fn keep(&mut self, id: SessionId, session: Session) {
        self.session_by_tag.insert(session.local_tag(), id);
        let mut armed = Armed::default();
        self.alarms.arm(id, &mut armed, session.deadline());
        let kept = Kept { session: Box::new(session), armed, referrals: Vec::new(), referrals_taken: 0 };
        self.sessions.insert(id, kept);
    }

    fn next_session(&mut self) -> SessionId {
        self.last_session += 1;
        SessionId(self.last_session)
    }
}
