//! Every refusal has the code that its RFC names, the header that goes with it, and a reason that helps: provoked from
//! outside, message by message.

use std::net::SocketAddr;

use desvio::sip::headers::Name;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transport;
use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::SERVER;

/// A gateway of the carrier that nobody plays: its messages are written out by hand.
const GATEWAY: &str = "198.51.100.50:5060";

pub(crate) const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 198.51.100.50\r\ns=-\r\nc=IN IP4 198.51.100.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// A request outside of any dialog, as a carrier sends it.
pub(crate) fn request(method: &str, rows: &str, body: &str) -> String {
    format!(
        "{method} sip:{BUSINESS}@desvio.test SIP/2.0\r\nVia: SIP/2.0/UDP {GATEWAY};branch=z9hG4bKone\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+5511999998888@carrier.test>;tag=theirs\r\nTo: <sip:{BUSINESS}@desvio.test>\r\n\
         Call-ID: one\r\nCSeq: 1 {method}\r\n{rows}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) const CONTACT: &str = "Contact: <sip:gw@198.51.100.50:5060>\r\n";

fn invite(content_type: &str, body: &str) -> String {
    request("INVITE", &format!("{CONTACT}Content-Type: {content_type}\r\n"), body)
}

/// The first final response to what the gateway sends; the whole of it.
pub(crate) fn answer(pbx: &mut Bench, message: &str) -> String {
    let answers = answers(pbx, message);
    let last = answers.into_iter().find(|answer| !answer.starts_with("SIP/2.0 1"));
    last.unwrap_or_else(|| panic!("no answer to\n{message}"))
}

pub(crate) fn answers(pbx: &mut Bench, message: &str) -> Vec<String> {
    let hop = Hop {
        transport: Transport::Udp,
        local: SERVER.parse().expect("an address"),
        remote: GATEWAY.parse::<SocketAddr>().expect("an address"),
        connection: None,
    };
    pbx.input(Input::Packet(Packet { hop, bytes: message.to_owned().into() }));
    let sent = std::mem::take(&mut pbx.unclaimed);
    sent.into_iter().filter(|sent| sent.starts_with("SIP/2.0 ")).collect()
}

/// A new house for each message: what is refused here must not depend on what came before.
fn refused(message: &str, status_line: &str, rows: &[&str]) {
    let mut pbx = Bench::new();
    let answer = answer(&mut pbx, message);
    assert!(answer.starts_with(&format!("SIP/2.0 {status_line}")), "{answer}\nto\n{message}");
    for row in rows {
        assert!(answer.lines().any(|line| line.starts_with(row)), "no `{row}` in\n{answer}");
    }
    assert!(answer.contains(";branch=z9hG4bKone"), "{answer}");
    pbx.all_is_quiet();
}

#[test]
fn what_cannot_be_read_is_told_what_is_wrong_with_it() {
    let without = |row: &str| invite("application/sdp", SDP).replace(row, "X-Row: nothing\r\n");
    refused(&without("Call-ID: one\r\n"), "400 Bad Request: Call-ID is missing", &[]);
    refused(&without("CSeq: 1 INVITE\r\n"), "400 Bad Request: CSeq is missing", &[]);
    refused(
        &invite("application/sdp", SDP).replace("1 INVITE", "1 BYE"),
        "400 Bad Request: the CSeq names another",
        &[],
    );
    refused(&invite("application/sdp", SDP).replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), "505 ", &[]);
    let scheme = invite("application/sdp", SDP).replace("INVITE sip:", "INVITE http://");
    refused(&scheme, "416 ", &[]);
}

#[test]
fn what_is_too_large_is_told_which_part_of_it() {
    let long = "x".repeat(17_000);
    refused(&request("OPTIONS", "", "").replace("OPTIONS sip:", &format!("OPTIONS sip:{long}")), "414 ", &[]);
    refused(&request("OPTIONS", &format!("Subject: {long}\r\n"), ""), "513 ", &[]);
    refused(&request("OPTIONS", &"X: y\r\n".repeat(300), ""), "513 ", &[]);
    refused(&request("OPTIONS", "", &"x".repeat(70_000)), "513 ", &[]);
    let config = include_str!("../data/bench.toml").replace("[media]", "[sip.limits]\nbody = 1024\n\n[media]");
    let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
    let large = answer(&mut pbx, &request("MESSAGE", "Content-Type: text/plain\r\n", &"x".repeat(1_025)));
    assert!(large.starts_with("SIP/2.0 413 "), "{large}");
}

#[test]
fn what_we_do_not_do_is_told_what_we_do() {
    refused(&request("BREW", "", ""), "501 ", &["Allow: INVITE, ACK, CANCEL, BYE"]);
    refused(&request("OPTIONS", "Require: cofee\r\n", ""), "420 ", &["Unsupported: cofee"]);
}

#[test]
fn a_body_that_is_not_understood_is_told_which_would_be() {
    let accept = "Accept: application/sdp, multipart/mixed";
    refused(&invite("application/isup", "x"), "415 ", &[accept, "Accept-Encoding: identity"]);
    let packed = invite("application/sdp\r\nContent-Encoding: gzip", SDP);
    refused(&packed, "415 ", &["Accept-Encoding: identity"]);
    refused(&request("MESSAGE", "Content-Type: image/png\r\n", "x"), "415 ", &["Accept: text/plain"]);
    refused(&invite("application/pkcs7-mime;smime-type=enveloped-data", "x"), "493 Undecipherable", &[]);
    refused(&invite("multipart/mixed", "x"), "400 Bad Request: a multipart body", &[]);
}

#[test]
fn a_call_without_a_common_codec_is_told_which_are_taken() {
    let odd = SDP.replace("RTP/AVP 8", "RTP/AVP 18");
    let warning = "Warning: 305 desvio.test \"no codec in common: offered are ";
    refused(&invite("application/sdp", &odd), "488 Not Acceptable Here", &[warning]);
    let mut pbx = Bench::new();
    let said = answer(&mut pbx, &invite("application/sdp", &odd));
    assert!(said.to_lowercase().contains("taken are pcma, pcmu"), "{said}");
    let keyless = SDP.replace("RTP/AVP 8", "RTP/SAVP 8");
    let warning = "Warning: 306 desvio.test \"RTP/SAVP comes without keys that we can use: no a=crypto line";
    refused(&invite("application/sdp", &keyless), "488 ", &[warning]);
    let video = SDP.replace("m=audio 4000 RTP/AVP 8", "m=video 4000 RTP/AVP 96");
    refused(&invite("application/sdp", &video), "488 ", &["Warning: 304 desvio.test \"no audio is offered\""]);
    refused(&invite("application/sdp", "nonsense\r\n"), "400 ", &["Warning: 399 desvio.test"]);
}

#[test]
fn what_belongs_to_nothing_or_goes_round_in_circles_is_told_so() {
    refused(&request("BYE", "", ""), "481 ", &[]);
    refused(&request("OPTIONS", "", "").replace("desvio.test>\r\nCall", "desvio.test>;tag=gone\r\nCall"), "481 ", &[]);
    refused(&invite("application/sdp", SDP).replace("Forwards: 70", "Forwards: 0"), "483 ", &[]);
    let asked = answer(&mut Bench::new(), &request("OPTIONS", "", "").replace("Forwards: 70", "Forwards: 0"));
    assert!(asked.starts_with("SIP/2.0 200 "), "it goes no further than to us: {asked}");
    let vias = request("OPTIONS", &"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n".repeat(70), "");
    refused(&vias, "483 ", &[]);
    let mut pbx = Bench::new();
    let first = invite("application/sdp", SDP);
    answers(&mut pbx, &first);
    let again = answer(&mut pbx, &first.replace("z9hG4bKone", "z9hG4bKtwo"));
    assert!(again.starts_with("SIP/2.0 482 "), "{again}");
}

#[test]
fn what_is_too_short_or_unknown_is_told_what_would_do() {
    let timer = format!("{CONTACT}Supported: timer\r\nSession-Expires: 30\r\nContent-Type: application/sdp\r\n");
    refused(&request("INVITE", &timer, SDP), "422 Session Interval Too Small", &["Min-SE: 90"]);
    refused(&request("PUBLISH", "Event: presence\r\n", ""), "489 Bad Event", &["Allow-Events: "]);
    let mut pbx = Bench::new();
    let ana = pbx.phone("200");
    pbx.does(ana, |phone, now| phone.register(5, now));
    let told = pbx.phones[ana.0].last_answer.as_ref().expect("an answer");
    assert_eq!((told.status, told.headers.number(&Name::MinExpires)), (423, Some(60)));
    pbx.does(ana, |phone, now| phone.register(60, now));
    pbx.does(ana, |phone, now| phone.subscribes("ua-profile", "200", 3600, now));
    assert_eq!(pbx.answered(ana), 489);
}

/// A request in the dialog that this answer made.
pub(crate) fn inside(answer: &str, method: &str, number: u32, body: &str) -> String {
    let to = answer.lines().find(|line| line.starts_with("To: ")).expect("a To");
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    request(method, &format!("{CONTACT}{kind}"), body)
        .replace(&format!("To: <sip:{BUSINESS}@desvio.test>"), to)
        .replace("z9hG4bKone", &format!("z9hG4bK{method}{number}"))
        .replace("CSeq: 1", &format!("CSeq: {number}"))
}

#[test]
fn an_offer_that_crosses_ours_is_to_wait_and_what_comes_too_late_is_not_carried_out() {
    let mut pbx = Bench::new();
    let accepted = answer(&mut pbx, &request("INVITE", CONTACT, ""));
    assert!(accepted.starts_with("SIP/2.0 200 ") && accepted.contains("m=audio "), "{accepted}");
    // RFC 3261 §14.2, RFC 3311 §5.2: our offer waits for the answer in the ACK.
    let crossing = answer(&mut pbx, &inside(&accepted, "UPDATE", 2, SDP));
    assert!(crossing.starts_with("SIP/2.0 491 "), "{crossing}");
    answers(&mut pbx, &inside(&accepted, "ACK", 1, SDP));
    let update = answer(&mut pbx, &inside(&accepted, "UPDATE", 9, ""));
    assert!(update.starts_with("SIP/2.0 200 "), "{update}");
    // RFC 3261 §12.2.2.
    let late = answer(&mut pbx, &inside(&accepted, "UPDATE", 3, ""));
    assert!(late.starts_with("SIP/2.0 500 "), "{late}");
    let ended = answer(&mut pbx, &inside(&accepted, "BYE", 10, ""));
    assert!(ended.starts_with("SIP/2.0 200 "), "{ended}");
    pbx.all_is_quiet();
}

#[test]
fn the_sdp_is_taken_out_of_a_multipart() {
    let body = format!(
        "--b\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\
         \u{1}\u{2}\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--b--\r\n"
    );
    let mut pbx = Bench::new();
    let answer = answer(&mut pbx, &invite("multipart/mixed;boundary=b", &body));
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("m=audio "), "{answer}");
}

#[test]
fn a_name_that_several_extensions_have_is_ambiguous_and_a_name_of_one_rings_there() {
    let config = include_str!("../data/bench.toml").to_owned();
    let config = config + "\n[[extension]]\nnumber = \"202\"\nname = \"Ana\"\npassword = \"segredo\"\n";
    let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "ana");
    pbx.ended(bruno, "485");
    assert!(pbx.trace.contains("485 Ambiguous"), "{}", pbx.trace);
    pbx.calls(ana, None, "Bruno");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    pbx.calls(bruno, None, "nobody-of-this-name");
    pbx.ended(bruno, "404");
}
