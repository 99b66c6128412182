//! Session descriptions (RFC 8866): a tolerant reader of what phones and trunks send, and a writer.
//!
//! Knows lines, not meanings: what an offer asks for is [`super::negotiation`]'s. Lines that nobody needs are stepped over,
//! a missing `s=` or `t=` is nobody's loss; every attribute is kept in its order. Sizes are bounded, and no input panics.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use bytes::Bytes;

/// Longer descriptions are refused: the largest that browsers make have some 10 KB.
pub const MAX_OCTETS: usize = 32_768;

/// More `m=` lines than this are refused.
pub const MAX_MEDIA: usize = 32;

/// More attributes than this, at one level, are refused.
pub const MAX_ATTRIBUTES: usize = 512;

/// Of a description of ours; a longer one costs an allocation more.
const USUAL_OCTETS: usize = 512;

const USUAL_WORDS: [&str; 18] = [
    "rtpmap",
    "fmtp",
    "ptime",
    "maxptime",
    "sendrecv",
    "sendonly",
    "recvonly",
    "inactive",
    "rtcp",
    "rtcp-mux",
    "crypto",
    "candidate",
    "ssrc",
    "audio",
    "video",
    "RTP/AVP",
    "RTP/SAVP",
    "UDP/TLS/RTP/SAVPF",
];

/// A whole description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    pub origin: Origin,
    /// `c=` at session level.
    pub connection: Option<Connection>,
    pub attributes: Vec<Attribute>,
    pub media: Vec<Media>,
}

/// `o=`: who describes which version of which session. RFC 8866 §5.2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Absent when it could not be read; nothing depends on it.
    pub address: Option<IpAddr>,
    pub session: u64,
    pub version: u64,
}

/// `c=`: where media is expected. RFC 8866 §5.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    Address(IpAddr),
    /// A host name, which we do not look up.
    Name(String),
}

/// `a=name` or `a=name:value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub name: Cow<'static, str>,
    pub value: Option<String>,
}

/// `m=` and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image`, `application` …
    pub kind: Cow<'static, str>,
    /// 0: not wanted, or refused.
    pub port: u16,
    /// `RTP/AVP` and the like.
    pub protocol: Cow<'static, str>,
    /// Payload types of an RTP protocol, something else of others.
    pub formats: Vec<String>,
    pub connection: Option<Connection>,
    pub attributes: Vec<Attribute>,
}

/// Which way media flows, from the side that says so (RFC 3264 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    const ALL: [Direction; 4] = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

    /// The same flow as the other side sees it.
    pub fn reversed(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            both => both,
        }
    }

    /// The flow that remains when this side may not send.
    pub fn without_sending(self) -> Direction {
        match self {
            Direction::SendRecv | Direction::RecvOnly => Direction::RecvOnly,
            Direction::SendOnly | Direction::Inactive => Direction::Inactive,
        }
    }

    pub fn may_send(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    pub fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// One payload type with all that is said of it: `a=rtpmap` (or RFC 3551's table) and `a=fmtp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format<'a> {
    pub payload_type: u8,
    /// As written; compare without regard to case.
    pub name: &'a str,
    pub clock_rate: u32,
    pub channels: Option<u8>,
    pub parameters: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("a description of {octets} octets is longer than {MAX_OCTETS}")]
    TooLong { octets: usize },
    #[error("more than {MAX_MEDIA} media lines")]
    TooManyMedia,
    #[error("more than {MAX_ATTRIBUTES} attributes at one level")]
    TooManyAttributes,
    #[error("no `v=0` line: this is not a session description")]
    NoVersion,
    #[error("media line `{line}` cannot be read")]
    BadMedia { line: String },
}

impl Session {
    /// Reads a description; lines may end in CRLF, LF or CR.
    pub fn read(octets: &[u8]) -> Result<Session, SdpError> {
        if octets.len() > MAX_OCTETS {
            return Err(SdpError::TooLong { octets: octets.len() });
        }
        let text = String::from_utf8_lossy(octets);
        let mut lines = text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
        if lines.next().and_then(|line| line.strip_prefix("v=")).is_none_or(|version| version.trim() != "0") {
            return Err(SdpError::NoVersion);
        }
        let mut session = Session::default();
        for line in lines {
            session.take(line)?;
        }
        Ok(session)
    }

    pub fn write(&self) -> Bytes {
        let mut text = String::with_capacity(USUAL_OCTETS);
        write!(text, "{self}").expect("a String takes all that is written");
        Bytes::from(text)
    }

    /// The first attribute of this name at session level.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// The values of all attributes of this name at session level.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        values(&self.attributes, name)
    }

    /// Where this media line wants its packets, by its own `c=` or the session's.
    pub fn connection_of<'a>(&'a self, media: &'a Media) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// The direction of a media line: its own attribute, else the session's, else both ways.
    pub fn direction_of(&self, media: &Media) -> Direction {
        direction(&media.attributes).or_else(|| direction(&self.attributes)).unwrap_or_default()
    }

    fn take(&mut self, line: &str) -> Result<(), SdpError> {
        let Some((kind, value)) = line.split_once('=') else {
            return Ok(());
        };
        let value = value.trim();
        match kind.trim() {
            "m" => self.begin_media(value)?,
            "o" => self.origin = Origin::read(value),
            "c" => self.set_connection(Connection::read(value)),
            "a" => self.push_attribute(Attribute::read(value))?,
            // Bandwidth, times, keys, names and whatever else says nothing to us.
            _ => {}
        }
        Ok(())
    }

    fn begin_media(&mut self, line: &str) -> Result<(), SdpError> {
        if self.media.len() == MAX_MEDIA {
            return Err(SdpError::TooManyMedia);
        }
        self.media.push(Media::read(line).ok_or_else(|| SdpError::BadMedia { line: line.to_owned() })?);
        Ok(())
    }

    fn set_connection(&mut self, connection: Option<Connection>) {
        match self.media.last_mut() {
            // Several c= lines of one media mean multicast layers (RFC 8866 §5.7); the first one is the base.
            Some(media) => media.connection = media.connection.take().or(connection),
            None => self.connection = self.connection.take().or(connection),
        }
    }

    fn push_attribute(&mut self, attribute: Attribute) -> Result<(), SdpError> {
        let attributes = match self.media.last_mut() {
            Some(media) => &mut media.attributes,
            None => &mut self.attributes,
        };
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(SdpError::TooManyAttributes);
        }
        attributes.push(attribute);
        Ok(())
    }
}

impl Media {
    pub fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// The first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// `a=ptime`: milliseconds of audio in one packet that this side would like to get.
    pub fn ptime(&self) -> Option<u32> {
        self.number("ptime")
    }

    /// `a=maxptime`: milliseconds of audio in one packet that this side can take.
    pub fn maxptime(&self) -> Option<u32> {
        self.number("maxptime")
    }

    /// `a=rtcp` (RFC 3605): the port, and the address when it is not the one of RTP.
    pub fn rtcp(&self) -> Option<(u16, Option<IpAddr>)> {
        let mut words = self.attribute("rtcp")?.value.as_deref()?.split_whitespace();
        let port = words.next()?.parse().ok()?;
        Some((port, words.nth(2).and_then(|address| address.parse().ok())))
    }

    /// `a=rtcp-mux`: RTP and RTCP may share a port (RFC 5761).
    pub fn shares_rtcp(&self) -> bool {
        self.attribute("rtcp-mux").is_some()
    }

    /// `a=crypto` lines as written (RFC 4568).
    pub fn crypto(&self) -> impl Iterator<Item = &str> {
        self.values("crypto")
    }

    /// The values of all attributes of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        values(&self.attributes, name)
    }

    /// What can be sent here, in the order of preference. Payload types that are neither mapped nor fixed by RFC 3551 are left out.
    pub fn rtp_formats(&self) -> impl Iterator<Item = Format<'_>> {
        self.formats
            .iter()
            .filter_map(|text| text.parse().ok())
            .filter(|number| *number < 128)
            .filter_map(|number| self.format(number))
    }

    fn format(&self, payload_type: u8) -> Option<Format<'_>> {
        let parameters = self.said_of("fmtp", payload_type);
        let (name, clock_rate, channels) = match self.said_of("rtpmap", payload_type) {
            Some(map) => read_map(map)?,
            None => fixed(payload_type).map(|(name, clock_rate)| (name, clock_rate, None))?,
        };
        Some(Format { payload_type, name, clock_rate, channels, parameters })
    }

    /// The rest of the first `a=NAME:PAYLOAD_TYPE rest`.
    fn said_of(&self, name: &str, payload_type: u8) -> Option<&str> {
        let values = self
            .attributes
            .iter()
            .filter(|attribute| attribute.is(name))
            .filter_map(|attribute| attribute.value.as_deref());
        values
            .filter_map(|value| value.split_once(char::is_whitespace))
            .find_map(|(number, rest)| (number.parse() == Ok(payload_type)).then_some(rest.trim()))
    }

    fn number(&self, name: &str) -> Option<u32> {
        let text = self.attribute(name)?.value.as_deref()?.trim();
        // Some phones write `20.0`.
        text.split(['.', ' ']).next()?.parse().ok().filter(|number| (1..=1000).contains(number))
    }

    /// `audio 49170 RTP/AVP 0 8`, also `49170/2`.
    fn read(line: &str) -> Option<Media> {
        let mut words = line.split_whitespace();
        let kind = word(words.next()?);
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let protocol = word(words.next()?);
        let formats = words.map(str::to_owned).collect();
        Some(Media { kind, port, protocol, formats, connection: None, attributes: Vec::new() })
    }
}

impl Attribute {
    pub fn flag(name: &'static str) -> Attribute {
        Attribute { name: Cow::Borrowed(name), value: None }
    }

    pub fn with_value(name: &'static str, value: impl fmt::Display) -> Attribute {
        Attribute { name: Cow::Borrowed(name), value: Some(value.to_string()) }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn read(text: &str) -> Attribute {
        match text.split_once(':') {
            Some((name, value)) => Attribute { name: word(name.trim()), value: Some(value.trim().to_owned()) },
            None => Attribute { name: word(text), value: None },
        }
    }
}

impl Connection {
    /// The address, when it is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Connection::Address(address) => Some(*address),
            Connection::Name(_) => None,
        }
    }

    /// `IN IP4 192.0.2.1`, with `/ttl` for multicast.
    fn read(line: &str) -> Option<Connection> {
        let address = line.split_whitespace().nth(2)?.split('/').next().filter(|address| !address.is_empty())?;
        Some(match address.parse() {
            Ok(address) => Connection::Address(address),
            Err(_) => Connection::Name(address.to_owned()),
        })
    }
}

impl Origin {
    /// `- 1 2 IN IP4 192.0.2.1`; what cannot be read is 0.
    fn read(line: &str) -> Origin {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
        Origin { session: number(1), version: number(2), address: words.get(5).and_then(|word| word.parse().ok()) }
    }
}

/// Words that nearly every description has cost no allocation.
fn word(text: &str) -> Cow<'static, str> {
    let known = USUAL_WORDS.iter().find(|known| **known == text);
    known.map_or_else(|| Cow::Owned(text.to_owned()), |known| Cow::Borrowed(*known))
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.is(name))
}

fn values<'a>(attributes: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |attribute| attribute.is(name)).filter_map(|attribute| attribute.value.as_deref())
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| Direction::ALL.into_iter().find(|direction| attribute.is(direction.name())))
}

/// `opus/48000/2`.
fn read_map(map: &str) -> Option<(&str, u32, Option<u8>)> {
    let mut parts = map.split('/').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let clock_rate = parts.next()?.parse().ok().filter(|rate| *rate > 0)?;
    Some((name, clock_rate, parts.next().and_then(|channels| channels.parse().ok())))
}

/// RFC 3551 §6, as far as telephones use it.
fn fixed(payload_type: u8) -> Option<(&'static str, u32)> {
    match payload_type {
        0 => Some(("PCMU", 8_000)),
        3 => Some(("GSM", 8_000)),
        8 => Some(("PCMA", 8_000)),
        9 => Some(("G722", 8_000)),
        13 => Some(("CN", 8_000)),
        18 => Some(("G729", 8_000)),
        _ => None,
    }
}

/// RFC 2543's way to say hold: an address to which nothing can be sent.
pub fn is_hold(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::UNSPECIFIED) || address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

#[cfg(test)]
#[path = "tests/sdp.rs"]
mod tests;
