//! Texts in and out. Nobody is told "accepted" before the text is on disk.

use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use tracing::info;

use crate::channel::Channel;
use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::Inbound;
use crate::channel::SendOutcome;
use crate::channel::Webhook;
use crate::channel::channels::softphone;
use crate::channel::message::Direction;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::channel::message::MessageStatus;
use crate::channel::outbox::Effect as OutboxEffect;
use crate::channel::outbox::SubmitError;
use crate::channel::outbox::Via;
use crate::channel::webhook::WebhookError;
use crate::registrar::Device;
use crate::sip::agent::RequestId;
use crate::sip::agent::TransactionId;
use crate::sip::content::TEXT;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::command::SendMessage;
use crate::switch::commands::problem;
use crate::switch::commands::unknown_among;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::input::Ticket;
use crate::switch::machine::Switch;

/// Who is told once a text is on disk.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A phone's SIP MESSAGE: gets its 200, and the text goes on to whom it is for.
    Phone { transaction: TransactionId, request: Box<Request>, message: Box<Message> },
    /// The API: gets the message as it was stored.
    Program { ticket: Ticket, message: Box<Message> },
    /// A provider's webhook, which may have brought several.
    Webhook { ticket: Ticket, message: Box<Message> },
}

/// A text that is with its provider.
#[derive(Debug)]
pub(super) struct Handed {
    message: MessageId,
    channel: String,
}

impl Switch {
    pub(super) fn on_send_message(&mut self, ticket: Ticket, wish: SendMessage, now: Instant) {
        match self.submit(&wish, now) {
            Ok(message) => {
                let id = message.id.clone();
                self.unkept.insert(id, Waiting::Program { ticket, message: Box::new(message) });
            }
            Err(problem) => self.answer(ticket, Err(problem)),
        }
    }

    /// A text that the dialplan sends. Whoever called is not kept waiting by it.
    pub(super) fn send_from_dialplan(&mut self, call: &str, to: &str, text: String, now: Instant) {
        let wish = SendMessage { to: to.to_owned(), from: None, text, channel: None };
        if let Err(problem) = self.submit(&wish, now) {
            tracing::warn!(%call, "the text of the dialplan was not sent: {problem}");
        }
    }

    pub(super) fn submit(&mut self, wish: &SendMessage, now: Instant) -> Result<Message, Problem> {
        let message = self.draft(wish, now)?;
        self.outbox.submit(message.clone()).map_err(|fault| not_sendable(&fault))?;
        Ok(message)
    }

    /// The text as it would be sent, if it can be.
    fn draft(&mut self, wish: &SendMessage, now: Instant) -> Result<Message, Problem> {
        let channel = self.channel_for(wish)?;
        let to = if self.desk.is_extension(&wish.to) { wish.to.clone() } else { self.desk.normal(&wish.to) };
        let id = MessageId::random(&mut self.rng);
        let mut message = Message::outbound(id, &channel, &to, &wish.text, self.wall(now));
        message.from = wish.from.clone().unwrap_or_default();
        self.outbox.check(&message).map_err(|fault| not_sendable(&fault))?;
        Ok(message)
    }

    pub(super) fn no_channel(&self, name: &str) -> Problem {
        unknown_among("channel", name, self.kinds.iter().map(|channel| channel.name()))
    }

    fn channel_for(&self, wish: &SendMessage) -> Result<String, Problem> {
        let chosen: Option<&dyn Channel> = match &wish.channel {
            Some(name) => Some(self.kinds.find(name).ok_or_else(|| self.no_channel(name))?),
            None if self.desk.is_extension(&wish.to) => self.kinds.for_extensions(),
            None => self.kinds.for_numbers(),
        };
        let chosen = chosen.ok_or_else(|| {
            problem(
                422,
                "no-channel",
                "No channel sends texts to phone numbers",
                "",
                "Add a [[channel]] of kind `sms` with `send` to the configuration.",
            )
        })?;
        Ok(chosen.name().to_owned())
    }

    /// What the outbox wants done. True: something moved.
    pub(super) fn settle_outbox(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(effect) = self.outbox.poll_effect() {
            moved = true;
            match effect {
                OutboxEffect::Store(message) => self.keep_message(message, now),
                OutboxEffect::Send { message, via: Via::Http { channel, request } } => {
                    let ticket = self.ticket();
                    self.texts_by_ticket.insert(ticket, Handed { message: message.id, channel });
                    self.effects.push_back(Effect::Http { ticket, request });
                }
                OutboxEffect::Send { message, via: Via::Sip { extension } } => {
                    self.send_to_phones(&message, &extension, now)
                }
            }
        }
        moved
    }

    fn keep_message(&mut self, message: Message, now: Instant) {
        let settled = match message.status {
            MessageStatus::Sent => Some("message.sent"),
            MessageStatus::Delivered => Some("message.delivered"),
            MessageStatus::Failed => Some("message.failed"),
            MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Received => None,
        };
        if let Some(kind) = settled {
            *self.tally.messages.entry(kind).or_default() += 1;
            self.publish(kind, json!(message), now);
        }
        self.effects.push_back(Effect::Keep(Keep::Message(Box::new(message))));
    }

    /// RFC 3428: one MESSAGE to each phone of the extension; the first that takes it has it.
    fn send_to_phones(&mut self, message: &Message, extension: &str, now: Instant) {
        let bindings = self.desk.registrar.contacts(extension, now);
        if bindings.is_empty() {
            let why = format!("no phone of {extension} is registered");
            let wall = self.wall(now);
            return self.outbox.on_outcome(&message.id, SendOutcome::TryAgain { after: None, why }, now, wall);
        }
        for binding in bindings {
            let mut request = self.message_request(message, extension, binding.uri.clone());
            for (name, value) in binding.routes() {
                request.headers.push(name, value);
            }
            let alternatives = binding.spares.iter().filter(|spare| spare.path == binding.path).map(|spare| spare.hop);
            let asked = self.agent.request_of_any(request, binding.hop, alternatives.collect(), None, now);
            self.texts_by_request.insert(asked, message.id.clone());
            *self.phones_by_text.entry(message.id.clone()).or_default() += 1;
        }
    }

    fn message_request(&self, message: &Message, extension: &str, target: Uri) -> Request {
        let from = if message.from.is_empty() { "desvio" } else { &message.from };
        let mut request = Request::new(Method::Message, target);
        let domain = &self.desk.domain;
        request.headers.push(Name::From, NameAddr::new(Uri::sip(Some(from), domain, None)).to_string());
        request.headers.push(Name::To, NameAddr::new(Uri::sip(Some(extension), domain, None)).to_string());
        request.headers.push(Name::ContentType, "text/plain;charset=UTF-8");
        request.body = Bytes::copy_from_slice(message.text.as_bytes());
        request
    }

    /// The answer to a MESSAGE of ours; none: it was not answered.
    pub(super) fn on_text_answer(&mut self, request: RequestId, response: Option<&Response>, now: Instant) {
        let Some(id) = self.texts_by_request.remove(&request) else {
            return;
        };
        let left = self.phones_by_text.get_mut(&id).map_or(0, |left| {
            *left -= 1;
            *left
        });
        let taken = response.is_some_and(Response::is_success);
        if left == 0 {
            self.phones_by_text.remove(&id);
        } else if !taken {
            return;
        }
        let outcome = softphone::outcome_of(response.map(|response| response.status));
        let wall = self.wall(now);
        self.outbox.on_outcome(&id, outcome, now, wall);
    }

    pub(super) fn on_http_answer(&mut self, ticket: Ticket, result: Result<HttpAnswer, HttpFailure>, now: Instant) {
        let Some(Handed { message, channel }) = self.texts_by_ticket.remove(&ticket) else {
            return;
        };
        self.on_send_answered(&channel, &result, now);
        let wall = self.wall(now);
        self.outbox.on_http(&message, result, now, wall);
    }

    /// A SIP MESSAGE from a phone or a trunk.
    pub(super) fn on_message(&mut self, transaction: TransactionId, request: Request, hop: &Hop, now: Instant) {
        let Some(sender) = self.sender(transaction, &request, hop, now) else {
            return;
        };
        // RFC 3428 §7, RFC 3261 §21.4.13.
        let body = match request.text() {
            Ok(body) => body.unwrap_or_default(),
            Err(fault) => return self.refuse(transaction, fault.refuse(&request, TEXT), now),
        };
        let from = self.calling(&sender, &request).0;
        let to = match self.desk.registrar.device(&request.uri, now) {
            Some(Device::Here { extension, .. }) => extension,
            _ => request.uri.user_text().map(|user| user.into_owned()).unwrap_or_default(),
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        if !self.is_read_by_somebody(&from, &to, &text, now) {
            let refusal = request.reply(404).with_reason("Nobody gets texts there");
            return self.refuse(transaction, refusal, now);
        }
        let channel = self.kinds.for_extensions().map_or_else(String::new, |channel| channel.name().to_owned());
        let id = MessageId::random(&mut self.rng);
        let message = self.inbound(id, &channel, from, to, text, now);
        let waiting = Waiting::Phone { transaction, request: Box::new(request), message: Box::new(message.clone()) };
        self.unkept.insert(message.id.clone(), waiting);
        self.keep_message(message, now);
    }

    fn inbound(&self, id: MessageId, channel: &str, from: String, to: String, text: String, now: Instant) -> Message {
        let mut message = Message::outbound(id, channel, &to, &text, self.wall(now));
        message.direction = Direction::Inbound;
        message.status = MessageStatus::Received;
        message.from = from;
        message
    }

    pub(super) fn on_webhook(&mut self, ticket: Ticket, channel: &str, webhook: &Webhook, now: Instant) {
        let read = match self.kinds.find(channel) {
            Some(found) => found.read_webhook(webhook).map_err(webhook_problem),
            None => Err(self.no_channel(channel)),
        };
        let inbound = match read {
            Ok(inbound) => inbound,
            Err(problem) => return self.answer(ticket, Err(problem)),
        };
        let mut texts = 0;
        for item in inbound {
            match item {
                Inbound::Text { from, to, text, provider_id } => {
                    texts += 1;
                    self.on_customer_wrote(channel, now);
                    self.take_text(ticket, channel, (from, to, text), provider_id, now);
                }
                Inbound::Receipt { provider_id, delivery } => {
                    self.on_receipt_seen(channel, &provider_id, &delivery, now);
                    self.effects.push_back(Effect::Keep(Keep::Receipt {
                        channel: channel.to_owned(),
                        provider_id,
                        delivery,
                    }));
                }
            }
        }
        match texts {
            0 => self.answer(ticket, Ok(Answer::Done {})),
            _ => {
                self.webhooks.insert(ticket, texts);
            }
        }
    }

    /// Providers repeat a webhook until they hear 200: the same text gets the same id, and is stored once.
    fn take_text(
        &mut self,
        ticket: Ticket,
        channel: &str,
        (from, to, text): (String, String, String),
        provider_id: Option<String>,
        now: Instant,
    ) {
        let id = match &provider_id {
            Some(theirs) => {
                MessageId(format!("msg_{channel}_{}", theirs.replace(|c: char| !c.is_ascii_alphanumeric(), "-")))
            }
            None => MessageId::random(&mut self.rng),
        };
        let from = self.desk.normal(&from);
        let mut message = self.inbound(id.clone(), channel, from, to, text, now);
        message.provider_id = provider_id;
        self.unkept.insert(id, Waiting::Webhook { ticket, message: Box::new(message.clone()) });
        self.keep_message(message, now);
    }

    pub(super) fn on_message_kept(&mut self, id: &MessageId, now: Instant) {
        let wall = self.wall(now);
        self.outbox.on_stored(id, now, wall);
        match self.unkept.remove(id) {
            Some(Waiting::Program { ticket, message }) => self.answer(ticket, Ok(Answer::Message(message))),
            Some(Waiting::Phone { transaction, request, message }) => {
                self.refuse(transaction, request.reply(200), now);
                self.received(&message, now);
                self.pass_on(&message, now);
            }
            Some(Waiting::Webhook { ticket, message }) => {
                self.received(&message, now);
                self.webhook_done(ticket, Ok(Answer::Done {}));
            }
            None => {}
        }
    }

    pub(super) fn on_message_not_kept(&mut self, id: &MessageId, why: &str, now: Instant) {
        let wall = self.wall(now);
        self.outbox.on_not_stored(id, why, now, wall);
        let problem = problem(
            503,
            "not-stored",
            "The text could not be stored",
            why,
            "Free space or mend the database, then send it again.",
        );
        match self.unkept.remove(id) {
            Some(Waiting::Program { ticket, .. }) => self.answer(ticket, Err(problem)),
            Some(Waiting::Phone { transaction, request, .. }) => self.refuse(transaction, request.reply(503), now),
            Some(Waiting::Webhook { ticket, .. }) => self.webhook_done(ticket, Err(problem)),
            None => {}
        }
    }

    /// The provider hears 200 when the last of its texts is on disk, and of the first that is not at once.
    fn webhook_done(&mut self, ticket: Ticket, answer: Result<Answer, Problem>) {
        let Some(left) = self.webhooks.get_mut(&ticket) else {
            return;
        };
        *left -= 1;
        if *left == 0 || answer.is_err() {
            self.webhooks.remove(&ticket);
            self.answer(ticket, answer);
        }
    }

    fn received(&mut self, message: &Message, now: Instant) {
        info!(id = %message.id, channel = %message.channel, "text received");
        *self.tally.messages.entry("message.received").or_default() += 1;
        self.publish("message.received", json!(message), now);
    }

    /// What comes from outside, or to a number of ours, is for the programs that read events; of a phone's other texts we
    /// say at once if they can go nowhere.
    fn is_read_by_somebody(&mut self, from: &str, to: &str, text: &str, now: Instant) -> bool {
        let normal = self.desk.normal(to);
        let is_ours = |number: &str| self.desk.program.flow_for(number).is_some();
        if !self.desk.is_extension(from) || is_ours(to) || is_ours(&normal) {
            return true;
        }
        let has_address = self.desk.is_extension(to) || normal.starts_with('+');
        has_address && self.draft(&on_behalf(from, to, text), now).is_ok()
    }

    /// A phone's text goes on to whom it is for: another extension, or a phone number.
    fn pass_on(&mut self, message: &Message, now: Instant) {
        if !self.desk.is_extension(&message.from) {
            return;
        }
        if let Err(problem) = self.submit(&on_behalf(&message.from, &message.to, &message.text), now) {
            info!(id = %message.id, "the text goes no further: {problem}");
        }
    }
}

/// What an extension wants sent.
fn on_behalf(from: &str, to: &str, text: &str) -> SendMessage {
    SendMessage { to: to.to_owned(), from: Some(from.to_owned()), text: text.to_owned(), channel: None }
}

fn not_sendable(fault: &SubmitError) -> Problem {
    problem(
        422,
        "not-sendable",
        "The text cannot be sent",
        &fault.to_string(),
        "See `desvio channels` for what each channel can do.",
    )
}

fn webhook_problem(fault: WebhookError) -> Problem {
    let (status, rule, hint) = match &fault {
        WebhookError::NotExpected => (404, "no-webhook", "Add [channel.webhook] to this channel."),
        WebhookError::WrongSecret => {
            (401, "wrong-secret", "Send the secret in the header that the configuration names.")
        }
        WebhookError::Malformed { .. } => {
            (400, "malformed-webhook", "Compare the payload with the pointers of [channel.webhook].")
        }
    };
    problem(status, rule, "The webhook was not taken", &fault.to_string(), hint)
}
