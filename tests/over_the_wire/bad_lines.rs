//! Real phones over a line that loses every tenth packet and shuffles the rest: how their tones arrive, in decibels.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::bad_line::BadLine;
use crate::bad_line::Weather;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::Wish;
use crate::softphone::connect;
use crate::softphone::extension;
use crate::softphone::sound_flows_for;
use crate::softphone::tone_of;
use crate::sound::seconds_of;
use crate::sound::segmental_snr;

const BAD: Weather = Weather { loss: 0.1, jitter: Duration::from_millis(60), seed: 4 };

/// Of the talk, in which each has to hear the other's tone for the greater part.
const TALK: u64 = 3;

/// The record of the call, and the quality at 200 and at 201.
fn talk(server: &Server, line: &BadLine, codec: &str) -> (Value, [f64; 2]) {
    let mut events = server.events();
    let wish = extension(server, "201", Transport::Udp, Answers::ByHand);
    let mut bruno = pjsua(&wish, codec);
    let mut ana = pjsua(&Wish { user: "200", server: line.address, tone: tone_of("200"), ..wish }, "PCMA");
    connect(ana.as_mut(), bruno.as_mut(), "201");
    sound_flows_for(TALK);
    ana.hangs_up();
    bruno.is_released();
    let record = events.wait_for("call.completed", |_| true);
    let heard = |file: PathBuf, own: &str, other: &str| {
        let (other, own) = (tone_of(other), tone_of(own));
        let seconds = seconds_of(&file, other);
        let most = TALK as f64 * 0.6;
        assert!(seconds > most, "the tone is there for {seconds} s only: {}", file.display());
        assert!(seconds_of(&file, own) < 0.1, "an echo: {}", file.display());
        segmental_snr(&file, other)
    };
    let quality = [heard(ana.recording(), "200", "201"), heard(bruno.recording(), "201", "200")];
    println!("quality: {:.1} dB at the phone on the bad line, {:.1} dB at the other", quality[0], quality[1]);
    println!("line: {}", line.told());
    (record, quality)
}

fn leg_of<'a>(record: &'a Value, party: &str) -> &'a Value {
    let legs = record["legs"].as_array().expect("legs");
    legs.iter().find(|leg| leg["party"] == party).unwrap_or_else(|| panic!("no leg of {party}: {record}"))
}

/// What the server itself has measured of the bad line.
fn is_seen(record: &Value, loss: std::ops::Range<f64>) {
    let ana = leg_of(record, "caller");
    let (lost, jitter) = (ana["loss"].as_f64().expect("a loss"), ana["jitter_ms"].as_f64().expect("a jitter"));
    println!("record: loss {lost:.3}, jitter {jitter:.1} ms, MOS {}; far: {}", ana["mos"], ana["far"]);
    assert!(loss.contains(&lost), "{ana}");
    assert!(jitter > 10.0 || loss.start == 0.0, "{ana}");
}

/// PJSIP writes down what it plays as it plays it; baresip leaves out what did not come.
fn pjsua(wish: &Wish, codec: &str) -> Box<dyn Softphone> {
    let mut phone = Pjsua::start_with(wish, json!({ "codec": codec }));
    phone.wait_for("register", |answer| answer["code"] == 200);
    Box::new(phone)
}

fn server_with_g722() -> Server {
    Server::start(&config("").replace("codecs = [", "codecs = [\"g722\", "), "")
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn phones_hear_each_other_over_a_line_that_loses_a_tenth() {
    let server = Server::start(&config(""), "");
    let line = BadLine::to(server.sip, BAD);
    let (record, quality) = talk(&server, &line, "PCMA");
    is_seen(&record, 0.04..0.2);
    assert!(quality.iter().all(|decibels| *decibels > 10.0), "{quality:?}");
}

/// Here the server waits for what is late and makes up for what is lost, before it goes on in G.722.
#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn what_a_bad_line_loses_is_made_up_for_before_it_goes_on_in_g722() {
    let server = server_with_g722();
    let line = BadLine::to(server.sip, BAD);
    let (record, quality) = talk(&server, &line, "G722");
    assert_eq!(leg_of(&record, "201")["codec"], "g722", "{record}");
    is_seen(&record, 0.04..0.2);
    assert!(quality.iter().all(|decibels| *decibels > 10.0), "{quality:?}");
}

/// What the figures of the bad line are to be compared with.
#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn on_a_good_line_nothing_is_lost_on_the_way_to_g722() {
    let server = server_with_g722();
    let line = BadLine::to(server.sip, Weather { loss: 0.0, jitter: Duration::ZERO, seed: 4 });
    let (record, quality) = talk(&server, &line, "G722");
    is_seen(&record, 0.0..0.01);
    assert!(quality.iter().all(|decibels| *decibels > 25.0), "{quality:?}");
}
