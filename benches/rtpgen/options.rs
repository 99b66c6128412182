//! What is to be done, from the command line.

use std::str::FromStr;
use std::time::Duration;

use desvio::media::codec::CodecKind;
use desvio::media::security::Suite;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Relay,
    Listen,
    DirectRelay,
    DirectListen,
    FloorRelay,
    FloorListen,
    Codec,
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) pairs: Option<String>,
    pub(crate) pid: Option<u32>,
    pub(crate) calls: usize,
    pub(crate) threads: usize,
    pub(crate) codec: CodecKind,
    /// What the other side of each call speaks.
    pub(crate) to: Option<CodecKind>,
    /// Every leg is encrypted by keys of its own.
    pub(crate) suite: Option<Suite>,
    pub(crate) span: Duration,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        // `cargo bench` adds this to whatever it runs.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        let mut options = Options {
            mode: Options::mode(&mut arguments)?,
            pairs: None,
            pid: None,
            calls: 200,
            threads: 1,
            codec: CodecKind::Pcma,
            to: None,
            suite: None,
            span: Duration::from_secs(10),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            options.set(&name, &value)?;
        }
        Ok(options)
    }

    fn mode(arguments: &mut impl Iterator<Item = String>) -> Result<Mode, String> {
        let first = arguments.next();
        let second = if matches!(first.as_deref(), Some("direct" | "floor")) { arguments.next() } else { None };
        match (first.as_deref(), second.as_deref()) {
            (Some("relay"), _) => Ok(Mode::Relay),
            (Some("listen"), _) => Ok(Mode::Listen),
            (Some("codec"), _) => Ok(Mode::Codec),
            (None, _) | (Some("direct"), Some("relay") | None) => Ok(Mode::DirectRelay),
            (Some("direct"), Some("listen")) => Ok(Mode::DirectListen),
            (Some("floor"), Some("relay") | None) => Ok(Mode::FloorRelay),
            (Some("floor"), Some("listen")) => Ok(Mode::FloorListen),
            _ => Err("one of: relay, listen, codec, direct relay|listen, floor relay|listen".to_owned()),
        }
    }

    /// Whether a packet comes out as it went in, so that it can carry the time at which it was sent.
    pub(crate) fn hands_on(&self) -> bool {
        self.to.is_none() && self.suite.is_none()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--pairs" => self.pairs = Some(value.to_owned()),
            "--pid" => self.pid = Some(number(name, value)?),
            "--calls" => self.calls = number(name, value)?,
            "--threads" => self.threads = number(name, value)?,
            "--codec" => self.codec = number(name, value)?,
            "--to" => self.to = Some(number(name, value)?),
            "--suite" => self.suite = Some(suite(value)?),
            "--seconds" => self.span = Duration::from_secs(number(name, value)?),
            _ => return Err(format!("unknown option {name}")),
        }
        Ok(())
    }
}

fn suite(value: &str) -> Result<Suite, String> {
    let found = Suite::ALL.into_iter().find(|suite| suite.name() == value);
    found.ok_or_else(|| format!("--suite: one of {}", Suite::ALL.map(Suite::name).join(", ")))
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: `{value}` cannot be read"))
}
