//! Phones that take no plain audio: with each other, and with one that knows of no keys.

use serde_json::json;

use crate::baresip::Baresip;
use crate::customer::WHATSAPP;
use crate::customer::server;
use crate::linphone::Linphone;
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

/// With a rule of its own for 201.
fn server_with(encryption: &str) -> Server {
    let rule = format!("number = \"201\"\nencryption = \"{encryption}\"");
    let config = config(&format!("{TRUNK}{WHATSAPP}")).replace("number = \"201\"", &rule);
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
    let server = server_with("require");
    let ana = Baresip::start(&wish(&server, "200", Media::Sdes));
    let bruno = insists(&server, "201");
    talk(Box::new(ana), Box::new(bruno));
}

#[test]
#[ignore = "needs baresip, needs pjsua2: run by tests/all"]
fn a_phone_that_takes_nothing_but_keys_is_called_by_a_plain_one() {
    let server = server_with("require");
    let ana = Baresip::start(&wish(&server, "200", Media::Plain));
    let bruno = insists(&server, "201");
    talk(Box::new(ana), Box::new(bruno));
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_phone_that_shakes_hands_on_the_media_path_calls_a_plain_one() {
    let server = server();
    let ana = Baresip::start(&wish(&server, "200", Media::DtlsOnOnePort));
    let bruno = Baresip::start(&wish(&server, "201", Media::Plain));
    talk(Box::new(ana), Box::new(bruno));
}

/// What a record says of a leg after a handshake with Chromium or baresip, which name this suite last or behind another.
pub(crate) const SAFEST: &str = "DTLS-SRTP AEAD_AES_256_GCM";

/// All that Linphone has.
const LINPHONES: &str = "DTLS-SRTP AES_CM_128_HMAC_SHA1_80";

/// The record's own word for what protected the caller and 201.
fn talk_on_record(server: &Server, ana: Box<dyn Softphone>, bruno: Box<dyn Softphone>) -> [String; 2] {
    let mut events = server.events();
    talk(ana, bruno);
    let record = events.wait_for("call.completed", |_| true);
    ["caller", "201"].map(|party| {
        let legs = record["legs"].as_array().into_iter().flatten();
        let mut words = legs.filter(|leg| leg["party"] == party).filter_map(|leg| leg["encryption"].as_str());
        words.next_back().unwrap_or_else(|| panic!("{party} did not talk: {record}")).to_owned()
    })
}

#[test]
#[ignore = "needs linphonec, needs baresip: run by tests/all"]
fn linphone_with_keys_in_the_sdp_calls_and_is_called() {
    // As PJSIP, Linphone that insists on keys refuses them beside `RTP/AVP`.
    let server = server_with("require");
    let linphone = |number| Box::new(Linphone::start(&wish(&server, number, Media::Sdes)));
    let baresip = |number, media| Box::new(Baresip::start(&wish(&server, number, media)));
    let [caller, callee] = talk_on_record(&server, linphone("200"), baresip("201", Media::Sdes));
    assert_eq!(caller, "AES_256_CM_HMAC_SHA1_80", "the best that it offers");
    assert!(callee.starts_with('A'), "{callee}");
    let [caller, callee] = talk_on_record(&server, baresip("200", Media::Plain), linphone("201"));
    assert_eq!(caller, "none");
    assert!(callee.starts_with('A'), "{callee}");
}

#[test]
#[ignore = "needs linphonec, needs baresip: run by tests/all"]
fn phones_whose_reports_have_a_port_of_their_own_shake_hands_there_as_well() {
    let server = server_with("dtls");
    let linphone = |number| Box::new(Linphone::start(&wish(&server, number, Media::Dtls)));
    let baresip = |number| Box::new(Baresip::start(&wish(&server, number, Media::Dtls)));
    assert_eq!(talk_on_record(&server, linphone("200"), baresip("201")), [LINPHONES, SAFEST]);
    assert_eq!(talk_on_record(&server, baresip("200"), linphone("201")), [SAFEST, LINPHONES]);
}
