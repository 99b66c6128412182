//! The text of a session description: every line in RFC 8866's order, ended by CRLF.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use crate::media::sdp::Attribute;
use crate::media::sdp::Connection;
use crate::media::sdp::Media;
use crate::media::sdp::Origin;
use crate::media::sdp::Session;

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { session, version, address } = self.origin;
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        write!(f, "v=0\r\no=- {session} {version} IN {} {address}\r\ns=-\r\n", family(&address))?;
        if let Some(connection) = &self.connection {
            write!(f, "{connection}")?;
        }
        write!(f, "t=0 0\r\n")?;
        self.attributes.iter().try_for_each(|attribute| write!(f, "{attribute}"))?;
        self.media.iter().try_for_each(|media| write!(f, "{media}"))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        write!(f, "\r\n")?;
        if let Some(connection) = &self.connection {
            write!(f, "{connection}")?;
        }
        self.attributes.iter().try_for_each(|attribute| write!(f, "{attribute}"))
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Connection::Address(address) => write!(f, "c=IN {} {address}\r\n", family(address)),
            Connection::Name(name) => write!(f, "c=IN IP4 {name}\r\n"),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "a={}:{value}\r\n", self.name),
            None => write!(f, "a={}\r\n", self.name),
        }
    }
}

fn family(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
