//! Requests and responses, read and written without loss. RFC 3261 §7.
//!
//! A message holds slices of the bytes in which it came. What is not understood is kept in its place; what is
//! understood is read where someone asks for it, not before.

use std::fmt;
use std::fmt::Write;

use bytes::Bytes;

use super::decimal::Decimal;
use super::headers::Header;
use super::headers::Headers;
use super::headers::Name;
use super::limits::Limits;
use super::method::Method;
use super::parse;
use super::parse::ParseError;
use super::status;
use super::uri::Uri;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    Response(Response),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: Headers,
    pub body: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    pub reason: Bytes,
    pub headers: Headers,
    pub body: Bytes,
}

impl Message {
    /// Reads one datagram, or one message cut from a stream by [`super::framing::Framer`], within the usual limits.
    pub fn parse(datagram: Bytes) -> Result<Message, ParseError> {
        Message::parse_within(datagram, &Limits::default())
    }

    /// The same within these limits. RFC 3261 §18.3.
    pub fn parse_within(datagram: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        parse::message(datagram, limits)
    }

    pub fn write(&self) -> Bytes {
        match self {
            Message::Request(request) => request.write(),
            Message::Response(response) => response.write(),
        }
    }

    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }
}

/// What a response takes over from its request besides the Vias. RFC 3261 §8.2.6.2.
const COPIED_ONCE: [Name; 4] = [Name::From, Name::To, Name::CallId, Name::CSeq];

impl Request {
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::with_capacity(USUAL_ROWS), body: Bytes::new() }
    }

    /// A response with all Vias, From, To, Call-ID and CSeq of the request. Adds no tag. RFC 3261 §8.2.6.2.
    pub fn reply(&self, status: u16) -> Response {
        Response::to(&self.headers, status)
    }

    /// A 100 as it goes over the wire: nearly every INVITE gets one, so it is made of nothing but the rows themselves.
    pub(super) fn trying(&self) -> Bytes {
        let once = COPIED_ONCE.iter().filter_map(|name| self.headers.iter().find(|row| row.name == *name));
        // RFC 3261 §8.2.6.1: of all responses the 100 alone takes it over.
        let sent_at = self.headers.iter().find(|row| row.name == Name::Timestamp);
        let rows = self.headers.iter().filter(|row| row.name == Name::Via).chain(once).chain(sent_at);
        write(&[b"SIP/2.0 100 Trying\r\n"], rows, &Bytes::new())
    }

    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Request {
        self.headers.set(Name::ContentType, content_type);
        self.body = body.into();
        self
    }

    /// How long it is when written.
    pub(super) fn octets(&self) -> usize {
        let mut start_line = Count(0);
        let counted = write!(start_line, "{} {} SIP/2.0\r\n", self.method, self.uri);
        counted.expect("counting never fails");
        let length = Decimal::of(self.body.len() as u64).len();
        let rows: usize = self.headers.iter().map(octets_of).sum();
        start_line.0 + rows + LENGTH.len() + length + "\r\n\r\n".len() + self.body.len()
    }

    pub fn write(&self) -> Bytes {
        let mut start = String::with_capacity(USUAL_START_LINE);
        let written = write!(start, "{} {} SIP/2.0\r\n", self.method, self.uri);
        written.expect("a String takes all that is written");
        write(&[start.as_bytes()], self.headers.iter(), &self.body)
    }
}

impl Response {
    pub fn new(status: u16) -> Response {
        let reason = Bytes::from_static(status::reason_phrase(status).as_bytes());
        Response { status, reason, headers: Headers::new(), body: Bytes::new() }
    }

    /// A response to the request that has these headers.
    pub(super) fn to(request: &Headers, status: u16) -> Response {
        let mut response = Response::new(status);
        response.headers = Headers::with_capacity(COPIED_ONCE.len() * 3);
        response.headers.copy_from(request, &Name::Via);
        for name in COPIED_ONCE {
            let row = request.iter().find(|row| row.name == name);
            row.into_iter().for_each(|row| response.headers.push_parsed(row.clone()));
        }
        response
    }

    /// Other words for the status; line breaks in them become spaces.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Response {
        self.reason = reason.replace(['\r', '\n'], " ").into();
        self
    }

    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        self.headers.set(Name::ContentType, content_type);
        self.body = body.into();
        self
    }

    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn is_final(&self) -> bool {
        self.status >= 200
    }

    pub fn write(&self) -> Bytes {
        let code = [self.status / 100, self.status / 10 % 10, self.status % 10].map(digit);
        let start: [&[u8]; 5] = [b"SIP/2.0 ", &code, b" ", &self.reason, b"\r\n"];
        write(&start, self.headers.iter(), &self.body)
    }
}

/// The words that go with a status code.
pub fn reason_phrase(status: u16) -> &'static str {
    status::reason_phrase(status)
}

fn digit(number: u16) -> u8 {
    b'0' + (number % 10) as u8
}

/// Headers of an ordinary request of ours.
const USUAL_ROWS: usize = 12;
/// Octets of an ordinary start line; a longer one costs an allocation more.
const USUAL_START_LINE: usize = 128;
const LENGTH: &[u8] = b"Content-Length: ";

/// Measures first, so that one allocation of the right size takes it all.
fn write<'h>(start: &[&[u8]], headers: impl Iterator<Item = &'h Header> + Clone, body: &Bytes) -> Bytes {
    let length = Decimal::of(body.len() as u64);
    let rows: usize = headers.clone().map(octets_of).sum();
    let start_line: usize = start.iter().map(|piece| piece.len()).sum();
    let whole = start_line + rows + LENGTH.len() + length.len() + "\r\n\r\n".len() + body.len();

    let mut out = Vec::with_capacity(whole);
    start.iter().for_each(|piece| out.extend_from_slice(piece));
    for header in headers {
        let pieces = [header.name.as_str().as_bytes(), b": ", &header.value, b"\r\n"];
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    }
    let end = [LENGTH, length.as_bytes(), b"\r\n\r\n", body];
    end.iter().for_each(|piece| out.extend_from_slice(piece));
    Bytes::from(out)
}

fn octets_of(header: &Header) -> usize {
    header.name.as_str().len() + header.value.len() + ": \r\n".len()
}

/// Counts what would be written.
struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// The start line, for logs.
impl fmt::Display for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Request(request) => write!(out, "{} {}", request.method, request.uri),
            Message::Response(response) => {
                write!(out, "{} {}", response.status, String::from_utf8_lossy(&response.reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_takes_over_what_it_must_in_order() {
        let mut request = Request::new(Method::Options, Uri::sip(None, "example.com", None));
        request.headers.push(Name::CSeq, "1 OPTIONS");
        request.headers.push(Name::Via, "SIP/2.0/UDP a");
        request.headers.push(Name::Subject, "not this");
        request.headers.push(Name::Via, "SIP/2.0/UDP b");
        let reply = request.reply(486).with_reason("Busy\r\nHere");
        assert_eq!(
            reply.write(),
            "SIP/2.0 486 Busy  Here\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(request.trying(), request.reply(100).write());
        let mut timed = request.clone();
        timed.headers.push(Name::Timestamp, "54");
        assert!(timed.trying().ends_with(b"\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"));
        assert!(reply.is_final() && !reply.is_success() && !reply.is_provisional());
    }

    #[test]
    fn the_body_brings_its_length() {
        let request = Request::new(Method::Message, Uri::sip(Some("200"), "x", None)).with_body("text/plain", "olá");
        assert_eq!(
            request.write(),
            "MESSAGE sip:200@x SIP/2.0\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nolá"
        );
    }
}
