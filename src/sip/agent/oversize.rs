//! Requests that are too large for a datagram go over TCP: RFC 3261 §18.1.1.
//!
//! A datagram above the path's limit is cut into fragments, and firewalls drop fragments: the request never arrives, and
//! neither does any repeat of it. Where the peer takes no TCP, UDP carries it after all, and that is remembered for a while, so
//! that only the first call waits for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::sip::config::Config;
use crate::sip::config::Listener;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::message::Request;

/// A peer that took no TCP is not asked again for this long.
const DEAF_FOR: Duration = Duration::from_secs(3_600);
/// Such peers that are remembered; beyond it all are forgotten and tried again.
const MOST_DEAF: usize = 1_000;

#[derive(Debug)]
pub(in crate::sip) struct Oversize {
    /// In octets.
    limit: usize,
    /// Where we take TCP: without that no answer or request could come back.
    listeners: Vec<Listener>,
    deaf: HashMap<SocketAddr, Instant>,
}

impl Oversize {
    pub(in crate::sip) fn new(config: &Config) -> Oversize {
        let listeners = config.listen.iter().filter(|listener| listener.transport == Transport::Tcp);
        Oversize { limit: config.udp_limit, listeners: listeners.copied().collect(), deaf: HashMap::new() }
    }

    /// The hop to take instead of `hop`; none where that one will do, or must.
    pub(in crate::sip) fn instead_of(&self, hop: Hop, request: &Request, now: Instant) -> Option<Hop> {
        let too_large = hop.transport == Transport::Udp && request.octets() > self.limit;
        if !too_large || !is_direct(request, hop) || self.is_deaf(hop.remote, now) {
            return None;
        }
        let serves = |listener: &&Listener| {
            let bound = listener.address.ip();
            bound.is_ipv4() == hop.local.is_ipv4() && (bound.is_unspecified() || bound == hop.local.ip())
        };
        let port = self.listeners.iter().find(serves)?.address.port();
        Some(Hop { transport: Transport::Tcp, local: SocketAddr::new(hop.local.ip(), port), ..hop })
    }

    pub(in crate::sip) fn on_deaf(&mut self, remote: SocketAddr, now: Instant) {
        if self.deaf.len() >= MOST_DEAF {
            self.deaf.clear();
        }
        self.deaf.insert(remote, now);
    }

    fn is_deaf(&self, remote: SocketAddr, now: Instant) -> bool {
        self.deaf.get(&remote).is_some_and(|since| now.saturating_duration_since(*since) < DEAF_FOR)
    }
}

// Not as RFC 3261 §18.1.1: a phone behind NAT has opened its router for datagrams only, and a caller would wait for a
// connection that the router swallows. Its Contact names another address than the one that it is reached at.
fn is_direct(request: &Request, hop: Hop) -> bool {
    request.uri.host.address().is_none_or(|address| address == hop.remote.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::request;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    fn large() -> Request {
        request("INVITE").with_body("application/sdp", vec![b'x'; 1_300])
    }

    fn oversize(listen: &[&str]) -> Oversize {
        let listen = listen.iter().map(|listener| listener.parse().unwrap()).collect();
        Oversize::new(&Config { listen, ..Config::default() })
    }

    #[test]
    fn only_what_is_too_large_for_a_datagram_goes_over_tcp() {
        let (now, rule) = (start(), oversize(&["udp:0.0.0.0:5060", "tcp:0.0.0.0:5070"]));
        assert_eq!(rule.instead_of(udp(), &request("INVITE"), now), None);
        assert_eq!(rule.instead_of(tcp(), &large(), now), None);
        let hop = rule.instead_of(udp(), &large(), now).unwrap();
        assert_eq!(hop.transport, Transport::Tcp);
        assert_eq!((hop.local, hop.remote), ("192.0.2.1:5070".parse().unwrap(), udp().remote));
        let measured = large();
        assert_eq!(measured.octets(), measured.write().len());
    }

    #[test]
    fn without_a_listener_of_ours_or_behind_nat_it_stays_a_datagram() {
        let now = start();
        assert_eq!(oversize(&["udp:0.0.0.0:5060"]).instead_of(udp(), &large(), now), None);
        assert_eq!(oversize(&["tcp:[::]:5060"]).instead_of(udp(), &large(), now), None);
        assert_eq!(oversize(&["tcp:192.0.2.99:5060"]).instead_of(udp(), &large(), now), None);
        let behind_nat = Hop { remote: "203.0.113.9:40000".parse().unwrap(), ..udp() };
        assert_eq!(oversize(&["tcp:0.0.0.0:5060"]).instead_of(behind_nat, &large(), now), None);
    }

    #[test]
    fn a_peer_without_tcp_is_not_asked_again_for_an_hour() {
        let (now, mut rule) = (start(), oversize(&["tcp:0.0.0.0:5060"]));
        rule.on_deaf(udp().remote, now);
        assert_eq!(rule.instead_of(udp(), &large(), now + secs(3_599)), None);
        assert!(rule.instead_of(udp(), &large(), now + secs(3_600)).is_some());
    }
}
