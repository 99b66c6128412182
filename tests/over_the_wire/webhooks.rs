//! Events on their way to another program: signed, told again until they are taken, and kept over a restart of ours.

use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;

use crate::http::Provider;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;

const PLAN: &str = include_str!("../data/wire.kdl");
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const CHANNEL: &str = r#"
[[channel]]
name = "whatsapp"
kind = "whatsapp"
probes = [{ layer = "tcp", target = "127.0.0.1:9" }, { layer = "tcp", target = "127.0.0.1:9", control = true }]
"#;

/// One event as a receiver sees it.
struct Told {
    id: String,
    at: String,
    body: String,
}

/// Next to come; its signature is right.
fn told(receiver: &Provider) -> Told {
    let request = receiver.requests.recv_timeout(Duration::from_secs(20)).expect("an event");
    let (head, body) = request.split_once("\r\n\r\n").expect("a request");
    let header = |name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
    };
    let told = Told { id: header("webhook-id"), at: header("webhook-timestamp"), body: body.to_owned() };
    assert_eq!(header("webhook-signature"), told.signature(), "{head}");
    told
}

impl Told {
    fn signature(&self) -> String {
        let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("a key");
        let mut signing = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        signing.update(format!("{}.{}.{}", self.id, self.at, self.body).as_bytes());
        format!("v1,{}", STANDARD.encode(signing.finalize().into_bytes()))
    }

    fn data(&self) -> Value {
        serde_json::from_str::<Value>(&self.body).expect("JSON")["data"].clone()
    }
}

fn wait_until(server: &Server, holds: impl Fn(&Value) -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let webhook = server.get("/v1/webhooks")["data"][0].clone();
        if holds(&webhook) {
            return;
        }
        assert!(Instant::now() < until, "{webhook}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "starts the server as a process: run by tests/all"]
fn an_event_that_is_not_taken_is_told_again_after_a_restart_and_never_once_it_was() {
    let receiver = Provider::that_answers_first(&[500]);
    let webhook = format!(
        "[[webhook]]\nname = \"crm\"\nurl = \"http://{}/in\"\nsecret = \"{SECRET}\"\nevents = [\"channel.changed\"]\n",
        receiver.address
    );
    let mut server = Server::start(&config(&format!("{TRUNK}{CHANNEL}{webhook}")), PLAN);
    server.declare_outage();
    let first = told(&receiver);
    assert_eq!(first.data()["state"], "down", "{}", first.body);
    wait_until(&server, |webhook| webhook["last_failure"] == "it answered 500" && webhook["pending"] == 1);
    assert_eq!(server.stop(), Some(0));

    let mut server = Server::start_in(server.folder.clone());
    let again = told(&receiver);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body), "the same event, as it was");
    assert!(again.at > first.at, "each try is signed with its own time");
    wait_until(&server, |webhook| webhook["delivered"] == 1 && webhook["pending"] == 0);
    assert_eq!(server.stop(), Some(0));

    let server = Server::start_in(server.folder.clone());
    server.send("PUT", "/v1/channels/whatsapp/override", &json!({ "state": "up", "reason": "x", "author": "x" }));
    let next = told(&receiver);
    assert!(next.id != first.id && next.data()["state"] == "up", "told twice: {}", next.body);
    wait_until(&server, |webhook| webhook["delivered"] == 2);
    assert!(receiver.requests.try_recv().is_err(), "something was told twice");
}
