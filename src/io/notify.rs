//! Tells a program of the operator's that a message was left: e-mail, a ticket, a push.
//!
//! The program gets the message as JSON on its standard input and its file as an argument; no shell ever reads either. It has
//! a bounded time, and what it says when it fails is repeated in the log and in the API.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::call::record::Voicemail;

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

/// Bytes of the program's complaint that are repeated.
const MOST_SAID: u64 = 400;

/// None: no program is set.
pub async fn notify(config: &Config, voicemail: &Voicemail, file: &Path) -> Option<Result<(), String>> {
    let (program, arguments) = config.command.split_first()?;
    let fill = |argument: &String| {
        let argument = argument.replace("{mailbox}", &voicemail.mailbox).replace("{from}", &voicemail.from);
        argument.replace("{file}", &file.display().to_string())
    };
    let json = serde_json::to_vec(voicemail).unwrap_or_default();
    let run = run(program, arguments.iter().map(fill).collect(), json);
    Some(match timeout(config.timeout, run).await {
        Ok(result) => result,
        Err(_) => Err(format!("`{program}` did not finish within {} s", config.timeout.as_secs())),
    })
}

async fn run(program: &str, arguments: Vec<String>, json: Vec<u8>) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|why| format!("`{program}` does not start: {why}"))?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let give = async move {
        if let Some(mut stdin) = stdin {
            // A program that does not want to read it may have closed it.
            let _ = stdin.write_all(&json).await;
        }
    };
    let hear = async move {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            // What it complains of helps; that it cannot be heard does not matter.
            let _ = stderr.take(MOST_SAID).read_to_end(&mut said).await;
        }
        said
    };
    let ((), said) = tokio::join!(give, hear);
    let status = child.wait().await.map_err(|why| format!("`{program}` cannot be waited for: {why}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{program}` failed ({status}): {}", String::from_utf8_lossy(&said).trim())),
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

    fn told(command: &[&str]) -> Option<Result<(), String>> {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let config = Config { command, timeout: Duration::from_millis(1_500) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(notify(&config, &voicemail(), Path::new("/data/voicemail/geral/1.wav")))
    }

    #[test]
    fn the_program_gets_the_message_and_its_file_and_no_shell_reads_either() {
        let out = std::env::temp_dir().join(format!("desvio-notify-{}.json", std::process::id()));
        let script = "cat > \"$1\"; printf '%s|%s' \"$2\" \"$3\" >> \"$1\"";
        let sent = told(&["sh", "-c", script, "sh", &out.display().to_string(), "{file}", "{from}"]);
        assert_eq!(sent, Some(Ok(())));
        let text = std::fs::read_to_string(&out).unwrap();
        std::fs::remove_file(&out).unwrap();
        assert!(text.starts_with("{\"id\":\"vm_1\",\"mailbox\":\"geral\""), "{text}");
        assert!(text.ends_with("/data/voicemail/geral/1.wav|+5511999998888; $(id)"), "{text}");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let why = |command: &[&str]| told(command).unwrap().unwrap_err();
        assert!(why(&["/nowhere/mail"]).contains("does not start"));
        assert!(why(&["sh", "-c", "echo no route >&2; exit 3"]).contains("no route"));
        assert!(why(&["sleep", "9"]).contains("did not finish"));
        assert_eq!(told(&[]), None);
    }
}
