//! `detector = { … }` of a `[[channel]]`: how much it takes to believe an outage, and its end.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

/// Both directions take a while on purpose. With the defaults and a probe of each target every 10 s, a total failure is
/// called `down` within 60 s, and `up` is believed again after 15 minutes without relapse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A target is bad when so many of its last probes failed, and good again when that many in a row answered.
    /// Default: `3 of 5`.
    pub failures: Failures,
    /// How long most targets of one layer must be bad, counted from the first failure. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub down_after: Duration,
    /// How long every layer must be good before `up` is believed. Default: 15 min.
    #[serde(with = "humantime_serde")]
    pub up_after: Duration,
}

/// `N of M`, as text in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Failures {
    count: u8,
    of: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not `N of M` with 1 ≤ N ≤ M ≤ 64, such as `3 of 5`")]
pub struct FailuresError {
    text: String,
}

impl Failures {
    pub fn count(self) -> u32 {
        self.count.into()
    }

    pub fn of(self) -> u32 {
        self.of.into()
    }
}

impl FromStr for Failures {
    type Err = FailuresError;

    fn from_str(text: &str) -> Result<Failures, FailuresError> {
        let fault = || FailuresError { text: text.to_owned() };
        let (count, of) = text.split_once(" of ").ok_or_else(fault)?;
        let count: u8 = count.trim().parse().map_err(|_| fault())?;
        let of: u8 = of.trim().parse().map_err(|_| fault())?;
        match (1..=of).contains(&count) && of <= 64 {
            true => Ok(Failures { count, of }),
            false => Err(fault()),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            failures: Failures { count: 3, of: 5 },
            down_after: Duration::from_secs(30),
            up_after: Duration::from_secs(15 * 60),
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.count, self.of)
    }
}

impl TryFrom<String> for Failures {
    type Error = FailuresError;

    fn try_from(text: String) -> Result<Failures, FailuresError> {
        text.parse()
    }
}

impl From<Failures> for String {
    fn from(failures: Failures) -> String {
        failures.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_written_as_people_say_them() {
        let config: Config = toml::from_str("failures = \"2 of 3\"\nup_after = \"5s\"").unwrap();
        assert_eq!((config.failures.count(), config.failures.of()), (2, 3));
        assert_eq!(config.down_after, Duration::from_secs(30));
        for wrong in ["3", "0 of 5", "6 of 5", "3 of 65", "three of five"] {
            let fault = wrong.parse::<Failures>().unwrap_err();
            assert!(fault.to_string().contains(wrong));
        }
    }
}
