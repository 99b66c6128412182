//! What we call ourselves towards a peer: in Via, in Contact and in SDP, always by the same rule.
//!
//! Behind NAT the outside knows us by another address than the networks inside. Which one a peer hears depends on where
//! the peer is, never on what it says of itself.

use std::net::IpAddr;

use serde::Deserialize;

use crate::sip::config::Config;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::network::Network;

/// `[sip] advertise`: one network, and our address as its peers reach it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advertised {
    pub network: Network,
    pub address: IpAddr,
}

/// See the top of this file.
#[derive(Debug, Clone)]
pub struct Advertising {
    external_address: Option<IpAddr>,
    external_port: Option<u16>,
    local_networks: Vec<Network>,
    advertised: Vec<Advertised>,
}

impl Advertising {
    pub fn new(config: &Config) -> Advertising {
        Advertising {
            external_address: config.external_address,
            external_port: config.external_port,
            local_networks: config.local_networks.clone(),
            advertised: config.advertise.clone(),
        }
    }

    /// Where the peer at the other end of this hop reaches us.
    pub fn address(&self, hop: Hop) -> IpAddr {
        self.translated(hop).unwrap_or_else(|| hop.local.ip().to_canonical())
    }

    /// The port of our signalling as that peer reaches it. Only the plain transports may have another one outside.
    pub fn port(&self, hop: Hop) -> u16 {
        let plain = matches!(hop.transport, Transport::Udp | Transport::Tcp);
        let by_v4 = hop.local.ip().to_canonical().is_ipv4();
        let translates = self.external_address.is_none_or(|address| address.is_ipv4() == by_v4);
        match self.external_port {
            Some(port) if plain && translates && self.is_outside(hop) => port,
            _ => hop.local.port(),
        }
    }

    /// The first network of `advertise` that has the peer, then inside and outside. A peer of IPv6 never hears an address of
    /// IPv4, nor the other way round.
    fn translated(&self, hop: Hop) -> Option<IpAddr> {
        let reached_by_v4 = hop.local.ip().to_canonical().is_ipv4();
        let named = self.advertised.iter().find(|named| named.network.contains(hop.remote.ip()));
        let address = match named {
            Some(named) => Some(named.address),
            None => self.external_address.filter(|_| self.is_outside(hop)),
        };
        address.filter(|address| address.is_ipv4() == reached_by_v4)
    }

    fn is_outside(&self, hop: Hop) -> bool {
        let remote = hop.remote.ip();
        let named = self.advertised.iter().any(|named| named.network.contains(remote));
        !named && !self.local_networks.iter().any(|network| network.contains(remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    fn advertising(more: &str) -> Advertising {
        Advertising::new(&toml::from_str(more).unwrap())
    }

    fn to(remote: &str) -> Hop {
        Hop { remote: remote.parse().unwrap(), ..udp() }
    }

    #[test]
    fn outside_we_are_the_external_address_inside_the_local_one() {
        let ours = advertising("external_address = \"203.0.113.7\"\nexternal_port = 15060");
        let ask = |remote| (ours.address(to(remote)).to_string(), ours.port(to(remote)));
        assert_eq!(ask("198.51.100.1:5060"), ("203.0.113.7".into(), 15_060));
        for inside in ["10.0.0.9:5060", "192.168.7.7:5060", "100.64.0.1:5060", "169.254.1.1:5060", "127.0.0.1:5060"] {
            assert_eq!(ask(inside), ("192.0.2.1".into(), 5060), "{inside}");
        }
    }

    #[test]
    fn what_is_inside_can_be_said() {
        let ours = advertising("external_address = \"203.0.113.7\"\nlocal_networks = [\"198.51.100.0/24\"]");
        assert_eq!(ours.address(to("198.51.100.1:5060")).to_string(), "192.0.2.1");
        assert_eq!(ours.address(to("10.0.0.9:5060")).to_string(), "203.0.113.7", "10/8 is another site now");
    }

    #[test]
    fn a_network_that_is_named_hears_the_address_that_is_named_for_it() {
        let ours = advertising(
            "external_address = \"203.0.113.7\"\nexternal_port = 15060\n\
             advertise = [{ network = \"10.8.0.0/16\", address = \"10.8.0.1\" }]",
        );
        let vpn = to("10.8.3.4:5060");
        assert_eq!((ours.address(vpn).to_string(), ours.port(vpn)), ("10.8.0.1".into(), 5060));
        assert_eq!(ours.address(to("10.9.0.1:5060")).to_string(), "192.0.2.1");
    }

    #[test]
    fn nobody_hears_an_address_of_the_other_family() {
        let ours = advertising("external_address = \"203.0.113.7\"");
        let six = Hop { local: "[2001:db8::1]:5060".parse().unwrap(), ..to("[2001:db8:9::9]:5060") };
        assert_eq!(ours.address(six).to_string(), "2001:db8::1");
    }

    #[test]
    fn a_dual_stack_socket_speaks_of_its_v4_address_plainly() {
        let ours = advertising("");
        let mapped = Hop { local: "[::ffff:192.0.2.1]:5060".parse().unwrap(), ..tcp() };
        assert_eq!(ours.address(mapped).to_string(), "192.0.2.1");
    }
}
