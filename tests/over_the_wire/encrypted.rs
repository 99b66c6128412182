//! Phones that take no plain audio: with each other, and with one that knows of no keys.

use serde_json::json;

use crate::baresip::Baresip;
use crate::customer::WHATSAPP;
use crate::customer::server;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Media;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::Wish;
use crate::softphone::connect;
use crate::softphone::extension;
use crate::softphone::heard_each_other;
use crate::softphone::sound_flows_for;

fn wish<'a>(server: &Server, number: &'a str, media: Media) -> Wish<'a> {
    Wish { media, ..extension(server, number, Transport::Udp, Answers::ByHand) }
}

/// 201 gets no call without keys.
fn insisting() -> Server {
    let config =
        config(&format!("{TRUNK}{WHATSAPP}")).replace("number = \"201\"", "number = \"201\"\nencryption = \"require\"");
    Server::start(&config, include_str!("../data/wire.kdl"))
}

fn insists(server: &Server, number: &str) -> Pjsua {
    // 2: mandatory.
    let mut phone = Pjsua::start_with(&wish(server, number, Media::Sdes), json!({ "srtp": 2 }));
    phone.wait_for("register", |answer| answer["code"] == 200);
    phone
}

/// 200 calls 201 and both hear each other.
fn talk(mut ana: Box<dyn Softphone>, mut bruno: Box<dyn Softphone>) {
    connect(ana.as_mut(), bruno.as_mut(), "201");
    sound_flows_for(2);
    ana.hangs_up();
    bruno.is_released();
    heard_each_other([ana.recording(), bruno.recording()], ["200", "201"]);
}

#[test]
#[ignore = "needs baresip, needs pjsua2: run by tests/all"]
fn phones_that_insist_on_keys_in_the_sdp_talk_to_each_other() {
    let server = insisting();
    let ana = Baresip::start(&wish(&server, "200", Media::Sdes));
    let bruno = insists(&server, "201");
    talk(Box::new(ana), Box::new(bruno));
}

#[test]
#[ignore = "needs baresip, needs pjsua2: run by tests/all"]
fn a_phone_that_takes_nothing_but_keys_is_called_by_a_plain_one() {
    let server = insisting();
    let ana = Baresip::start(&wish(&server, "200", Media::Plain));
    let bruno = insists(&server, "201");
    talk(Box::new(ana), Box::new(bruno));
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_phone_that_shakes_hands_on_the_media_path_calls_a_plain_one() {
    let server = server();
    let ana = Baresip::start(&wish(&server, "200", Media::Dtls));
    let bruno = Baresip::start(&wish(&server, "201", Media::Plain));
    talk(Box::new(ana), Box::new(bruno));
}
