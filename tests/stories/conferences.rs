//! Conferences and supervisors: who hears whom, who waits for whom, and who is sent away.

use desvio::call::record::CallId;
use desvio::call::record::SupervisorMode;
use desvio::dialplan::attendance::Speech;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::ConferenceView;
use desvio::switch::command::Taping;
use desvio::switch::effect::Subject;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

fn room(properties: &str) -> Bench {
    Bench::larger_with(
        "",
        &format!(
            "number \"{BUSINESS}\" flow=\"sala\"\nflow \"sala\" {{\n    conference \"equipe\" {properties}\n    hangup\n}}\n"
        ),
    )
}

/// A phone of the house that calls the number of the conference.
fn comes(pbx: &mut Bench, extension: &str) -> PhoneId {
    let phone = pbx.registered(extension);
    pbx.calls(phone, None, BUSINESS);
    phone
}

fn conference(pbx: &mut Bench) -> ConferenceView {
    match pbx.asks(Command::Conference("equipe".to_owned())) {
        Ok(Answer::Conference(view)) => *view,
        other => panic!("{other:?}\n{}", pbx.trace),
    }
}

/// The call of an extension that is in the conference.
fn call_of(pbx: &mut Bench, extension: &str) -> CallId {
    let members = conference(pbx).members;
    members.into_iter().find(|member| member.party == extension).expect("a member").call
}

#[track_caller]
fn hears(pbx: &Bench, listener: PhoneId, speakers: &[PhoneId], silent: &[PhoneId]) {
    let heard = |speaker: &PhoneId| pbx.pump.hears(pbx.leg(listener), pbx.leg(*speaker));
    assert!(speakers.iter().all(heard), "somebody is not heard\n{}", pbx.trace);
    assert!(!silent.iter().any(heard), "somebody is heard\n{}", pbx.trace);
}

fn published(pbx: &Bench, kind: &str) -> usize {
    pbx.events.iter().filter(|event| event.kind == kind).count()
}

#[test]
fn three_callers_hear_each_other_and_the_last_one_out_ends_it() {
    let mut pbx = room("");
    let ana = comes(&mut pbx, "200");
    let bruno = comes(&mut pbx, "201");
    pbx.hears(ana, "conference-joined");
    let customer = pbx.customer_calls();
    hears(&pbx, ana, &[bruno, customer], &[ana]);
    hears(&pbx, customer, &[ana, bruno], &[customer]);
    assert_eq!(conference(&mut pbx).members.len(), 3);
    assert_eq!(published(&pbx, "conference.joined"), 3);

    pbx.hangs_up(ana);
    pbx.hears(bruno, "conference-left");
    hears(&pbx, bruno, &[customer], &[]);
    pbx.hangs_up(bruno);
    assert!(!pbx.was_published("conference.ended"));
    pbx.hangs_up(customer);
    assert!(pbx.was_published("conference.ended"));
    assert_eq!(pbx.asks(Command::Conference("equipe".to_owned())).unwrap_err().rule, "unknown-conference");
    pbx.all_is_quiet();
    assert!(pbx.store.records.iter().all(|record| record.conference.as_deref() == Some("equipe")));
}

#[test]
fn whoever_types_the_moderators_pin_opens_the_room_and_closes_it() {
    let mut pbx = room("pin=\"11\" moderator-pin=\"99\" wait-for-moderator=\"yes\" ends-with-moderator=\"yes\"");
    let ana = comes(&mut pbx, "200");
    pbx.hears(ana, "conference-pin");
    pbx.presses(ana, "11");
    pbx.hears(ana, "default");
    assert!(pbx.is_played_to(ana) && conference(&mut pbx).members[0].waiting);
    let bruno = comes(&mut pbx, "201");
    pbx.presses(bruno, "99");
    assert!(!pbx.is_played_to(ana), "the music goes on\n{}", pbx.trace);
    hears(&pbx, ana, &[bruno], &[]);
    hears(&pbx, bruno, &[ana], &[]);
    pbx.hangs_up(bruno);
    pbx.advance(secs(1));
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_pin_that_is_guessed_at_over_many_calls_is_refused_for_a_while() {
    let mut pbx = room("pin=\"1234\" moderator-pin=\"98765\"");
    let [guesser, ana] = ["200", "201"].map(|extension| pbx.registered(extension));
    let tries = |pbx: &mut Bench, phone, pin: &str| {
        pbx.calls(phone, None, BUSINESS);
        pbx.hears(phone, "conference-pin");
        pbx.presses(phone, pin);
        let came_in = pbx.asks(Command::Conference("equipe".to_owned())).is_ok();
        pbx.hangs_up(phone);
        pbx.advance(secs(1));
        came_in
    };
    assert!(tries(&mut pbx, ana, "1234"));
    // Two in each call: the third would end it. Half a PIN, with the pause that ends it, is a guess as well.
    for guess in ["0000#0001#", "0002#0003#", "0004#0005#", "0006#0007#", "0008#"] {
        assert!(!tries(&mut pbx, guesser, guess), "{guess}");
    }
    pbx.calls(guesser, None, BUSINESS);
    pbx.presses(guesser, "0009");
    pbx.advance(secs(12));
    pbx.hangs_up(guesser);
    assert!(!tries(&mut pbx, ana, "1234"), "whoever types it\n{}", pbx.trace);
    assert!(!tries(&mut pbx, ana, "98765"), "the moderator's as well");
    pbx.advance(secs(15 * 60));
    assert!(tries(&mut pbx, ana, "1234"), "{}", pbx.trace);
    pbx.all_is_quiet();
}

#[test]
fn the_room_closes_with_the_last_moderator_and_not_before_also_when_he_is_sent_away() {
    let mut pbx = room("pin=\"11\" moderator-pin=\"99\" ends-with-moderator=\"yes\"");
    let [ana, bruno, carla] = [("200", "11"), ("201", "99"), ("202", "99")].map(|(extension, pin)| {
        let phone = comes(&mut pbx, extension);
        pbx.presses(phone, pin);
        phone
    });
    pbx.hangs_up(bruno);
    hears(&pbx, ana, &[carla], &[]);
    let call = call_of(&mut pbx, "202");
    pbx.asks(Command::SendMemberAway { conference: "equipe".to_owned(), call }).expect("sent away");
    pbx.ended(carla, "bye");
    pbx.advance(secs(1));
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_wrong_pin_is_asked_for_again_and_a_full_room_lets_nobody_in() {
    let mut pbx = room("pin=\"11\" max=2 {\n        full { play \"all-busy\" }\n    }");
    let ana = comes(&mut pbx, "200");
    pbx.presses(ana, "22");
    assert_eq!(pbx.heard(ana).iter().filter(|sound| *sound == "conference-pin").count(), 2);
    pbx.presses(ana, "11");
    let bruno = comes(&mut pbx, "201");
    pbx.presses(bruno, "11");
    hears(&pbx, ana, &[bruno], &[]);
    let carla = comes(&mut pbx, "202");
    pbx.presses(carla, "11");
    pbx.hears(carla, "all-busy");
    assert_eq!(conference(&mut pbx).members.len(), 2);
    pbx.advance(secs(20));
    pbx.ended(carla, "bye");
    assert_eq!(pbx.only_record().conference, None, "he was never in it");
}

#[test]
fn the_api_mutes_lets_speak_and_sends_away() {
    let mut pbx = room("");
    let (ana, bruno) = (comes(&mut pbx, "200"), comes(&mut pbx, "201"));
    let call = call_of(&mut pbx, "201");
    let set = |speech| Command::SetMemberSpeech { conference: "equipe".to_owned(), call: call.clone(), speech };
    pbx.asks(set(Speech::Muted)).expect("muted");
    hears(&pbx, ana, &[], &[bruno]);
    hears(&pbx, bruno, &[ana], &[]);
    assert!(conference(&mut pbx).members[1].muted);
    pbx.asks(set(Speech::Open)).expect("heard");
    hears(&pbx, ana, &[bruno], &[]);
    assert!(pbx.was_published("conference.muted") && pbx.was_published("conference.unmuted"));
    let away = |call| Command::SendMemberAway { conference: "equipe".to_owned(), call };
    pbx.asks(away(call.clone())).expect("sent away");
    pbx.ended(bruno, "bye");
    assert_eq!(pbx.asks(away(call)).unwrap_err().rule, "unknown-member");
    assert_eq!(conference(&mut pbx).members.len(), 1);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_phone_that_holds_plays_no_music_into_the_room() {
    let mut pbx = room("");
    let (ana, bruno) = (comes(&mut pbx, "200"), comes(&mut pbx, "201"));
    pbx.does(ana, |phone, now| phone.offers("sendonly", now));
    hears(&pbx, bruno, &[], &[ana]);
    pbx.does(ana, |phone, now| phone.offers("sendrecv", now));
    hears(&pbx, bruno, &[ana], &[]);
}

#[test]
fn a_conference_is_recorded_from_its_first_voice_to_its_last_or_as_long_as_asked() {
    let mut pbx = room("record=\"yes\"");
    let ana = comes(&mut pbx, "200");
    let file = conference(&mut pbx).recording.expect("a file");
    assert!(file.starts_with("conferences/equipe-"), "{file}");
    pbx.advance(secs(5));
    let tape = |taping| Command::TapeConference { conference: "equipe".to_owned(), taping };
    pbx.asks(tape(Taping::Stop)).expect("stopped");
    assert_eq!(conference(&mut pbx).recording, None);
    let told = pbx.events.iter().rev().find(|event| event.kind == "conference.recorded").expect("told");
    let Subject::Other(data) = &told.data else { panic!("{told:?}") };
    assert_eq!((data["length_ms"].as_u64(), data["path"].as_str()), (Some(5_000), Some(file.as_str())));
    pbx.asks(tape(Taping::Start)).expect("started");
    pbx.advance(secs(2));
    pbx.hangs_up(ana);
    assert_eq!(published(&pbx, "conference.recorded"), 2);
    pbx.all_is_quiet();
}

/// A customer talks to Ana, and Carla can be brought in.
fn talk() -> (Bench, [PhoneId; 3], CallId) {
    let mut pbx = Bench::larger();
    let (ana, carla) = (pbx.registered("200"), pbx.registered("202"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "0");
    pbx.picks_up(ana);
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no calls") };
    (pbx, [ana, carla, customer], calls[0].id.clone())
}

fn supervise(call: &CallId, extension: &str, mode: SupervisorMode) -> Command {
    Command::Supervise { call: call.clone(), extension: extension.to_owned(), mode }
}

#[test]
fn a_supervisor_listens_whispers_barges_in_and_leaves() {
    let (mut pbx, [ana, carla, customer], call) = talk();
    pbx.asks(supervise(&call, "202", SupervisorMode::Listen)).expect("rung");
    pbx.rings(carla);
    pbx.are_talking(customer, ana);
    pbx.picks_up(carla);
    hears(&pbx, carla, &[ana, customer], &[]);
    hears(&pbx, ana, &[customer], &[carla]);
    hears(&pbx, customer, &[ana], &[carla]);

    pbx.asks(supervise(&call, "202", SupervisorMode::Whisper)).expect("whispers");
    hears(&pbx, ana, &[customer, carla], &[]);
    hears(&pbx, customer, &[ana], &[carla]);

    pbx.asks(supervise(&call, "202", SupervisorMode::Barge)).expect("barges in");
    hears(&pbx, ana, &[customer, carla], &[]);
    hears(&pbx, customer, &[ana, carla], &[]);
    assert_eq!(pbx.asks(supervise(&call, "201", SupervisorMode::Listen)).unwrap_err().rule, "supervised");

    pbx.hangs_up(carla);
    pbx.are_talking(customer, ana);
    assert!(pbx.was_published("call.supervision-ended"));
    pbx.hangs_up(customer);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_supervision_ends_with_the_talk_and_a_supervisor_who_does_not_pick_up_disturbs_nobody() {
    let (mut pbx, [ana, carla, customer], call) = talk();
    pbx.asks(supervise(&call, "202", SupervisorMode::Barge)).expect("rung");
    pbx.advance(secs(31));
    pbx.is_silent(carla);
    pbx.are_talking(customer, ana);
    pbx.asks(supervise(&call, "202", SupervisorMode::Barge)).expect("rung again");
    pbx.picks_up(carla);
    hears(&pbx, customer, &[ana, carla], &[]);
    pbx.hangs_up(ana);
    pbx.advance(secs(1));
    pbx.ended(carla, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert!(record.steps.iter().any(|step| step.what == "supervisor 202: talks with both"), "{:?}", record.steps);
}

#[test]
fn a_transfer_takes_the_talk_out_of_the_supervisors_ears() {
    let (mut pbx, [ana, carla, customer], call) = talk();
    let bruno = pbx.registered("201");
    pbx.asks(supervise(&call, "202", SupervisorMode::Listen)).expect("rung");
    pbx.picks_up(carla);
    pbx.does(ana, |phone, now| phone.refers("<sip:201@desvio.test>", &[], now));
    pbx.advance(secs(1));
    pbx.ended(carla, "bye");
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn keys_reach_the_other_side_though_somebody_listens() {
    let (mut pbx, [ana, carla, customer], call) = talk();
    pbx.asks(supervise(&call, "202", SupervisorMode::Listen)).expect("rung");
    pbx.picks_up(carla);
    pbx.presses(ana, "5");
    assert_eq!(pbx.pump.pressed_to(pbx.leg(customer)), "5");
    assert_eq!(pbx.pump.pressed_to(pbx.leg(carla)), "");
}

#[test]
fn nobody_is_supervised_who_does_not_talk() {
    let mut pbx = room("");
    let ana = comes(&mut pbx, "200");
    let call = call_of(&mut pbx, "200");
    assert_eq!(pbx.asks(supervise(&call, "201", SupervisorMode::Listen)).unwrap_err().rule, "no-talk");
    assert_eq!(pbx.asks(supervise(&call, "nobody", SupervisorMode::Listen)).unwrap_err().rule, "unknown-name");
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}
