//! Chat and text channels, and what their probes say.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A chat or text channel that is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Channel)]
#[serde(deny_unknown_fields)]
pub struct ChannelDocument {
    /// As in `[[channel]]`.
    pub name: String,
    /// `whatsapp`, …
    pub kind: String,
    /// `up`, `degraded`, `down` or `recovering`; the dialplan counts the last two as down.
    pub state: String,
    /// Whose fault it is: `none`, `channel`, `our-line`, `our-resolver`, `our-credential`, `our-webhook` or `blocked-here`.
    pub blame: String,
    /// Since when; absent where it has not changed since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Sentences, most telling first.
    pub reasons: Vec<String>,
    /// What the probes say, whatever a person says.
    pub probed: String,
    /// Our own line is in doubt, and the state stands still.
    pub frozen: bool,
    /// What a person declared; absent when the probes decide.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub overriding: Option<OverrideDocument>,
    /// `full` or `shadow`, while a drill of it goes on; the state above is the real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
    /// Each target that is probed.
    pub evidence: Vec<EvidenceDocument>,
}

/// A state that a person declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Override)]
#[serde(deny_unknown_fields)]
pub struct OverrideDocument {
    /// `up`, `degraded` or `down`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub author: String,
    /// When the probes decide again; null until it is lifted by hand.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What one target of the probes is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Evidence)]
#[serde(deny_unknown_fields)]
pub struct EvidenceDocument {
    /// `dns`, `tcp`, `tls`, `http`, `api`, `feed`, `traffic`, `report` or `person`.
    pub layer: String,
    /// What is asked.
    pub target: String,
    /// `path:NAME` or `outside:NAME`; absent: from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vantage: Option<String>,
    /// Whom a DNS probe asked: `other:NAME`, `authoritative:NAME`; absent: the resolver of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<String>,
    /// `channel`, or `control`: something else on the network, to tell our own line from theirs.
    pub role: String,
    /// `unknown`, `good` or `bad`.
    pub verdict: String,
    /// When it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub asked: Option<Timestamp>,
    /// How long the last answer took; absent when the last probe failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    /// Why the last probe failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The class of that failure: `timeout`, `servfail`, `status 503`, `credential-refused`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How many seconds the newest answers took, oldest first, at most 30; null for a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Option<f64>>,
}
