//! Packets and the requests in them: to the transaction, the dialog, or the PBX that they are for.

use std::sync::Arc;
use std::time::Instant;

use crate::sip::agent::Event;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::core::InviteUse;
use crate::sip::agent::core::Untaken;
use crate::sip::agent::core::add_tag;
use crate::sip::agent::core::way_back;
use crate::sip::agent::identity::read_number;
use crate::sip::agent::overload;
use crate::sip::agent::overload::Load;
use crate::sip::agent::reason::q850_cause;
use crate::sip::agent::validity;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::message::Message;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::parse::ParseError;
use crate::sip::transaction::Heard;
use crate::sip::transaction::fingerprint::Fingerprint;
use crate::sip::transaction::layer::ServerKeys;
use crate::sip::via::SentBy;

/// A request on its way in, with what was read of it already.
struct Arrival {
    request: Request,
    sent_by: SentBy,
    hop: Hop,
    /// The key of its own server transaction.
    key: Fingerprint,
}

impl UserAgent {
    pub(super) fn on_packet(&mut self, packet: Packet, now: Instant) {
        let message = Message::parse_within(packet.bytes, &self.core.limits);
        match message.and_then(|message| message.validate().map(|()| message)) {
            Ok(Message::Request(request)) => self.on_request(request, packet.hop, now),
            Ok(Message::Response(response)) => self.on_reply(&response, packet.hop, now),
            Err(error) => self.on_malformed(&error, packet.hop, now),
        }
    }

    fn on_reply(&mut self, response: &Response, hop: Hop, now: Instant) {
        let before = self.stray;
        self.on_response(response, now);
        if self.stray > before {
            self.gate.charge(hop, now);
        }
    }

    fn on_malformed(&mut self, error: &ParseError, hop: Hop, now: Instant) {
        if error.is_keep_alive() {
            return;
        }
        self.malformed += 1;
        let Some(mut reply) = error.reply() else {
            // What looks like a response came in unpaid.
            return self.gate.charge(hop, now);
        };
        reply.headers.stamp_via(hop.remote);
        if let Ok(sent_by) = reply.headers.sent_by() {
            let tag = self.core.number();
            self.core.answer_without_state(reply, tag, way_back(sent_by, hop));
        }
    }

    fn on_request(&mut self, mut request: Request, hop: Hop, now: Instant) {
        request.headers.stamp_via(hop.remote);
        let Ok(via) = request.headers.via_view() else {
            return;
        };
        let method = match request.method {
            Method::Ack => &Method::Invite,
            ref other => other,
        };
        let key = self.core.fingerprints.of_transaction(&request, via, method);
        let sent_by = via.origin();
        let arrival = Arrival { request, sent_by, hop, key };
        match arrival.request.method {
            Method::Ack => self.on_ack(&arrival, now),
            _ if self.core.layer.absorbs(key) => self.repeated += 1,
            Method::Cancel => self.on_cancel(&arrival, now),
            _ => self.on_new_request(arrival, now),
        }
    }

    /// RFC 3261 §17.2.3: the ACK of a refusal belongs to the INVITE's transaction, that of a 2xx to the dialog.
    fn on_ack(&mut self, arrival: &Arrival, now: Instant) {
        if self.core.layer.on_ack(arrival.key, now) == Heard::Absorbed {
            return;
        }
        match self.session_of(&arrival.request) {
            Some(id) => self.with_session(id, |session, core| {
                session.on_ack(&arrival.request, arrival.sent_by, arrival.hop, core, now);
            }),
            // RFC 3261 §8.2.7: it confirms what was said without state.
            None if to_tag_of(&arrival.request) == Some(arrival.key.as_tag()) => {}
            None => self.stray += 1,
        }
    }

    /// RFC 3261 §9.2: a CANCEL is answered by itself; the INVITE it means is answered 487 if it is undecided.
    fn on_cancel(&mut self, arrival: &Arrival, now: Instant) {
        let request = &arrival.request;
        let via = request.headers.via_view().ok();
        let invite = via.map(|via| self.core.fingerprints.of_transaction(request, via, &Method::Invite));
        let Some(invite) = invite.and_then(|invite| self.core.layer.find(invite)) else {
            return self.answer_at_once(arrival, request.reply(481));
        };
        let transaction = self.open(arrival, None, now);
        let mut response = request.reply(200);
        add_tag(&mut response, self.tag_towards(invite));
        self.core.layer.answer(transaction, &response, now);
        self.give_up_invite(invite, q850_cause(&request.headers), now);
    }

    /// RFC 3261 §9.2: the answers to a CANCEL and to its INVITE have the same To tag.
    fn tag_towards(&mut self, invite: TransactionId) -> u64 {
        let session = |id| self.sessions.get(id).map(|kept| kept.session.local_tag());
        let tag = match self.core.invites.get(&invite) {
            Some(InviteUse::Session(id)) => session(id),
            Some(InviteUse::Untaken(untaken)) => Some(untaken.local_tag),
            None => None,
        };
        tag.unwrap_or_else(|| self.core.number())
    }

    fn give_up_invite(&mut self, invite: TransactionId, cause: Option<u16>, now: Instant) {
        match self.core.invites.get(&invite) {
            Some(InviteUse::Session(id)) => {
                let id = *id;
                self.with_session(id, |session, core| session.on_cancel(invite, cause, core, now));
            }
            Some(InviteUse::Untaken(untaken)) => {
                let response = untaken.request.reply(487);
                self.respond(invite, response, now);
            }
            // RFC 3261 §9.2: a CANCEL has no effect on a request that has its final answer.
            None => {}
        }
    }

    fn on_new_request(&mut self, arrival: Arrival, now: Instant) {
        let refusal = validity::insecure(&arrival.request, arrival.hop)
            .or_else(|| validity::refusal(&arrival.request, &self.core.limits));
        if let Some(refusal) = refusal {
            return self.answer_at_once(&arrival, refusal);
        }
        if let Some(refusal) = validity::by_interval(&arrival.request, self.core.session_timer) {
            return self.answer_at_once(&arrival, refusal);
        }
        // Old phones put a To tag into a REGISTER; there is no such dialog.
        let tagged = arrival.request.headers.to_tag().is_some();
        match tagged && arrival.request.method != Method::Register {
            true => self.on_request_inside(arrival, now),
            false => self.on_request_outside(arrival, now),
        }
    }

    fn on_request_inside(&mut self, arrival: Arrival, now: Instant) {
        if arrival.request.method == Method::Subscribe {
            if !self.subscriptions.knows(&arrival.request) {
                return self.answer_at_once(&arrival, arrival.request.reply(481));
            }
            let transaction = self.open(&arrival, None, now);
            let Arrival { request, sent_by, hop, .. } = arrival;
            return self.on_subscribe_inside(transaction, &request, sent_by, hop, now);
        }
        let Some(id) = self.session_of(&arrival.request) else {
            return self.answer_at_once(&arrival, arrival.request.reply(481));
        };
        let transaction = self.open(&arrival, None, now);
        let Arrival { request, sent_by, hop, .. } = arrival;
        self.with_session(id, |session, core| session.on_request(transaction, request, sent_by, hop, core, now));
    }

    fn on_request_outside(&mut self, arrival: Arrival, now: Instant) {
        let (core, gate, calls, lag) = (&self.core, &self.gate, self.sessions.len(), self.lag);
        let load = Load { core, gate, calls, lag };
        if let Some(why) = load.refuses(&arrival.request, arrival.hop) {
            self.shed.count(why);
            let response = overload::refusal(&arrival.request, &mut self.core.rng);
            return self.answer_at_once(&arrival, response);
        }
        let needs_dialog =
            matches!(arrival.request.method, Method::Bye | Method::Update | Method::Info | Method::Prack);
        if needs_dialog {
            return self.answer_at_once(&arrival, arrival.request.reply(481));
        }
        let merge = self.core.fingerprints.of_merge(&arrival.request);
        // RFC 3261 §8.2.2.2: a fork that joined again before us.
        if self.core.layer.is_merged(merge) {
            return self.answer_at_once(&arrival, arrival.request.reply(482));
        }
        if arrival.request.method == Method::Invite && self.is_loop(&arrival.request) {
            return self.answer_at_once(&arrival, arrival.request.reply(482));
        }
        let transaction = self.open(&arrival, Some(merge), now);
        let Arrival { request, hop, .. } = arrival;
        match request.method {
            Method::Invite => self.on_invite(transaction, request, hop, now),
            _ => self.core.events.push_back(Event::Request { transaction, request, hop }),
        }
    }

    fn on_invite(&mut self, transaction: TransactionId, request: Request, hop: Hop, now: Instant) {
        self.untried.push((transaction, request.trying(), now));
        let request = Arc::new(request);
        let untaken = Untaken { request: Arc::clone(&request), hop, local_tag: self.core.number() };
        self.core.invites.insert(transaction, InviteUse::Untaken(untaken));
        self.core.events.push_back(Event::Invite { transaction, request, hop });
    }

    fn open(&mut self, arrival: &Arrival, merge: Option<Fingerprint>, now: Instant) -> TransactionId {
        let keys = ServerKeys { transaction: arrival.key, merge };
        let hop = way_back(arrival.sent_by, arrival.hop);
        self.core.layer.open(&arrival.request.method, keys, hop, now)
    }

    fn answer_at_once(&mut self, arrival: &Arrival, response: Response) {
        let tag = arrival.key.as_tag();
        self.core.answer_without_state(response, tag, way_back(arrival.sent_by, arrival.hop));
    }

    /// A call of ours that came back. RFC 3261 §16.3 item 4, said of a proxy; we know our own calls by their From tag.
    fn is_loop(&self, invite: &Request) -> bool {
        let ours = invite.headers.from_tag().and_then(read_number).and_then(|tag| self.session_by_tag.get(&tag));
        ours.and_then(|id| self.sessions.get(id)).is_some_and(|kept| kept.session.is_echoed_by(invite))
    }

    /// The session whose tag stands in the To.
    fn session_of(&self, request: &Request) -> Option<SessionId> {
        self.session_by_tag.get(&to_tag_of(request)?).copied()
    }
}

/// The tag in the To, if it can be one of ours.
fn to_tag_of(request: &Request) -> Option<u64> {
    request.headers.to_tag().and_then(read_number)
}
