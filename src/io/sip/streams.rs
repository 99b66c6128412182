//! Every stream: those that peers opened, and those that we opened because something had to be sent.
//!
//! A message goes over the connection that its hop names, else over one that leads to the same peer, else over a new one
//! (RFC 3261 §18.1.1, §18.2.2). TLS is opened only to a trunk, whose name its certificate must prove, and a browser is
//! never called. A peer that does not take what we send it is cut off.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::mem;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::io::sip::Arrival;
use crate::io::sip::alias;
use crate::io::sip::connection;
use crate::io::sip::connection::End;
use crate::io::sip::connection::Line;
use crate::io::sip::door;
use crate::io::sip::error::ListenError;
use crate::io::sip::figures::Refusal;
use crate::io::sip::figures::StreamFigures;
use crate::io::sip::limits::Limits;
use crate::io::sip::limits::source;
use crate::io::sip::opening;
use crate::io::sip::opening::Ready;
use crate::io::sip::queue;
use crate::io::sip::queue::Full;
use crate::io::sip::queue::Outgoing;
use crate::io::sip::tls::Met;
use crate::io::sip::tls::keeper::Keeper;
use crate::sip::agent::stand_in::refusal;
use crate::sip::config::Config;
use crate::sip::config::Listener;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;
use crate::sip::parse::ParseError;

/// Messages read from all streams that wait for the event loop; beyond it nobody's stream is read.
const MOST_ARRIVED: usize = 1_024;

/// What the tasks of listeners and connections report to the event loop.
#[derive(Debug)]
pub(super) enum Report {
    Accepted(TcpStream, SocketAddr, Transport),
    Ready(Box<Ready>),
    Arrived(Arrival),
    /// No message could be cut from what came; its sender may be told.
    Bad(Hop, ParseError),
    Ended(ConnectionId, End),
}

#[derive(Debug)]
pub(super) struct Streams {
    limits: Arc<Limits>,
    origins: Arc<[String]>,
    keeper: Keeper,
    /// Handshakes are made there.
    workers: Handle,
    listeners: Vec<Listener>,
    acceptors: Vec<AbortHandle>,
    connections: HashMap<ConnectionId, Connection>,
    newest_by_peer: HashMap<(Transport, SocketAddr), ConnectionId>,
    count_by_source: HashMap<IpAddr, usize>,
    /// Where each trunk stands, for the name that its certificate must prove.
    places_by_trunk: BTreeMap<String, Vec<SocketAddr>>,
    /// What happened here and was not told yet.
    pending: VecDeque<Arrival>,
    /// One report that woke us and was not asked for yet.
    peeked: Option<Report>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
    last_id: u64,
    figures: StreamFigures,
}

#[derive(Debug)]
struct Connection {
    transport: Transport,
    remote: SocketAddr,
    outgoing: Outgoing,
    task: AbortHandle,
    phase: Phase,
    /// What the peer proved to be called, until its first message has been looked at.
    names: Vec<String>,
    /// Where the peer listens, if it wants to be reached over this stream instead. RFC 5923.
    alias: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A peer's handshake is under way; nobody else has heard of it.
    Greeted,
    /// Ours is.
    Called,
    Open,
}

impl Streams {
    pub(super) fn new(config: &Config, keeper: Keeper, workers: &Handle) -> Streams {
        let (reporter, reports) = mpsc::channel(MOST_ARRIVED);
        Streams {
            limits: Arc::new(Limits::new(config)),
            origins: config.ws_origins.as_slice().into(),
            keeper,
            workers: workers.clone(),
            listeners: Vec::new(),
            acceptors: Vec::new(),
            connections: HashMap::new(),
            newest_by_peer: HashMap::new(),
            count_by_source: HashMap::new(),
            places_by_trunk: BTreeMap::new(),
            pending: VecDeque::new(),
            peeked: None,
            reports,
            reporter,
            last_id: 0,
            figures: StreamFigures::default(),
        }
    }

    pub(super) fn listen(&mut self, listener: Listener) -> Result<(), ListenError> {
        let fault = |why| ListenError::new(listener, why);
        let socket = door::bind(listener.address).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        self.listeners.push(Listener { address, ..listener });
        let acceptor = tokio::spawn(door::accept(socket, listener.transport, self.reporter.clone()));
        self.acceptors.push(acceptor.abort_handle());
        Ok(())
    }

    pub(super) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    pub(super) fn figures(&self) -> &StreamFigures {
        &self.figures
    }

    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// From now on TLS to these addresses is TLS to this trunk; those where it stood before are forgotten.
    pub(super) fn place_trunk(&mut self, trunk: &str, addresses: impl Iterator<Item = SocketAddr>) {
        self.places_by_trunk.insert(trunk.to_owned(), addresses.collect());
    }

    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.peeked.is_some() || !self.pending.is_empty() {
            return Poll::Ready(());
        }
        match self.reports.poll_recv(context) {
            Poll::Ready(report) => {
                self.peeked = report;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    pub(super) fn receive(&mut self) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.pending.pop_front() {
                return Some(arrival);
            }
            match self.peeked.take().or_else(|| self.reports.try_recv().ok())? {
                Report::Accepted(stream, remote, transport) => self.admit(stream, remote, transport),
                Report::Ready(ready) => self.on_ready(*ready),
                Report::Arrived(arrival) => {
                    if let Arrival::Packet(packet) = &arrival {
                        self.consider_alias(packet);
                    }
                    return Some(arrival);
                }
                Report::Bad(hop, error) => self.refuse(hop, &error),
                Report::Ended(id, end) => self.on_end(id, &end),
            }
        }
    }

    fn refuse(&mut self, hop: Hop, error: &ParseError) {
        self.figures.malformed += 1;
        // An answer never opens a connection: whoever sends garbage and leaves is not called back.
        let is_there = hop.connection.is_some_and(|connection| self.connections.contains_key(&connection));
        if let Some(bytes) = refusal(error, hop.remote, fastrand::u64(..)).filter(|_| is_there) {
            self.send(Transmit { hop, bytes });
        }
    }

    fn on_ready(&mut self, ready: Ready) {
        let Ready { line, mut carrier, names } = ready;
        let id = line.hop.connection.expect("a line names its connection");
        // Cut off meanwhile.
        let Some(known) = self.connections.get_mut(&id) else { return };
        if known.phase == Phase::Greeted {
            self.figures.handshakes -= 1;
        }
        known.phase = Phase::Open;
        if let Err(error) = carrier.move_here() {
            return self.on_end(id, &End::Broken(error));
        }
        known.task = tokio::spawn(connection::serve(carrier, line)).abort_handle();
        known.names.clone_from(&names);
        if !names.is_empty() {
            self.pending.push_back(Arrival::Proved { connection: id, names });
        }
    }

    /// RFC 5923 §8: a trunk that called us may ask to be called over the same stream, if its certificate is that of the trunk
    /// at the address that it names.
    fn consider_alias(&mut self, packet: &Packet) {
        let Some(id) = packet.hop.connection else { return };
        let Some(known) = self.connections.get_mut(&id).filter(|known| !known.names.is_empty()) else { return };
        let names = mem::take(&mut known.names);
        let Some(place) = alias::wanted(&packet.bytes, packet.hop) else { return };
        let met = trunk_at(&self.places_by_trunk, place).and_then(|trunk| self.keeper.current().trunk(trunk).cloned());
        let host = met.and_then(|met| met.name).map(|name| name.to_str().into_owned());
        if host.is_some_and(|host| names.iter().any(|name| name.eq_ignore_ascii_case(&host))) {
            known.alias = Some(place);
            self.newest_by_peer.insert((packet.hop.transport, place), id);
        }
    }

    fn on_end(&mut self, id: ConnectionId, end: &End) {
        // Cut off by us: that has been said already.
        let Some(connection) = self.forget(id) else { return };
        let Connection { transport, remote, phase, .. } = connection;
        tracing::debug!(%remote, %transport, "a stream has ended: {end}");
        self.figures.count_end(end);
        if phase != Phase::Greeted {
            self.pending.push_back(Arrival::Lost(id));
        }
    }

    pub(super) fn send(&mut self, transmit: Transmit) {
        let hop = transmit.hop;
        let known = hop.connection.filter(|connection| self.connections.contains_key(connection));
        let known = known.or_else(|| self.newest_by_peer.get(&(hop.transport, hop.remote)).copied());
        let Some(id) = known.or_else(|| self.call(hop)) else {
            self.figures.overflowed += 1;
            return self.pending.push_back(Arrival::Unsent(transmit));
        };
        let connection = self.connections.get(&id).expect("an id that was just found or made is known");
        if let Err(Full(bytes)) = connection.outgoing.push(transmit.bytes) {
            self.figures.overflowed += 1;
            // A task that still opens, or has given up, tells of its end and hands back itself what it took.
            match connection.phase == Phase::Called || connection.outgoing.is_closed() {
                true => self.pending.push_back(Arrival::Unsent(Transmit { hop, bytes })),
                false => self.on_end(id, &End::Slow),
            }
        }
    }

    /// Takes in a connection that a peer opened, unless there are too many.
    fn admit(&mut self, stream: TcpStream, remote: SocketAddr, transport: Transport) {
        let Ok(local) = stream.local_addr() else { return };
        if let Err(why) = self.room_for(remote.ip(), transport) {
            self.figures.count_refusal(why);
            let open = self.connections.len();
            return tracing::warn!(%remote, %transport, open, "one connection more is refused: {why}");
        }
        let (id, line, outgoing) = self.line(Hop { transport, local, remote, connection: None });
        let (task, phase) = match transport {
            Transport::Udp | Transport::Tcp => {
                let carrier = connection::Carrier::plain(stream);
                (tokio::spawn(connection::serve(carrier, line)), Phase::Open)
            }
            Transport::Tls | Transport::Ws | Transport::Wss => {
                let greeting = opening::greet(stream, line, self.keeper.current(), Arc::clone(&self.origins));
                self.figures.handshakes += 1;
                (self.workers.spawn(greeting), Phase::Greeted)
            }
        };
        let task = task.abort_handle();
        self.insert(id, Connection { transport, remote, outgoing, task, phase, names: Vec::new(), alias: None });
    }

    fn call(&mut self, hop: Hop) -> Option<ConnectionId> {
        let Hop { transport, remote, .. } = hop;
        let met = match transport {
            Transport::Tcp => None,
            Transport::Tls => Some(self.met_at(remote)?),
            Transport::Udp | Transport::Ws | Transport::Wss => return None,
        };
        self.room_for(remote.ip(), Transport::Tcp).ok()?;
        let (id, line, outgoing) = self.line(hop);
        let task = match met {
            None => tokio::spawn(opening::call(line)),
            Some(met) => self.workers.spawn(opening::call_tls(line, met)),
        };
        let task = task.abort_handle();
        self.insert(
            id,
            Connection { transport, remote, outgoing, task, phase: Phase::Called, names: Vec::new(), alias: None },
        );
        Some(id)
    }

    fn met_at(&self, remote: SocketAddr) -> Option<Met> {
        self.keeper.current().trunk(trunk_at(&self.places_by_trunk, remote)?).cloned()
    }

    fn line(&mut self, hop: Hop) -> (ConnectionId, Line, Outgoing) {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        let (outgoing, waiting) = queue::bounded();
        let hop = Hop { connection: Some(id), ..hop };
        let line = Line { hop, waiting, reports: self.reporter.clone(), limits: Arc::clone(&self.limits) };
        (id, line, outgoing)
    }

    fn room_for(&self, address: IpAddr, transport: Transport) -> Result<(), Refusal> {
        let from_there = self.count_by_source.get(&source(address)).copied().unwrap_or_default();
        let shakes_hands = matches!(transport, Transport::Tls | Transport::Ws | Transport::Wss);
        match () {
            () if self.connections.len() >= self.limits.connections => Err(Refusal::Total),
            () if from_there >= self.limits.connections_of_source => Err(Refusal::Address),
            () if shakes_hands && self.figures.handshakes >= self.limits.handshakes => Err(Refusal::Handshakes),
            () => Ok(()),
        }
    }

    fn insert(&mut self, id: ConnectionId, connection: Connection) {
        self.newest_by_peer.insert((connection.transport, connection.remote), id);
        *self.count_by_source.entry(source(connection.remote.ip())).or_default() += 1;
        *self.figures.open.of(connection.transport) += 1;
        self.connections.insert(id, connection);
    }

    /// Drops everything about a connection; none if it was not known any more.
    fn forget(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        connection.task.abort();
        *self.figures.open.of(connection.transport) -= 1;
        if connection.phase == Phase::Greeted {
            self.figures.handshakes -= 1;
        }
        for place in [Some(connection.remote), connection.alias].into_iter().flatten() {
            let peer = (connection.transport, place);
            if self.newest_by_peer.get(&peer) == Some(&id) {
                self.newest_by_peer.remove(&peer);
            }
        }
        let source = source(connection.remote.ip());
        let left = self.count_by_source.get(&source).map_or(0, |count| count - 1);
        match left {
            0 => self.count_by_source.remove(&source),
            left => self.count_by_source.insert(source, left),
        };
        Some(connection)
    }
}

/// Asked when a stream opens, not for each message.
fn trunk_at(places_by_trunk: &BTreeMap<String, Vec<SocketAddr>>, place: SocketAddr) -> Option<&str> {
    let mut trunks = places_by_trunk.iter();
    trunks.find(|(_, places)| places.contains(&place)).map(|(trunk, _)| trunk.as_str())
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.acceptors.iter().for_each(AbortHandle::abort);
        self.connections.values().for_each(|connection| connection.task.abort());
    }
}
