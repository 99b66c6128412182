//! A dialplan that dials somebody at another exchange: the trunk whose host the address names carries the call.

use desvio::call::record::Status;
use desvio::sip::headers::Name;
use desvio::sip::method::Method;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

const MARIA: &str = "sip:maria@203.0.113.5";
const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\nroute \"+*\" trunk=\"operadora\"\ncode \"*71\" flow=\"maria\"\n\
    flow \"entrada\" {\n    dial \"200\"\n    go \"maria\"\n}\n\
    flow \"maria\" {\n    dial \"sip:maria@203.0.113.5\" {\n        declined { play \"goodbye\" }\n\
    failed { play \"all-busy\" }\n    }\n    hangup\n}\n";

/// Calls come by `operadora`, which leads to this network; Maria is at the host of `matriz` and of `filial`.
fn by(network: &str, plan: &str) -> (Bench, PhoneId) {
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", &format!("network = \"{network}\""));
    let partner = |name: &str| {
        format!(
            "[[trunk]]\nname = \"{name}\"\nhost = \"203.0.113.5\"\noptions_every = \"0s\"\nfollow_redirects = true\n"
        )
    };
    let mut pbx = Bench::build(&format!("{config}\n{}{}", partner("matriz"), partner("filial")), plan);
    let maria = pbx.add("maria", "203.0.113.5:5060".parse().expect("an address"), None);
    (pbx, maria)
}

/// A customer has called, no phone is there, and it is Maria's turn.
fn customer_calls() -> (Bench, PhoneId, PhoneId) {
    let (mut pbx, maria) = by("telephone", PLAN);
    let customer = pbx.customer_calls();
    (pbx, customer, maria)
}

#[test]
fn the_trunk_of_its_host_carries_the_call() {
    let (mut pbx, customer, maria) = customer_calls();
    assert_eq!(pbx.phones[maria.0].last(&Method::Invite).uri.to_string(), MARIA);
    pbx.picks_up(maria);
    pbx.are_talking(customer, maria);
    pbx.advance(secs(9));
    pbx.hangs_up(maria);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.status, record.talk_ms), (Status::Completed, 9_000));
    assert!(record.legs.iter().any(|leg| leg.party == MARIA && leg.trunk.as_deref() == Some("matriz")), "{record:?}");
}

#[test]
fn the_next_trunk_to_this_host_is_tried_where_one_fails() {
    let (mut pbx, maria) = by("telephone", PLAN);
    pbx.phones[maria.0].will_answer(Method::Invite, 503, &[]);
    let customer = pbx.customer_calls();
    pbx.picks_up(maria);
    pbx.are_talking(customer, maria);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    let trunks: Vec<_> = record.legs.iter().filter(|leg| leg.party == MARIA).map(|leg| leg.trunk.as_deref()).collect();
    assert_eq!(trunks, [Some("matriz"), Some("filial")]);
}

#[test]
fn whom_she_sends_it_on_to_is_told_by_whom() {
    let (mut pbx, maria) = by("telephone", PLAN);
    pbx.phones[maria.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:joana@203.0.113.5>")]);
    pbx.customer_calls();
    let asked = pbx.phones[maria.0].last(&Method::Invite);
    assert_eq!(asked.uri.to_string(), "sip:joana@203.0.113.5");
    assert_eq!(asked.headers.first(&Name::Diversion), Some("<sip:maria@203.0.113.5>;reason=deflection"));
}

#[test]
fn who_declines_there_has_declined() {
    let (mut pbx, customer, maria) = customer_calls();
    pbx.declines(maria, 603);
    pbx.hears(customer, "goodbye");
}

#[test]
fn she_rings_no_more_once_the_caller_is_gone() {
    let (mut pbx, customer, maria) = customer_calls();
    assert!(pbx.phones[maria.0].ringing.is_some());
    pbx.hangs_up(customer);
    pbx.is_silent(maria);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Canceled);
}

#[test]
fn where_no_trunk_takes_it_the_call_has_failed() {
    let (mut pbx, maria) = by("telephone", PLAN);
    for _ in 0..2 {
        pbx.phones[maria.0].will_answer(Method::Invite, 503, &[]);
    }
    let customer = pbx.customer_calls();
    pbx.hears(customer, "all-busy");
}

#[test]
fn nobody_behind_whatsapp_is_led_to_an_address_of_the_telephone_network() {
    let (mut pbx, maria) = by("private", PLAN);
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "*71");
    assert!(pbx.phones[maria.0].ringing.is_some(), "Ana herself may");
    pbx.hangs_up(ana);
    // Of the whole flow `check` would say so.
    let (mut pbx, maria) = by("whatsapp", &PLAN.replace("go \"maria\"", "hangup"));
    let ana = pbx.registered("200");
    let customer = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.picks_up(customer);
    pbx.does(ana, |phone, now| phone.refers("<sip:*71@desvio.test>", &[], now));
    pbx.advance(secs(2));
    assert!(pbx.phones[maria.0].ringing.is_none(), "{}", pbx.trace);
    pbx.hears(customer, "all-busy");
    pbx.hangs_up(customer);
    let kept_apart = format!("no way to {MARIA}: Meta forbids");
    assert!(pbx.store.records.iter().any(|record| tells(record, &kept_apart)), "{:?}", pbx.store.records);
}
