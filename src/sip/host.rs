//! The host of a URI or a Via: a name, or an address of either kind. RFC 3261 §19.1.1, RFC 5118.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::decimal::Dotted;
use super::syntax::SyntaxError;
use super::syntax::is_digits;
use super::syntax::place_of;

/// Names are equal in any case.
#[derive(Clone, Debug)]
pub enum Host {
    Name(String),
    V4(Ipv4Addr),
    /// Written in brackets.
    V6(Ipv6Addr),
    /// `tel:` and foreign schemes name no host.
    None,
}

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address in brackets.
    pub fn parse(text: &str) -> Result<Host, SyntaxError> {
        if let Some(inside) = text.strip_prefix('[') {
            let inside = inside.strip_suffix(']').ok_or(SyntaxError("an IPv6 address ends with ]"))?;
            return parse_v6(inside).map(Host::V6);
        }
        if text.is_empty() || !text.bytes().all(is_name_byte) {
            return Err(SyntaxError("a host is a name, an IPv4 address, or an IPv6 address in brackets"));
        }
        Ok(text.parse().map_or_else(|_| Host::Name(text.to_owned()), Host::V4))
    }

    /// What an operator wrote: an address (brackets optional), else a name, taken as it is.
    pub fn from_text(text: &str) -> Host {
        match text.trim_matches(['[', ']']).parse() {
            Ok(address) => Host::from(IpAddr::clone(&address)),
            Err(_) => Host::Name(text.to_owned()),
        }
    }

    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
            Host::Name(_) | Host::None => None,
        }
    }

    /// As it stands in a URI; IPv6 in brackets, empty where there is no host.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Host::Name(name) => Cow::Borrowed(name),
            other => Cow::Owned(other.to_string()),
        }
    }
}

/// RFC 5118 §4.10: three colons came from a slip in RFC 3261's grammar and must be understood.
fn parse_v6(text: &str) -> Result<Ipv6Addr, SyntaxError> {
    text.parse().or_else(|_| text.replacen(":::", "::", 1).parse()).map_err(|_| SyntaxError("not an IPv6 address"))
}

/// `_` is no legal host name, but cloud names and Windows names have it.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// `host[:port]`, checked but still borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostPort<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> HostPort<'a> {
    /// Blanks around the colon are legal in a Via. RFC 4475 §3.1.1.1.
    pub(super) fn parse(text: &'a str) -> Result<HostPort<'a>, SyntaxError> {
        let end = if text.starts_with('[') { text.find(']').map_or(text.len(), |at| at + 1) } else { 0 };
        let (host, port) = match place_of(&text[end..], b':') {
            Some(colon) => (&text[..end + colon], Some(port(text[end + colon + 1..].trim_ascii())?)),
            None => (text, None),
        };
        let host = host.trim_ascii_end();
        check(host)?;
        Ok(HostPort { host, port })
    }

    /// None where a name stands.
    pub(super) fn address(self) -> Option<IpAddr> {
        self.to_host().address()
    }

    pub(super) fn to_host(self) -> Host {
        Host::parse(self.host).expect("it was checked when it was cut out")
    }
}

fn check(host: &str) -> Result<(), SyntaxError> {
    match host.as_bytes() {
        [b'[', inside @ .., b']'] => {
            parse_v6(std::str::from_utf8(inside).expect("ASCII brackets cut from text")).map(drop)
        }
        [] => Err(SyntaxError("the host is missing")),
        name if name.iter().copied().all(is_name_byte) => Ok(()),
        _ => Err(SyntaxError("a host is a name, an IPv4 address, or an IPv6 address in brackets")),
    }
}

fn port(text: &str) -> Result<u16, SyntaxError> {
    let port = if is_digits(text) { text.parse().ok() } else { None };
    port.ok_or(SyntaxError("a port is a number up to 65535"))
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(left), Host::Name(right)) => left.eq_ignore_ascii_case(right),
            (Host::V4(left), Host::V4(right)) => left == right,
            (Host::V6(left), Host::V6(right)) => left == right,
            (Host::None, Host::None) => true,
            _ => false,
        }
    }
}

impl Eq for Host {}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Host::Name(name) => name.bytes().for_each(|byte| state.write_u8(byte.to_ascii_lowercase())),
            Host::V4(address) => address.hash(state),
            Host::V6(address) => address.hash(state),
            Host::None => {}
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => out.write_str(name),
            Host::V4(address) => out.write_str(&Dotted::of(*address)),
            Host::V6(address) => write!(out, "[{address}]"),
            Host::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        assert_eq!(Host::parse("Example.COM").unwrap(), Host::Name("example.com".into()));
        assert_eq!(Host::parse("192.0.2.1").unwrap(), Host::V4([192, 0, 2, 1].into()));
        assert_eq!(Host::parse("[2001:db8::10]").unwrap().to_string(), "[2001:db8::10]");
        assert_eq!(Host::from_text("2001:db8::10"), Host::parse("[2001:db8::10]").unwrap());
        for bad in ["", "a b", "[2001:db8::10", "[x]", "2001:db8::10", "a/b", "é"] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_colons_are_two() {
        assert_eq!(Host::parse("[2001:db8:::192.0.2.1]").unwrap(), Host::parse("[2001:db8::192.0.2.1]").unwrap());
    }

    #[test]
    fn a_port_is_told_from_an_address() {
        let all_address = HostPort::parse("[2001:db8::10:5070]").unwrap();
        assert_eq!((all_address.host, all_address.port), ("[2001:db8::10:5070]", None));
        let with_port = HostPort::parse("[2001:db8::10] : 5070").unwrap();
        assert_eq!((with_port.host, with_port.port), ("[2001:db8::10]", Some(5070)));
        for bad in ["2001:db8::10", "a:", "a:65536", "a:+1", ":5060", "[::1]x", ""] {
            assert!(HostPort::parse(bad).is_err(), "{bad}");
        }
    }
}
