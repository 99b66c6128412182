//! Calls that are recorded: by the dialplan, by their queue, through the API; and what stays of them.

use desvio::call::record::CallId;
use desvio::call::record::RecordingState;
use desvio::call::record::TalkRecording;
use desvio::dialplan::order::RecordOrder;
use desvio::media::both_sides::Channels;
use desvio::media::command::RecordEnd;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::Problem;
use desvio::switch::input::Input;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

const CONFIG: &str = include_str!("../data/bench.toml");

const QUEUE: &str = r#"
number "+551140031234" flow="entrada"
flow "entrada" {
    answer
    queue "vendas"
}"#;

const RECORDED: &str = r#"
number "+551140031234" flow="entrada"
flow "entrada" {
    record channels="stereo" name="{caller}" notice="recording-notice"
    queue "vendas"
}"#;

fn order(pbx: &mut Bench, order: RecordOrder) -> Result<TalkRecording, Problem> {
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list of calls") };
    let call = calls.first().map_or_else(|| CallId("call_none".to_owned()), |call| call.id.clone());
    match pbx.asks(Command::RecordCall { call, order }) {
        Ok(Answer::Recording(recording)) => Ok(*recording),
        Ok(other) => panic!("{other:?}"),
        Err(problem) => Err(problem),
    }
}

fn only_recording(pbx: &Bench) -> TalkRecording {
    assert_eq!(pbx.store.recordings.len(), 1, "{}", pbx.trace);
    pbx.store.recordings.values().next().expect("one recording").clone()
}

/// A customer talks to an agent.
fn talk(pbx: &mut Bench) -> (PhoneId, PhoneId) {
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.advance(secs(12));
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    (customer, ana)
}

#[test]
fn a_recorded_call_is_told_to_the_caller_first_and_named_in_its_record() {
    let mut pbx = Bench::with_dialplan(RECORDED);
    let (customer, ana) = talk(&mut pbx);
    pbx.hears(customer, "recording-notice");
    assert!(pbx.was_published("recording.started"));
    assert_eq!(only_recording(&pbx).state, RecordingState::Recording, "kept from its beginning on");
    let leg = pbx.leg(customer);
    assert_eq!(pbx.pump.legs[&leg].talk.as_ref().map(|talk| talk.channels), Some(Channels::Stereo));
    pbx.advance(secs(60));
    pbx.hangs_up(ana);
    pbx.all_is_quiet();

    let kept = only_recording(&pbx);
    assert_eq!(
        (kept.state, kept.channels, kept.name.as_deref()),
        (RecordingState::Completed, Channels::Stereo, Some("+5511999998888"))
    );
    assert!((60_000..73_000).contains(&kept.length_ms), "{kept:?}");
    assert!(pbx.was_published("recording.completed"));
    assert_eq!(pbx.only_record().recordings, [kept]);
}

#[test]
fn a_queue_that_records_does_so_from_the_answer_of_its_agent_on() {
    let config = CONFIG.replace("wrap_up = \"10s\"", "wrap_up = \"10s\"\nrecord = true");
    let mut pbx = Bench::build(&config, QUEUE);
    let (customer, _) = talk(&mut pbx);
    pbx.advance(secs(30));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    let kept = only_recording(&pbx);
    assert_eq!((kept.channels, kept.length_ms), (Channels::Stereo, 30_000), "without the wait");
}

#[test]
fn a_queue_that_does_not_record_leaves_no_file() {
    let mut pbx = Bench::with_dialplan(QUEUE);
    let (customer, _) = talk(&mut pbx);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert!(pbx.store.recordings.is_empty() && pbx.only_record().recordings.is_empty());
}

#[test]
fn a_card_number_is_left_out_by_a_pause_through_the_api() {
    let mut pbx = Bench::with_dialplan(QUEUE);
    let (customer, _) = talk(&mut pbx);
    assert_eq!(order(&mut pbx, RecordOrder::Pause).unwrap_err().rule, "not-recorded");
    order(&mut pbx, RecordOrder::Start { name: None, channels: Channels::Mono }).unwrap();
    let again = order(&mut pbx, RecordOrder::Start { name: None, channels: Channels::Mono });
    assert_eq!(again.unwrap_err().rule, "already-recorded");
    pbx.advance(secs(10));
    assert_eq!(order(&mut pbx, RecordOrder::Pause).unwrap().state, RecordingState::Paused);
    assert_eq!(order(&mut pbx, RecordOrder::Pause).unwrap().state, RecordingState::Paused, "twice is once");
    pbx.advance(secs(20));
    order(&mut pbx, RecordOrder::Resume).unwrap();
    pbx.advance(secs(5));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(only_recording(&pbx).length_ms, 15_000);
    assert!(pbx.was_published("recording.paused") && pbx.was_published("recording.resumed"));
}

#[test]
fn a_recording_can_be_ended_and_another_begun_while_the_talk_goes_on() {
    let mut pbx = Bench::with_dialplan(QUEUE);
    let (customer, ana) = talk(&mut pbx);
    for _ in 0..2 {
        order(&mut pbx, RecordOrder::Start { name: None, channels: Channels::Mono }).unwrap();
        pbx.advance(secs(10));
        order(&mut pbx, RecordOrder::Stop).unwrap();
    }
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    let lengths: Vec<u64> = pbx.only_record().recordings.iter().map(|recording| recording.length_ms).collect();
    assert_eq!(lengths, [10_000, 10_000]);
}

#[test]
fn a_full_disk_ends_the_recording_and_nobody_hears_of_it() {
    let mut pbx = Bench::with_dialplan(RECORDED);
    let (customer, ana) = talk(&mut pbx);
    pbx.advance(secs(10));
    let leg = pbx.leg(customer);
    let full = RecordEnd::Failed("no space left on device".to_owned());
    for event in pbx.pump.end_talk(leg, pbx.now, full) {
        pbx.input(Input::Media(event));
    }
    pbx.are_talking(customer, ana);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    let kept = only_recording(&pbx);
    assert_eq!((kept.state, kept.why.as_deref()), (RecordingState::Failed, Some("no space left on device")));
    assert_eq!(pbx.only_record().recordings.len(), 1);
}

#[test]
fn a_recording_goes_on_through_a_hold_and_is_deleted_only_when_it_is_over() {
    let mut pbx = Bench::with_dialplan(RECORDED);
    let (customer, ana) = talk(&mut pbx);
    let running = Command::DeleteRecording { recording: Box::new(only_recording(&pbx)) };
    assert_eq!(pbx.asks(running).unwrap_err().rule, "recording-runs");
    pbx.advance(secs(10));
    pbx.hangs_up(ana);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    let over = Command::DeleteRecording { recording: Box::new(only_recording(&pbx)) };
    pbx.asks(over).unwrap();
    assert!(pbx.store.recordings.is_empty() && pbx.was_published("recording.deleted"));
}

#[test]
fn a_customer_who_is_moved_into_another_call_leaves_his_recording_complete_in_the_first() {
    let mut pbx = Bench::larger();
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "0");
    pbx.picks_up(ana);
    order(&mut pbx, RecordOrder::Start { name: None, channels: Channels::Mono }).unwrap();
    pbx.advance(secs(10));
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "+551140031234");
    pbx.advance(secs(30));
    pbx.presses(ana, "1");
    pbx.does(ana, |phone, now| phone.joins_both(now));
    let kept = only_recording(&pbx);
    assert_eq!((kept.state, kept.length_ms), (RecordingState::Completed, 40_000), "{}", pbx.trace);
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.advance(secs(20));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(only_recording(&pbx), kept, "the talk that followed was not recorded");
    let of: Vec<_> = pbx.store.records.iter().map(|record| (record.id.0.as_str(), record.recordings.len())).collect();
    assert_eq!(of.len(), 2, "one record for each call: {of:?}");
    assert!(of.contains(&(kept.call.as_str(), 1)), "{of:?}");
}

#[test]
fn a_call_that_rings_is_not_recorded() {
    let mut pbx =
        Bench::with_dialplan("number \"+551140031234\" flow=\"a\"\nflow \"a\" { ringing; wait \"10s\"; hangup }");
    let customer = pbx.customer_calls();
    let refused = order(&mut pbx, RecordOrder::Start { name: None, channels: Channels::Mono });
    assert_eq!(refused.unwrap_err().rule, "not-answered");
    pbx.hangs_up(customer);
    assert_eq!(order(&mut pbx, RecordOrder::Stop).unwrap_err().rule, "unknown-call");
}

#[test]
fn a_caller_hears_himself_until_he_presses_the_hash_key_and_tones_last_their_time() {
    let mut pbx = Bench::with_dialplan(
        r#"
number "+551140031234" flow="a"
flow "a" {
    echo up-to="30s"
    tone "busy" up-to="4s"
    tone "beep"
    hangup
}"#,
    );
    let customer = pbx.customer_calls();
    let leg = pbx.leg(customer);
    assert!(pbx.pump.legs[&leg].echoes, "{}", pbx.trace);
    pbx.presses(customer, "1");
    pbx.advance(secs(10));
    assert!(pbx.pump.legs[&leg].echoes, "{}", pbx.trace);
    pbx.presses(customer, "#");
    assert!(!pbx.pump.legs[&leg].echoes, "{}", pbx.trace);
    pbx.advance(secs(3));
    assert!(pbx.is_played_to(customer));
    pbx.advance(secs(3));
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
}
