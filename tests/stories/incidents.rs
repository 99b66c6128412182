//! What an outage leaves behind: when it began and ended, why, and what became of the customers who called meanwhile.

use std::time::Duration;

use desvio::outage::ChannelState;
use desvio::outage::blame::Blame;
use desvio::outage::incident::Incident;
use serde_json::json;

use crate::bench::Bench;
use crate::bench::secs;

const PLAN: &str = include_str!("../data/design.kdl");

fn only_incident(pbx: &Bench) -> &Incident {
    assert_eq!(pbx.store.incidents.len(), 1, "{}", pbx.trace);
    pbx.store.incidents.values().next().expect("one")
}

fn times_published(pbx: &Bench, kind: &str) -> usize {
    pbx.events.iter().filter(|event| event.kind == kind).count()
}

#[test]
fn an_outage_is_told_from_its_first_sign_to_its_end() {
    let mut pbx = Bench::new();
    pbx.advance(secs(120));
    assert!(pbx.store.incidents.is_empty());
    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(70));
    let incident = only_incident(&pbx);
    assert!(incident.is_open());
    assert_eq!((incident.channel.as_str(), incident.state), ("whatsapp", ChannelState::Down));
    assert_eq!(incident.timeline[0].text, "whatsapp is down");
    assert!(!incident.timeline[0].reasons.is_empty());
    assert!(incident.evidence.iter().any(|seen| seen.verdict == "bad"));

    pbx.fallen.clear();
    pbx.advance(Duration::from_secs(20 * 60));
    let incident = only_incident(&pbx);
    assert!(!incident.is_open(), "{}", pbx.trace);
    let told: Vec<&str> = incident.timeline.iter().map(|moment| moment.text.as_str()).collect();
    assert_eq!((told[0], *told.last().expect("several")), ("whatsapp is down", "whatsapp works again"), "{told:?}");
    assert!(told.contains(&"whatsapp answers again, and still counts as down for a while"), "{told:?}");
    assert!(incident.evidence.iter().any(|seen| seen.verdict == "good"));
    assert_eq!((times_published(&pbx, "incident.opened"), times_published(&pbx, "incident.closed")), (1, 1));
}

#[test]
fn calls_and_texts_during_an_outage_are_counted_and_those_before_are_not() {
    let mut pbx = Bench::new();
    let before = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.whatsapp_is_set("down");
    pbx.hangs_up(before);
    pbx.advance(secs(3));
    assert_eq!(only_incident(&pbx).counts.offered, 0);

    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.advance(secs(12));
    pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    pbx.presses(customer, "1");
    pbx.picks_up(ana);
    pbx.advance(secs(30));
    pbx.hangs_up(customer);

    let impatient = pbx.customer_calls();
    pbx.advance(secs(12));
    pbx.http_answers(200, r#"{"id":"sm-2"}"#);
    pbx.presses(impatient, "1");
    pbx.advance(secs(3));
    pbx.hangs_up(impatient);
    pbx.advance(secs(5));

    let counts = only_incident(&pbx).counts;
    assert_eq!((counts.offered, counts.answered, counts.waited, counts.given_up), (2, 1, 2, 1), "{}", pbx.trace);
    assert_eq!((counts.texted, counts.texts_failed), (2, 0));
}

#[test]
fn a_call_that_outlasts_the_outage_is_still_counted_to_its_end() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    pbx.whatsapp_is_set("down");
    let customer = pbx.customer_calls();
    pbx.advance(secs(12));
    pbx.whatsapp_is_set("up");
    pbx.advance(secs(2));
    assert!(!only_incident(&pbx).is_open());
    pbx.presses(customer, "1");
    pbx.picks_up(ana);
    pbx.advance(secs(10));
    pbx.hangs_up(customer);
    pbx.advance(secs(5));
    assert_eq!(only_incident(&pbx).counts.answered, 1, "{}", pbx.trace);
    pbx.all_is_quiet();
}

#[test]
fn an_incident_that_is_open_at_a_crash_goes_on_with_its_counts() {
    let mut pbx = Bench::new();
    pbx.whatsapp_is_set("down");
    let customer = pbx.customer_calls();
    pbx.advance(secs(5));
    pbx.hangs_up(customer);
    pbx.advance(secs(5));
    let id = only_incident(&pbx).id.clone();

    pbx.restarts(PLAN);
    pbx.advance(secs(600));
    let incident = only_incident(&pbx);
    assert_eq!((incident.id.clone(), incident.is_open(), incident.counts.offered), (id, true, 1));
    assert!(incident.timeline.iter().any(|moment| moment.text == "the server started again"));

    pbx.whatsapp_is_set("up");
    pbx.advance(secs(5));
    assert!(!only_incident(&pbx).is_open());
    assert_eq!(times_published(&pbx, "incident.opened"), 1, "it began once");
}

#[test]
fn an_incident_whose_channel_is_well_after_the_start_is_closed() {
    let mut pbx = Bench::new();
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(5));
    pbx.store.channels.clear();
    pbx.restarts(PLAN);
    pbx.advance(secs(200));
    assert!(only_incident(&pbx).is_open(), "probes get their time");
    pbx.advance(secs(200));
    assert!(!only_incident(&pbx).is_open(), "{}", pbx.trace);
}

#[test]
fn a_resolver_of_ours_that_fails_over_a_restart_is_not_given_up_unseen() {
    let mut pbx = Bench::new();
    let (state, blame) = (ChannelState::Degraded, Blame::OurResolver);
    pbx.store.channels.insert("whatsapp".to_owned(), json!({ "state": state, "blame": blame, "override": null }));
    let incident = Incident::begin("inc_1".to_owned(), "our-line", state, blame, crate::switch::wall());
    pbx.store.incidents.insert(incident.id.clone(), incident);
    pbx.restarts(PLAN);
    pbx.advance(secs(3600));
    let incident = only_incident(&pbx);
    assert!(!incident.is_open(), "the probes have seen it work");
    let given_up = incident.timeline.iter().any(|moment| moment.text.contains("since the start"));
    assert!(!given_up, "{:?}", incident.timeline);
}

#[test]
fn each_fall_of_a_flapping_channel_is_an_incident_of_its_own() {
    let mut pbx = Bench::new();
    for state in ["down", "up", "down", "up"] {
        pbx.whatsapp_is_set(state);
        pbx.advance(secs(60));
    }
    assert_eq!(pbx.store.incidents.len(), 2, "{}", pbx.trace);
    assert!(pbx.store.incidents.values().all(|incident| !incident.is_open()));
}
