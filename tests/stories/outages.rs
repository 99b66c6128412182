//! A channel falls and comes back: by hand, by what the probes see, and across a restart.

use std::time::Duration;

use desvio::outage::ChannelState;
use desvio::outage::Layer;
use desvio::outage::reports::Report;
use desvio::outage::reports::Says;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::Problem;
use desvio::switch::command::SendMessage;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
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
fn a_channel_in_perfect_order_is_asked_a_third_as_often_until_something_is_wrong() {
    let mut pbx = Bench::new();
    let probes_of_a_minute = |pbx: &mut Bench| {
        let before = pbx.probed;
        pbx.advance(secs(60));
        pbx.probed - before
    };
    let quick = probes_of_a_minute(&mut pbx);
    pbx.advance(secs(300));
    assert_eq!(probes_of_a_minute(&mut pbx) * 3, quick);

    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(10));
    pbx.fallen.clear();
    assert_eq!(probes_of_a_minute(&mut pbx), quick, "one failed look is enough");
    pbx.advance(secs(300));
    assert_eq!(probes_of_a_minute(&mut pbx) * 3, quick);

    pbx.whatsapp_is_set("down");
    assert_eq!(probes_of_a_minute(&mut pbx), quick, "by a person's word");
    pbx.restarts(include_str!("../data/design.kdl"));
    assert_eq!(probes_of_a_minute(&mut pbx), quick, "and a restart begins closely");
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

#[test]
fn a_peers_report_is_evidence_and_a_flood_of_them_is_refused() {
    let mut pbx = Bench::new();
    let report = |from: &str| Command::ReportChannel {
        channel: "whatsapp".to_owned(),
        report: Report { from: from.to_owned(), says: Says::Down, reason: "no message arrives".to_owned() },
    };
    let seen = evidence(pbx.asks(report("filial-recife")), Layer::Report, "filial-recife");
    assert_eq!(seen, Some("no message arrives".to_owned()));
    for _ in 0..59 {
        assert!(pbx.asks(report("filial-recife")).is_ok());
    }
    assert_eq!(pbx.asks(report("filial-recife")).map(|_| ()).map_err(|problem| problem.status), Err(429));
    pbx.advance(secs(60));
    assert!(pbx.asks(report("filial-recife")).is_ok());
}

#[test]
fn texts_that_the_provider_does_not_take_are_evidence_and_wrong_numbers_are_none() {
    let mut pbx = Bench::new();
    let asked = |pbx: &mut Bench| evidence(pbx.asks(Command::Channel("sms".to_owned())), Layer::Traffic, "sends");
    for (status, says) in [
        (200, None),
        (400, None),
        (503, Some("the provider answered 503")),
        (401, Some("the provider answered 401")),
        (200, None),
    ] {
        let text = SendMessage { to: CUSTOMER.to_owned(), from: None, text: "oi".to_owned(), channel: None };
        assert!(pbx.asks(Command::SendMessage(text)).is_ok());
        pbx.http_answers(status, r#"{"id":"sm-1"}"#);
        assert_eq!(asked(&mut pbx).as_deref(), says, "{status}");
    }
}

#[test]
fn what_customers_use_to_write_is_kept_over_a_restart() {
    let mut pbx = Bench::new();
    pbx.advance(secs(3 * 3600));
    let habit = |pbx: &Bench| pbx.store.channels["whatsapp"]["habit"].clone();
    let learnt = habit(&pbx);
    assert_eq!(learnt.as_array().map(Vec::len), Some(168));
    let known = |habit: &serde_json::Value| {
        let hours = habit.as_array().expect("hours").iter();
        hours.filter(|hour| hour[1] == 1).count()
    };
    assert!(known(&learnt) >= 1, "{learnt}");
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.whatsapp_is_set("down");
    assert_eq!(habit(&pbx), learnt);
    assert_eq!(state(&mut pbx, "whatsapp"), ChannelState::Down);
}

/// Why the newest evidence of that kind is bad; `None`: it is good.
fn evidence(answer: Result<Answer, Problem>, layer: Layer, target: &str) -> Option<String> {
    let Ok(Answer::Channel(view)) = answer else {
        panic!("a channel");
    };
    let mut seen = view.verdict.evidence.into_iter();
    seen.find(|seen| seen.layer == layer && seen.target == target).expect("evidence of this kind").why
}
