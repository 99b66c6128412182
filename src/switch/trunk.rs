//! `[[trunk]]`: a carrier or another exchange that calls come from and go to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::sip::hop::Transport;

/// `[[trunk]]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// Where our calls go: a name (SRV, then A/AAAA) or an address.
    pub host: String,
    /// Default: from SRV, else 5060 (5061 for TLS).
    pub port: Option<u16>,
    /// `udp` or `tcp`. Default: udp.
    #[serde(default, deserialize_with = "transport")]
    pub transport: Option<Transport>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// Whether we register there, as a phone would. Default: false.
    #[serde(default)]
    pub register: bool,
    /// Addresses and networks that may send us calls as this trunk without a password. Default: none.
    #[serde(default)]
    pub from: Vec<Network>,
    /// Further calls over this trunk are refused with 503. Default: no limit.
    pub max_calls: Option<u32>,
    /// The number that callees see when the caller is an extension. Default: the extension's number.
    pub caller_id: Option<String>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trunk").field("name", &self.name).field("host", &self.host).finish_non_exhaustive()
    }
}

fn transport<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Transport>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match text.as_str() {
        "udp" => Ok(Some(Transport::Udp)),
        "tcp" => Ok(Some(Transport::Tcp)),
        other => Err(D::Error::custom(format!("`{other}` is no transport of a trunk: udp or tcp"))),
    }
}

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
}
