//! At which of our addresses a peer reaches a socket that is bound to all of them.
//!
//! Via, Contact and SDP must name an address, and `0.0.0.0` is none. The kernel's routing table knows: a throw-away socket
//! that is connected to the peer, and sends nothing, has the right one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

/// Routes change: an answer is believed this long.
const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// Peers that are remembered; beyond it all are forgotten and asked for again.
const MOST_PEERS: usize = 10_000;
/// Any port does: nothing is sent.
const ANY_PORT: u16 = 9;

#[derive(Debug, Default)]
pub(super) struct LocalAddresses {
    by_peer: HashMap<IpAddr, (IpAddr, Instant)>,
}

impl LocalAddresses {
    /// The address and port at which `peer` reaches the socket bound to `bound`.
    pub(super) fn reached_at(&mut self, bound: SocketAddr, peer: IpAddr, now: Instant) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        SocketAddr::new(self.towards(peer, now).unwrap_or(bound.ip()), bound.port())
    }

    fn towards(&mut self, peer: IpAddr, now: Instant) -> Option<IpAddr> {
        if let Some((address, asked)) = self.by_peer.get(&peer)
            && now.saturating_duration_since(*asked) < BELIEVED_FOR
        {
            return Some(*address);
        }
        let address = ask(peer)?;
        if self.by_peer.len() >= MOST_PEERS {
            self.by_peer.clear();
        }
        self.by_peer.insert(peer, (address, now));
        Some(address)
    }
}

fn ask(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((peer, ANY_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_on_this_machine_reaches_us_at_loopback() {
        let mut addresses = LocalAddresses::default();
        let bound: SocketAddr = "0.0.0.0:5060".parse().unwrap();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(addresses.reached_at(bound, peer, Instant::now()), "127.0.0.1:5060".parse::<SocketAddr>().unwrap());
    }

    #[test]
    fn a_socket_with_an_address_is_reached_at_it() {
        let mut addresses = LocalAddresses::default();
        let bound: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        assert_eq!(addresses.reached_at(bound, Ipv4Addr::LOCALHOST.into(), Instant::now()), bound);
        assert!(addresses.by_peer.is_empty());
    }
}
