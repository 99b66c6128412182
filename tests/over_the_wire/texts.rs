//! Texts through a provider and to a softphone, over real sockets.

use std::time::Duration;

use serde_json::json;

use crate::customer::WHATSAPP;
use crate::customer::agent;
use crate::http::Provider;
use crate::http::request;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::softphone::Answers;

fn server_with(provider: &Provider) -> Server {
    let sms = format!(
        r#"
[[channel]]
name = "sms"
kind = "sms"

[channel.send]
method = "POST"
url = "http://{}/send"
headers = {{ "Content-Type" = "application/json" }}
body = '{{"to":"{{to}}","text":"{{text}}"}}'
id = "/id"
idempotency_header = "Idempotency-Key"
"#,
        provider.address
    );
    Server::start(&config(&format!("{TRUNK}{WHATSAPP}{sms}")), include_str!("../data/wire.kdl"))
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_text_to_a_number_goes_to_the_provider_and_is_kept() {
    let provider = Provider::start();
    let server = server_with(&provider);
    let message = server.send("POST", "/v1/messages", &json!({ "to": "+5511999998888", "text": "Olá \"Maria\"" }));
    let request = provider.requests.recv_timeout(Duration::from_secs(10)).expect("the provider was asked");
    assert!(request.starts_with("POST /send"), "{request}");
    assert!(request.to_ascii_lowercase().contains("idempotency-key"), "{request}");
    assert!(request.contains(r#""text":"Olá \"Maria\"""#), "{request}");
    let kept = server.get(&format!("/v1/messages/{}", message["id"].as_str().expect("an id")));
    assert_eq!(kept["to"], "+5511999998888");
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_text_to_an_extension_is_taken_by_its_softphone() {
    let provider = Provider::start();
    let server = server_with(&provider);
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::ByHand);
    server.send("POST", "/v1/messages", &json!({ "to": "200", "text": "cliente na linha" }));
    events.wait_for("message.sent", |message| message["to"] == "200");
    // baresip 1.0 shows the text only on a terminal; here it is heard: the sound of a new message.
    ana.wait_for("alert");
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_repeated_request_with_the_same_key_sends_one_text() {
    let provider = Provider::start();
    let server = server_with(&provider);
    let body = json!({ "to": "+5511999998888", "text": "uma vez" });
    let once = server.send_with_key("POST", "/v1/messages", &body, "key-1");
    let twice = server.send_with_key("POST", "/v1/messages", &body, "key-1");
    assert_eq!(once["id"], twice["id"]);
    provider.requests.recv_timeout(Duration::from_secs(10)).expect("the provider was asked");
    assert!(provider.requests.recv_timeout(Duration::from_secs(1)).is_err(), "the text went out twice");
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn without_the_token_nothing_is_said() {
    let provider = Provider::start();
    let server = server_with(&provider);
    let (status, body) = request(server.api, "wrong", "GET", "/v1/calls", None);
    assert_eq!(status, 401, "{body}");
    assert!(body["hint"].is_string(), "{body}");
}
