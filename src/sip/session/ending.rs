//! The end of a session: RFC 3261 §15.

use std::time::Instant;

use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::credentials::Attempts;
use crate::sip::agent::reason::q850_cause;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::transaction::layer::ClientKey;

impl Session {
    /// Ends the call in the way that its state asks for; `HangUpDone` follows.
    pub(in crate::sip) fn hang_up(&mut self, why: Option<HangUpReason>, core: &mut Core, now: Instant) {
        match &self.state {
            State::Ringing(_) => {
                let status = why.map_or(480, HangUpReason::status);
                self.refuse(status, None, why, core, now);
                core.tell(self.id, SessionEvent::HangUpDone);
            }
            State::Answered(_) => self.hang_up_after_ack(why),
            State::Calling(_) => self.cancel(why, core, now),
            State::Talking => self.leave(why, core, now),
            State::Leaving(_) | State::Over => {}
        }
    }

    /// Sends BYE; what the peer asked before gets its answer, RFC 3261 §15.1.2.
    pub(super) fn leave(&mut self, why: Option<HangUpReason>, core: &mut Core, now: Instant) {
        self.refuse_offer_at_the_end(core, now);
        self.acknowledge_unanswered(core);
        let user = User::Session(self.id, Purpose::Bye);
        self.send_bye(why, user, core, now);
        self.state = State::Leaving(Attempts::default());
    }

    pub(super) fn send_bye(&mut self, why: Option<HangUpReason>, user: User, core: &mut Core, now: Instant) {
        let mut bye = self.dialog.request(Method::Bye);
        if let Some(why) = why {
            bye.headers.push(Name::Reason, why.to_string());
        }
        core.send(bye, self.dialog.hop(), user, now);
    }

    /// RFC 3261 §15.1.1: whatever the final response says, the call is over.
    pub(super) fn on_bye_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Leaving(attempts) = &mut self.state else {
            return;
        };
        if !response.is_final() {
            return;
        }
        let credentials = self.credentials.as_deref();
        let Some((request, hop)) = core.answer_challenge(key, response, credentials, attempts) else {
            return self.end(SessionEvent::HangUpDone, core);
        };
        core.send(request, hop, User::Session(self.id, Purpose::Bye), now);
    }

    /// RFC 3261 §15.1.2.
    pub(super) fn on_bye(&mut self, transaction: TransactionId, bye: &Request, core: &mut Core, now: Instant) {
        core.layer.answer(transaction, &bye.reply(200), now);
        let cause = q850_cause(&bye.headers);
        match &self.state {
            State::Ringing(_) => {
                self.reject(487, None, core, now);
                core.tell(self.id, SessionEvent::Cancelled { cause });
            }
            State::Calling(_) => self.on_bye_while_calling(core),
            State::Answered(_) => self.end(SessionEvent::HungUp { cause }, core),
            State::Talking => {
                self.refuse_offer_at_the_end(core, now);
                self.end(SessionEvent::HungUp { cause }, core);
            }
            // Both hung up at once: our own BYE ends it.
            State::Leaving(_) | State::Over => {}
        }
    }
}
