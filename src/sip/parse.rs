//! From bytes to a message, or to what can still be answered.
//!
//! A request that breaks the rules is answered if its Via can be read; a response, an ACK, or what is no SIP at all is
//! dropped. Reading checks the framing (start line, rows, body); [`super::validate`] checks what the headers say.

use bytes::Bytes;

use super::headers::HeaderError;
use super::headers::Headers;
use super::limits::Limits;
use super::lines::Lines;
use super::lines::Section;
use super::message::Message;
use super::message::Request;
use super::message::Response;
use super::method::Method;
use super::syntax::SyntaxError;
use super::syntax::is_digits;
use super::syntax::is_token;
use super::syntax::strict_text;
use super::uri::Uri;

/// Octets of the largest message that a datagram can carry; on streams too, where nothing else is configured.
pub const LARGEST_MESSAGE: usize = 65_535;

/// What is wrong with a message as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but line ends: a keep-alive, no mistake. RFC 5626 §3.5.1.
    #[error("a keep-alive")]
    KeepAlive,
    #[error("not SIP: a start line ends with SIP/2.0")]
    NotSip,
    #[error("the start line cannot be read: {0}")]
    StartLine(SyntaxError),
    #[error("a version other than SIP/2.0")]
    Version,
    #[error("the Request-URI is too long")]
    LongUri,
    #[error("a header cannot be read: {0}")]
    Row(SyntaxError),
    #[error("the header section has no end")]
    NoEnd,
    #[error("too many headers, a header too long, or a message too large")]
    TooLarge,
    #[error("the body is too large")]
    LargeBody,
    #[error("too many Vias")]
    ManyVias,
    #[error("Content-Length is not one number")]
    ContentLength,
    #[error("a stream needs a Content-Length")]
    NoContentLength,
    #[error("Content-Length says {said}, but {came} octets came")]
    ShortBody { said: usize, came: usize },
    #[error("{0}")]
    Header(#[from] HeaderError),
    #[error("the CSeq names another method than the request")]
    MethodMismatch,
    #[error("a Request-URI carries no headers")]
    UriHeaders,
    #[error("the scheme of the Request-URI is not served")]
    Scheme,
}

impl Fault {
    /// What to answer a request with.
    fn status(&self) -> u16 {
        match self {
            Fault::Version => 505,
            Fault::LongUri => 414,
            Fault::TooLarge => 513,
            Fault::LargeBody => 413,
            Fault::ManyVias => 483,
            Fault::Scheme => 416,
            _ => 400,
        }
    }
}

/// A message that is not to be acted on, and the answer that it deserves, if any.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    pub fault: Fault,
    reply: Option<Box<Response>>,
}

impl ParseError {
    /// Nothing can or may be answered.
    pub(super) fn drop(fault: Fault) -> ParseError {
        ParseError { fault, reply: None }
    }

    /// To be answered if the sender can be found: with a Via that can be read, and never an ACK. RFC 3261 §17.1.1.3.
    pub(super) fn answer(fault: Fault, method: &[u8], headers: &Headers) -> ParseError {
        if method == b"ACK" || headers.via().is_err() {
            return ParseError::drop(fault);
        }
        let reply = match fault.status() {
            // RFC 3261 §21.4.1: the reason names the fault, as in "Missing Call-ID header field".
            400 => Response::to(headers, 400).with_reason(&format!("Bad Request: {fault}")),
            status => Response::to(headers, status),
        };
        ParseError { fault, reply: Some(Box::new(reply)) }
    }

    /// The refusal to send, with what could be read of Via, From, To, Call-ID and CSeq; none: drop it silently.
    pub fn reply(&self) -> Option<Response> {
        self.reply.as_deref().cloned()
    }

    pub fn status(&self) -> Option<u16> {
        self.reply.as_ref().map(|reply| reply.status)
    }

    /// Whether it was no message at all but a sign of life.
    pub fn is_keep_alive(&self) -> bool {
        self.fault == Fault::KeepAlive
    }
}

pub(super) fn message(datagram: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    let blank = datagram.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if blank == datagram.len() {
        return Err(ParseError::drop(Fault::KeepAlive));
    }
    let mut lines = Lines::new(&datagram, blank);
    let line = lines.next_line().ok_or(ParseError::drop(Fault::NotSip))?;
    let start = StartLine::parse(&datagram.slice(line.clone()), limits);
    if start.is_err() && !may_be_request(&datagram[line.clone()]) {
        return Err(ParseError::drop(Fault::NotSip));
    }
    let section = Section::read(&datagram, &mut lines, limits);
    let whole = start.and_then(|start| Ok((start, section.body(datagram.slice(lines.at()..), limits)?)));
    match whole {
        Ok((start, body)) => Ok(start.with(section.headers, body)),
        Err(fault) => Err(refusal(fault, &datagram[line], &section.headers)),
    }
}

/// The error for a message of a stream whose end cannot be told, from its head alone.
pub(super) fn unframed(head: &Bytes, fault: Fault, limits: &Limits) -> ParseError {
    let mut lines = Lines::new(head, 0);
    match lines.next_line() {
        Some(line) => refusal(fault, &head[line], &Section::read(head, &mut lines, limits).headers),
        None => ParseError::drop(fault),
    }
}

/// Whether it is worth looking for a Via: the first word could be a method, or all is well but one thing.
fn may_be_request(line: &[u8]) -> bool {
    opens_message(line) || line.split(|byte| *byte == b' ').next().is_some_and(is_token) && line.contains(&b':')
}

fn refusal(fault: Fault, start_line: &[u8], headers: &Headers) -> ParseError {
    if is_response(start_line) {
        return ParseError::drop(fault);
    }
    let word = start_line.split(|byte| *byte == b' ').next().unwrap_or_default();
    ParseError::answer(fault, word, headers)
}

/// Whether a line could open a message: good enough to find the next one in a stream after a bad one.
pub(super) fn opens_message(line: &[u8]) -> bool {
    is_response(line) || line.windows(5).any(|window| window.eq_ignore_ascii_case(b" SIP/"))
}

fn is_response(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"SIP/"))
}

enum StartLine {
    Request { method: Method, uri: Uri },
    Response { status: u16, reason: Bytes },
}

impl StartLine {
    fn parse(line: &Bytes, limits: &Limits) -> Result<StartLine, Fault> {
        let start = match is_response(line) {
            true => StartLine::of_response(line),
            false if line.len() > limits.line => Err(Fault::LongUri),
            false => StartLine::of_request(line),
        };
        start.map_err(|fault| if opens_message(line) { fault } else { Fault::NotSip })
    }

    /// Exactly one blank between the three; RFC 4475 §3.1.2.8 to §3.1.2.10 would have others refused.
    fn of_request(line: &[u8]) -> Result<StartLine, Fault> {
        let three = "a start line is a method, a URI and SIP/2.0 with one blank between";
        let line = strict_text(line).map_err(Fault::StartLine)?;
        let mut words = line.split(' ');
        let (Some(method), Some(uri), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Fault::StartLine(SyntaxError(three)));
        };
        check_version(version.as_bytes())?;
        let method = Method::parse(method).map_err(Fault::StartLine)?;
        let uri = Uri::parse(uri).map_err(Fault::StartLine)?;
        Ok(StartLine::Request { method, uri })
    }

    /// The reason may be empty, even without the blank before it, and of any encoding. RFC 4475 §3.1.1.13.
    fn of_response(line: &Bytes) -> Result<StartLine, Fault> {
        let (version, rest) = line.split_at_checked(VERSION.len()).unwrap_or((line, b""));
        check_version(version)?;
        let status = match rest {
            [b' ', code @ ..] => code.split(|byte| *byte == b' ').next().unwrap_or_default(),
            _ => b"",
        };
        let status = status_code(status).ok_or(Fault::StartLine(SyntaxError("a status is 100 to 699")))?;
        let reason = line.slice(line.len().min(VERSION.len() + " 200 ".len())..);
        Ok(StartLine::Response { status, reason })
    }

    fn with(self, headers: Headers, body: Bytes) -> Message {
        match self {
            StartLine::Request { method, uri } => Message::Request(Request { method, uri, headers, body }),
            StartLine::Response { status, reason } => Message::Response(Response { status, reason, headers, body }),
        }
    }
}

const VERSION: &[u8] = b"SIP/2.0";

fn check_version(version: &[u8]) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case(VERSION) { Ok(()) } else { Err(Fault::Version) }
}

/// Three digits; RFC 4475 §3.1.2.19 has one that would wrap around to a legal code.
fn status_code(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 3 && is_digits(text))?;
    text.parse().ok().filter(|status| (100..700).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::headers::Name;

    fn read(text: &str) -> Result<Message, ParseError> {
        Message::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn request(text: &str) -> Request {
        match read(text) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    const HEAD: &str = "OPTIONS sip:x SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\n";

    #[test]
    fn folded_compact_and_loosely_spaced_rows() {
        let request = request(&format!("\r\n\r\n{HEAD}TO :\r\n sip:a@x ;\r\n\t tag=1\r\ns :\r\nX-y:  a  b \r\n\r\n"));
        assert_eq!(request.headers.first(&Name::To), Some("sip:a@x ; tag=1"));
        assert_eq!(request.headers.first(&Name::Subject), Some(""));
        assert_eq!(request.headers.first(&Name::from_text("x-Y").unwrap()), Some("a  b"));
    }

    #[test]
    fn the_body_is_as_long_as_it_says() {
        let surplus = request(&format!("{HEAD}l: 3\r\n\r\nabcdef"));
        assert_eq!((surplus.body.as_ref(), surplus.headers.len()), (&b"abc"[..], 1));
        assert_eq!(request(&format!("{HEAD}\r\nabcdef")).body, "abcdef");
        let short = read(&format!("{HEAD}l: 9\r\n\r\nabc")).unwrap_err();
        assert_eq!((short.fault.clone(), short.status()), (Fault::ShortBody { said: 9, came: 3 }, Some(400)));
        for bad in ["-1", "1 2", "", "abc", "99999999999999999999999"] {
            let error = read(&format!("{HEAD}l: {bad}\r\n\r\n")).unwrap_err();
            assert_eq!(error.fault, Fault::ContentLength, "{bad}");
        }
    }

    #[test]
    fn a_refusal_carries_what_could_be_read() {
        let error =
            read(&format!("{HEAD}no colon here\r\nFrom: <sip:a@x>;tag=1\r\nCSeq: 1 OPTIONS\r\nm: <sip:a>\r\n\r\n"))
                .unwrap_err();
        assert_eq!(
            error.reply().unwrap().write(),
            "SIP/2.0 400 Bad Request: a header cannot be read: a row begins with a name and a colon\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(read(&HEAD.replace("2.0\r\nv", "7.0\r\nv")).unwrap_err().status(), Some(505));
        let without_version = format!("{}\r\n", HEAD.replace(" SIP/2.0\r\nv", "\r\nv"));
        assert_eq!(read(&without_version).unwrap_err().status(), Some(400));
    }

    #[test]
    fn what_must_not_be_answered_is_dropped() {
        for silent in [
            "",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "\u{16}\u{3}\u{1}\n\n",
            "SIP/2.0 4294967301 x\r\n\r\n",
            "SIP/2.0 200 OK\r\nbad\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nVia: 1.1 proxy\r\n\r\n",
            "OPTIONS sip:x SIP/2.0\r\n",
        ] {
            assert!(read(silent).unwrap_err().reply().is_none(), "{silent:?}");
        }
        assert!(read(&HEAD.replace("OPTIONS", "ACK")).unwrap_err().reply().is_none());
        assert!(read("\r\n").unwrap_err().is_keep_alive());
    }

    #[test]
    fn responses_with_odd_reasons() {
        for (line, expected) in [
            ("SIP/2.0 200 OK", "OK"),
            ("SIP/2.0 100 ", ""),
            ("SIP/2.0 100", ""),
            ("sip/2.0 200 = 2**3 * 5**2", "= 2**3 * 5**2"),
        ] {
            match read(&format!("{line}\r\n\r\n")) {
                Ok(Message::Response(response)) => assert_eq!(response.reason, expected),
                other => panic!("{other:?}"),
            }
        }
        for bad in
            ["SIP/2.0 20 OK", "SIP/2.0 2000 OK", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.0200 OK", "SIP/3.0 200 OK"]
        {
            assert!(read(&format!("{bad}\r\n\r\n")).is_err(), "{bad}");
        }
    }

    /// As many octets, rows or Vias as are allowed, then one more.
    fn beyond(limits: Limits, at_the_limit: &str, over: &str) -> Option<u16> {
        let read = |text: &str| Message::parse_within(Bytes::copy_from_slice(text.as_bytes()), &limits);
        assert!(read(at_the_limit).is_ok(), "{:?}", read(at_the_limit));
        read(over).unwrap_err().status()
    }

    #[test]
    fn sizes_are_bounded_as_configured() {
        let limits = Limits { message: 400, body: 100, line: 80, headers: 4, vias: 3, ..Limits::default() };
        let rows = |count: usize| format!("{HEAD}{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(beyond(limits, &rows(3), &rows(4)), Some(513));
        let long = |length: usize| format!("{HEAD}X: {}\r\n\r\n", "y".repeat(length));
        assert_eq!(beyond(limits, &long(77), &long(78)), Some(513));
        let uri = |length: usize| format!("{}\r\n", HEAD.replace("sip:x", &format!("sip:{}", "x".repeat(length))));
        assert_eq!(beyond(limits, &uri(60), &uri(61)), Some(414));
        let body = |length: usize| format!("{HEAD}l: {length}\r\n\r\n{}", "y".repeat(length));
        assert_eq!(beyond(limits, &body(100), &body(101)), Some(413));
        let vias = |count: usize| format!("{HEAD}Via: SIP/2.0/UDP b{}\r\n\r\n", ", SIP/2.0/UDP c".repeat(count));
        assert_eq!(beyond(limits, &vias(1), &vias(2)), Some(483));
        let whole = |length: usize| format!("{HEAD}l: 0\r\n\r\n{}", "y".repeat(length - HEAD.len() - 8));
        assert_eq!(beyond(limits, &whole(400), &whole(401)), Some(513));
    }

    #[test]
    fn a_lone_carriage_return_is_no_line_end() {
        assert_eq!(read(&format!("{HEAD}Subject: a\rX: b\r\n\r\n")).unwrap_err().status(), Some(400));
        let lone_line_feeds = format!("{HEAD}\r\n").replace('\r', "");
        assert_eq!(request(&lone_line_feeds).headers.len(), 1);
    }
}
