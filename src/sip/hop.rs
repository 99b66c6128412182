//! Where a message came from and where it goes: one hop between us and a neighbour.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use bytes::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
    /// Whether the transport itself repeats what was lost, so that timers A, E and G stay silent. RFC 3261 §17.1.1.1.
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether nobody on the way can read along.
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The word in a Via: `UDP`, `TCP`, `TLS`, `WS`, `WSS`. RFC 3261 §25.1, RFC 7118 §5.2.
    pub fn via_text(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The word in a URI's `transport` parameter: `udp`, `tcp`, `tls`, `ws`, `wss`.
    pub fn uri_text(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// Understands both spellings, in any case.
    pub fn from_text(text: &str) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss]
            .into_iter()
            .find(|transport| transport.via_text().eq_ignore_ascii_case(text))
    }

    /// The port that is meant where none is written. RFC 3261 §19.1.2, RFC 7118 §5.2.
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.uri_text())
    }
}

/// One connection of a stream transport, numbered by whoever owns the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    pub transport: Transport,
    /// The concrete local address at which the peer reaches us, never a wildcard.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The stream to write to; none for datagrams, and for a stream that is still to be opened.
    pub connection: Option<ConnectionId>,
}

impl Hop {
    /// Whom to count a message to: the address, of IPv6 the network of /64 that one site has all addresses of.
    pub(super) fn source(&self) -> IpAddr {
        match self.remote.ip().to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => Ipv6Addr::from_bits(address.to_bits() & SITE).into(),
            whole => whole,
        }
    }
}

const SITE: u128 = !0 << 64;

/// One message that arrived: a datagram, or what [`super::framing::Framer`] cut from a stream.
#[derive(Clone, Debug)]
pub struct Packet {
    pub hop: Hop,
    pub bytes: Bytes,
}

/// One message that is to leave.
#[derive(Clone, Debug)]
pub struct Transmit {
    pub hop: Hop,
    pub bytes: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_read_in_both_spellings() {
        assert_eq!(Transport::from_text("UDP"), Some(Transport::Udp));
        assert_eq!(Transport::from_text("wss"), Some(Transport::Wss));
        assert_eq!(Transport::from_text("SCTP"), None);
        assert!(Transport::Tcp.is_reliable() && !Transport::Udp.is_reliable());
    }
}
