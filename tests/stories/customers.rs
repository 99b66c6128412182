//! A customer calls the business: what he hears, whom he reaches, and what stays of it.

use desvio::call::record::Direction;
use desvio::call::record::Party;
use desvio::call::record::Status;
use desvio::channel::message::MessageStatus;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;

/// WhatsApp is down; a customer has heard the announcement and the menu.
fn customer_in_the_menu(pbx: &mut Bench) -> PhoneId {
    pbx.whatsapp_is_set("down");
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    customer
}

/// … and has pressed 1, so that he waits in `vendas`.
fn customer_in_the_queue(pbx: &mut Bench) -> PhoneId {
    let customer = customer_in_the_menu_at_once(pbx);
    pbx.presses(customer, "1");
    customer
}

/// As `customer_in_the_menu`, but as soon as the menu begins.
fn customer_in_the_menu_at_once(pbx: &mut Bench) -> PhoneId {
    pbx.whatsapp_is_set("down");
    let customer = pbx.customer_calls();
    while !pbx.heard(customer).iter().any(|name| name == "main-menu") {
        pbx.advance(secs(1));
    }
    customer
}

#[test]
fn a_customer_during_an_outage_reaches_an_agent_and_both_ends_close_when_he_hangs_up() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_queue(&mut pbx);

    pbx.hears(customer, "whatsapp-down");
    pbx.hears(customer, "main-menu");
    pbx.hears(customer, "default");
    pbx.rings(ana);
    pbx.advance(secs(3));
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);

    pbx.advance(secs(60));
    pbx.hangs_up(customer);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();

    let record = pbx.only_record();
    assert_eq!(
        (record.status, record.direction, record.hung_up_by),
        (Status::Completed, Direction::Inbound, Party::Caller)
    );
    assert_eq!((record.from.as_str(), record.to.as_str()), (CUSTOMER, BUSINESS));
    assert_eq!(
        (record.flow.as_deref(), record.queue.as_deref(), record.agent.as_deref()),
        (Some("entrada"), Some("vendas"), Some("200"))
    );
    assert_eq!((record.talk_ms, record.wait_ms), (60_000, 3_000));
    assert_eq!(record.channels_down, ["whatsapp"]);
    assert_eq!(record.legs.len(), 2);
}

#[test]
fn when_the_agent_hangs_up_the_customer_is_released_and_not_sent_on() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_queue(&mut pbx);
    pbx.picks_up(ana);
    pbx.advance(secs(5));

    pbx.hangs_up(ana);

    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().hung_up_by, Party::Callee);
}

#[test]
fn without_an_outage_nobody_hears_of_one_and_nobody_is_texted() {
    let mut pbx = Bench::new();
    let customer = pbx.customer_calls();
    pbx.advance(secs(30));
    assert!(!pbx.heard(customer).contains(&"whatsapp-down".to_owned()));
    assert!(pbx.store.messages.is_empty());
}

#[test]
fn during_an_outage_the_caller_gets_the_text_that_the_flow_names() {
    let mut pbx = Bench::new();
    customer_in_the_menu(&mut pbx);

    let message = pbx.store.messages.values().next().expect("a text was stored");
    assert_eq!(
        (message.to.as_str(), message.text.as_str()),
        (CUSTOMER, "O WhatsApp esta fora do ar. Voce ja esta falando conosco.")
    );
    let request = pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    assert!(String::from_utf8_lossy(&request.body).contains(CUSTOMER));
    assert_eq!(pbx.store.messages.values().next().map(|message| message.status), Some(MessageStatus::Sent));
}

#[test]
fn a_customer_who_gives_up_in_the_menu_leaves_a_record_and_nothing_else() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_menu_at_once(&mut pbx);
    pbx.hangs_up(customer);
    pbx.is_silent(ana);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().hung_up_by, Party::Caller);
}

#[test]
fn a_customer_who_gives_up_while_the_agents_phone_rings_stops_the_ringing() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_queue(&mut pbx);
    pbx.rings(ana);

    pbx.hangs_up(customer);

    pbx.is_silent(ana);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().agent, None);
}

#[test]
fn a_customer_who_gives_up_in_the_queue_leaves_it() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let first = customer_in_the_queue(&mut pbx);
    pbx.picks_up(ana);
    let second = customer_in_the_queue(&mut pbx);
    pbx.hangs_up(second);
    pbx.hangs_up(first);
    pbx.all_is_quiet();
    pbx.is_silent(ana);
    assert_eq!(pbx.store.records.len(), 2);
}

#[test]
fn an_agent_who_declines_passes_the_customer_to_the_next() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    let customer = customer_in_the_queue(&mut pbx);
    let (first, second) = if pbx.phones[ana.0].ringing.is_some() { (ana, bruno) } else { (bruno, ana) };

    pbx.declines(first, 486);

    pbx.rings(second);
    pbx.is_silent(first);
    pbx.picks_up(second);
    pbx.are_talking(customer, second);
}

#[test]
fn an_agent_who_does_not_answer_is_given_up_after_the_ring_time() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    customer_in_the_queue(&mut pbx);
    let (first, second) = if pbx.phones[ana.0].ringing.is_some() { (ana, bruno) } else { (bruno, ana) };

    pbx.advance(secs(19));
    pbx.rings(first);
    pbx.advance(secs(2));

    pbx.is_silent(first);
    pbx.rings(second);
}

#[test]
fn a_queue_that_nobody_serves_leads_on_at_once() {
    let mut pbx = Bench::with_dialplan(
        r#"
number "+551140031234" flow="entrada"
flow "entrada" {
    answer
    queue "vendas" up-to="90s" { nobody { voicemail "geral" } }
}"#,
    );
    let customer = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hears(customer, "voicemail");
}

#[test]
fn a_queue_that_times_out_leads_to_voicemail_and_the_message_is_kept() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_queue(&mut pbx);
    pbx.advance(secs(91));
    pbx.is_silent(ana);
    pbx.hears(customer, "voicemail");

    pbx.advance(secs(30));
    let leg = pbx.leg(customer);
    pbx.recording_ends(leg);
    pbx.advance(secs(20));

    assert_eq!(pbx.store.voicemails.len(), 1, "{}", pbx.trace);
    assert_eq!((pbx.store.voicemails[0].mailbox.as_str(), pbx.store.voicemails[0].from.as_str()), ("geral", CUSTOMER));
    pbx.ended(customer, "bye");
    pbx.all_is_quiet();
}

#[test]
fn a_message_whose_caller_hangs_up_while_speaking_is_kept_all_the_same() {
    let mut pbx = Bench::new();
    pbx.registered("200");
    let customer = customer_in_the_queue(&mut pbx);
    pbx.advance(secs(120));
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(pbx.store.voicemails.len(), 1, "{}", pbx.trace);
}

#[test]
fn pressing_0_rings_the_extension_and_its_silence_leads_to_voicemail() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let customer = customer_in_the_menu_at_once(&mut pbx);
    pbx.presses(customer, "0");
    pbx.rings(ana);
    pbx.advance(secs(21));
    pbx.is_silent(ana);
    pbx.hears(customer, "voicemail");
}

#[test]
fn a_call_to_an_unknown_number_is_answered_404() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some(CUSTOMER), "+551140039999");
    pbx.ended(carrier, "404");
    pbx.all_is_quiet();
    assert!(pbx.store.records.is_empty());
}

#[test]
fn a_record_tells_each_step_with_its_place_in_the_dialplan() {
    let mut pbx = Bench::new();
    let customer = customer_in_the_menu_at_once(&mut pbx);
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    let steps = &pbx.only_record().steps;
    assert!(steps.iter().any(|step| step.place.starts_with("plan.kdl:") && step.what.contains("menu")), "{steps:?}");
}
