//! Outages and drills, with their story.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// An outage of one channel or of our own line, or a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Incident)]
#[serde(deny_unknown_fields)]
pub struct IncidentDocument {
    /// `inc_…`
    pub id: String,
    /// As in `[[channel]]`; `our-line` where our own line or resolver fails.
    pub channel: String,
    /// Only of an exercise.
    pub drill: Option<DrillDocument>,
    /// When the state changed.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Null while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// The channel's state now; at the end, what it became.
    pub state: String,
    /// Whose fault it is, or was: `channel`, `our-line`, `our-resolver`, `our-credential`, `our-webhook`, `blocked-here`.
    pub blame: String,
    /// What happened to customers meanwhile; at most 2 s old.
    pub counts: CountsDocument,
    /// How it went, in sentences. Not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<MomentDocument>,
    /// What each target of the probes was worth, each time that it changed. Not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<ObservationDocument>,
    /// Moments and observations beyond what is kept: the first and the last are.
    pub left_out: u64,
    /// Who was told, and whether it reached them.
    pub alarms: Vec<AlarmDocument>,
}

/// What happened to customers during an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Counts)]
#[serde(deny_unknown_fields)]
pub struct CountsDocument {
    /// Calls that came in.
    pub offered: u64,
    /// Of these, those that a person talked to.
    pub answered: u64,
    /// Of these, those that waited in a queue.
    pub waited: u64,
    /// Of those that waited, the ones that left without having talked to anybody.
    pub given_up: u64,
    /// Messages left by voice.
    pub voicemails: u64,
    /// Texts to telephone numbers that a provider took.
    pub texted: u64,
    /// Texts to telephone numbers that failed for good.
    pub texts_failed: u64,
    /// Texts that came in.
    pub texts_received: u64,
    /// Callers who had left and were reached by a call of ours.
    pub called_back: u64,
}

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Moment)]
#[serde(deny_unknown_fields)]
pub struct MomentDocument {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `state`, `alarm`, `drill` or `server`.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// Why, as it was known then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// What one target of the probes came to be worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Observation)]
#[serde(deny_unknown_fields)]
pub struct ObservationDocument {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// As in a channel's evidence.
    pub layer: String,
    /// What was asked.
    pub target: String,
    /// Over which line, and which resolver was asked; absent: as everything here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// `channel` or `control`.
    pub role: String,
    /// `unknown`, `good` or `bad`.
    pub verdict: String,
    /// The class of the failure, as in a channel's evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How one person was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Alarm)]
#[serde(deny_unknown_fields)]
pub struct AlarmDocument {
    /// `alm_…`
    pub id: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// A telephone number or an extension.
    pub to: String,
    /// `call` or `text`.
    pub by: String,
    /// What is said.
    pub text: String,
    /// `pending`, `sent` (a text), `heard` (a call without a key pressed), `confirmed` (a key was pressed), `failed`,
    /// `superseded` (a later change came first).
    pub outcome: String,
    /// Calls that were placed, or texts that were tried.
    pub tries: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// These calls and texts; at most 10.
    pub via: Vec<String>,
}

/// An exercise: the channel works, and everything happens as if it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Drill)]
#[serde(deny_unknown_fields)]
pub struct DrillDocument {
    /// Nothing happens to calls, and nobody is told.
    pub shadow: bool,
    /// Who began it.
    pub author: String,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// What was looked at, and what was found.
    pub findings: Vec<FindingDocument>,
}

/// One line of a drill's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Finding)]
#[serde(deny_unknown_fields)]
pub struct FindingDocument {
    /// `dialplan`, `agents`, `trunks`, `prompts`, `texts`, `alarms` or `calls`.
    pub about: String,
    /// Whether it would serve on the bad day.
    pub works: bool,
    /// What was found.
    pub text: String,
}
