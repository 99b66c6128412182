//! Responses: to the request or the session that waits for them, and what becomes of branches that nobody waits for.

use std::time::Instant;

use crate::sip::agent::Failure;
use crate::sip::agent::UserAgent;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::User;
use crate::sip::agent::identity::read_number;
use crate::sip::agent::stand_in::unreachable;
use crate::sip::dialog::Dialog;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::message::Message;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::transaction::layer::ClientKey;
use crate::sip::transaction::layer::ClientKind;
use crate::sip::transaction::layer::Lost;
use crate::sip::via::MAGIC_COOKIE;

impl UserAgent {
    pub(super) fn on_response(&mut self, response: &Response, now: Instant) {
        let known = client_key(response).filter(|key| self.core.layer.knows(*key));
        let Some(key) = known else {
            self.stray += 1;
            return;
        };
        if let Some(user) = self.core.layer.on_response(key, response, now) {
            self.dispatch(user, key, response, now);
        }
        self.core.layer.settle_client(key);
    }

    fn dispatch(&mut self, user: User, key: ClientKey, response: &Response, now: Instant) {
        match user {
            User::Nobody => {}
            User::Abandoned => self.on_abandoned(key, response, now),
            User::Request(id) => self.on_request_response(id, key, response, now),
            User::Subscription(id) => self.on_notify_response(id, response, now),
            User::Session(id, purpose) => {
                let waits = self.sessions.get(&id).is_some_and(|kept| kept.session.waits_for(key));
                match waits || key.kind != ClientKind::Invite {
                    true => self.with_session(id, |session, core| {
                        session.on_response(key, purpose, response, core, now);
                    }),
                    false if response.is_success() => leave_branch(&mut self.core, key, response, now),
                    // The call ended before the first word about this INVITE came: without a limit it would stand for ever.
                    false if response.is_provisional() => self.core.let_run_out(key),
                    false => {}
                }
            }
        }
    }

    /// A target that was given up answers after all: cancelled while it rings, hung up if it answered.
    fn on_abandoned(&mut self, key: ClientKey, response: &Response, now: Instant) {
        let rings = self.core.layer.client_invite(key).is_some_and(|invite| invite.may_be_cancelled());
        match response.is_success() {
            true => leave_branch(&mut self.core, key, response, now),
            false if rings => self.core.cancel(key, None, now),
            false => {}
        }
    }

    /// No final response came to a request of ours.
    pub(super) fn on_failure(&mut self, user: User, why: Failure, now: Instant) {
        match user {
            User::Nobody | User::Abandoned => {}
            User::Request(id) => self.on_request_failed(id, why, now),
            User::Subscription(id) => self.on_notify_failed(id, why, now),
            User::Session(id, purpose) => {
                self.with_session(id, |session, core| session.on_failure(purpose, why, core, now));
            }
        }
    }

    /// See [`UserAgent::unsent`].
    pub(super) fn on_unsent(&mut self, transmit: Transmit, now: Instant) {
        let hop = transmit.hop;
        let key = match Message::parse(transmit.bytes.clone()) {
            Ok(Message::Request(request)) => key_of(&request.headers),
            _ => None,
        };
        if key.is_some_and(|key| self.core.fall_back(key, now)) {
            return;
        }
        if let Some(bytes) = unreachable(transmit.bytes) {
            self.on_packet(Packet { hop, bytes }, now);
        }
    }

    /// See [`UserAgent::connection_lost`].
    pub(super) fn on_connection_lost(&mut self, connection: ConnectionId, now: Instant) {
        for lost in self.core.layer.on_connection_lost(connection) {
            match lost {
                Lost::Client(user) => self.on_failure(user, Failure::ConnectionLost, now),
                Lost::Server(id) => self.on_invite_lost(id),
            }
        }
    }
}

/// RFC 3261 §13.2.2.4: a further branch of a fork that answered, or one that answered after our CANCEL, is
/// acknowledged and hung up at once.
fn leave_branch(core: &mut Core, key: ClientKey, response: &Response, now: Instant) {
    let Some((invite, hop)) = core.layer.request(key) else {
        return;
    };
    let mut dialog = Dialog::of_caller(invite, hop, 0);
    dialog.establish(response);
    core.acknowledge(key, &dialog);
    let bye = dialog.request(Method::Bye);
    core.send(bye, dialog.hop(), User::Nobody, now);
}

/// RFC 3261 §17.1.3, and §8.1.3.3: more than one Via means that it is for somebody else.
fn client_key(response: &Response) -> Option<ClientKey> {
    if response.headers.list_bytes(&Name::Via).nth(1).is_some() {
        return None;
    }
    key_of(&response.headers)
}

fn key_of(headers: &Headers) -> Option<ClientKey> {
    let branch = headers.branch()?.strip_prefix(MAGIC_COOKIE).and_then(read_number)?;
    let kind = ClientKind::of(&headers.cseq().ok()?.method);
    Some(ClientKey { branch, kind })
}
