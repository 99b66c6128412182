//! Calls of WhatsApp: to phones of the business they go, to the telephone network never (Meta's terms).

use desvio::call::machine::Detect;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::PlaceCall;
use desvio::switch::command::Problem;
use desvio::switch::command::Then;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\nnumber \"+551140030002\" flow=\"sala\"\n\
                    route \"+*\" trunk=\"reserva\"\nroute \"+5511*\" trunk=\"operadora\"\n\
                    code \"*70\" flow=\"vaga\"\ncode \"*72\" flow=\"dois\"\nnumber \"+551140030003\" flow=\"pegar\"\n\
                    flow \"entrada\" { dial \"200\" }\n\
                    flow \"sala\" {\n    conference \"equipe\" {\n        full { play \"all-busy\" }\n    }\n    hangup\n}\n\
                    flow \"vaga\" {\n    park first=701 last=702 up-to=\"60s\"\n    hangup\n}\n\
                    flow \"pegar\" {\n    pickup \"701\"\n    play \"goodbye\"\n    hangup\n}\n\
                    flow \"dois\" { dial \"+5511999998888\" { busy { dial \"+5521988887777\" } } }\n";
const OUTSIDE: &str = "+5521988887777";
const KEPT_APART: &str = "Meta forbids to connect a WhatsApp call with the telephone network";

/// Calls come by `operadora`, which leads to this network and to Brazil's 11; all others go over `reserva`, a carrier.
fn by(network: &str) -> Bench {
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", &format!("network = \"{network}\""));
    let reserva = "[[trunk]]\nname = \"reserva\"\nhost = \"203.0.113.5\"\nfrom = [\"203.0.113.5/32\"]\n";
    Bench::build(&format!("{config}\n{reserva}"), PLAN)
}

fn telephone(pbx: &mut Bench) -> PhoneId {
    pbx.add("reserva", "203.0.113.5:5060".parse().expect("an address"), None)
}

fn was_called(pbx: &Bench) -> bool {
    pbx.unclaimed.iter().any(|sent| sent.starts_with("INVITE"))
}

fn records_tell(pbx: &Bench, step: &str) -> bool {
    pbx.store.records.iter().any(|record| tells(record, step))
}

#[test]
fn a_whatsapp_call_is_answered_by_a_phone_and_transferred_to_no_telephone() {
    let mut pbx = by("whatsapp");
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{OUTSIDE}@desvio.test>"), &[], now));
    assert_eq!(pbx.told(ana).last(), Some(&403));
    assert!(!was_called(&pbx), "the carrier was called");
    pbx.advance(secs(1));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), &format!("no way to {OUTSIDE}: {KEPT_APART}")));
}

#[test]
fn a_call_of_the_telephone_network_or_of_our_own_is_transferred_there() {
    for network in ["telephone", "private"] {
        let mut pbx = by(network);
        let ana = pbx.registered("200");
        pbx.customer_calls();
        pbx.picks_up(ana);
        pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{OUTSIDE}@desvio.test>"), &[], now));
        assert!(was_called(&pbx), "{network}: nobody was called");
    }
}

/// Ana calls a customer over WhatsApp, and he answers.
fn ana_calls_by_whatsapp() -> (Bench, PhoneId, PhoneId) {
    let mut pbx = by("whatsapp");
    let ana = pbx.registered("200");
    let customer = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.picks_up(customer);
    pbx.are_talking(ana, customer);
    (pbx, ana, customer)
}

#[test]
fn whom_a_phone_called_over_whatsapp_it_transfers_to_no_telephone() {
    let (mut pbx, ana, customer) = ana_calls_by_whatsapp();
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{OUTSIDE}@desvio.test>"), &[], now));
    assert_eq!(pbx.told(ana).last(), Some(&403));
    assert!(!was_called(&pbx), "the carrier was called");
    pbx.are_talking(ana, customer);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    assert!(records_tell(&pbx, KEPT_APART));
}

#[test]
fn nor_to_a_telephone_that_it_has_called_before() {
    let (mut pbx, ana, customer) = ana_calls_by_whatsapp();
    let outside = telephone(&mut pbx);
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, OUTSIDE);
    pbx.picks_up(outside);
    pbx.are_talking(ana, outside);
    pbx.does(ana, |phone, now| phone.joins_both(now));
    assert_eq!(pbx.told(ana).last(), Some(&403));
    assert!(!pbx.pump.hears(pbx.leg(customer), pbx.leg(outside)), "{}", pbx.trace);
    pbx.hangs_up(customer);
    pbx.hangs_up(outside);
    pbx.all_is_quiet();
    assert!(records_tell(&pbx, KEPT_APART));
}

#[test]
fn nor_into_a_conference_where_a_telephone_is() {
    let (mut pbx, ana, customer) = ana_calls_by_whatsapp();
    let outside = telephone(&mut pbx);
    pbx.calls(outside, Some(OUTSIDE), "+551140030002");
    pbx.advance(secs(5));
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "+551140030002");
    pbx.advance(secs(5));
    pbx.does(ana, |phone, now| phone.joins_both(now));
    assert_eq!(pbx.told(ana).last(), Some(&403), "{}", pbx.trace);
    pbx.hangs_up(customer);
    pbx.hangs_up(outside);
    pbx.hangs_up(ana);
    pbx.advance(secs(40));
    pbx.all_is_quiet();
    assert!(records_tell(&pbx, KEPT_APART));
}

#[test]
fn a_whatsapp_call_that_failed_keeps_its_caller_from_nobody() {
    let mut pbx = by("whatsapp");
    let ana = pbx.registered("200");
    let customer = pbx.trunk();
    let outside = telephone(&mut pbx);
    pbx.calls(ana, None, "*72");
    pbx.declines(customer, 486);
    pbx.picks_up(outside);
    pbx.are_talking(ana, outside);
}

fn connect(pbx: &mut Bench, to: &str, second: &str) -> Result<Answer, Problem> {
    let then = Then::Connect(second.to_owned());
    let wish = PlaceCall { to: to.to_owned(), from: None, then, ring_for: secs(45), detect: Detect::Nothing };
    pbx.asks(Command::PlaceCall(wish))
}

#[test]
fn the_api_connects_no_whatsapp_call_with_a_telephone_whoever_is_called_first() {
    for (first, second) in [(CUSTOMER, OUTSIDE), (OUTSIDE, CUSTOMER)] {
        let mut pbx = by("whatsapp");
        let refused = connect(&mut pbx, first, second).expect_err("it was placed");
        assert_eq!((refused.status, refused.rule), (403, "whatsapp-to-telephone"));
        assert_eq!(refused.detail, KEPT_APART);
        assert!(!was_called(&pbx), "somebody was called");
        pbx.all_is_quiet();
    }
    let mut pbx = by("telephone");
    connect(&mut pbx, CUSTOMER, OUTSIDE).expect("two telephones");
    let mut pbx = by("whatsapp");
    pbx.registered("200");
    connect(&mut pbx, CUSTOMER, "200").expect("a phone of the business");
}

#[test]
fn in_a_conference_with_a_whatsapp_call_there_is_no_room_for_a_telephone() {
    let mut pbx = by("whatsapp");
    let (customer, outside) = (pbx.trunk(), telephone(&mut pbx));
    pbx.calls(customer, Some(CUSTOMER), "+551140030002");
    pbx.calls(outside, Some(OUTSIDE), "+551140030002");
    pbx.hears(outside, "all-busy");
    pbx.advance(secs(20));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert!(records_tell(&pbx, KEPT_APART));
}

#[test]
fn a_parked_whatsapp_call_is_picked_up_by_no_telephone() {
    let mut pbx = by("whatsapp");
    let ana = pbx.registered("200");
    let customer = pbx.trunk();
    pbx.calls(customer, Some(CUSTOMER), BUSINESS);
    pbx.picks_up(ana);
    pbx.does(ana, |phone, now| phone.refers("<sip:*70@desvio.test>", &[], now));
    pbx.advance(secs(5));
    let outside = telephone(&mut pbx);
    pbx.calls(outside, Some(OUTSIDE), "+551140030003");
    pbx.hears(outside, "goodbye");
    pbx.hears(customer, "default");
    pbx.advance(secs(20));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert!(records_tell(&pbx, KEPT_APART));
}
