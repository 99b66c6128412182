//! The process is killed as by a loss of power, a moment after it promised something: the promise holds.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;

const WHATSAPP: &str = r#"
[[channel]]
name = "whatsapp"
kind = "whatsapp"
probes = [{ layer = "tcp", target = "127.0.0.1:9" }, { layer = "tcp", target = "127.0.0.1:9", control = true }]
"#;

/// Whoever comes is called back, and asked nothing.
const CALLS_BACK: &str = r#"
number "+551140031234" flow="entrada"
route "+55*" trunk="operadora"
flow "entrada" {
    answer
    callback "vendas"
    play "callback-confirmed"
    hangup
}
"#;

#[test]
#[ignore = "starts the server as a process: run by tests/all"]
fn what_a_person_said_of_a_channel_and_a_drill_that_was_begun_outlive_a_kill_right_after_the_answer() {
    let mut server = Server::start(&config(&format!("{TRUNK}{WHATSAPP}")), include_str!("../data/wire.kdl"));
    server.declare_outage();
    server.killed();
    let mut server = Server::start_in(server.folder.clone());
    assert_eq!(server.get("/v1/channels/whatsapp")["state"], "down");
    let incident = server.get("/v1/incidents")["data"][0].clone();
    assert_eq!((&incident["channel"], &incident["ended"]), (&json!("whatsapp"), &json!(null)));

    server.send("DELETE", "/v1/channels/whatsapp/override", &json!({}));
    let drill = server.send("POST", "/v1/drills", &json!({ "channel": "whatsapp", "for": "10m", "shadow": true }));
    let id = drill["id"].as_str().expect("an id");
    server.killed();
    let mut server = Server::start_in(server.folder.clone());
    assert_ne!(server.get("/v1/channels/whatsapp")["state"], "down", "it was taken back");
    assert_eq!(server.get("/v1/drills")["data"][0]["id"], id);
    server.send("DELETE", &format!("/v1/drills/{id}"), &json!({}));
    server.killed();
    let server = Server::start_in(server.folder.clone());
    assert_eq!(server.get("/v1/drills")["data"], json!([]));
    assert!(server.get(&format!("/v1/incidents/{id}"))["ended"].is_string());
}

#[test]
#[ignore = "starts the server as a process: run by tests/all"]
fn a_callback_that_a_customer_was_promised_outlives_a_kill() {
    let mut server = Server::start(&config(TRUNK), CALLS_BACK);
    let mut events = server.events();
    let customer = UdpSocket::bind("127.0.0.2:0").expect("a port");
    customer.send_to(invite(&server, &customer).as_bytes(), server.sip).expect("sent");
    let booked = events.wait_for("callback.booked", |_| true);
    // Less than what can wait gathers for: 200 ms.
    std::thread::sleep(Duration::from_millis(150));
    server.killed();
    let server = Server::start_in(server.folder.clone());
    let kept = server.get("/v1/callbacks");
    assert_eq!(kept["data"][0]["id"], booked["id"], "{kept}");
    assert_eq!(kept["data"][0]["number"], "+5511999998888", "{kept}");
}

/// The carrier brings a call, and nobody of the carrier listens to what comes of it.
fn invite(server: &Server, customer: &UdpSocket) -> String {
    let (to, from) = (server.sip, customer.local_addr().expect("an address"));
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";
    format!(
        "INVITE sip:+551140031234@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK-kill\r\nMax-Forwards: 70\r\n\
         From: <sip:+5511999998888@{from}>;tag=a\r\nTo: <sip:+551140031234@{to}>\r\nCall-ID: kill@{from}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:{from}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
