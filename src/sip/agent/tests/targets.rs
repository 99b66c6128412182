//! A target that fails, and the next one: RFC 3263 §4.3; and what a refusal tells.

use crate::sip::agent::Event;
use crate::sip::agent::Failure;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::accepting;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::response;
use crate::sip::digest::Credentials;
use crate::sip::digest::Secret;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Transmit;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use crate::sip::transaction::testing::tcp;
use crate::sip::transaction::testing::udp;
use crate::sip::uri::Uri;
use bytes::Bytes;
use std::time::Duration;

/// The second target of every call here; it is reached over TCP.
fn second() -> Hop {
    Hop { remote: "192.0.2.3:5060".parse().unwrap(), ..tcp() }
}

fn text(sent: &Transmit) -> String {
    String::from_utf8_lossy(&sent.bytes).into_owned()
}

/// What was sent since, as `REMOTE FIRST-LINE`.
fn sent(bench: &mut Bench) -> Vec<String> {
    let line = |sent: &Transmit| format!("{} {}", sent.hop.remote.ip(), text(sent).lines().next().unwrap_or_default());
    bench.sent().iter().map(line).collect()
}

fn moved_on(status: u16, retry_after: Option<Duration>) -> SessionEvent {
    SessionEvent::MovedOn { from: udp(), status, retry_after }
}

/// A call whose first target is silent: both INVITEs, the second just sent.
fn silent_first(bench: &mut Bench) -> (String, String) {
    bench.calls_any(None, vec![second()]);
    let first = bench.texts().remove(0);
    assert_eq!(bench.advance(ms(3_999)).len(), 3, "repeats after 0.5, 1.5 and 3.5 s");
    bench.now += ms(1);
    bench.agent.handle_timeout(bench.now);
    let all = bench.sent();
    assert_eq!((all.len(), all[0].hop), (1, second()));
    assert_eq!(bench.session_events(), [moved_on(408, None)]);
    (first, text(&all[0]))
}

#[test]
fn a_silent_target_is_left_for_the_next_one_in_a_transaction_of_its_own() {
    let mut bench = Bench::new();
    let (first, next) = silent_first(&mut bench);
    assert_ne!(header(&first, "Via"), header(&next, "Via"));
    assert!(header(&next, "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;"));
    assert_eq!(header(&next, "Contact"), "<sip:100@192.0.2.1:5060;transport=tcp>");
    for same in ["Call-ID", "From", "To", "CSeq"] {
        assert_eq!(header(&first, same), header(&next, same), "RFC 3261 §8.1.2");
    }
    bench.receive(&accepting(&next, "b"));
    assert_eq!(sent(&mut bench), ["192.0.2.3 ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: Bytes::from_static(b"v=0 answer") }]);
}

#[test]
fn a_target_that_was_left_and_rings_after_all_is_cancelled_once() {
    let mut bench = Bench::new();
    let (first, next) = silent_first(&mut bench);
    bench.receive(&response(&first, "100 Trying", "", ""));
    let cancel = bench.texts().remove(0);
    assert!(cancel.starts_with("CANCEL "));
    assert_eq!(header(&cancel, "Via"), header(&first, "Via"));
    assert!(bench.ask(&response(&first, "180 Ringing", "a", "")).is_empty());
    bench.receive(&response(&cancel, "200 OK", "a", ""));
    assert_eq!(bench.ask(&response(&first, "487 Request Terminated", "a", "")).len(), 1, "the ACK");
    bench.receive(&response(&next, "486 Busy Here", "b", ""));
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 486, .. }]));
    bench.nothing_is_left();
}

#[test]
fn a_target_that_was_left_and_answers_after_all_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (first, _) = silent_first(&mut bench);
    let lines = bench.ask(&accepting(&first, "a"));
    assert_eq!(lines, ["ACK sip:200@192.0.2.2:5060 SIP/2.0", "BYE sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert!(bench.events().is_empty(), "the call goes on with the second target");
    bench.advance(secs(33));
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 408, .. }]));
    bench.nothing_is_left();
}

#[test]
fn a_target_that_shows_itself_has_all_the_time_it_wants() {
    let mut bench = Bench::new();
    bench.calls_any(None, vec![second()]);
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "100 Trying", "", ""));
    assert!(bench.advance(secs(100)).is_empty());
    bench.receive(&response(&first, "503 Service Unavailable", "a", "Retry-After: 30\r\n"));
    let lines = sent(&mut bench);
    assert_eq!(
        lines,
        ["192.0.2.2 ACK sip:200@192.0.2.2:5060 SIP/2.0", "192.0.2.3 INVITE sip:200@192.0.2.2:5060 SIP/2.0"]
    );
    assert_eq!(bench.session_events(), [moved_on(503, Some(secs(30)))]);
}

#[test]
fn any_other_refusal_is_the_answer() {
    let mut bench = Bench::new();
    bench.calls_any(None, vec![second()]);
    let first = bench.texts().remove(0);
    assert_eq!(bench.ask(&response(&first, "500 Server Internal Error", "a", "")).len(), 1, "only the ACK");
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 500, .. }]));
    bench.nothing_is_left();
}

#[test]
fn a_broken_connection_leads_to_the_next_target() {
    let mut bench = Bench::new();
    bench.hop = tcp();
    let third = Hop { connection: Some(ConnectionId(3)), ..second() };
    bench.calls_any(None, vec![third]);
    bench.sent();
    bench.agent.connection_lost(ConnectionId(1), bench.now);
    assert_eq!(bench.sent()[0].hop, third);
    let events = bench.session_events();
    assert!(matches!(events.as_slice(), [SessionEvent::MovedOn { status: 503, .. }]), "{events:?}");
    bench.agent.connection_lost(ConnectionId(3), bench.now);
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 503, .. }]));
    bench.nothing_is_left();
}

#[test]
fn who_hangs_up_in_the_meantime_calls_nobody_else() {
    let mut bench = Bench::new();
    let session = bench.calls_any(None, vec![second()]);
    bench.sent();
    bench.agent.hang_up(session, None, bench.now);
    let repeats = bench.advance(secs(32));
    assert_eq!(repeats.len(), 6, "the first INVITE is repeated, as RFC 3261 §9.1 wants it: {repeats:?}");
    assert_eq!(bench.session_events(), [SessionEvent::HangUpDone]);
    bench.nothing_is_left();
}

fn credentials() -> Option<Credentials> {
    Some(Credentials { username: "100".into(), secret: Secret::Password("secret".into()) })
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"one\", qop=\"auth\", algorithm=MD5\r\n";

#[test]
fn the_next_target_is_not_told_the_credentials_for_the_last_and_may_challenge_itself() {
    let mut bench = Bench::new();
    bench.calls_any(credentials(), vec![second()]);
    let first = bench.texts().remove(0);
    bench.receive(&response(&first, "401 Unauthorized", "a", CHALLENGE));
    let again = bench.texts().remove(1);
    bench.receive(&response(&again, "503 Service Unavailable", "a", ""));
    let next = bench.texts().remove(1);
    assert_eq!((header(&next, "CSeq"), header(&next, "Authorization")), ("2 INVITE", ""));
    bench.receive(&response(&next, "401 Unauthorized", "b", CHALLENGE));
    let last = bench.texts().remove(1);
    assert_eq!(header(&last, "CSeq"), "3 INVITE");
    assert!(!header(&last, "Authorization").is_empty());
}

#[test]
fn other_requests_find_their_next_target_too() {
    let mut bench = Bench::new();
    let options = Request::new(Method::Options, Uri::sip(None, "trunk.example", None));
    let others = vec![second(), Hop { remote: "192.0.2.4:5060".parse().unwrap(), ..udp() }];
    let id = bench.agent.request_of_any(options, bench.hop, others, None, bench.now);
    let first = bench.texts().remove(0);
    assert_eq!(bench.advance(ms(3_999)).len(), 3);
    bench.now += ms(1);
    bench.agent.handle_timeout(bench.now);
    let next = bench.sent();
    assert_eq!((next.len(), next[0].hop), (1, second()));
    bench.receive(&response(&first, "200 OK", "a", ""));
    assert_eq!(bench.counts().stray, 1, "too late");
    bench.receive(&response(&text(&next[0]), "503 Service Unavailable", "b", ""));
    let last = bench.sent();
    assert_eq!(last[0].hop.remote.to_string(), "192.0.2.4:5060");
    bench.receive(&response(&text(&last[0]), "200 OK", "c", ""));
    let events = bench.events();
    assert!(
        matches!(events.as_slice(), [Event::Response { request, response }] if *request == id && response.status == 200)
    );
    bench.nothing_is_left();
}

#[test]
fn a_request_that_no_target_answers_fails_when_the_last_has_had_its_time() {
    let mut bench = Bench::new();
    let options = Request::new(Method::Options, Uri::sip(None, "trunk.example", None));
    bench.agent.request_of_any(options, bench.hop, vec![second()], None, bench.now);
    bench.advance(secs(35));
    assert!(bench.events().is_empty());
    bench.advance(secs(1));
    assert!(matches!(bench.events().as_slice(), [Event::RequestFailed { why: Failure::Timeout, .. }]));
    bench.nothing_is_left();
}

#[test]
fn a_refusal_tells_where_else_when_again_and_why() {
    let mut bench = Bench::new();
    bench.calls(None);
    let request = bench.texts().remove(0);
    let more = "Contact: <sip:low@x>;q=0.2, <sip:none@x>, <sip:half@x>;q=0.5\r\nRetry-After: 120 (lunch)\r\n\
                Reason: SIP;cause=302, Q.850 ;cause = 23;text=\"a, b\"\r\n";
    bench.receive(&response(&request, "302 Moved Temporarily", "a", more));
    let heard = bench.session_events();
    let [SessionEvent::Refused { status: 302, cause, retry_after, redirect, .. }] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    let users: Vec<_> = redirect.iter().filter_map(|contact| contact.uri.user()).collect();
    assert_eq!(users, ["none", "half", "low"]);
    assert_eq!((*cause, *retry_after), (Some(23), Some(secs(120))));
    bench.nothing_is_left();
}
