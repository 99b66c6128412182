//! Callers who would rather be called back than wait: booked, called in their turn, over restarts and vain tries.

use desvio::call::record::Record;
use desvio::queue::agent::Wish;
use desvio::queue::callbacks::Callback;
use desvio::queue::callbacks::CallbackState;
use desvio::queue::callbacks::TryResult;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::effect::Subject;
use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;

const PLAN: &str = r#"number "+551140031234" flow="entrada"
route "+55*" trunk="operadora"

flow "entrada" {
    queue "vendas" up-to="60s" {
        timeout {
            callback "vendas" offer="callback-offer" {
                booked { play "callback-confirmed"; hangup }
                full { play "all-busy"; hangup }
                declined { queue "vendas" }
            }
        }
    }
}
"#;

/// Ana is there and does not answer; the customer has waited for a minute and takes the offer.
fn booked(pbx: &mut Bench) -> (PhoneId, PhoneId) {
    let ana = pbx.registered("200");
    let carrier = pbx.customer_calls();
    wait_and_book(pbx, carrier);
    (ana, carrier)
}

fn wait_and_book(pbx: &mut Bench, carrier: PhoneId) {
    pbx.advance(secs(61));
    pbx.hears(carrier, "callback-offer");
    pbx.presses(carrier, "1");
    pbx.advance(secs(1));
    pbx.hears(carrier, "callback-confirmed");
}

fn open(pbx: &mut Bench) -> Vec<Callback> {
    match pbx.asks(Command::Callbacks) {
        Ok(Answer::Callbacks(callbacks)) => callbacks,
        other => panic!("{other:?}"),
    }
}

fn result(pbx: &Bench) -> (CallbackState, Vec<TryResult>) {
    let of_callback = |event: &&desvio::switch::effect::PublicEvent| event.kind.starts_with("callback.");
    let event = pbx.events.iter().rev().find(of_callback).expect("an event");
    let Subject::Other(data) = &event.data else { panic!("{event:?}") };
    let callback: Callback = serde_json::from_value(data.clone()).expect("a callback");
    (callback.state, callback.tries.iter().map(|it| it.result).collect())
}

fn record_of_callback(pbx: &Bench) -> &Record {
    let records = pbx.store.records.iter();
    records.rev().find(|record| record.tags.contains_key("callback")).expect("a record with the tag")
}

/// He has put his phone down, and Ana's rest after not answering is over.
fn later(pbx: &mut Bench) {
    pbx.advance(secs(20));
}

#[test]
fn a_customer_who_booked_is_called_when_ana_is_free_and_talks_to_her() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, carrier) = booked(&mut pbx);
    assert!(pbx.was_published("callback.booked"));
    later(&mut pbx);

    pbx.rings(carrier);
    pbx.is_silent(ana);
    assert_eq!(open(&mut pbx)[0].state, CallbackState::Calling);
    pbx.picks_up(carrier);
    pbx.advance(secs(1));
    pbx.hears(carrier, "callback-greeting");
    pbx.is_silent(ana);
    pbx.presses(carrier, "1");
    pbx.rings(ana);
    pbx.picks_up(ana);
    pbx.are_talking(ana, carrier);
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();

    assert_eq!(result(&pbx), (CallbackState::Completed, vec![TryResult::Talked]));
    assert!(open(&mut pbx).is_empty() && pbx.store.callbacks.is_empty());
    let record = record_of_callback(&pbx);
    assert_eq!((record.to.as_str(), record.agent.as_deref()), (CUSTOMER, Some("200")));
}

#[test]
fn who_is_called_back_during_an_outage_is_counted_in_it() {
    let mut pbx = Bench::with_dialplan(PLAN);
    pbx.whatsapp_is_set("down");
    let (ana, carrier) = booked(&mut pbx);
    later(&mut pbx);
    pbx.picks_up(carrier);
    pbx.presses(carrier, "1");
    pbx.picks_up(ana);
    pbx.hangs_up(ana);
    pbx.advance(secs(5));
    let counts: Vec<u64> = pbx.store.incidents.values().map(|incident| incident.counts.called_back).collect();
    assert_eq!(counts, [1], "{}", pbx.trace);
}

#[test]
fn a_booking_survives_a_restart_between_promise_and_call() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, carrier) = booked(&mut pbx);
    pbx.advance(secs(6));
    pbx.ended(carrier, "bye");
    pbx.restarts(PLAN);
    pbx.advance(secs(20));
    pbx.rings(carrier);
    pbx.picks_up(carrier);
    pbx.presses(carrier, "1");
    pbx.rings(ana);
    pbx.picks_up(ana);
    pbx.are_talking(ana, carrier);
    pbx.hangs_up(carrier);
    assert_eq!(result(&pbx), (CallbackState::Completed, vec![TryResult::Talked]), "no try before the trunk was found");
}

#[test]
fn a_server_that_ends_while_his_phone_rings_calls_him_again_after_its_start() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (_, carrier) = booked(&mut pbx);
    later(&mut pbx);
    pbx.rings(carrier);
    pbx.input(Input::Drain);
    pbx.is_silent(carrier);
    assert_eq!(result(&pbx), (CallbackState::Waiting, vec![TryResult::Interrupted]));
    pbx.restarts(PLAN);
    pbx.advance(secs(20));
    pbx.rings(carrier);
}

#[test]
fn a_customer_whose_agents_have_left_when_he_presses_the_key_is_called_again() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, carrier) = booked(&mut pbx);
    later(&mut pbx);
    pbx.picks_up(carrier);
    wishes(&mut pbx, Wish::SignedOut);
    pbx.presses(carrier, "1");
    pbx.ended(carrier, "bye");
    assert_eq!(result(&pbx), (CallbackState::Waiting, vec![TryResult::Failed]));
    wishes(&mut pbx, Wish::Available);
    pbx.advance(secs(601));
    pbx.is_silent(ana);
    pbx.rings(carrier);
}

/// What Ana says of herself.
fn wishes(pbx: &mut Bench, wish: Wish) {
    pbx.asks(Command::SetAgent { number: "200".to_owned(), wish }).expect("an agent");
}

#[test]
fn a_machine_presses_no_key_and_reaches_no_agent() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, carrier) = booked(&mut pbx);
    later(&mut pbx);
    pbx.picks_up(carrier);
    pbx.advance(secs(90));
    pbx.ended(carrier, "bye");
    pbx.is_silent(ana);
    assert_eq!(result(&pbx), (CallbackState::Waiting, vec![TryResult::NotConfirmed]));
    pbx.advance(secs(560));
    pbx.rings(carrier);
}

#[test]
fn who_does_not_answer_is_tried_three_times_ten_minutes_apart_and_then_given_up() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (_, carrier) = booked(&mut pbx);
    later(&mut pbx);
    for _ in 0..2 {
        pbx.rings(carrier);
        pbx.declines(carrier, 486);
        pbx.advance(secs(9 * 60));
        pbx.is_silent(carrier);
        pbx.advance(secs(61));
    }
    pbx.declines(carrier, 486);
    assert_eq!(result(&pbx), (CallbackState::Failed, vec![TryResult::Busy; 3]));
    pbx.advance(secs(60 * 60));
    pbx.is_silent(carrier);
    assert!(open(&mut pbx).is_empty());
}

#[test]
fn a_customer_who_answers_and_hangs_up_before_the_agent_is_not_called_again() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (ana, carrier) = booked(&mut pbx);
    later(&mut pbx);
    pbx.picks_up(carrier);
    pbx.presses(carrier, "1");
    pbx.rings(ana);
    pbx.hangs_up(carrier);
    pbx.is_silent(ana);
    assert_eq!(result(&pbx), (CallbackState::HungUp, vec![TryResult::HungUp]));
    pbx.advance(secs(60 * 60));
    pbx.is_silent(carrier);
}

#[test]
fn a_second_booking_of_the_same_number_is_the_first() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let carrier = pbx.trunk();
    for _ in 0..2 {
        pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
        pbx.advance(secs(1));
        pbx.presses(carrier, "1");
        pbx.advance(secs(20));
        pbx.hears(carrier, "callback-confirmed");
        pbx.ended(carrier, "bye");
        pbx.is_silent(carrier);
    }
    assert_eq!(open(&mut pbx).len(), 1, "{}", pbx.trace);
    assert_eq!(pbx.events.iter().filter(|event| event.kind == "callback.booked").count(), 1);
}

#[test]
fn the_api_cancels_a_callback() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let (_, carrier) = booked(&mut pbx);
    let id = open(&mut pbx)[0].id.clone();
    assert!(matches!(pbx.asks(Command::Callback(id.clone())), Ok(Answer::Callback(_))));
    pbx.asks(Command::CancelCallback(id.clone())).expect("it is open");
    assert_eq!(pbx.asks(Command::CancelCallback(id)).expect_err("it is not").status, 404);
    assert!(pbx.was_published("callback.canceled") && pbx.store.callbacks.is_empty());
    pbx.advance(secs(60));
    pbx.is_silent(carrier);
}

#[test]
fn a_number_that_no_route_leads_to_is_not_booked() {
    let plan = PLAN.replace("+55*", "+1*");
    let mut pbx = Bench::with_dialplan(&plan);
    let _ana = pbx.registered("200");
    let carrier = pbx.customer_calls();
    pbx.advance(secs(61));
    pbx.presses(carrier, "1");
    pbx.advance(secs(5));
    assert!(open(&mut pbx).is_empty());
    pbx.ended(carrier, "bye");
}

const WITH_PLACES: &str = r#"number "+551140031234" flow="entrada"
route "+55*" trunk="operadora"

flow "entrada" {
    queue "vendas" announce-position="20s" {
        key "1" { callback "vendas" { booked { play "callback-confirmed"; hangup } } }
    }
}
"#;

#[test]
fn a_caller_hears_his_place_between_the_music_and_leaves_by_a_key_without_losing_it() {
    let mut pbx = Bench::with_dialplan(WITH_PLACES);
    let ana = pbx.registered("200");
    let carrier = pbx.customer_calls();
    pbx.advance(secs(21));
    pbx.hears(carrier, "queue-position");
    pbx.hears(carrier, "digit-1");
    pbx.advance(secs(10));
    assert!(pbx.is_played_to(carrier), "the music goes on\n{}", pbx.trace);
    pbx.presses(carrier, "1");
    pbx.advance(secs(1));
    pbx.hears(carrier, "callback-confirmed");
    pbx.is_silent(ana);
    let booked = open(&mut pbx);
    let waited = booked[0].booked.duration_since(booked[0].since).as_secs();
    assert!((30..=32).contains(&waited), "{booked:?}");
}

#[test]
fn a_dialplan_tells_of_a_caller() {
    let plan = PLAN.replacen("    queue", "    event \"cliente.ligou\" { field \"fone\" \"{caller}\" }\n    queue", 1);
    let mut pbx = Bench::with_dialplan(&plan);
    let carrier = pbx.customer_calls();
    let told = pbx.events.iter().find(|event| event.kind == "dialplan.event").expect("it was told");
    let Subject::Other(data) = &told.data else { panic!("{told:?}") };
    assert_eq!((data["name"].as_str(), data["fields"]["fone"].as_str()), (Some("cliente.ligou"), Some(CUSTOMER)));
    pbx.hangs_up(carrier);
}
