//! What stays of a call when it is over: one record, its legs, and the steps that it took.
//!
//! A record is made once, when the last leg has ended, and never changed afterwards. Status words are Twilio's, because
//! every developer who ever wrote a call webhook knows them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::call::media_record::MediaRecord;
use crate::dialplan::order::Consent;
use crate::media::answering;
use crate::media::both_sides::Channels;

/// Our name for a call, `call_` and 20 characters: in the API, the log, the record and every event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub String);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Seen from the business: who began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From a trunk.
    Inbound,
    /// To a trunk, or placed by the API.
    Outbound,
    /// Between two extensions.
    Internal,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
        }
    }
}

/// Where a call stands, or how it ended, in the words of Twilio's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }
}

/// Who ended a call or a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    Caller,
    /// The agent, the extension or the number that was reached.
    Callee,
    /// The dialplan, the API, a fault, or the end of the server.
    System,
}

impl Party {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::System => "system",
        }
    }
}

/// One leg's part in a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    /// `caller`, an extension's number, or a number behind a trunk.
    pub party: String,
    pub trunk: Option<String>,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    pub ended: Timestamp,
    /// The final SIP status of an outgoing leg that was refused; RFC 3261 §21.
    pub sip_status: Option<u16>,
    #[serde(flatten)]
    pub media: MediaRecord,
}

/// One leg of a call that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LegView {
    pub party: String,
    pub trunk: Option<String>,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    #[serde(flatten)]
    pub media: MediaRecord,
}

/// One thing that the dialplan did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Since the call began.
    pub after_ms: u64,
    /// `dialplans/loja.kdl:17`; empty for a step that no file orders.
    pub place: String,
    pub what: String,
    /// The flow that it stands in.
    #[serde(default)]
    pub flow: String,
    /// Why the walk went on as it did, with what was seen; empty where a step just happened.
    #[serde(default)]
    pub reason: String,
}

/// A call that is not over yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallView {
    pub id: CallId,
    pub direction: Direction,
    pub status: Status,
    pub from: String,
    pub to: String,
    /// The number that was called in the first place, where somebody sent the call on before it came to us.
    #[serde(default)]
    pub diverted_from: Option<String>,
    /// Of a call that was placed to find that out, once it is known.
    #[serde(default)]
    pub answered_by: Option<answering::Verdict>,
    pub trunk: Option<String>,
    pub flow: Option<String>,
    pub queue: Option<String>,
    pub agent: Option<String>,
    /// The conference that its caller is in.
    #[serde(default)]
    pub conference: Option<String>,
    /// Who hears the two who talk, or is rung to.
    #[serde(default)]
    pub supervisor: Option<SupervisorView>,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    /// What it does now: `menu`, `waiting in vendas`, `talking to 200`; and what it waits for.
    pub doing: String,
    /// How each leg goes at this moment; only where somebody asked about this one call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<LegView>,
}

/// What a supervisor is heard by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SupervisorMode {
    /// Nobody hears him.
    Listen,
    /// The agent alone hears him.
    Whisper,
    /// Both hear him.
    Barge,
}

impl SupervisorMode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Listen => "listens",
            Self::Whisper => "whispers",
            Self::Barge => "talks with both",
        }
    }
}

/// Who hears a talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorView {
    pub extension: String,
    pub mode: SupervisorMode,
    /// Not before he has picked up.
    pub listens: bool,
}

/// A call that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub id: CallId,
    pub direction: Direction,
    pub from: String,
    pub to: String,
    /// The number that was called in the first place, where somebody sent the call on before it came to us.
    #[serde(default)]
    pub diverted_from: Option<String>,
    /// Of a call that was placed to find that out.
    #[serde(default)]
    pub answered_by: Option<answering::Verdict>,
    pub status: Status,
    pub started: Timestamp,
    pub answered: Option<Timestamp>,
    pub ended: Timestamp,
    /// From the first ring of the caller's leg to its answer, or to the end.
    pub ring_ms: u64,
    /// In queues, until an agent answered or the caller left.
    pub wait_ms: u64,
    /// Time in which two people were connected.
    pub talk_ms: u64,
    pub trunk: Option<String>,
    pub flow: Option<String>,
    pub queue: Option<String>,
    /// The extension that the caller talked to.
    pub agent: Option<String>,
    /// The last conference that the caller was in.
    #[serde(default)]
    pub conference: Option<String>,
    /// What the caller said to being recorded; none: he was not asked.
    #[serde(default)]
    pub consent: Option<Consent>,
    pub hung_up_by: Party,
    /// ITU-T Q.850.
    pub cause: u16,
    /// Channels that were down when the call came.
    pub channels_down: Vec<String>,
    /// What the dialplan's `tag` wrote.
    pub tags: BTreeMap<String, String>,
    pub legs: Vec<LegRecord>,
    pub steps: Vec<StepRecord>,
    /// Its files, in order.
    #[serde(default)]
    pub recordings: Vec<TalkRecording>,
}

/// A recording of a call, or of a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TalkRecording {
    /// `rec_…`
    pub id: String,
    pub call: String,
    /// What the dialplan or the API calls it.
    pub name: Option<String>,
    pub channels: Channels,
    pub started: Timestamp,
    /// Without pauses; 0 while it runs.
    pub length_ms: u64,
    /// How much of it is silence because the disk did not keep up.
    #[serde(default)]
    pub cut_ms: u64,
    pub state: RecordingState,
    /// Why it ended, where that was not asked for.
    pub why: Option<String>,
    /// Relative to the data folder's `recordings/`.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingState {
    Recording,
    Paused,
    Completed,
    /// The disk did not take it; what was written until then can be heard.
    Failed,
    /// The server ended without having ended it. The file was mended at the next start.
    Interrupted,
}

impl TalkRecording {
    pub fn is_over(&self) -> bool {
        !matches!(self.state, RecordingState::Recording | RecordingState::Paused)
    }
}

/// The messages of one mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Ids of those that nobody has heard.
    pub new: BTreeSet<String>,
    /// How many were heard.
    pub old: usize,
}

/// A recording that somebody left; its file is on disk before this is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voicemail {
    /// `vm_…`
    pub id: String,
    pub mailbox: String,
    pub call: String,
    pub from: String,
    pub left: Timestamp,
    pub length_ms: u64,
    /// Relative to the data folder's `voicemail/`.
    pub path: String,
    /// When somebody said that it was listened to; none for a new message.
    #[serde(default)]
    pub heard: Option<Timestamp>,
    /// What the operator's command came to: `sent`, or `failed: …`; none before it ended, and without one.
    #[serde(default)]
    pub notified: Option<String>,
}
