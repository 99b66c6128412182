//! What becomes of a call in which somebody is not heard, and how a call that runs is measured.

use desvio::call::record::Party;
use desvio::media::command::Event;
use desvio::media::silence::Silence;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::effect::Subject;
use desvio::switch::input::Input;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;

/// A customer and Ana, who talk.
fn a_talk() -> (Bench, PhoneId, PhoneId) {
    let mut pbx =
        Bench::with_dialplan("number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" { dial \"200\" }\n");
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.rings(ana);
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    (pbx, customer, ana)
}

fn published(pbx: &Bench, kind: &str) -> serde_json::Value {
    let event = pbx.events.iter().find(|event| event.kind == kind).expect("was published");
    match &event.data {
        Subject::Other(data) => data.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn that_a_party_is_not_heard_is_told_with_its_likely_cause_and_that_it_is_heard_again() {
    let (mut pbx, customer, ana) = a_talk();
    let leg = pbx.leg(ana);
    pbx.input(Input::Media(Event::Quiet { leg, since: secs(10), silence: Silence::NeverCame }));
    pbx.input(Input::Media(Event::HeardAgain { leg, after: secs(14) }));
    let quiet = published(&pbx, "call.quiet");
    assert_eq!((quiet["party"].as_str(), quiet["side"].as_str()), (Some("200"), Some("theirs")));
    assert_eq!((quiet["cause"].as_str(), quiet["silent_ms"].as_u64()), (Some("never-came"), Some(10_000)));
    let again = published(&pbx, "call.heard-again");
    assert_eq!((again["silent_ms"].as_u64(), again.get("cause")), (Some(14_000), None));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    let steps: Vec<&str> = pbx.only_record().steps.iter().map(|step| step.what.as_str()).collect();
    assert!(steps.iter().any(|step| step.starts_with("no sound from 200 for 10 s: nothing ever came")), "{steps:?}");
    assert!(steps.contains(&"200 is heard again after 14 s"), "{steps:?}");
}

#[test]
fn that_no_reports_are_to_be_had_stands_in_the_record_and_ends_nothing() {
    let (mut pbx, customer, ana) = a_talk();
    let (leg, why) = (pbx.leg(ana), "the far side did not finish the DTLS handshake".to_owned());
    pbx.input(Input::Media(Event::NoReports { leg, why }));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    let steps: Vec<&str> = pbx.only_record().steps.iter().map(|step| step.what.as_str()).collect();
    assert!(
        steps.iter().any(|step| step.starts_with("no reports (RTCP) with 200, which go over another port: the far")),
        "{steps:?}"
    );
}

#[test]
fn a_caller_who_says_nothing_before_the_answer_is_not_missed() {
    let mut pbx = Bench::with_dialplan(
        "number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" { progress; dial \"200\" }\n",
    );
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.rings(ana);
    let leg = pbx.leg(customer);
    pbx.input(Input::Media(Event::Quiet { leg, since: secs(10), silence: Silence::NeverCame }));
    pbx.picks_up(ana);
    pbx.input(Input::Media(Event::HeardAgain { leg, after: secs(12) }));
    assert!(pbx.events.iter().all(|event| !["call.quiet", "call.heard-again"].contains(&event.kind)));
    pbx.input(Input::Media(Event::Quiet { leg, since: secs(10), silence: Silence::Stopped }));
    assert_eq!(published(&pbx, "call.quiet")["cause"].as_str(), Some("stopped"));
}

#[test]
fn a_silence_that_lasts_over_a_re_invite_is_told_once() {
    let (mut pbx, customer, _) = a_talk();
    let leg = pbx.leg(customer);
    for _ in 0..2 {
        pbx.input(Input::Media(Event::Quiet { leg, since: secs(10), silence: Silence::NeverCame }));
    }
    assert_eq!(pbx.events.iter().filter(|event| event.kind == "call.quiet").count(), 1);
}

#[test]
fn a_call_with_a_lifeless_caller_ends_and_says_why() {
    let (mut pbx, customer, ana) = a_talk();
    let leg = pbx.leg(customer);
    pbx.input(Input::Media(Event::Lifeless { leg, since: secs(60) }));
    pbx.ended(customer, "bye");
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.hung_up_by, record.cause), (Party::System, 102));
    assert!(record.steps.iter().any(|step| step.what == "ended: neither RTP nor RTCP from caller for 60 s"));
}

#[test]
fn a_call_with_a_lifeless_agent_ends_too() {
    let (mut pbx, customer, ana) = a_talk();
    let leg = pbx.leg(ana);
    pbx.input(Input::Media(Event::Lifeless { leg, since: secs(60) }));
    pbx.ended(ana, "bye");
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().cause, 102);
}

#[test]
fn a_phone_that_only_rings_is_not_lifeless() {
    let mut pbx = Bench::with_dialplan(
        "number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" { progress; dial \"200\" }\n",
    );
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.rings(ana);
    let leg = pbx.leg(customer);
    pbx.input(Input::Media(Event::Lifeless { leg, since: secs(60) }));
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
}

#[test]
fn who_asks_for_one_call_is_told_how_each_leg_goes_now() {
    let (mut pbx, customer, _) = a_talk();
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no calls") };
    assert!(calls[0].legs.is_empty(), "a list measures nothing");
    let Ok(Answer::Call(call)) = pbx.asks(Command::Call(calls[0].id.clone())) else { panic!("no call") };
    let parties: Vec<&str> = call.legs.iter().map(|leg| leg.party.as_str()).collect();
    assert_eq!(parties, ["caller", "200"]);
    assert!(call.legs.iter().all(|leg| leg.media.packets_received == 500 && leg.media.mos.unwrap() > 4.2));
    assert!(call.legs.iter().all(|leg| leg.media.round_trip_ms.is_none()), "nobody has measured it");
    assert_eq!(call.from, CUSTOMER);
    pbx.hangs_up(customer);
    let problem = pbx.asks(Command::Call(call.id)).unwrap_err();
    assert_eq!(problem.status, 404);
}
