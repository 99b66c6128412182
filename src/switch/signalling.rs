//! What a SIP request from outside may do: register, call, text. Everything else is refused with the code that the RFC names.

use std::time::Instant;

use tracing::info;
use tracing::warn;

use crate::queue;
use crate::registrar;
use crate::registrar::gate::Stage;
use crate::sip::agent::Event;
use crate::sip::agent::TransactionId;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::content::ACCEPTED_FOR_CALLS;
use crate::sip::content::TEXT;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::subscription::package::ALLOW_EVENTS;
use crate::sip::subscription::package::Package;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::machine::Switch;

impl Switch {
    pub(super) fn on_agent_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Request { transaction, request, hop } => self.on_request(transaction, request, &hop, now),
            Event::Invite { transaction, request, hop } => self.on_invite(transaction, &request, &hop, now),
            Event::Response { request, response } => {
                if !self.on_refer_answer(request, response.status, now)
                    && !self.desk.trunks.on_answer(request, Some(&response), now)
                {
                    self.on_text_answer(request, Some(&response), now);
                }
            }
            Event::RequestFailed { request, .. } => {
                if !self.on_refer_answer(request, 408, now) && !self.desk.trunks.on_answer(request, None, now) {
                    self.on_text_answer(request, None, now);
                }
            }
            Event::Session { session, event } => self.on_session_event(session, event, now),
            Event::SubscriptionEnded { subscription } => self.on_subscription_ended(subscription),
        }
    }

    fn on_request(&mut self, transaction: TransactionId, request: Request, hop: &Hop, now: Instant) {
        match request.method {
            Method::Register => self.on_register(transaction, &request, hop, now),
            Method::Message => self.on_message(transaction, request, hop, now),
            Method::Options => self.refuse(transaction, options(&request), now),
            Method::Subscribe => self.on_subscribe(transaction, &request, hop, now),
            Method::Publish => self.refuse(transaction, bad_event(&request), now),
            // RFC 3515 §2.4.2 leaves it to us: outside of a call there is nobody to transfer.
            Method::Refer => {
                self.refuse(transaction, request.reply(403).with_reason("REFER only inside a call"), now);
            }
            _ => {
                let mut response = request.reply(405);
                response.headers.push(Name::Allow, ALLOW);
                self.refuse(transaction, response, now);
            }
        }
    }

    pub(super) fn refuse(&mut self, transaction: TransactionId, response: Response, now: Instant) {
        self.agent.respond(transaction, response, now);
    }

    /// RFC 3261 §10.3.
    fn on_register(&mut self, transaction: TransactionId, request: &Request, hop: &Hop, now: Instant) {
        // Whom nobody listens to spends nobody's credit.
        if self.is_kept_out(request, hop) {
            return self.refuse(transaction, request.reply(403), now);
        }
        let stage = || match self.guard.has_asked(request, &Name::Authorization) {
            true => Stage::Answers,
            false => Stage::Asks,
        };
        if let Some(later) = self.desk.registrar.turn_away(request, stage, now) {
            return self.refuse(transaction, later, now);
        }
        let Some((username, mark)) = self.authenticated(transaction, request, hop, now) else {
            return;
        };
        if request.headers.to_user().as_deref() != Some(username.as_str()) {
            return self.refuse(transaction, request.reply(403).with_reason("To is not the user that signed in"), now);
        }
        let wall = self.wall(now);
        let response = self.desk.registrar.register(&username, request, hop, mark, now, wall);
        self.refuse(transaction, response, now);
    }

    /// What the registrar wants kept and told. True: something moved.
    pub(super) fn settle_registrar(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(effect) = self.desk.registrar.poll_effect() {
            moved = true;
            match effect {
                registrar::Effect::Keep(binding) => self.effects.push_back(Effect::Keep(Keep::Binding(binding))),
                registrar::Effect::Forget { extension, contact } => {
                    self.effects.push_back(Effect::Keep(Keep::ForgetBinding { extension, contact }));
                }
                registrar::Effect::Rewritten { extension, evidence } => {
                    let evidence = evidence.join("; ");
                    warn!(%extension, %evidence, "a SIP ALG writes in this phone's messages: turn it off in its router, or use TLS");
                }
                registrar::Effect::Reachable { extension } => {
                    self.on_reachable(&extension, queue::agent::Reachability::Registered, now)
                }
                registrar::Effect::Unreachable { extension } => {
                    self.on_reachable(&extension, queue::agent::Reachability::Unregistered, now)
                }
            }
        }
        moved
    }

    fn on_reachable(&mut self, extension: &str, reachability: queue::agent::Reachability, now: Instant) {
        info!(%extension, ?reachability, "registration changed");
        self.lamps.touch(Package::Presence, extension);
        self.desk.queues.on_reachable(&queue::agent::AgentId(extension.to_owned()), reachability, now);
        let kind = match reachability {
            queue::agent::Reachability::Registered => "extension.registered",
            queue::agent::Reachability::Unregistered => "extension.unregistered",
        };
        self.publish(kind, serde_json::json!({ "extension": extension }), now);
    }
}

/// RFC 6665 §8.3.2.
fn bad_event(request: &Request) -> Response {
    let mut response = request.reply(489);
    response.headers.push(Name::AllowEvents, ALLOW_EVENTS);
    response
}

/// RFC 3261 §11.2.
fn options(request: &Request) -> Response {
    let mut response = request.reply(200);
    response.headers.push(Name::Allow, ALLOW);
    response.headers.push(Name::AllowEvents, ALLOW_EVENTS);
    response.headers.push(Name::Accept, format!("{ACCEPTED_FOR_CALLS}, {TEXT}"));
    response.headers.push(Name::AcceptEncoding, "identity");
    response.headers.push(Name::Supported, SUPPORTED);
    response
}
