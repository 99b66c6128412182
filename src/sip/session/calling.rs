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
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::agent::identity::number_text;
use crate::sip::agent::targets::Silence;
use crate::sip::agent::targets::Targets;
use crate::sip::content::SDP;
use crate::sip::dialog::Dialog;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::abilities::Abilities;
use crate::sip::session::branch;
use crate::sip::session::branch::Branches;
use crate::sip::session::exchange::Exchange;
use crate::sip::session::refusal::retry_after;
use crate::sip::session::sdp_of;
use crate::sip::session::timer;
use crate::sip::session::timer::Policy;
use crate::sip::session::timer::push_least;
use crate::sip::transaction::layer::ClientKey;

/// An INVITE of ours that is not decided.
#[derive(Debug)]
pub(super) struct Calling {
    invite: ClientKey,
    attempts: Attempts,
    pub(super) branches: Branches,
    /// A PRACK that waits for our answer to the offer in a reliable response.
    pub(super) owed: Option<Box<(Request, Hop)>>,
    /// How often a 422 has asked for a longer session interval.
    intervals: u8,
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
    pub(super) fn is_given_up(&self) -> bool {
        !matches!(self.wish, Wish::Talk)
    }

    pub(super) fn waits_for(&self, key: ClientKey) -> bool {
        self.invite == key
    }

    pub(super) fn invite(&self) -> ClientKey {
        self.invite
    }

    /// Nobody has hung up yet.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.wish, Wish::Talk)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.targets.as_ref().and_then(|targets| targets.deadline())
    }
}

/// What the branch that answered has said about its media before.
enum Early {
    /// The first offer and answer are done; this is where the far end is.
    Settled(Bytes),
    Told(Option<Bytes>),
}

impl Calling {
    /// RFC 4028 §7.3: the INVITE once more, with the interval that a 422 asks for.
    fn with_longer_interval(&mut self, key: ClientKey, response: &Response, core: &Core) -> Option<(Request, Hop)> {
        if response.status != 422 || self.intervals == INTERVALS {
            return None;
        }
        self.intervals += 1;
        let (mut request, hop) = core.once_more(key)?;
        let before = request.headers.number(&Name::SessionExpires).unwrap_or(0);
        let longer =
            timer::asked_by_422(&response.headers, Duration::from_secs(u64::from(before)))?.as_secs().to_string();
        request.headers.set(Name::SessionExpires, longer.clone());
        request.headers.set(Name::MinSe, longer);
        Some((request, hop))
    }
}

/// Every element on the way may ask for more, once.
const INTERVALS: u8 = 3;

impl Session {
    pub(in crate::sip) fn outgoing(
        id: SessionId,
        invitation: Invitation,
        silence: Silence,
        core: &mut Core,
        now: Instant,
    ) -> Session {
        let local_tag = core.number();
        let hop = invitation.hop;
        let mut request = invite_of(&invitation, local_tag, core);
        let dialog = Dialog::of_caller(&request, hop, local_tag);
        let targets = Targets::new(&request, invitation.alternatives, silence, core.failover_after, now);
        core.sign_ahead(&mut request, hop, invitation.credentials.as_ref());
        let invite = core.send(request, hop, User::Session(id, Purpose::Invite), now);
        let calling = Calling {
            invite,
            attempts: Attempts::default(),
            branches: Branches::default(),
            owed: None,
            intervals: 0,
            targets,
            wish: Wish::Talk,
        };
        let mut session = Session::new(id, dialog, Abilities::NONE, State::Calling(calling));
        session.credentials = invitation.credentials.map(Box::new);
        session.spoken = invitation.sdp;
        session
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
        self.dialog.on_provisional(response);
        let invite = calling.invite;
        if let Some(targets) = &mut calling.targets {
            targets.on_heard();
        }
        match calling.wish {
            Wish::Cancel(why) => {
                calling.wish = Wish::Cancelled(why);
                core.cancel(invite, why.map(|why| why.to_string()), now);
            }
            Wish::Talk if response.status > 100 => self.on_progress(response, core, now),
            Wish::Talk | Wish::Cancelled(_) => {}
        }
    }

    fn on_progress(&mut self, response: &Response, core: &mut Core, now: Instant) {
        self.peer.on_response(response);
        let tag = response.headers.to_tag().unwrap_or_default();
        let sdp = match branch::reliable_number(response) {
            Some(number) => match self.confirm(number, response, core, now) {
                Some(sdp) => sdp,
                None => return,
            },
            None => self.unconfirmed_sdp(tag, response),
        };
        let (mut status, mut sdp) = (response.status, sdp);
        if let (199, State::Calling(calling)) = (status, &mut self.state) {
            // RFC 6228 §4: this branch is over; what another one sends is heard instead.
            sdp = calling.branches.remove(tag);
            status = if sdp.is_some() { 183 } else { 199 };
        }
        core.tell(self.id, SessionEvent::Progress { status, sdp });
        self.offer_if_wanted(core, now);
    }

    /// The SDP of a response that nobody confirms, unless this branch has told its media reliably.
    fn unconfirmed_sdp(&mut self, tag: &str, response: &Response) -> Option<Bytes> {
        let sdp = sdp_of(&response.headers, &response.body)?;
        let State::Calling(calling) = &mut self.state else {
            return None;
        };
        let branch = calling.branches.at(tag).filter(|branch| branch.media == branch::Media::Open)?;
        branch.sdp = Some(sdp.clone());
        Some(sdp)
    }

    fn on_accepted(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Calling(calling) = &mut self.state else {
            return;
        };
        let wish = calling.wish;
        let early_sdp = self.take_branch(response.headers.to_tag().unwrap_or_default());
        self.dialog.establish(response);
        self.peer.on_response(response);
        // RFC 3261 §13.2.1: what a branch told reliably is not told anew by its 2xx.
        let sdp = match early_sdp {
            Early::Settled(sdp) => Some(sdp),
            Early::Told(sdp) => sdp_of(&response.headers, &response.body).or(sdp),
        };
        let offered = core.layer.request(key).is_some_and(|(invite, _)| !invite.body.is_empty());
        let answer_due = matches!(wish, Wish::Talk) && !offered && sdp.is_some() && self.spoken.is_empty();
        if !answer_due {
            core.acknowledge(key, &self.dialog);
        }
        match wish {
            // RFC 3261 §9.1: the 2xx crossed our CANCEL; the call stands and is ended as one that stands.
            Wish::Cancel(why) | Wish::Cancelled(why) => self.leave(why, core, now),
            Wish::Talk => {
                self.state = State::Talking;
                if answer_due {
                    self.exchange = Exchange::InOurAck { invite: key };
                }
                self.on_refreshed(&response.headers, core, now);
                core.tell(self.id, SessionEvent::Accepted { sdp: sdp.unwrap_or_default() });
                self.offer_if_wanted(core, now);
            }
        }
    }

    /// The branch that answered becomes the dialog of the call; an offer in another one is taken back.
    fn take_branch(&mut self, tag: &str) -> Early {
        let State::Calling(calling) = &mut self.state else {
            return Early::Told(None);
        };
        let heard_last = calling.branches.settled() == Some(tag);
        let Some(branch) = calling.branches.take(tag) else {
            let sdp = calling.branches.latest_sdp();
            self.take_back_offer();
            return Early::Told(sdp);
        };
        if let Some(dialog) = branch.dialog {
            self.dialog = *dialog;
        }
        if !heard_last {
            self.take_back_offer();
        }
        match (branch.media, branch.sdp) {
            (branch::Media::Settled, Some(sdp)) => Early::Settled(sdp),
            (_, sdp) => Early::Told(sdp),
        }
    }

    /// The offer in a 2xx stays without an answer, because the call ends at once: the 2xx is not repeated any more.
    pub(super) fn acknowledge_unanswered(&mut self, core: &mut Core) {
        if let Exchange::InOurAck { invite } = self.exchange {
            self.exchange = Exchange::Idle;
            core.acknowledge(invite, &self.dialog);
        }
    }

    /// Our answer to the offer in the 2xx. False: there was none.
    pub(super) fn answer_in_ack(&mut self, sdp: &Bytes, core: &mut Core, now: Instant) -> bool {
        let Exchange::InOurAck { invite } = self.exchange else {
            return false;
        };
        self.exchange = Exchange::Idle;
        self.spoken = sdp.clone();
        core.acknowledge_with(invite, &self.dialog, Some(sdp.clone()));
        self.offer_if_wanted(core, now);
        true
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
        let again = again.or_else(|| calling.with_longer_interval(key, response, core));
        let Some((request, hop)) = again else {
            // RFC 5626 §5.3: 430 is the 503 of a proxy that lost the flow.
            let is_the_target_s = matches!(response.status, 430 | 503);
            if !is_the_target_s || !self.try_next(response.status, retry_after(&response.headers), core, now) {
                self.end(SessionEvent::refused_by(response), core);
            }
            return;
        };
        if let Some(targets) = &mut calling.targets {
            targets.on_sent(&request, now);
        }
        self.dialog.on_sent(&request);
        // The early dialogs of the refused INVITE are over with it.
        calling.branches = Branches::default();
        calling.owed = None;
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
        let invite = calling.invite;
        if calling.deadline().is_some_and(|at| at <= now) && !self.try_next(408, None, core, now) {
            core.abandon(invite);
            self.end(SessionEvent::refused(408, "no answer from the far end"), core);
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
        calling.branches = Branches::default();
        calling.owed = None;
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
    pub(super) fn on_bye_while_calling(&mut self, core: &mut Core) {
        let State::Calling(calling) = &self.state else {
            return;
        };
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
    request.headers.push(Name::From, from.text());
    request.headers.push(Name::To, to.text());
    request.headers.push(Name::CallId, call_id);
    request.headers.push(Name::CSeq, "1 INVITE");
    request.headers.push(Name::Contact, contact);
    request.headers.push(Name::Allow, ALLOW);
    request.headers.push(Name::Supported, SUPPORTED);
    let Policy { expires, least } = core.session_timer;
    if !expires.is_zero() {
        request.headers.push(Name::SessionExpires, expires.as_secs().to_string());
        push_least(&mut request.headers, least);
    }
    for (name, value) in headers {
        request.headers.push(name.clone(), value.clone());
    }
    match sdp.is_empty() {
        true => request,
        false => request.with_body(SDP, sdp.clone()),
    }
}
