//! Another phone in the place of one: a colleague's call picked up while it rings, or taken over while they talk.

use desvio::sip::headers::Name;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::ana_and_bruno;
use crate::transfers::busy;
use crate::transfers::tells;

/// A call that another phone names as its own owner would.
pub(crate) fn replaces(pbx: &Bench, phone: PhoneId, more: &str) -> String {
    let state = &pbx.phones[phone.0];
    let session = state.session.or(state.ringing.as_ref().map(|(session, _)| *session)).expect("it is in a call");
    let names = state.agent.dialog_names(session).expect("a dialog");
    let remote = names.remote_tag.unwrap_or_default();
    format!("{};to-tag={};from-tag={remote}{more}", names.call_id, names.local_tag)
}

pub(crate) fn calls_with_replaces(pbx: &mut Bench, phone: PhoneId, replaces: &[String]) {
    let headers = replaces.iter().map(|value| (Name::Replaces, value.clone().into()));
    pbx.phones[phone.0].next_headers = headers.collect();
    pbx.calls(phone, None, "pickup");
}

#[test]
fn a_colleague_picks_up_the_phone_that_rings() {
    let mut pbx = Bench::larger();
    let (ana, bruno, carla) = (pbx.registered("200"), pbx.registered("201"), pbx.registered("202"));
    pbx.calls(ana, None, "201");
    pbx.rings(bruno);
    let named = replaces(&pbx, bruno, ";early-only");
    calls_with_replaces(&mut pbx, carla, &[named]);
    pbx.is_silent(bruno);
    pbx.are_talking(ana, carla);
    pbx.hangs_up(carla);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "202 takes the place of 201"));
}

#[test]
fn a_colleague_picks_up_for_an_agent_and_the_queue_knows_who_is_free() {
    let mut pbx = Bench::larger();
    let (ana, carla) = (pbx.registered("200"), pbx.registered("202"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "1");
    pbx.rings(ana);
    let named = replaces(&pbx, ana, "");
    calls_with_replaces(&mut pbx, carla, &[named]);
    pbx.is_silent(ana);
    pbx.are_talking(customer, carla);
    assert!(!busy(&mut pbx).contains(&"200".to_owned()));
    pbx.hangs_up(customer);
    pbx.ended(carla, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_colleague_picks_up_for_a_queue_that_rings_all_and_nobody_has_missed_a_call() {
    let config = include_str!("../data/bench.toml").replace("longest-idle", "ring-all");
    let carla = "[[extension]]\nnumber = \"202\"\nname = \"Carla\"\npassword = \"segredo\"\n";
    let mut pbx = Bench::build(&format!("{config}\n{carla}"), include_str!("../data/design.kdl"));
    let (ana, bruno, carla) = (pbx.registered("200"), pbx.registered("201"), pbx.registered("202"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "1");
    pbx.rings(ana);
    pbx.rings(bruno);
    let named = replaces(&pbx, ana, "");
    calls_with_replaces(&mut pbx, carla, &[named]);
    pbx.are_talking(customer, carla);
    for (phone, name) in [(ana, "200"), (bruno, "201")] {
        pbx.is_silent(phone);
        let cancelled = pbx
            .trace
            .lines()
            .any(|line| line.contains(&format!("{name} ← CANCEL")) && line.contains("Call completed elsewhere"));
        assert!(cancelled, "{}", pbx.trace);
    }
    let Ok(Answer::Queues(queues)) = pbx.asks(Command::Queues) else { panic!("no queues") };
    assert_eq!((queues[0].answered, queues[0].left), (1, 0));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn another_phone_takes_the_place_of_one_that_talks() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    let named = replaces(&pbx, bruno, "");
    calls_with_replaces(&mut pbx, carla, &[named]);
    pbx.ended(bruno, "bye");
    pbx.are_talking(ana, carla);
    let davi = pbx.registered("203");
    let named = replaces(&pbx, ana, "");
    calls_with_replaces(&mut pbx, davi, &[named]);
    pbx.ended(ana, "bye");
    pbx.are_talking(davi, carla);
    pbx.hangs_up(davi);
    pbx.ended(carla, "bye");
    pbx.all_is_quiet();
    assert_eq!(busy(&mut pbx), Vec::<String>::new());
}

#[test]
fn replaces_is_refused_as_the_rfc_says() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    let named = replaces(&pbx, bruno, "");
    let refused = |pbx: &mut Bench, values: &[String]| {
        calls_with_replaces(pbx, carla, values);
        pbx.phones[carla.0].ended.clone().unwrap_or_default()
    };
    assert_eq!(refused(&mut pbx, &["1;to-tag=00000000000000ff;from-tag=b".to_owned()]), "481");
    assert_eq!(refused(&mut pbx, &[named.clone(), named.clone()]), "400");
    assert_eq!(refused(&mut pbx, &[format!("{named};early-only")]), "486");
    pbx.are_talking(ana, bruno);
    pbx.hangs_up(bruno);
    pbx.advance(secs(1));
    assert_eq!(refused(&mut pbx, &[named]), "603");
    // The other side's early call: RFC 3891 §3 replaces only those that we began.
    pbx.calls(ana, None, "201");
    let named = replaces(&pbx, ana, "");
    assert_eq!(refused(&mut pbx, &[named]), "481");
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_stranger_and_a_trunk_take_nobodys_place() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let named = replaces(&pbx, bruno, "");
    let carrier = pbx.trunk();
    calls_with_replaces(&mut pbx, carrier, std::slice::from_ref(&named));
    pbx.ended(carrier, "403");
    let stranger = pbx.add("mallory", "203.0.113.66:5060".parse().expect("an address"), None);
    calls_with_replaces(&mut pbx, stranger, &[named]);
    pbx.ended(stranger, "401");
    pbx.are_talking(ana, bruno);
}
