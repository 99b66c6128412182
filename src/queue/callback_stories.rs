//! Stories of those who are to be called back, told on virtual time.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::queue::callbacks::BookError;
use crate::queue::callbacks::Booked;
use crate::queue::callbacks::CallbackState;
use crate::queue::callbacks::Callbacks;
use crate::queue::callbacks::LOOKS_AGAIN;
use crate::queue::callbacks::Outlook;
use crate::queue::callbacks::TryResult;
use crate::queue::callbacks::WAITS_FOR_A_WAY;
use crate::queue::callbacks::Wish;
use crate::queue::config::Config;

#[test]
fn who_has_waited_longest_is_called_first_and_one_for_each_free_agent() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 10), now, wall);
    book(&mut callbacks, wish("+552", 90), now, wall);
    assert_eq!(due(&mut callbacks, now, Outlook { free: 2, ..FREE }).as_deref(), Some("+552"));
    assert_eq!(due(&mut callbacks, now, FREE), None, "one is under way");
    assert_eq!(due(&mut callbacks, now, Outlook { free: 2, ..FREE }).as_deref(), Some("+551"));
}

#[test]
fn nobody_who_waits_on_the_line_is_passed_over() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 30), now, wall);
    assert_eq!(due(&mut callbacks, now, busy(31)), None);
    assert_eq!(due(&mut callbacks, now, Outlook { free: 0, longest_wait: None, signed_in: 1 }), None);
    assert_eq!(due(&mut callbacks, now, Outlook { signed_in: 0, ..FREE }), None, "nobody is there");
    assert_eq!(due(&mut callbacks, now, busy(29)).as_deref(), Some("+551"), "he would be the next");
}

#[test]
fn one_booking_a_number_and_so_many_a_queue() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 0), now, wall);
    assert!(matches!(callbacks.book(wish("+551", 0), now, wall), Ok(Booked::Before(_))));
    book(&mut callbacks, wish("+552", 0), now, wall);
    assert_eq!(callbacks.book(wish("+553", 0), now, wall), Err(BookError::Full { open: 2 }));
    assert!(matches!(callbacks.book(wish("+552", 0), now, wall), Ok(Booked::Before(_))));
    assert_eq!(callbacks.cancel("cb_+551").unwrap().state, CallbackState::Canceled);
    assert!(callbacks.book(wish("+553", 0), now, wall).is_ok());
    let other = Wish { queue: "nada".to_owned(), ..wish("+554", 0) };
    assert!(matches!(callbacks.book(other, now, wall), Err(BookError::UnknownQueue(_))));
}

#[test]
fn tries_are_bounded_and_spaced() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 0), now, wall);
    due(&mut callbacks, now, FREE).unwrap();
    callbacks.on_called("cb_+551", "call_2", wall);
    let after = callbacks.on_tried("cb_+551", TryResult::Busy, now, wall).unwrap();
    assert_eq!((after.state, after.tries.len()), (CallbackState::Waiting, 1));
    assert_eq!(due(&mut callbacks, now + secs(599), FREE), None);
    assert_eq!(callbacks.poll_timeout(now), Some(now + secs(600)));
    due(&mut callbacks, now + secs(600), FREE).unwrap();
    callbacks.on_called("cb_+551", "call_3", wall);
    let last = callbacks.on_tried("cb_+551", TryResult::NoAnswer, now + secs(600), wall).unwrap();
    assert_eq!((last.state, last.tries.len()), (CallbackState::Failed, 2));
    assert!(callbacks.is_empty());
}

#[test]
fn a_try_that_the_servers_end_cut_off_neither_counts_nor_makes_him_wait() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 0), now, wall);
    for _ in 0..3 {
        due(&mut callbacks, now, FREE).unwrap();
        callbacks.on_called("cb_+551", "call_2", wall);
        let cut = callbacks.on_tried("cb_+551", TryResult::Interrupted, now, wall).unwrap();
        assert_eq!((cut.state, cut.next_try), (CallbackState::Waiting, wall));
    }
}

#[test]
fn while_no_trunk_takes_a_call_nobody_loses_a_try_or_his_turn() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 90), now, wall);
    book(&mut callbacks, wish("+552", 10), now, wall);
    assert_eq!(due(&mut callbacks, now, FREE).as_deref(), Some("+551"));
    callbacks.put_off("cb_+551", now);
    assert_eq!(callbacks.find("cb_+551").unwrap().tries, []);
    assert_eq!(callbacks.poll_timeout(now), Some(now + WAITS_FOR_A_WAY));
    assert_eq!(due(&mut callbacks, now + WAITS_FOR_A_WAY, FREE).as_deref(), Some("+551"));
}

#[test]
fn outside_of_the_hours_nobody_is_called() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 0), now, wall);
    assert!(callbacks.due(now, |hours| hours != "comercial", |_| FREE).is_none());
    assert_eq!(callbacks.poll_timeout(now), Some(now + LOOKS_AGAIN));
    assert!(callbacks.due(now + LOOKS_AGAIN, |hours| hours == "comercial", |_| FREE).is_some());
}

#[test]
fn a_restart_keeps_the_place_and_a_cut_off_try_does_not_count() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    book(&mut callbacks, wish("+551", 60), now, wall);
    due(&mut callbacks, now, FREE).unwrap();
    callbacks.on_called("cb_+551", "call_2", wall);
    let kept = serde_json::to_string(&callbacks.list()).unwrap();
    let later = wall.checked_add(secs(120)).unwrap();
    let mut callbacks = Callbacks::new(&queues(), serde_json::from_str(&kept).unwrap(), now, later);
    assert_eq!(due(&mut callbacks, now, busy(179)).as_deref(), Some("+551"));
    callbacks.on_called("cb_+551", "call_3", later);
    let tried = callbacks.on_tried("cb_+551", TryResult::NoAnswer, now, later).unwrap();
    assert_eq!(tried.state, CallbackState::Waiting, "the first of two that count");
}

#[test]
fn who_names_two_numbers_in_one_call_can_be_called_at_both() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    let call = "call_1".to_owned();
    callbacks.book(Wish { call: call.clone(), ..wish("+551", 10) }, now, wall).unwrap();
    book(&mut callbacks, Wish { call, ..wish("+552", 0) }, now, wall);
    let both = Outlook { free: 2, ..FREE };
    assert_eq!(due(&mut callbacks, now, both).as_deref(), Some("+551"));
    assert_eq!(due(&mut callbacks, now, both).as_deref(), Some("+552"));
}

#[test]
fn nobody_is_called_in_the_call_in_which_he_books() {
    let (now, wall) = start();
    let mut callbacks = Callbacks::new(&queues(), Vec::new(), now, wall);
    callbacks.book(wish("+551", 0), now, wall).unwrap();
    assert_eq!(due(&mut callbacks, now + secs(60), FREE), None);
    assert_eq!(callbacks.poll_timeout(now), None);
    callbacks.release("call_other", now);
    assert_eq!(callbacks.poll_timeout(now), None);
    callbacks.release("call_+551", now + secs(65));
    assert_eq!(callbacks.poll_timeout(now), Some(now + secs(65)));
    assert_eq!(due(&mut callbacks, now + secs(65), FREE).as_deref(), Some("+551"));
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> (Instant, Timestamp) {
    (Instant::now(), "2026-11-23T12:39:00-03:00".parse().unwrap())
}

fn queues() -> Vec<Config> {
    vec![Config {
        max_callbacks: 2,
        callback_tries: 2,
        callback_spacing: secs(600),
        ..Config::named("vendas", &["200"])
    }]
}

fn wish(number: &str, waited: u64) -> Wish {
    Wish {
        id: format!("cb_{number}"),
        queue: "vendas".to_owned(),
        number: number.to_owned(),
        from: "+551140031234".to_owned(),
        language: "pt-BR".to_owned(),
        call: format!("call_{number}"),
        hours: Some("comercial".to_owned()),
        waited: secs(waited),
    }
}

const FREE: Outlook = Outlook { signed_in: 1, free: 1, longest_wait: None };

fn busy(longest: u64) -> Outlook {
    Outlook { signed_in: 1, free: 0, longest_wait: Some(secs(longest)) }
}

/// Books, and hangs up.
fn book(callbacks: &mut Callbacks, wish: Wish, now: Instant, wall: Timestamp) {
    let call = wish.call.clone();
    callbacks.book(wish, now, wall).unwrap();
    callbacks.release(&call, now);
}

fn due(callbacks: &mut Callbacks, now: Instant, outlook: Outlook) -> Option<String> {
    callbacks.due(now, |_| true, |_| outlook).map(|callback| callback.number)
}
