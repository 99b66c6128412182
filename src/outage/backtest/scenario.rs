//! A written day: who is probed, what they answer from when on, what people felt, and what should be said of it.

use std::time::Duration;

use jiff::Timestamp;

use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub title: String,
    pub sources: Vec<String>,
    pub begin: Timestamp,
    pub lasts: Duration,
    /// How often each target is probed, and when a probe is given up.
    pub every: Duration,
    pub timeout: Duration,
    /// The settings that the day was written for. `None`: those of whoever replays it.
    pub detector: Option<Config>,
    pub probes: Vec<Probe>,
    pub felt: Option<Felt>,
    pub expected: Expected,
    pub(super) rules: Vec<Rule>,
    /// Words of feeds, reporters and people, in the order of time, counted from `begin`.
    pub(super) words: Vec<(Duration, Evidence)>,
}

/// From when until when people felt it, counted from `begin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Felt {
    pub from: Duration,
    pub until: Option<Duration>,
    pub extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Total,
    Partial,
}

/// The worst that should be said, and of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub state: ChannelState,
    pub blame: Blame,
}

/// From `from` on, such probes are answered so, until a later rule says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) from: Duration,
    pub(super) mark: Mark,
    pub(super) who: Selector,
    pub(super) answer: Answer,
    /// Of the probes, in percent; the others answer.
    pub(super) share: u8,
}

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A source says so.
    Anchor,
    /// What must have been between two anchors, as far as we can tell.
    Reconstruction,
    /// Nobody's history: made up to test a rule.
    Made,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selector {
    /// Empty: every layer.
    pub(super) layers: Vec<Layer>,
    /// `*` stands for any text, at most once.
    pub(super) target: String,
    /// `None`: control targets and the channel's own.
    pub(super) role: Option<Role>,
    pub(super) vantage: Vantage,
    pub(super) asked: Asked,
}

/// Which lookups are meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Anybody,
    Ours,
    Others,
    Authoritative,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Answered { took: Duration },
    Failed { fault: Fault, why: String },
}

impl Selector {
    pub(super) fn takes(&self, probe: &Probe) -> bool {
        let asked = match self.asked {
            Asked::Anybody => true,
            Asked::Ours => probe.layer == Layer::Dns && probe.resolver.as_ref().is_none_or(Resolver::is_ours),
            Asked::Others => matches!(probe.resolver, Some(Resolver::Other(_))),
            Asked::Authoritative => matches!(probe.resolver, Some(Resolver::Authoritative(_))),
        };
        (self.layers.is_empty() || self.layers.contains(&probe.layer))
            && self.role.is_none_or(|role| role == probe.role())
            && self.vantage == probe.vantage
            && asked
            && matches_glob(&self.target, &probe.target)
    }
}

impl Answer {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Answer::Answered { took } => Outcome::Answered { took: *took },
            Answer::Failed { fault, why } => Outcome::failed(*fault, why.as_str()),
        }
    }

    /// How long the prober waits before it knows.
    pub(super) fn comes_after(&self, timeout: Duration) -> Duration {
        match self {
            Answer::Answered { took } => (*took).min(timeout),
            Answer::Failed { fault: Fault::Timeout | Fault::LookupTimeout, .. } => timeout,
            Answer::Failed { .. } => Duration::from_millis(40),
        }
    }
}

fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("*", "x"), ("*", ""), ("*facebook*", "graph.facebook.com:443"), ("a*", "ab"), ("a", "a")]
        {
            assert!(matches_glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("*b", "ba"), ("a*c", "ab"), ("*x*", "yyy")] {
            assert!(!matches_glob(pattern, text), "{pattern} {text}");
        }
    }
}
