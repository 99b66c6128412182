//! Our calls until they stand, and our other requests.

use crate::sip::agent::Event;
use crate::sip::agent::Failure;
use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::accepting;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::inside;
use crate::sip::agent::tests::bench::outside;
use crate::sip::agent::tests::bench::response;
use crate::sip::agent::tests::bench::to_tag;
use crate::sip::digest::Credentials;
use crate::sip::digest::Secret;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use crate::sip::uri::Uri;
use bytes::Bytes;

#[test]
fn our_invite_is_repeated_and_given_up() {
    let mut bench = Bench::new();
    bench.calls(None);
    assert_eq!(bench.lines().len(), 1);
    assert_eq!(bench.advance(secs(32)).len(), 6, "after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s");
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 408, .. }]));
    bench.nothing_is_left();
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    bench.agent.hang_up(session, Some(HangUpReason::Sip(200, "Call completed elsewhere")), bench.now);
    assert!(bench.lines().is_empty(), "RFC 3261 §9.1");
    bench.receive(&response(&request, "180 Ringing", "a", ""));
    let cancel = bench.texts().remove(0);
    assert!(cancel.starts_with("CANCEL sip:200@192.0.2.2:5060 SIP/2.0\r\n"));
    assert_eq!(header(&cancel, "Via"), header(&request, "Via"));
    assert_eq!(header(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    assert!(bench.ask(&response(&cancel, "200 OK", "a", "")).is_empty());
    let ack = bench.ask(&response(&request, "487 Request Terminated", "a", ""));
    assert_eq!(ack, ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert_eq!(bench.session_events(), [SessionEvent::HangUpDone]);
    bench.nothing_is_left();
}

#[test]
fn a_cancelled_call_that_never_hears_the_end_ends_by_itself() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    bench.receive(&response(&request, "180 Ringing", "a", ""));
    bench.agent.hang_up(session, None, bench.now);
    bench.advance(secs(33));
    let heard = bench.session_events();
    assert_eq!(heard.last(), Some(&SessionEvent::HangUpDone));
    bench.nothing_is_left();
}

#[test]
fn every_branch_of_a_fork_is_acknowledged_and_all_but_the_first_hung_up() {
    let mut bench = Bench::new();
    bench.calls(None);
    let request = bench.texts().remove(0);
    assert_eq!(bench.ask(&accepting(&request, "a")), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: Bytes::from_static(b"v=0 answer") }]);
    let second = bench.ask(&accepting(&request, "b"));
    assert_eq!(second, ["ACK sip:200@192.0.2.2:5060 SIP/2.0", "BYE sip:200@192.0.2.2:5060 SIP/2.0"]);
    for tag in ["a", "b"] {
        bench.receive(&accepting(&request, tag));
        let again = bench.texts();
        assert_eq!(again.len(), 1);
        assert!(again[0].starts_with("ACK") && to_tag(&again[0]) == tag);
    }
    assert!(bench.events().is_empty());
}

#[test]
fn what_one_branch_of_a_fork_asks_does_not_count_against_the_one_that_answers() {
    let mut bench = Bench::new();
    bench.calls(None);
    let request = bench.texts().remove(0);
    bench.ask(&response(&request, "180 Ringing", "a", ""));
    bench.ask(&response(&request, "180 Ringing", "b", ""));
    let asks = |method: &str, number: u32, theirs: &str| {
        let ours = header(&request, "From").split_once("tag=").unwrap().1;
        let text = inside(method, number, method, ours, "").replace("tag=peer", &format!("tag={theirs}"));
        text.replace("Call-ID: one", &format!("Call-ID: {}", header(&request, "Call-ID")))
    };
    assert_eq!(bench.ask(&asks("OPTIONS", 5000, "a")), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.ask(&accepting(&request, "b")).len(), 1);
    assert_eq!(bench.ask(&asks("BYE", 1, "b")), ["SIP/2.0 200 OK"], "RFC 3261 §12.1.2: each has numbers of its own");
}

fn credentials() -> Option<Credentials> {
    Some(Credentials { username: "100".into(), secret: Secret::Password("secret".into()) })
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"one\", qop=\"auth\", algorithm=MD5\r\n";

#[test]
fn a_challenge_is_answered_once_and_a_stale_one_once_more() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    let sent = bench.texts();
    assert!(sent[0].starts_with("ACK "));
    let second = sent[1].clone();
    assert_eq!(header(&second, "CSeq"), "2 INVITE");
    assert_eq!(header(&second, "Call-ID"), header(&first, "Call-ID"));
    assert_ne!(header(&second, "Via"), header(&first, "Via"));
    assert!(header(&second, "Authorization").starts_with("Digest username=\"100\", realm=\"trunk\""));
    let stale = CHALLENGE.replace("one", "two").replace("qop", "stale=true, qop");
    bench.receive(&response(&second, "401 Unauthorized", "x", &stale));
    let third = bench.texts().remove(1);
    assert_eq!(header(&third, "CSeq"), "3 INVITE");
    assert_eq!(bench.ask(&response(&third, "401 Unauthorized", "x", &stale)).len(), 1, "only the ACK");
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 401, .. }]));
    bench.nothing_is_left();
}

#[test]
fn each_realm_on_the_way_is_answered_and_its_answer_stays_in() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let proxy = |realm: &str| CHALLENGE.replace("WWW", "Proxy").replace("\"trunk\"", &format!("\"{realm}\""));
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "407 Proxy Authentication Required", "x", &proxy("near")));
    let second = bench.texts().remove(1);
    bench.receive(&response(&second, "407 Proxy Authentication Required", "y", &proxy("far")));
    let third = bench.texts().remove(1);
    bench.receive(&response(&third, "401 Unauthorized", "z", CHALLENGE));
    let fourth = bench.texts().remove(1);
    for realm in ["realm=\"near\"", "realm=\"far\"", "realm=\"trunk\""] {
        assert_eq!(fourth.matches(realm).count(), 1, "{realm} in {fourth}");
    }
    assert_eq!(header(&fourth, "CSeq"), "4 INVITE");
    let refused = bench.ask(&response(&fourth, "407 Proxy Authentication Required", "x", &proxy("near")));
    assert_eq!(refused.len(), 1, "only the ACK: the same credentials would be refused again");
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 407, .. }]));
    bench.nothing_is_left();
}

#[test]
fn what_a_server_asked_is_answered_ahead_in_the_next_call_until_it_asks_anew() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let first = bench.texts().remove(0);
    assert_eq!(first.matches("\r\nAuthorization: ").count(), 0);
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    bench.texts();
    bench.calls(credentials());
    let ahead = bench.texts().remove(0);
    let same_nonce = CHALLENGE.split("nonce=").nth(1).unwrap().split(',').next().unwrap();
    assert!(header(&ahead, "Authorization").contains(same_nonce) && ahead.contains("nc=00000002"), "{ahead}");
    let newer = CHALLENGE.replace(same_nonce, "\"newer\"");
    bench.receive(&response(&ahead, "401 Unauthorized", "x", &newer));
    let anew = bench.texts().remove(1);
    assert!(anew.contains("nonce=\"newer\"") && anew.contains("nc=00000001"), "{anew}");
    assert_eq!(anew.matches("\r\nAuthorization: ").count(), 1);
    bench.receive(&response(&anew, "403 Forbidden", "x", ""));
    bench.texts();
    bench.calls(credentials());
    let plain = bench.texts().remove(0);
    assert_eq!(plain.matches("\r\nAuthorization: ").count(), 0, "a no is not asked for again");
}

#[test]
fn of_each_realm_only_the_newest_question_is_answered_ahead() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    let second = bench.texts().remove(1);
    let stale = CHALLENGE.replace("one", "two").replace("qop", "stale=true, qop");
    bench.receive(&response(&second, "401 Unauthorized", "x", &stale));
    let third = bench.texts().remove(1);
    bench.receive(&response(&third, "486 Busy Here", "x", ""));
    bench.texts();
    bench.calls(credentials());
    let ahead = bench.texts().remove(0);
    assert_eq!(ahead.matches("\r\nAuthorization: ").count(), 1, "{ahead}");
    assert!(ahead.contains("nonce=\"two\"") && ahead.contains("nc=00000002"), "{ahead}");
}

#[test]
fn a_server_that_forbids_what_was_signed_ahead_is_asked_once_more_and_heard_then() {
    let mut bench = Bench::new();
    let registers = |bench: &mut Bench| {
        let register = Request::new(Method::Register, Uri::sip(None, "trunk.example", None));
        bench.agent.request(register, bench.hop, credentials(), bench.now);
        bench.texts().remove(0)
    };
    let first = registers(&mut bench);
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    bench.texts();
    let ahead = registers(&mut bench);
    assert!(ahead.contains("nc=00000002"), "{ahead}");
    bench.receive(&response(&ahead, "403 Forbidden", "x", ""));
    let plain = bench.texts().remove(0);
    assert_eq!(header(&plain, "Call-ID"), header(&ahead, "Call-ID"));
    assert_eq!(plain.matches("\r\nAuthorization: ").count(), 0, "{plain}");
    bench.receive(&response(&plain, "401 Unauthorized", "x", &CHALLENGE.replace("one", "two")));
    let signed = bench.texts().remove(0);
    assert!(signed.contains("nonce=\"two\"") && signed.contains("nc=00000001"), "{signed}");
    bench.events();
    assert!(bench.ask(&response(&signed, "403 Forbidden", "x", "")).is_empty(), "a no to the password is final");
    assert!(matches!(bench.events().as_slice(), [Event::Response { response, .. }] if response.status == 403));
}

#[test]
fn a_call_that_is_forbidden_is_not_tried_a_second_time() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    bench.texts();
    bench.calls(credentials());
    let ahead = bench.texts().remove(0);
    assert!(ahead.contains("nc=00000002"), "{ahead}");
    assert_eq!(bench.ask(&response(&ahead, "403 Forbidden", "x", "")).len(), 1, "only the ACK");
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 403, .. }]));
}

#[test]
fn a_server_that_asks_for_another_realm_each_time_is_not_answered_for_ever() {
    let mut bench = Bench::new();
    bench.calls(credentials());
    let mut request = bench.texts().remove(0);
    for round in 0..8 {
        let realm = CHALLENGE.replace("trunk", &format!("realm{round}"));
        bench.receive(&response(&request, "401 Unauthorized", "x", &realm));
        request = bench.texts().remove(1);
    }
    let one_more = CHALLENGE.replace("trunk", "one more");
    assert_eq!(bench.ask(&response(&request, "401 Unauthorized", "x", &one_more)).len(), 1, "only the ACK");
}

#[test]
fn after_a_challenge_the_dialog_counts_on_and_the_ack_has_the_credentials() {
    let mut bench = Bench::new();
    let session = bench.calls(credentials());
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "407 Proxy Authentication Required", "x", &CHALLENGE.replace("WWW", "Proxy")));
    let second = bench.texts().remove(1);
    bench.receive(&accepting(&second, "a"));
    let ack = bench.texts().remove(0);
    assert_eq!(header(&ack, "CSeq"), "2 ACK");
    assert_eq!(header(&ack, "Proxy-Authorization"), header(&second, "Proxy-Authorization"));
    bench.agent.hang_up(session, None, bench.now);
    let bye = bench.texts().remove(0);
    assert_eq!(header(&bye, "CSeq"), "3 BYE");
    bench.receive(&response(&bye, "401 Unauthorized", "a", CHALLENGE));
    let again = bench.texts().remove(0);
    assert_eq!(header(&again, "CSeq"), "4 BYE");
    bench.receive(&response(&again, "200 OK", "a", ""));
    assert_eq!(bench.session_events().last(), Some(&SessionEvent::HangUpDone));
    bench.nothing_is_left();
}

#[test]
fn a_request_outside_of_calls_is_completed_challenged_and_reported() {
    let mut bench = Bench::new();
    let register = Request::new(Method::Register, Uri::sip(None, "trunk.example", None));
    let id = bench.agent.request(register, bench.hop, credentials(), bench.now);
    let first = bench.texts().remove(0);
    assert!(first.starts_with("REGISTER sip:trunk.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    assert_eq!(
        (header(&first, "CSeq"), header(&first, "To"), header(&first, "Max-Forwards")),
        ("1 REGISTER", "<sip:trunk.example>", "70")
    );
    bench.receive(&response(&first, "100 Trying", "", ""));
    bench.receive(&response(&first, "401 Unauthorized", "x", CHALLENGE));
    let second = bench.texts().remove(0);
    bench.receive(&response(&second, "200 OK", "x", ""));
    let events = bench.events();
    assert!(
        matches!(events.as_slice(), [Event::Response { request, response }] if *request == id && response.status == 200)
    );
    bench.nothing_is_left();
}

#[test]
fn a_request_without_answer_fails_on_time() {
    let mut bench = Bench::new();
    let options = Request::new(Method::Options, Uri::sip(None, "trunk.example", None));
    let id = bench.agent.request(options, bench.hop, None, bench.now);
    assert_eq!(bench.lines(), ["OPTIONS sip:trunk.example SIP/2.0"]);
    assert_eq!(bench.advance(secs(32)).len(), 10, "E: 0.5, 1.5, 3.5, then every 4 s");
    assert!(
        matches!(bench.events().as_slice(), [Event::RequestFailed { request, why: Failure::Timeout }] if *request == id)
    );
    bench.nothing_is_left();
}

#[test]
fn transactions_that_end_within_the_same_second_wake_us_together() {
    let mut bench = Bench::new();
    // It is forgotten after 32 s: the first deadline of all, and the last.
    bench.receive(&outside("OPTIONS", "first", ""));
    for _ in 0..40 {
        let options = Request::new(Method::Options, Uri::sip(None, "trunk.example", None));
        bench.agent.request(options, bench.hop, None, bench.now);
        let sent = bench.texts().remove(0);
        bench.receive(&response(&sent, "200 OK", "x", ""));
        bench.advance(ms(25));
    }
    let mut wakes = 0;
    let end = bench.now + secs(10);
    while let Some(at) = bench.agent.poll_timeout().filter(|at| *at <= end) {
        bench.agent.handle_timeout(at);
        wakes += 1;
    }
    assert!((1..=3).contains(&wakes), "{wakes} for the Timer K of 40 requests");
}
