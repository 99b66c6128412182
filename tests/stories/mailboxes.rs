//! Messages are listened to by telephone, and the operator is told of new ones.

use desvio::call::record::Voicemail;
use desvio::media::command::RecordEnd;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::input::Input;
use desvio::switch::input::Ticket;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

const CONFIG: &str = include_str!("../data/bench.toml");

const PLAN: &str = r#"
number "+551140031234" flow="recado"
number "+551140031299" flow="ouvir"
flow "recado" { voicemail "200"; hangup }
flow "ouvir" { mailbox "200"; hangup }"#;

fn with_pin() -> Bench {
    Bench::build(&format!("{CONFIG}\n[[mailbox]]\nname = \"200\"\npin = \"4711\"\n"), PLAN)
}

fn leaves_a_message(pbx: &mut Bench) {
    let customer = pbx.customer_calls();
    pbx.advance(secs(15));
    let leg = pbx.leg(customer);
    pbx.recording_ends(leg);
    pbx.advance(secs(20));
    pbx.all_is_quiet();
}

/// Somebody calls the number under which the mailbox answers.
fn opens(pbx: &mut Bench) -> PhoneId {
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some("+5511977776666"), "+551140031299");
    carrier
}

fn heard_since(pbx: &Bench, phone: PhoneId, from: usize) -> Vec<String> {
    pbx.heard(phone).split_off(from)
}

#[test]
fn the_pin_opens_the_mailbox_and_each_message_is_told_with_its_caller_and_time() {
    let mut pbx = with_pin();
    leaves_a_message(&mut pbx);
    let caller = opens(&mut pbx);
    pbx.hears(caller, "mailbox-pin");
    pbx.presses(caller, "4711#");
    let intro = ["mailbox-new", "digit-1", "mailbox-old", "digit-0", "mailbox-menu"];
    assert_eq!(heard_since(&pbx, caller, 1), intro, "{}", pbx.trace);
    pbx.presses(caller, "1");
    let told = heard_since(&pbx, caller, 6);
    assert_eq!(told[..3], ["mailbox-from", "digit-5", "digit-5"], "{told:?}");
    assert!(told.contains(&"mailbox-at".to_owned()) && told.contains(&"number-15".to_owned()), "{told:?}");
    assert!(told.iter().any(|name| name.ends_with(".wav")), "the message itself: {told:?}");
    assert!(pbx.store.voicemails[0].heard.is_none());
    pbx.advance(secs(40));
    assert!(pbx.store.voicemails[0].heard.is_some(), "heard to its end");
    pbx.presses(caller, "1");
    pbx.presses(caller, "2");
    assert_eq!(pbx.events.iter().filter(|event| event.kind == "voicemail.heard").count(), 1, "told once");
    pbx.presses(caller, "*");
    pbx.advance(secs(10));
    pbx.ended(caller, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_message_can_be_repeated_and_deleted_with_its_file() {
    let mut pbx = with_pin();
    leaves_a_message(&mut pbx);
    leaves_a_message(&mut pbx);
    let caller = opens(&mut pbx);
    pbx.presses(caller, "4711#");
    pbx.presses(caller, "1");
    pbx.presses(caller, "1");
    let files = pbx.heard(caller).into_iter().filter(|name| name.ends_with(".wav")).collect::<Vec<_>>();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], files[1], "the same again");
    pbx.presses(caller, "3");
    assert_eq!((pbx.store.voicemails.len(), pbx.removed.len()), (1, 1));
    pbx.advance(secs(5));
    assert_eq!(pbx.heard(caller).iter().filter(|name| name.ends_with(".wav")).count(), 3, "the next one follows");
    pbx.presses(caller, "2");
    pbx.hears(caller, "mailbox-no-more");
    pbx.hangs_up(caller);
    pbx.all_is_quiet();
}

#[test]
fn two_messages_of_one_call_are_two_files() {
    let plan = r#"
number "+551140031234" flow="recado"
flow "recado" { voicemail "200"; voicemail "200"; hangup }"#;
    let mut pbx = Bench::build(CONFIG, plan);
    let customer = pbx.customer_calls();
    for _ in 0..2 {
        pbx.advance(secs(25));
        let leg = pbx.leg(customer);
        pbx.recording_ends(leg);
    }
    pbx.advance(secs(20));
    pbx.all_is_quiet();
    let paths: Vec<&str> = pbx.store.voicemails.iter().map(|message| message.path.as_str()).collect();
    assert_eq!(paths.len(), 2, "{}", pbx.trace);
    assert_ne!(paths[0], paths[1]);
}

#[test]
fn three_wrong_pins_end_it_and_no_pin_stands_in_the_record() {
    let mut pbx = with_pin();
    let caller = opens(&mut pbx);
    for _ in 0..3 {
        pbx.presses(caller, "9999#");
    }
    pbx.advance(secs(10));
    pbx.ended(caller, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert!(record.steps.iter().any(|step| step.what == "a wrong PIN"));
    assert!(!format!("{record:?}").contains("9999"));
}

#[test]
fn a_mailbox_without_a_pin_is_for_its_owners_phones_alone() {
    let mut pbx = Bench::build(CONFIG, PLAN);
    let caller = opens(&mut pbx);
    pbx.ended(caller, "bye");
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031299");
    pbx.hears(ana, "mailbox-menu");
    assert!(!pbx.heard(ana).contains(&"mailbox-pin".to_owned()));
    pbx.advance(secs(60));
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_greeting_recorded_by_telephone_is_heard_by_the_next_caller() {
    let mut pbx = with_pin();
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031299");
    pbx.presses(ana, "2");
    pbx.hears(ana, "mailbox-greeting");
    pbx.advance(secs(10));
    let leg = pbx.leg(ana);
    for event in pbx.pump.stop_recording(leg, pbx.now, RecordEnd::Key('#')) {
        pbx.input(Input::Media(event));
    }
    pbx.hears(ana, "mailbox-greeting-saved");
    pbx.hangs_up(ana);
    let customer = pbx.customer_calls();
    pbx.hears(customer, "greeting.wav");
    assert!(!pbx.heard(customer).contains(&"voicemail".to_owned()));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn somebody_who_hangs_up_while_recording_his_greeting_leaves_nothing_open() {
    let mut pbx = with_pin();
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031299");
    pbx.presses(ana, "2");
    pbx.advance(secs(10));
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_greeting_that_is_too_short_is_none_after_a_restart_either() {
    let mut pbx = with_pin();
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031299");
    pbx.presses(ana, "2");
    let prompted = pbx.pump.next_end().expect("a prompt and a tone") - pbx.now;
    pbx.advance(prompted);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    assert!(pbx.removed.iter().any(|path| path.ends_with("200/greeting.wav")), "{:?}", pbx.removed);
}

/// What is played to somebody comes to its end while he is hanging up.
fn ends_as_the_call_does(pbx: &mut Bench) {
    let Ok(Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list of calls") };
    let command = Command::HangUp(calls[0].id.clone());
    let (now, later) = (pbx.now, pbx.now + secs(60));
    pbx.switch.handle(Input::Command { ticket: Ticket(9_999), command }, now);
    for event in pbx.pump.finished(later) {
        pbx.switch.handle(Input::Media(event), now);
    }
    pbx.settle();
    pbx.all_is_quiet();
}

#[test]
fn a_tone_that_ends_while_the_caller_hangs_up_records_nothing() {
    let mut pbx = with_pin();
    let customer = pbx.customer_calls();
    pbx.hears(customer, "voicemail");
    ends_as_the_call_does(&mut pbx);
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031299");
    pbx.presses(ana, "2");
    ends_as_the_call_does(&mut pbx);
}

#[test]
fn the_operators_command_is_told_of_each_message_and_its_failure_stands_in_the_api() {
    let mut pbx = with_pin();
    leaves_a_message(&mut pbx);
    assert_eq!(pbx.store.voicemails[0].notified.as_deref(), Some("sent"));
    pbx.mail_fails = Some("no route".to_owned());
    leaves_a_message(&mut pbx);
    let failed = pbx.store.voicemails.iter().filter_map(|message| message.notified.as_deref());
    assert!(failed.clone().any(|notified| notified == "failed: no route"));
    assert!(pbx.was_published("voicemail.notified") && pbx.was_published("voicemail.notice-failed"));
}

fn left_before() -> Voicemail {
    Voicemail {
        id: "vm_1".to_owned(),
        mailbox: "200".to_owned(),
        call: "call_1".to_owned(),
        from: "+5511988887777".to_owned(),
        left: "2026-11-23T12:00:00Z".parse().expect("a time"),
        length_ms: 3_000,
        path: "200/1.wav".to_owned(),
        heard: None,
        notified: None,
    }
}

/// Ana talks to a customer, opens her mailbox aside, and brings the customer there before the disk has answered.
fn a_customer_comes_in_before_the_disk_answers(keys: &str, then: &str) -> (Bench, PhoneId) {
    let plan = r#"
number "+551140031234" flow="entrada"
number "+551140031299" flow="ouvir"
flow "entrada" { dial "200"; hangup }
flow "ouvir" { mailbox "200"; THEN; hangup }"#;
    let plan = plan.replace("THEN", then);
    let mut pbx = Bench::larger_with("[[mailbox]]\nname = \"200\"\npin = \"4711\"\n", &plan);
    pbx.store.voicemails.push(left_before());
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.picks_up(ana);
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    if keys.is_empty() {
        pbx.held = Some(Vec::new());
    }
    pbx.calls(ana, None, "+551140031299");
    pbx.held.get_or_insert_default();
    pbx.presses(ana, keys);
    assert_eq!(pbx.held.as_ref().map(Vec::len), Some(1), "{}", pbx.trace);
    pbx.does(ana, |phone, now| phone.joins_both(now));
    pbx.disk_answers();
    (pbx, customer)
}

#[test]
fn a_message_that_comes_late_from_the_disk_is_not_heard_by_whom_the_listener_brought_in() {
    let (mut pbx, customer) = a_customer_comes_in_before_the_disk_answers("1", "wait \"30s\"");
    assert!(!pbx.heard(customer).iter().any(|name| name.ends_with(".wav")), "{}", pbx.trace);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn the_list_of_a_listener_who_has_left_opens_the_mailbox_to_nobody_else() {
    let (mut pbx, customer) = a_customer_comes_in_before_the_disk_answers("", "mailbox \"200\"");
    pbx.hears(customer, "mailbox-pin");
    assert!(!pbx.heard(customer).contains(&"mailbox-menu".to_owned()), "{}", pbx.trace);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}
