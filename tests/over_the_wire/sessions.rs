//! What PJSIP asks of a session beyond INVITE and BYE: reliable ringing, timers, UPDATE.

use serde_json::json;

use crate::customer::WHATSAPP;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Make;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::connect;
use crate::softphone::extension;
use crate::softphone::heard_each_other;
use crate::softphone::phone;
use crate::softphone::sound_flows_for;

fn server_with(sip: &str) -> Server {
    let config = config(&format!("{TRUNK}{WHATSAPP}")).replacen("[sip]\n", &format!("[sip]\n{sip}\n"), 1);
    Server::start(&config, include_str!("../data/wire.kdl"))
}

fn pjsua(server: &Server, number: &str, transport: Transport, more: serde_json::Value) -> Pjsua {
    let mut phone = Pjsua::start_with(&extension(server, number, transport, Answers::ByHand), more);
    // A call to it that comes before would not find it.
    phone.wait_for("register", |answer| answer["code"] == 200);
    phone
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn phones_that_insist_on_reliable_ringing_talk_to_each_other() {
    let server = server_with("");
    let mut ana = pjsua(&server, "200", Transport::Udp, json!({ "prack": "required" }));
    let mut bruno = pjsua(&server, "201", Transport::Tcp, json!({ "prack": "required" }));
    ana.dials("201");
    bruno.rings();
    ana.wait_for_call("EARLY");
    ana.wait_for("answer", |answer| answer["method"] == "PRACK" && answer["code"] == 200);
    bruno.picks_up();
    bruno.talks();
    ana.talks();
    sound_flows_for(2);
    ana.hangs_up();
    bruno.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(bruno).recording()], ["200", "201"]);
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_phone_that_requires_a_session_timer_gets_one_not_shorter_than_ours() {
    let server = server_with("min_se = \"2m\"");
    let mut ana = pjsua(&server, "200", Transport::Udp, json!({ "timer": "required", "session_expires": 90 }));
    let mut bruno = pjsua(&server, "201", Transport::Udp, json!({ "timer": "always" }));
    ana.dials("201");
    let invited = bruno.wait_for("incoming", |_| true);
    assert!(invited["message"].as_str().is_some_and(|invite| invite.contains("Session-Expires: ")), "{invited}");
    bruno.picks_up();
    bruno.talks();
    ana.talks();
    ana.wait_for("answer", |answer| answer["method"] == "INVITE" && answer["code"] == 422);
    ana.hangs_up();
    bruno.is_released();
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn an_update_within_the_call_is_answered_and_the_talk_goes_on() {
    let server = server_with("");
    let mut ana = pjsua(&server, "200", Transport::Tcp, json!({}));
    let mut bruno = pjsua(&server, "201", Transport::Udp, json!({}));
    connect(&mut ana, &mut bruno, "201");
    ana.does(&json!({ "do": "update" }));
    ana.wait_for("answer", |answer| answer["method"] == "UPDATE" && answer["code"] == 200);
    sound_flows_for(2);
    bruno.hangs_up();
    ana.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(bruno).recording()], ["200", "201"]);
}

/// RFC 3261 §13.2.1: an INVITE without an offer gets ours, and its ACK brings the answer.
#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn a_caller_who_offers_nothing_talks_all_the_same() {
    let server = server_with("");
    let mut ana = pjsua(&server, "200", Transport::Udp, json!({}));
    let mut bruno = phone(&server, "201", (Make::Linphone, Transport::Udp), Answers::ByHand);
    ana.does(&json!({ "do": "call", "to": "sip:201@desvio.test", "how": "no offer" }));
    bruno.rings();
    bruno.picks_up();
    bruno.talks();
    ana.talks();
    sound_flows_for(2);
    ana.hangs_up();
    bruno.is_released();
    heard_each_other([Box::new(ana).recording(), bruno.recording()], ["200", "201"]);
}
