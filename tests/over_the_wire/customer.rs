//! A customer calls through a trunk known by its address; an agent's softphone rings; they hear each other.

use std::time::Duration;

use crate::baresip::Baresip;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Media;
use crate::softphone::Transport;
use crate::softphone::Wish;
use crate::sound::seconds_of;
use crate::sound::seconds_of_sound;

/// Tones that no prompt holds for long.
pub(crate) const AGENT_TONE: f64 = 1000.0;
pub(crate) const CUSTOMER_TONE: f64 = 1600.0;

/// A channel that a person sets by hand: its only probe asks a port of this machine where nobody answers.
pub(crate) const WHATSAPP: &str = r#"
[[channel]]
name = "whatsapp"
kind = "whatsapp"
probes = [{ layer = "tcp", target = "127.0.0.1:9" }]
"#;

pub(crate) fn server() -> Server {
    Server::start(&config(&format!("{TRUNK}{WHATSAPP}")), include_str!("../data/wire.kdl"))
}

pub(crate) fn agent(server: &Server, number: &str, answers: Answers) -> Baresip {
    let wish = Wish {
        user: number,
        password: Some("segredo"),
        ip: "127.0.0.1",
        server: server.sip,
        transport: Transport::Udp,
        tone: AGENT_TONE,
        answers,
        media: Media::Plain,
    };
    Baresip::start(&wish)
}

pub(crate) fn customer(server: &Server) -> Baresip {
    let wish = Wish {
        user: "+5511999998888",
        password: None,
        ip: "127.0.0.2",
        server: server.sip,
        transport: Transport::Udp,
        tone: CUSTOMER_TONE,
        answers: Answers::AtOnce,
        media: Media::Plain,
    };
    Baresip::start(&wish)
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_customer_in_an_outage_hears_the_announcement_presses_1_and_talks_to_an_agent() {
    let server = server();
    server.declare_outage();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::AtOnce);
    let mut maria = customer(&server);

    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    events.wait_for("call.in-progress", |_| true);
    maria.wait_for("Call established");
    // Typed ahead: the menu takes the key as soon as it begins.
    maria.presses('1');
    events.wait_for("call.waiting", |call| call["queue"] == "vendas");
    events.wait_for("call.connected", |call| call["agent"] == "200");
    ana.wait_for("Call established");
    ana.listens_for(Duration::from_secs(4));

    maria.hangs_up();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!(
        (&record["from"], &record["agent"], &record["hung_up_by"]),
        (&"+5511999998888".into(), &"200".into(), &"caller".into())
    );
    // Waits for the record, which is written within 200 ms.
    server.get(&format!("/v1/calls/{}", record["id"].as_str().expect("an id")));
    let stored = server.get("/v1/records");
    assert_eq!(stored["data"][0]["id"], record["id"], "{stored}");

    let (heard_by_ana, heard_by_maria) = (ana.recording(), maria.recording());
    assert!(seconds_of(&heard_by_ana, CUSTOMER_TONE) > 2.0, "the agent did not hear the customer");
    assert!(seconds_of(&heard_by_maria, AGENT_TONE) > 2.0, "the customer did not hear the agent");
    let announced = seconds_of_sound(&heard_by_maria) - seconds_of(&heard_by_maria, AGENT_TONE);
    assert!(announced > 3.0, "the customer heard {announced} s of announcement, menu and music");
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn the_agent_hangs_up_and_the_customer_is_released() {
    let server = server();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::AtOnce);
    let mut maria = customer(&server);
    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    maria.wait_for("Call established");
    maria.presses('1');
    events.wait_for("call.connected", |_| true);
    ana.wait_for("Call established");
    ana.hangs_up();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!(record["hung_up_by"], "callee");
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn an_agent_who_does_not_pick_up_is_followed_by_the_next() {
    let server = server();
    let mut events = server.events();
    let _ana = agent(&server, "200", Answers::ByHand);
    let mut maria = customer(&server);
    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    maria.wait_for("Call established");
    maria.presses('1');
    events.wait_for("call.waiting", |_| true);
    let _bruno = agent(&server, "201", Answers::AtOnce);
    events.wait_for("call.connected", |call| call["agent"] == "201");
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn one_softphone_calls_another() {
    let server = server();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::ByHand);
    let mut bruno = agent(&server, "201", Answers::AtOnce);
    ana.dials("sip:201@desvio.test");
    events.wait_for("call.connected", |call| call["agent"] == "201");
    ana.wait_for("Call established");
    bruno.listens_for(Duration::from_secs(3));
    ana.hangs_up();
    events.wait_for("call.completed", |call| call["direction"] == "internal");
    assert!(seconds_of(&ana.recording(), AGENT_TONE) > 1.5);
    assert!(seconds_of(&bruno.recording(), AGENT_TONE) > 1.5);
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_softphone_on_hold_hears_music_and_then_the_other_again() {
    let server = server();
    let mut events = server.events();
    let mut ana = agent(&server, "200", Answers::ByHand);
    let mut bruno = agent(&server, "201", Answers::AtOnce);
    ana.dials("sip:201@desvio.test");
    events.wait_for("call.connected", |_| true);
    bruno.wait_for("Call established");
    bruno.types("x");
    ana.listens_for(Duration::from_secs(4));
    bruno.types("X");
    ana.listens_for(Duration::from_secs(3));
    ana.hangs_up();
    events.wait_for("call.completed", |_| true);
    let heard = ana.recording();
    let talk = seconds_of(&heard, AGENT_TONE);
    let music = seconds_of_sound(&heard) - talk;
    assert!(music > 2.0 && talk > 1.5, "{music} s of music, {talk} s of talk");
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_message_left_is_a_sound_file_with_what_the_caller_said() {
    let plan = r#"
number "+551140031234" flow="recado"
flow "recado" {
    voicemail "geral"
    hangup
}"#;
    let server = Server::start(&config(&format!("{TRUNK}{WHATSAPP}")), plan);
    let mut events = server.events();
    let mut maria = customer(&server);
    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    maria.wait_for("Call established");
    // Greeting and tone, then five seconds of message.
    maria.listens_for(Duration::from_secs(14));
    maria.hangs_up();
    let voicemail = events.wait_for("voicemail.left", |_| true);
    let path = server.folder.join("data/voicemail").join(voicemail["path"].as_str().expect("a path"));
    assert!(seconds_of(&path, CUSTOMER_TONE) > 1.5, "{}", path.display());
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn sigterm_says_bye_keeps_the_record_and_exits_0() {
    let mut server = server();
    let mut events = server.events();
    let mut maria = customer(&server);
    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    maria.wait_for("Call established");
    events.wait_for("call.in-progress", |_| true);
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    maria.wait_for("closed");
    let again = Server::start_in(server.folder.clone());
    assert_eq!(again.get("/v1/records")["data"].as_array().map(Vec::len), Some(1));
}
