//! What we write we read again, others read it too, and nothing that arrives makes us fall over.

use bytes::Bytes;
use proptest::prelude::*;
use rsip::headers::ToTypedHeader;
use rsip::prelude::HeadersExt;

use super::framing::Framer;
use super::headers::Headers;
use super::headers::Name;
use super::hop::Transport;
use super::host::Host;
use super::message::Message;
use super::message::Request;
use super::message::Response;
use super::method::Method;
use super::name_addr::NameAddr;
use super::uri::Uri;
use super::via::Via;

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Invite),
        Just(Method::Register),
        "[!A-Za-z0-9.%*_+'~-]{1,12}".prop_map(|text| Method::parse(&text).unwrap()),
    ]
}

fn uri() -> impl Strategy<Value = Uri> {
    let host = prop_oneof![
        "[a-z][a-z0-9-]{0,10}\\.example",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ];
    let param = ("[a-z]{1,5}", "[a-z0-9]{1,5}");
    (proptest::option::of("\\PC{1,12}"), host, proptest::option::of(any::<u16>()), proptest::option::of(param))
        .prop_map(|(user, host, port, param)| {
            let uri = Uri::sip(user.as_deref(), &host, port);
            param.into_iter().fold(uri, |uri, (name, value)| uri.with_param(&name, &value))
        })
}

/// Any octets but line ends, as a header's value may hold them.
fn value() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>().prop_filter("no line ends", |byte| !matches!(byte, b'\r' | b'\n')), 0..40)
}

fn headers() -> impl Strategy<Value = Headers> {
    let name = "[A-Za-z][A-Za-z0-9-]{0,12}".prop_map(|text| Name::from_text(&text).unwrap());
    proptest::collection::vec((name, value()), 0..12).prop_map(|rows| {
        let mut headers = Headers::new();
        rows.into_iter().for_each(|(name, value)| headers.push(name, value));
        headers
    })
}

fn message() -> impl Strategy<Value = Message> {
    let body = proptest::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from);
    let request = (method(), uri(), headers(), body.clone())
        .prop_map(|(method, uri, headers, body)| Message::Request(Request { method, uri, headers, body }));
    let response = (100..700u16, value(), headers(), body).prop_map(|(status, reason, headers, body)| {
        Message::Response(Response { status, reason: reason.into(), headers, body })
    });
    prop_oneof![request, response]
}

/// Bytes that look enough like SIP to get past the first line.
fn almost_sip() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("INVITE sip:200@x SIP/2.0\r\n".to_owned()),
        Just("SIP/2.0 200 OK\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n".to_owned()),
        "(Via|From|t|CSeq|Contact|l|Route|Call-ID|Authorization)[ :]{1,3}[ -~]{0,30}\r\n",
        "[\\x00-\\x7f]{0,10}",
        "(<|>|\"|;|,|%|\\\\|sip:|@|\\[|\\]|:|é){0,8}",
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Asks for everything that can be asked of a message.
fn touch(bytes: Vec<u8>) {
    let mut framer = Framer::new();
    framer.push(&bytes);
    assert!((0..=bytes.len()).any(|_| framer.next_frame().is_none()), "a frame costs at least an octet");
    let message = match Message::parse(bytes.into()) {
        Ok(message) => message,
        Err(error) => return drop(error.reply().map(|reply| reply.write())),
    };
    let _ = message.validate().map_err(|error| error.reply());
    let mut headers = message.headers().clone();
    let _ = (headers.vias(), headers.contacts(), headers.routes(), headers.cseq(), headers.call_id());
    let _ =
        (headers.from_tag().map(str::len), headers.branch().map(str::len), headers.expires(), headers.content_type());
    headers.stamp_via("192.0.2.1:5060".parse().unwrap());
    assert_eq!(Message::parse(message.write()).unwrap(), message);
}

proptest! {
    #[test]
    fn what_we_write_we_read(message in message()) {
        prop_assert_eq!(Message::parse(message.write()).unwrap(), message);
    }

    #[test]
    fn any_octets_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        touch(bytes);
    }

    #[test]
    fn near_misses_are_no_panic(bytes in almost_sip()) {
        touch(bytes);
    }

    #[test]
    fn addresses_are_read_as_they_were_written(uri in uri(), display in proptest::option::of("\\PC{0,20}")) {
        let mut address = NameAddr::new(uri).with_tag("1");
        address.display = display.filter(|display| !display.is_empty());
        prop_assert_eq!(NameAddr::parse(address.to_string().as_bytes()).unwrap(), address);
    }

    #[test]
    fn words_that_are_no_addresses_are_no_panic(text in "\\PC{0,30}") {
        let _ = (Uri::parse(&text), NameAddr::parse(text.as_bytes()), Via::parse(text.as_bytes()), Host::parse(&text));
    }
}

/// rsip is another hand's reader; what it misreads is left out of this message.
#[test]
fn another_reader_understands_us() {
    let mut request = Request::new(Method::Invite, Uri::sip(Some("+551140031234"), "pbx.example.com", Some(5060)));
    let via = Via::new(Transport::Udp, Host::from_text("192.0.2.1"), 5060, "z9hG4bK42");
    let ana = NameAddr::new(Uri::sip(Some("200"), "pbx.example.com", None)).with_display("Ana").with_tag("a1");
    request.headers.push(Name::Via, via.to_string());
    request.headers.push(Name::From, ana.to_string());
    request.headers.push(Name::To, NameAddr::new(request.uri.clone()).to_string());
    request.headers.push(Name::CallId, "1@pbx.example.com");
    request.headers.push(Name::CSeq, "7 INVITE");
    let request = request.with_body("application/sdp", "v=0\r\n");

    let read = rsip::Request::try_from(request.write().to_vec()).unwrap();
    assert_eq!(read.uri.to_string(), request.uri.to_string());
    assert_eq!(read.via_header().unwrap().typed().unwrap().branch().unwrap().to_string(), "z9hG4bK42");
    assert_eq!(read.from_header().unwrap().tag().unwrap().unwrap().to_string(), "a1");
    assert_eq!(read.cseq_header().unwrap().seq().unwrap(), 7);
    assert_eq!(read.body, b"v=0\r\n");

    let read = rsip::Response::try_from(request.reply(180).write().to_vec()).unwrap();
    assert_eq!(read.status_code, rsip::StatusCode::Ringing);
    assert_eq!(read.call_id_header().unwrap().to_string(), "Call-ID: 1@pbx.example.com");
}

/// A URI that rsip reads: of IPv6, escapes and other schemes it makes something else.
fn plain_uri() -> impl Strategy<Value = Uri> {
    let host = prop_oneof![
        "[a-z][a-z0-9]{0,8}\\.example",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string())
    ];
    (proptest::option::of("[a-z0-9]{1,12}"), host, proptest::option::of(1_024..u16::MAX))
        .prop_map(|(user, host, port)| Uri::sip(user.as_deref(), &host, port))
}

fn plain_method() -> impl Strategy<Value = Method> {
    let known =
        ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "PRACK", "MESSAGE", "REFER"];
    proptest::sample::select(known.to_vec()).prop_map(|text| Method::parse(text).unwrap())
}

/// Whatever we can build and rsip knows: every method, all kinds of parties, other headers, a body.
fn plain_request() -> impl Strategy<Value = Request> {
    let party = || (plain_uri(), proptest::option::of("[A-Za-z]{1,8}( [A-Za-z]{1,8})?"), "[a-z0-9]{1,16}");
    let others = proptest::collection::vec(("X-[A-Z][a-z]{1,8}", "[!-~]([ -~]{0,20}[!-~])?"), 0..6);
    let parties = (party(), party(), party());
    (plain_method(), plain_uri(), parties, others, any::<(u32, u64)>(), "[ -~]{0,60}").prop_map(
        |(method, uri, (from, to, contact), others, (number, branch), body)| {
            let mut request = Request::new(method, uri);
            let branch = format!("z9hG4bK{branch:016x}");
            let via = Via::new(Transport::Udp, Host::from_text("192.0.2.1"), 5060, &branch);
            let address = |(uri, display, tag): (Uri, Option<String>, String)| {
                let address = NameAddr::new(uri).with_tag(&tag);
                display.into_iter().fold(address, |address, display| address.with_display(&display)).to_string()
            };
            let headers = &mut request.headers;
            headers.push(Name::Via, via.to_string());
            headers.push(Name::MaxForwards, "70");
            headers.push(Name::From, address(from));
            headers.push(Name::To, address(to));
            headers.push(Name::CallId, format!("{branch}@example.com"));
            headers.push(Name::CSeq, format!("{} {}", number >> 1, request.method));
            headers.push(Name::Contact, NameAddr::new(contact.0).to_string());
            for (name, value) in others {
                headers.push(Name::from_text(&name).unwrap(), value);
            }
            request.with_body("text/plain", body)
        },
    )
}

/// What rsip says of the rows that both have.
fn check_rows(read: &rsip::Headers, ours: &Headers) {
    let text = |name: &Name| ours.first(name).unwrap_or_default().to_owned();
    let others: Vec<String> = read
        .iter()
        .filter_map(|row| match row {
            rsip::Header::Other(name, value) => Some(format!("{name}: {value}")),
            _ => None,
        })
        .collect();
    let expected = ours.iter().filter(|row| row.name.as_str().starts_with("X-"));
    let expected: Vec<String> =
        expected.map(|row| format!("{}: {}", row.name, String::from_utf8_lossy(&row.value))).collect();
    assert_eq!(others, expected);
    for (name, header) in [
        (Name::Via, read.iter().find(|row| matches!(row, rsip::Header::Via(_)))),
        (Name::From, read.iter().find(|row| matches!(row, rsip::Header::From(_)))),
        (Name::To, read.iter().find(|row| matches!(row, rsip::Header::To(_)))),
        (Name::CallId, read.iter().find(|row| matches!(row, rsip::Header::CallId(_)))),
        (Name::CSeq, read.iter().find(|row| matches!(row, rsip::Header::CSeq(_)))),
    ] {
        assert_eq!(header.map(ToString::to_string), Some(format!("{name}: {}", text(&name))));
    }
}

proptest! {
    #[test]
    fn another_reader_reads_every_request_that_we_build(request in plain_request()) {
        let read = rsip::Request::try_from(request.write().to_vec()).unwrap();
        prop_assert_eq!(read.method.to_string(), request.method.to_string());
        prop_assert_eq!(read.uri.to_string(), request.uri.to_string());
        prop_assert_eq!(&read.body[..], &request.body[..]);
        let from = read.from_header().unwrap().typed().unwrap();
        prop_assert_eq!(from.uri.to_string(), request.headers.from_header().unwrap().uri.to_string());
        let tag = read.to_header().unwrap().tag().unwrap().unwrap().to_string();
        prop_assert_eq!(Some(tag.as_str()), request.headers.to_tag());
        prop_assert_eq!(read.cseq_header().unwrap().seq().unwrap(), request.headers.cseq().unwrap().number);
        check_rows(&read.headers, &request.headers);
    }

    #[test]
    fn another_reader_reads_every_answer_that_we_build(request in plain_request(), status in 100..700u16) {
        let response = request.reply(status);
        let read = rsip::Response::try_from(response.write().to_vec()).unwrap();
        prop_assert_eq!(read.status_code.code(), status);
        prop_assert_eq!(read.via_header().unwrap().typed().unwrap().branch().unwrap().to_string(), request.headers.branch().unwrap());
        let call_id = read.call_id_header().unwrap().to_string();
        prop_assert_eq!(call_id, format!("Call-ID: {}", request.headers.call_id().unwrap()));
    }
}
