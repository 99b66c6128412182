//! A dialplan that rings several phones together, says first what the call is about, and limits the talk.

use desvio::call::record::Status;
use desvio::sip::headers::Name;
use desvio::sip::method::Method;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

const ROUTED: &str = "number \"+551140031234\" flow=\"entrada\"\nroute \"+*\" trunk=\"operadora\"\n";

/// The customer has called; these steps have begun.
fn with_steps(steps: &str) -> (Bench, PhoneId, PhoneId, PhoneId) {
    let mut pbx = Bench::with_dialplan(&format!("{ROUTED}flow \"entrada\" {{\n{steps}\n}}\n"));
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    let customer = pbx.customer_calls();
    (pbx, ana, bruno, customer)
}

const TOGETHER: &str = "dial \"200\" \"201\" ring=\"together\" ring-for=\"20s\" {
    no-answer { play \"no-answer\" }
    busy { play \"all-busy\" }
    declined { play \"goodbye\" }
    unreachable { play \"nobody-available\" }
}
hangup";

const ANNOUNCED: &str = "dial \"200\" \"201\" ring=\"together\" announce=\"connecting\" {
    declined { play \"goodbye\" }
}";

const ACCEPTED: &str =
    "dial \"200\" \"201\" ring=\"together\" ring-for=\"20s\" announce=\"connecting\" accept-key=\"1\" {
    no-answer { play \"no-answer\" }
    declined { play \"goodbye\" }
}
hangup";

/// Whether this phone's ringing was ended with the word that another has the call.
fn was_told_elsewhere(pbx: &Bench, name: &str) -> bool {
    let to_it = format!("{name} ← CANCEL");
    pbx.trace.lines().any(|line| line.contains(&to_it) && line.contains("Call completed elsewhere"))
}

#[test]
fn two_phones_ring_together_and_the_one_that_answers_has_the_call() {
    let (mut pbx, ana, bruno, customer) = with_steps(TOGETHER);
    pbx.rings(ana);
    pbx.rings(bruno);
    pbx.advance(secs(4));
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list of calls") };
    assert_eq!(calls[0].doing, "ringing 200, 201");
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.is_silent(ana);
    assert!(was_told_elsewhere(&pbx, "200"), "{}", pbx.trace);
    pbx.advance(secs(60));
    pbx.hangs_up(bruno);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.status, record.agent.as_deref(), record.talk_ms), (Status::Completed, Some("201"), 60_000));
    assert!(tells(record, "200 rings (180)") && tells(record, "201 rings (180)"), "{record:?}");
}

#[test]
fn when_both_answer_at_once_one_talks_and_the_other_is_released() {
    let (mut pbx, ana, bruno, customer) = with_steps(TOGETHER);
    let now = pbx.now;
    pbx.phones[ana.0].picks_up(now);
    pbx.phones[bruno.0].picks_up(now);
    pbx.settle();
    pbx.are_talking(customer, ana);
    pbx.ended(bruno, "bye");
    pbx.hangs_up(customer);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.store.records.len(), 1);
}

#[test]
fn a_caller_who_hangs_up_in_between_silences_all() {
    let (mut pbx, ana, bruno, customer) = with_steps(TOGETHER);
    pbx.advance(secs(3));
    pbx.hangs_up(customer);
    pbx.is_silent(ana);
    pbx.is_silent(bruno);
    assert!(!was_told_elsewhere(&pbx, "200"), "that is a missed call: {}", pbx.trace);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Canceled);
}

#[test]
fn when_nobody_answers_all_fall_silent_after_ring_for() {
    let (mut pbx, ana, bruno, customer) = with_steps(TOGETHER);
    pbx.declines(ana, 603);
    pbx.advance(secs(19));
    pbx.rings(bruno);
    pbx.advance(secs(1));
    pbx.is_silent(bruno);
    pbx.advance(secs(1));
    pbx.hears(customer, "no-answer");
    pbx.all_is_quiet();
}

#[test]
fn of_several_refusals_the_first_in_the_order_of_outcomes_counts() {
    let outcome = |of_ana: u16, of_bruno: u16| {
        let (mut pbx, ana, bruno, customer) = with_steps(TOGETHER);
        pbx.declines(ana, of_ana);
        pbx.declines(bruno, of_bruno);
        pbx.advance(secs(2));
        let heard = pbx.heard(customer).pop();
        pbx.all_is_quiet();
        heard.unwrap_or_default()
    };
    assert_eq!(outcome(486, 603), "all-busy");
    assert_eq!(outcome(603, 486), "all-busy");
    assert_eq!(outcome(404, 603), "goodbye");
    assert_eq!(outcome(480, 486), "no-answer");
    assert_eq!(outcome(500, 404), "nobody-available");
}

#[test]
fn one_who_is_not_registered_keeps_nobody_else_from_ringing() {
    let mut pbx = Bench::with_dialplan(&format!("{ROUTED}flow \"entrada\" {{ {TOGETHER} }}\n"));
    let bruno = pbx.registered("201");
    let customer = pbx.customer_calls();
    pbx.rings(bruno);
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "no way to 200: no phone of it is registered"));
}

#[test]
fn nobody_at_all_takes_the_branch_at_once() {
    let mut pbx = Bench::with_dialplan(&format!("{ROUTED}flow \"entrada\" {{ {TOGETHER} }}\n"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hears(customer, "nobody-available");
    pbx.all_is_quiet();
}

#[test]
fn who_answers_hears_the_announcement_and_the_caller_goes_on_hearing_the_phone_ring() {
    let (mut pbx, ana, bruno, customer) = with_steps(&format!("answer\n{ANNOUNCED}"));
    pbx.picks_up(ana);
    pbx.is_silent(bruno);
    assert!(was_told_elsewhere(&pbx, "201"), "{}", pbx.trace);
    pbx.hears(ana, "connecting");
    assert!(pbx.is_played_to(customer) && !pbx.pump.hears(pbx.leg(customer), pbx.leg(ana)), "{}", pbx.trace);
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list of calls") };
    assert_eq!(calls[0].doing, "announced to 200");
    pbx.advance(secs(10));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "200 answers and hears `connecting`"));
}

#[test]
fn an_announcement_that_is_hung_up_on_was_a_no() {
    let (mut pbx, ana, _, customer) = with_steps(ANNOUNCED);
    pbx.picks_up(ana);
    pbx.hangs_up(ana);
    pbx.advance(secs(1));
    pbx.hears(customer, "goodbye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert!(tells(record, "200 hangs up on the announcement"), "{record:?}");
    assert_eq!((record.talk_ms, record.agent.as_deref()), (0, None));
}

#[test]
fn a_caller_who_hangs_up_during_the_announcement_ends_it() {
    let (mut pbx, ana, _, customer) = with_steps(ANNOUNCED);
    pbx.picks_up(ana);
    pbx.hangs_up(customer);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Canceled);
}

#[test]
fn where_a_key_takes_the_call_the_others_ring_until_it_is_pressed() {
    let (mut pbx, ana, bruno, customer) = with_steps(ACCEPTED);
    pbx.picks_up(ana);
    pbx.rings(bruno);
    pbx.advance(secs(4));
    pbx.presses(ana, "1");
    pbx.are_talking(customer, ana);
    pbx.is_silent(bruno);
    assert!(was_told_elsewhere(&pbx, "201"), "{}", pbx.trace);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "200 takes the call by pressing 1"));
}

#[test]
fn of_two_who_hear_the_announcement_the_first_key_counts() {
    let (mut pbx, ana, bruno, customer) = with_steps(ACCEPTED);
    pbx.picks_up(ana);
    pbx.picks_up(bruno);
    pbx.presses(bruno, "1");
    pbx.are_talking(customer, bruno);
    pbx.ended(ana, "bye");
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn another_key_declines_and_the_others_ring_on() {
    let (mut pbx, ana, bruno, customer) = with_steps(ACCEPTED);
    pbx.picks_up(ana);
    pbx.presses(ana, "2");
    pbx.ended(ana, "bye");
    pbx.rings(bruno);
    pbx.picks_up(bruno);
    pbx.presses(bruno, "5");
    pbx.advance(secs(1));
    pbx.hears(customer, "goodbye");
    pbx.all_is_quiet();
}

#[test]
fn a_mailbox_that_answers_is_asked_twice_and_then_given_up() {
    let (mut pbx, ana, bruno, customer) = with_steps(ACCEPTED);
    pbx.picks_up(ana);
    pbx.advance(secs(19));
    pbx.rings(bruno);
    pbx.advance(secs(2));
    assert!(
        pbx.phones[ana.0].up && pbx.phones[bruno.0].ringing.is_some(),
        "who listens is not interrupted by ring-for"
    );
    pbx.advance(secs(10));
    assert_eq!(pbx.heard(ana), ["connecting", "connecting"]);
    pbx.ended(ana, "bye");
    pbx.is_silent(bruno);
    pbx.hears(customer, "no-answer");
    pbx.all_is_quiet();
}

#[test]
fn a_number_of_ours_and_a_name_are_shown_in_the_callers_place() {
    let steps =
        "dial \"200\" \"+5511988887777\" ring=\"together\" caller-id=\"+551140031234\" caller-name=\"Loja: {caller}\"";
    let (mut pbx, ana, _, customer) = with_steps(steps);
    let from = pbx.phones[ana.0].last(&Method::Invite).headers.first(&Name::From).unwrap_or_default().to_owned();
    assert!(from.starts_with(&format!("\"Loja: {CUSTOMER}\" <sip:+551140031234@desvio.test>")), "{from}");
    let outside = pbx.phones[customer.0].last(&Method::Invite);
    let from = outside.headers.first(&Name::From).unwrap_or_default();
    assert!(from.contains("sip:+551140031234@198.51.100.9"), "{from}");
    pbx.picks_up(ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn music_is_heard_before_the_call_is_answered_and_costs_nothing() {
    let (mut pbx, ana, _, customer) = with_steps("dial \"200\" music=\"default\"");
    pbx.hears(customer, "default");
    assert!(!pbx.phones[customer.0].up, "{}", pbx.trace);
    pbx.does(ana, |phone, now| phone.rings_aloud(now));
    assert!(pbx.is_played_to(customer), "the phone's own sound does not take the place of the music");
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_talk_that_lasts_too_long_is_ended_and_the_caller_is_told() {
    let steps = "dial \"200\" up-to=\"10m\" {\n    too-long { play \"goodbye\" }\n}\nhangup";
    let (mut pbx, ana, _, customer) = with_steps(steps);
    pbx.picks_up(ana);
    pbx.advance(secs(599));
    pbx.are_talking(customer, ana);
    pbx.advance(secs(1));
    pbx.ended(ana, "bye");
    pbx.hears(customer, "goodbye");
    pbx.advance(secs(10));
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!(record.talk_ms, 600_000);
    assert!(record.steps.iter().any(|step| step.what.ends_with("the talk has lasted as long as it may")), "{record:?}");
}

#[test]
fn the_limit_also_ends_a_talk_that_was_transferred() {
    let (mut pbx, ana, bruno, customer) = with_steps("dial \"200\" up-to=\"10m\"");
    pbx.picks_up(ana);
    pbx.advance(secs(60));
    pbx.does(ana, |phone, now| phone.refers("<sip:201@desvio.test>", &[], now));
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.advance(secs(540));
    pbx.ended(bruno, "bye");
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
}
