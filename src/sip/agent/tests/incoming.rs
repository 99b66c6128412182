//! What a peer sends outside of a call, and its calls until they stand.

use crate::sip::agent::Event;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::CONTACT;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::inside;
use crate::sip::agent::tests::bench::invite;
use crate::sip::agent::tests::bench::outside;
use crate::sip::agent::tests::bench::response;
use crate::sip::agent::tests::bench::to_tag;
use crate::sip::agent::tests::bench::with_body;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use bytes::Bytes;

#[test]
fn an_invite_is_trying_at_once_and_its_repeats_are_absorbed() {
    let mut bench = Bench::new();
    let (_, answer) = bench.accepted(&invite("1", "Record-Route: <sip:edge.example.com;lr>\r\n"));
    assert_eq!(header(&answer, "Contact"), "<sip:100@192.0.2.1:5060>");
    assert_eq!(header(&answer, "Record-Route"), "<sip:edge.example.com;lr>");
    assert_eq!(header(&answer, "Via"), "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport=5060;received=192.0.2.2");
    assert!(answer.ends_with("\r\n\r\nv=0 ours"));
    assert!(bench.ask(&invite("1", "")).is_empty(), "RFC 6026 §7.1");
    assert!(bench.events().is_empty());
    assert_eq!(bench.counts().repeated, 1);
}

#[test]
fn before_the_answer_a_repeated_invite_hears_the_last_provisional_response() {
    let mut bench = Bench::new();
    bench.ask(&invite("1", ""));
    assert_eq!(bench.ask(&invite("1", "")), ["SIP/2.0 100 Trying"]);
    let transaction = bench.invited();
    let session = bench.agent.take(transaction, bench.now).unwrap();
    bench.agent.progress(session, 180, None, bench.now);
    assert_eq!(bench.lines(), ["SIP/2.0 180 Ringing"]);
    assert_eq!(bench.ask(&invite("1", "")), ["SIP/2.0 180 Ringing"]);
    assert_eq!(bench.advance(secs(125)), ["SIP/2.0 180 Ringing"; 2], "RFC 3261 §13.3.1.1");
}

#[test]
fn our_200_is_repeated_until_the_ack_comes() {
    let mut bench = Bench::new();
    let (_, answer) = bench.accepted(&invite("1", ""));
    assert_eq!(bench.advance(ms(3600)), ["SIP/2.0 200 OK"; 3], "after 0.5, 1.5 and 3.5 s");
    let tag = to_tag(&answer);
    bench.ask(&inside("ACK", 1, "ack", &tag, ""));
    assert!(bench.advance(secs(20)).is_empty());
    assert_eq!(bench.ask(&inside("BYE", 2, "bye", &tag, "Reason: Q.850;cause=16;text=\"x\"\r\n")), ["SIP/2.0 200 OK"]);
    let confirmed = SessionEvent::Confirmed { sdp: None };
    assert_eq!(bench.session_events(), [confirmed, SessionEvent::HungUp { cause: Some(16) }]);
    assert_eq!(bench.ask(&inside("BYE", 2, "bye", &tag, "")), ["SIP/2.0 200 OK"], "answered again");
    assert_eq!(bench.ask(&inside("BYE", 3, "late", &tag, "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    bench.nothing_is_left();
}

#[test]
fn a_200_that_is_never_acknowledged_is_given_up_with_bye() {
    let mut bench = Bench::new();
    bench.accepted(&invite("1", ""));
    let sent = bench.advance(secs(32));
    assert_eq!(sent.iter().filter(|line| line.contains("200 OK")).count(), 10);
    assert_eq!(sent.last().unwrap(), "BYE sip:200@192.0.2.2:5060 SIP/2.0");
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.nothing_is_left();
}

#[test]
fn an_invite_without_offer_gets_ours_and_answers_in_the_ack() {
    let mut bench = Bench::new();
    let (_, answer) = bench.accepted(&outside("INVITE", "1", CONTACT));
    let ack = inside("ACK", 1, "ack", &to_tag(&answer), "Content-Type: application/sdp\r\n");
    bench.receive(&with_body(&ack, "v=0 late"));
    assert_eq!(bench.session_events(), [SessionEvent::Confirmed { sdp: Some(Bytes::from_static(b"v=0 late")) }]);
}

#[test]
fn a_cancel_is_answered_and_ends_what_is_undecided() {
    let mut bench = Bench::new();
    bench.ask(&invite("1", ""));
    let transaction = bench.invited();
    bench.agent.take(transaction, bench.now).unwrap();
    assert_eq!(bench.ask(&outside("CANCEL", "1", "")), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.session_events(), [SessionEvent::Cancelled { cause: None }]);
    assert_eq!(bench.ask(&outside("CANCEL", "1", "")), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.advance(ms(1600)), ["SIP/2.0 487 Request Terminated"; 2]);
    assert!(bench.ask(&outside("ACK", "1", "")).is_empty());
    assert!(bench.advance(secs(30)).is_empty());
    bench.nothing_is_left();
}

#[test]
fn a_caller_who_says_how_long_he_waits_hears_487_then() {
    let mut bench = Bench::new();
    bench.ask(&invite("1", "Expires: 20\r\n"));
    let transaction = bench.invited();
    let session = bench.agent.take(transaction, bench.now).unwrap();
    bench.agent.progress(session, 180, None, bench.now);
    assert_eq!(bench.lines(), ["SIP/2.0 180 Ringing"]);
    assert!(bench.advance(secs(19)).is_empty());
    assert_eq!(bench.advance(secs(1)), ["SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.session_events(), [SessionEvent::Cancelled { cause: None }]);
    let (_, answer) = bench.accepted(&invite("2", "Expires: 20\r\n").replace("Call-ID: one", "Call-ID: two"));
    let ack = inside("ACK", 1, "ack", &to_tag(&answer), "").replace("Call-ID: one", "Call-ID: two");
    bench.ask(&ack);
    assert!(bench.advance(secs(60)).iter().all(|line| line.contains("487")), "a call that stands goes on");
    assert_eq!(bench.session_events(), [SessionEvent::Confirmed { sdp: None }]);
}

#[test]
fn a_cancel_of_nothing_is_481_and_one_of_an_answered_call_changes_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&outside("CANCEL", "0", "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    bench.accepted(&invite("1", ""));
    assert_eq!(bench.ask(&outside("CANCEL", "1", "")), ["SIP/2.0 200 OK"]);
    assert!(bench.events().is_empty());
}

#[test]
fn requests_that_nobody_should_see_are_answered_here() {
    let mut bench = Bench::new();
    let mut status = |text: &str| bench.ask(text).join("|");
    assert_eq!(status(&outside("BREW", "1", "")), "SIP/2.0 501 Not Implemented");
    assert_eq!(status(&outside("NOTIFY", "2", "")), "SIP/2.0 405 Method Not Allowed");
    assert_eq!(status(&outside("BYE", "3", "")), "SIP/2.0 481 Call/Transaction Does Not Exist");
    assert_eq!(
        status(&inside("OPTIONS", 1, "4", "0123456789abcdef", "")),
        "SIP/2.0 481 Call/Transaction Does Not Exist"
    );
    assert_eq!(status(&outside("OPTIONS", "5", "Require: foo\r\n")), "SIP/2.0 420 Bad Extension");
    assert_eq!(
        status("BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK6\r\n\r\n"),
        "SIP/2.0 400 Bad Request: From is missing"
    );
    assert_eq!(status("\r\n\r\n"), "");
    assert!(bench.events().is_empty());
    assert_eq!((bench.counts().malformed, bench.counts().transactions), (1, 0));
}

#[test]
fn strays_are_dropped_and_counted() {
    let mut bench = Bench::new();
    assert!(bench.ask(&response(&outside("OPTIONS", "1", ""), "200 OK", "x", "")).is_empty());
    assert!(bench.ask(&inside("ACK", 1, "2", "0123456789abcdef", "")).is_empty());
    assert_eq!(bench.counts().stray, 2);
}

#[test]
fn the_same_request_by_another_way_is_a_loop() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&invite("1", "")), ["SIP/2.0 100 Trying"]);
    assert_eq!(bench.ask(&invite("2", "")), ["SIP/2.0 482 Loop Detected"]);
    assert_eq!(bench.events().len(), 1);
}

#[test]
fn a_call_of_ours_that_comes_back_is_a_loop_and_one_that_was_passed_on_is_not() {
    let mut bench = Bench::new();
    bench.calls(None);
    let ours = bench.texts().remove(0);
    let back = |branch: &str| {
        ours.replacen("Via: ", &format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{branch};rport\r\nVia: "), 1)
    };
    assert_eq!(bench.ask(&back("1")), ["SIP/2.0 482 Loop Detected"], "RFC 3261 §16.3 item 4");
    assert!(bench.events().is_empty());
    let spiral = back("2").replacen("INVITE sip:200@", "INVITE sip:+551140031234@", 1);
    assert_eq!(bench.ask(&spiral), ["SIP/2.0 100 Trying"]);
}

#[test]
fn who_is_turned_away_and_asks_again_gets_the_same_tag_and_his_ack_is_no_stray() {
    let mut bench = Bench::new();
    let mut turned_away = || {
        bench.receive(&invite("1", ""));
        let events = bench.events();
        let [Event::Invite { transaction, request, .. }] = events.as_slice() else { panic!("{events:?}") };
        bench.agent.turn_away(*transaction, request.reply(401), bench.now);
        let texts = bench.texts();
        assert_eq!(texts.len(), 1);
        to_tag(&texts[0])
    };
    let tag = turned_away();
    assert_eq!(turned_away(), tag, "RFC 3261 §8.2.7");
    assert!(bench.ask(&inside("ACK", 1, "1", &tag, "")).is_empty());
    assert_eq!(bench.counts().stray, 0);
    assert_eq!(bench.ask(&outside("CANCEL", "1", "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    bench.nothing_is_left();
}

#[test]
fn a_cancel_and_its_invite_are_answered_with_the_same_tag() {
    let mut bench = Bench::new();
    for is_taken in [false, true] {
        bench.ask(&invite("1", ""));
        let transaction = bench.invited();
        if is_taken {
            bench.agent.take(transaction, bench.now).unwrap();
        }
        bench.receive(&outside("CANCEL", "1", ""));
        let tags: Vec<String> = bench.texts().iter().map(|text| to_tag(text)).collect();
        assert!(tags.len() == 2 && !tags[0].is_empty() && tags[0] == tags[1], "{tags:?}");
        bench.events();
        bench.advance(secs(64));
    }
}

#[test]
fn a_request_is_answered_once_and_its_repeats_hear_the_same() {
    let mut bench = Bench::new();
    assert!(bench.ask(&outside("OPTIONS", "1", "")).is_empty());
    assert!(bench.ask(&outside("OPTIONS", "1", "")).is_empty(), "absorbed before the answer");
    let events = bench.events();
    let [Event::Request { transaction, request, .. }] = events.as_slice() else { panic!("{events:?}") };
    bench.agent.respond(*transaction, request.reply(200), bench.now);
    bench.agent.respond(*transaction, request.reply(404), bench.now);
    let first = bench.texts();
    assert_eq!(first.len(), 1);
    assert!(!to_tag(&first[0]).is_empty());
    bench.receive(&outside("OPTIONS", "1", ""));
    assert_eq!(bench.texts(), first);
    bench.nothing_is_left();
}

#[test]
fn a_request_that_nobody_answers_is_forgotten() {
    let mut bench = Bench::new();
    bench.ask(&outside("MESSAGE", "1", ""));
    assert_eq!(bench.events().len(), 1);
    assert!(bench.advance(secs(33)).is_empty());
    bench.nothing_is_left();
}

#[test]
fn peers_of_rfc_2543_are_understood_without_a_branch() {
    let mut bench = Bench::new();
    let old = |text: String| text.replace(";branch=z9hG4bK1", "").replace(";rport", "");
    assert_eq!(bench.ask(&old(invite("1", ""))), ["SIP/2.0 100 Trying"]);
    assert_eq!(bench.ask(&old(invite("1", ""))), ["SIP/2.0 100 Trying"]);
    let transaction = bench.invited();
    let session = bench.agent.take(transaction, bench.now).unwrap();
    bench.agent.accept(session, Bytes::from_static(b"v=0"), bench.now);
    let tag = to_tag(&bench.texts()[0]);
    assert!(bench.ask(&old(inside("ACK", 1, "1", &tag, ""))).is_empty());
    assert_eq!(bench.session_events(), [SessionEvent::Confirmed { sdp: None }]);
}

#[test]
fn answers_go_back_the_way_they_came() {
    let mut bench = Bench::new();
    bench.hop.remote = "192.0.2.2:33333".parse().unwrap();
    let mut goes_to = |text: &str| {
        bench.receive(text);
        bench.sent()[0].hop.remote.to_string()
    };
    let plain = |branch: &str| outside("BREW", branch, "").replace(";rport", "");
    assert_eq!(goes_to(&outside("BREW", "1", "")), "192.0.2.2:33333", "RFC 3581");
    assert_eq!(goes_to(&plain("2")), "192.0.2.2:5060", "RFC 3261 §18.2.2");
    assert_eq!(goes_to(&plain("3").replace("UDP 192.0.2.2", "UDP 10.0.0.2")), "192.0.2.2:33333", "behind NAT");
}

#[test]
fn a_call_that_stands_wakes_nobody_for_the_answer_that_was_acknowledged() {
    let mut bench = Bench::new();
    bench.accepted(&invite("1", ""));
    let until = |bench: &mut Bench| bench.agent.poll_timeout().unwrap() - bench.now;
    assert_eq!(until(&mut bench), ms(500), "RFC 3261 §13.3.1.4: the 2xx is sent again without an ACK");
    let mut bench = Bench::new();
    bench.talking();
    assert!(until(&mut bench) >= secs(32));
}
