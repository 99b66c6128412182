//! Session timers, RFC 4028: who keeps a call alive, and what becomes of one that nobody keeps.

use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::CONTACT;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::inside;
use crate::sip::agent::tests::bench::invite;
use crate::sip::agent::tests::bench::response;
use crate::sip::agent::tests::bench::to_tag;
use crate::sip::agent::tests::bench::with_body;
use crate::sip::config::Config;
use crate::sip::transaction::testing::secs;
use std::time::Duration;

const SDP: &str = "Content-Type: application/sdp\r\n";
const ALLOW: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";

/// A call of ours that the far end accepts with these headers.
fn accepted_with(bench: &mut Bench, more: &str) -> SessionId {
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    bench.receive(&with_body(&response(&request, "200 OK", "a", &format!("{CONTACT}{SDP}{more}")), "v=0 answer"));
    assert_eq!(bench.lines(), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    bench.events();
    session
}

/// What is sent in this time, whole.
fn sent_within(bench: &mut Bench, length: Duration) -> Vec<String> {
    let end = bench.now + length;
    let mut texts = Vec::new();
    while let Some(at) = bench.agent.poll_timeout().filter(|at| *at <= end) {
        bench.now = at;
        bench.agent.handle_timeout(at);
        texts.extend(bench.texts());
    }
    bench.now = end;
    texts
}

#[test]
fn we_ask_for_a_timer_and_refresh_at_half_by_update() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    assert_eq!(header(&request, "Session-Expires"), "1800");
    assert!(header(&request, "Supported").contains("timer"));
    let accepting = format!("{CONTACT}{SDP}{ALLOW}Require: timer\r\nSession-Expires: 600;refresher=uac\r\n");
    bench.receive(&with_body(&response(&request, "200 OK", "a", &accepting), "v=0 answer"));
    bench.sent();
    assert!(sent_within(&mut bench, secs(299)).is_empty());
    for _ in 0..3 {
        let update = sent_within(&mut bench, secs(1)).remove(0);
        assert!(update.starts_with("UPDATE ") && update.ends_with("\r\n\r\n"), "{update}");
        assert_eq!(header(&update, "Session-Expires"), "600;refresher=uac");
        let again = format!("{CONTACT}Require: timer\r\nSession-Expires: 600;refresher=uac\r\n");
        bench.receive(&response(&update, "200 OK", "", &again));
        assert!(sent_within(&mut bench, secs(299)).is_empty());
    }
    bench.agent.hang_up(session, None, bench.now);
    let bye = bench.texts().remove(0);
    bench.receive(&response(&bye, "200 OK", "", ""));
    bench.nothing_is_left();
}

#[test]
fn a_peer_without_update_is_asked_by_a_reinvite_that_changes_nothing() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, "");
    assert!(sent_within(&mut bench, secs(899)).is_empty(), "it knows no timer; the interval is ours");
    let reinvite = sent_within(&mut bench, secs(1)).remove(0);
    assert!(reinvite.starts_with("INVITE ") && reinvite.ends_with("v=0 offer"));
    bench.receive(&with_body(&response(&reinvite, "200 OK", "", &format!("{CONTACT}{SDP}")), "v=0 answer"));
    assert_eq!(bench.lines(), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    assert!(sent_within(&mut bench, secs(899)).is_empty());
    assert_eq!(sent_within(&mut bench, secs(1)).len(), 1);
}

#[test]
fn a_far_end_that_has_vanished_is_noticed_by_our_refresh() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, ALLOW);
    let sent = bench.advance(secs(900 + 33));
    assert!(sent[0].starts_with("UPDATE "));
    assert!(sent.iter().any(|line| line.starts_with("BYE ")), "{sent:?}");
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.nothing_is_left();
}

#[test]
fn a_far_end_that_knows_nothing_of_the_call_ends_it_at_the_refresh() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, ALLOW);
    let update = sent_within(&mut bench, secs(900)).remove(0);
    bench.receive(&response(&update, "481 Call/Transaction Does Not Exist", "", ""));
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.nothing_is_left();
}

#[test]
fn a_refresh_that_is_refused_for_the_moment_is_tried_again() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, ALLOW);
    let update = sent_within(&mut bench, secs(900)).remove(0);
    bench.receive(&response(&update, "491 Request Pending", "", ""));
    let again = sent_within(&mut bench, secs(3));
    assert!(again[0].starts_with("UPDATE "));
    bench.receive(&response(&again[0], "405 Method Not Allowed", "", ""));
    assert!(bench.lines()[0].starts_with("INVITE "), "then as for a peer without UPDATE");
}

#[test]
fn a_peer_that_promised_to_refresh_and_does_not_is_hung_up_in_time() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, "Require: timer\r\nSession-Expires: 300;refresher=uas\r\n");
    assert!(sent_within(&mut bench, secs(267)).is_empty());
    let bye = sent_within(&mut bench, secs(1)).remove(0);
    assert!(bye.starts_with("BYE "), "32 s before the end: {bye}");
    assert_eq!(header(&bye, "Reason"), "Q.850;cause=102;text=\"Recovery on timer expiry\"");
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.receive(&response(&bye, "200 OK", "", ""));
    bench.nothing_is_left();
}

#[test]
fn an_interval_that_is_too_short_for_the_far_end_is_raised_a_few_times() {
    let mut bench = Bench::with(Config { session_expires: secs(200), ..Config::default() });
    bench.calls(None);
    let first = bench.texts().remove(0);
    assert_eq!(header(&first, "Session-Expires"), "200");
    bench.receive(&response(&first, "422 Session Interval Too Small", "x", "Min-SE: 400\r\n"));
    let second = bench.texts().remove(1);
    assert_eq!((header(&second, "Session-Expires"), header(&second, "Min-SE")), ("400", "400"));
    assert_eq!((header(&second, "CSeq"), header(&second, "Call-ID")), ("2 INVITE", header(&first, "Call-ID")));
    bench.receive(&response(&second, "422 Session Interval Too Small", "x", "Min-SE: 400\r\n"));
    assert!(
        matches!(bench.session_events().as_slice(), [SessionEvent::Refused { status: 422, .. }]),
        "it asks for no more"
    );
    bench.nothing_is_left();
}

#[test]
fn an_interval_that_is_too_short_for_us_is_refused_with_ours() {
    let mut bench = Bench::new();
    bench.receive(&invite("1", "Supported: timer\r\nSession-Expires: 60\r\n"));
    let refusal = bench.texts().remove(0);
    assert!(refusal.starts_with("SIP/2.0 422 "));
    assert_eq!(header(&refusal, "Min-SE"), "90");
    assert!(bench.events().is_empty());
    let ignorant = invite("2", "Session-Expires: 60\r\n").replace("Call-ID: one", "Call-ID: two");
    assert_eq!(bench.ask(&ignorant), ["SIP/2.0 100 Trying"], "RFC 4028 §9: it would not understand");
}

#[test]
fn a_caller_with_a_timer_hears_who_refreshes() {
    let mut bench = Bench::new();
    let (_, answer) = bench.accepted(&invite("1", "Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n"));
    assert_eq!(header(&answer, "Session-Expires"), "300;refresher=uac");
    assert_eq!(header(&answer, "Require"), "timer");
    let tag = to_tag(&answer);
    bench.ask(&inside("ACK", 1, "ack", &tag, ""));
    bench.events();
    for number in 2..5 {
        assert!(bench.advance(secs(200)).is_empty());
        let more = format!("{CONTACT}Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n");
        bench.receive(&inside("UPDATE", number, &format!("u{number}"), &tag, &more));
        let answer = bench.texts().remove(0);
        assert_eq!(header(&answer, "Session-Expires"), "300;refresher=uac");
    }
    let sent = bench.advance(secs(268));
    assert!(sent[0].starts_with("BYE "), "{sent:?}");
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
}

#[test]
fn a_caller_without_a_timer_is_told_nothing_and_refreshed_by_us() {
    let mut bench = Bench::new();
    let (_, answer) = bench.accepted(&invite("1", ""));
    assert_eq!((header(&answer, "Session-Expires"), header(&answer, "Require")), ("", ""));
    bench.ask(&inside("ACK", 1, "ack", &to_tag(&answer), ""));
    bench.events();
    assert!(bench.advance(secs(899)).is_empty());
    let sent = sent_within(&mut bench, secs(1));
    assert!(sent[0].starts_with("INVITE ") && sent[0].ends_with("v=0 ours"));
}

#[test]
fn switched_off_a_call_stands_as_long_as_nobody_asks() {
    let mut bench = Bench::with(Config { session_expires: Duration::ZERO, ..Config::default() });
    let session = accepted_with(&mut bench, "");
    assert!(bench.advance(secs(100_000)).is_empty());
    bench.agent.hang_up(session, None, bench.now);
    assert!(bench.lines()[0].starts_with("BYE "));
}

#[test]
fn a_far_end_without_timers_that_refuses_our_refresh_lives_and_is_not_hung_up() {
    let mut bench = Bench::new();
    accepted_with(&mut bench, "");
    for _ in 0..3 {
        assert!(sent_within(&mut bench, secs(899)).is_empty());
        let reinvite = sent_within(&mut bench, secs(1)).remove(0);
        assert!(reinvite.starts_with("INVITE "));
        bench.receive(&response(&reinvite, "488 Not Acceptable Here", "", ""));
        assert_eq!(bench.lines(), ["ACK sip:200@192.0.2.2:5060 SIP/2.0"]);
    }
    assert!(!bench.session_events().contains(&SessionEvent::Lost));
}

#[test]
fn a_far_end_that_agreed_and_refuses_is_asked_with_pauses_and_held_to_it() {
    let mut bench = Bench::new();
    accepted_with(
        &mut bench,
        &format!("{ALLOW}Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uac\r\n"),
    );
    let mut tries = 0;
    let mut text = sent_within(&mut bench, secs(300)).remove(0);
    while text.starts_with("UPDATE ") {
        tries += 1;
        bench.receive(&response(&text, "488 Not Acceptable Here", "", ""));
        text = sent_within(&mut bench, secs(60)).remove(0);
    }
    assert!(text.starts_with("BYE "), "{text}");
    assert!((2..=5).contains(&tries), "{tries}");
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
}
