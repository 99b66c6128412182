//! Decides whether a chat channel is down: evidence in, a state and its reasons out.
//!
//! Pure: probes are run elsewhere, the time is handed in. What is probed stands in [`probe`] and [`catalogue`], when in
//! [`schedule`], what a single target is worth in [`target`], and the decision in [`detector`].

pub mod catalogue;
pub mod config;
pub mod detector;
pub mod overriding;
pub mod probe;
pub mod schedule;
pub mod snapshot;
#[cfg(test)]
mod stories;
pub mod target;
pub mod view;

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// One probe's outcome: the only thing that verdicts are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub layer: Layer,
    /// As the probe names it: a host name, `host:port`, a URL.
    pub target: String,
    pub role: Role,
    pub outcome: Outcome,
    /// For display only; decisions go by the monotonic time that comes with the evidence.
    pub at: Timestamp,
}

/// How deep a probe looks. Each layer can fail while those before it answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Dns,
    Tcp,
    Tls,
    Http,
}

/// What a target's silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The channel may be down.
    Channel,
    /// Somebody unrelated: our own line may be down.
    Control,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Answered { took: Duration },
    Failed { why: String },
}

/// What the world is told of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelState {
    Up,
    /// Something fails, not enough or not for long enough. Callers still get the everyday dialplan.
    Degraded,
    Down,
    /// Probes answer again, but not yet for `up_after`. Still counts as down.
    Recovering,
}

/// The state that callers and people watching will notice has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub from: ChannelState,
    pub to: ChannelState,
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

impl Layer {
    pub const ALL: [Layer; 4] = [Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http];

    /// What a probe of this layer attempts, for sentences.
    pub(super) fn attempts(self) -> &'static str {
        match self {
            Layer::Dns => "lookups of",
            Layer::Tcp => "connections to",
            Layer::Tls => "handshakes with",
            Layer::Http => "requests to",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Dns => "dns",
            Layer::Tcp => "tcp",
            Layer::Tls => "tls",
            Layer::Http => "http",
        })
    }
}

impl ChannelState {
    pub const ALL: [ChannelState; 4] =
        [ChannelState::Up, ChannelState::Degraded, ChannelState::Down, ChannelState::Recovering];

    /// What a dialplan calls `down`.
    pub fn is_down(self) -> bool {
        matches!(self, ChannelState::Down | ChannelState::Recovering)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ChannelState::Up => "up",
            ChannelState::Degraded => "degraded",
            ChannelState::Down => "down",
            ChannelState::Recovering => "recovering",
        }
    }
}

impl fmt::Display for ChannelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
