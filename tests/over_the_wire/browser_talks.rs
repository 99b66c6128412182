//! A real browser (Chromium, JsSIP) over WebSocket, ICE and DTLS-SRTP: both directions are heard, with phones of every kind.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::baresip::Baresip;
use crate::chromium::Chromium;
use crate::customer::WHATSAPP;
use crate::encrypted::SAFEST;
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
use crate::softphone::tone_of;
use crate::sound::seconds_of;

/// A server that listens for browsers as well, with these codecs.
fn server(codecs: &str) -> (Server, SocketAddr) {
    server_with(codecs, include_str!("../data/wire.kdl"))
}

fn server_with(codecs: &str, plan: &str) -> (Server, SocketAddr) {
    let config = config(&format!("{TRUNK}{WHATSAPP}"))
        .replace("\"tcp:127.0.0.1:0\"]", "\"tcp:127.0.0.1:0\", \"ws:127.0.0.1:0\"]")
        .replace("codecs = [\"pcma\", \"pcmu\"]", &format!("codecs = [{codecs}]\nloopback_candidates = true"));
    let mut server = Server::start(&config, plan);
    let browsers = server.address_after("ws:");
    (server, browsers)
}

const ALL: &str = "\"opus\", \"g722\", \"pcma\", \"pcmu\"";

/// They hear each other while both talk; what the browsers among them counted and the record say is given back.
fn talk(server: &Server, mut caller: Box<dyn Softphone>, mut callee: Box<dyn Softphone>) -> Value {
    connect(caller.as_mut(), callee.as_mut(), "201");
    sound_flows_for(3);
    caller.hangs_up();
    callee.is_released();
    heard_each_other([caller.recording(), callee.recording()], ["200", "201"]);
    server.get("/v1/records")["data"][0].clone()
}

fn plain(server: &Server, number: &str, media: Media) -> Box<dyn Softphone> {
    let wish = Wish { media, ..extension(server, number, Transport::Udp, Answers::ByHand) };
    Box::new(Baresip::start(&wish))
}

/// How each leg of a record was encrypted.
fn protection(record: &Value) -> Vec<&str> {
    let legs = record["legs"].as_array().expect("legs");
    legs.iter().filter_map(|leg| leg["encryption"].as_str()).collect()
}

#[test]
#[ignore = "needs chromium: run by tests/all"]
fn two_browsers_talk_in_opus() {
    let (server, browsers) = server(ALL);
    let (mut ana, mut bruno) = (Chromium::start(browsers, "200"), Chromium::start(browsers, "201"));
    connect(&mut ana, &mut bruno, "201");
    sound_flows_for(3);
    let counts = [ana.counts(), bruno.counts()];
    for count in &counts {
        assert_eq!((&count["codec"], &count["dtls"]), (&"audio/opus".into(), &"connected".into()), "{count}");
    }
    ana.hangs_up();
    bruno.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(bruno).recording()], ["200", "201"]);
    drop(server);
}

#[test]
#[ignore = "needs chromium, needs baresip: run by tests/all"]
fn a_browser_calls_a_plain_phone() {
    let (server, browsers) = server(ALL);
    let bruno = plain(&server, "201", Media::Plain);
    let ana = Box::new(Chromium::start(browsers, "200"));
    let record = talk(&server, ana, bruno);
    assert!(protection(&record) == [SAFEST, "none"], "{record}");
}

/// What the browser says is decoded for the recording, what it hears is encoded for it.
#[test]
#[ignore = "needs chromium: run by tests/all"]
fn a_browser_hears_and_is_heard_in_every_codec() {
    const BUSY_TONE_OF_BRAZIL: f64 = 425.0;
    let plan = r#"
number "+551140031234" flow="entrada"
flow "entrada" {
    answer
    record
    tone "busy" up-to="5s"
    hangup
}"#;
    for codec in ["opus", "g722", "pcma", "pcmu"] {
        let (server, browsers) = server_with(&format!("\"{codec}\""), plan);
        let mut events = server.events();
        let mut ana = Chromium::start(browsers, "200");
        ana.dials("+551140031234");
        ana.talks();
        ana.is_released();
        let kept = events.wait_for("recording.completed", |_| true);
        let said = server.folder.join("data/recordings").join(kept["path"].as_str().expect("a path"));
        assert!(seconds_of(&said, tone_of("200")) > 1.5, "{codec}: not heard: {}", said.display());
        let heard = Box::new(ana).recording();
        assert!(seconds_of(&heard, BUSY_TONE_OF_BRAZIL) > 1.2, "{codec}: does not hear: {}", heard.display());
    }
}

#[test]
#[ignore = "needs chromium, needs baresip: run by tests/all"]
fn a_phone_with_keys_in_its_sdp_calls_a_browser() {
    let (server, browsers) = server(ALL);
    let bruno = Box::new(Chromium::start(browsers, "201"));
    let ana = plain(&server, "200", Media::Sdes);
    let record = talk(&server, ana, bruno);
    let protection = protection(&record);
    assert!(protection == ["AES_CM_128_HMAC_SHA1_80", SAFEST], "{record}");
}

#[test]
#[ignore = "needs chromium, needs baresip: run by tests/all"]
fn a_browser_holds_a_talk_resumes_it_and_changes_its_path() {
    let (server, browsers) = server(ALL);
    let mut bruno = plain(&server, "201", Media::Plain);
    let mut ana = Chromium::start(browsers, "200");
    connect(&mut ana, bruno.as_mut(), "201");
    sound_flows_for(2);
    ana.holds();
    sound_flows_for(1);
    ana.resumes();
    sound_flows_for(2);
    ana.restarts_ice();
    sound_flows_for(3);
    ana.hangs_up();
    bruno.is_released();
    let recordings = [Box::new(ana).recording(), bruno.recording()];
    // Two seconds before the hold, two after it, three on the new path, less what the changes take.
    for (heard, other) in recordings.iter().zip(["201", "200"]) {
        let seconds = seconds_of(heard, tone_of(other));
        assert!(seconds > 5.0, "{other} was heard for {seconds} s: {}", heard.display());
    }
}

#[test]
#[ignore = "needs chromium, needs baresip: run by tests/all"]
fn a_browser_hands_a_talk_on() {
    let (server, browsers) = server(ALL);
    let (mut bruno, mut carla) = (plain(&server, "201", Media::Plain), plain(&server, "202", Media::Plain));
    let mut ana = Chromium::start(browsers, "200");
    connect(&mut ana, bruno.as_mut(), "201");
    sound_flows_for(1);
    ana.transfers_to("202");
    carla.rings();
    carla.picks_up();
    carla.talks();
    sound_flows_for(3);
    carla.hangs_up();
    bruno.is_released();
    heard_each_other_by([bruno.recording(), carla.recording()]);
}

fn heard_each_other_by(recordings: [PathBuf; 2]) {
    let [bruno, carla] = &recordings;
    assert!(seconds_of(bruno, tone_of("202")) > 1.2, "{}", bruno.display());
    assert!(seconds_of(carla, tone_of("201")) > 1.2, "{}", carla.display());
}
