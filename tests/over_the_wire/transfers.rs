//! Calls handed over by real phones: blind and attended, by the caller and by the callee, between three makes.

use serde_json::json;

use crate::customer::server;
use crate::linphone::Linphone;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::softphone::Answers;
use crate::softphone::Kind;
use crate::softphone::Make;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::connect;
use crate::softphone::extension;
use crate::softphone::heard_each_other;
use crate::softphone::phone;
use crate::softphone::sound_flows_for;

fn pjsua(server: &Server, number: &str, transport: Transport) -> Pjsua {
    Pjsua::start(&extension(server, number, transport, Answers::ByHand))
}

/// 200 talks to 201, who sends the call on to 202 and is out of it.
fn the_callee_transfers(caller: Kind, transferor: Kind, target: Kind) {
    let server = server();
    let mut events = server.events();
    let mut ana = phone(&server, "200", caller, Answers::ByHand);
    let mut bruno = phone(&server, "201", transferor, Answers::ByHand);
    let mut carla = phone(&server, "202", target, Answers::ByHand);
    connect(ana.as_mut(), bruno.as_mut(), "201");
    sound_flows_for(1);
    bruno.transfers_to("202");
    carla.rings();
    carla.picks_up();
    carla.talks();
    bruno.is_released();
    let call = events.wait_for("call.transferred", |_| true);
    assert_eq!((&call["transferred_by"], &call["transferred_to"]), (&json!("201"), &json!("202")), "{call}");
    sound_flows_for(2);
    carla.hangs_up();
    ana.is_released();
    heard_each_other([ana.recording(), carla.recording()], ["200", "202"]);
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn pjsip_sends_linphones_call_on_to_baresip() {
    the_callee_transfers(
        (Make::Linphone, Transport::Udp),
        (Make::Pjsua, Transport::Tcp),
        (Make::Baresip, Transport::Udp),
    );
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn linphone_sends_baresips_call_on_to_pjsip() {
    the_callee_transfers(
        (Make::Baresip, Transport::Tcp),
        (Make::Linphone, Transport::Udp),
        (Make::Pjsua, Transport::Udp),
    );
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn baresip_sends_pjsips_call_on_to_linphone() {
    the_callee_transfers(
        (Make::Pjsua, Transport::Udp),
        (Make::Baresip, Transport::Udp),
        (Make::Linphone, Transport::Tcp),
    );
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn the_caller_sends_the_call_on_and_is_told_how_it_goes() {
    let server = server();
    let mut ana = pjsua(&server, "200", Transport::Udp);
    let mut bruno = pjsua(&server, "201", Transport::Tcp);
    let mut carla = pjsua(&server, "202", Transport::Udp);
    connect(&mut ana, &mut bruno, "201");
    ana.transfers_to("202");
    ana.wait_for("answer", |answer| answer["method"] == "REFER" && answer["code"] == 202);
    carla.rings();
    ana.wait_for("transfer", |told| told["code"] == 180);
    carla.picks_up();
    ana.wait_for("transfer", |told| told["code"] == 200 && told["final"] == true);
    ana.is_released();
    sound_flows_for(2);
    bruno.hangs_up();
    carla.is_released();
    heard_each_other([Box::new(bruno).recording(), Box::new(carla).recording()], ["201", "202"]);
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_target_that_is_busy_leaves_the_two_as_they_were() {
    let server = server();
    let mut ana = pjsua(&server, "200", Transport::Udp);
    let mut bruno = pjsua(&server, "201", Transport::Udp);
    let mut carla = pjsua(&server, "202", Transport::Udp);
    connect(&mut ana, &mut bruno, "201");
    bruno.transfers_to("202");
    carla.rings();
    carla.declines();
    let told = bruno.wait_for("transfer", |told| told["final"] == true);
    assert_eq!(told["code"], 486, "{told}");
    sound_flows_for(2);
    ana.hangs_up();
    bruno.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(bruno).recording()], ["200", "201"]);
}

/// 201 puts 200 on hold, asks 202, and connects the two.
#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn pjsip_asks_first_and_then_connects_the_two() {
    let server = server();
    let mut ana = pjsua(&server, "200", Transport::Udp);
    let mut bruno = pjsua(&server, "201", Transport::Tcp);
    let mut carla = pjsua(&server, "202", Transport::Udp);
    connect(&mut ana, &mut bruno, "201");
    bruno.holds();
    connect(&mut bruno, &mut carla, "202");
    bruno.does(&json!({ "do": "join", "call": 0, "with": 1 }));
    bruno.wait_for("transfer", |told| told["code"] == 200 && told["final"] == true);
    bruno.is_released();
    bruno.is_released();
    sound_flows_for(2);
    ana.hangs_up();
    carla.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(carla).recording()], ["200", "202"]);
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn linphone_asks_first_and_then_connects_the_two() {
    let server = server();
    let mut ana = pjsua(&server, "200", Transport::Udp);
    let mut bruno = Linphone::start(&extension(&server, "201", Transport::Tcp, Answers::ByHand));
    let mut carla = pjsua(&server, "202", Transport::Udp);
    connect(&mut ana, &mut bruno, "201");
    bruno.holds();
    connect(&mut bruno, &mut carla, "202");
    bruno.types("transfer 1 --to-call 2");
    bruno.is_released();
    sound_flows_for(2);
    ana.hangs_up();
    carla.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(carla).recording()], ["200", "202"]);
}

/// The dialog of a call at this phone, as RFC 3891 names it, from a message that the phone sent.
fn replaces(message: &str) -> String {
    let header = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).expect("a header").trim();
    let tag = |name: &str| {
        let (_, tag) = header(name).split_once("tag=").expect("a tag");
        tag.split(';').next().unwrap_or(tag).to_owned()
    };
    format!("{};to-tag={};from-tag={}", header("Call-ID:"), tag("From:"), tag("To:"))
}

enum Taken {
    WhileItRings,
    FromTheTalk,
}

/// 202 takes the call of 201's phone.
fn a_colleague_takes_the_call(taken: &Taken) {
    let server = server();
    let mut ana = pjsua(&server, "200", Transport::Udp);
    let mut bruno = pjsua(&server, "201", Transport::Tcp);
    let mut carla = pjsua(&server, "202", Transport::Udp);
    ana.dials("201");
    let ringing = bruno.wait_for_call("EARLY");
    if matches!(taken, Taken::FromTheTalk) {
        bruno.picks_up();
        bruno.talks();
        ana.talks();
    }
    let replaces = replaces(ringing["message"].as_str().expect("a message"));
    carla.does(&json!({ "do": "call", "to": "sip:201@desvio.test", "headers": { "Replaces": replaces } }));
    carla.talks();
    bruno.is_released();
    sound_flows_for(2);
    carla.hangs_up();
    ana.is_released();
    heard_each_other([Box::new(ana).recording(), Box::new(carla).recording()], ["200", "202"]);
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_colleague_takes_a_call_that_rings() {
    a_colleague_takes_the_call(&Taken::WhileItRings);
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_colleague_takes_a_call_that_is_up() {
    a_colleague_takes_the_call(&Taken::FromTheTalk);
}
