//! Calls that are handed over: blind and attended transfers.

use desvio::call::record::Direction;
use desvio::call::record::Record;
use desvio::call::record::Status;
use desvio::sip::headers::Name;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::pick_ups::calls_with_replaces;
use crate::pick_ups::replaces;

/// A customer talks to Ana, who has 200.
fn customer_with_ana() -> (Bench, PhoneId, PhoneId) {
    let mut pbx = Bench::larger();
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    pbx.presses(customer, "0");
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    (pbx, customer, ana)
}

pub(crate) fn ana_and_bruno() -> (Bench, PhoneId, PhoneId) {
    let mut pbx = Bench::larger();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    (pbx, ana, bruno)
}

pub(crate) fn tells(record: &Record, step: &str) -> bool {
    record.steps.iter().any(|told| told.what.contains(step))
}

/// Agents that no queue may ring.
pub(crate) fn busy(pbx: &mut Bench) -> Vec<String> {
    let Ok(Answer::Agents(agents)) = pbx.asks(Command::Agents) else { panic!("no agents") };
    let agents = serde_json::to_value(agents).expect("JSON");
    let busy = agents
        .as_array()
        .into_iter()
        .flatten()
        .filter(|agent| agent["state"] == "talking" || agent["state"] == "engaged");
    busy.map(|agent| agent["number"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_called_party_transfers_a_customer_and_hears_how_it_goes() {
    let (mut pbx, customer, ana) = customer_with_ana();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    assert_eq!(pbx.answered(ana), 202);
    pbx.rings(carla);
    pbx.hears(customer, "default");
    assert!(pbx.heard(customer).last().is_some_and(|sound| sound.contains("tone")), "no ringback");
    assert_eq!(pbx.told(ana), [100, 180]);
    let referred_by = pbx.phones[carla.0].invited.as_ref().and_then(|it| it.headers.first(&Name::ReferredBy));
    assert_eq!(referred_by, Some("<sip:200@desvio.test>"));

    pbx.picks_up(carla);
    pbx.are_talking(customer, carla);
    assert_eq!(pbx.told(ana), [100, 180, 200]);
    assert_eq!(pbx.phones[ana.0].notice().state, "terminated;reason=noresource");
    assert!(pbx.was_published("call.transferred"));
    pbx.advance(secs(4));
    pbx.ended(ana, "bye");
    pbx.are_talking(customer, carla);
    pbx.hangs_up(customer);
    pbx.ended(carla, "bye");
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!((record.direction, record.status), (Direction::Inbound, Status::Completed));
    assert_eq!(record.agent.as_deref(), Some("202"));
    assert!(tells(record, "200 transfers the call to 202, Referred-By: <sip:200@desvio.test>"), "{:?}", record.steps);
    assert_eq!(record.legs.len(), 3);
}

#[test]
fn the_caller_transfers_and_may_hang_up_at_once() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@10.0.0.1>", &[], now));
    assert_eq!(pbx.answered(ana), 202);
    pbx.hangs_up(ana);
    pbx.rings(carla);
    pbx.picks_up(carla);
    pbx.are_talking(bruno, carla);
    assert_eq!(pbx.told(ana).last(), Some(&200), "the subscription outlives the call");
    assert!(!busy(&mut pbx).contains(&"200".to_owned()), "Ana is free");
    pbx.hangs_up(carla);
    pbx.ended(bruno, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "200 hung up, the transfer goes on"));
    assert_eq!(busy(&mut pbx), Vec::<String>::new());
}

#[test]
fn a_transfer_to_a_busy_phone_fails_and_the_call_can_be_taken_back() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.offers("sendonly", now));
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    pbx.declines(carla, 486);
    assert_eq!(pbx.told(ana), [100, 180, 486]);
    assert!(pbx.is_played_to(bruno), "Ana still holds");
    pbx.does(ana, |phone, now| phone.offers("sendrecv", now));
    assert!(!pbx.is_played_to(bruno));
    pbx.are_talking(ana, bruno);
    pbx.hangs_up(ana);
    pbx.ended(bruno, "bye");
    pbx.all_is_quiet();
    assert!(tells(pbx.only_record(), "the transfer to 202 failed: 486"));
}

#[test]
fn a_failed_transfer_whose_sender_is_gone_ends_the_call() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    pbx.hangs_up(ana);
    pbx.declines(carla, 603);
    pbx.ended(bruno, "bye");
    assert_eq!(pbx.told(ana).last(), Some(&603));
    pbx.all_is_quiet();
}

#[test]
fn a_target_that_never_answers_is_given_up_after_a_minute() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    pbx.advance(secs(59));
    pbx.rings(carla);
    pbx.advance(secs(2));
    pbx.is_silent(carla);
    assert_eq!(pbx.told(ana).last(), Some(&480));
    pbx.are_talking(ana, bruno);
}

#[test]
fn the_transferee_hangs_up_while_the_target_rings() {
    let (mut pbx, customer, ana) = customer_with_ana();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    pbx.hangs_up(customer);
    pbx.is_silent(carla);
    pbx.ended(ana, "bye");
    assert_eq!(pbx.told(ana).last(), Some(&487));
    pbx.all_is_quiet();
}

#[test]
fn targets_that_cannot_be_had_are_refused_or_reported() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    for (to, status) in [
        ("<sip:299@desvio.test>", 404),
        ("<sip:202@elsewhere.example>", 403),
        ("<http://desvio.test/>", 416),
        ("<sip:202@desvio.test;method=BYE>", 501),
        ("", 400),
    ] {
        pbx.does(ana, |phone, now| phone.refers(to, &[], now));
        assert_eq!(pbx.answered(ana), status, "{to}");
    }
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    assert_eq!(pbx.answered(ana), 202);
    assert_eq!(pbx.told(ana), [480], "no phone of 202 is registered");
    pbx.are_talking(ana, bruno);
}

#[test]
fn a_phone_transfers_to_the_name_under_which_phones_register() {
    let (mut pbx, ana, _) = ana_and_bruno();
    let carla = pbx.registered("202");
    for (by, status) in [("desvio.test", 403), ("PBX.example.com", 202)] {
        pbx.does(carla, |phone, now| phone.register_at(by, 3600, now));
        pbx.does(ana, |phone, now| phone.refers("<sip:202@pbx.example.com>", &[], now));
        assert_eq!(pbx.answered(ana), status, "{by}");
    }
}

#[test]
fn a_second_transfer_waits_for_the_first() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    assert_eq!(pbx.answered(ana), 202);
    pbx.does(bruno, |phone, now| phone.refers("<sip:203@desvio.test>", &[], now));
    assert_eq!(pbx.answered(bruno), 491);
}

#[test]
fn who_wants_no_notices_gets_none_and_is_released_at_once() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carla = pbx.registered("202");
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[(Name::ReferSub, "false")], now));
    assert_eq!(pbx.answered(ana), 202);
    let answer = pbx.phones[ana.0].last_answer.clone().expect("202");
    assert_eq!(answer.headers.first(&Name::ReferSub), Some("false"));
    pbx.picks_up(carla);
    pbx.ended(ana, "bye");
    pbx.are_talking(bruno, carla);
    assert!(pbx.phones[ana.0].notices.is_empty());
}

#[test]
fn another_phone_takes_the_transferors_place_while_the_target_rings() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let (carla, davi) = (pbx.registered("202"), pbx.registered("203"));
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[], now));
    let named = replaces(&pbx, ana, "");
    calls_with_replaces(&mut pbx, davi, &[named]);
    pbx.ended(ana, "bye");
    pbx.are_talking(davi, bruno);
    pbx.picks_up(carla);
    pbx.are_talking(carla, bruno);
    pbx.ended(davi, "bye");
    pbx.hangs_up(bruno);
    pbx.ended(carla, "bye");
    pbx.all_is_quiet();
    assert_eq!(busy(&mut pbx), Vec::<String>::new());
}

#[test]
fn the_transferors_own_words_of_who_referred_are_passed_on() {
    let (mut pbx, ana, _) = ana_and_bruno();
    let carla = pbx.registered("202");
    let said = "\"Ana\" <sip:ana@filial.example>;cid=\"1\"";
    pbx.does(ana, |phone, now| phone.refers("<sip:202@desvio.test>", &[(Name::ReferredBy, said)], now));
    let referred_by = pbx.phones[carla.0].invited.as_ref().and_then(|it| it.headers.first(&Name::ReferredBy));
    assert_eq!(referred_by, Some(said));
}

#[test]
fn a_call_is_transferred_to_a_number_outside_and_to_a_flow() {
    let (mut pbx, ana, bruno) = ana_and_bruno();
    let carrier = pbx.trunk();
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{CUSTOMER}@desvio.test>"), &[], now));
    pbx.picks_up(carrier);
    pbx.are_talking(bruno, carrier);
    pbx.advance(secs(4));
    pbx.does(bruno, |phone, now| phone.refers("<sip:+551140031234@desvio.test>", &[], now));
    assert_eq!(pbx.answered(bruno), 202);
    assert_eq!(pbx.told(bruno), [200]);
    pbx.advance(secs(4));
    pbx.ended(bruno, "bye");
    pbx.hears(carrier, "main-menu");
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert!(tells(record, "goes on with flow entrada") && tells(record, "menu"), "{:?}", record.steps);
}

#[test]
fn a_party_behind_a_trunk_transfers_only_where_it_may() {
    for (may, status) in [(false, 403), (true, 202)] {
        let config = include_str!("../data/bench.toml").replace("max_calls = 30", &format!("transfer = {may}"));
        let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
        let ana = pbx.registered("200");
        let bruno = pbx.registered("201");
        let carrier = pbx.trunk();
        pbx.calls(ana, None, CUSTOMER);
        pbx.picks_up(carrier);
        pbx.does(carrier, |phone, now| phone.refers("<sip:201@desvio.test>", &[], now));
        assert_eq!(pbx.answered(carrier), status);
        if may {
            pbx.picks_up(bruno);
            pbx.are_talking(ana, bruno);
        }
        pbx.hangs_up(ana);
        pbx.all_is_quiet();
    }
}

#[test]
fn a_caller_who_talks_to_nobody_has_nobody_to_transfer() {
    let mut pbx = Bench::larger();
    let ana = pbx.registered("200");
    pbx.calls(ana, None, "+551140031234");
    pbx.does(ana, |phone, now| phone.refers("<sip:201@desvio.test>", &[], now));
    assert_eq!(pbx.answered(ana), 403);
}

/// Ana consults Bruno about the customer.
fn consultation() -> (Bench, PhoneId, PhoneId, PhoneId) {
    let (mut pbx, customer, ana) = customer_with_ana();
    let bruno = pbx.registered("201");
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.hears(customer, "default");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    (pbx, customer, ana, bruno)
}

#[test]
fn after_a_consultation_the_customer_talks_to_whom_was_consulted() {
    let (mut pbx, customer, ana, bruno) = consultation();
    pbx.does(ana, |phone, now| phone.joins_both(now));
    assert_eq!(pbx.answered(ana), 202);
    assert_eq!(pbx.told(ana), [200]);
    pbx.are_talking(customer, bruno);
    pbx.ended(ana, "bye");
    pbx.advance(secs(4));
    assert_eq!(pbx.phones[ana.0].aside_ended.as_deref(), Some("bye"), "both calls of Ana end");
    assert_eq!(busy(&mut pbx), ["201"]);
    pbx.advance(secs(10));
    pbx.hangs_up(bruno);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert_eq!(busy(&mut pbx), Vec::<String>::new());
    assert_eq!(pbx.store.records.len(), 2, "one record for each call");
    let (consulted, customers) = (&pbx.store.records[0], &pbx.store.records[1]);
    assert_eq!((consulted.direction, customers.direction), (Direction::Internal, Direction::Inbound));
    assert!(tells(consulted, "200 transfers 201 to call_"), "{:?}", consulted.steps);
    assert!(tells(customers, "200 transfers the call to 201"), "{:?}", customers.steps);
    assert_eq!((customers.agent.as_deref(), customers.talk_ms > 10_000), (Some("201"), true));
}

#[test]
fn the_customer_goes_on_talking_when_media_and_offers_come_after_an_attended_transfer() {
    let (mut pbx, customer, ana, bruno) = consultation();
    pbx.does(ana, |phone, now| phone.joins_both(now));
    pbx.does(bruno, |phone, now| phone.offers("sendonly", now));
    assert!(pbx.is_played_to(customer), "Bruno holds in the call that he was brought into");
    pbx.does(bruno, |phone, now| phone.offers("sendrecv", now));
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(customer);
    pbx.ended(bruno, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_consultation_that_still_rings_can_be_handed_over_too() {
    let (mut pbx, customer, ana) = customer_with_ana();
    let bruno = pbx.registered("201");
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "201");
    pbx.rings(bruno);
    let now = pbx.now;
    let session = pbx.phones[ana.0].session.expect("it calls");
    let aside = pbx.phones[ana.0].aside.as_ref().expect("it holds").session;
    let names = pbx.phones[ana.0].agent.dialog_names(session).expect("it rings");
    let remote = names.remote_tag.unwrap_or_default();
    let replaces = format!("{}%3Bto-tag%3D{remote}%3Bfrom-tag%3D{}", names.call_id, names.local_tag);
    pbx.phones[ana.0].refers_in(aside, &format!("<sip:201@desvio.test?Replaces={replaces}>"), &[], now);
    pbx.settle();
    assert_eq!(pbx.answered(ana), 202);
    assert_eq!(pbx.told(ana), [200]);
    pbx.ended(ana, "487");
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(bruno);
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.store.records.len(), 2);
}

#[test]
fn a_customer_is_put_into_the_queue_in_which_the_agent_waits_for_him() {
    let (mut pbx, customer, ana) = customer_with_ana();
    let bruno = pbx.registered("201");
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "+551140031234");
    pbx.advance(secs(30));
    pbx.presses(ana, "1");
    pbx.does(ana, |phone, now| phone.joins_both(now));
    assert_eq!(pbx.told(ana), [200]);
    pbx.rings(bruno);
    pbx.picks_up(bruno);
    pbx.are_talking(customer, bruno);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
}

#[test]
fn a_customer_who_is_put_into_a_mailbox_hears_its_greeting_and_his_message_is_kept() {
    let (mut pbx, customer, ana) = customer_with_ana();
    pbx.registered("201");
    pbx.does(ana, |phone, now| phone.sets_aside(now));
    pbx.calls(ana, None, "+551140031234");
    pbx.advance(secs(30));
    pbx.presses(ana, "1");
    pbx.advance(secs(91));
    pbx.hears(ana, "voicemail");
    pbx.does(ana, |phone, now| phone.joins_both(now));
    assert_eq!(pbx.told(ana), [200]);
    pbx.hears(customer, "voicemail");
    pbx.advance(secs(30));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(pbx.store.voicemails.len(), 1, "{}", pbx.trace);
    assert_eq!(pbx.store.records.len(), 2, "{}", pbx.trace);
}

#[test]
fn a_call_of_somebody_else_or_none_cannot_be_joined() {
    let (mut pbx, customer, ana) = customer_with_ana();
    let bruno = pbx.registered("201");
    let carla = pbx.registered("202");
    pbx.calls(bruno, None, "202");
    pbx.picks_up(carla);
    let session = pbx.phones[bruno.0].session.expect("it talks");
    let names = pbx.phones[bruno.0].agent.dialog_names(session).expect("it talks");
    let remote = names.remote_tag.unwrap_or_default();
    let theirs = format!("{}%3Bto-tag%3D{remote}%3Bfrom-tag%3D{}", names.call_id, names.local_tag);
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:x@desvio.test?Replaces={theirs}>"), &[], now));
    assert_eq!(pbx.answered(ana), 403);
    let none = "1%3Bto-tag%3D00000000000000ff%3Bfrom-tag%3Db";
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:x@desvio.test?Replaces={none}>"), &[], now));
    assert_eq!((pbx.answered(ana), pbx.told(ana)), (202, vec![481]));
    pbx.are_talking(customer, ana);
    pbx.are_talking(bruno, carla);
}
