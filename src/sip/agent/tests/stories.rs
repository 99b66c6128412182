//! Calls between two agents over a virtual network.

use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::tests::net::CALLEE;
use crate::sip::agent::tests::net::CALLER;
use crate::sip::agent::tests::net::Net;
use crate::sip::agent::tests::net::sdp;
use crate::sip::agent::tests::weather::Weather;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;

/// A call that stands: the sessions of caller and callee.
fn talking(net: &mut Net) -> (SessionId, SessionId) {
    let ours = net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.accept(theirs, sdp("answer"), now));
    net.advance(ms(100));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::Accepted { sdp: sdp("answer") }]);
    assert_eq!(net.sessions_heard(CALLEE), [SessionEvent::Confirmed { sdp: None }]);
    (ours, theirs)
}

#[test]
fn a_call_rings_is_answered_and_hung_up_by_the_caller() {
    let mut net = Net::new(1, Weather::FAIR);
    let ours = net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.progress(theirs, 180, None, now));
    net.advance(secs(5));
    net.act(CALLEE, |agent, now| agent.accept(theirs, sdp("answer"), now));
    net.advance(ms(100));
    let heard = net.sessions_heard(CALLER);
    assert_eq!(
        heard,
        [SessionEvent::Progress { status: 180, sdp: None }, SessionEvent::Accepted { sdp: sdp("answer") }]
    );
    net.act(CALLER, |agent, now| agent.hang_up(ours, Some(HangUpReason::q850(16)), now));
    net.advance(ms(100));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::HangUpDone]);
    assert_eq!(
        net.sessions_heard(CALLEE),
        [SessionEvent::Confirmed { sdp: None }, SessionEvent::HungUp { cause: Some(16) }]
    );
    net.nothing_is_left();
}

#[test]
fn both_hang_up_at_once() {
    let mut net = Net::new(2, Weather::FAIR);
    let (ours, theirs) = talking(&mut net);
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.act(CALLEE, |agent, now| agent.hang_up(theirs, None, now));
    net.advance(secs(1));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::HangUpDone]);
    assert_eq!(net.sessions_heard(CALLEE), [SessionEvent::HangUpDone]);
    net.nothing_is_left();
}

#[test]
fn the_callee_refuses() {
    let mut net = Net::new(3, Weather::FAIR);
    net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.reject(theirs, 486, None, now));
    net.advance(ms(100));
    let heard = net.sessions_heard(CALLER);
    assert!(
        matches!(heard.as_slice(), [SessionEvent::Refused { status: 486, reason, .. }] if reason == "Busy Here"),
        "{heard:?}"
    );
    net.nothing_is_left();
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    let mut net = Net::new(4, Weather::FAIR);
    let ours = net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.progress(theirs, 180, None, now));
    net.advance(secs(3));
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.advance(ms(200));
    assert_eq!(net.sessions_heard(CALLEE), [SessionEvent::Cancelled { cause: None }]);
    let progress = SessionEvent::Progress { status: 180, sdp: None };
    assert_eq!(net.sessions_heard(CALLER), [progress, SessionEvent::HangUpDone]);
    net.nothing_is_left();
}

#[test]
fn a_cancelled_call_cannot_be_taken_any_more() {
    let mut net = Net::new(5, Weather::FAIR);
    let ours = net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.advance(ms(200));
    assert_eq!(net.act(CALLEE, |agent, now| agent.take(transaction, now)), None);
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::HangUpDone]);
    net.nothing_is_left();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut net = Net::new(6, Weather::FAIR);
    let ours = net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.accept(theirs, sdp("answer"), now));
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.advance(secs(1));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::HangUpDone]);
    assert_eq!(
        net.sessions_heard(CALLEE),
        [SessionEvent::Confirmed { sdp: None }, SessionEvent::HungUp { cause: None }]
    );
    net.nothing_is_left();
}

#[test]
fn a_callee_who_hangs_up_before_the_ack_waits_for_it() {
    let mut net = Net::new(7, Weather::FAIR);
    net.call(CALLER);
    net.advance(ms(100));
    let transaction = net.invited(CALLEE);
    let theirs = net.act(CALLEE, |agent, now| agent.take(transaction, now)).unwrap();
    net.act(CALLEE, |agent, now| agent.accept(theirs, sdp("answer"), now));
    net.act(CALLEE, |agent, now| agent.hang_up(theirs, None, now));
    net.advance(secs(1));
    assert_eq!(net.sessions_heard(CALLEE), [SessionEvent::HangUpDone]);
    let accepted = SessionEvent::Accepted { sdp: sdp("answer") };
    assert_eq!(net.sessions_heard(CALLER), [accepted, SessionEvent::HungUp { cause: None }]);
    net.nothing_is_left();
}

#[test]
fn offers_go_both_ways_one_after_the_other() {
    let mut net = Net::new(8, Weather::FAIR);
    let (ours, theirs) = talking(&mut net);
    net.act(CALLEE, |agent, now| agent.offer(theirs, sdp("hold"), now));
    net.advance(ms(50));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::Offered { sdp: Some(sdp("hold")) }]);
    net.act(CALLER, |agent, now| agent.answer(ours, sdp("held"), now));
    net.act(CALLER, |agent, now| agent.offer(ours, sdp("resume"), now));
    net.advance(ms(100));
    let heard = net.sessions_heard(CALLEE);
    assert_eq!(
        heard,
        [SessionEvent::Answered { sdp: sdp("held") }, SessionEvent::Offered { sdp: Some(sdp("resume")) }]
    );
    net.act(CALLEE, |agent, now| agent.refuse_offer(theirs, 488, now));
    net.advance(ms(50));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::OfferRefused { status: 488 }]);
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.nothing_is_left();
}

#[test]
fn offers_that_collide_are_made_again_one_by_one() {
    let mut net = Net::new(9, Weather::FAIR);
    let (ours, theirs) = talking(&mut net);
    net.act(CALLER, |agent, now| agent.offer(ours, sdp("one"), now));
    net.act(CALLEE, |agent, now| agent.offer(theirs, sdp("two"), now));
    let mut heard = [Vec::new(), Vec::new()];
    for _ in 0..100 {
        net.advance(ms(100));
        for (who, session) in [(CALLER, ours), (CALLEE, theirs)] {
            for event in net.sessions_heard(who) {
                if matches!(event, SessionEvent::Offered { .. }) {
                    net.act(who, |agent, now| agent.answer(session, sdp("fine"), now));
                }
                heard[who].push(event);
            }
        }
    }
    let answered = SessionEvent::Answered { sdp: sdp("fine") };
    assert_eq!(heard[CALLER], [SessionEvent::Offered { sdp: Some(sdp("two")) }, answered.clone()]);
    assert_eq!(heard[CALLEE], [answered, SessionEvent::Offered { sdp: Some(sdp("one")) }]);
    net.act(CALLER, |agent, now| agent.hang_up(ours, None, now));
    net.nothing_is_left();
}

#[test]
fn a_far_end_that_vanished_is_noticed_by_both_kinds_of_orders() {
    let mut net = Net::new(10, Weather::FAIR);
    let (ours, theirs) = talking(&mut net);
    net.network.weather.lost = 100;
    net.act(CALLER, |agent, now| agent.offer(ours, sdp("hold"), now));
    net.act(CALLEE, |agent, now| agent.hang_up(theirs, None, now));
    net.advance(secs(33));
    assert_eq!(net.sessions_heard(CALLER), [SessionEvent::Lost]);
    assert_eq!(net.sessions_heard(CALLEE), [SessionEvent::HangUpDone]);
    net.nothing_is_left();
}
