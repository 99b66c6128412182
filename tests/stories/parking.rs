//! Callers who are parked, picked up by another phone, or forgotten.

use desvio::call::record::Status;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::ParkedView;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

/// The business is answered by Ana; `*70` parks, `*71` takes from slot 701.
const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"
code \"*70\" flow=\"vaga\"
code \"*71\" flow=\"pegar\"
flow \"entrada\" { dial \"200\" }
flow \"vaga\" {
    park first=701 last=702 up-to=\"60s\" {
        full { play \"all-busy\" }
    }
    play \"nobody-available\"
    hangup
}
flow \"pegar\" {
    answer
    pickup \"701\" {
        nobody { play \"goodbye\" }
    }
    hangup
}
";

/// The customer talks to Ana.
fn talking() -> (Bench, PhoneId, PhoneId, PhoneId) {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    let customer = pbx.customer_calls();
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    (pbx, ana, bruno, customer)
}

/// … and Ana has transferred him to the lot without asking.
fn parked() -> (Bench, PhoneId, PhoneId, PhoneId) {
    let (mut pbx, ana, bruno, customer) = talking();
    pbx.does(ana, |phone, now| phone.refers("<sip:*70@desvio.test>", &[], now));
    pbx.advance(secs(5));
    pbx.hears(customer, "default");
    (pbx, ana, bruno, customer)
}

fn doing(pbx: &mut Bench) -> Vec<String> {
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list of calls") };
    let mut doing: Vec<String> = calls.into_iter().map(|call| call.doing).collect();
    doing.sort();
    doing
}

#[test]
fn a_caller_who_was_transferred_to_the_lot_is_picked_up_by_a_colleague() {
    let (mut pbx, ana, bruno, customer) = parked();
    assert_eq!(doing(&mut pbx), ["parked in 701"]);
    assert!(pbx.was_published("call.parked"));
    let told: Vec<&String> = pbx.phones[ana.0].texts.iter().collect();
    assert_eq!(told, [&format!("{CUSTOMER} espera na vaga 701.")], "who parked him reads where he is");
    pbx.calls(bruno, None, "*71");
    pbx.are_talking(customer, bruno);
    pbx.advance(secs(30));
    pbx.hangs_up(bruno);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    let record = pbx.store.records.iter().find(|record| record.from == CUSTOMER).expect("a record");
    assert_eq!((record.status, record.agent.as_deref()), (Status::Completed, Some("201")));
    assert!(tells(record, "parked in slot 701") && tells(record, "picked up by 201"), "{record:?}");
    assert!(record.steps.iter().any(|step| step.what.ends_with("somebody picked the caller up")), "{record:?}");
    assert!(pbx.was_published("call.picked-up"));
}

#[test]
fn who_parks_by_a_consultation_hears_the_slot_first() {
    let (mut pbx, ana, bruno, customer) = talking();
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "*70");
    pbx.advance(secs(5));
    assert_eq!(pbx.heard(ana)[..3], ["digit-7", "digit-0", "digit-1"]);
    pbx.does(ana, |phone, now| phone.joins_both(now));
    pbx.advance(secs(5));
    pbx.hears(customer, "default");
    assert!(!pbx.heard(customer).iter().any(|name| name == "digit-7"), "the slot is nothing to the customer");
    pbx.calls(bruno, None, "*71");
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(customer);
    pbx.ended(bruno, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_caller_whom_nobody_picks_up_comes_back_to_who_parked_him() {
    let (mut pbx, ana, _, customer) = parked();
    pbx.is_silent(ana);
    pbx.advance(secs(56));
    pbx.rings(ana);
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    let record = pbx.store.records.iter().find(|record| record.from == CUSTOMER).expect("a record");
    assert!(tells(record, "comes back to 200"), "{record:?}");
}

#[test]
fn and_where_that_one_has_gone_home_the_flow_goes_on() {
    let (mut pbx, ana, _, customer) = parked();
    pbx.advance(secs(56));
    pbx.rings(ana);
    pbx.advance(secs(31));
    pbx.is_silent(ana);
    pbx.hears(customer, "nobody-available");
    pbx.all_is_quiet();
}

#[test]
fn a_parked_caller_who_hangs_up_leaves_his_slot() {
    let (mut pbx, _, bruno, customer) = parked();
    pbx.hangs_up(customer);
    pbx.calls(bruno, None, "*71");
    pbx.advance(secs(1));
    pbx.hears(bruno, "goodbye");
    pbx.all_is_quiet();
}

#[test]
fn the_server_that_shuts_down_lets_the_parked_go() {
    let (mut pbx, _, _, customer) = parked();
    pbx.input(desvio::switch::input::Input::Drain);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
}

#[test]
fn two_who_pick_up_at_once_get_one_caller() {
    let (mut pbx, ana, bruno, customer) = parked();
    pbx.advance(secs(5));
    pbx.calls(bruno, None, "*71");
    pbx.calls(ana, None, "*71");
    pbx.are_talking(customer, bruno);
    pbx.hears(ana, "goodbye");
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn a_lot_without_a_free_slot_takes_its_branch() {
    let (mut pbx, ana, bruno, _) = parked();
    pbx.advance(secs(5));
    pbx.calls(bruno, None, "*70");
    assert_eq!(doing(&mut pbx), ["parked in 701", "parked in 702"]);
    pbx.calls(ana, None, "*70");
    pbx.hears(ana, "all-busy");
    pbx.hangs_up(bruno);
    pbx.advance(secs(200));
    pbx.all_is_quiet();
}

#[test]
fn nobody_outside_can_dial_a_code() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some(CUSTOMER), "*71");
    pbx.ended(carrier, "404");
    pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
    pbx.all_is_quiet();
}

#[test]
fn nobody_outside_is_led_to_a_code_by_a_transfer_of_his_own() {
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", "transfer = true");
    let mut pbx = Bench::build(&config, PLAN);
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.picks_up(ana);
    pbx.does(customer, |phone, now| phone.refers("<sip:*70@desvio.test>", &[], now));
    assert_eq!(pbx.answered(customer), 404);
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

fn list(pbx: &mut Bench) -> Vec<ParkedView> {
    match pbx.asks(Command::Parking) {
        Ok(Answer::Parking(parked)) => parked,
        other => panic!("{other:?}\n{}", pbx.trace),
    }
}

#[test]
fn the_lot_tells_who_waits_where_since_when_who_parked_him_and_until_when() {
    let (mut pbx, ana, bruno, customer) = parked();
    let parked = list(&mut pbx);
    assert_eq!(parked.len(), 1);
    let ParkedView { slot, call, caller, parked_by, since, until } = &parked[0];
    assert_eq!((*slot, caller.as_str(), parked_by.as_deref()), (701, CUSTOMER, Some("200")));
    assert!(call.0.starts_with("call_"), "{call}");
    assert_eq!(until.duration_since(*since).as_secs(), 60);
    pbx.calls(bruno, None, "*71");
    pbx.are_talking(bruno, customer);
    assert_eq!(list(&mut pbx), []);
    pbx.hangs_up(bruno);
    pbx.advance(secs(5));
    pbx.is_silent(ana);
}

#[test]
fn a_lamp_burns_while_somebody_waits_in_its_slot() {
    let (mut pbx, ana, bruno, customer) = talking();
    for (slot, answer) in [("701", 200), ("999", 404)] {
        pbx.does(bruno, |phone, now| phone.subscribes("dialog", slot, 3600, now));
        assert_eq!(pbx.answered(bruno), answer, "{slot}");
    }
    let last = |pbx: &Bench| pbx.phones[bruno.0].notice().body.clone();
    assert!(last(&pbx).contains("entity=\"sip:701@desvio.test\"") && last(&pbx).contains("<state>terminated</state>"));
    pbx.does(ana, |phone, now| phone.refers("<sip:*70@desvio.test>", &[], now));
    pbx.advance(secs(5));
    let burning = last(&pbx);
    assert!(burning.contains("<state>confirmed</state>") && burning.contains(CUSTOMER), "{burning}");
    pbx.hangs_up(customer);
    assert!(last(&pbx).contains("<state>terminated</state>"), "{}", last(&pbx));
    pbx.does(bruno, |phone, now| phone.subscribes("presence", "701", 3600, now));
    assert_eq!(pbx.answered(bruno), 404, "nobody is on the phone there");
}
