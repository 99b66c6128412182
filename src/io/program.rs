//! Runs a program that the operator chose, with words that callers bring along.
//!
//! No shell ever reads them, and none of them becomes an option. The program has a bounded time; what it complains of is
//! repeated in part, and read to its end, so that nobody who talks much is cut off.

use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStderr;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: ExitStatus,
    /// At most as many bytes of standard output as were asked for.
    pub(super) wrote: Vec<u8>,
    /// The beginning of what stood on standard error.
    pub(super) said: String,
}

#[derive(Debug)]
pub(super) enum Fault {
    NotStarted(std::io::Error),
    TooSlow,
    Broken(std::io::Error),
}

/// Bytes of a complaint that are repeated.
const MOST_SAID: u64 = 400;

/// Puts values in the place of their names, each once: what was put in is not read again.
pub(super) fn fill(argument: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::with_capacity(argument.len()), argument);
    while let Some(first) = rest.chars().next() {
        let found = values.iter().find_map(|(name, value)| Some((rest.strip_prefix(name)?, *value)));
        let Some((after, value)) = found else {
            filled.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        // An argument that begins with `-` is an option.
        if filled.is_empty() && value.starts_with('-') {
            filled.push(' ');
        }
        filled.push_str(&value.replace('\0', " "));
        rest = after;
    }
    filled
}

/// Gives it the input, and reads `most` bytes of what it writes; of 0 it writes nowhere.
pub(super) async fn run(
    program: &str,
    arguments: &[String],
    input: &[u8],
    most: u64,
    limit: Duration,
) -> Result<Ran, Fault> {
    timeout(limit, converse(program, arguments, input, most)).await.map_err(|_| Fault::TooSlow)?
}

async fn converse(program: &str, arguments: &[String], input: &[u8], most: u64) -> Result<Ran, Fault> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(if most == 0 { Stdio::null() } else { Stdio::piped() })
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Fault::NotStarted)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let give = async move {
        if let Some(mut stdin) = stdin {
            // A program that needs no input may have closed it.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), wrote, said) = tokio::join!(give, read(stdout, most), complaint(stderr));
    let wrote = wrote.map_err(Fault::Broken)?;
    let status = child.wait().await.map_err(Fault::Broken)?;
    Ok(Ran { status, wrote, said: String::from_utf8_lossy(&said).trim().to_owned() })
}

async fn read(stdout: Option<ChildStdout>, most: u64) -> Result<Vec<u8>, std::io::Error> {
    let mut wrote = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(most).read_to_end(&mut wrote).await?;
    }
    Ok(wrote)
}

async fn complaint(stderr: Option<ChildStderr>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What it complains of helps; that it cannot be heard does not matter.
        let _ = (&mut stderr).take(MOST_SAID).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_filled_in_once_and_is_never_an_option() {
        let values = [("{mailbox}", "{from}"), ("{from}", "--attach={file}\0"), ("{file}", "/data/1.wav")];
        let filled = |argument| fill(argument, &values);
        assert_eq!(filled("{mailbox}"), "{from}");
        assert_eq!(filled("{from}"), " --attach={file} ");
        assert_eq!(filled("--from={from}"), "--from=--attach={file} ");
        assert_eq!(filled("ção {file} {other}"), "ção /data/1.wav {other}");
    }

    #[test]
    fn who_complains_at_length_is_heard_to_the_end() {
        let script = "exec head -c 300000 /dev/zero >&2".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ran = runtime.block_on(run("sh", &["-c".to_owned(), script], b"", 0, Duration::from_secs(20))).unwrap();
        assert!(ran.status.success(), "{}", ran.status);
        assert_eq!(ran.said.len(), 400);
    }
}
