//! Calls placed through the API, out by the trunk.

use std::time::Duration;

use serde_json::json;

use crate::baresip::Baresip;
use crate::customer::AGENT_TONE;
use crate::customer::CUSTOMER_TONE;
use crate::customer::WHATSAPP;
use crate::customer::agent;
use crate::server::Server;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Media;
use crate::softphone::Transport;
use crate::softphone::Wish;
use crate::sound::seconds_of;
use crate::sound::seconds_of_sound;

/// A server whose trunk leads to a phone that stands for the whole telephone network.
fn server_and_network() -> (Server, Baresip) {
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let wish = Wish {
        user: "+5511999998888",
        password: None,
        ip: "127.0.0.2",
        server: nowhere,
        transport: Transport::Udp,
        tone: CUSTOMER_TONE,
        answers: Answers::AtOnce,
        media: Media::Plain,
    };
    let network = Baresip::start(&wish);
    let trunk = format!(
        "[[trunk]]\nname = \"operadora\"\nhost = \"127.0.0.2\"\nport = {}\nfrom = [\"127.0.0.2\"]\n",
        network.address.port()
    );
    let server = Server::start(&config(&format!("{trunk}{WHATSAPP}")), include_str!("../data/wire.kdl"));
    (server.with_its_trunks(), network)
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_placed_call_plays_a_prompt_and_ends() {
    let (server, mut network) = server_and_network();
    let mut events = server.events();
    let call = server.send(
        "POST",
        "/v1/calls",
        &json!({ "to": "+5511999998888", "from": "+551140031234", "play": "whatsapp-down" }),
    );
    network.wait_for("Call established");
    let seen = server.get(&format!("/v1/calls/{}", call["id"].as_str().expect("an id")));
    assert_eq!(seen["status"], "in-progress");
    events.wait_for("call.completed", |done| done["id"] == call["id"]);
    assert!(seconds_of_sound(&network.recording()) > 2.0);
}

#[test]
#[ignore = "needs baresip, needs espeak-ng: run by tests/all"]
fn a_placed_call_says_a_text_and_ends() {
    let (server, mut network) = server_and_network();
    let mut events = server.events();
    let wish = json!({ "to": "+5511999998888", "say": "O seu pedido chegou e sai para entrega hoje." });
    let call = server.send("POST", "/v1/calls", &wish);
    network.wait_for("Call established");
    events.wait_for("call.completed", |done| done["id"] == call["id"]);
    assert!(seconds_of_sound(&network.recording()) > 1.5);
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn click_to_call_connects_the_agent_with_the_customer() {
    let (server, mut network) = server_and_network();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::AtOnce);
    let call = server.send("POST", "/v1/calls", &json!({ "to": "200", "connect": "+5511999998888" }));
    events.wait_for("call.connected", |_| true);
    network.wait_for("Call established");
    ana.listens_for(Duration::from_secs(3));
    server.send("DELETE", &format!("/v1/calls/{}", call["id"].as_str().expect("an id")), &json!({}));
    events.wait_for("call.completed", |_| true);
    assert!(seconds_of(&ana.recording(), CUSTOMER_TONE) > 1.5);
    assert!(seconds_of(&network.recording(), AGENT_TONE) > 1.5);
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_softphone_reaches_a_number_by_the_route() {
    let (server, mut network) = server_and_network();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::ByHand);
    ana.dials("sip:+5511999998888@desvio.test");
    events.wait_for("call.connected", |_| true);
    network.wait_for("Call established");
    network.listens_for(Duration::from_secs(3));
    ana.hangs_up();
    events.wait_for("call.completed", |call| call["trunk"] == "operadora" || call["direction"] == "outbound");
    assert!(seconds_of(&network.recording(), AGENT_TONE) > 1.5);
}
