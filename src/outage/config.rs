//! `detector = { … }` of a `[[channel]]`: how much it takes to believe an outage, and its end.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::outage::weight::Quorum;
use crate::outage::weight::Weights;

/// Both directions take a while on purpose. With the defaults, and `every` of the channel at 10 s, a total failure is
/// called `down` within 60 s, a partial one within 5 minutes, and `up` is believed again after 15 minutes without relapse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A target is bad when so many of its last probes failed, and good again when that many in a row answered.
    /// Default: `3 of 5`.
    pub failures: Failures,
    /// A target is bad as well when it fails now and then: so many of so many, in at least 4 spells. Default: `6 of 30`.
    pub partial: Failures,
    /// An answer that takes longer is a failure. Default: 4 s.
    #[serde(with = "humantime_serde")]
    pub slow: Duration,
    /// A layer fails when more than this share of its targets is bad. Default: 0.5.
    pub quorum: Quorum,
    /// What each layer adds to the score; at 1 the channel fails.
    pub weights: Weights,
    /// How long it must fail, counted from the first failure, when the targets fail without a break. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub down_after: Duration,
    /// How long when they fail only now and then, or when a single target fails and others answer. Default: 2 min.
    #[serde(with = "humantime_serde")]
    pub partial_after: Duration,
    /// How long every layer must be good before `up` is believed. Default: 15 min.
    #[serde(with = "humantime_serde")]
    pub up_after: Duration,
    /// From the third fall within `flaps_within` on, each doubles that wait, up to this. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub longest_up_after: Duration,
    /// How long a fall is remembered. Default: 6 h.
    #[serde(with = "humantime_serde")]
    pub flaps_within: Duration,
    /// How long nothing must fail before `degraded` is over. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub calm_after: Duration,
    /// How long the control targets must answer again before our own line is trusted. Default: 20 s.
    #[serde(with = "humantime_serde")]
    pub line_settles: Duration,
    /// After this a report, a feed's word or a finding about our traffic no longer counts. Default: 30 min.
    #[serde(with = "humantime_serde")]
    pub stale_after: Duration,
    /// What a channel is called that others see up and we cannot reach: `degraded` or `down`. Default: degraded.
    pub blocked_here: WhenBlocked,
}

/// Whether callers are told of an outage that only our own network has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenBlocked {
    /// Customers write from elsewhere, and their texts arrive.
    #[default]
    Degraded,
    /// Nobody of ours can read them.
    Down,
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
    const fn new(count: u8, of: u8) -> Failures {
        Failures { count, of }
    }

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
            failures: Failures::new(3, 5),
            partial: Failures::new(6, 30),
            slow: Duration::from_secs(4),
            quorum: Quorum::HALF,
            weights: Weights::default(),
            down_after: Duration::from_secs(30),
            partial_after: Duration::from_secs(2 * MINUTE),
            up_after: Duration::from_secs(15 * MINUTE),
            longest_up_after: Duration::from_secs(60 * MINUTE),
            flaps_within: Duration::from_secs(6 * 60 * MINUTE),
            calm_after: Duration::from_secs(30),
            line_settles: Duration::from_secs(20),
            stale_after: Duration::from_secs(30 * MINUTE),
            blocked_here: WhenBlocked::Degraded,
        }
    }
}

const MINUTE: u64 = 60;

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
    fn a_share_that_is_never_passed_is_no_quorum() {
        for right in ["0", "0.5", "0.999"] {
            assert!(toml::from_str::<Config>(&format!("quorum = {right}")).is_ok(), "{right}");
        }
        for wrong in ["1.0", "1", "0.9999", "50", "-0.1", "nan"] {
            let fault = toml::from_str::<Config>(&format!("quorum = {wrong}")).unwrap_err().to_string();
            assert!(fault.contains("from 0 to less than 1"), "{wrong}: {fault}");
        }
    }

    #[test]
    fn failures_are_written_as_people_say_them() {
        let config: Config = toml::from_str("failures = \"2 of 3\"\nup_after = \"5s\"").unwrap();
        assert_eq!((config.failures.count(), config.failures.of()), (2, 3));
        assert_eq!(config.down_after, Duration::from_secs(30));
        assert_eq!(config.partial, Failures::new(6, 30));
        for wrong in ["3", "0 of 5", "6 of 5", "3 of 65", "three of five"] {
            let fault = wrong.parse::<Failures>().unwrap_err();
            assert!(fault.to_string().contains(wrong));
        }
    }
}
