//! `[log]`: how much is written, and in which form.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;
use tracing::level_filters::LevelFilter;

use crate::dialplan::fault::closest;

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `error`, `warn`, `info`, `debug`, `trace`, also for one part: `info,desvio::sip=trace`. The environment's
    /// `DESVIO_LOG` wins. Default: `info`.
    #[serde(deserialize_with = "level")]
    pub level: String,
    /// Default: `text`; `--log` wins.
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line for people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// A part of a level that would be taken for the name of a part of ours, and silence everything else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is no level of the log: off, error, warn, info, debug or trace{}", meant(part))]
pub struct LevelError {
    part: String,
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Parts stand between commas: a level, or `desvio::sip=trace`.
pub fn check_level(text: &str) -> Result<(), LevelError> {
    let mut parts = text.split(',').map(str::trim);
    let says_nothing = parts.clone().all(str::is_empty).then_some(text);
    let wrong = says_nothing.or_else(|| parts.find(|part| !is_followed(part)));
    wrong.map_or(Ok(()), |part| Err(LevelError { part: part.to_owned() }))
}

fn is_followed(part: &str) -> bool {
    match part.rsplit_once('=') {
        // A span, or a part of ours, that is named without a level is shown whole.
        _ if part.is_empty()
            || part.ends_with(']')
            || part == "desvio"
            || part.contains("::") && !part.contains('=') =>
        {
            true
        }
        Some((_, level)) => level.parse::<LevelFilter>().is_ok(),
        None => part.parse::<LevelFilter>().is_ok(),
    }
}

/// `warning` is longer than any slip of the keys, and meant by many.
fn meant(part: &str) -> String {
    let word = part.rsplit('=').next().unwrap_or(part);
    let begun = LEVELS.into_iter().find(|level| word.to_ascii_lowercase().starts_with(level));
    let near = begun.or_else(|| closest(word, LEVELS.into_iter()));
    near.map_or(String::new(), |near| format!(". Did you mean `{near}`?"))
}

fn level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    check_level(&text).map_err(D::Error::custom)?;
    Ok(text)
}

impl Default for Config {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_would_silence_the_log_is_a_fault() {
        for right in [
            "info",
            "off",
            "INFO",
            "info,desvio::sip=trace",
            "warn, desvio=off",
            "[call]",
            "[call{id=c1}]=debug",
            "warn,desvio::sip",
            "desvio",
        ] {
            assert_eq!(check_level(right), Ok(()), "{right}");
        }
        for (wrong, meant) in
            [("warning", "warn"), ("inf", "info"), ("info,desvio::sip=traces", "trace"), ("information", "info")]
        {
            let said = check_level(wrong).unwrap_err().to_string();
            assert!(said.ends_with(&format!("Did you mean `{meant}`?")), "{said}");
        }
        assert_eq!(
            check_level("loud").unwrap_err().to_string(),
            "`loud` is no level of the log: off, error, warn, info, debug or trace"
        );
        for wrong in ["loud", "", " , "] {
            assert!(toml::from_str::<Config>(&format!("level = \"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
