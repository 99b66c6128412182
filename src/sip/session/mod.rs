//! One INVITE usage of a dialog, from either side: the call leg as SIP sees it. RFC 3261 §13 to §15, RFC 3262, RFC 3311,
//! RFC 4028.
//!
//! A session decides what a request or response means for the call; what it sends goes through [`Core`] at once, what
//! the PBX has to know becomes an event. The states of the two sides stand in files of their own.

mod abilities;
mod branch;
mod calling;
mod early;
mod ending;
mod exchange;
mod pending_ack;
mod refresh;
mod refusal;
mod reliable;
mod ringing;
pub(super) mod timer;

use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::Event;
use crate::sip::agent::Failure;
use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::credentials::Attempts;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::content;
use crate::sip::content::SDP;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Mismatch;
use crate::sip::digest::Credentials;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::refer;
use crate::sip::session::abilities::Abilities;
use crate::sip::session::calling::Calling;
use crate::sip::session::exchange::Exchange;
use crate::sip::session::exchange::Wanted;
use crate::sip::session::reliable::Acknowledged;
use crate::sip::session::ringing::Answered;
use crate::sip::session::ringing::Ringing;
use crate::sip::session::timer::SessionTimer;
use crate::sip::syntax::Quoted;
use crate::sip::transaction::layer::ClientKey;
use crate::sip::via::SentBy;

/// See the top of this file.
#[derive(Debug)]
pub(in crate::sip) struct Session {
    id: SessionId,
    dialog: Dialog,
    credentials: Option<Box<Credentials>>,
    peer: Abilities,
    exchange: Exchange,
    /// An offer of ours that waits for its turn.
    wanted: Option<Wanted>,
    /// What goes with the next refusal of ours.
    warning: Option<String>,
    /// What we said last about our media: a refresh by re-INVITE says it again.
    spoken: Bytes,
    timer: Option<SessionTimer>,
    /// The last provisional response of ours that the call was answered without a PRACK of.
    unconfirmed: Option<Acknowledged>,
    state: State,
}

/// How far a call has come, for who wants to take its place: RFC 3891 §3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Standing {
    TheirEarly,
    OurEarly,
    Confirmed,
    Ended,
}

#[derive(Debug)]
enum State {
    /// The peer's INVITE has no final answer yet.
    Ringing(Ringing),
    /// Our 2xx is repeated until the peer's ACK comes.
    Answered(Answered),
    /// Our INVITE has no final response yet.
    Calling(Calling),
    /// The call stands.
    Talking,
    /// Our BYE is on its way.
    Leaving(Attempts),
    Over,
}

impl Session {
    pub(in crate::sip) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    pub(in crate::sip) fn local_tag(&self) -> u64 {
        self.dialog.local_tag()
    }

    fn new(id: SessionId, dialog: Dialog, peer: Abilities, state: State) -> Session {
        Session {
            id,
            dialog,
            credentials: None,
            peer,
            exchange: Exchange::Idle,
            wanted: None,
            spoken: Bytes::new(),
            timer: None,
            unconfirmed: None,
            warning: None,
            state,
        }
    }

    /// The dialog with the far end that has this tag: an early one while a call of ours rings.
    fn dialog_with(&mut self, remote_tag: &str) -> &mut Dialog {
        let early = match &mut self.state {
            State::Calling(calling) => {
                calling.branches.find_mut(remote_tag).and_then(|branch| branch.dialog.as_deref_mut())
            }
            _ => None,
        };
        early.unwrap_or(&mut self.dialog)
    }

    /// True for an INVITE that is this call of ours, come back to us by way of others.
    pub(in crate::sip) fn is_echoed_by(&self, invite: &Request) -> bool {
        self.dialog.is_echoed_by(invite)
    }

    pub(in crate::sip) fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    pub(in crate::sip) fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    pub(in crate::sip) fn into_dialog(self) -> Dialog {
        self.dialog
    }

    /// Whether a `Replaces` with these names means this call. A call of ours that nobody answered yet may have several
    /// tags at the far end, one for each phone behind a proxy.
    pub(in crate::sip) fn is_named(&self, call_id: &str, remote_tag: &str) -> bool {
        let any_tag = matches!(self.state, State::Calling(_));
        self.dialog.call_id() == call_id.as_bytes() && (any_tag || self.dialog.remote_tag() == remote_tag)
    }

    pub(in crate::sip) fn standing(&self) -> Standing {
        match &self.state {
            State::Ringing(_) => Standing::TheirEarly,
            State::Calling(calling) if calling.is_given_up() => Standing::Ended,
            State::Calling(_) => Standing::OurEarly,
            State::Answered(_) | State::Talking => Standing::Confirmed,
            State::Leaving(_) | State::Over => Standing::Ended,
        }
    }

    /// True if the response to this INVITE of ours is still wanted; a 2xx to any other is a branch to be left.
    pub(in crate::sip) fn waits_for(&self, key: ClientKey) -> bool {
        match &self.state {
            State::Calling(calling) => calling.waits_for(key),
            State::Talking => self.exchange.waits_for(key),
            _ => false,
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Ringing(ringing) => earliest([ringing.deadline(), self.offer_deadline()]),
            State::Answered(answered) => Some(answered.deadline()),
            State::Talking => {
                let exchange = self.exchange.deadline().or_else(|| self.offer_deadline());
                earliest([exchange, self.timer.as_ref().map(SessionTimer::deadline)])
            }
            State::Calling(calling) => earliest([calling.deadline(), self.offer_deadline()]),
            State::Leaving(_) | State::Over => None,
        }
    }

    pub(in crate::sip) fn handle_timeout(&mut self, core: &mut Core, now: Instant) {
        match &self.state {
            State::Ringing(_) => {
                self.on_ringing_timeout(core, now);
                self.offer_if_wanted(core, now);
            }
            State::Answered(_) => self.repeat_answer(core, now),
            State::Talking => {
                self.on_exchange_timeout(core, now);
                self.on_timer(core, now);
            }
            State::Calling(_) => {
                self.on_silent_target(core, now);
                self.offer_if_wanted(core, now);
            }
            State::Leaving(_) | State::Over => {}
        }
    }

    /// A request of the peer that carries our tag, other than ACK and CANCEL.
    pub(in crate::sip) fn on_request(
        &mut self,
        transaction: TransactionId,
        request: Request,
        sent_by: SentBy,
        hop: Hop,
        core: &mut Core,
        now: Instant,
    ) {
        let dialog = self.dialog_with(request.headers.from_tag().unwrap_or_default());
        match dialog.admit(&request, sent_by, hop) {
            Err(Mismatch::OtherDialog) => core.layer.answer(transaction, &request.reply(481), now),
            Err(Mismatch::OutOfOrder) => core.layer.answer(transaction, &request.reply(500), now),
            // RFC 3428 §4: a text belongs to no call, even where it comes inside of one.
            Ok(()) if request.method == Method::Message => {
                core.events.push_back(Event::Request { transaction, request, hop });
            }
            Ok(()) => self.on_admitted(transaction, request, core, now),
        }
    }

    fn on_admitted(&mut self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        match request.method {
            Method::Bye => self.on_bye(transaction, &request, core, now),
            Method::Invite | Method::Update => self.on_offer(transaction, request, core, now),
            Method::Refer => self.on_refer(transaction, request, core, now),
            Method::Notify => self.on_notify(transaction, &request, core, now),
            Method::Info => self.on_info(transaction, request, core, now),
            Method::Options => {
                let response = self.reply(&request, 200, core);
                core.layer.answer(transaction, &response, now);
            }
            Method::Prack => self.on_prack(transaction, request, core, now),
            _ => {
                let mut response = request.reply(405);
                response.headers.push(Name::Allow, ALLOW);
                core.layer.answer(transaction, &response, now);
            }
        }
    }

    /// RFC 6086 §4.2.2: we have offered no package. What comes without one is of the older kind (RFC 2976).
    fn on_info(&self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        if request.headers.contains(&Name::InfoPackage) {
            let mut response = request.reply(469);
            response.headers.push(Name::RecvInfo, "");
            return core.layer.answer(transaction, &response, now);
        }
        core.layer.answer(transaction, &request.reply(200), now);
        let content_type = request.headers.content_type().unwrap_or_default().to_owned();
        core.tell(self.id, SessionEvent::Info { content_type, body: request.body });
    }

    /// RFC 3515 §2.4.2. Before the call stands there is nothing that could be transferred.
    fn on_refer(&self, transaction: TransactionId, request: Request, core: &mut Core, now: Instant) {
        match self.standing() {
            Standing::Confirmed => {
                let request = Box::new(request);
                core.tell(self.id, SessionEvent::Referred { transaction, request });
            }
            Standing::Ended => core.layer.answer(transaction, &request.reply(481), now),
            Standing::TheirEarly | Standing::OurEarly => core.layer.answer(transaction, &request.reply(491), now),
        }
    }

    /// RFC 3515 §2.4.4: a REFER has subscribed us to what becomes of it, and to nothing else.
    fn on_notify(&self, transaction: TransactionId, request: &Request, core: &mut Core, now: Instant) {
        let event = request.headers.first(&Name::Event).unwrap_or_default();
        if !event.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("refer") {
            return core.layer.answer(transaction, &request.reply(489), now);
        }
        core.layer.answer(transaction, &request.reply(200), now);
        if let Some(status) = refer::status_of_fragment(&request.body) {
            core.tell(self.id, SessionEvent::ReferFares { status });
        }
    }

    /// An ACK with our tag that is not the transaction's business.
    pub(in crate::sip) fn on_ack(&mut self, ack: &Request, sent_by: SentBy, hop: Hop, core: &mut Core, now: Instant) {
        if self.dialog.admit(ack, sent_by, hop).is_err() {
            return;
        }
        match &self.state {
            State::Answered(_) => self.on_answer_acknowledged(ack, core, now),
            State::Talking => self.on_exchange_acknowledged(ack, core, now),
            _ => {}
        }
    }

    pub(in crate::sip) fn on_response(
        &mut self,
        key: ClientKey,
        purpose: Purpose,
        response: &Response,
        core: &mut Core,
        now: Instant,
    ) {
        match purpose {
            Purpose::Invite => self.on_invite_response(key, response, core, now),
            Purpose::Offer => self.on_offer_response(key, response, core, now),
            Purpose::Refresh => self.on_refresh_response(key, response, core, now),
            Purpose::Prack => self.on_prack_response(key, response, core, now),
            Purpose::Bye => self.on_bye_response(key, response, core, now),
        }
    }

    /// No final response came.
    pub(in crate::sip) fn on_failure(&mut self, purpose: Purpose, why: Failure, core: &mut Core, now: Instant) {
        if why == Failure::ConnectionLost {
            self.dialog.on_connection_lost();
        }
        match purpose {
            Purpose::Invite => self.on_invite_failed(why, core, now),
            Purpose::Offer => self.on_offer_failed(why, core, now),
            Purpose::Refresh if matches!(self.state, State::Talking) => self.lose(None, core, now),
            // Our BYE is on its way already.
            Purpose::Refresh => {}
            // The far end repeats what it wanted confirmed, or gives the call up by itself.
            Purpose::Prack => {}
            Purpose::Bye => self.end(SessionEvent::HangUpDone, core),
        }
    }

    /// The connection broke on which the peer waits for our answer to this request.
    pub(in crate::sip) fn on_transaction_lost(&mut self, transaction: TransactionId, core: &mut Core) {
        self.dialog.on_connection_lost();
        match &self.state {
            State::Ringing(ringing) if ringing.is_about(transaction) => self.end(SessionEvent::Lost, core),
            _ if self.exchange.is_about(transaction) => self.exchange = Exchange::Idle,
            _ => {}
        }
    }

    /// RFC 3261 §13.3.1.4 and §12.2.1.2: the peer does not answer any more. A BYE tries its luck.
    fn lose(&mut self, why: Option<HangUpReason>, core: &mut Core, now: Instant) {
        self.refuse_offer_at_the_end(core, now);
        self.acknowledge_unanswered(core);
        self.send_bye(why, User::Nobody, core, now);
        self.end(SessionEvent::Lost, core);
    }

    fn end(&mut self, event: SessionEvent, core: &mut Core) {
        self.orphan(core);
        self.state = State::Over;
        core.tell(self.id, event);
    }

    /// An INVITE of ours that is not decided outlives its session, but not for ever.
    fn orphan(&self, core: &mut Core) {
        let invite = match (&self.state, &self.exchange) {
            (State::Calling(calling), _) => calling.invite(),
            (_, Exchange::Ours { key, .. }) => *key,
            _ => return,
        };
        core.let_run_out(invite);
    }

    /// An answer inside the dialog, with what RFC 3261 §12.1.1 and §13.3.1 want in it.
    pub(in crate::sip) fn reply(&self, request: &Request, status: u16, core: &Core) -> Response {
        let mut response = request.reply(status);
        response.headers.set(Name::To, self.dialog.local().clone());
        if status < 300 {
            let contact = core.identity.contact(self.dialog.hop(), self.dialog.contact_user.as_deref());
            response.headers.copy_from(&request.headers, &Name::RecordRoute);
            response.headers.push(Name::Contact, contact);
        }
        if (200..300).contains(&status) {
            response.headers.push(Name::Allow, ALLOW);
            response.headers.push(Name::Supported, SUPPORTED);
        }
        if let Some(warning) = self.warning.as_ref().filter(|_| status >= 300) {
            response.headers.push(Name::Warning, warning.clone());
        }
        response.headers.push(Name::Server, core.identity.product.clone());
        response
    }

    /// Says why the next refusal comes about. RFC 3261 §20.43.
    pub(in crate::sip) fn warn(&mut self, code: u16, text: &str, core: &Core) {
        self.warning = Some(format!("{code:03} {} {}", core.identity.domain, Quoted(text)));
    }

    /// The same with SDP, where there is any.
    fn reply_with(&self, request: &Request, status: u16, sdp: Option<Bytes>, core: &Core) -> Response {
        let response = self.reply(request, status, core);
        match sdp.filter(|sdp| !sdp.is_empty()) {
            Some(sdp) => response.with_body(SDP, sdp),
            None => response,
        }
    }
}

fn earliest(deadlines: [Option<Instant>; 2]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}

/// The SDP of a message, if it has any.
fn sdp_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    content::session_description(headers, body)
}
