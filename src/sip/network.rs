//! Networks of addresses, and which of them the whole internet can route.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

/// `198.51.100.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("`{0}` is no address and no network; write 198.51.100.7 or 198.51.100.0/24")]
    NotAnAddress(String),
    #[error("`{text}`: a prefix of {family} ends at {longest}")]
    PrefixTooLong { text: String, family: &'static str, longest: u8 },
}

impl Network {
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                same_prefix(u128::from(ours.to_bits()), u128::from(theirs.to_bits()), 32 - u32::from(self.prefix))
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                same_prefix(ours.to_bits(), theirs.to_bits(), 128 - u32::from(self.prefix))
            }
            _ => false,
        }
    }
}

fn same_prefix(one: u128, other: u128, free_bits: u32) -> bool {
    free_bits >= 128 || one >> free_bits == other >> free_bits
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || NetworkError::NotAnAddress(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.trim().parse().map_err(|_| fault())?;
        let (family, longest) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| fault())?;
        if prefix > longest {
            return Err(NetworkError::PrefixTooLong { text: text.to_owned(), family, longest });
        }
        Ok(Self { address, prefix })
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What a router at the edge has to translate: RFC 1918, 6598, 3927, 4193 and 4291, and our own machine.
const PRIVATE: [&str; 10] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1",
    "0.0.0.0",
];

/// [`PRIVATE`] as networks: what counts as inside where nobody says otherwise.
pub(super) fn private_networks() -> Vec<Network> {
    PRIVATE.iter().map(|text| text.parse().expect("our own list is well written")).collect()
}

/// True for an address that the whole internet can route: what a NAT would have to translate is not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let shared_by_carrier = first == 100 && (64..128).contains(&second);
            let local = address.is_loopback() || address.is_private() || address.is_link_local();
            !(local || shared_by_carrier || address.is_unspecified())
        }
        IpAddr::V6(address) => !is_local_v6(address),
    }
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    let unique_local = address.is_unique_local();
    unique_local || address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        assert!(contains("198.51.100.0/24", "198.51.100.255"));
        assert!(!contains("198.51.100.0/24", "198.51.101.0"));
        assert!(contains("198.51.100.7", "198.51.100.7"));
        assert!(!contains("198.51.100.7", "198.51.100.8"));
        assert!(contains("0.0.0.0/0", "203.0.113.1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::7"));
    }

    #[test]
    fn an_address_that_a_dual_stack_socket_maps_is_still_that_address() {
        assert!(contains("198.51.100.0/24", "::ffff:198.51.100.9"));
    }

    #[test]
    fn what_is_no_network_says_what_to_write() {
        assert!("operadora".parse::<Network>().unwrap_err().to_string().contains("198.51.100.0/24"));
        assert!("10.0.0.0/33".parse::<Network>().unwrap_err().to_string().contains("ends at 32"));
    }

    #[test]
    fn what_is_inside_by_default_is_what_nobody_routes() {
        let inside = private_networks();
        let is_inside = |address: IpAddr| inside.iter().any(|network| network.contains(address));
        for address in [
            "10.1.2.3",
            "172.31.0.1",
            "172.32.0.1",
            "192.168.1.1",
            "100.100.0.1",
            "100.128.0.1",
            "8.8.8.8",
            "127.0.0.1",
            "169.254.7.7",
            "fd00::1",
            "fe80::1",
            "::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(is_inside(address), !is_public(address), "{address}");
        }
    }
}
