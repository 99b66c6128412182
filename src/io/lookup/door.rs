//! Which addresses a dialplan may ask: public ones, and those that the operator allows.
//!
//! A name is judged by the addresses that it leads to, and the connection goes to these very addresses: whoever owns the
//! name cannot show us one address and have us connect to another.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use tokio::net::lookup_host;

use crate::io::lookup::config::Config;
use crate::sip::network::is_public;

#[derive(Debug, Clone)]
pub(super) struct Door(Arc<Config>);

/// None of the name's addresses may be asked.
#[derive(Debug)]
pub(super) struct Forbidden;

impl Door {
    pub(super) fn new(config: Arc<Config>) -> Door {
        Door(config)
    }

    /// A host that is an address never comes to the resolver.
    pub(super) fn lets_through(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        literal.map_or(true, |address| self.0.allows_host(host) || self.is_open(address))
    }

    fn is_open(&self, address: IpAddr) -> bool {
        self.0.allows_address(address) || is_global(address)
    }
}

impl Resolve for Door {
    fn resolve(&self, name: Name) -> Resolving {
        let door = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let is_allowed = door.0.allows_host(name.as_str());
            let open: Vec<SocketAddr> =
                found.into_iter().filter(|address| is_allowed || door.is_open(address.ip())).collect();
            if open.is_empty() {
                return Err(Box::new(Forbidden) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// What the whole internet can reach, and what does not stand for an address inside.
fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public(address.into()) && !is_special_v4(address),
        IpAddr::V6(address) => is_public(address.into()) && !is_special_v6(address),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let for_protocols = (first, second, third) == (192, 0, 0);
    let for_measurements = first == 198 && (18..20).contains(&second);
    let reserved = first == 0 || first >= 224;
    for_protocols || for_measurements || reserved || address.is_documentation()
}

/// RFC 6052 (NAT64), RFC 3056 (6to4) and RFC 4380 (Teredo) carry an IPv4 address inside.
fn is_special_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let carries_v4 = (first == 0x64 && second == 0xff9b) || first == 0x2002 || (first == 0x2001 && second == 0);
    let compatible = address.segments()[..6] == [0; 6];
    let documentation = first == 0x2001 && second == 0xdb8;
    carries_v4 || compatible || documentation || address.is_multicast()
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is private and not in `[http] allow`")
    }
}

impl Error for Forbidden {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_can_reach_is_open() {
        for address in ["8.8.8.8", "200.160.2.3", "2606:4700::1111"] {
            assert!(is_global(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.5",
            "::1",
            "::",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:0:1::",
        ] {
            assert!(!is_global(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_operator_opens_hosts_and_networks() {
        let config: Config = toml::from_str("allow = [\"10.1.0.0/16\", \"127.0.0.1\", \"crm.local\"]").unwrap();
        let door = Door::new(Arc::new(config));
        let open = |url: &str| door.lets_through(&Url::parse(url).unwrap());
        assert!(open("http://10.1.2.3/") && open("http://127.0.0.1:8080/") && open("https://a.example/"));
        assert!(!open("http://10.2.2.3/") && !open("http://[::1]/") && !open("http://2130706434/"));
    }
}
