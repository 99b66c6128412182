//! A flow that hands its caller on: by itself, or by asking his carrier.

use desvio::sip::digest::Guard;
use desvio::sip::digest::Question;
use desvio::sip::digest::Secret;
use desvio::sip::digest::Staleness;
use desvio::sip::digest::Verdict;
use desvio::sip::headers::Name;
use desvio::sip::message::Request;
use desvio::sip::method::Method;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

fn with_steps(steps: &str) -> (Bench, PhoneId, PhoneId) {
    let plan = format!(
        "number \"+551140031234\" flow=\"a\"\nroute \"+*\" trunk=\"operadora\"\nflow \"a\" {{\n    answer\n    {steps}\n    play \"goodbye\"\n    hangup\n}}\n"
    );
    let mut pbx = Bench::with_dialplan(&plan);
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    (pbx, ana, customer)
}

const REFER: &str = "transfer \"+5511988887777\" by=\"refer\"";

#[test]
fn the_phone_that_answers_has_the_caller_and_nothing_of_the_flow_follows() {
    let (mut pbx, ana, customer) = with_steps("transfer \"200\"");
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert!(pbx.only_record().steps.iter().any(|step| step.what.ends_with("the caller is handed on")));
}

#[test]
fn who_cannot_be_reached_leaves_the_caller_in_the_flow() {
    let (mut pbx, ana, customer) = with_steps("transfer \"200\" { busy { play \"all-busy\" } }");
    pbx.declines(ana, 486);
    pbx.hears(customer, "all-busy");
    pbx.advance(secs(20));
    pbx.hears(customer, "goodbye");
    pbx.all_is_quiet();
}

#[test]
fn a_queue_takes_the_caller_over() {
    let (mut pbx, ana, customer) = with_steps("transfer queue=\"vendas\"");
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_is_asked_connects_the_caller_and_he_leaves_us() {
    let (mut pbx, _, customer) = with_steps(REFER);
    let refer = pbx.phones[customer.0].last(&Method::Refer);
    assert_eq!(refer.headers.first(&Name::ReferTo), Some("<sip:+5511988887777@198.51.100.9>"));
    pbx.does(customer, |phone, now| phone.says_of_refer("SIP/2.0 100 Trying", now));
    assert!(pbx.phones[customer.0].up, "{}", pbx.trace);
    pbx.does(customer, |phone, now| phone.says_of_refer("SIP/2.0 200 OK", now));
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "the trunk has connected the caller with +5511988887777"));
}

#[test]
fn a_carrier_that_refuses_is_helped_out_by_ourselves() {
    let mut pbx = Bench::with_dialplan(&format!(
        "number \"+551140031234\" flow=\"a\"\nroute \"+*\" trunk=\"operadora\"\nflow \"a\" {{ answer; {REFER} }}\n"
    ));
    let customer = pbx.trunk();
    pbx.phones[customer.0].will_answer(Method::Refer, 603, &[]);
    pbx.calls(customer, Some(crate::bench::CUSTOMER), crate::bench::BUSINESS);
    let invite = pbx.phones[customer.0].last(&Method::Invite);
    assert!(invite.uri.to_string().contains("+5511988887777"), "{}", pbx.trace);
    pbx.advance(secs(120));
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "the trunk does not connect the caller: 603"));
}

#[test]
fn a_carrier_whose_call_fails_leaves_the_caller_to_us() {
    let (mut pbx, _, customer) = with_steps(REFER);
    pbx.does(customer, |phone, now| phone.says_of_refer("SIP/2.0 486 Busy Here", now));
    assert!(pbx.phones[customer.0].up);
    assert_eq!(pbx.phones[customer.0].requests.last().map(|request| request.method.clone()), Some(Method::Invite));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_says_nothing_more_has_the_caller_after_a_minute() {
    let (mut pbx, _, customer) = with_steps(REFER);
    pbx.advance(secs(61));
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_stranger_s_notice_about_no_transfer_moves_nothing() {
    let (mut pbx, ana, customer) = with_steps("dial \"200\"");
    pbx.picks_up(ana);
    pbx.does(customer, |phone, now| phone.says_of_refer("SIP/2.0 200 OK", now));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

/// A carrier that wants a password for a REFER, and one with which it may be asked.
fn carrier_that_asks(password: &str) -> (Bench, PhoneId, Guard) {
    let login = format!("username = \"desvio\"\npassword = \"{password}\"\nregister = false");
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", &login);
    let plan = format!(
        "number \"+551140031234\" flow=\"a\"\nroute \"+*\" trunk=\"operadora\"\nflow \"a\" {{\n    answer\n    {REFER}\n}}\n"
    );
    let mut pbx = Bench::build(&config, &plan);
    let carrier = pbx.trunk();
    let mut guard = Guard::new("operadora", [7; 32]);
    guard.admit("desvio", &Secret::Password("segredo".to_owned()));
    let challenge = guard.challenge(Question::new(Staleness::Fresh), pbx.now);
    let challenges: Vec<(Name, &str)> = challenge.iter().map(|it| (Name::WwwAuthenticate, it.as_str())).collect();
    pbx.phones[carrier.0].will_answer(Method::Refer, 401, &challenges);
    if password != "segredo" {
        pbx.phones[carrier.0].will_answer(Method::Refer, 401, &challenges);
    }
    pbx.calls(carrier, Some(crate::bench::CUSTOMER), crate::bench::BUSINESS);
    (pbx, carrier, guard)
}

#[test]
fn a_carrier_that_asks_for_a_password_before_it_connects_the_caller_gets_that_of_the_trunk() {
    let (mut pbx, carrier, mut guard) = carrier_that_asks("segredo");
    let refers: Vec<Request> =
        pbx.phones[carrier.0].requests.iter().filter(|it| it.method == Method::Refer).cloned().collect();
    let numbers: Vec<u32> = refers.iter().map(|refer| refer.headers.cseq().expect("a number").number).collect();
    assert_eq!(refers.len(), 2, "{}", pbx.trace);
    assert!(numbers[0] < numbers[1], "{numbers:?}");
    assert!(refers[0].headers.first(&Name::Authorization).is_none());
    let verdict = guard.verify(&refers[1], &Name::Authorization, pbx.now);
    assert!(matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
    pbx.does(carrier, |phone, now| phone.says_of_refer("SIP/2.0 200 OK", now));
    pbx.ended(carrier, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "the trunk has connected the caller with +5511988887777"));
}

#[test]
fn a_carrier_that_does_not_take_the_password_is_asked_once_and_helped_out_by_ourselves() {
    let (mut pbx, carrier, mut guard) = carrier_that_asks("errado");
    let refers = pbx.phones[carrier.0].requests.iter().filter(|it| it.method == Method::Refer);
    let answered: Vec<Request> = refers.filter(|it| it.headers.contains(&Name::Authorization)).cloned().collect();
    assert_eq!(answered.len(), 1, "{}", pbx.trace);
    let verdict = guard.verify(&answered[0], &Name::Authorization, pbx.now);
    assert!(!matches!(verdict, Verdict::Granted { .. }), "{verdict:?}");
    let invite = pbx.phones[carrier.0].last(&Method::Invite);
    assert!(invite.uri.to_string().contains("+5511988887777"), "{}", pbx.trace);
    pbx.advance(secs(120));
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "the trunk does not connect the caller: 401"));
}
