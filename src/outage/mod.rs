//! Decides whether a chat channel is down: evidence in, a state and its reasons out.
//!
//! Pure: probes are run elsewhere, the time is handed in. What is probed stands in [`probe`] and [`catalogue`], when in
//! [`schedule`], what a single target is worth in `target`, what all of them add up to in `assessment`, whether our own line
//! can be trusted in `line`, the decision in [`detector`] and its reasons in `sentences`. Bad days are run again in
//! [`backtest`]; `docs/outages.md` tells the whole.

mod assessment;
pub mod backtest;
pub mod blame;
pub mod catalogue;
mod cause;
pub mod config;
mod damping;
pub mod detector;
pub mod fault;
pub mod habit;
mod history;
pub mod incident;
mod line;
pub mod news;
pub mod overriding;
pub mod probe;
#[cfg(test)]
mod properties;
pub mod reading;
mod readings;
pub mod receipts;
pub mod reports;
mod resolving;
pub mod schedule;
mod sentences;
pub mod snapshot;
#[cfg(test)]
mod stories;
mod target;
#[cfg(test)]
mod told;
pub mod traffic;
pub mod vantage;
pub mod view;
pub mod weight;

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::outage::blame::Blame;
use crate::outage::fault::Fault;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

/// One outcome of a probe, one report, one finding about our own traffic: the only thing that verdicts are made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub layer: Layer,
    /// As the probe names it: a host name, `host:port`, a URL; who reports; what of our traffic was looked at.
    pub target: String,
    #[serde(default)]
    pub vantage: Vantage,
    /// Whom a DNS probe asked. `None`: our own resolver, or no lookup at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    pub role: Role,
    pub outcome: Outcome,
    /// For display only; decisions go by the monotonic time that comes with the evidence.
    pub at: Timestamp,
}

/// How deep a look goes. Each of the first five can fail while those before it answer; the others see what no probe sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Dns,
    Tcp,
    Tls,
    Http,
    /// A question with the business's own credential.
    Api,
    /// What the service says of itself: status pages, health feeds.
    Feed,
    /// Our own sends, their receipts, and customers who write or do not.
    Traffic,
    /// A peer's word, by webhook.
    Report,
    /// A person's word that weighs as evidence; an override stands above all evidence.
    Person,
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

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Outcome {
    /// It is well. For layers that ask nobody, `took` is zero.
    Answered { took: Duration },
    Failed {
        fault: Fault,
        /// The cause in words, for people.
        why: String,
    },
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

/// What callers and people watching will notice. `from` equals `to` when only the blame has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub from: ChannelState,
    pub to: ChannelState,
    /// Whose fault it is from now on.
    pub blame: Blame,
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

impl Layer {
    pub const ALL: [Layer; 9] = [
        Layer::Dns,
        Layer::Tcp,
        Layer::Tls,
        Layer::Http,
        Layer::Api,
        Layer::Feed,
        Layer::Traffic,
        Layer::Report,
        Layer::Person,
    ];

    /// The first so many are probed.
    pub(super) const PROBED: usize = 5;

    /// Asked again and again. Of the others, the newest word counts until it is stale.
    pub fn is_probed(self) -> bool {
        (self as usize) < Layer::PROBED
    }

    /// What a probe of this layer attempts, for sentences.
    pub(super) fn attempts(self) -> &'static str {
        match self {
            Layer::Dns => "lookups of",
            Layer::Tcp => "connections to",
            Layer::Tls => "handshakes with",
            Layer::Http => "requests to",
            Layer::Api => "API calls to",
            Layer::Feed => "readings of",
            Layer::Traffic => "findings about",
            Layer::Report => "reports by",
            Layer::Person => "words of",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Layer::Dns => "dns",
            Layer::Tcp => "tcp",
            Layer::Tls => "tls",
            Layer::Http => "http",
            Layer::Api => "api",
            Layer::Feed => "feed",
            Layer::Traffic => "traffic",
            Layer::Report => "report",
            Layer::Person => "person",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    pub fn failed(fault: Fault, why: impl Into<String>) -> Outcome {
        Outcome::Failed { fault, why: why.into() }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self, Outcome::Failed { .. })
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
