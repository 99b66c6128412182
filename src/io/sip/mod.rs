//! SIP's sockets: datagrams and streams in as packets, packets out to where their hop says.
//!
//! The event loop's own thread reads and writes the datagram sockets: a channel between socket and switch would cost a
//! wake-up for each message, as much as reading it twice. Streams have a task each, on the same thread. Whatever a slow
//! or hostile peer does, it fills no queue beyond its bound and holds up nobody else.

mod alias;
mod connection;
mod door;
pub mod error;
pub mod figures;
mod limits;
mod local_address;
mod opening;
mod queue;
mod streams;
#[cfg(test)]
mod tests;
pub mod tls;
mod udp;
mod websocket;
mod wire;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::io::sip::error::ListenError;
use crate::io::sip::figures::StreamFigures;
use crate::io::sip::local_address::LocalAddresses;
use crate::io::sip::streams::Streams;
use crate::io::sip::tls::Expiry;
use crate::io::sip::tls::Tls;
use crate::io::sip::tls::files::Files;
use crate::io::sip::tls::keeper::Keeper;
use crate::io::sip::udp::Port;
use crate::sip::config::Config;
use crate::sip::config::Listener;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;
use crate::sip::stun;
use crate::sip::stun::Datagram;

/// The largest datagram that UDP can carry.
const DATAGRAM: usize = 65_535;

/// Datagrams without SIP that are taken in one go, so that a flood of them holds up no message for long.
const MOST_OTHERS: usize = 64;

/// Every SIP socket of the process; owned by the event loop.
pub struct Sockets {
    ports: Vec<Port>,
    streams: Streams,
    addresses: LocalAddresses,
    buffer: Box<[u8; DATAGRAM]>,
    /// The port that is read next: each gets its turn though another never runs dry.
    next_port: usize,
    tally: Tally,
}

/// What came in.
#[derive(Debug)]
pub enum Arrival {
    Packet(Packet),
    /// The peer at the other end of a stream has proved by a certificate that it may be called by these names. Comes before its
    /// first packet.
    Proved {
        connection: ConnectionId,
        names: Vec<String>,
    },
    /// There is no stream to this peer that takes this, and none could be opened.
    Unsent(Transmit),
    /// A stream closed or broke, or could not be opened; what waited for it to open came back before.
    Lost(ConnectionId),
}

/// Messages that could not be sent, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The socket took no more and the queue behind it was full.
    pub overflowed: u64,
    /// The system refused: no route, too large, no socket of that kind.
    pub refused: u64,
    /// Pieces of streams that could not be cut into messages.
    pub malformed: u64,
}

impl Sockets {
    /// Reads the certificates and binds every listener, or says what is wrong with which. Must be called within the runtime
    /// of the event loop; handshakes are made on the workers.
    pub fn open(config: &Config, files: Files, workers: &Handle) -> Result<Sockets, ListenError> {
        let tls = Tls::load(&files).map_err(ListenError::Tls)?;
        let keeper = Keeper::start(tls, files, workers);
        let mut ports = Vec::new();
        let mut streams = Streams::new(config, keeper, workers);
        for listener in &config.listen {
            match listener.transport {
                Transport::Udp => ports.push(Port::bind(*listener)?),
                Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => streams.listen(*listener)?,
            }
        }
        Ok(Sockets {
            ports,
            streams,
            addresses: LocalAddresses::default(),
            buffer: Box::new([0; DATAGRAM]),
            next_port: 0,
            tally: Tally::default(),
        })
    }

    /// Where we can be reached, as bound.
    pub fn listeners(&self) -> Vec<Listener> {
        let datagrams = self.ports.iter().map(|port| Listener { transport: Transport::Udp, address: port.local() });
        datagrams.chain(self.streams.listeners().iter().copied()).collect()
    }

    /// Ready as soon as [`Sockets::receive`] may have something; also writes what an earlier send had to leave.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut ready = self.streams.poll_ready(context).is_ready();
        for port in &mut self.ports {
            port.poll_flush(context);
            ready |= port.poll_readable(context).is_ready();
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The next message that is there already; none when every socket has been read dry, or for this turn.
    pub fn receive(&mut self, now: Instant) -> Option<Arrival> {
        let mut dry = 0;
        let mut others = 0;
        while dry < self.ports.len() && others < MOST_OTHERS {
            let turn = self.next_port;
            self.next_port = (turn + 1) % self.ports.len();
            let port = &mut self.ports[turn];
            let Some((remote, bytes)) = port.receive(&mut self.buffer) else {
                dry += 1;
                continue;
            };
            match Datagram::kind(bytes) {
                Datagram::Sip => {
                    let bytes = Bytes::copy_from_slice(bytes);
                    let local = self.addresses.reached_at(port.local(), remote.ip(), now);
                    let hop = Hop { transport: Transport::Udp, local, remote, connection: None };
                    return Some(Arrival::Packet(Packet { hop, bytes }));
                }
                Datagram::Stun => {
                    // Lost where the socket is full: whoever asks repeats it.
                    let _ = stun::answer(bytes, remote).map(|answer| port.send(&answer, remote));
                }
                Datagram::KeepAlive => {}
            }
            others += 1;
        }
        self.streams.receive()
    }

    /// Sends now or queues; what cannot be sent is dropped and counted, as the network would.
    pub fn send(&mut self, transmit: Transmit) {
        match transmit.hop.transport {
            Transport::Udp => self.send_datagram(&transmit),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => self.streams.send(transmit),
        }
    }

    /// A hop towards `remote` over a socket of ours; none when no listener serves that transport and address family.
    pub fn hop_towards(&mut self, transport: Transport, remote: SocketAddr, now: Instant) -> Option<Hop> {
        let mut listeners = self.listeners().into_iter();
        let suits =
            |listener: &Listener| listener.transport == transport && listener.address.is_ipv4() == remote.is_ipv4();
        let bound = match (listeners.find(suits), transport) {
            (Some(listener), _) => listener.address,
            // Whoever only calls out needs no certificate and so no listener: calls come back over the connection.
            (None, Transport::Tls) => SocketAddr::new(unspecified(remote), Transport::Tls.default_port()),
            (None, _) => return None,
        };
        let local = self.addresses.reached_at(bound, remote.ip(), now);
        Some(Hop { transport, local, remote, connection: None })
    }

    /// From now on TLS to these addresses is TLS to this trunk, and its certificate must say so.
    pub fn place_trunk(&mut self, trunk: &str, addresses: impl Iterator<Item = SocketAddr>) {
        self.streams.place_trunk(trunk, addresses);
    }

    /// Certificates are read again, soon and elsewhere.
    pub fn read_certificates_again(&self) {
        self.streams.keeper().read_again();
    }

    /// When our certificates in force end.
    pub fn expiries(&self) -> Vec<Expiry> {
        self.streams.keeper().current().expiries().to_vec()
    }

    pub fn streams(&self) -> &StreamFigures {
        self.streams.figures()
    }

    pub fn tally(&self) -> Tally {
        Tally {
            overflowed: self.tally.overflowed + self.streams.figures().overflowed,
            malformed: self.streams.figures().malformed,
            ..self.tally
        }
    }

    fn send_datagram(&mut self, transmit: &Transmit) {
        let Some(port) = best_port(&mut self.ports, &transmit.hop) else {
            self.tally.refused += 1;
            tracing::debug!(hop = ?transmit.hop, "no UDP socket of ours can reach this peer");
            return;
        };
        match port.send(&transmit.bytes, transmit.hop.remote) {
            Ok(()) => {}
            Err(udp::SendError::Full) => self.tally.overflowed += 1,
            Err(udp::SendError::System(error)) => {
                self.tally.refused += 1;
                tracing::debug!(remote = %transmit.hop.remote, %error, "a datagram was not sent");
            }
        }
    }
}

fn unspecified(like: SocketAddr) -> IpAddr {
    match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// The socket that the hop names, else any that can reach the peer: a registration may outlive a change of `listen`.
fn best_port<'p>(ports: &'p mut [Port], hop: &Hop) -> Option<&'p mut Port> {
    let can_reach = |port: &Port| port.local().is_ipv4() == hop.remote.is_ipv4();
    let is_named = |port: &Port| {
        let bound = port.local();
        bound.port() == hop.local.port() && (bound.ip() == hop.local.ip() || bound.ip().is_unspecified())
    };
    let named = ports.iter().position(|port| can_reach(port) && is_named(port));
    let index = named.or_else(|| ports.iter().position(can_reach))?;
    ports.get_mut(index)
}
