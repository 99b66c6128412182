//! Carriers that fail, fill up, move, refuse and come back, and calls that get through all the same.

use desvio::sip::headers::Name;
use desvio::sip::method::Method;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::TrunkView;
use desvio::switch::effect::PublicEvent;
use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CARRIER;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;

/// Two addresses of the first carrier, one of the second.
const FIRST: &str = CARRIER;
const FIRST_TOO: &str = "198.51.100.10:5060";
const SECOND: &str = "203.0.113.5:5060";
const NAMES: &[(&str, &[&str])] = &[("sip.operadora.example", &[FIRST, FIRST_TOO]), ("sip.reserva.example", &[SECOND])];

const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\nroute \"+*\" {\n    trunk \"operadora\"\n    then \"reserva\"\n}\n\
                    flow \"entrada\" { dial \"200\" }\n";
const NUMBER: &str = "+5521988887777";

/// The bench with two carriers; `first` and `second` are further keys of their tables.
fn carriers(first: &str, second: &str) -> Bench {
    let config = include_str!("../data/bench.toml")
        .replace("host = \"198.51.100.9\"\n", &format!("host = \"sip.operadora.example\"\n{first}\n"));
    let second = format!("[[trunk]]\nname = \"reserva\"\nhost = \"sip.reserva.example\"\n{second}\n");
    Bench::build_among(&format!("{config}\n{second}"), PLAN, NAMES)
}

fn at(pbx: &mut Bench, name: &str, address: &str) -> PhoneId {
    pbx.add(name, address.parse().expect("an address"), None)
}

fn told(event: &PublicEvent) -> serde_json::Value {
    serde_json::to_value(&event.data).expect("an event is JSON")
}

fn trunk(pbx: &mut Bench, name: &str) -> TrunkView {
    let Ok(Answer::Status(status)) = pbx.asks(Command::Status) else { panic!("no status\n{}", pbx.trace) };
    status.trunks.iter().find(|trunk| trunk.name == name).expect("a trunk of this name").clone()
}

fn states(pbx: &mut Bench, name: &str) -> Vec<&'static str> {
    trunk(pbx, name).targets.iter().map(|target| target.state).collect()
}

#[test]
fn a_call_goes_to_the_next_address_and_then_to_the_next_trunk_when_nobody_answers() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let second = at(&mut pbx, "reserva", SECOND);
    pbx.calls(ana, None, NUMBER);
    pbx.advance(secs(7));
    pbx.is_silent(second);
    pbx.advance(secs(2));
    pbx.rings(second);
    pbx.picks_up(second);
    pbx.are_talking(ana, second);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!(record.trunk.as_deref(), Some("reserva"));
    assert_eq!(record.legs.iter().filter(|leg| leg.party == NUMBER).count(), 2);
    assert!(record.steps.iter().any(|step| step.what == "tries trunk reserva"), "{:?}", record.steps);
}

#[test]
fn a_caller_who_hangs_up_while_the_next_trunk_is_tried_leaves_nothing_behind() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let second = at(&mut pbx, "reserva", SECOND);
    pbx.calls(ana, None, NUMBER);
    pbx.advance(secs(5));
    pbx.hangs_up(ana);
    pbx.advance(secs(30));
    pbx.is_silent(second);
    pbx.all_is_quiet();
    assert_eq!(trunk(&mut pbx, "operadora").calls + trunk(&mut pbx, "reserva").calls, 0);
}

#[test]
fn what_the_callee_says_is_the_same_over_any_trunk() {
    for (status, reason) in [(486, ""), (603, ""), (404, ""), (480, ""), (500, "Q.850;cause=17;text=\"User busy\"")] {
        let mut pbx = carriers("", "");
        let ana = pbx.registered("200");
        let (first, second) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "reserva", SECOND));
        let headers: Vec<(Name, &str)> =
            Some(reason).filter(|it| !it.is_empty()).map(|it| (Name::Reason, it)).into_iter().collect();
        pbx.phones[first.0].will_answer(Method::Invite, status, &headers);
        pbx.calls(ana, None, NUMBER);
        pbx.advance(secs(10));
        pbx.is_silent(second);
        assert!(pbx.phones[ana.0].ended.is_some(), "{status}\n{}", pbx.trace);
        pbx.all_is_quiet();
    }
}

#[test]
fn what_the_trunk_fails_at_leads_to_the_next_at_once() {
    for (status, headers) in [
        (500, vec![]),
        (403, vec![]),
        (404, vec![(Name::Reason, "Q.850;cause=3;text=\"No route to destination\"")]),
        (488, vec![]),
    ] {
        let mut pbx = carriers("", "");
        let ana = pbx.registered("200");
        let (first, second) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "reserva", SECOND));
        pbx.phones[first.0].will_answer(Method::Invite, status, &headers);
        pbx.calls(ana, None, NUMBER);
        pbx.rings(second);
        pbx.declines(second, 486);
        pbx.ended(ana, "486");
        pbx.all_is_quiet();
    }
}

#[test]
fn a_callee_who_lets_it_ring_is_not_rung_again_over_another_trunk() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let (first, second) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "reserva", SECOND));
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    pbx.advance(secs(8));
    pbx.declines(first, 503);
    pbx.advance(secs(5));
    pbx.is_silent(second);
    pbx.all_is_quiet();
}

#[test]
fn an_address_that_asks_for_rest_gets_it_for_as_long_as_it_asks() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let (first, too) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "operadora", FIRST_TOO));
    pbx.phones[first.0].will_answer(Method::Invite, 503, &[(Name::RetryAfter, "60")]);
    pbx.calls(ana, None, NUMBER);
    pbx.rings(too);
    pbx.declines(too, 486);
    assert_eq!(states(&mut pbx, "operadora"), ["resting", "up"]);

    pbx.advance(secs(50));
    pbx.calls(ana, None, NUMBER);
    pbx.rings(too);
    pbx.declines(too, 486);
    pbx.advance(secs(15));
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    pbx.declines(first, 486);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_answers_no_options_is_passed_over_until_it_answers_again() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let second = at(&mut pbx, "reserva", SECOND);
    pbx.advance(secs(25));
    assert_eq!(trunk(&mut pbx, "operadora").state, "unreachable: no target answers OPTIONS");
    assert_eq!(trunk(&mut pbx, "reserva").state, "ready");
    assert!(pbx.events.iter().any(|it| it.kind == "trunk.changed" && told(it)["state"] == "unreachable"));

    pbx.calls(ana, None, NUMBER);
    pbx.rings(second);
    pbx.declines(second, 486);

    let first = at(&mut pbx, "operadora", FIRST_TOO);
    pbx.advance(secs(40));
    assert_eq!(states(&mut pbx, "operadora"), ["down", "up"]);
    assert_eq!(trunk(&mut pbx, "operadora").state, "ready");
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    pbx.declines(first, 486);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_answers_options_with_a_refusal_is_there() {
    let mut pbx = carriers("", "");
    let first = at(&mut pbx, "operadora", FIRST);
    for _ in 0..10 {
        pbx.phones[first.0].will_answer(Method::Options, 404, &[]);
    }
    pbx.advance(secs(100));
    assert_eq!(states(&mut pbx, "operadora")[0], "up");
    for _ in 0..10 {
        pbx.phones[first.0].will_answer(Method::Options, 503, &[]);
    }
    pbx.phones[first.0].script.retain(|reply| reply.status == 503);
    pbx.advance(secs(60));
    assert_eq!(states(&mut pbx, "operadora")[0], "down");
}

#[test]
fn a_carrier_that_refuses_calls_is_still_there() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let (first, second) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "reserva", SECOND));
    let too = at(&mut pbx, "operadora", FIRST_TOO);
    pbx.advance(secs(20));
    for status in [503, 408, 503, 408] {
        pbx.phones[first.0].will_answer(Method::Invite, status, &[]);
        pbx.phones[too.0].will_answer(Method::Invite, 503, &[]);
        pbx.calls(ana, None, NUMBER);
        pbx.phones[too.0].script.clear();
        pbx.rings(second);
        pbx.declines(second, 486);
    }
    assert_eq!(states(&mut pbx, "operadora"), ["up", "up"]);
    pbx.all_is_quiet();
}

#[test]
fn when_all_are_down_they_are_tried_all_the_same() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    pbx.advance(secs(25));
    assert_eq!(states(&mut pbx, "operadora"), ["down", "down"]);
    let first = at(&mut pbx, "operadora", FIRST);
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    assert_eq!(states(&mut pbx, "operadora"), ["up", "down"], "a call that gets through is proof enough");
    pbx.declines(first, 486);
    pbx.all_is_quiet();
}

#[test]
fn no_options_are_sent_where_none_are_wanted() {
    let mut pbx = carriers("options_every = \"0s\"", "");
    let first = at(&mut pbx, "operadora", FIRST);
    pbx.advance(secs(300));
    assert!(pbx.phones[first.0].requests.is_empty());
    assert_eq!(trunk(&mut pbx, "operadora").state, "ready");
}

#[test]
fn a_full_trunk_sends_calls_over_the_next_and_refuses_those_that_come() {
    let mut pbx = carriers("max_calls_per_second = 1", "");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    let (first, second) = (at(&mut pbx, "operadora", FIRST), at(&mut pbx, "reserva", SECOND));
    let too = at(&mut pbx, "operadora", FIRST_TOO);
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    pbx.calls(bruno, None, NUMBER);
    pbx.rings(second);
    pbx.calls(too, Some(CUSTOMER), BUSINESS);
    pbx.ended(too, "503");
    let view = trunk(&mut pbx, "operadora");
    assert_eq!((view.calls_in, view.calls_out), (0, 1));
    pbx.declines(first, 486);
    pbx.declines(second, 486);

    pbx.advance(secs(2));
    pbx.calls(too, Some(CUSTOMER), BUSINESS);
    pbx.rings(ana);
    let view = trunk(&mut pbx, "operadora");
    assert_eq!((view.calls_in, view.calls_out), (1, 0));
    pbx.hangs_up(too);
    pbx.all_is_quiet();
    assert_eq!(trunk(&mut pbx, "operadora").calls, 0);
}

#[test]
fn a_trunk_that_is_full_for_good_refuses_the_api_when_no_other_is_left() {
    let mut pbx = carriers("max_calls_per_second = 1", "max_calls = 0");
    let ana = pbx.registered("200");
    let first = at(&mut pbx, "operadora", FIRST);
    pbx.calls(ana, None, NUMBER);
    pbx.rings(first);
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, NUMBER);
    pbx.ended(bruno, "503");
    pbx.declines(first, 486);
    pbx.all_is_quiet();
}

const ACCOUNT: &str = "register = true\nusername = \"551140031234\"\npassword = \"segredo\"\noptions_every = \"0s\"";

#[test]
fn we_register_as_long_as_the_carrier_wants_and_refresh_before_it_is_over() {
    let mut pbx = carriers("", ACCOUNT);
    let carrier = at(&mut pbx, "reserva", SECOND);
    pbx.phones[carrier.0].will_answer(Method::Register, 423, &[(Name::MinExpires, "600")]);
    pbx.phones[carrier.0].will_answer(Method::Register, 200, &[(Name::Expires, "600")]);
    pbx.restarts(PLAN);
    pbx.advance(secs(1));
    let registers =
        |pbx: &Bench| pbx.phones[carrier.0].requests.iter().filter(|it| it.method == Method::Register).count();
    assert_eq!(trunk(&mut pbx, "reserva").state, "ready");
    assert_eq!(registers(&pbx), 2);
    assert_eq!(pbx.phones[carrier.0].last(&Method::Register).headers.expires(), Some(600));
    pbx.advance(secs(470));
    assert_eq!(registers(&pbx), 2);
    pbx.advance(secs(80));
    assert_eq!(registers(&pbx), 3);
}

#[test]
fn a_carrier_that_refuses_us_is_left_alone_and_says_so_in_its_state() {
    let mut pbx = carriers("", ACCOUNT);
    let carrier = at(&mut pbx, "reserva", SECOND);
    for _ in 0..20 {
        pbx.phones[carrier.0].will_answer(Method::Register, 403, &[]);
    }
    pbx.restarts(PLAN);
    pbx.advance(secs(1));
    assert_eq!(trunk(&mut pbx, "reserva").state, "refused: register refused: 403 Forbidden");
    pbx.advance(secs(590));
    assert_eq!(pbx.phones[carrier.0].script.len(), 19);
    pbx.advance(secs(20));
    assert_eq!(pbx.phones[carrier.0].script.len(), 18);
}

#[test]
fn a_carrier_that_is_silent_is_asked_again_and_again() {
    let mut pbx = carriers("", ACCOUNT);
    pbx.advance(secs(60));
    assert_eq!(trunk(&mut pbx, "reserva").state, "unreachable: register unanswered");
    let carrier = at(&mut pbx, "reserva", SECOND);
    pbx.advance(secs(60));
    assert_eq!(trunk(&mut pbx, "reserva").state, "ready");
    assert!(!pbx.phones[carrier.0].requests.is_empty());
}

#[test]
fn calls_come_from_where_we_are_registered_and_from_nowhere_else() {
    let mut pbx = carriers("", ACCOUNT);
    let ana = pbx.registered("200");
    let carrier = at(&mut pbx, "reserva", SECOND);
    let stranger = at(&mut pbx, "mallory", "203.0.113.6:5060");
    pbx.advance(secs(40));
    pbx.calls(stranger, Some(CUSTOMER), BUSINESS);
    pbx.ended(stranger, "401");
    pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
    pbx.rings(ana);
    assert_eq!(trunk(&mut pbx, "reserva").calls_in, 1);
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
}

#[test]
fn at_the_end_the_carrier_is_told_that_we_are_gone() {
    let mut pbx = carriers("", ACCOUNT);
    let carrier = at(&mut pbx, "reserva", SECOND);
    pbx.advance(secs(40));
    assert_eq!(trunk(&mut pbx, "reserva").state, "ready");
    pbx.input(Input::Drain);
    assert_eq!(pbx.phones[carrier.0].last(&Method::Register).headers.expires(), Some(0));
    assert!(pbx.switch.is_empty());
    let asked = pbx.phones[carrier.0].requests.len();
    pbx.advance(secs(1_000));
    assert_eq!(pbx.phones[carrier.0].requests.len(), asked, "nothing is asked after that");
}

#[test]
fn calls_are_routed_as_the_registrar_says() {
    let mut pbx = carriers("", ACCOUNT);
    let ana = pbx.registered("200");
    let carrier = at(&mut pbx, "reserva", SECOND);
    pbx.phones[carrier.0].will_answer(Method::Register, 200, &[(Name::ServiceRoute, "<sip:edge.reserva.example;lr>")]);
    pbx.restarts("route \"+*\" trunk=\"reserva\"\n");
    pbx.advance(secs(1));
    pbx.calls(ana, None, NUMBER);
    let invite = pbx.phones[carrier.0].last(&Method::Invite);
    assert_eq!(invite.headers.first(&Name::Route), Some("<sip:edge.reserva.example;lr>"));
    pbx.declines(carrier, 486);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_moves_is_followed() {
    let mut pbx = carriers("", "");
    let ana = pbx.registered("200");
    let moved = at(&mut pbx, "operadora", "198.51.100.77:5060");
    pbx.names.insert("sip.operadora.example".to_owned(), vec!["198.51.100.77:5060".parse().expect("an address")]);
    pbx.advance(secs(70));
    pbx.calls(ana, None, NUMBER);
    pbx.rings(moved);
    pbx.declines(moved, 486);

    pbx.names.remove("sip.operadora.example");
    pbx.advance(secs(200));
    pbx.calls(ana, None, NUMBER);
    pbx.rings(moved);
    pbx.declines(moved, 486);
    pbx.all_is_quiet();
}
