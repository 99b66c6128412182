//! What is kept of voices: messages in mailboxes, and recordings of calls.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A recording that somebody left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Voicemail)]
#[serde(deny_unknown_fields)]
pub struct VoicemailDocument {
    /// `vm_…`
    pub id: String,
    /// As the dialplan names it.
    pub mailbox: String,
    /// The call that left it.
    pub call: String,
    /// The caller's number.
    pub from: String,
    /// When it was left.
    #[schema(value_type = String, format = DateTime)]
    pub left: Timestamp,
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// When somebody said that it was listened to; null for a new one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard: Option<Timestamp>,
    /// What the command of `[voicemail]` came to: `sent`, or `failed: …`; null without one.
    pub notified: Option<String>,
    /// Where its audio can be fetched, with the same token.
    pub audio: String,
}

/// A recording of a call, as it stands in a call's record and in events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = TalkRecording)]
#[serde(deny_unknown_fields)]
pub struct TalkRecordingDocument {
    /// `rec_…`; `GET /v1/recordings/{id}/audio` is its audio.
    pub id: String,
    /// The call that it belongs to.
    pub call: String,
    /// What the dialplan or the API calls it.
    pub name: Option<String>,
    /// `mono` (mixed) or `stereo` (the caller left, what he heard right).
    pub channels: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Its length in milliseconds, without pauses; 0 while it runs.
    pub length_ms: u64,
    /// Milliseconds of it that are silence because the disk did not keep up.
    pub cut_ms: u64,
    /// `recording`, `paused`, `completed`, `failed` or `interrupted`.
    pub state: String,
    /// Why it ended, where that was not asked for.
    pub why: Option<String>,
    /// Below `data/recordings/`.
    pub path: String,
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Recording)]
#[serde(deny_unknown_fields)]
pub struct RecordingDocument {
    /// `rec_…`
    pub id: String,
    /// The call that it belongs to.
    pub call: String,
    /// What the dialplan or the API calls it.
    pub name: Option<String>,
    /// `mono` (mixed) or `stereo` (the caller left, what he heard right).
    pub channels: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Its length in milliseconds, without pauses; 0 while it runs.
    pub length_ms: u64,
    /// Milliseconds of it that are silence because the disk did not keep up.
    pub cut_ms: u64,
    /// `recording`, `paused`, `completed`, `failed` or `interrupted`.
    pub state: String,
    /// Why it ended, where that was not asked for.
    pub why: Option<String>,
    /// Where its audio can be fetched, with the same token.
    pub audio: String,
}
