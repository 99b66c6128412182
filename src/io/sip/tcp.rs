//! Every stream: those that peers opened, and those that we opened because something had to be sent.
//!
//! A message goes over the connection that its hop names, else over one that leads to the same peer, else over a new one
//! (RFC 3261 §18.1.1, §18.2.2). A peer that does not take what we send it is cut off.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::io::sip::Arrival;
use crate::io::sip::connection;
use crate::io::sip::connection::Line;
use crate::io::sip::error::ListenError;
use crate::sip::agent::stand_in::refusal;
use crate::sip::config::Listener;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Transmit;
use crate::sip::parse::ParseError;

/// Connections in all; further ones are closed at once.
const MOST_CONNECTIONS: usize = 10_000;
/// Connections from one address: a phone needs one, a carrier a few, an office behind NAT some dozens.
const MOST_FROM_ONE: usize = 512;
/// Messages that wait for one peer.
const MOST_WAITING: usize = 256;
/// Messages read from all streams that wait for the event loop; beyond it nobody's stream is read.
const MOST_ARRIVED: usize = 1_024;
/// Peers that wait to be accepted, asked of the kernel.
const BACKLOG: i32 = 1_024;

/// What the tasks of listeners and connections report to the event loop.
#[derive(Debug)]
pub(super) enum Report {
    Accepted(TcpStream, SocketAddr),
    Arrived(Arrival),
    /// No message could be cut from what came; its sender may be told.
    Bad(Hop, ParseError),
}

#[derive(Debug)]
pub(super) struct Streams {
    listeners: Vec<Listener>,
    acceptors: Vec<AbortHandle>,
    connections: HashMap<ConnectionId, Connection>,
    newest_by_peer: HashMap<SocketAddr, ConnectionId>,
    count_by_address: HashMap<IpAddr, usize>,
    /// Cut off by us, and not told yet.
    cut: VecDeque<ConnectionId>,
    /// One report that woke us and was not asked for yet.
    peeked: Option<Report>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
    last_id: u64,
    overflowed: u64,
    malformed: u64,
}

#[derive(Debug)]
struct Connection {
    remote: SocketAddr,
    outgoing: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

impl Streams {
    pub(super) fn new() -> Streams {
        let (reporter, reports) = mpsc::channel(MOST_ARRIVED);
        Streams {
            listeners: Vec::new(),
            acceptors: Vec::new(),
            connections: HashMap::new(),
            newest_by_peer: HashMap::new(),
            count_by_address: HashMap::new(),
            cut: VecDeque::new(),
            peeked: None,
            reports,
            reporter,
            last_id: 0,
            overflowed: 0,
            malformed: 0,
        }
    }

    pub(super) fn listen(&mut self, listener: Listener) -> Result<(), ListenError> {
        let fault = |why| ListenError::new(listener, why);
        let socket = bind(listener.address).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        self.listeners.push(Listener { address, ..listener });
        let acceptor = tokio::spawn(accept(socket, self.reporter.clone()));
        self.acceptors.push(acceptor.abort_handle());
        Ok(())
    }

    pub(super) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Messages that were lost because their peer did not take what came before.
    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// What could not be cut into messages.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed
    }

    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.peeked.is_some() || !self.cut.is_empty() {
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
            if let Some(connection) = self.cut.pop_front() {
                return Some(Arrival::Lost(connection));
            }
            let report = self.peeked.take().or_else(|| self.reports.try_recv().ok())?;
            match report {
                Report::Accepted(stream, remote) => self.admit(stream, remote),
                // Cut off by us: that has been said already.
                Report::Arrived(Arrival::Lost(connection)) if !self.forget(connection) => {}
                Report::Arrived(arrival) => return Some(arrival),
                Report::Bad(hop, error) => self.refuse(hop, &error),
            }
        }
    }

    fn refuse(&mut self, hop: Hop, error: &ParseError) {
        self.malformed += 1;
        // An answer never opens a connection: whoever sends garbage and leaves is not called back.
        let is_there = hop.connection.is_some_and(|connection| self.connections.contains_key(&connection));
        if let Some(bytes) = refusal(error, hop.remote, fastrand::u64(..)).filter(|_| is_there) {
            self.send(Transmit { hop, bytes });
        }
    }

    pub(super) fn send(&mut self, transmit: Transmit) {
        let hop = transmit.hop;
        let known = hop.connection.filter(|connection| self.connections.contains_key(connection));
        let known = known.or_else(|| self.newest_by_peer.get(&hop.remote).copied());
        let Some(id) = known.or_else(|| self.connect(hop)) else {
            self.overflowed += 1;
            return;
        };
        let connection = self.connections.get(&id).expect("an id that was just found or made is known");
        if connection.outgoing.try_send(transmit.bytes).is_err() {
            tracing::debug!(remote = %connection.remote, "a peer does not read what we send it and is cut off");
            self.overflowed += 1;
            self.cut_off(id);
        }
    }

    /// Takes in a connection that a peer opened, unless there are too many.
    fn admit(&mut self, stream: TcpStream, remote: SocketAddr) {
        if !self.has_room_for(remote.ip()) {
            tracing::warn!(%remote, connections = self.connections.len(), "too many connections: one more is refused");
            return;
        }
        let id = self.next_id();
        let (outgoing, queue) = mpsc::channel(MOST_WAITING);
        let line = Line { id, remote, queue, reports: self.reporter.clone() };
        let task = tokio::spawn(connection::serve(stream, line)).abort_handle();
        self.insert(id, Connection { remote, outgoing, task });
    }

    fn connect(&mut self, hop: Hop) -> Option<ConnectionId> {
        let remote = hop.remote;
        if !self.has_room_for(remote.ip()) {
            return None;
        }
        let id = self.next_id();
        let (outgoing, queue) = mpsc::channel(MOST_WAITING);
        let line = Line { id, remote, queue, reports: self.reporter.clone() };
        let task = tokio::spawn(connection::open(line, hop.local)).abort_handle();
        self.insert(id, Connection { remote, outgoing, task });
        Some(id)
    }

    fn has_room_for(&self, address: IpAddr) -> bool {
        let from_there = self.count_by_address.get(&address).copied().unwrap_or_default();
        self.connections.len() < MOST_CONNECTIONS && from_there < MOST_FROM_ONE
    }

    fn next_id(&mut self) -> ConnectionId {
        self.last_id += 1;
        ConnectionId(self.last_id)
    }

    fn insert(&mut self, id: ConnectionId, connection: Connection) {
        self.newest_by_peer.insert(connection.remote, id);
        *self.count_by_address.entry(connection.remote.ip()).or_default() += 1;
        self.connections.insert(id, connection);
    }

    fn cut_off(&mut self, id: ConnectionId) {
        if self.forget(id) {
            self.cut.push_back(id);
        }
    }

    /// Drops everything about a connection; false if it was not known any more.
    fn forget(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.remove(&id) else {
            return false;
        };
        connection.task.abort();
        if self.newest_by_peer.get(&connection.remote) == Some(&id) {
            self.newest_by_peer.remove(&connection.remote);
        }
        let address = connection.remote.ip();
        let left = self.count_by_address.get(&address).map_or(0, |count| count - 1);
        match left {
            0 => self.count_by_address.remove(&address),
            left => self.count_by_address.insert(address, left),
        };
        true
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.acceptors.iter().for_each(AbortHandle::abort);
        self.connections.values().for_each(|connection| connection.task.abort());
    }
}

async fn accept(listener: TcpListener, reports: mpsc::Sender<Report>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if reports.send(Report::Accepted(stream, remote)).await.is_err() {
                    return;
                }
            }
            // The process has no file descriptor left, or the peer was gone already: the next one may do better.
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last run's connections to time out in the kernel.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
