//! A phone that obeys one JSON order a line and tells one JSON event a line: the scripts in `tests/clients`.

use std::io::Write;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

use crate::server::lines_of;
use crate::softphone::Sayings;

pub(crate) struct Scripted {
    child: Child,
    said: Sayings,
    recording: PathBuf,
}

impl Scripted {
    /// `command` runs the script, `wish` is what the phone is to be.
    pub(crate) fn start(mut command: Command, wish: &Value, recording: PathBuf) -> Self {
        let child = command.arg(wish.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|fault| panic!("{command:?}: {fault}; tests/all installs what it needs"));
        let said = Sayings::new(lines_of(child.stdout.take().expect("its output")));
        let mut phone = Self { child, said, recording };
        phone.wait_for("ready", |_| true);
        phone
    }

    /// Takes the first event of this kind for which `is_it` holds.
    pub(crate) fn wait_for(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.said.wait(kind, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["event"] == kind && is_it(&event)).then_some(event)
        })
    }

    pub(crate) fn does(&mut self, order: &Value) {
        writeln!(self.child.stdin.as_mut().expect("its input"), "{order}").expect("it reads");
    }

    /// Ends the phone, and what it heard.
    pub(crate) fn recording(mut self) -> PathBuf {
        self.does(&json!({ "do": "quit" }));
        let _ = self.child.wait();
        self.recording.clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the phone at {} said:\n{}", self.recording.display(), self.said.whole());
        }
    }
}
