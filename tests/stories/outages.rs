//! A channel falls and comes back: by hand, by what the probes see, and across a restart.

use std::time::Duration;

use desvio::outage::ChannelState;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::secs;

fn state(pbx: &mut Bench, name: &str) -> ChannelState {
    match pbx.asks(Command::Channel(name.to_owned())) {
        Ok(Answer::Channel(view)) => view.verdict.state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_can_declare_an_outage_and_take_it_back() {
    let mut pbx = Bench::new();
    pbx.whatsapp_is_set("down");
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Down);
    assert!(pbx.was_published("channel.changed"));

    pbx.asks(Command::ClearOverride { channel: "whatsapp".to_owned() }).expect("it was set");
    assert_ne!(state(&mut pbx, "whatsapp"), ChannelState::Down);
}

#[test]
fn a_declared_outage_survives_a_restart() {
    let mut pbx = Bench::new();
    pbx.whatsapp_is_set("down");
    pbx.restarts(include_str!("../data/design.kdl"));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Down);
}

#[test]
fn a_channel_whose_probes_all_fail_is_down_within_a_minute_and_callers_hear_it() {
    let mut pbx = Bench::new();
    pbx.advance(secs(120));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Up);

    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(61));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Down, "{}", pbx.trace);

    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");
}

#[test]
fn a_channel_that_answers_again_counts_as_down_until_it_has_held() {
    let mut pbx = Bench::new();
    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(120));
    pbx.fallen.clear();

    pbx.advance(Duration::from_secs(10 * 60));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Recovering);
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");

    pbx.advance(Duration::from_secs(10 * 60));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Up);
}

#[test]
fn one_lost_probe_sends_nobody_to_the_phone() {
    let mut pbx = Bench::new();
    pbx.advance(secs(120));
    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(8));
    pbx.fallen.clear();
    pbx.advance(secs(120));
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Up);
    assert!(!pbx.was_published("channel.changed"));
}
