//! Texts: to a softphone, to a phone number, from both, and what is on disk at each moment.

use desvio::channel::Webhook;
use desvio::channel::message::Message;
use desvio::channel::message::MessageStatus;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::Problem;
use desvio::switch::command::SendMessage;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

fn send(to: &str, text: &str) -> Command {
    Command::SendMessage(SendMessage { to: to.to_owned(), from: None, text: text.to_owned(), channel: None })
}

fn sent(answer: Result<Answer, Problem>) -> Message {
    match answer {
        Ok(Answer::Message(message)) => *message,
        other => panic!("{other:?}"),
    }
}

fn status(pbx: &Bench, message: &Message) -> MessageStatus {
    pbx.store.messages[&message.id.to_string()].status
}

#[test]
fn a_text_to_an_extension_reaches_its_phone() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let message = sent(pbx.asks(send("200", "Ligue para a Ana")));
    assert_eq!(pbx.phones[ana.0].texts, ["Ligue para a Ana"]);
    assert_eq!(status(&pbx, &message), MessageStatus::Sent);
}

#[test]
fn a_text_to_a_number_is_on_disk_before_the_provider_hears_of_it() {
    let mut pbx = Bench::new();
    pbx.store.broken = Some("disk full".to_owned());
    assert_eq!(pbx.asks(send(CUSTOMER, "oi")).map(|_| ()).map_err(|problem| problem.status), Err(503));
    assert!(pbx.http.is_empty());

    pbx.store.broken = None;
    let message = sent(pbx.asks(send(CUSTOMER, "oi \"aspas\"")));
    assert!(pbx.store.messages.contains_key(&message.id.to_string()));
    let request = pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    assert!(String::from_utf8_lossy(&request.body).contains(r#""oi \"aspas\"""#));
    assert_eq!(status(&pbx, &message), MessageStatus::Sent);
}

#[test]
fn after_a_restart_an_unknown_outcome_is_tried_again_with_the_same_key() {
    let mut pbx = Bench::new();
    let message = sent(pbx.asks(send(CUSTOMER, "oi")));
    let before = key(&pbx);
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.advance(secs(60));
    assert_eq!(pbx.http.len(), 1, "{}", pbx.trace);
    assert_eq!(key(&pbx), before);
    pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    assert_eq!(status(&pbx, &message), MessageStatus::Sent);
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.advance(secs(600));
    assert!(pbx.http.is_empty(), "a settled text was sent again");
}

fn key(pbx: &Bench) -> Option<String> {
    let (_, request) = pbx.http.first()?;
    request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"))
        .map(|(_, value)| value.clone())
}

#[test]
fn a_provider_in_trouble_is_asked_again_and_one_that_refuses_is_not() {
    let mut pbx = Bench::new();
    let message = sent(pbx.asks(send(CUSTOMER, "oi")));
    pbx.http_answers(502, "");
    assert_eq!(status(&pbx, &message), MessageStatus::Queued, "{}", pbx.trace);
    pbx.advance(secs(5));
    pbx.http_answers(400, r#"{"error":"bad number"}"#);
    assert_eq!(status(&pbx, &message), MessageStatus::Failed);
    pbx.advance(secs(3600));
    assert!(pbx.http.is_empty());
}

#[test]
fn a_text_from_a_softphone_to_another_is_kept_and_passed_on() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    let now = pbx.now;
    pbx.phones[ana.0].text("201", "Bom dia", now);
    pbx.settle();
    assert_eq!(pbx.phones[bruno.0].texts, ["Bom dia"]);
    assert!(pbx.was_published("message.received"));
    assert!(matches!(pbx.phones[ana.0].answers.back(), Some((_, 200 | 202))));
}

#[test]
fn a_text_from_a_softphone_to_nobody_is_not_taken() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    for (to, status) in [("299", 404), ("maria", 404), (BUSINESS, 200), (CUSTOMER, 200), ("201", 200)] {
        let now = pbx.now;
        pbx.phones[ana.0].answers.clear();
        pbx.phones[ana.0].text(to, "Bom dia", now);
        pbx.settle();
        assert_eq!(pbx.phones[ana.0].answers.back().map(|(_, status)| *status), Some(status), "{to}");
    }
}

#[test]
fn a_text_that_cannot_be_kept_is_not_acknowledged() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    pbx.store.broken = Some("disk full".to_owned());
    let now = pbx.now;
    pbx.phones[ana.0].answers.clear();
    pbx.phones[ana.0].text("201", "Bom dia", now);
    pbx.settle();
    assert!(matches!(pbx.phones[ana.0].answers.back(), Some((_, 503))), "{}", pbx.trace);
}

#[test]
fn a_webhook_of_the_provider_brings_a_text_in() {
    let mut pbx = Bench::new();
    let body = format!(r#"{{"from":"{CUSTOMER}","to":"551140031234","text":"oi","id":"in-1"}}"#);
    let webhook = Webhook {
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        query: String::new(),
        body: body.into_bytes().into(),
    };
    pbx.asks(Command::Webhook { channel: "sms".to_owned(), webhook }).expect("taken");
    let message = pbx.store.messages.values().next().expect("stored");
    assert_eq!((message.from.as_str(), message.text.as_str()), (CUSTOMER, "oi"));
    assert!(pbx.was_published("message.received"));
}
