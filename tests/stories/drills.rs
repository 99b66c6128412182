//! Exercises: what a full one changes, that a shadow changes nothing, and that the real thing comes first.

use std::time::Duration;

use desvio::outage::incident::Finding;
use desvio::outage::incident::Incident;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::DrillWish;
use desvio::switch::command::Manner;
use desvio::switch::command::Problem;

use crate::bench::Bench;
use crate::bench::secs;

const CONFIG: &str = include_str!("../data/bench.toml");
const PLAN: &str = include_str!("../data/design.kdl");

fn bench() -> Bench {
    let alarm = "\n[alarm]\ncall = [\"201\"]\ntext = [\"+5511999990000\"]\n";
    Bench::build(&format!("{CONFIG}{alarm}"), PLAN)
}

fn begin(pbx: &mut Bench, manner: Manner) -> Result<Answer, Problem> {
    let wish = DrillWish { channel: "whatsapp".to_owned(), manner, author: "ana".to_owned(), lasts: secs(600) };
    pbx.asks(Command::StartDrill(wish))
}

#[track_caller]
fn the_drill(pbx: &Bench) -> &Incident {
    let drills: Vec<&Incident> = pbx.store.incidents.values().filter(|incident| incident.drill.is_some()).collect();
    assert_eq!(drills.len(), 1, "{}", pbx.trace);
    drills[0]
}

fn findings<'a>(pbx: &'a Bench, about: &str) -> Vec<&'a Finding> {
    let drill = the_drill(pbx).drill.as_ref().expect("a drill");
    drill.findings.iter().filter(|finding| finding.about == about).collect()
}

fn state(pbx: &mut Bench) -> String {
    match pbx.asks(Command::Channel("whatsapp".to_owned())) {
        Ok(Answer::Channel(view)) => format!("{} {}", view.verdict.state, view.drill.unwrap_or("-")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_drill_runs_the_whole_chain_and_says_so_everywhere() {
    let mut pbx = bench();
    let owner = pbx.registered("201");
    begin(&mut pbx, Manner::Full).expect("it begins");
    assert_eq!(state(&mut pbx), "up full", "the real state stays visible");
    pbx.advance(secs(1));
    let request = pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    assert!(String::from_utf8_lossy(&request.body).contains("EXERCÍCIO"));
    pbx.picks_up(owner);
    pbx.advance(secs(10));
    pbx.hears(owner, "alarm-drill");
    pbx.presses(owner, "1");
    pbx.advance(secs(10));

    let customer = pbx.customer_calls();
    pbx.advance(secs(12));
    pbx.hears(customer, "whatsapp-down");
    pbx.http_answers(200, r#"{"id":"sm-2"}"#);
    pbx.hangs_up(customer);
    pbx.advance(Duration::from_secs(600));

    let incident = the_drill(&pbx);
    assert!(!incident.is_open(), "it ends by itself\n{}", pbx.trace);
    assert_eq!(incident.counts.offered, 1);
    let record = pbx.store.records.iter().find(|record| record.from.starts_with("+55")).expect("of the customer");
    assert_eq!(record.tags.get("drill").map(String::as_str), Some("whatsapp"));
    let alarm = pbx.store.records.iter().find(|record| record.tags.contains_key("alarm")).expect("of the alarm");
    assert_eq!(alarm.tags.get("drill").map(String::as_str), Some("whatsapp"));
    let changes = pbx.events.iter().filter(|event| event.kind == "channel.changed");
    let changes: Vec<String> = changes.map(|event| serde_json::to_string(&event.data).expect("JSON")).collect();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|data| data.contains("\"drill\":true")), "{changes:?}");
    assert!(findings(&pbx, "alarms").iter().all(|finding| finding.works), "{:?}", findings(&pbx, "alarms"));
    assert!(findings(&pbx, "dialplan")[0].text.contains("whatsapp-down"));

    let after = pbx.customer_calls();
    pbx.advance(secs(2));
    assert!(!pbx.heard(after).iter().any(|heard| heard == "whatsapp-down"), "the drill is over");
}

#[test]
fn a_shadow_drill_changes_no_call_and_tells_nobody_but_says_what_would_have_been() {
    let mut pbx = bench();
    let owner = pbx.registered("201");
    begin(&mut pbx, Manner::Shadow).expect("it begins");
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    assert!(!pbx.heard(customer).iter().any(|heard| heard == "whatsapp-down"), "{:?}", pbx.heard(customer));
    pbx.hears(customer, "main-menu");
    pbx.hangs_up(customer);
    pbx.advance(Duration::from_secs(600));

    pbx.is_silent(owner);
    assert!(pbx.http.is_empty(), "no text is sent");
    assert!(!pbx.was_published("channel.changed") && !pbx.was_published("alarm.raised"));
    let record = pbx.store.records.last().expect("of the customer");
    assert!(!record.tags.contains_key("drill"), "nothing was changed");
    assert_eq!(record.channels_down, Vec::<String>::new());
    let calls = findings(&pbx, "calls");
    assert!(calls[0].text.starts_with("1 callers would have met:"), "{calls:?}");
    assert!(calls[0].text.contains("whatsapp-down"), "{calls:?}");
    assert!(findings(&pbx, "alarms")[0].text.contains("would be told: +5511999990000 by text, 201 by call"));
}

#[test]
fn what_would_fail_on_the_bad_day_is_found() {
    let plan = "number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" {\n    answer\n    hangup\n}\n";
    let mut pbx = Bench::build(&CONFIG.replace("operadora", "outra"), plan);
    begin(&mut pbx, Manner::Shadow).expect("it begins");
    pbx.advance(secs(601));
    let fails = |about: &str| findings(&pbx, about).iter().any(|finding| !finding.works);
    assert!(fails("dialplan"), "no step depends on the channel");
    assert!(fails("agents"), "nobody is signed in: {:?}", findings(&pbx, "agents"));
    assert!(fails("alarms"), "[alarm] names nobody");
}

#[test]
fn an_alarm_that_would_reach_nobody_is_found_by_a_drill() {
    let alarm = "\n[alarm]\ncall = [\"201\", \"999\"]\ntext = [\"+5511999990000\"]\ntext_by = [\"whatsapp\"]\n";
    let mut pbx = Bench::build(&format!("{CONFIG}{alarm}"), PLAN);
    pbx.registered("201");
    begin(&mut pbx, Manner::Shadow).expect("it begins");
    pbx.advance(secs(1));
    let alarms = findings(&pbx, "alarms");
    let told: Vec<(bool, &str)> = alarms.iter().map(|finding| (finding.works, finding.text.as_str())).collect();
    assert_eq!(told[0], (true, "would be told: 201 by call"), "{told:?}");
    assert_eq!(told[1], (false, "would not be told: +5511999990000 by text: no channel could carry it"), "{told:?}");
    assert!(!told[2].0 && told[2].1.starts_with("would not be told: 999 by call: "), "{told:?}");
}

#[test]
fn a_real_outage_ends_the_drill_and_is_told_as_one() {
    let mut pbx = bench();
    pbx.advance(secs(120));
    begin(&mut pbx, Manner::Full).expect("it begins");
    pbx.advance(secs(1));
    pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(90));
    let drill = the_drill(&pbx);
    assert!(!drill.is_open(), "{}", pbx.trace);
    assert!(drill.timeline.iter().any(|moment| moment.text.contains("a real outage began")));
    let real: Vec<&Incident> = pbx.store.incidents.values().filter(|incident| incident.drill.is_none()).collect();
    assert_eq!(real.len(), 1);
    assert!(real[0].is_open());
    let request = pbx.http_answers(200, r#"{"id":"sm-2"}"#);
    assert!(!String::from_utf8_lossy(&request.body).contains("EXERCÍCIO"), "the real alarm");
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");
    let refused = begin(&mut pbx, Manner::Full).expect_err("no exercise now");
    assert_eq!(refused.rule, "outage-goes-on");
}

#[test]
fn a_drill_goes_on_after_a_restart_until_its_time() {
    let mut pbx = bench();
    begin(&mut pbx, Manner::Full).expect("it begins");
    pbx.advance(secs(60));
    pbx.restarts(PLAN);
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");
    pbx.hangs_up(customer);
    pbx.advance(secs(600));
    assert!(!the_drill(&pbx).is_open(), "{}", pbx.trace);
    let after = pbx.customer_calls();
    pbx.advance(secs(2));
    assert!(!pbx.heard(after).iter().any(|heard| heard == "whatsapp-down"));
}

#[test]
fn a_drill_is_ended_by_hand_and_there_is_only_one_of_a_channel() {
    let mut pbx = bench();
    begin(&mut pbx, Manner::Shadow).expect("it begins");
    assert_eq!(begin(&mut pbx, Manner::Full).expect_err("one at a time").status, 409);
    pbx.advance(secs(3));
    let id = the_drill(&pbx).id.clone();
    assert_eq!(pbx.asks(Command::EndDrill("inc_nosuch".to_owned())).expect_err("unknown").rule, "unknown-drill");
    pbx.asks(Command::EndDrill(id)).expect("it ends");
    pbx.advance(secs(5));
    assert!(!the_drill(&pbx).is_open());
    let nosuch =
        DrillWish { channel: "nosuch".to_owned(), manner: Manner::Full, author: String::new(), lasts: secs(60) };
    let problem = pbx.asks(Command::StartDrill(nosuch)).expect_err("unknown");
    assert_eq!((problem.rule, &*problem.detail), ("unknown-name", "There is no channel `nosuch`."));
}
