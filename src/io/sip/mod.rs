//! SIP's sockets: datagrams and streams in as packets, packets out to where their hop says.
//!
//! The event loop's own thread reads and writes the datagram sockets: a channel between socket and switch would cost a
//! wake-up for each message, as much as reading it twice. Streams have a task each, on the same thread. Whatever a slow
//! or hostile peer does, it fills no queue beyond its bound and holds up nobody else.

mod connection;
pub mod error;
mod local_address;
mod tcp;
mod udp;

use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::time::Instant;

use crate::io::sip::error::ListenError;
use crate::io::sip::local_address::LocalAddresses;
use crate::io::sip::tcp::Streams;
use crate::io::sip::udp::Port;
use crate::sip::config::Listener;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;

/// The largest datagram that UDP can carry.
const DATAGRAM: usize = 65_535;

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
    /// A stream closed or broke, or could not be opened; requests that waited for it to open came back as 503 before.
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
    /// Binds every listener, or says which one is taken and by whom. Must be called within the runtime of the event loop.
    pub fn open(listeners: &[Listener]) -> Result<Sockets, ListenError> {
        let mut ports = Vec::new();
        let mut streams = Streams::new();
        for listener in listeners {
            match listener.transport {
                Transport::Udp => ports.push(Port::bind(*listener)?),
                Transport::Tcp => streams.listen(*listener)?,
                Transport::Tls | Transport::Ws | Transport::Wss => {
                    return Err(ListenError::NotServed { listener: *listener });
                }
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

    /// The next message that is there already; none when every socket has been read dry.
    pub fn receive(&mut self, now: Instant) -> Option<Arrival> {
        for _ in 0..self.ports.len() {
            let port = &self.ports[self.next_port];
            self.next_port = (self.next_port + 1) % self.ports.len();
            if let Some((remote, bytes)) = port.receive(&mut self.buffer) {
                let local = self.addresses.reached_at(port.local(), remote.ip(), now);
                let hop = Hop { transport: Transport::Udp, local, remote, connection: None };
                return Some(Arrival::Packet(Packet { hop, bytes }));
            }
        }
        self.streams.receive()
    }

    /// Sends now or queues; what cannot be sent is dropped and counted, as the network would.
    pub fn send(&mut self, transmit: Transmit) {
        match transmit.hop.transport {
            Transport::Udp => self.send_datagram(&transmit),
            Transport::Tcp => self.streams.send(transmit),
            Transport::Tls | Transport::Ws | Transport::Wss => self.tally.refused += 1,
        }
    }

    /// A hop towards `remote` over a socket of ours; none when no listener serves that transport and address family.
    pub fn hop_towards(&mut self, transport: Transport, remote: SocketAddr, now: Instant) -> Option<Hop> {
        let mut listeners = self.listeners().into_iter();
        let suits =
            |listener: &Listener| listener.transport == transport && listener.address.is_ipv4() == remote.is_ipv4();
        let bound = listeners.find(suits)?.address;
        let local = self.addresses.reached_at(bound, remote.ip(), now);
        Some(Hop { transport, local, remote, connection: None })
    }

    pub fn tally(&self) -> Tally {
        Tally {
            overflowed: self.tally.overflowed + self.streams.overflowed(),
            malformed: self.streams.malformed(),
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::UdpSocket;
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const PING: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn open(listen: &str) -> Sockets {
        Sockets::open(&[listen.parse().unwrap()]).unwrap()
    }

    async fn arrival(sockets: &mut Sockets) -> Arrival {
        let wait = async {
            loop {
                if let Some(arrival) = sockets.receive(Instant::now()) {
                    return arrival;
                }
                poll_fn(|context| sockets.poll_ready(context)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), wait).await.unwrap()
    }

    async fn packet(sockets: &mut Sockets) -> Packet {
        match arrival(sockets).await {
            Arrival::Packet(packet) => packet,
            Arrival::Lost(connection) => panic!("{connection:?} was lost"),
        }
    }

    #[test]
    fn a_datagram_knows_at_which_address_it_reached_a_wildcard_socket() {
        runtime().block_on(async {
            let mut sockets = open("udp:0.0.0.0:0");
            let port = sockets.listeners()[0].address.port();
            let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
            phone.send_to(PING, ("127.0.0.1", port)).unwrap();
            let packet = packet(&mut sockets).await;
            assert_eq!(packet.bytes, PING);
            assert_eq!(packet.hop.local, SocketAddr::from(([127, 0, 0, 1], port)));
            sockets.send(Transmit { hop: packet.hop, bytes: Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n") });
            poll_fn(|context| {
                let _ = sockets.poll_ready(context);
                Poll::Ready(())
            })
            .await;
            phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut buffer = [0; 100];
            // The answer may have been queued: the socket's first readiness comes with the next turn of the loop.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = poll_fn(|context| Poll::Ready(sockets.poll_ready(context))).await;
            let (length, _) = phone.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"SIP/2.0 200 OK\r\n\r\n");
        });
    }

    #[test]
    fn two_ends_talk_over_one_connection_and_hear_of_its_end() {
        runtime().block_on(async {
            let mut ours = open("tcp:127.0.0.1:0");
            let mut theirs = open("tcp:127.0.0.1:0");
            let remote = theirs.listeners()[0].address;
            let hop = ours.hop_towards(Transport::Tcp, remote, Instant::now()).unwrap();
            ours.send(Transmit { hop, bytes: Bytes::from_static(PING) });
            let request = packet(&mut theirs).await;
            assert_eq!(request.bytes, PING);
            assert!(request.hop.connection.is_some());
            theirs.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
            let answer = packet(&mut ours).await;
            assert_eq!(answer.hop.remote, remote);
            drop(theirs);
            assert!(matches!(arrival(&mut ours).await, Arrival::Lost(lost) if Some(lost) == answer.hop.connection));
        });
    }

    #[test]
    fn a_bad_message_on_a_stream_is_answered_counted_and_the_next_one_read() {
        runtime().block_on(async {
            let mut sockets = open("tcp:127.0.0.1:0");
            let mut peer = tokio::net::TcpStream::connect(sockets.listeners()[0].address).await.unwrap();
            let bad = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nTo: <sip:a>\r\n\r\n";
            peer.write_all(bad).await.unwrap();
            peer.write_all(PING).await.unwrap();
            assert_eq!(packet(&mut sockets).await.bytes, PING);
            assert_eq!(sockets.tally().malformed, 1);
            let mut answer = [0; 1_000];
            let length = peer.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]);
            assert!(answer.starts_with("SIP/2.0 400 ") && answer.contains("To: <sip:a>;tag="), "{answer}");
        });
    }

    #[test]
    fn a_request_for_a_stream_that_cannot_be_opened_comes_back_as_503() {
        runtime().block_on(async {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut sockets = open("tcp:127.0.0.1:0");
            let hop = sockets.hop_towards(Transport::Tcp, free, Instant::now()).unwrap();
            let request = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n\r\n";
            sockets.send(Transmit { hop, bytes: Bytes::from_static(request) });
            let answer = packet(&mut sockets).await.bytes;
            assert!(answer.starts_with(b"SIP/2.0 503 "), "{answer:?}");
            assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(_)));
        });
    }

    #[test]
    fn a_stream_that_cannot_be_opened_is_reported() {
        runtime().block_on(async {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut sockets = open("tcp:127.0.0.1:0");
            let hop = sockets.hop_towards(Transport::Tcp, free, Instant::now()).unwrap();
            // An answer has nobody who waits for an answer.
            sockets.send(Transmit { hop, bytes: Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n") });
            assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(_)));
        });
    }

    #[test]
    fn a_taken_port_names_itself_its_holder_and_the_setting() {
        runtime().block_on(async {
            let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
            let listener: Listener = format!("udp:{}", taken.local_addr().unwrap()).parse().unwrap();
            let said = Sockets::open(&[listener]).err().unwrap().to_string();
            assert!(said.contains(&listener.to_string()), "{said}");
            assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
            assert!(said.contains("`[sip] listen`"), "{said}");
        });
    }
}
