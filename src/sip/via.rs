//! One stop on a message's way, and the branch that names its transaction. RFC 3261 §20.42, RFC 3581.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;

use super::decimal::Decimal;
use super::decimal::Dotted;
use super::hop::Transport;
use super::host::Host;
use super::host::HostPort;
use super::params;
use super::params::Params;
use super::syntax::SyntaxError;
use super::syntax::is_token;
use super::syntax::part_at;
use super::syntax::strict_text;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    pub transport: ViaTransport,
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViaTransport {
    Known(Transport),
    /// A token that we do not speak, as `SCTP`.
    Other(String),
}

/// Branches of RFC 3261 begin with this; others are of RFC 2543 and name no transaction by themselves. §8.1.1.7.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// A Via of ours: `rport` asks to be answered where we sent from. RFC 3581 §3.
    pub fn new(transport: Transport, host: Host, port: u16, branch: &str) -> Via {
        let mut params = Params::new();
        params.set("branch", branch);
        params.set_flag("rport");
        Via { transport: ViaTransport::Known(transport), host, port: Some(port), params }
    }

    pub fn parse(value: &[u8]) -> Result<Via, SyntaxError> {
        ViaView::parse(value).map(ViaView::to_via)
    }

    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// Whether the branch names its transaction: the cookie and at least one letter more. RFC 3261 §17.2.3.
    pub fn has_rfc3261_branch(&self) -> bool {
        self.branch().is_some_and(is_rfc3261_branch)
    }

    /// Whether the sender asks to be answered at the port that it sent from. RFC 3581 §4.
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// `sent-by`, which is part of a server transaction's key. RFC 3261 §17.2.3.
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }
}

/// What a Via says of where its message comes from: all that its answer's way depends on. RFC 3261 §18.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) struct SentBy {
    /// None where a host's name stands.
    pub(in crate::sip) address: Option<IpAddr>,
    pub(in crate::sip) port: Option<u16>,
    /// Whether the sender asks to be answered at the port that it sent from. RFC 3581 §4.
    pub(in crate::sip) wants_rport: bool,
}

/// The Via with a note of where the message really came from: `received` if that is not what it says, or if `rport` asks
/// for it. None where nothing has to be noted. From text to text: every request passes here. RFC 3261 §18.2.1, RFC 3581 §4.
pub(super) fn stamped(value: &[u8], remote: SocketAddr) -> Result<Option<String>, SyntaxError> {
    let via = ViaView::parse(value)?;
    let SentBy { address, wants_rport, .. } = via.origin();
    if !wants_rport && address == Some(remote.ip()) {
        return Ok(None);
    }
    let mut out = String::with_capacity(value.len() + USUAL_STAMP);
    via.write_stamped(remote, wants_rport, &mut out);
    Ok(Some(out))
}

/// Letters of `;received=` and of what follows it, and of the port after `rport`.
const USUAL_STAMP: usize = 40;

pub(super) fn is_rfc3261_branch(branch: &str) -> bool {
    let (cookie, rest) = branch.split_at_checked(MAGIC_COOKIE.len()).unwrap_or_default();
    cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty()
}

/// The pieces of one Via, checked against the grammar, borrowed from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViaView<'a> {
    transport: &'a str,
    pub(super) sent_by: HostPort<'a>,
    params: &'a str,
}

impl<'a> ViaView<'a> {
    pub(super) fn parse(value: &'a [u8]) -> Result<ViaView<'a>, SyntaxError> {
        let value = strict_text(value)?.trim_ascii();
        let rest = word(value, "SIP").and_then(slash).and_then(version).and_then(slash);
        let rest = rest.ok_or(SyntaxError("a Via begins with SIP/2.0/"))?;
        let (transport, rest) = rest
            .split_once([' ', '\t'])
            .filter(|(transport, _)| is_token(transport.as_bytes()))
            .ok_or(SyntaxError("a Via names its transport, then its host"))?;
        let rest = rest.trim_ascii_start();
        let (sent_by, params) = part_at(rest, b';');
        params::check(params)?;
        Ok(ViaView { transport, sent_by: HostPort::parse(sent_by.trim_ascii_end())?, params })
    }

    pub(super) fn branch(&self) -> Option<&'a str> {
        params::value_of(self.params, "branch")
    }

    pub(super) fn origin(&self) -> SentBy {
        let (address, port) = (self.sent_by.address(), self.sent_by.port);
        SentBy { address, port, wants_rport: params::has(self.params, "rport") }
    }

    fn write_stamped(&self, remote: SocketAddr, rport: bool, out: &mut String) {
        let mut push = |pieces: &[&str]| pieces.iter().for_each(|piece| out.push_str(piece));
        push(&["SIP/2.0/", self.transport, " ", self.sent_by.host]);
        if let Some(port) = self.sent_by.port {
            push(&[":", &Decimal::of(port.into())]);
        }
        let others = params::pairs(self.params).filter(|(name, _)| !name.eq_ignore_ascii_case("received"));
        for (name, value) in others {
            match value {
                _ if rport && name.eq_ignore_ascii_case("rport") => {
                    push(&[";", name, "=", &Decimal::of(remote.port().into())]);
                }
                Some(value) => push(&[";", name, "=", value]),
                None => push(&[";", name]),
            }
        }
        match remote.ip() {
            IpAddr::V4(address) => push(&[";received=", &Dotted::of(address)]),
            IpAddr::V6(address) => push(&[";received=", &address.to_string()]),
        }
    }

    pub(super) fn to_via(self) -> Via {
        Via {
            transport: match Transport::from_text(self.transport) {
                Some(transport) => ViaTransport::Known(transport),
                None => ViaTransport::Other(self.transport.to_owned()),
            },
            host: self.sent_by.to_host(),
            port: self.sent_by.port,
            params: Params::from_checked(self.params),
        }
    }
}

fn word<'a>(text: &'a str, expected: &str) -> Option<&'a str> {
    let (word, rest) = text.split_at_checked(expected.len())?;
    word.eq_ignore_ascii_case(expected).then(|| rest.trim_ascii_start())
}

/// Any version: a 505 must find its way back too. RFC 4475 §3.1.2.16.
fn version(text: &str) -> Option<&str> {
    let length = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').filter(|length| *length > 0)?;
    Some(text[length..].trim_ascii_start())
}

fn slash(text: &str) -> Option<&str> {
    text.strip_prefix('/').map(str::trim_ascii_start)
}

impl fmt::Display for ViaTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ViaTransport::Known(transport) => out.write_str(transport.via_text()),
            ViaTransport::Other(text) => out.write_str(text),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        self.params.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(value: &str) -> Via {
        Via::parse(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
    }

    #[test]
    fn blanks_stand_anywhere() {
        let loose = via("SIP  / 2.0  / TCP     spindle.example.com : 5061  ;  branch  =   z9hG4bK9ikj8  ");
        assert_eq!(loose.to_string(), "SIP/2.0/TCP spindle.example.com:5061;branch=z9hG4bK9ikj8");
        assert_eq!(loose.branch(), Some("z9hG4bK9ikj8"));
        assert_eq!(loose.sent_by(), "spindle.example.com:5061");
    }

    #[test]
    fn unknown_transports_and_ipv6() {
        assert_eq!(via("SIP/2.0/UNKNOWN a.example;branch=1").transport, ViaTransport::Other("UNKNOWN".into()));
        let six = via("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3");
        assert_eq!((six.sent_by().as_str(), six.params.get("received")), ("[2001:db8::9:1]", Some("2001:db8::9:255")));
    }

    #[test]
    fn stamped_with_where_it_came_from() {
        let remote = "198.51.100.4:1024".parse().unwrap();
        let stamp = |value: &str| stamped(value.as_bytes(), remote).unwrap();
        assert_eq!(
            stamp("SIP/2.0/UDP 10.0.0.12:5060 ; rport;branch=z9hG4bK1;received=192.0.2.1").as_deref(),
            Some("SIP/2.0/UDP 10.0.0.12:5060;rport=1024;branch=z9hG4bK1;received=198.51.100.4")
        );
        assert_eq!(
            stamp("SIP/2.0/TCP a.example;branch=z9hG4bK1").as_deref(),
            Some("SIP/2.0/TCP a.example;branch=z9hG4bK1;received=198.51.100.4")
        );
        assert_eq!(stamp("SIP/2.0/UDP 198.51.100.4:5060;branch=z9hG4bK1"), None);
    }

    #[test]
    fn the_bare_cookie_names_no_transaction() {
        assert!(via("SIP/2.0/UDP x;branch=z9hG4bK1").has_rfc3261_branch());
        assert!(!via("SIP/2.0/UDP x;branch=z9hG4bK").has_rfc3261_branch());
        assert!(!via("SIP/2.0/UDP x").has_rfc3261_branch());
    }

    #[test]
    fn broken_ones_are_refused() {
        for bad in [
            "",
            ";,",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ;branch=1",
            "HTTP/2.0/UDP x",
            "SIP//UDP x",
            "SIP/2.0/UDP x y",
            "SIP/2.0 /UDP/x y",
            "SIP/2.0/UDP \u{e9}",
        ] {
            assert!(Via::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
