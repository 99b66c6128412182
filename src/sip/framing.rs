//! Cuts the bytes of a TCP or TLS connection into messages. RFC 3261 §18.3, §7.5; RFC 5626 §3.5.1.
//!
//! A connection carries all the calls of a trunk, so one bad message must not cost the others: after it the framer
//! looks for the next start line instead of giving up. It never holds more than one message of the largest size and
//! what was pushed last.

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;

use super::limits::Limits;
use super::lines::stated_length;
use super::parse::Fault;
use super::parse::ParseError;
use super::parse::opens_message;
use super::parse::unframed;
use super::syntax::is_token;

#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    state: State,
    limits: Limits,
}

#[derive(Debug)]
enum State {
    /// Between two messages or within a head, of which this much has been searched for its end.
    Head { searched: usize },
    /// The head is complete; head and body are this long.
    Body { whole: usize },
    /// This much of a body that is too large is still to be thrown away.
    Skipping { left: usize },
    /// Nobody knows where a message begins: lines are thrown away until one looks like it.
    Lost,
}

impl Default for State {
    fn default() -> State {
        State::Head { searched: 0 }
    }
}

#[derive(Debug)]
pub enum Frame {
    /// One whole message, for [`super::message::Message::parse`].
    Message(Bytes),
    /// Two empty lines: the peer wants one back ([`PONG`]). RFC 5626 §4.4.1.
    Ping,
    /// Something that cannot be cut; there may be an answer to send, and the connection may stay.
    Bad(ParseError),
}

/// The answer to [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";

impl Framer {
    pub fn new() -> Framer {
        Framer::default()
    }

    /// With other limits than the usual ones.
    pub fn within(limits: Limits) -> Framer {
        Framer { limits, ..Framer::default() }
    }

    /// Takes in what was read; then call [`Framer::next_frame`] until it has no more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let step = match self.state {
                State::Head { searched } => self.head(searched),
                State::Body { whole } => self.body(whole),
                State::Skipping { left } => self.skip(left),
                State::Lost => self.search(),
            };
            match step {
                Step::Found(frame) => return Some(frame),
                Step::Moved => {}
                Step::Starved => return None,
            }
        }
    }

    fn head(&mut self, searched: usize) -> Step {
        if searched == 0 && matches!(self.buffer.first(), Some(b'\r' | b'\n')) {
            return self.empty_lines();
        }
        if let Some(end) = end_of_head(&self.buffer, searched) {
            return self.head_complete(end);
        }
        match self.hopeless() {
            // What is there must go, or the search would find its start line again.
            Some(Fault::TooLarge) => {
                self.buffer.clear();
                self.lose(ParseError::drop(Fault::TooLarge))
            }
            Some(fault) => self.lose(ParseError::drop(fault)),
            None => {
                self.state = State::Head { searched: self.buffer.len().saturating_sub(3) };
                Step::Starved
            }
        }
    }

    /// Leading line ends are legal in front of a message (RFC 3261 §7.5); two of them are a ping.
    fn empty_lines(&mut self) -> Step {
        let is_ping = self.buffer.starts_with(b"\r\n\r\n");
        if !is_ping && b"\r\n\r\n".starts_with(&self.buffer) {
            return Step::Starved;
        }
        self.buffer.advance(if is_ping { 4 } else { 1 });
        if is_ping { Step::Found(Frame::Ping) } else { Step::Moved }
    }

    /// Why the head that has no end yet will never be one.
    fn hopeless(&self) -> Option<Fault> {
        let line = self.buffer.iter().position(|byte| *byte == b'\n');
        match line {
            Some(feed) if !opens_message(&self.buffer[..feed]) => Some(Fault::NotSip),
            None if self.buffer.len() > self.limits.line => Some(Fault::NotSip),
            _ if self.buffer.len() > self.limits.message => Some(Fault::TooLarge),
            _ => None,
        }
    }

    fn head_complete(&mut self, end: usize) -> Step {
        let opens = self.buffer[..end].split(|byte| *byte == b'\n').next().is_some_and(opens_message);
        if !opens {
            return self.lose(ParseError::drop(Fault::NotSip));
        }
        if let Some(next) = next_message(&self.buffer[..end]) {
            let unfinished = self.buffer.split_to(next).freeze();
            // The end of this head is known: to search for it with each start line anew would cost their square.
            self.state = State::Head { searched: (end - next).saturating_sub(4) };
            return Step::Found(Frame::Bad(unframed(&unfinished, Fault::NoEnd, &self.limits)));
        }
        match stated_length(&self.buffer[..end]) {
            Ok(length) if length <= self.limits.body && end + length <= self.limits.message => {
                self.state = State::Body { whole: end + length };
                Step::Moved
            }
            Ok(length) if length > LONGEST_SKIPPED => {
                let head = self.buffer.split_to(end).freeze();
                self.lose(unframed(&head, Fault::LargeBody, &self.limits))
            }
            Ok(length) => {
                let fault = if length > self.limits.body { Fault::LargeBody } else { Fault::TooLarge };
                let head = self.buffer.split_to(end).freeze();
                self.state = State::Skipping { left: length };
                Step::Found(Frame::Bad(unframed(&head, fault, &self.limits)))
            }
            Err(fault) => {
                let head = self.buffer.split_to(end).freeze();
                self.lose(unframed(&head, fault, &self.limits))
            }
        }
    }

    fn body(&mut self, whole: usize) -> Step {
        if self.buffer.len() < whole {
            return Step::Starved;
        }
        self.state = State::default();
        Step::Found(Frame::Message(self.buffer.split_to(whole).freeze()))
    }

    fn skip(&mut self, left: usize) -> Step {
        let now = left.min(self.buffer.len());
        self.buffer.advance(now);
        if now == left {
            self.state = State::default();
            return Step::Moved;
        }
        self.state = State::Skipping { left: left - now };
        Step::Starved
    }

    fn lose(&mut self, error: ParseError) -> Step {
        self.state = State::Lost;
        Step::Found(Frame::Bad(error))
    }

    /// Throws away one line, unless a message begins with it.
    fn search(&mut self) -> Step {
        match self.buffer.iter().position(|byte| *byte == b'\n') {
            Some(feed) if is_start_line(&self.buffer[..feed]) => {
                self.state = State::default();
                Step::Moved
            }
            Some(feed) => {
                self.buffer.advance(feed + 1);
                Step::Moved
            }
            None => {
                if self.buffer.len() > self.limits.line {
                    self.buffer.clear();
                }
                Step::Starved
            }
        }
    }
}

/// Octets. A proxy forwards no body of this size: whoever announces one does not send it, and what follows is no body.
const LONGEST_SKIPPED: usize = 1 << 20;

enum Step {
    Found(Frame),
    Moved,
    Starved,
}

/// Where the body begins: behind the first empty line.
fn end_of_head(buffer: &[u8], searched: usize) -> Option<usize> {
    let mut at = searched;
    while let Some(feed) = buffer[at..].iter().position(|byte| *byte == b'\n') {
        at += feed + 1;
        match buffer[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Where a start line stands among the rows of a head: the message before it was cut short, and is over.
fn next_message(head: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if at > 0 && is_start_line(line) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Stricter than [`opens_message`]: no row can look like this (its name would have a blank in it), and hardly a body.
fn is_start_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(request) = line.strip_suffix(b" SIP/2.0") else {
        return line.starts_with(b"SIP/2.0 ");
    };
    let mut words = request.split(|byte| *byte == b' ');
    let (Some(method), Some(uri), None) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    is_token(method) && uri.iter().position(|byte| *byte == b':').is_some_and(|colon| colon > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n";

    fn message(body: &str) -> String {
        format!("{HEAD}Content-Length : {}\r\n\r\n{body}", body.len())
    }

    /// What comes out, in short: the body of a message, or what else it is.
    fn frames(framer: &mut Framer) -> Vec<String> {
        std::iter::from_fn(|| framer.next_frame())
            .take(100)
            .map(|frame| match frame {
                Frame::Message(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Frame::Ping => "ping".into(),
                Frame::Bad(error) => format!("{:?}", error.status()),
            })
            .collect()
    }

    fn cut(stream: &str) -> Vec<String> {
        let mut framer = Framer::new();
        framer.push(stream.as_bytes());
        frames(&mut framer)
    }

    #[test]
    fn messages_are_cut_whatever_the_pieces() {
        let stream = format!("\r\n{}{}\r\n\r\n{}", message("a\r\n\r\nb"), message(""), message("c"));
        let expected = [message("a\r\n\r\nb"), message(""), "ping".into(), message("c")];
        assert_eq!(cut(&stream), expected);
        let mut framer = Framer::new();
        let mut bit_by_bit = Vec::new();
        for byte in stream.bytes() {
            framer.push(&[byte]);
            bit_by_bit.extend(frames(&mut framer));
        }
        assert_eq!(bit_by_bit, expected);
    }

    #[test]
    fn without_a_length_it_is_refused_and_the_next_is_found() {
        let stream = format!("{HEAD}\r\nv=0\r\nVia: SIP/2.0/TCP q\r\n{}", message("next"));
        assert_eq!(cut(&stream), ["Some(400)".to_owned(), message("next")]);
        let stream = format!("{HEAD}l: -1\r\n\r\n{}", message("next"));
        assert_eq!(cut(&stream), ["Some(400)".to_owned(), message("next")]);
        let stream = format!("{HEAD}l: 1\r\nl: 2\r\n\r\nx{}", message("next"));
        assert_eq!(cut(&stream)[0], "Some(400)");
    }

    #[test]
    fn a_head_that_was_cut_short_does_not_swallow_the_next_message() {
        let stream = format!("{HEAD}Subject: a b SIP/2.0\r\nFro\r\n{}", message("next"));
        assert_eq!(cut(&stream), ["Some(400)".to_owned(), message("next")]);
        let stream = format!("{HEAD}Fro\r\nSIP/2.0 200 OK\r\nl: 0\r\n\r\n");
        assert_eq!(cut(&stream), ["Some(400)", "SIP/2.0 200 OK\r\nl: 0\r\n\r\n"]);
    }

    #[test]
    fn garbage_is_skipped() {
        let stream = format!("GET / HTTP/1.1\r\nHost: x\r\n\r\n{}", message("next"));
        assert_eq!(cut(&stream), ["None".to_owned(), message("next")]);
    }

    #[test]
    fn a_body_too_large_is_refused_and_skipped() {
        let stream = format!("{HEAD}l: 70000\r\n\r\n{}{}", "x".repeat(70_000), message("next"));
        assert_eq!(cut(&stream), ["Some(413)".to_owned(), message("next")]);
    }

    #[test]
    fn a_length_that_must_be_a_lie_swallows_nothing() {
        let stream = format!("{HEAD}l: 4294967296\r\n\r\nx\r\n{}", message("next"));
        assert_eq!(cut(&stream), ["Some(413)".to_owned(), message("next")]);
    }

    #[test]
    fn an_endless_head_does_not_fill_the_memory() {
        let mut framer = Framer::new();
        framer.push(HEAD.as_bytes());
        for _ in 0..1000 {
            framer.push("X: ".repeat(1000).as_bytes());
            frames(&mut framer);
            assert!(framer.buffer.len() < 2 * Limits::default().message);
        }
        framer.push(format!("\r\n{}", message("next")).as_bytes());
        assert_eq!(frames(&mut framer), [message("next")]);
    }
}
