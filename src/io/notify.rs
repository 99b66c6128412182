//! Tells a program of the operator's that a message was left: e-mail, a ticket, a push.
//!
//! The program gets the message as JSON on its standard input and its file as an argument; no shell ever reads either. It has
//! a bounded time, and what it says when it fails is repeated in the log and in the API.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::call::record::Voicemail;
use crate::io::program;
use crate::io::program::Fault;
use crate::io::program::Ran;

/// `[voicemail]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Run for each new message, with its JSON on standard input; `{file}` stands for the WAV file, `{mailbox}` and `{from}`
    /// for what they say. An empty list: nothing is run. Default: empty.
    pub command: Vec<String>,
    /// Longest time for one message. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config { command: Vec::new(), timeout: Duration::from_secs(30) }
    }
}

/// Programs that run at the same time: many callers may leave their messages at once.
const AT_ONCE: usize = 4;

/// Tells of messages, a few at a time.
#[derive(Debug)]
pub struct Notifier {
    config: Config,
    turns: Semaphore,
}

impl Notifier {
    pub fn new(config: Config) -> Notifier {
        Notifier { config, turns: Semaphore::new(AT_ONCE) }
    }

    /// A program is set.
    pub fn is_on(&self) -> bool {
        !self.config.command.is_empty()
    }

    pub async fn notify(&self, voicemail: &Voicemail, file: &Path) -> Result<(), String> {
        let Some((program, arguments)) = self.config.command.split_first() else {
            return Ok(());
        };
        let file = file.display().to_string();
        let values = [("{mailbox}", &*voicemail.mailbox), ("{from}", &*voicemail.from), ("{file}", &*file)];
        let arguments: Vec<String> = arguments.iter().map(|argument| program::fill(argument, &values)).collect();
        let json = serde_json::to_vec(voicemail).unwrap_or_default();
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let ran = program::run(program, &arguments, &json, 0, self.config.timeout).await;
        let Ran { status, said, .. } = ran.map_err(|fault| self.complaint(program, fault))?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("`{program}` failed ({status}): {said}")),
        }
    }

    fn complaint(&self, program: &str, fault: Fault) -> String {
        match fault {
            Fault::NotStarted(why) => format!("`{program}` does not start: {why}"),
            Fault::TooSlow => format!("`{program}` did not finish within {} s", self.config.timeout.as_secs()),
            Fault::Broken(why) => format!("`{program}` cannot be waited for: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voicemail() -> Voicemail {
        Voicemail {
            id: "vm_1".into(),
            mailbox: "geral".into(),
            call: "call_1".into(),
            from: "+5511999998888; $(id)".into(),
            left: "2026-11-23T12:00:00Z".parse().unwrap(),
            length_ms: 3_000,
            path: "geral/1.wav".into(),
            heard: None,
            notified: None,
        }
    }

    fn told(command: &[&str]) -> Result<(), String> {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let notifier = Notifier::new(Config { command, timeout: Duration::from_millis(1_500) });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(notifier.notify(&voicemail(), Path::new("/data/voicemail/geral/1.wav")))
    }

    #[test]
    fn the_program_gets_the_message_and_its_file_and_no_shell_reads_either() {
        let out = std::env::temp_dir().join(format!("desvio-notify-{}.json", std::process::id()));
        let script = "cat > \"$1\"; printf '%s|%s' \"$2\" \"$3\" >> \"$1\"";
        let sent = told(&["sh", "-c", script, "sh", &out.display().to_string(), "{file}", "{from}"]);
        assert_eq!(sent, Ok(()));
        let text = std::fs::read_to_string(&out).unwrap();
        std::fs::remove_file(&out).unwrap();
        assert!(text.starts_with("{\"id\":\"vm_1\",\"mailbox\":\"geral\""), "{text}");
        assert!(text.ends_with("/data/voicemail/geral/1.wav|+5511999998888; $(id)"), "{text}");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let why = |command: &[&str]| told(command).unwrap_err();
        assert!(why(&["/nowhere/mail"]).contains("does not start"));
        assert!(why(&["sh", "-c", "echo no route >&2; exit 3"]).contains("no route"));
        assert!(why(&["sleep", "9"]).contains("did not finish"));
        assert!(!Notifier::new(Config::default()).is_on());
    }
}
