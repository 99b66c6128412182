//! What the SIP of one leg means for the other: causes, loops, early announcements, and far ends that vanish.

use bytes::Bytes;
use desvio::call::record::Party;
use desvio::call::record::Status;
use desvio::media::codec::CodecKind;
use desvio::sip::headers::Name;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

const CLOSED: &str = r#"
number "+551140031234" flow="entrada"
route "+*" trunk="operadora"
flow "entrada" {
    progress
    play "closed"
    reject "busy"
}
"#;

const TO_ANA: &str = r#"
number "+551140031234" flow="entrada"
route "+*" trunk="operadora"
flow "entrada" { dial "200" ring-for="20s" }
"#;

#[test]
fn an_announcement_is_heard_without_the_call_being_answered() {
    let mut pbx = Bench::with_dialplan(CLOSED);
    let customer = pbx.trunk();
    pbx.calls(customer, Some(CUSTOMER), BUSINESS);
    pbx.hears(customer, "closed");
    assert!(!pbx.phones[customer.0].up, "it costs the customer nothing");
    assert!(pbx.trace.contains("→ PRACK "), "RFC 3262: the gateway can, so it is sure of it\n{}", pbx.trace);
    pbx.advance(secs(60));
    pbx.ended(customer, "486");
    assert_eq!(pbx.phones[customer.0].cause, Some(17));
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().status, pbx.only_record().cause), (Status::Busy, 17));
}

#[test]
fn an_announcement_survives_a_network_that_loses_a_third() {
    let mut pbx = Bench::with_dialplan(CLOSED);
    let customer = pbx.trunk();
    pbx.loss = 33;
    pbx.calls(customer, Some(CUSTOMER), BUSINESS);
    pbx.advance(secs(200));
    pbx.loss = 0;
    pbx.all_is_quiet();
    assert!(pbx.store.records.len() <= 1, "{}", pbx.trace);
}

#[test]
fn a_callee_whose_phone_vanished_ends_the_call_and_the_record_says_so() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    pbx.phones[bruno.0].vanished = true;
    pbx.advance(secs(1_700));
    assert!(pbx.phones[ana.0].up, "nobody knows yet\n{}", pbx.trace);
    pbx.advance(secs(120));
    pbx.ended(ana, "bye");
    assert_eq!(pbx.phones[ana.0].cause, Some(102));
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().hung_up_by, pbx.only_record().cause), (Party::System, 102));
}

#[test]
fn a_caller_whose_phone_vanished_ends_the_call_and_the_record_says_so() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.phones[ana.0].vanished = true;
    pbx.advance(secs(890));
    assert!(pbx.phones[bruno.0].up);
    pbx.advance(secs(60));
    pbx.ended(bruno, "bye");
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().hung_up_by, pbx.only_record().cause), (Party::System, 102));
}

#[test]
fn a_call_of_two_hours_is_kept_alive_by_its_refreshes() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.loss = 20;
    pbx.advance(secs(7_200));
    pbx.loss = 0;
    pbx.are_talking(ana, bruno);
    pbx.hangs_up(ana);
    pbx.ended(bruno, "bye");
}

#[test]
fn the_cause_of_the_callees_hang_up_reaches_the_caller_and_the_record() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.picks_up(carrier);
    let now = pbx.now;
    pbx.phones[carrier.0].hangs_up_because(38, now);
    pbx.settle();
    pbx.ended(ana, "bye");
    assert_eq!(pbx.phones[ana.0].cause, Some(38));
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().hung_up_by, pbx.only_record().cause), (Party::Callee, 38));
}

#[test]
fn the_cause_of_the_callers_hang_up_reaches_the_callee() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    pbx.picks_up(carrier);
    let now = pbx.now;
    pbx.phones[ana.0].hangs_up_because(31, now);
    pbx.settle();
    pbx.ended(carrier, "bye");
    assert_eq!(pbx.phones[carrier.0].cause, Some(31));
}

#[test]
fn a_refusal_reaches_the_caller_with_its_status_and_its_cause() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, CUSTOMER);
    let now = pbx.now;
    pbx.phones[carrier.0].declines_because(404, 1, now);
    pbx.settle();
    pbx.ended(ana, "404");
    assert_eq!(pbx.phones[ana.0].cause, Some(1));
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().cause, 1);
}

#[test]
fn each_pass_through_us_costs_a_call_one_of_its_hops_until_none_is_left() {
    let mut pbx = Bench::with_dialplan(TO_ANA);
    let ana = pbx.registered("200");
    let customer = pbx.trunk();
    let hops = |left: &'static str| vec![(Name::MaxForwards, Bytes::from_static(left.as_bytes()))];
    pbx.phones[customer.0].headers = hops("30");
    pbx.calls(customer, Some(CUSTOMER), BUSINESS);
    pbx.rings(ana);
    let invite = pbx.phones[ana.0].invited.take().expect("the phone rings");
    assert_eq!(invite.headers.max_forwards().ok().flatten(), Some(29));
    pbx.hangs_up(customer);
    pbx.advance(secs(1));
    pbx.phones[customer.0].headers = hops("1");
    pbx.calls(customer, Some(CUSTOMER), BUSINESS);
    pbx.ended(customer, "483");
    pbx.is_silent(ana);
    pbx.all_is_quiet();
}

#[test]
fn hold_is_understood_in_its_old_form_and_in_its_strict_one() {
    let forms: [fn(String) -> String; 2] = [
        |sdp| sdp.replace("a=sendrecv", "a=inactive"),
        // RFC 2543 §B.5: `c=0.0.0.0`, as old gateways still say it.
        |sdp| {
            sdp.lines()
                .map(
                    |line| {
                        if line.starts_with("c=") { "c=IN IP4 0.0.0.0\r\n".to_owned() } else { format!("{line}\r\n") }
                    },
                )
                .collect()
        },
    ];
    for form in forms {
        let mut pbx = Bench::new();
        let ana = pbx.registered("200");
        let bruno = pbx.registered("201");
        pbx.calls(ana, None, "201");
        pbx.picks_up(bruno);
        let now = pbx.now;
        pbx.phones[bruno.0].offers_as(vec![CodecKind::Pcma], form, now);
        pbx.settle();
        assert!(pbx.is_played_to(ana), "{}", pbx.trace);
        pbx.phones[bruno.0].offers("sendrecv", now);
        pbx.settle();
        assert!(!pbx.is_played_to(ana), "{}", pbx.trace);
        pbx.are_talking(ana, bruno);
    }
}

#[test]
fn a_phone_that_changes_its_codec_in_the_call_is_followed() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    let leg = pbx.leg(bruno);
    let codec = |pbx: &Bench| pbx.pump.legs[&leg].stream.as_ref().map(|stream| stream.codec);
    assert_eq!(codec(&pbx), Some(CodecKind::Pcma));
    let now = pbx.now;
    pbx.phones[bruno.0].offers_as(vec![CodecKind::Pcmu], |sdp| sdp, now);
    pbx.settle();
    assert_eq!(codec(&pbx), Some(CodecKind::Pcmu));
    pbx.are_talking(ana, bruno);
}
