//! What the API and the console show of a channel.

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::outage::ChannelState;
use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::blame::Blame;
use crate::outage::detector::Detector;
use crate::outage::fault::Fault;
use crate::outage::snapshot::StoredOverride;
use crate::outage::target::Target;
use crate::outage::target::Verdict;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelView {
    pub state: ChannelState,
    pub blame: Blame,
    /// Absent: not changed since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    pub reasons: Vec<String>,
    /// What the probes say, whatever a person says.
    pub probed: ChannelState,
    /// Most control targets fail: our own line is in doubt and the state is frozen.
    pub frozen: bool,
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub overriding: Option<StoredOverride>,
    pub evidence: Vec<TargetView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetView {
    pub layer: Layer,
    pub target: String,
    /// Absent: here.
    #[serde(skip_serializing_if = "Vantage::is_here")]
    pub vantage: Vantage,
    /// Whom a DNS probe asked; absent: the resolver of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
    pub role: Role,
    /// unknown, good, bad.
    pub verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Timestamp>,
    /// Absent when the last probe failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The class of the last failure; absent when the last probe answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// How long the newest answers took, oldest first; null for a failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Option<f64>>,
}

impl Detector {
    pub fn view(&self, now: Instant, wall: Timestamp) -> ChannelView {
        let ago = |since| now.saturating_duration_since(since);
        let since = self.since().map(|since| {
            let earlier = wall.checked_sub(ago(since));
            earlier.unwrap_or(Timestamp::MIN)
        });
        let overriding = self.overriding.as_ref();
        ChannelView {
            state: self.state(),
            blame: self.blame(),
            since,
            reasons: self.reasons(),
            probed: self.probed_state(),
            frozen: self.line.doubt().is_some(),
            overriding: overriding.map(|overriding| overriding.stored(now, wall)),
            evidence: self.evidence(),
        }
    }

    /// What each target is worth now.
    pub fn evidence(&self) -> Vec<TargetView> {
        self.targets.iter().map(TargetView::of).collect()
    }
}

impl TargetView {
    fn of(target: &Target) -> TargetView {
        let last = target.last.as_ref();
        TargetView {
            layer: target.layer,
            target: target.name.clone(),
            vantage: target.vantage.clone(),
            resolver: target.resolver.clone(),
            role: target.role,
            verdict: match target.verdict() {
                Verdict::Unknown => "unknown",
                Verdict::Good => "good",
                Verdict::Bad { .. } => "bad",
            },
            asked: last.map(|last| last.at),
            took_seconds: last.and_then(|last| last.took).map(|took| took.as_secs_f64()),
            why: last.and_then(|last| last.why.clone()),
            fault: last.and_then(|last| last.fault),
            recent: target.recent.iter().map(|took| took.map(|took| took.as_secs_f64())).collect(),
        }
    }
}
