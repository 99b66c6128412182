//! The messages of RFC 4475 and RFC 5118, byte for byte, against what each is worth.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;

use super::framing::Frame;
use super::framing::Framer;
use super::message::Message;
use super::method::Method;
use super::parse::ParseError;
use super::uri::Uri;

/// `tests/torture`, found from this file, wherever the crate is built from.
fn folder() -> PathBuf {
    let root = Path::new(file!()).ancestors().nth(3).expect("src/sip/torture.rs");
    root.join("tests/torture")
}

/// One line of `expected.tsv`.
struct Case {
    file: String,
    wellformed: String,
    accept: String,
}

fn cases() -> Vec<Case> {
    let table = fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let lines = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .map(|fields| Case { file: fields[0].into(), wellformed: fields[5].into(), accept: fields[7].into() })
        .collect()
}

/// RFC 5118's archive has bare line feeds, two heads without an end, and lengths that do not fit: made wire bytes.
fn wire(file: &str) -> Bytes {
    let raw = fs::read(folder().join(file)).unwrap();
    if raw.windows(2).any(|pair| pair == b"\r\n") {
        return raw.into();
    }
    let text = String::from_utf8(raw).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let body = body.replace('\n', "\r\n");
    let rows = head.lines().filter(|row| !row.starts_with("Content-Length") && !row.starts_with("l:"));
    let head: Vec<_> = rows.collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len()).into()
}

fn judge(bytes: Bytes) -> Result<Message, ParseError> {
    let message = Message::parse(bytes)?;
    message.validate()?;
    Ok(message)
}

fn read(name: &str) -> Message {
    judge(wire(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether a client would take this status for a remark on its grammar.
fn blames_syntax(status: u16) -> bool {
    matches!(status, 400 | 414 | 500 | 505 | 513)
}

#[test]
fn every_message_is_taken_for_what_it_is() {
    let cases = cases();
    assert_eq!(cases.len(), 62);
    for case in cases {
        let verdict = judge(wire(&case.file));
        let status = verdict.as_ref().err().map(ParseError::status);
        let accepts = |status: u16| case.accept.split(',').any(|token| token == status.to_string());
        match (case.wellformed.as_str(), status) {
            ("yes", None) | ("odd", _) => {}
            ("yes", Some(Some(status))) => {
                assert!(!blames_syntax(status), "{}: {verdict:?}", case.file)
            }
            // A Date is only read by who needs it: RFC 4475 §3.1.2.12 lets others go on.
            ("no", None) => assert_eq!(case.file, "rfc4475/baddate.dat"),
            ("no", Some(Some(status))) => assert!(accepts(status), "{}: {status}", case.file),
            ("no", Some(None)) => {
                assert!(case.accept.contains("none"), "{}: {verdict:?}", case.file)
            }
            other => panic!("{}: {other:?}: {verdict:?}", case.file),
        }
    }
}

#[test]
fn what_was_read_is_written_and_read_again() {
    for case in cases() {
        if let Ok(message) = Message::parse(wire(&case.file)) {
            assert_eq!(Message::parse(message.write()).unwrap(), message, "{}", case.file);
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_no_panic() {
    for case in cases() {
        let bytes = wire(&case.file);
        for end in 0..bytes.len() {
            let _ = judge(bytes.slice(..end)).map_err(|error| error.reply());
        }
    }
}

#[test]
fn over_a_stream_each_is_cut_and_the_next_is_found() {
    let next = wire("rfc4475/intmeth.dat");
    for case in cases() {
        let mut framer = Framer::new();
        framer.push(&wire(&case.file));
        framer.push(&next);
        let frames: Vec<_> = std::iter::from_fn(|| framer.next_frame()).collect();
        let found = |frame: &Frame| matches!(frame, Frame::Message(bytes) if *bytes == next);
        // Lengths that lie swallow what follows, and an unfinished head grows into it.
        let swallows = ["rfc4475/clerr.dat", "rfc4475/baddn.dat", "rfc4475/test.dat"].contains(&case.file.as_str());
        assert!(swallows || frames.iter().any(found), "{}: {frames:?}", case.file);
    }
}

#[test]
fn the_short_tortuous_invite() {
    let message = read("rfc4475/wsinv.dat");
    let headers = message.headers();
    let branches: Vec<_> = headers.vias().unwrap().iter().map(|via| via.branch().unwrap().to_owned()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert_eq!(headers.from_header().unwrap().display.as_deref(), Some(r#"J Rosenberg \""#));
    assert_eq!(headers.cseq().unwrap().to_string(), "9 INVITE");
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    let contacts = headers.contacts().unwrap();
    assert_eq!(contacts[0].display.as_deref(), Some(r#"Quoted string """#));
    assert_eq!(contacts[0].params.to_string(), ";newparam=newvalue;secondparam;q=0.33");
}

#[test]
fn strange_words_survive() {
    let Message::Request(request) = read("rfc4475/intmeth.dat") else { panic!("a request") };
    assert!(matches!(&request.method, Method::Other(method) if method.starts_with("!interesting-Method")));
    let display = request.headers.to_header().unwrap().display;
    assert_eq!(display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let Message::Request(request) = read("rfc4475/esc01.dat") else { panic!("a request") };
    assert_eq!(request.uri, Uri::parse("sip:sips%3Auser%40example.com@example.net").unwrap());
}

#[test]
fn octets_behind_the_message_are_ignored() {
    let Message::Request(request) = read("rfc4475/dblreq.dat") else { panic!("a request") };
    assert_eq!((request.method, request.body.len()), (Method::Register, 0));
}

#[test]
fn parameters_belong_to_whom_the_brackets_say() {
    let of_header = read("rfc4475/cparam01.dat").headers().contacts().unwrap();
    assert!(of_header[0].params.has("unknownparam") && of_header[0].uri.params.is_empty());
    let of_uri = read("rfc4475/cparam02.dat").headers().contacts().unwrap();
    assert!(of_uri[0].uri.params.has("unknownparam") && of_uri[0].params.is_empty());
}
