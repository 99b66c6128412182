//! How many streams there may be, and how patient we are with each.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use crate::sip::config::Config;
use crate::sip::limits::Limits as Sizes;

#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) connections_of_source: usize,
    pub(super) handshakes: usize,
    pub(super) connected_within: Duration,
    pub(super) greeted_within: Duration,
    pub(super) first_message_within: Duration,
    pub(super) silent_for: Duration,
    pub(super) written_within: Duration,
    /// Of the messages that are cut from a stream.
    pub(super) sizes: Sizes,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Limits {
        Limits {
            connections: config.max_connections,
            connections_of_source: config.max_connections_per_address,
            handshakes: config.max_handshakes,
            connected_within: config.connect_timeout,
            greeted_within: config.handshake_timeout,
            first_message_within: config.first_message_within,
            silent_for: config.idle_timeout,
            written_within: config.write_timeout,
            sizes: config.limits,
        }
    }
}

/// Who is counted as one: a single host may have all the addresses of an IPv6 network of 64 bits.
pub(super) fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_many_ipv6_addresses_is_one_source() {
        let source_of = |text: &str| source(text.parse().unwrap());
        assert_eq!(source_of("2001:db8::1"), source_of("2001:db8::ffff:1"));
        assert_ne!(source_of("2001:db8::1"), source_of("2001:db8:0:1::1"));
        assert_ne!(source_of("192.0.2.1"), source_of("192.0.2.2"));
        assert_eq!(source_of("::ffff:192.0.2.1"), source_of("192.0.2.1"));
    }
}
