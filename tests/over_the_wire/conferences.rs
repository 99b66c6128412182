//! Three phones in one conference, and a supervisor in a talk: who hears which tone.

use serde_json::json;

use crate::server::Server;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Kind;
use crate::softphone::Make;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::connect;
use crate::softphone::phone;
use crate::softphone::sound_flows_for;
use crate::softphone::tone_of;
use crate::sound::seconds_with;

const BARESIP: Kind = (Make::Baresip, Transport::Udp);

const PLAN: &str = r#"
number "+551140031234" flow="sala"
flow "sala" { conference "equipe" announce="none" record="yes" }
"#;

const EXTENSIONS: [&str; 3] = ["200", "201", "202"];

/// Whom each has heard, by number, for longer than a second.
fn heard(phones: Vec<Box<dyn Softphone>>) -> Vec<Vec<&'static str>> {
    let recordings = phones.into_iter().map(|phone| phone.recording());
    let heard = |file: std::path::PathBuf| {
        EXTENSIONS.into_iter().filter(|number| seconds_with(&file, tone_of(number)) > 1.0).collect()
    };
    recordings.map(heard).collect()
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn each_of_three_phones_hears_the_other_two_and_the_recording_all() {
    let server = Server::start(&config(""), PLAN);
    let mut events = server.events();
    let mut phones: Vec<Box<dyn Softphone>> =
        EXTENSIONS.into_iter().map(|number| phone(&server, number, BARESIP, Answers::ByHand)).collect();
    for phone in &mut phones {
        phone.dials("+551140031234");
        phone.talks();
    }
    sound_flows_for(3);
    let conference = server.get("/v1/conferences/equipe");
    assert_eq!(conference["members"].as_array().map(Vec::len), Some(3), "{conference}");
    for phone in &mut phones {
        phone.hangs_up();
    }
    let recorded = events.wait_for("conference.recorded", |_| true);
    let file = server.folder.join("data/recordings").join(recorded["path"].as_str().expect("a path"));
    assert!(EXTENSIONS.iter().all(|number| seconds_with(&file, tone_of(number)) > 1.0), "{}", file.display());
    assert_eq!(heard(phones), [vec!["201", "202"], vec!["200", "202"], vec!["200", "201"]]);
}

/// 202 is brought into the talk of 200 and 201; whom each has heard.
fn supervised(mode: &str) -> Vec<Vec<&'static str>> {
    let server = Server::start(&config(""), PLAN);
    let mut events = server.events();
    let mut phones: Vec<Box<dyn Softphone>> =
        EXTENSIONS.into_iter().map(|number| phone(&server, number, BARESIP, Answers::ByHand)).collect();
    let [caller, agent, supervisor] = &mut phones[..] else { panic!("three phones") };
    connect(caller.as_mut(), agent.as_mut(), "201");
    let call = server.get("/v1/calls")["data"][0]["id"].as_str().expect("an id").to_owned();
    let order = json!({ "extension": "202", "mode": mode });
    server.send("POST", &format!("/v1/calls/{call}/supervise"), &order);
    supervisor.rings();
    supervisor.picks_up();
    events.wait_for("call.supervised", |call| call["supervisor"]["listens"] == true);
    sound_flows_for(3);
    caller.hangs_up();
    supervisor.is_released();
    heard(phones)
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_supervisor_who_listens_is_heard_by_nobody() {
    assert_eq!(supervised("listen"), [vec!["201"], vec!["200"], vec!["200", "201"]]);
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_supervisor_who_whispers_is_heard_by_the_agent_alone() {
    assert_eq!(supervised("whisper"), [vec!["201"], vec!["200", "202"], vec!["200", "201"]]);
}
