//! What happens while a call stands.

use crate::sip::agent::Event;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::CONTACT;
use crate::sip::agent::tests::bench::inside;
use crate::sip::agent::tests::bench::outside;
use crate::sip::agent::tests::bench::response;
use crate::sip::agent::tests::bench::to_tag;
use crate::sip::agent::tests::bench::with_body;
use crate::sip::hop::ConnectionId;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use crate::sip::transaction::testing::tcp;
use crate::sip::uri::Uri;
use bytes::Bytes;

#[test]
fn inside_a_call_the_peer_may_ask_and_tell() {
    let mut bench = Bench::new();
    let (_, tag) = bench.talking();
    assert_eq!(bench.ask(&inside("OPTIONS", 2, "2", &tag, "")), ["SIP/2.0 200 OK"]);
    let info = inside("INFO", 3, "3", &tag, "Content-Type: application/dtmf-relay\r\n");
    bench.receive(&with_body(&info, "Signal=5"));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    let told =
        SessionEvent::Info { content_type: "application/dtmf-relay".into(), body: Bytes::from_static(b"Signal=5") };
    assert_eq!(bench.session_events(), [told]);
    assert_eq!(bench.ask(&inside("UPDATE", 4, "4", &tag, CONTACT)), ["SIP/2.0 200 OK"], "no offer in it");
}

#[test]
fn inside_a_call_offers_come_one_at_a_time_and_requests_in_order() {
    let mut bench = Bench::new();
    let (session, tag) = bench.talking();
    let update = inside("UPDATE", 5, "5", &tag, &format!("{CONTACT}Content-Type: application/sdp\r\n"));
    bench.receive(&with_body(&update, "v=0 hold"));
    assert!(bench.lines().is_empty());
    assert_eq!(bench.session_events(), [SessionEvent::Offered { sdp: Some(Bytes::from_static(b"v=0 hold")) }]);
    assert_eq!(
        bench.ask(&inside("INVITE", 6, "6", &tag, CONTACT)),
        ["SIP/2.0 500 Server Internal Error"],
        "one at a time"
    );
    bench.agent.answer(session, Bytes::from_static(b"v=0 held"), bench.now);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(
        bench.ask(&inside("OPTIONS", 3, "7", &tag, "")),
        ["SIP/2.0 500 Server Internal Error"],
        "RFC 3261 §12.2.2"
    );
    assert_eq!(bench.ask(&inside("NOTIFY", 8, "8", &tag, "Event: presence\r\n")), ["SIP/2.0 489 Bad Event"]);
    let other_call = inside("BYE", 9, "9", &tag, "").replace("Call-ID: one", "Call-ID: two");
    assert_eq!(bench.ask(&other_call), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
}

#[test]
fn a_notice_tells_how_a_refer_of_ours_fares() {
    let mut bench = Bench::new();
    let (_, tag) = bench.talking();
    let mut number = 1;
    let mut told = |body: &str| {
        number += 1;
        let more = "Event: refer;id=1\r\nContent-Type: message/sipfrag\r\n";
        bench.receive(&with_body(&inside("NOTIFY", number, &number.to_string(), &tag, more), body));
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"], "{body}");
        bench.session_events()
    };
    assert_eq!(told("SIP/2.0 180 Ringing\r\n"), [SessionEvent::ReferFares { status: 180 }]);
    assert_eq!(told("SIP/2.0 603 Decline"), [SessionEvent::ReferFares { status: 603 }]);
    for nonsense in ["", "SIP/2.0 ", "SIP/2.0 99", "SIP/2.0 +20 OK", "SIP/2.0 999 Nobody knows", "hello"] {
        assert_eq!(told(nonsense), [], "{nonsense}");
    }
}

#[test]
fn an_offer_that_only_heard_100_is_forgotten_after_the_call() {
    let mut bench = Bench::new();
    let (session, tag) = bench.talking();
    bench.agent.offer(session, Bytes::from_static(b"v=0 more"), bench.now);
    let reinvite = bench.texts().remove(0);
    bench.ask(&response(&reinvite, "100 Trying", "", ""));
    assert_eq!(bench.ask(&inside("BYE", 2, "2", &tag, "")), ["SIP/2.0 200 OK"]);
    bench.nothing_is_left();
}

#[test]
fn an_offer_that_hears_100_only_after_the_call_is_forgotten_too() {
    let mut bench = Bench::new();
    let (session, tag) = bench.talking();
    bench.agent.offer(session, Bytes::from_static(b"v=0 more"), bench.now);
    let reinvite = bench.texts().remove(0);
    assert_eq!(bench.ask(&inside("BYE", 2, "2", &tag, "")), ["SIP/2.0 200 OK"]);
    bench.ask(&response(&reinvite, "100 Trying", "", ""));
    bench.nothing_is_left();
}

#[test]
fn glare_is_answered_491() {
    let mut bench = Bench::new();
    let (session, tag) = bench.talking();
    bench.agent.offer(session, Bytes::from_static(b"v=0 new"), bench.now);
    let reinvite = bench.texts().remove(0);
    assert!(reinvite.starts_with("INVITE sip:200@192.0.2.2:5060"));
    assert_eq!(bench.ask(&inside("INVITE", 2, "2", &tag, CONTACT)), ["SIP/2.0 491 Request Pending"]);
    bench.ask(&inside("ACK", 2, "2", &tag, ""));
    assert_eq!(bench.ask(&response(&reinvite, "491 Request Pending", "", "")), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    let again = bench.advance(ms(2100));
    assert_eq!(
        again.first().map(String::as_str),
        Some("INVITE sip:200@192.0.2.2:5060 SIP/2.0"),
        "within 2 s: the Call-ID is theirs"
    );
    assert!(bench.events().is_empty());
}

#[test]
fn a_text_inside_a_call_is_one_like_any_other() {
    let mut bench = Bench::new();
    let (_, tag) = bench.talking();
    assert!(bench.ask(&inside("MESSAGE", 2, "text", &tag, "")).is_empty());
    let events = bench.events();
    let [Event::Request { transaction, request, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(request.method, Method::Message);
    bench.agent.respond(*transaction, request.reply(202), bench.now);
    let answer = bench.texts().remove(0);
    assert!(answer.starts_with("SIP/2.0 202 ") && to_tag(&answer) == tag, "{answer}");
}

#[test]
fn a_package_of_info_that_we_have_not_offered_is_refused() {
    let mut bench = Bench::new();
    let (_, tag) = bench.talking();
    bench.receive(&inside("INFO", 2, "info", &tag, "Info-Package: conference\r\n"));
    let answer = bench.texts().remove(0);
    assert!(
        answer.starts_with("SIP/2.0 469 Bad Info Package\r\n") && answer.contains("\r\nRecv-Info: \r\n"),
        "{answer}"
    );
    assert!(bench.events().is_empty());
    assert_eq!(bench.ask(&inside("INFO", 3, "plain", &tag, "")), ["SIP/2.0 200 OK"]);
}

#[test]
fn a_reinvite_is_repeated_until_its_ack_and_may_be_cancelled() {
    let mut bench = Bench::new();
    let (session, tag) = bench.talking();
    assert_eq!(bench.ask(&inside("INVITE", 2, "2", &tag, CONTACT)), ["SIP/2.0 100 Trying"]);
    assert_eq!(bench.session_events(), [SessionEvent::Offered { sdp: None }]);
    let cancelled = bench.ask(&inside("CANCEL", 2, "2", &tag, ""));
    assert_eq!(cancelled, ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    bench.ask(&inside("ACK", 2, "2", &tag, ""));
    assert_eq!(bench.ask(&inside("INVITE", 3, "3", &tag, CONTACT)), ["SIP/2.0 100 Trying"]);
    bench.events();
    bench.agent.answer(session, Bytes::from_static(b"v=0 offer"), bench.now);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.advance(ms(600)), ["SIP/2.0 200 OK"]);
    bench.receive(&with_body(&inside("ACK", 3, "4", &tag, "Content-Type: application/sdp\r\n"), "v=0 answer"));
    assert_eq!(bench.session_events(), [SessionEvent::Answered { sdp: Bytes::from_static(b"v=0 answer") }]);
    assert!(bench.advance(secs(5)).is_empty());
}

#[test]
fn a_far_end_that_knows_nothing_of_the_call_ends_it() {
    let mut bench = Bench::new();
    let (session, _) = bench.talking();
    bench.agent.offer(session, Bytes::from_static(b"v=0 new"), bench.now);
    let reinvite = bench.texts().remove(0);
    assert_eq!(bench.ask(&response(&reinvite, "481 Gone", "", "")), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.nothing_is_left();
}

#[test]
fn with_its_connection_what_waits_is_lost_and_what_stands_goes_on() {
    let mut bench = Bench::new();
    bench.hop = tcp();
    let (standing, tag) = bench.talking();
    bench.calls(None);
    let options = Request::new(Method::Options, Uri::sip(None, "trunk.example", None));
    bench.agent.request(options, bench.hop, None, bench.now);
    bench.receive(&outside("INVITE", "9", CONTACT).replace("Call-ID: one", "Call-ID: nine"));
    let transaction = bench.invited();
    bench.agent.take(transaction, bench.now).unwrap();
    bench.sent();
    bench.agent.connection_lost(ConnectionId(1), bench.now);
    let heard: Vec<String> = bench.events().iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(
        ["Lost", "503", "ConnectionLost"].iter().all(|word| heard.iter().any(|event| event.contains(word))),
        "{heard:?}"
    );
    bench.hop.connection = Some(ConnectionId(2));
    assert_eq!(bench.ask(&inside("OPTIONS", 5, "5", &tag, "")), ["SIP/2.0 200 OK"]);
    bench.agent.hang_up(standing, None, bench.now);
    assert_eq!(bench.sent()[0].hop.connection, Some(ConnectionId(2)), "the way the peer used last");
    bench.nothing_is_left();
}

#[test]
fn numbers_are_counted_by_method_and_class() {
    let mut bench = Bench::new();
    bench.talking();
    let counts = bench.counts();
    assert_eq!((counts.received.of("INVITE"), counts.received.of("ACK")), (1, 1));
    assert_eq!((counts.sent.of("1xx"), counts.sent.of("2xx")), (1, 1));
    assert_eq!((counts.sessions, counts.transactions), (1, 1));
}
