//! Gives each leg its two sockets: RTP on an even port, RTCP on the next (RFC 3550 §11).
//!
//! The range is walked round and round, so that a port just given back rests the longest: what still flies towards the
//! call that had it must not be heard by the next one. A pair of which somebody else holds either port is passed over.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::UdpSocket;

use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::bind;
use rustix::net::socket_with;
use rustix::net::sockopt;

/// Expedited forwarding (RFC 3246): the class in which networks carry voice.
const VOICE_CLASS: u8 = 46 << 2;

/// Why a leg could not get its sockets.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("all {pairs} port pairs from {first} to {last} are taken: widen `ports` under [media]")]
    Exhausted { pairs: u16, first: u16, last: u16 },
    #[error("cannot bind media ports on {address}: {cause}")]
    Bind { address: IpAddr, cause: io::Error },
}

/// The range of ports that the operator gave us.
#[derive(Debug)]
pub(super) struct Ports {
    /// The lowest even port.
    first: u16,
    pairs: u16,
    /// The pair that is tried next.
    next: u16,
}

/// Both sockets of one leg; neither ever blocks.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    /// Where RTP is heard.
    pub(super) local: SocketAddr,
}

impl Ports {
    /// Begins at a random pair, so that a restarted server does not hear the calls of its predecessor.
    pub(super) fn new((first, last): (u16, u16), rng: &mut fastrand::Rng) -> Ports {
        let first = first.saturating_add(first % 2);
        let pairs = (u32::from(last) + 1).saturating_sub(u32::from(first)) / 2;
        let pairs = u16::try_from(pairs).unwrap_or(u16::MAX);
        Ports { first, pairs, next: rng.u16(..pairs.max(1)) }
    }

    /// Binds the next pair that is free on `address`.
    pub(super) fn open(&mut self, address: IpAddr) -> Result<Pair, PortError> {
        for _ in 0..self.pairs {
            let port = self.first + self.next * 2;
            self.next = (self.next + 1) % self.pairs;
            match Pair::bind(address, port) {
                Ok(pair) => return Ok(pair),
                Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {}
                Err(cause) => return Err(PortError::Bind { address, cause }),
            }
        }
        Err(PortError::Exhausted {
            pairs: self.pairs,
            first: self.first,
            last: self.first + self.pairs.saturating_sub(1) * 2 + 1,
        })
    }
}

impl Pair {
    fn bind(address: IpAddr, port: u16) -> io::Result<Pair> {
        let local = SocketAddr::new(address, port);
        let rtp = bound(local)?;
        let rtcp = bound(SocketAddr::new(address, port + 1))?;
        Ok(Pair { rtp, rtcp, local })
    }
}

fn bound(local: SocketAddr) -> io::Result<UdpSocket> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    bind(&socket, &local)?;
    // A network that refuses the mark still carries the call.
    let _ = match local {
        SocketAddr::V4(_) => sockopt::set_ip_tos(&socket, VOICE_CLASS),
        SocketAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, u32::from(VOICE_CLASS)),
    };
    Ok(UdpSocket::from(socket))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn pairs_are_even_and_odd_and_are_walked_in_turn() {
        let mut ports = Ports { first: 42_000, pairs: 400, next: 399 };
        let opened: Vec<Pair> = (0..3).map(|_| ports.open(HERE).unwrap()).collect();
        for pair in &opened {
            assert_eq!(pair.local.port() % 2, 0);
            assert_eq!(pair.rtcp.local_addr().unwrap().port(), pair.local.port() + 1);
        }
        // Others may hold some of these ports; the walk has passed the end all the same.
        assert!(ports.next < 200, "the walk begins again at the bottom: {}", ports.next);
        let distinct: std::collections::BTreeSet<u16> = opened.iter().map(|pair| pair.local.port()).collect();
        assert_eq!(distinct.len(), 3);
    }

    #[test]
    fn a_port_that_somebody_else_holds_is_passed_over() {
        let (taken, even) = loop {
            let taken = UdpSocket::bind((HERE, 0)).unwrap();
            let port = taken.local_addr().unwrap().port();
            if (2000..65_000).contains(&port) {
                break (taken, port & !1);
            }
        };
        let mut ports = Ports { first: even, pairs: 40, next: 0 };
        let pair = ports.open(HERE).unwrap();
        assert_ne!(pair.local.port(), even);
        drop(taken);
    }

    #[test]
    fn an_exhausted_range_names_its_setting() {
        let (_first, even) = pair_anywhere();
        let mut ports = Ports { first: even, pairs: 1, next: 0 };
        let refused = ports.open(HERE).unwrap_err().to_string();
        assert!(refused.contains("`ports` under [media]"), "{refused}");
    }

    fn pair_anywhere() -> (Pair, u16) {
        let mut rng = fastrand::Rng::with_seed(u64::from(std::process::id()));
        let pair = Ports::new((20_000, 60_000), &mut rng).open(HERE).unwrap();
        let port = pair.local.port();
        (pair, port)
    }

    #[test]
    fn an_odd_range_is_narrowed_to_whole_pairs() {
        let mut rng = fastrand::Rng::with_seed(1);
        let ports = Ports::new((10_001, 10_006), &mut rng);
        assert_eq!((ports.first, ports.pairs), (10_002, 2));
    }
}
