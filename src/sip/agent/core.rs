//! What sessions and requests share: the transaction layer, our identity, dice, and the way to the PBX.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::Event;
use crate::sip::agent::RequestId;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::SubscriptionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::ahead::Known;
use crate::sip::agent::identity::Identity;
use crate::sip::agent::identity::number_text;
use crate::sip::agent::oversize::Oversize;
use crate::sip::config::Config;
use crate::sip::dialog::Dialog;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::limits::Limits;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::session::timer::Policy;
use crate::sip::transaction::Timers;
use crate::sip::transaction::derived;
use crate::sip::transaction::fingerprint::Fingerprints;
use crate::sip::transaction::fingerprint::NumberHashing;
use crate::sip::transaction::layer::ClientKey;
use crate::sip::transaction::layer::ClientKind;
use crate::sip::transaction::layer::Layer;
use crate::sip::via::SentBy;

/// Who hears of a client transaction of ours.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) enum User {
    /// Nobody: the call that sent it is gone.
    Nobody,
    /// Nobody either, but the INVITE may have reached somebody: it was given up for another target.
    Abandoned,
    Request(RequestId),
    Session(SessionId, Purpose),
    /// A NOTIFY.
    Subscription(SubscriptionId),
}

/// What a session sent a request for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Purpose {
    Invite,
    /// A re-INVITE, or an UPDATE with an offer.
    Offer,
    /// An UPDATE without one: RFC 4028.
    Refresh,
    /// RFC 3262.
    Prack,
    Bye,
}

/// Who decides about an INVITE of a peer.
#[derive(Debug)]
pub(in crate::sip) enum InviteUse {
    /// The PBX has not decided yet.
    Untaken(Untaken),
    Session(SessionId),
}

/// An INVITE that is no session yet.
#[derive(Debug)]
pub(in crate::sip) struct Untaken {
    pub(in crate::sip) request: Arc<Request>,
    pub(in crate::sip) hop: Hop,
    pub(in crate::sip) local_tag: u64,
}

/// See the top of this file.
#[derive(Debug)]
pub(in crate::sip) struct Core {
    pub(in crate::sip) layer: Layer<User>,
    pub(in crate::sip) identity: Identity,
    pub(in crate::sip) limits: Limits,
    pub(in crate::sip) fingerprints: Fingerprints,
    oversize: Oversize,
    pub(super) ahead: Known,
    pub(in crate::sip) rng: fastrand::Rng,
    /// See [`Config::failover_after`].
    pub(in crate::sip) failover_after: Duration,
    pub(in crate::sip) session_timer: Policy,
    pub(in crate::sip) events: VecDeque<Event>,
    /// INVITEs of peers that have no final answer yet.
    pub(in crate::sip) invites: HashMap<TransactionId, InviteUse, NumberHashing>,
}

impl Core {
    pub(in crate::sip) fn new(config: &Config, mut rng: fastrand::Rng) -> Core {
        let Config { t1, t2, t4, .. } = *config;
        Core {
            layer: Layer::new(Timers { t1, t2, t4 }),
            identity: Identity::new(config),
            limits: config.limits,
            fingerprints: Fingerprints::new(rng.u64(..)),
            oversize: Oversize::new(config),
            ahead: Known::default(),
            rng,
            failover_after: config.failover_after,
            session_timer: Policy { expires: config.session_expires, least: config.min_se },
            events: VecDeque::new(),
            invites: HashMap::default(),
        }
    }

    pub(in crate::sip) fn tell(&mut self, session: SessionId, event: SessionEvent) {
        self.events.push_back(Event::Session { session, event });
    }

    /// A tag or branch: cryptographic strength is not asked for, uniqueness is. RFC 3261 §19.3.
    pub(in crate::sip) fn number(&mut self) -> u64 {
        self.rng.u64(..)
    }

    /// RFC 3261 §8.1.1.4: unique in space and time.
    pub(in crate::sip) fn call_id(&mut self) -> String {
        let (first, second) = (self.number(), self.number());
        format!("{}{}", number_text(first), number_text(second))
    }

    /// Sends a request of ours in a new client transaction.
    pub(in crate::sip) fn send(&mut self, mut request: Request, hop: Hop, user: User, now: Instant) -> ClientKey {
        let kind = ClientKind::of(&request.method);
        let branch = self.number();
        self.dress(&mut request, hop, branch);
        let key = ClientKey { branch, kind };
        match self.oversize.instead_of(hop, &request, now) {
            Some(stream) => {
                request.headers.replace_first(&Name::Via, self.identity.via(stream, branch));
                self.layer.start(key, request, stream, user, now);
                self.layer.may_fall_back(key, hop);
            }
            None => self.layer.start(key, request, hop, user, now),
        }
        key
    }

    /// RFC 3261 §18.1.1: a request that went over TCP for its size alone goes by datagram where there is no TCP. False: it
    /// did not.
    pub(in crate::sip) fn fall_back(&mut self, key: ClientKey, now: Instant) -> bool {
        let Some(hop) = self.layer.fallback(key) else {
            return false;
        };
        self.oversize.on_deaf(hop.remote, now);
        let via = self.identity.via(hop, key.branch);
        self.layer.start_over(key, hop, via, now);
        true
    }

    /// RFC 3261 §9.1: the CANCEL has the Via of its INVITE. Nobody waits for its answer.
    pub(in crate::sip) fn cancel(&mut self, invite: ClientKey, reason: Option<String>, now: Instant) {
        let Some((request, hop)) = self.layer.request(invite) else {
            return;
        };
        let mut cancel = derived::cancel(request);
        if let Some(reason) = reason {
            cancel.headers.push(Name::Reason, reason);
        }
        let kind = ClientKind::Cancel;
        self.layer.start(ClientKey { kind, ..invite }, cancel, hop, User::Nobody, now);
        if let Some(machine) = self.layer.client_invite(invite) {
            machine.on_cancelled(now);
        }
        self.layer.settle_client(invite);
    }

    /// The call goes to another target. RFC 3261 §9.1 forbids to cancel what nobody has answered yet: that waits until
    /// the old target shows itself after all.
    pub(in crate::sip) fn abandon(&mut self, invite: ClientKey) {
        self.layer.hand_over(invite, User::Abandoned);
        if let Some(machine) = self.layer.client_invite(invite) {
            machine.stop_repeating();
        }
        self.layer.settle_client(invite);
    }

    /// Nobody waits for the outcome of this INVITE any more: it stands no longer than if it had been cancelled.
    pub(in crate::sip) fn let_run_out(&mut self, invite: ClientKey) {
        if let Some(machine) = self.layer.client_invite(invite) {
            machine.on_orphaned();
        }
        self.layer.settle_client(invite);
    }

    /// RFC 3261 §13.2.2.4: the ACK of a 2xx, which is repeated whenever that 2xx is.
    pub(in crate::sip) fn acknowledge(&mut self, invite: ClientKey, dialog: &Dialog) {
        self.acknowledge_with(invite, dialog, None);
    }

    /// The same with our answer, where the 2xx had the offer. RFC 3261 §13.2.1.
    pub(in crate::sip) fn acknowledge_with(&mut self, invite: ClientKey, dialog: &Dialog, answer: Option<Bytes>) {
        let Some((request, _)) = self.layer.request(invite) else {
            return;
        };
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        let mut ack = dialog.ack(number);
        // RFC 3261 §22.1: the ACK repeats the credentials of its INVITE.
        ack.headers.copy_from(&request.headers, &Name::Authorization);
        ack.headers.copy_from(&request.headers, &Name::ProxyAuthorization);
        if let Some(sdp) = answer {
            ack = ack.with_body("application/sdp", sdp);
        }
        let branch = self.number();
        self.dress(&mut ack, dialog.hop(), branch);
        let bytes = ack.write();
        self.layer.send(dialog.hop(), bytes.clone());
        if let Some(machine) = self.layer.client_invite(invite) {
            machine.on_acknowledged(dialog.remote_tag(), dialog.hop(), bytes);
        }
    }

    /// The same request again, to be changed and sent in a transaction of its own: with the next CSeq and no Via.
    pub(in crate::sip) fn once_more(&self, key: ClientKey) -> Option<(Request, Hop)> {
        let (request, hop) = self.layer.request(key)?;
        let mut request = request.clone();
        let number = request.headers.cseq().ok()?.number + 1;
        let cseq = format!("{number} {}", request.method);
        request.headers.remove(&Name::Via);
        request.headers.set(Name::CSeq, cseq);
        Some((request, hop))
    }

    fn dress(&self, request: &mut Request, hop: Hop, branch: u64) {
        let via = self.identity.via(hop, branch);
        let headers = &mut request.headers;
        headers.insert_first(Name::Via, via);
        if !headers.contains(&Name::MaxForwards) {
            headers.push(Name::MaxForwards, MAX_FORWARDS);
        }
        if !headers.contains(&Name::UserAgent) {
            headers.push(Name::UserAgent, self.identity.product.clone());
        }
    }

    /// An answer that belongs to no transaction: always the same for the same request. RFC 3261 §8.2.7.
    pub(in crate::sip) fn answer_without_state(&mut self, mut response: Response, tag: u64, back: Hop) {
        add_tag(&mut response, tag);
        self.layer.send(back, response.write());
    }
}

const MAX_FORWARDS: &str = "70";

/// Gives the To of an answer its tag, unless it has one: RFC 3261 §8.2.6.2.
pub(in crate::sip) fn add_tag(response: &mut Response, tag: u64) {
    if response.status == 100 || response.headers.to_tag().is_some() {
        return;
    }
    let Some(to) = response.headers.first_bytes(&Name::To) else {
        return;
    };
    let tagged = [to, &b";tag="[..], number_text(tag).as_bytes()].concat();
    response.headers.set(Name::To, Bytes::from(tagged));
}

/// Where the answer to a request goes: over the connection or from the socket that it came by.
pub(in crate::sip) fn way_back(sent_by: SentBy, hop: Hop) -> Hop {
    // Not as RFC 3261 §18.2.2: a peer whose Via does not say where it really is stands behind NAT, and the port in
    // that Via is not open to us even if it did not ask for `rport`.
    let behind_nat = sent_by.address != Some(hop.remote.ip());
    if hop.transport.is_reliable() || sent_by.wants_rport || behind_nat {
        return hop;
    }
    let port = sent_by.port.unwrap_or(Transport::Udp.default_port());
    match port {
        0 => hop,
        port => Hop { remote: SocketAddr::new(hop.remote.ip(), port), ..hop },
    }
}
