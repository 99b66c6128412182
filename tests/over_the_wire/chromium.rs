//! Chromium as a phone: `tests/clients/browser_phone.mjs` runs JsSIP in a page of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

use crate::pjsua::address;
use crate::scripted::Scripted;
use crate::server::folder;
use crate::softphone::Softphone;
use crate::softphone::tone_of;
use crate::sound;

pub(crate) struct Chromium(Scripted);

impl Chromium {
    /// An extension of [`crate::server::config`], over the server's WebSocket.
    pub(crate) fn start(server: SocketAddr, number: &str) -> Self {
        let folder = folder(number);
        let (microphone, recording) = (folder.join("tone.wav"), folder.join("heard.wav"));
        sound::write_tone(&microphone, tone_of(number), 120);
        let phone = json!({
            "user": number,
            "password": "segredo",
            "domain": "desvio.test",
            "server": format!("ws://{server}/"),
            "microphone": microphone,
            "recording": recording,
        });
        let mut command = Command::new("node");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/browser_phone.mjs"));
        let mut phone = Self(Scripted::start(command, &phone, recording));
        phone.0.wait_for("register", |answer| answer["code"] == 200);
        phone
    }

    /// `codec`, `lost`, `dtls` and `suite` of its call, as the browser counts them.
    pub(crate) fn counts(&mut self) -> Value {
        self.0.does(&json!({ "do": "stats" }));
        self.0.wait_for("stats", |_| true)
    }

    /// It gathers its addresses anew and offers them (RFC 8839 §4.4.1).
    pub(crate) fn restarts_ice(&mut self) {
        self.0.does(&json!({ "do": "restart" }));
    }
}

impl Softphone for Chromium {
    fn dials(&mut self, number: &str) {
        self.0.does(&json!({ "do": "call", "to": address(number) }));
    }

    fn rings(&mut self) {
        self.0.wait_for("incoming", |_| true);
    }

    fn picks_up(&mut self) {
        self.0.does(&json!({ "do": "answer" }));
    }

    fn declines(&mut self) {
        self.0.does(&json!({ "do": "decline" }));
    }

    fn talks(&mut self) {
        self.0.wait_for("call", |call| call["state"] == "CONFIRMED");
        self.0.wait_for("connection", |connection| connection["state"] == "connected");
    }

    fn holds(&mut self) {
        self.0.does(&json!({ "do": "hold" }));
        self.0.wait_for("hold", |hold| hold["originator"] == "local");
    }

    fn resumes(&mut self) {
        self.0.does(&json!({ "do": "resume" }));
        self.0.wait_for("unhold", |hold| hold["originator"] == "local");
    }

    fn presses(&mut self, digits: &str) {
        self.0.does(&json!({ "do": "press", "digits": digits }));
    }

    fn writes(&mut self, number: &str, text: &str) {
        self.0.does(&json!({ "do": "text", "to": address(number), "text": text }));
        let answer = self.0.wait_for("text answered", |_| true);
        assert!(answer["code"] == 200 || answer["code"] == 202, "{answer}");
    }

    fn reads(&mut self, text: &str) {
        self.0.wait_for("text", |message| message["body"] == text);
    }

    fn transfers_to(&mut self, number: &str) {
        self.0.does(&json!({ "do": "transfer", "to": address(number) }));
    }

    fn hangs_up(&mut self) {
        self.0.does(&json!({ "do": "hangup" }));
    }

    fn is_released(&mut self) {
        self.0.wait_for("call", |call| call["state"] == "DISCONNECTED");
    }

    fn recording(self: Box<Self>) -> PathBuf {
        self.0.recording()
    }
}
