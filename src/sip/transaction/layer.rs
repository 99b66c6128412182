//! The transaction layer of RFC 3261 §17: finds the transaction that a message belongs to, and wakes those whose time
//! has come. `U` names who is told about a client transaction; the layer itself knows neither dialogs nor calls.
//!
//! Everything is found by key. Requests are found by a keyed hash (see [`Fingerprints`]), responses by the random
//! number in our branch, so no text is stored for either.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::TransactionId;
use crate::sip::headers::Name;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Transmit;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::transaction::Heard;
use crate::sip::transaction::TimerEffect;
use crate::sip::transaction::Timers;
use crate::sip::transaction::client_invite::ClientInvite;
use crate::sip::transaction::client_request::ClientRequest;
use crate::sip::transaction::deadlines::Armed;
use crate::sip::transaction::deadlines::Deadlines;
use crate::sip::transaction::fingerprint::Fingerprint;
use crate::sip::transaction::fingerprint::NumberHashing;
use crate::sip::transaction::machines::Client;
use crate::sip::transaction::machines::Leisure;
use crate::sip::transaction::machines::Server;
use crate::sip::transaction::outbox::Outbox;
use crate::sip::transaction::pending::PendingInvites;
use crate::sip::transaction::server_invite::ServerInvite;
use crate::sip::transaction::server_request::ServerRequest;

/// What finds a client transaction: RFC 3261 §17.1.3, a CANCEL shares the branch of its INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::sip) struct ClientKey {
    pub(in crate::sip) branch: u64,
    pub(in crate::sip) kind: ClientKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::sip) enum ClientKind {
    Invite,
    Cancel,
    Other,
}

impl ClientKind {
    pub(in crate::sip) fn of(method: &Method) -> ClientKind {
        match method {
            Method::Invite => ClientKind::Invite,
            Method::Cancel => ClientKind::Cancel,
            _ => ClientKind::Other,
        }
    }
}

/// What finds a server transaction again.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) struct ServerKeys {
    /// RFC 3261 §17.2.3.
    pub(in crate::sip) transaction: Fingerprint,
    /// RFC 3261 §8.2.2.2: the same request by another way. `None` inside a dialog.
    pub(in crate::sip) merge: Option<Fingerprint>,
}

/// All live transactions.
#[derive(Debug)]
pub(in crate::sip) struct Layer<U> {
    timers: Timers,
    clients: HashMap<ClientKey, ClientEntry<U>, NumberHashing>,
    servers: HashMap<TransactionId, ServerEntry, NumberHashing>,
    server_by_fingerprint: HashMap<Fingerprint, TransactionId, NumberHashing>,
    server_by_merge: HashMap<Fingerprint, TransactionId, NumberHashing>,
    key_by_connection: BTreeSet<(ConnectionId, Key)>,
    deadlines: Deadlines<Key>,
    leisure: Leisure,
    outbox: Outbox,
    last_server: u64,
    pending: PendingInvites,
    /// Octets of answers that are kept to be repeated.
    kept: usize,
}

#[derive(Debug)]
struct ClientEntry<U> {
    machine: Client,
    user: U,
    armed: Armed,
    /// Where it goes by datagram if there is no stream for it.
    fallback: Option<Box<Hop>>,
}

#[derive(Debug)]
struct ServerEntry {
    machine: Server,
    keys: ServerKeys,
    connection: Option<ConnectionId>,
    armed: Armed,
    /// Whose INVITE it is, while it is counted as pending.
    pending: Option<IpAddr>,
    /// Octets of the answer that it keeps.
    kept: usize,
}

/// A transaction that ended with its connection.
#[derive(Debug)]
pub(in crate::sip) enum Lost<U> {
    /// It had no final response.
    Client(U),
    Server(TransactionId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Client(ClientKey),
    Server(TransactionId),
}

impl<U: Copy> Layer<U> {
    pub(in crate::sip) fn new(timers: Timers) -> Layer<U> {
        Layer {
            timers,
            clients: HashMap::default(),
            servers: HashMap::default(),
            server_by_fingerprint: HashMap::default(),
            server_by_merge: HashMap::default(),
            key_by_connection: BTreeSet::new(),
            deadlines: Deadlines::new(),
            leisure: Leisure::default(),
            outbox: Outbox::default(),
            last_server: 0,
            pending: PendingInvites::default(),
            kept: 0,
        }
    }

    pub(in crate::sip) fn timers(&self) -> Timers {
        self.timers
    }

    /// Sends what belongs to no transaction: the ACK of a 2xx, and answers that are made without state.
    pub(in crate::sip) fn send(&mut self, hop: Hop, bytes: Bytes) {
        self.outbox.send(hop, bytes);
    }

    pub(in crate::sip) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop()
    }

    pub(in crate::sip) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// How many transactions are alive.
    pub(in crate::sip) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// When [`Layer::expire`] should be called next.
    pub(in crate::sip) fn poll_timeout(&mut self) -> Option<Instant> {
        // Most requests are answered long before they would have been repeated: nobody is woken for those.
        while let Some((at, key)) = self.deadlines.first() {
            let machine = match key {
                Key::Client(key) => {
                    let entry = self.clients.get_mut(&key).filter(|entry| entry.armed.is_at(at));
                    entry.map(|entry| (entry.machine.deadline(&mut self.leisure), &mut entry.armed))
                }
                Key::Server(id) => {
                    let entry = self.servers.get_mut(&id).filter(|entry| entry.armed.is_at(at));
                    entry.map(|entry| (entry.machine.deadline(&mut self.leisure), &mut entry.armed))
                }
            };
            match machine {
                Some((Some(wanted), _)) if wanted <= at => return Some(at),
                Some((wanted, armed)) => self.deadlines.postpone_first(armed, wanted),
                None => self.deadlines.forget_first(),
            }
        }
        None
    }

    /// Wakes transactions whose time has come, until one has to tell its user that no answer came.
    pub(in crate::sip) fn expire(&mut self, now: Instant) -> Option<U> {
        while let Some((at, key)) = self.deadlines.pop_due(now) {
            let timed_out = match key {
                Key::Client(key) => self.wake_client(key, at, now),
                Key::Server(id) => self.wake_server(id, at, now),
            };
            if timed_out.is_some() {
                return timed_out;
            }
        }
        None
    }

    fn wake_client(&mut self, key: ClientKey, at: Instant, now: Instant) -> Option<U> {
        let entry = self.clients.get_mut(&key).filter(|entry| entry.armed.is_at(at))?;
        entry.armed = Armed::default();
        let effect = entry.machine.handle_timeout(now, &mut self.outbox);
        let user = entry.user;
        self.settle_client(key);
        (effect == TimerEffect::TimedOut).then_some(user)
    }

    fn wake_server(&mut self, id: TransactionId, at: Instant, now: Instant) -> Option<U> {
        let entry = self.servers.get_mut(&id).filter(|entry| entry.armed.is_at(at))?;
        entry.armed = Armed::default();
        entry.machine.handle_timeout(now, &mut self.outbox);
        self.settle_server(id);
        None
    }
}

/// Client side.
impl<U: Copy> Layer<U> {
    /// Sends a request of ours that already carries its Via with this key's branch.
    pub(in crate::sip) fn start(&mut self, key: ClientKey, request: Request, hop: Hop, user: U, now: Instant) {
        let machine = self.client(key.kind, request, hop, now);
        let armed = Armed::default();
        self.clients.insert(key, ClientEntry { machine, user, armed, fallback: None });
        if let Some(connection) = hop.connection {
            self.key_by_connection.insert((connection, Key::Client(key)));
        }
        self.settle_client(key);
    }

    fn client(&mut self, kind: ClientKind, request: Request, hop: Hop, now: Instant) -> Client {
        match kind {
            ClientKind::Invite => Client::Invite(ClientInvite::new(request, hop, self.timers, now, &mut self.outbox)),
            _ => Client::Request(ClientRequest::new(request, hop, self.timers, now, &mut self.outbox)),
        }
    }

    /// If no stream can be opened for this transaction, `hop` will do.
    pub(in crate::sip) fn may_fall_back(&mut self, key: ClientKey, hop: Hop) {
        if let Some(entry) = self.clients.get_mut(&key) {
            entry.fallback = Some(Box::new(hop));
        }
    }

    /// Where a transaction that has heard nothing yet may go instead.
    pub(in crate::sip) fn fallback(&self, key: ClientKey) -> Option<Hop> {
        self.clients.get(&key)?.fallback.as_deref().copied()
    }

    /// Begins a transaction again that never left, over another hop and with the Via that belongs to it.
    pub(in crate::sip) fn start_over(&mut self, key: ClientKey, hop: Hop, via: String, now: Instant) {
        let Some((request, _)) = self.request(key) else {
            return;
        };
        let mut request = request.clone();
        request.headers.replace_first(&Name::Via, via);
        let machine = self.client(key.kind, request, hop, now);
        if let Some(entry) = self.clients.get_mut(&key) {
            entry.machine = machine;
            entry.fallback = None;
        }
        self.settle_client(key);
    }

    pub(in crate::sip) fn knows(&self, key: ClientKey) -> bool {
        self.clients.contains_key(&key)
    }

    /// Gives a response to its transaction; returns who has to act on it, if anybody. Call [`Layer::settle_client`]
    /// afterwards.
    pub(in crate::sip) fn on_response(&mut self, key: ClientKey, response: &Response, now: Instant) -> Option<U> {
        let entry = self.clients.get_mut(&key)?;
        entry.fallback = None;
        let heard = match &mut entry.machine {
            Client::Invite(machine) => machine.on_response(response, now, &mut self.outbox),
            Client::Request(machine) => machine.on_response(response, now),
        };
        (heard == Heard::News).then_some(entry.user)
    }

    /// The request of a live client transaction and where it went.
    pub(in crate::sip) fn request(&self, key: ClientKey) -> Option<(&Request, Hop)> {
        self.clients.get(&key).map(|entry| (entry.machine.request(), entry.machine.hop()))
    }

    /// Another user hears of this client transaction from now on.
    pub(in crate::sip) fn hand_over(&mut self, key: ClientKey, user: U) {
        if let Some(entry) = self.clients.get_mut(&key) {
            entry.user = user;
        }
    }

    /// The INVITE client transaction with this key.
    pub(in crate::sip) fn client_invite(&mut self, key: ClientKey) -> Option<&mut ClientInvite> {
        match self.clients.get_mut(&key).map(|entry| &mut entry.machine) {
            Some(Client::Invite(machine)) => Some(machine),
            _ => None,
        }
    }

    /// Sets the alarm of a transaction that changed, or forgets it if it ended.
    pub(in crate::sip) fn settle_client(&mut self, key: ClientKey) {
        let Some(entry) = self.clients.get_mut(&key) else {
            return;
        };
        match entry.machine.is_terminated() {
            true => self.forget_client(key),
            false => {
                let deadline = entry.machine.deadline(&mut self.leisure);
                self.deadlines.arm(Key::Client(key), &mut entry.armed, deadline);
            }
        }
    }

    /// Ends a client transaction without a word: its responses, if any come, belong to nothing.
    pub(in crate::sip) fn forget_client(&mut self, key: ClientKey) {
        let Some(entry) = self.clients.remove(&key) else {
            return;
        };
        if let Some(connection) = entry.machine.hop().connection {
            self.key_by_connection.remove(&(connection, Key::Client(key)));
        }
    }
}

/// Server side.
impl<U: Copy> Layer<U> {
    /// Transactions that are alive; one with a large answer counts for several.
    pub(in crate::sip) fn weight(&self) -> usize {
        self.len() + self.kept / USUAL_ANSWER
    }

    /// INVITEs of peers that are not answered, or whose refusal is not acknowledged.
    pub(in crate::sip) fn pending_invites(&self) -> usize {
        self.pending.total()
    }

    pub(in crate::sip) fn pending_invites_of(&self, source: IpAddr) -> usize {
        self.pending.of(source)
    }

    /// True if this is a repeated request; it has been answered again if there is an answer.
    pub(in crate::sip) fn absorbs(&mut self, fingerprint: Fingerprint) -> bool {
        let Some(id) = self.server_by_fingerprint.get(&fingerprint) else {
            return false;
        };
        if let Some(entry) = self.servers.get_mut(id) {
            entry.machine.on_repeat(&mut self.outbox);
        }
        true
    }

    /// True if a transaction lives that came with the same request by another way.
    pub(in crate::sip) fn is_merged(&self, merge: Fingerprint) -> bool {
        self.server_by_merge.contains_key(&merge)
    }

    /// The live transaction that these keys belong to.
    pub(in crate::sip) fn find(&self, fingerprint: Fingerprint) -> Option<TransactionId> {
        self.server_by_fingerprint.get(&fingerprint).copied()
    }

    /// Opens a server transaction for a request that [`Layer::absorbs`] did not know. Answers go to `hop`.
    pub(in crate::sip) fn open(&mut self, method: &Method, keys: ServerKeys, hop: Hop, now: Instant) -> TransactionId {
        self.last_server += 1;
        let id = TransactionId(self.last_server);
        let (machine, pending) = match method {
            Method::Invite => (Server::Invite(ServerInvite::new(hop, self.timers)), Some(hop.source())),
            _ => (Server::Request(ServerRequest::new(hop, self.timers, now)), None),
        };
        pending.into_iter().for_each(|source| self.pending.begin(source));
        let armed = Armed::default();
        let entry = ServerEntry { machine, keys, connection: hop.connection, armed, pending, kept: 0 };
        self.servers.insert(id, entry);
        self.server_by_fingerprint.insert(keys.transaction, id);
        if let Some(merge) = keys.merge {
            self.server_by_merge.insert(merge, id);
        }
        if let Some(connection) = hop.connection {
            self.key_by_connection.insert((connection, Key::Server(id)));
        }
        self.settle_server(id);
        id
    }

    /// Sends our answer; dropped where a final one was sent before.
    pub(in crate::sip) fn answer(&mut self, id: TransactionId, response: &Response, now: Instant) {
        self.answer_bytes(id, response.status, response.write(), now);
    }

    /// The same for an answer that is written already.
    pub(in crate::sip) fn answer_bytes(&mut self, id: TransactionId, status: u16, bytes: Bytes, now: Instant) {
        let Some(entry) = self.servers.get_mut(&id) else {
            return;
        };
        match &mut entry.machine {
            Server::Invite(machine) => machine.on_answer(status, bytes, now, &mut self.outbox),
            Server::Request(machine) => machine.on_answer(status, bytes, now, &mut self.outbox),
        }
        self.settle_server(id);
    }

    /// Sends the only answer to an INVITE whose sender has proven nothing, written with this To tag, and forgets it. A repeat
    /// is a new one, and hears the same tag.
    pub(in crate::sip) fn rebuff(&mut self, id: TransactionId, written: impl FnOnce(u64) -> Bytes) {
        if let Some(entry) = self.servers.get_mut(&id)
            && let Server::Invite(machine) = &mut entry.machine
        {
            machine.on_rebuff(written(entry.keys.transaction.as_tag()), &mut self.outbox);
            self.settle_server(id);
        }
    }

    /// An ACK: absorbed if it confirms a refusal of ours, news if it may confirm a 2xx.
    pub(in crate::sip) fn on_ack(&mut self, fingerprint: Fingerprint, now: Instant) -> Heard {
        let Some(id) = self.find(fingerprint) else {
            return Heard::News;
        };
        let heard = match self.servers.get_mut(&id).map(|entry| &mut entry.machine) {
            Some(Server::Invite(machine)) => machine.on_ack(now),
            Some(Server::Request(_)) | None => Heard::Absorbed,
        };
        self.settle_server(id);
        heard
    }

    fn settle_server(&mut self, id: TransactionId) {
        let Some(entry) = self.servers.get_mut(&id) else {
            return;
        };
        let kept = entry.machine.kept();
        self.kept = self.kept + kept - std::mem::replace(&mut entry.kept, kept);
        if let Server::Invite(machine) = &entry.machine
            && let Some(source) = entry.pending.take_if(|_| !machine.is_pending())
        {
            self.pending.end(source);
        }
        match entry.machine.is_terminated() {
            true => self.forget_server(id),
            false => {
                let deadline = entry.machine.deadline(&mut self.leisure);
                self.deadlines.arm(Key::Server(id), &mut entry.armed, deadline);
            }
        }
    }

    fn forget_server(&mut self, id: TransactionId) {
        let Some(entry) = self.servers.remove(&id) else {
            return;
        };
        self.kept -= entry.kept;
        entry.pending.into_iter().for_each(|source| self.pending.end(source));
        self.server_by_fingerprint.remove(&entry.keys.transaction);
        if let Some(merge) = entry.keys.merge {
            self.server_by_merge.remove(&merge);
        }
        if let Some(connection) = entry.connection {
            self.key_by_connection.remove(&(connection, Key::Server(id)));
        }
    }

    /// Forgets every transaction on this connection; returns those that somebody has to hear of. RFC 3261 §17.1.4 and §17.2.4.
    pub(in crate::sip) fn on_connection_lost(&mut self, connection: ConnectionId) -> Vec<Lost<U>> {
        let first = (connection, Key::Client(ClientKey::FIRST));
        let keys: Vec<Key> = self
            .key_by_connection
            .range(first..)
            .take_while(|(of, _)| *of == connection)
            .map(|(_, key)| *key)
            .collect();
        keys.into_iter().filter_map(|key| self.lose(key)).collect()
    }

    fn lose(&mut self, key: Key) -> Option<Lost<U>> {
        match key {
            Key::Server(id) => {
                self.forget_server(id);
                Some(Lost::Server(id))
            }
            Key::Client(key) => {
                let entry = self.clients.get(&key)?;
                let decided = entry.machine.is_decided();
                let user = entry.user;
                self.forget_client(key);
                (!decided).then_some(Lost::Client(user))
            }
        }
    }
}

/// Octets.
const USUAL_ANSWER: usize = 2_048;

impl ClientKey {
    /// Sorts before every other key.
    const FIRST: ClientKey = ClientKey { branch: 0, kind: ClientKind::Invite };
}
