//! `[alarm]`: who is told when a channel falls, when it is back, and when something of ours fails.

use std::time::Duration;

use serde::Deserialize;

/// Nobody wants to be called without end.
pub const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
/// No phone has rung before.
pub const SHORTEST_RING: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Numbers and extensions that are called. Default: nobody.
    pub call: Vec<String>,
    /// Numbers and extensions that get a text. Default: nobody.
    pub text: Vec<String>,
    /// Channels that carry texts to numbers, in the order in which they are tried; never one that fails. Default: every
    /// channel that sends texts.
    pub text_by: Vec<String>,
    /// In which alarms are spoken and written. Default: that of `[dialplan]`.
    pub language: Option<String>,
    /// The number that is shown to those who are called. Default: the trunk's.
    pub from: Option<String>,
    /// How often one person is called because of one change, until a key is pressed. Default: 3.
    pub tries: u32,
    /// Between two calls. Default: 2 min.
    #[serde(with = "humantime_serde")]
    pub pause: Duration,
    /// How long each rings. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub ring_for: Duration,
    /// How often one call says it. Default: 3.
    pub repeats: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            call: Vec::new(),
            text: Vec::new(),
            text_by: Vec::new(),
            language: None,
            from: None,
            tries: 3,
            pause: Duration::from_secs(120),
            ring_for: Duration::from_secs(30),
            repeats: 3,
        }
    }
}
