//! Provisional responses that are confirmed (RFC 3262), and what may be offered before the call stands (RFC 3311).

use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::CONTACT;
use crate::sip::agent::tests::bench::accepting;
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

const SUPPORTED: &str = "Supported: 100rel\r\nAllow: INVITE, ACK, PRACK, UPDATE, BYE, CANCEL\r\n";
const REQUIRED: &str = "Require: 100rel\r\n";
const SDP: &str = "Content-Type: application/sdp\r\n";

fn sdp(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A call of the peer that waits for our decision.
fn called(bench: &mut Bench, invite: &str) -> SessionId {
    assert_eq!(bench.ask(invite), ["SIP/2.0 100 Trying"]);
    let transaction = bench.invited();
    bench.agent.take(transaction, bench.now).unwrap()
}

/// The same, and it hears early media: its number (RSeq) and our tag.
fn hears_early_media(bench: &mut Bench, invite: &str) -> (SessionId, String, String) {
    let session = called(bench, invite);
    bench.agent.progress(session, 183, Some(sdp("v=0 early")), bench.now);
    let sent = bench.texts().remove(0);
    assert!(sent.starts_with("SIP/2.0 183 ") && sent.ends_with("v=0 early"));
    assert_eq!(header(&sent, "Require"), "100rel");
    (session, header(&sent, "RSeq").to_owned(), to_tag(&sent))
}

fn prack(number: u32, rseq: &str, tag: &str, more: &str) -> String {
    inside("PRACK", number, &format!("prack{number}"), tag, &format!("RAck: {rseq} 1 INVITE\r\n{more}"))
}

#[test]
fn what_has_sdp_is_repeated_until_its_prack_and_not_said_again() {
    let mut bench = Bench::new();
    let (session, rseq, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    assert_eq!(bench.advance(ms(7_600)), ["SIP/2.0 183 Session Progress"; 4], "after 0.5, 1.5, 3.5 and 7.5 s");
    assert_eq!(bench.ask(&prack(2, &rseq, &tag, "")), ["SIP/2.0 200 OK"]);
    assert!(bench.advance(secs(40)).is_empty());
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    let answer = bench.texts().remove(0);
    assert!(answer.starts_with("SIP/2.0 200 OK") && answer.ends_with("\r\n\r\n"), "RFC 3261 §13.2.1: {answer}");
    bench.receive(&inside("ACK", 1, "ack", &tag, ""));
    assert_eq!(bench.session_events(), [SessionEvent::Confirmed { sdp: None }]);
}

#[test]
fn a_peer_that_only_supports_it_need_not_confirm_what_has_no_sdp() {
    let mut bench = Bench::new();
    let session = called(&mut bench, &invite("1", SUPPORTED));
    bench.agent.progress(session, 180, None, bench.now);
    let ringing = bench.texts().remove(0);
    assert_eq!((header(&ringing, "Require"), header(&ringing, "RSeq")), ("", ""));
    assert!(bench.advance(secs(50)).is_empty());
}

#[test]
fn a_peer_that_requires_it_confirms_one_after_the_other() {
    let mut bench = Bench::new();
    let session = called(&mut bench, &invite("1", REQUIRED));
    bench.agent.progress(session, 180, None, bench.now);
    bench.agent.progress(session, 183, Some(sdp("v=0 early")), bench.now);
    let first = bench.texts();
    assert_eq!(first.len(), 1, "RFC 3262 §3: the second waits");
    let (rseq, tag) = (header(&first[0], "RSeq").parse::<u32>().unwrap(), to_tag(&first[0]));
    bench.receive(&prack(2, &rseq.to_string(), &tag, ""));
    let sent = bench.texts();
    assert!(sent[0].starts_with("SIP/2.0 200 OK") && sent[1].starts_with("SIP/2.0 183 "));
    assert_eq!(header(&sent[1], "RSeq"), (rseq + 1).to_string());
    bench.receive(&prack(3, &(rseq + 1).to_string(), &tag, ""));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    let again = bench.advance(secs(60));
    assert_eq!(again.first().map(String::as_str), Some("SIP/2.0 183 Session Progress"), "RFC 3261 §13.3.1.1");
}

#[test]
fn a_prack_of_nothing_is_481_and_one_without_rack_is_400() {
    let mut bench = Bench::new();
    let (_, rseq, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    let other = (rseq.parse::<u32>().unwrap() + 1).to_string();
    assert_eq!(bench.ask(&prack(2, &other, &tag, "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    let wrong_invite = prack(3, &rseq, &tag, "").replace("1 INVITE\r\n", "7 INVITE\r\n");
    assert_eq!(bench.ask(&wrong_invite), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    assert_eq!(bench.ask(&inside("PRACK", 4, "p4", &tag, "")), ["SIP/2.0 400 PRACK needs RAck"]);
    assert_eq!(bench.ask(&prack(5, &rseq, &tag, "")), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.ask(&prack(6, &rseq, &tag, "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"], "once");
}

#[test]
fn a_call_whose_early_media_nobody_confirms_is_refused_and_lost() {
    let mut bench = Bench::new();
    let (_, _, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    let sent = bench.advance(secs(32));
    assert_eq!(sent.last().map(String::as_str), Some("SIP/2.0 504 No PRACK"));
    assert_eq!(bench.session_events(), [SessionEvent::Lost]);
    bench.ask(&inside("ACK", 1, "1", &tag, ""));
    bench.nothing_is_left();
}

#[test]
fn the_answer_waits_for_the_prack() {
    let mut bench = Bench::new();
    let (session, rseq, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    assert!(bench.lines().is_empty(), "RFC 3262 §3");
    assert_eq!(bench.ask(&prack(2, &rseq, &tag, "")), ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
    bench.ask(&inside("ACK", 1, "ack", &tag, ""));
    assert_eq!(bench.session_events(), [SessionEvent::Confirmed { sdp: None }]);
}

#[test]
fn who_hangs_up_while_the_answer_waits_is_heard() {
    let mut bench = Bench::new();
    let (session, _, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    assert_eq!(bench.ask(&outside("CANCEL", "1", "")), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(bench.session_events(), [SessionEvent::Cancelled { cause: None }]);
    bench.ask(&inside("ACK", 1, "1", &tag, ""));
    bench.nothing_is_left();
}

#[test]
fn an_offer_in_the_prack_is_answered_in_its_200() {
    let mut bench = Bench::new();
    let (session, rseq, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    bench.receive(&with_body(&prack(2, &rseq, &tag, SDP), "v=0 more"));
    assert!(bench.lines().is_empty());
    assert_eq!(bench.session_events(), [SessionEvent::Offered { sdp: Some(sdp("v=0 more")) }]);
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    assert!(bench.lines().is_empty(), "one offer after the other");
    bench.agent.answer(session, sdp("v=0 fine"), bench.now);
    let sent = bench.texts();
    assert!(header(&sent[0], "CSeq") == "2 PRACK" && sent[0].ends_with("v=0 fine"));
    assert_eq!(header(&sent[1], "CSeq"), "1 INVITE");
}

#[test]
fn an_invite_without_offer_is_offered_early_and_answered_in_the_prack() {
    let mut bench = Bench::new();
    let (session, rseq, tag) = hears_early_media(&mut bench, &outside("INVITE", "1", &format!("{CONTACT}{SUPPORTED}")));
    bench.receive(&with_body(&prack(2, &rseq, &tag, SDP), "v=0 theirs"));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.session_events(), [SessionEvent::Answered { sdp: sdp("v=0 theirs") }]);
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    assert!(bench.texts()[0].ends_with("\r\n\r\n"));
}

#[test]
fn a_late_prack_of_what_had_no_sdp_is_answered_after_the_call_is() {
    let mut bench = Bench::new();
    let session = called(&mut bench, &invite("1", REQUIRED));
    bench.agent.progress(session, 180, None, bench.now);
    let ringing = bench.texts().remove(0);
    let (rseq, tag) = (header(&ringing, "RSeq").to_owned(), to_tag(&ringing));
    bench.agent.accept(session, sdp("v=0 ours"), bench.now);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.ask(&prack(2, &rseq, &tag, "")), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.ask(&prack(3, &rseq, &tag, "")), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
}

#[test]
fn while_it_rings_an_update_offers_anew_in_both_directions() {
    let mut bench = Bench::new();
    let (session, rseq, tag) = hears_early_media(&mut bench, &invite("1", SUPPORTED));
    let update = |number: u32| {
        let head = inside("UPDATE", number, &format!("u{number}"), &tag, &format!("{CONTACT}{SDP}"));
        with_body(&head, "v=0 hold")
    };
    bench.receive(&update(2));
    let early = bench.texts().remove(0);
    assert!(early.starts_with("SIP/2.0 500 ") && !header(&early, "Retry-After").is_empty(), "RFC 3311 §5.2");
    bench.ask(&prack(3, &rseq, &tag, ""));
    bench.receive(&update(4));
    assert_eq!(bench.session_events(), [SessionEvent::Offered { sdp: Some(sdp("v=0 hold")) }]);
    bench.agent.answer(session, sdp("v=0 held"), bench.now);
    assert!(bench.texts()[0].ends_with("v=0 held"));

    bench.agent.offer(session, sdp("v=0 music"), bench.now);
    let ours = bench.texts().remove(0);
    assert!(ours.starts_with("UPDATE sip:200@192.0.2.2:5060 SIP/2.0") && ours.ends_with("v=0 music"));
    assert_eq!(bench.ask(&update(5)), ["SIP/2.0 491 Request Pending"], "glare");
    bench.receive(&with_body(&response(&ours, "200 OK", "", SDP), "v=0 heard"));
    assert_eq!(bench.session_events(), [SessionEvent::Answered { sdp: sdp("v=0 heard") }]);
}

/// A response of the far end that wants to be confirmed.
fn reliable(request: &str, status: &str, tag: &str, rseq: u32, body: &str) -> String {
    let more =
        format!("{CONTACT}{SUPPORTED}Require: 100rel\r\nRSeq: {rseq}\r\n{}", if body.is_empty() { "" } else { SDP });
    with_body(&response(request, status, tag, &more), body)
}

#[test]
fn each_reliable_response_is_confirmed_once_and_in_order() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    assert!(header(&request, "Supported").contains("100rel"));
    let early = reliable(&request, "183 Session Progress", "a", 700, "v=0 early");
    bench.receive(&early);
    let prack = bench.texts().remove(0);
    assert!(prack.starts_with("PRACK sip:200@192.0.2.2:5060 SIP/2.0"));
    assert_eq!((header(&prack, "RAck"), header(&prack, "CSeq")), ("700 1 INVITE", "2 PRACK"));
    assert!(header(&prack, "To").ends_with(";tag=a"));
    assert!(bench.ask(&early).is_empty(), "the PRACK repeats itself");
    assert!(bench.ask(&reliable(&request, "180 Ringing", "a", 702, "")).is_empty(), "701 is missing");
    bench.receive(&response(&prack, "200 OK", "", ""));
    bench.receive(&reliable(&request, "180 Ringing", "a", 701, ""));
    assert_eq!(header(&bench.texts()[0], "CSeq"), "3 PRACK");
    let heard = bench.session_events();
    let progress = |status, sdp| SessionEvent::Progress { status, sdp };
    assert_eq!(heard, [progress(183, Some(sdp("v=0 early"))), progress(180, None)]);
    bench.receive(&response(&request, "200 OK", "a", CONTACT));
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: sdp("v=0 early") }]);
    bench.sent();
    bench.agent.hang_up(session, None, bench.now);
    assert_eq!(header(&bench.texts()[0], "CSeq"), "4 BYE", "the early dialog counts on");
}

#[test]
fn each_branch_of_a_fork_has_its_own_dialog_media_and_numbers() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    for (tag, rseq, body) in [("a", 10, "v=0 a"), ("b", 90, "v=0 b")] {
        bench.receive(&reliable(&request, "183 Session Progress", tag, rseq, body));
        let prack = bench.texts().remove(0);
        assert_eq!((header(&prack, "CSeq"), to_tag(&prack).as_str()), ("2 PRACK", tag));
    }
    bench.receive(&response(&request, "199 Early Dialog Terminated", "b", ""));
    let media: Vec<_> = bench.session_events();
    let progress = |text| SessionEvent::Progress { status: 183, sdp: Some(sdp(text)) };
    assert_eq!(media, [progress("v=0 a"), progress("v=0 b"), progress("v=0 a")], "RFC 6228: back to the other");
    bench.receive(&response(&request, "200 OK", "a", CONTACT));
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: sdp("v=0 a") }]);
    bench.sent();
    assert_eq!(bench.ask(&accepting(&request, "b")).len(), 2, "ACK and BYE for the late one");
    bench.agent.hang_up(session, None, bench.now);
    let bye = bench.texts().remove(0);
    assert_eq!((header(&bye, "CSeq"), to_tag(&bye).as_str()), ("3 BYE", "a"));
}

#[test]
fn our_new_offer_to_a_branch_that_loses_is_made_to_the_one_that_answers() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    bench.receive(&reliable(&request, "183 Session Progress", "a", 10, "v=0 a"));
    bench.sent();
    bench.agent.offer(session, sdp("v=0 new"), bench.now);
    let update = bench.texts().remove(0);
    assert!(update.starts_with("UPDATE ") && to_tag(&update) == "a");
    assert!(header(&update, "Allow").contains("UPDATE"));
    bench.receive(&accepting(&request, "b"));
    let sent = bench.texts();
    assert!(sent[0].starts_with("ACK "));
    assert!(sent[1].starts_with("INVITE ") && sent[1].ends_with("v=0 new") && to_tag(&sent[1]) == "b");
    bench.receive(&response(&update, "481 Gone", "", ""));
    assert!(!bench.session_events().contains(&SessionEvent::Lost), "that was the other branch");
}

#[test]
fn an_update_of_the_far_end_while_it_rings_is_answered_by_us() {
    let mut bench = Bench::new();
    let session = bench.calls(None);
    let request = bench.texts().remove(0);
    let ours = header(&request, "From").split(";tag=").nth(1).unwrap().to_owned();
    let call_id = header(&request, "Call-ID").to_owned();
    let update = |number: u32| {
        let head = inside("UPDATE", number, &format!("u{number}"), &ours, &format!("{CONTACT}{SDP}"));
        with_body(&head.replace("tag=peer", "tag=a").replace("Call-ID: one", &format!("Call-ID: {call_id}")), "v=0 b")
    };
    assert_eq!(bench.ask(&update(1)), ["SIP/2.0 491 Request Pending"], "our offer has no answer yet");
    bench.receive(&reliable(&request, "183 Session Progress", "a", 10, "v=0 a"));
    bench.sent();
    bench.events();
    bench.receive(&update(2));
    assert_eq!(bench.session_events(), [SessionEvent::Offered { sdp: Some(sdp("v=0 b")) }]);
    bench.agent.answer(session, sdp("v=0 ours"), bench.now);
    assert!(bench.texts()[0].ends_with("v=0 ours"));
    bench.receive(&response(&request, "200 OK", "a", CONTACT));
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: sdp("v=0 b") }], "what it said last");
}

#[test]
fn our_invite_without_offer_is_answered_in_the_prack_or_in_the_ack() {
    let mut bench = Bench::new();
    let session = bench.calls_with(None, Vec::new(), Bytes::new());
    let request = bench.texts().remove(0);
    bench.receive(&reliable(&request, "183 Session Progress", "a", 10, "v=0 offer"));
    assert!(bench.lines().is_empty(), "the PRACK waits for our answer");
    let heard = bench.session_events();
    assert_eq!(heard.first(), Some(&SessionEvent::Offered { sdp: Some(sdp("v=0 offer")) }));
    bench.agent.answer(session, sdp("v=0 answer"), bench.now);
    let prack = bench.texts().remove(0);
    assert!(prack.starts_with("PRACK ") && prack.ends_with("v=0 answer"));

    let mut bench = Bench::new();
    let session = bench.calls_with(None, Vec::new(), Bytes::new());
    let request = bench.texts().remove(0);
    bench.receive(&accepting(&request, "a"));
    assert!(bench.lines().is_empty(), "the ACK waits for our answer");
    assert_eq!(bench.session_events(), [SessionEvent::Accepted { sdp: sdp("v=0 answer") }]);
    bench.receive(&accepting(&request, "a"));
    bench.agent.answer(session, sdp("v=0 ours"), bench.now);
    let ack = bench.texts().remove(0);
    assert!(ack.starts_with("ACK ") && ack.ends_with("v=0 ours"));
    bench.receive(&accepting(&request, "a"));
    assert_eq!(bench.texts(), [ack], "as often as the 200 comes");
}

#[test]
fn who_hangs_up_instead_of_answering_the_offer_acknowledges_first() {
    let mut bench = Bench::new();
    let session = bench.calls_with(None, Vec::new(), Bytes::new());
    let request = bench.texts().remove(0);
    bench.receive(&accepting(&request, "a"));
    bench.agent.hang_up(session, None, bench.now);
    let lines = bench.lines();
    assert_eq!(lines, ["ACK sip:200@192.0.2.2:5060 SIP/2.0", "BYE sip:200@192.0.2.2:5060 SIP/2.0"]);
}
