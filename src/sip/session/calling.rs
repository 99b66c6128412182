//! The calling side until the call stands: RFC 3261 §13.2 and §9.1.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::Failure;
use crate::sip::agent::HangUpReason;
use crate::sip::agent::Invitation;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::credentials::Attempts;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::number_text;
use crate::sip::agent::targets::Targets;
use crate::sip::content::SDP;
use crate::sip::dialog::Dialog;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::exchange::Exchange;
use crate::sip::session::refusal::retry_after;
use crate::sip::session::sdp_of;
use crate::sip::transaction::layer::ClientKey;

/// An INVITE of ours that is not decided.
#[derive(Debug)]
pub(super) struct Calling {
    invite: ClientKey,
    attempts: Attempts,
    /// SDP of a provisional response, for far ends that do not repeat it in their 2xx.
    early_sdp: Option<Bytes>,
    /// Where the INVITE goes next, while nobody has decided.
    targets: Option<Box<Targets>>,
    wish: Wish,
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Talk,
    /// RFC 3261 §9.1: no CANCEL before a provisional response has come.
    Cancel(Option<HangUpReason>),
    /// The CANCEL is sent; a 2xx may have crossed it.
    Cancelled(Option<HangUpReason>),
}

impl Calling {
    pub(super) fn waits_for(&self, key: ClientKey) -> bool {
        self.invite == key
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.targets.as_ref().and_then(|targets| targets.deadline())
    }
}

impl Session {
    pub(in crate::sip) fn outgoing(id: SessionId, invitation: Invitation, core: &mut Core, now: Instant) -> Session {
        let local_tag = core.number();
        let hop = invitation.hop;
        let request = invite_of(&invitation, local_tag, core);
        let dialog = Dialog::of_caller(&request, hop, local_tag);
        let targets = Targets::new(&request, invitation.alternatives, core.failover_after, now);
        let invite = core.send(request, hop, User::Session(id, Purpose::Invite), now);
        let calling = Calling { invite, attempts: Attempts::default(), early_sdp: None, targets, wish: Wish::Talk };
        Session {
            id,
            dialog,
            credentials: invitation.credentials.map(Box::new),
            wanted: None,
            warning: None,
            state: State::Calling(calling),
        }
    }

    pub(super) fn on_invite_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        match response.status {
            100..200 => self.on_ringing(response, core, now),
            200..300 => self.on_accepted(key, response, core, now),
            _ => self.on_refused(key, response, core, now),
        }
    }

    fn on_ringing(&mut self, response: &Response, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        let invite = calling.invite;
        if let Some(targets) = &mut calling.targets {
            targets.on_heard();
        }
        match calling.wish {
            Wish::Cancel(why) => {
                calling.wish = Wish::Cancelled(why);
                core.cancel(invite, why.map(|why| why.to_string()), now);
            }
            Wish::Talk if response.status > 100 => {
                let sdp = sdp_of(&response.headers, &response.body);
                if sdp.is_some() {
                    calling.early_sdp.clone_from(&sdp);
                }
                let status = response.status;
                core.tell(self.id, SessionEvent::Progress { status, sdp });
            }
            Wish::Talk | Wish::Cancelled(_) => {}
        }
    }

    fn on_accepted(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        let (wish, early_sdp) = (calling.wish, calling.early_sdp.take());
        self.dialog.establish(response);
        core.acknowledge(key, &self.dialog);
        match wish {
            // RFC 3261 §9.1: the 2xx crossed our CANCEL; the call stands and is ended as one that stands.
            Wish::Cancel(why) | Wish::Cancelled(why) => self.leave(why, core, now),
            Wish::Talk => {
                let sdp = sdp_of(&response.headers, &response.body).or(early_sdp).unwrap_or_default();
                self.state = State::Talking(Exchange::Idle);
                core.tell(self.id, SessionEvent::Accepted { sdp });
                self.offer_if_wanted(core, now);
            }
        }
    }

    fn on_refused(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        if !matches!(calling.wish, Wish::Talk) {
            return self.end(SessionEvent::HangUpDone, core);
        }
        let credentials = self.credentials.as_deref();
        let again = core.answer_challenge(key, response, credentials, &mut calling.attempts);
        let Some((request, hop)) = again else {
            if response.status != 503 || !self.try_next(503, retry_after(&response.headers), core, now) {
                self.end(SessionEvent::refused_by(response), core);
            }
            return;
        };
        if let Some(targets) = &mut calling.targets {
            targets.on_sent(&request, now);
        }
        self.dialog.on_sent(&request);
        calling.invite = core.send(request, hop, User::Session(self.id, Purpose::Invite), now);
    }

    /// RFC 3261 §8.1.3.1: a time-out counts as 408, a broken connection as 503.
    pub(super) fn on_invite_failed(&mut self, why: Failure, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &self.state else {
            return;
        };
        let (status, reason) = match why {
            Failure::Timeout => (408, "no answer from the far end"),
            Failure::ConnectionLost => (503, "connection to the far end lost"),
        };
        let wish = calling.wish;
        match wish {
            Wish::Talk if self.try_next(status, None, core, now) => {}
            Wish::Talk => self.end(SessionEvent::refused(status, reason), core),
            Wish::Cancel(_) | Wish::Cancelled(_) => self.end(SessionEvent::HangUpDone, core),
        }
    }

    /// The present target said nothing at all for too long.
    pub(super) fn on_silent_target(&mut self, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &self.state else {
            return;
        };
        if calling.deadline().is_some_and(|at| at <= now) {
            self.try_next(408, None, core, now);
        }
    }

    /// RFC 3263 §4.3: the INVITE goes to the next target. False: none is left.
    fn try_next(&mut self, status: u16, retry_after: Option<Duration>, core: &mut Core, now: Instant) -> bool {
        let State::Calling(calling) = &mut self.state else {
            return false;
        };
        let Some((mut request, hop)) = Targets::take_next(&mut calling.targets, now) else {
            return false;
        };
        core.abandon(calling.invite);
        let from = self.dialog.hop();
        core.tell(self.id, SessionEvent::MovedOn { from, status, retry_after });
        request.headers.set(Name::Contact, core.identity.contact(hop, self.dialog.contact_user.as_deref()));
        self.dialog = Dialog::of_caller(&request, hop, self.dialog.local_tag());
        calling.attempts = Attempts::default();
        calling.early_sdp = None;
        calling.invite = core.send(request, hop, User::Session(self.id, Purpose::Invite), now);
        true
    }

    /// Hang-up before the far end decided.
    pub(super) fn cancel(&mut self, why: Option<HangUpReason>, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        if !matches!(calling.wish, Wish::Talk) {
            return;
        }
        calling.targets = None;
        let invite = calling.invite;
        let allowed = core.layer.client_invite(invite).is_some_and(|invite| invite.may_be_cancelled());
        calling.wish = match allowed {
            true => Wish::Cancelled(why),
            false => Wish::Cancel(why),
        };
        if allowed {
            core.cancel(invite, why.map(|why| why.to_string()), now);
        }
    }

    /// RFC 3261 §15.1.2 does not foresee it: a BYE of the far end before its final response. It gave up on our ACK, and
    /// its 2xx never reached us.
    pub(super) fn on_bye_while_calling(&mut self, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &self.state else {
            return;
        };
        core.let_run_out(calling.invite, now);
        match calling.wish {
            Wish::Talk => self.end(SessionEvent::refused(480, "far end hung up"), core),
            Wish::Cancel(_) | Wish::Cancelled(_) => self.end(SessionEvent::HangUpDone, core),
        }
    }
}

fn invite_of(invitation: &Invitation, local_tag: u64, core: &mut Core) -> Request {
    let Invitation { target, hop, from, to, sdp, headers, .. } = invitation;
    let call_id = core.call_id();
    let from = from.clone().with_tag(&number_text(local_tag));
    let contact = core.identity.contact(*hop, from.uri.user());
    let mut request = Request::new(Method::Invite, target.clone());
    request.headers.push(Name::From, from.to_string());
    request.headers.push(Name::To, to.to_string());
    request.headers.push(Name::CallId, call_id);
    request.headers.push(Name::CSeq, "1 INVITE");
    request.headers.push(Name::Contact, contact);
    request.headers.push(Name::Allow, ALLOW);
    for (name, value) in headers {
        request.headers.push(name.clone(), value.clone());
    }
    match sdp.is_empty() {
        true => request,
        false => request.with_body(SDP, sdp.clone()),
    }
}
