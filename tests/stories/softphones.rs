//! Phones of the house: to each other, and out by a route.

use desvio::call::record::Direction;
use desvio::call::record::Status;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

#[test]
fn one_extension_calls_another() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.rings(bruno);
    assert!(!pbx.phones[ana.0].up, "answered before anybody picked up");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    pbx.hangs_up(bruno);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().direction, pbx.only_record().status), (Direction::Internal, Status::Completed));
}

#[test]
fn an_extension_calls_a_number_outside_by_the_route() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.rings(carrier);
    pbx.picks_up(carrier);
    pbx.are_talking(ana, carrier);
    pbx.hangs_up(ana);
    pbx.ended(carrier, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().trunk.as_deref(), Some("operadora"));
}

#[test]
fn a_busy_extension_is_heard_as_busy() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.declines(bruno, 486);
    pbx.ended(ana, "486");
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Busy);
}

#[test]
fn an_extension_without_a_phone_is_unreachable() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "480");
    pbx.all_is_quiet();
}

#[test]
fn the_caller_gives_up_while_the_other_phone_rings() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.rings(bruno);
    pbx.hangs_up(ana);
    pbx.is_silent(bruno);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Canceled);
}

#[test]
fn two_phones_of_one_extension_ring_together_and_the_first_wins() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let desk = pbx.registered("201");
    let mobile = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.rings(desk);
    pbx.rings(mobile);
    pbx.picks_up(mobile);
    pbx.is_silent(desk);
    pbx.are_talking(ana, mobile);
}

#[test]
fn an_agent_in_a_call_of_his_own_is_offered_no_customer() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "1");
    pbx.is_silent(ana);
    pbx.is_silent(bruno);
    pbx.hangs_up(bruno);
    pbx.advance(secs(1));
    assert!(pbx.phones[ana.0].ringing.is_some() || pbx.phones[bruno.0].ringing.is_some(), "{}", pbx.trace);
}

#[test]
fn whoever_is_put_on_hold_hears_music_until_the_other_comes_back() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    let now = pbx.now;
    pbx.phones[bruno.0].offers("sendonly", now);
    pbx.settle();
    pbx.hears(ana, "default");
    assert!(pbx.is_played_to(ana));

    pbx.phones[bruno.0].offers("sendrecv", now);
    pbx.settle();
    assert!(!pbx.is_played_to(ana));
    pbx.are_talking(ana, bruno);
}

#[test]
fn a_caller_hears_what_the_far_side_sends_before_it_answers() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    let now = pbx.now;
    pbx.phones[carrier.0].rings_aloud(now);
    pbx.settle();
    assert!(!pbx.phones[ana.0].up, "early media answered the call");
    let (one, other) = (pbx.leg(ana), pbx.leg(carrier));
    assert_eq!(pbx.pump.legs[&one].partner, Some(other));
    pbx.picks_up(carrier);
    pbx.are_talking(ana, carrier);
}

#[test]
fn a_full_trunk_takes_no_further_call() {
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", "max_calls = 1");
    let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.picks_up(carrier);
    pbx.calls(bruno, None, CUSTOMER);
    pbx.ended(bruno, "503");
    pbx.hangs_up(ana);
    pbx.advance(secs(1));
    pbx.calls(bruno, None, CUSTOMER);
    pbx.rings(carrier);
}

#[test]
fn registrations_survive_a_restart() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.calls(ana, None, "201");
    pbx.rings(bruno);
}
