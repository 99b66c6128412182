//! Softphones of three makes with each other: calls, hold, keys, texts, refusals.

use serde_json::Value;
use serde_json::json;

use crate::customer::WHATSAPP;
use crate::customer::server;
use crate::http::Events;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::certificate;
use crate::server::config;
use crate::server::with_tls;
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
use crate::softphone::tone_of;
use crate::sound::seconds_of;
use crate::sound::seconds_of_sound;

const PJSUA: Kind = (Make::Pjsua, Transport::Udp);
const LINPHONE: Kind = (Make::Linphone, Transport::Udp);
const BARESIP: Kind = (Make::Baresip, Transport::Udp);

fn over_tcp((make, _): Kind) -> Kind {
    (make, Transport::Tcp)
}

fn over_tls((make, _): Kind) -> Kind {
    (make, Transport::Tls)
}

/// For phones of these kinds.
fn server_for(kinds: [Kind; 2]) -> Server {
    match kinds.iter().any(|(_, transport)| *transport == Transport::Tls) {
        true => {
            let config = config(&format!("{TRUNK}{WHATSAPP}"));
            Server::start(&with_tls(&config, &certificate("desvio.test").keys()), include_str!("../data/wire.kdl"))
        }
        false => server(),
    }
}

/// 200 calls 201, who picks up; both hear each other, and nobody hears himself. The caller hangs up.
fn talk(caller: Kind, callee: Kind) {
    let server = server_for([caller, callee]);
    let mut events = server.events();
    let mut ana = phone(&server, "200", caller, Answers::ByHand);
    let mut bruno = phone(&server, "201", callee, Answers::ByHand);
    connect(ana.as_mut(), bruno.as_mut(), "201");
    sound_flows_for(2);
    ana.hangs_up();
    bruno.is_released();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!((&record["from"], &record["hung_up_by"]), (&json!("200"), &json!("caller")), "{record}");
    heard_each_other([ana.recording(), bruno.recording()], ["200", "201"]);
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn pjsip_over_udp_calls_linphone_over_tcp() {
    talk(PJSUA, over_tcp(LINPHONE));
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn linphone_over_udp_calls_pjsip_over_tcp() {
    talk(LINPHONE, over_tcp(PJSUA));
}

#[test]
#[ignore = "needs linphonec, needs baresip: run by tests/all"]
fn linphone_over_tcp_calls_baresip_over_udp() {
    talk(over_tcp(LINPHONE), BARESIP);
}

#[test]
#[ignore = "needs linphonec, needs baresip: run by tests/all"]
fn baresip_over_udp_calls_linphone_over_udp() {
    talk(BARESIP, LINPHONE);
}

#[test]
#[ignore = "needs pjsua2, needs baresip: run by tests/all"]
fn baresip_over_tcp_calls_pjsip_over_udp() {
    talk(over_tcp(BARESIP), PJSUA);
}

#[test]
#[ignore = "needs pjsua2, needs baresip: run by tests/all"]
fn pjsip_over_tcp_calls_baresip_over_tcp() {
    talk(over_tcp(PJSUA), over_tcp(BARESIP));
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn baresip_over_tls_calls_baresip_over_tcp() {
    talk(over_tls(BARESIP), over_tcp(BARESIP));
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn pjsip_over_tls_calls_linphone_over_tls() {
    talk(over_tls(PJSUA), over_tls(LINPHONE));
}

#[test]
#[ignore = "needs linphonec, needs baresip: run by tests/all"]
fn linphone_over_udp_calls_baresip_over_tls() {
    talk(LINPHONE, over_tls(BARESIP));
}

/// Each in turn puts the other on hold: music for the one who waits, then talk again.
fn hold(caller: Kind, callee: Kind) {
    let server = server();
    let mut ana = phone(&server, "200", caller, Answers::ByHand);
    let mut bruno = phone(&server, "201", callee, Answers::AtOnce);
    ana.dials("201");
    bruno.talks();
    ana.talks();
    ana.holds();
    sound_flows_for(2);
    ana.resumes();
    sound_flows_for(1);
    bruno.holds();
    sound_flows_for(2);
    bruno.resumes();
    sound_flows_for(2);
    bruno.hangs_up();
    ana.is_released();
    // baresip records no more once it has held a call itself.
    for (heard, other, least) in [(ana.recording(), "201", 1.5), (bruno.recording(), "200", 0.6)] {
        let talk = seconds_of(&heard, tone_of(other));
        let music = seconds_of_sound(&heard) - talk;
        assert!(music > 1.2 && talk > least, "waiting for {other}: {music} s of music, {talk} s of talk");
    }
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn pjsip_and_linphone_put_each_other_on_hold() {
    hold(PJSUA, LINPHONE);
}

#[test]
#[ignore = "needs pjsua2, needs baresip: run by tests/all"]
fn pjsip_and_baresip_put_each_other_on_hold_over_tcp() {
    hold(over_tcp(PJSUA), over_tcp(BARESIP));
}

/// The menu of the dialplan takes the key, whatever the phone.
fn press_1(events: &mut Events, mut ana: Box<dyn Softphone>) {
    ana.dials("+551140031234");
    ana.talks();
    events.wait_for("call.in-progress", |call| call["to"] == "+551140031234");
    sound_flows_for(1);
    ana.presses("1");
    let waiting = events.wait_for("call.waiting", |_| true);
    assert_eq!(waiting["queue"], "vendas");
    ana.hangs_up();
    events.wait_for("call.completed", |_| true);
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn keys_of_every_phone_reach_the_menu() {
    let server = server();
    let mut events = server.events();
    for kind in [PJSUA, over_tcp(LINPHONE), BARESIP] {
        let ana = phone(&server, "200", kind, Answers::ByHand);
        press_1(&mut events, ana);
    }
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn keys_sent_as_info_reach_the_menu() {
    let server = server();
    let mut events = server.events();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Udp, Answers::ByHand));
    ana.dials("+551140031234");
    ana.talks();
    ana.does(&json!({ "do": "press", "digits": "1", "info": true }));
    ana.wait_for("answer", |answer| answer["method"] == "INFO" && answer["code"] == 200);
    events.wait_for("call.waiting", |call| call["queue"] == "vendas");
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn keys_between_two_phones_arrive_as_they_were_pressed() {
    let server = server();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Udp, Answers::ByHand));
    let mut bruno = Pjsua::start(&extension(&server, "201", Transport::Tcp, Answers::AtOnce));
    ana.dials("201");
    ana.talks();
    bruno.talks();
    ana.presses("15#");
    for key in ["1", "5", "#"] {
        bruno.wait_for("digit", |event| event["digit"] == key);
    }
    bruno.does(&json!({ "do": "press", "digits": "7", "info": true }));
    ana.wait_for("digit", |event| event["digit"] == "7");
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn texts_go_from_phone_to_phone() {
    let server = server();
    let mut ana = phone(&server, "200", PJSUA, Answers::ByHand);
    let mut bruno = phone(&server, "201", over_tcp(LINPHONE), Answers::ByHand);
    let mut carla = phone(&server, "202", BARESIP, Answers::ByHand);
    ana.writes("201", "o cliente pergunta pelo preço: já respondi");
    bruno.reads("o cliente pergunta pelo preço: já respondi");
    bruno.writes("200", "obrigado, Ana");
    ana.reads("obrigado, Ana");
    carla.writes("200", "volto às 14:00");
    ana.reads("volto às 14:00");
    ana.writes("202", "até logo");
    carla.reads("até logo");
}

#[test]
#[ignore = "needs pjsua2, needs linphonec: run by tests/all"]
fn a_callee_who_declines_is_busy_for_the_caller() {
    let server = server();
    let mut events = server.events();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Udp, Answers::ByHand));
    let mut bruno = phone(&server, "201", LINPHONE, Answers::ByHand);
    ana.dials("201");
    bruno.rings();
    ana.wait_for_call("EARLY");
    bruno.declines();
    let over = ana.wait_for_call("DISCONNECTED");
    assert!(over["code"] == 486 || over["code"] == 603, "{over}");
    events.wait_for("call.busy", |call| call["from"] == "200");
}

#[test]
#[ignore = "needs pjsua2, needs linphonec, needs baresip: run by tests/all"]
fn a_caller_who_gives_up_stops_the_ringing() {
    let server = server();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Udp, Answers::ByHand));
    for kind in [LINPHONE, over_tcp(BARESIP), over_tcp(PJSUA)] {
        let mut bruno = phone(&server, "201", kind, Answers::ByHand);
        ana.dials("201");
        bruno.rings();
        ana.wait_for_call("EARLY");
        ana.hangs_up();
        let over = ana.wait_for_call("DISCONNECTED");
        assert_eq!(over["code"], 487, "{over}");
        bruno.is_released();
    }
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn whoever_is_not_there_is_told_so() {
    let server = server();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Tcp, Answers::ByHand));
    for (number, code) in [("201", 480), ("299", 404)] {
        ana.dials(number);
        let over = ana.wait_for_call("DISCONNECTED");
        assert_eq!(over["code"], code, "{over}");
    }
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_wrong_password_does_not_sign_in() {
    let server = server();
    let mut wish = extension(&server, "200", Transport::Udp, Answers::ByHand);
    wish.password = Some("errado");
    let mut ana = Pjsua::start_with(&wish, json!({}));
    let answer: Value = ana.wait_for("register", |_| true);
    assert!(answer["code"] == 401 || answer["code"] == 403, "{answer}");
    assert_eq!(server.get("/v1/registrations")["data"].as_array().map(Vec::len), Some(0));
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_phone_that_verifies_us_signs_in_if_it_trusts_our_certificate() {
    let certificate = certificate("127.0.0.1");
    let config = with_tls(&config(&format!("{TRUNK}{WHATSAPP}")), &certificate.keys());
    let server = Server::start(&config, include_str!("../data/wire.kdl"));
    let wish = extension(&server, "200", Transport::Tls, Answers::ByHand);
    let mut ana = Pjsua::start_with(&wish, json!({ "trust": certificate.pem }));
    ana.wait_for("register", |answer| answer["code"] == 200);
    ana.writes("200", "a note to myself");
    ana.reads("a note to myself");
}
