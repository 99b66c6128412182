//! PJSIP as a phone: `tests/clients/pjsua2_phone.py` obeys one order a line and tells one event a line.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::folder;
use crate::softphone::Answers;
use crate::softphone::Softphone;
use crate::softphone::Wish;
use crate::sound;

pub(crate) struct Pjsua(Scripted);

/// The Python that has `pjsua2`; `tests/all` makes one and names it.
fn python() -> String {
    std::env::var("DESVIO_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

impl Pjsua {
    pub(crate) fn start(wish: &Wish) -> Self {
        let mut phone = Self::start_with(wish, json!({}));
        if wish.password.is_some() {
            // A call to it that comes before would not find it.
            phone.wait_for("register", |answer| answer["code"] == 200);
        }
        phone
    }

    /// `more`: keys of `DEFAULTS` in the script.
    pub(crate) fn start_with(wish: &Wish, more: Value) -> Self {
        let folder = folder(wish.user);
        let (microphone, recording) = (folder.join("tone.wav"), folder.join("heard.wav"));
        sound::write_tone(&microphone, wish.tone, 120);
        let mut phone = json!({
            "user": wish.user,
            "password": wish.password.unwrap_or_default(),
            "register": wish.password.is_some(),
            "domain": "desvio.test",
            "server": wish.server.to_string(),
            "transport": wish.transport.name(),
            "bind": wish.ip,
            "microphone": microphone,
            "recording": recording,
            "answers": wish.answers == Answers::AtOnce,
            "log": folder.join("log"),
        });
        for (key, value) in more.as_object().expect("keys and values") {
            phone[key] = value.clone();
        }
        let mut command = Command::new(python());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/pjsua2_phone.py"));
        Self(Scripted::start(command, &phone, recording))
    }

    /// Takes the first event of this kind for which `is_it` holds.
    pub(crate) fn wait_for(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.0.wait_for(kind, is_it)
    }

    /// Waits until one of its calls is in this state: `EARLY`, `CONFIRMED`, `DISCONNECTED`.
    pub(crate) fn wait_for_call(&mut self, state: &str) -> Value {
        self.wait_for("call", |call| call["state"] == state)
    }

    pub(crate) fn does(&mut self, order: &Value) {
        self.0.does(order);
    }
}

/// As people dial it: the phone adds its own domain.
pub(crate) fn address(number: &str) -> String {
    format!("sip:{number}@desvio.test")
}

impl Softphone for Pjsua {
    fn dials(&mut self, number: &str) {
        self.does(&json!({ "do": "call", "to": address(number) }));
    }

    fn rings(&mut self) {
        self.wait_for("incoming", |_| true);
    }

    fn picks_up(&mut self) {
        self.does(&json!({ "do": "answer" }));
    }

    fn declines(&mut self) {
        self.does(&json!({ "do": "hangup", "code": 486 }));
    }

    fn talks(&mut self) {
        self.wait_for("media", |media| media["status"] == "active");
        self.wait_for_call("CONFIRMED");
    }

    fn holds(&mut self) {
        self.does(&json!({ "do": "hold" }));
        self.wait_for("media", |media| media["status"] == "held by us");
    }

    fn resumes(&mut self) {
        self.does(&json!({ "do": "resume" }));
        self.wait_for("media", |media| media["status"] == "active");
    }

    fn presses(&mut self, digits: &str) {
        self.does(&json!({ "do": "press", "digits": digits }));
    }

    fn writes(&mut self, number: &str, text: &str) {
        self.does(&json!({ "do": "text", "to": address(number), "text": text }));
        let answer = self.wait_for("text answered", |_| true);
        assert!(answer["code"] == 200 || answer["code"] == 202, "{answer}");
    }

    fn reads(&mut self, text: &str) {
        self.wait_for("text", |message| message["body"] == text);
    }

    fn transfers_to(&mut self, number: &str) {
        self.does(&json!({ "do": "transfer", "to": address(number) }));
    }

    fn hangs_up(&mut self) {
        self.does(&json!({ "do": "hangup" }));
    }

    fn is_released(&mut self) {
        self.wait_for_call("DISCONNECTED");
    }

    fn recording(self: Box<Self>) -> PathBuf {
        self.0.recording()
    }
}
