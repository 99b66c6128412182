//! Whether a caller may be recorded is his to say, and what he says holds for all that records.

use desvio::dialplan::order::Consent;
use desvio::dialplan::order::RecordOrder;
use desvio::media::both_sides::Channels;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::transfers::tells;

fn asked(key: &str) -> (Bench, PhoneId, PhoneId) {
    let steps = format!(
        "number \"+551140031234\" flow=\"a\"\nflow \"a\" {{\n    answer\n    consent \"recording-notice\" {key} {{\n        refused {{ tag \"gravacao\" \"recusada\" }}\n    }}\n    record\n    dial \"200\"\n}}\n"
    );
    let mut pbx = Bench::with_dialplan(&steps);
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.hears(customer, "recording-notice");
    (pbx, ana, customer)
}

fn is_recorded(pbx: &Bench, customer: PhoneId) -> bool {
    pbx.pump.legs[&pbx.leg(customer)].talk.is_some()
}

#[test]
fn whoever_says_nothing_against_it_is_recorded() {
    let (mut pbx, ana, customer) = asked("refuse-key=\"9\"");
    pbx.advance(secs(20));
    pbx.picks_up(ana);
    assert!(is_recorded(&pbx, customer), "{}", pbx.trace);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.consent, record.recordings.len()), (Some(Consent::Given), 1));
}

#[test]
fn after_a_refusal_neither_the_dialplan_nor_a_program_records() {
    let (mut pbx, ana, customer) = asked("refuse-key=\"9\"");
    pbx.presses(customer, "9");
    pbx.rings(ana);
    pbx.picks_up(ana);
    assert!(!is_recorded(&pbx, customer), "{}", pbx.trace);
    let call = {
        let Ok(desvio::switch::command::Answer::Calls(calls)) = pbx.asks(Command::Calls) else { panic!("no list") };
        calls[0].id.clone()
    };
    let order = RecordOrder::Start { name: None, channels: Channels::Mono };
    let refused = pbx.asks(Command::RecordCall { call, order }).expect_err("the caller has refused");
    assert_eq!(refused.status, 409);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.consent, record.recordings.len()), (Some(Consent::Refused), 0));
    assert_eq!(record.tags.get("gravacao").map(String::as_str), Some("recusada"));
    assert!(tells(record, "the caller refuses to be recorded"), "{record:?}");
}

#[test]
fn where_a_yes_is_wanted_silence_is_a_no() {
    let (mut pbx, ana, customer) = asked("accept-key=\"1\"");
    pbx.advance(secs(20));
    pbx.picks_up(ana);
    assert!(!is_recorded(&pbx, customer));
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().consent, Some(Consent::Refused));
    let (mut pbx, ana, customer) = asked("accept-key=\"1\"");
    pbx.presses(customer, "1");
    pbx.picks_up(ana);
    assert!(is_recorded(&pbx, customer));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn who_hangs_up_on_the_notice_has_said_nothing() {
    let (mut pbx, _, customer) = asked("refuse-key=\"9\"");
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().consent, None);
}
