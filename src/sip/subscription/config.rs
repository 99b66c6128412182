//! `[sip.subscriptions]`: for how long, and how many.

use std::time::Duration;

use serde::Deserialize;

/// `[sip.subscriptions]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a subscription lasts if the phone does not say. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub expires: Duration,
    /// A phone that asks for less is told to ask for this. Default: 1 min.
    #[serde(with = "humantime_serde")]
    pub min_expires: Duration,
    /// A phone that asks for more gets this. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub max_expires: Duration,
    /// Further subscriptions of one extension are refused with 403. Default: 200.
    pub max_per_extension: usize,
    /// Further subscriptions of anybody are refused with 503. Default: 20,000.
    pub max_total: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            max_per_extension: 200,
            max_total: 20_000,
        }
    }
}
