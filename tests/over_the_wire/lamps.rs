//! What lights up on a phone: messages that wait, and who is on the phone.

use serde_json::json;

use crate::customer::WHATSAPP;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::server::folder;
use crate::softphone::Answers;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::extension;
use crate::softphone::sound_flows_for;
use crate::sound;

const PLAN: &str = "number \"+551140031234\" flow=\"recado\"\nflow \"recado\" { voicemail \"201\" }\n";

/// A greeting of an instant, so that the message begins at once.
fn server() -> Server {
    let folder = folder("server");
    for place in ["config", "dialplans/prompts/pt-BR"] {
        std::fs::create_dir_all(folder.join(place)).expect("a folder");
    }
    sound::write_tone(&folder.join("dialplans/prompts/pt-BR/voicemail.wav"), 440.0, 1);
    std::fs::write(folder.join("config/desvio.toml"), config(&format!("{TRUNK}{WHATSAPP}"))).expect("a configuration");
    std::fs::write(folder.join("dialplans/plan.kdl"), PLAN).expect("a dialplan");
    Server::start_in(folder)
}

fn is_told(phone: &mut Pjsua, waiting: &str, counts: &str) {
    phone.wait_for("mwi", |told| {
        let message = told["message"].as_str().unwrap_or_default();
        message.contains(&format!("Messages-Waiting: {waiting}"))
            && message.contains(&format!("Voice-Message: {counts}"))
    });
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_message_left_lights_the_lamp_until_it_is_heard_and_gone() {
    let server = server();
    let mut events = server.events();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Udp, Answers::ByHand));
    let wish = extension(&server, "201", Transport::Tcp, Answers::ByHand);
    let mut bruno = Pjsua::start_with(&wish, json!({ "mwi": true }));
    is_told(&mut bruno, "no", "0/0");
    ana.dials("+551140031234");
    ana.talks();
    sound_flows_for(4);
    ana.presses("#");
    let voicemail = events.wait_for("voicemail.left", |_| true);
    is_told(&mut bruno, "yes", "1/0");
    let path = format!("/v1/voicemails/{}", voicemail["id"].as_str().expect("an id"));
    server.send("PATCH", &path, &json!({ "heard": true }));
    is_told(&mut bruno, "no", "0/1");
    server.send("DELETE", &path, &json!({}));
    is_told(&mut bruno, "no", "0/0");
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_colleagues_lamp_shows_away_free_and_on_the_phone() {
    let server = server();
    let mut ana = Pjsua::start(&extension(&server, "200", Transport::Tcp, Answers::ByHand));
    ana.does(&json!({ "do": "watch", "who": "sip:201@desvio.test" }));
    ana.wait_for("buddy", |lamp| lamp["subscription"] == "ACTIVE" && lamp["status"] == 2);
    let mut bruno = Pjsua::start(&extension(&server, "201", Transport::Udp, Answers::AtOnce));
    ana.wait_for("buddy", |lamp| lamp["status"] == 1 && lamp["text"] != "On the phone");
    bruno.dials("+551140031234");
    bruno.talks();
    ana.wait_for("buddy", |lamp| lamp["text"] == "On the phone");
    bruno.hangs_up();
    ana.wait_for("buddy", |lamp| lamp["status"] == 1 && lamp["text"] != "On the phone");
    bruno.does(&json!({ "do": "sign_out" }));
    ana.wait_for("buddy", |lamp| lamp["status"] == 2);
}
