//! Provisional responses that are confirmed, from both sides: RSeq, PRACK and RAck of RFC 3262.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::SessionEvent;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::content::SDP;
use crate::sip::dialog::Dialog;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::branch;
use crate::sip::session::branch::Order;
use crate::sip::session::exchange::Exchange;
use crate::sip::session::reliable::Acknowledged;
use crate::sip::session::reliable::HadSdp;
use crate::sip::session::reliable::Media;
use crate::sip::session::sdp_of;
use crate::sip::transaction::layer::ClientKey;

/// We are called.
impl Session {
    pub(super) fn progress_reliably(&mut self, status: u16, sdp: Option<Bytes>, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &mut self.state else {
            return;
        };
        // RFC 3261 §13.2.1: to an INVITE without an offer the first reliable response has one. We have none yet.
        if sdp.is_none() && ringing.media() == Media::Open && !ringing.has_offer() {
            return;
        }
        let Some(reliable) = &mut ringing.reliable else {
            return;
        };
        if reliable.is_waiting() {
            return reliable.enqueue(status, sdp);
        }
        let number = reliable.next_number();
        let State::Ringing(ringing) = &self.state else {
            return;
        };
        let had_sdp = if sdp.is_some() { HadSdp::Yes } else { HadSdp::No };
        let mut response = self.reply_with(&ringing.request, status, sdp.clone(), core);
        response.headers.push(Name::Require, "100rel");
        response.headers.push(Name::RSeq, number.to_string());
        response.headers.push(Name::Allow, ALLOW);
        response.headers.push(Name::Supported, SUPPORTED);
        let bytes = response.write();
        core.layer.answer_bytes(ringing.transaction(), status, bytes.clone(), now);
        let timers = core.layer.timers();
        if let State::Ringing(ringing) = &mut self.state
            && let Some(reliable) = &mut ringing.reliable
        {
            reliable.on_sent(status, bytes, had_sdp, timers, now);
        }
        if let Some(sdp) = sdp {
            self.spoken = sdp;
        }
    }

    /// A reliable response is due again, or nobody will ever confirm it.
    pub(super) fn on_unconfirmed(&mut self, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &mut self.state else {
            return;
        };
        let transaction = ringing.transaction();
        let Some(reliable) = &mut ringing.reliable else {
            return;
        };
        if reliable.is_given_up(now) {
            // RFC 3262 §3 asks for a 5xx; this one says what happened.
            self.reject(504, Some("No PRACK"), core, now);
            return core.tell(self.id, SessionEvent::Lost);
        }
        if let Some((status, bytes)) = reliable.repeat(now) {
            core.layer.answer_bytes(transaction, status, bytes, now);
        }
    }

    /// RFC 3262 §3: a PRACK that confirms nothing is answered 481.
    pub(super) fn on_prack(&mut self, transaction: TransactionId, prack: Request, core: &mut Core, now: Instant) {
        let Some(acknowledged) = Acknowledged::read(&prack.headers) else {
            let response = self.reply(&prack, 400, core).with_reason("PRACK needs RAck");
            return core.layer.answer(transaction, &response, now);
        };
        if self.unconfirmed == Some(acknowledged) {
            self.unconfirmed = None;
            let response = self.reply(&prack, 200, core);
            return core.layer.answer(transaction, &response, now);
        }
        let State::Ringing(ringing) = &mut self.state else {
            return core.layer.answer(transaction, &prack.reply(481), now);
        };
        let told = ringing.media() == Media::Told;
        let number = ringing.number();
        let matches = ringing
            .reliable
            .as_mut()
            .is_some_and(|reliable| acknowledged.cseq == number && reliable.on_prack(acknowledged.rseq));
        if !matches {
            return core.layer.answer(transaction, &prack.reply(481), now);
        }
        let asked_us = ringing.has_offer();
        self.on_confirmed(transaction, prack, told && !asked_us, core, now);
    }

    fn on_confirmed(
        &mut self,
        transaction: TransactionId,
        prack: Request,
        brings_answer: bool,
        core: &mut Core,
        now: Instant,
    ) {
        let sdp = sdp_of(&prack.headers, &prack.body);
        match sdp {
            // RFC 3262 §5: a new offer; the answer goes into the 200 of the PRACK.
            Some(sdp) if !brings_answer && self.exchange.is_idle() => {
                core.tell(self.id, SessionEvent::Offered { sdp: Some(sdp) });
                self.exchange = Exchange::Theirs { transaction, request: Box::new(prack) };
            }
            Some(_) if !brings_answer => {
                let response = self.reply(&prack, 491, core);
                core.layer.answer(transaction, &response, now);
            }
            answer => {
                let response = self.reply(&prack, 200, core);
                core.layer.answer(transaction, &response, now);
                if let Some(sdp) = answer {
                    core.tell(self.id, SessionEvent::Answered { sdp });
                }
            }
        }
        self.tell_next(core, now);
        self.accept_if_held(core, now);
        self.offer_if_wanted(core, now);
    }

    fn tell_next(&mut self, core: &mut Core, now: Instant) {
        let State::Ringing(ringing) = &mut self.state else {
            return;
        };
        let next = ringing.reliable.as_mut().and_then(|reliable| reliable.take_queued());
        if let Some((status, sdp)) = next {
            let sdp = sdp.filter(|_| ringing.media() == Media::Open);
            self.progress_reliably(status, sdp, core, now);
        }
    }

    /// What a PRACK may still confirm after the call is answered.
    pub(super) fn late_confirmation(&self) -> Option<Acknowledged> {
        let State::Ringing(ringing) = &self.state else {
            return None;
        };
        let rseq = ringing.reliable.as_ref()?.outstanding()?;
        Some(Acknowledged { rseq, cseq: ringing.number() })
    }
}

/// We call.
impl Session {
    /// A provisional response that wants to be confirmed; `None`: it is out of order, and not to be heeded. Otherwise its
    /// SDP, where that is the first of this branch.
    pub(super) fn confirm(
        &mut self,
        rseq: u32,
        response: &Response,
        core: &mut Core,
        now: Instant,
    ) -> Option<Option<Bytes>> {
        let sdp = sdp_of(&response.headers, &response.body);
        let (invite, hop) = match &self.state {
            State::Calling(calling) => core.layer.request(calling.invite())?,
            _ => return None,
        };
        let offered = !invite.body.is_empty();
        let fresh = || {
            let mut dialog = Dialog::of_caller(invite, hop, self.dialog.local_tag());
            dialog.establish(response);
            Box::new(dialog)
        };
        let State::Calling(calling) = &mut self.state else {
            return None;
        };
        let branch = calling.branches.at(response.headers.to_tag()?)?;
        if branch.admit(rseq) == Order::OutOfOrder {
            return None;
        }
        let dialog = branch.dialog.get_or_insert_with(fresh);
        let number = response.headers.cseq().ok()?.number;
        let mut prack = dialog.request(Method::Prack);
        prack.headers.push(Name::RAck, format!("{rseq} {number} INVITE"));
        let first = sdp.filter(|_| branch.media == branch::Media::Open);
        if let Some(sdp) = &first {
            branch.media = branch::Media::Settled;
            branch.sdp = Some(sdp.clone());
        }
        let hop = dialog.hop();
        match first {
            // RFC 3262 §5: the offer is theirs, our answer goes into the PRACK.
            Some(sdp) if !offered => {
                calling.owed = Some(Box::new((prack, hop)));
                core.tell(self.id, SessionEvent::Offered { sdp: Some(sdp) });
                Some(None)
            }
            first => {
                core.send(prack, hop, User::Session(self.id, Purpose::Prack), now);
                Some(first)
            }
        }
    }

    /// Our answer to an offer in a reliable response. False: none was owed.
    pub(super) fn answer_in_prack(&mut self, sdp: &Bytes, core: &mut Core, now: Instant) -> bool {
        let State::Calling(calling) = &mut self.state else {
            return false;
        };
        let Some((prack, hop)) = calling.owed.take().map(|owed| *owed) else {
            return false;
        };
        self.spoken = sdp.clone();
        core.send(prack.with_body(SDP, sdp.clone()), hop, User::Session(self.id, Purpose::Prack), now);
        true
    }

    pub(super) fn on_prack_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Calling(_) = &self.state else {
            return;
        };
        let again = core.answer_first_challenge(key, response, self.credentials.as_deref());
        if let Some((request, hop)) = again {
            let tag = request.headers.to_tag().unwrap_or_default().to_owned();
            self.dialog_with(&tag).on_sent(&request);
            core.send(request, hop, User::Session(self.id, Purpose::Prack), now);
        }
    }
}
