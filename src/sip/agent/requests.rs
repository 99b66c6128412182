//! Requests of ours outside of calls (REGISTER, MESSAGE, OPTIONS), and answers to those of peers.

use std::time::Instant;

use crate::sip::agent::Event;
use crate::sip::agent::Failure;
use crate::sip::agent::RequestId;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::core::User;
use crate::sip::agent::core::add_tag;
use crate::sip::agent::credentials::Attempts;
use crate::sip::agent::identity::number_text;
use crate::sip::agent::targets::Silence;
use crate::sip::agent::targets::Targets;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::name_addr::NameAddr;
use crate::sip::transaction::deadlines::Armed;
use crate::sip::transaction::layer::ClientKey;
use crate::sip::uri::Uri;

/// A request of ours that has no final response yet.
#[derive(Debug)]
pub(super) struct Pending {
    credentials: Option<Box<Credentials>>,
    attempts: Attempts,
    key: ClientKey,
    targets: Option<Box<Targets>>,
    armed: Armed,
    /// The call whose dialog numbers it.
    within: Option<SessionId>,
}

impl Pending {
    fn on_heard(&mut self) {
        if let Some(targets) = &mut self.targets {
            targets.on_heard();
        }
    }
}

impl UserAgent {
    /// Sends a request outside of any call. Via, To, From with its tag, Call-ID, CSeq and Max-Forwards are added where
    /// they are absent; a challenge is answered once. An `Event::Response` or `Event::RequestFailed` follows.
    pub fn request(&mut self, request: Request, hop: Hop, credentials: Option<Credentials>, now: Instant) -> RequestId {
        self.request_of_any(request, hop, Vec::new(), credentials, now)
    }

    /// The same, and where `hop` is silent, broken or answers 503, the `alternatives` are tried one after the other.
    /// RFC 3263 §4.3. The event tells of the last that was tried.
    pub fn request_of_any(
        &mut self,
        mut request: Request,
        hop: Hop,
        alternatives: Vec<Hop>,
        credentials: Option<Credentials>,
        now: Instant,
    ) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        complete(&mut request, &mut self.core);
        let targets = Targets::new(&request, alternatives, Silence::Borne, self.core.failover_after, now);
        self.core.sign_ahead(&mut request, hop, credentials.as_ref());
        let key = self.core.send(request, hop, User::Request(id), now);
        let (credentials, attempts) = (credentials.map(Box::new), Attempts::default());
        self.keep_request(id, Pending { credentials, attempts, key, targets, armed: Armed::default(), within: None });
        id
    }

    /// Whatever else is sent in that call is numbered together with it.
    pub(super) fn is_within(&mut self, id: RequestId, session: SessionId) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.within = Some(session);
        }
    }

    fn keep_request(&mut self, id: RequestId, mut pending: Pending) {
        let deadline = pending.targets.as_ref().and_then(|targets| targets.deadline());
        self.request_alarms.arm(id, &mut pending.armed, deadline);
        self.pending.insert(id, pending);
    }

    pub(super) fn on_request_response(&mut self, id: RequestId, key: ClientKey, response: &Response, now: Instant) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        if !response.is_final() {
            return pending.on_heard();
        }
        let credentials = pending.credentials.as_deref();
        let again = self.core.answer_challenge(key, response, credentials, &mut pending.attempts);
        if let Some((mut request, hop)) = again {
            if let Some(kept) = pending.within.and_then(|session| self.sessions.get_mut(&session)) {
                kept.session.dialog_mut().number_anew(&mut request);
            }
            if let Some(targets) = &mut pending.targets {
                targets.on_sent(&request, now);
                self.request_alarms.arm(id, &mut pending.armed, targets.deadline());
            }
            pending.key = self.core.send(request, hop, User::Request(id), now);
            return;
        }
        if matches!(response.status, 430 | 503) && self.request_next(id, now) {
            return;
        }
        self.pending.remove(&id);
        let response = response.clone();
        self.core.events.push_back(Event::Response { request: id, response });
    }

    /// The present target of a request may have been silent for too long.
    pub(super) fn on_request_alarm(&mut self, id: RequestId, at: Instant, now: Instant) {
        let Some(pending) = self.pending.get_mut(&id).filter(|pending| pending.armed.is_at(at)) else {
            return;
        };
        pending.armed = Armed::default();
        let deadline = pending.targets.as_ref().and_then(|targets| targets.deadline());
        match deadline {
            Some(at) if at <= now => {
                self.request_next(id, now);
            }
            later => self.request_alarms.arm(id, &mut pending.armed, later),
        }
    }

    /// RFC 3263 §4.3. False: no target is left.
    fn request_next(&mut self, id: RequestId, now: Instant) -> bool {
        let Some(pending) = self.pending.get_mut(&id) else {
            return false;
        };
        let Some((request, hop)) = Targets::take_next(&mut pending.targets, now) else {
            return false;
        };
        self.core.layer.forget_client(pending.key);
        pending.attempts = Attempts::default();
        pending.key = self.core.send(request, hop, User::Request(id), now);
        let deadline = pending.targets.as_ref().and_then(|targets| targets.deadline());
        self.request_alarms.arm(id, &mut pending.armed, deadline);
        true
    }

    pub(super) fn on_request_failed(&mut self, id: RequestId, why: Failure, now: Instant) {
        if self.request_next(id, now) {
            return;
        }
        if self.pending.remove(&id).is_some() {
            self.core.events.push_back(Event::RequestFailed { request: id, why });
        }
    }

    /// Answers a request of a peer, or an INVITE that is not taken; adds the To tag. Nothing happens if it was answered
    /// or cancelled before.
    pub fn respond(&mut self, transaction: TransactionId, mut response: Response, now: Instant) {
        let tag = match self.core.invites.get(&transaction) {
            Some(InviteUse::Untaken(untaken)) => untaken.local_tag,
            Some(InviteUse::Session(_)) => return,
            None => self.core.number(),
        };
        add_tag(&mut response, tag);
        self.core.layer.answer(transaction, &response, now);
        if response.is_final() {
            self.core.invites.remove(&transaction);
        }
    }

    /// Answers a request whose sender has proven nothing. For an INVITE this is said once and forgotten: whoever forges
    /// his address has us send no repeats there, and takes no place from others. RFC 3261 §26.3.2.4.
    pub fn turn_away(&mut self, transaction: TransactionId, mut response: Response, now: Instant) {
        match self.core.invites.get(&transaction) {
            Some(InviteUse::Untaken(_)) => {
                self.core.invites.remove(&transaction);
                self.core.layer.rebuff(transaction, |tag| {
                    add_tag(&mut response, tag);
                    response.write()
                });
            }
            Some(InviteUse::Session(_)) | None => self.respond(transaction, response, now),
        }
    }
}

/// RFC 3261 §8.1.1: what every request has.
fn complete(request: &mut Request, core: &mut Core) {
    let address = |uri: &Uri| NameAddr::new(uri.clone());
    if !request.headers.contains(&Name::To) {
        let to = address(&request.uri).text();
        request.headers.push(Name::To, to);
    }
    let tag = number_text(core.number());
    let from = request.headers.from_header().ok();
    let from = from.unwrap_or_else(|| address(&Uri::sip(None, &core.identity.domain, None)));
    if from.tag().is_none() {
        request.headers.set(Name::From, from.with_tag(&tag).text());
    }
    if !request.headers.contains(&Name::CallId) {
        let call_id = core.call_id();
        request.headers.push(Name::CallId, call_id);
    }
    if !request.headers.contains(&Name::CSeq) {
        let cseq = format!("1 {}", request.method);
        request.headers.push(Name::CSeq, cseq);
    }
}
