//! How we present ourselves to one peer: the addresses in Via and Contact, and what we can do.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Deref;

use bytes::Bytes;

use crate::sip::advertising::Advertising;
use crate::sip::config::Config;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::host::Host;
use crate::sip::via::MAGIC_COOKIE;

/// Methods that we act on, the same in every `Allow`. RFC 3261 §20.5.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, MESSAGE, REGISTER, SUBSCRIBE, PRACK, REFER";

/// Extensions that we act on, the same in every `Supported`: RFC 3262, RFC 4028, RFC 6228, RFC 3891,
/// RFC 4488.
pub const SUPPORTED: &str = "100rel, timer, 199, replaces, norefersub";

/// What is the same for every peer, and the rule for what differs.
#[derive(Debug, Clone)]
pub(in crate::sip) struct Identity {
    pub(in crate::sip) domain: String,
    /// The product name in `User-Agent` and `Server`.
    pub(in crate::sip) product: Bytes,
    advertising: Advertising,
}

impl Identity {
    pub(in crate::sip) fn new(config: &Config) -> Identity {
        Identity {
            domain: config.domain.clone(),
            product: Bytes::from(config.user_agent.clone()),
            advertising: Advertising::new(config),
        }
    }

    /// The Via of a request of ours over this hop; `rport` asks to be answered where we sent from. RFC 3581 §3.
    pub(in crate::sip) fn via(&self, hop: Hop, branch: u64) -> String {
        let (host, port) = (Host::from(self.advertising.address(hop)), self.advertising.port(hop));
        let mut text = String::with_capacity(USUAL_VIA);
        let (transport, branch) = (hop.transport.via_text(), number_text(branch));
        let written = write!(text, "SIP/2.0/{transport} {host}:{port};branch={MAGIC_COOKIE}{branch};rport");
        written.expect("a String takes all that is written");
        text
    }

    /// The Contact at which the peer at the other end of this hop reaches us.
    pub(in crate::sip) fn contact(&self, hop: Hop, user: Option<&str>) -> String {
        let (host, port) = (Host::from(self.advertising.address(hop)), self.advertising.port(hop));
        let (user, at) = user.map_or(("", ""), |user| (user, "@"));
        let (param, transport) = match hop.transport {
            Transport::Udp => ("", ""),
            // RFC 7118 §5.2 has one word for both; browsers know no other.
            Transport::Wss => (";transport=", Transport::Ws.uri_text()),
            other => (";transport=", other.uri_text()),
        };
        let mut text = String::with_capacity(USUAL_CONTACT);
        let written = write!(text, "<sip:{user}{at}{host}:{port}{param}{transport}>");
        written.expect("a String takes all that is written");
        text
    }
}

/// Octets of a Contact of ours; a longer one costs an allocation more.
const USUAL_CONTACT: usize = 80;

/// Octets of a Via of ours; a longer one costs an allocation more.
const USUAL_VIA: usize = 96;

/// A random number as it stands in our tags and branches: 16 hexadecimal digits.
pub(in crate::sip) fn number_text(number: u64) -> NumberText {
    NumberText(std::array::from_fn(|place| b"0123456789abcdef"[(number >> (60 - 4 * place)) as usize & 15]))
}

/// Every message has some of them, so they cost no allocation.
#[derive(Clone, Copy)]
pub(in crate::sip) struct NumberText([u8; 16]);

impl Deref for NumberText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits")
    }
}

impl fmt::Display for NumberText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self)
    }
}

/// Reads back what [`number_text`] wrote; `None` for what is not ours.
pub(in crate::sip) fn read_number(text: &str) -> Option<u64> {
    let ours = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    fn identity(external: Option<[u8; 4]>) -> Identity {
        let external_address = external.map(IpAddr::from);
        Identity::new(&Config { external_address, ..Config::default() })
    }

    #[test]
    fn outside_we_are_the_external_address_inside_the_local_one() {
        let identity = identity(Some([203, 0, 113, 7]));
        let inside = Hop { remote: "10.0.0.9:5060".parse().unwrap(), ..udp() };
        assert_eq!(identity.contact(udp(), Some("200")), "<sip:200@203.0.113.7:5060>");
        assert_eq!(identity.contact(inside, None), "<sip:192.0.2.1:5060>");
        let via = identity.via(udp(), 255);
        assert_eq!(via, "SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK00000000000000ff;rport");
    }

    #[test]
    fn without_an_external_address_the_peer_hears_where_it_reached_us() {
        assert_eq!(identity(None).contact(tcp(), None), "<sip:192.0.2.1:5060;transport=tcp>");
    }

    #[test]
    fn numbers_of_ours_are_read_back_and_others_are_not() {
        assert_eq!(&*number_text(0x00ab_0000_0000_0001), "00ab000000000001");
        assert_eq!(read_number(&number_text(u64::MAX)), Some(u64::MAX));
        assert_eq!(read_number("+0000000000000ff"), None);
        assert_eq!(read_number("1928301774"), None);
    }
}
