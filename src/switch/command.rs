//! What the API and the command line ask of the running switch, and what they hear back.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::call::announcement::Announcement;
use crate::call::machine::Detect;
use crate::call::record::CallId;
use crate::call::record::CallView;
use crate::call::record::SupervisorMode;
use crate::call::record::TalkRecording;
use crate::call::record::Voicemail;
use crate::channel::Webhook;
use crate::channel::message::Message;
use crate::dialplan::attendance::Speech;
use crate::dialplan::difference::Change;
use crate::dialplan::fault::Fault;
use crate::dialplan::graph::Picture;
use crate::dialplan::order::RecordOrder;
use crate::outage::ChannelState;
use crate::outage::incident::Incident;
use crate::outage::reports::Report;
use crate::outage::view::ChannelView as Verdict;
use crate::queue::agent::Wish;
use crate::queue::callbacks::Callback;
use crate::queue::view::AgentView;
use crate::queue::view::QueueView;
use crate::registrar::BindingView;

#[derive(Debug)]
pub enum Command {
    PlaceCall(PlaceCall),
    Calls,
    Call(CallId),
    HangUp(CallId),
    RecordCall {
        call: CallId,
        order: RecordOrder,
    },
    /// With the recording as the store has it. Its file is the API's affair.
    DeleteRecording {
        recording: Box<TalkRecording>,
    },
    Supervise {
        call: CallId,
        extension: String,
        mode: SupervisorMode,
    },
    EndSupervision(CallId),
    Conferences,
    Conference(String),
    SetMemberSpeech {
        conference: String,
        call: CallId,
        speech: Speech,
    },
    SendMemberAway {
        conference: String,
        call: CallId,
    },
    TapeConference {
        conference: String,
        taping: Taping,
    },
    SendMessage(SendMessage),
    /// A provider's webhook with inbound texts or delivery reports.
    Webhook {
        channel: String,
        webhook: Webhook,
    },
    Channels,
    Channel(String),
    Override {
        channel: String,
        wish: OverrideWish,
    },
    ClearOverride {
        channel: String,
    },
    /// What a peer sees of a channel.
    ReportChannel {
        channel: String,
        report: Report,
    },
    StartDrill(DrillWish),
    /// By the id of its incident.
    EndDrill(String),
    Drills,
    Queues,
    Parking,
    Callbacks,
    Callback(String),
    CancelCallback(String),
    Agents,
    SetAgent {
        number: String,
        wish: Wish,
    },
    Registrations,
    /// With the voicemail as the store has it.
    MarkVoicemail {
        voicemail: Box<Voicemail>,
        mark: Mark,
    },
    /// Out of every list; its file is the API's affair.
    DeleteVoicemail {
        voicemail: Box<Voicemail>,
    },
    Dialplan(DialplanWish),
    Status,
}

/// `/v1/dialplan` and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialplanWish {
    Show,
    /// Take up the files as they are now.
    Reload,
    /// Go back to the dialplan before.
    RollBack,
    /// What a reload would change.
    Compare,
    /// With the callers of this moment; of one flow, or of all.
    Draw {
        flow: Option<String>,
    },
}

/// `POST` and `DELETE` of `/v1/conferences/{name}/recording`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taping {
    Start,
    Stop,
}

/// Somebody who waits in a slot to be picked up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParkedView {
    pub slot: u32,
    pub call: CallId,
    pub caller: String,
    pub parked_by: Option<String>,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A conference that somebody is in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConferenceView {
    pub name: String,
    pub started: Timestamp,
    /// The file that is being written, relative to the folder of recordings.
    pub recording: Option<String>,
    /// In the order in which they came.
    pub members: Vec<MemberView>,
}

/// Somebody in a conference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberView {
    pub call: CallId,
    pub party: String,
    pub moderator: bool,
    pub muted: bool,
    /// With music, for a moderator.
    pub waiting: bool,
    pub joined: Timestamp,
}

/// `PATCH /v1/voicemails/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Heard,
    New,
}

/// `POST /v1/calls`.
#[derive(Debug, Clone)]
pub struct PlaceCall {
    /// An extension, or a number that a `route` of the dialplan leads out.
    pub to: String,
    /// The caller id that the far side sees.
    pub from: Option<String>,
    pub then: Then,
    /// Default: 45 s.
    pub ring_for: Duration,
    pub detect: Detect,
}

/// What happens once the far side has answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    Flow(String),
    Queue(String),
    Say {
        text: String,
        language: Option<String>,
    },
    Play {
        prompt: String,
        language: Option<String>,
    },
    /// Click to call: this second party is rung and connected.
    Connect(String),
    /// No program asks for it: alarms do.
    Announce(Announcement),
}

/// `POST /v1/messages`.
#[derive(Debug, Clone)]
pub struct SendMessage {
    pub to: String,
    pub from: Option<String>,
    pub text: String,
    /// Default: the extension's phone, or the first channel that sends texts to phone numbers.
    pub channel: Option<String>,
}

/// `PUT /v1/channels/{name}/override`.
#[derive(Debug, Clone)]
pub struct OverrideWish {
    pub state: ChannelState,
    pub reason: String,
    pub author: String,
    pub lasts: Option<Duration>,
}

/// `POST /v1/drills`.
#[derive(Debug, Clone)]
pub struct DrillWish {
    pub channel: String,
    pub manner: Manner,
    pub author: String,
    pub lasts: Duration,
}

/// How far an exercise goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Calls go as if the channel were down, and the owner is told.
    Full,
    /// Nothing is changed; what would have happened is told.
    Shadow,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Call(Box<CallView>),
    Calls(Vec<CallView>),
    Conference(Box<ConferenceView>),
    Conferences(Vec<ConferenceView>),
    Message(Box<Message>),
    Messages(Vec<Message>),
    Channel(Box<ChannelView>),
    Channels(Vec<ChannelView>),
    Incident(Box<Incident>),
    Incidents(Vec<Incident>),
    Queues(Vec<QueueView>),
    Callback(Box<Callback>),
    Callbacks(Vec<Callback>),
    Parking(Vec<ParkedView>),
    Agents(Vec<AgentView>),
    Registrations(Vec<BindingView>),
    Voicemail(Box<Voicemail>),
    Recording(Box<TalkRecording>),
    Status(Box<StatusView>),
    Dialplan(Box<DialplanView>),
    DialplanRefused(Vec<Fault>),
    /// Drawn by whoever asked: thousands of flows take a while, and calls wait for the switch.
    #[serde(skip_serializing)]
    Drawing(Picture),
    Done {},
}

#[derive(Debug, Clone, Serialize)]
pub struct ChannelView {
    pub name: String,
    pub kind: String,
    /// `full` or `shadow`, while a drill of it goes on; the state is the real one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<&'static str>,
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The dialplan that new calls walk.
#[derive(Debug, Clone, Serialize)]
pub struct DialplanView {
    /// SHA-256 of its files.
    pub hash: String,
    pub since: Timestamp,
    pub numbers: usize,
    pub flows: usize,
    pub tests: usize,
    /// Calls in progress that began with another one.
    pub older_calls: usize,
    /// Against the one before, or of the files against this one.
    pub changes: Vec<Change>,
    /// Recordings that sound otherwise, likewise: `NAME (LANGUAGE)`.
    pub prompts: BTreeSet<String>,
    pub warnings: Vec<Fault>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StatusView {
    pub version: &'static str,
    pub started: Timestamp,
    pub draining: bool,
    pub calls: usize,
    pub calls_total: u64,
    pub registrations: usize,
    /// Sources of too many wrong passwords, not listened to at this moment.
    pub blocked_sources: usize,
    pub waiting: usize,
    pub channels_down: Vec<String>,
    pub trunks: Vec<TrunkView>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TrunkView {
    pub name: String,
    /// `ready`, `resolving`, `registering`, `refused: …`, `unreachable: …`.
    pub state: String,
    pub calls: u32,
    pub calls_in: u32,
    pub calls_out: u32,
    pub max_calls: Option<u32>,
    /// In the order in which calls try them.
    pub targets: Vec<TargetView>,
}

/// One address of a trunk.
#[derive(Debug, Clone, Serialize)]
pub struct TargetView {
    pub address: String,
    pub transport: &'static str,
    /// `up`, `down`, `resting` (it answered 503 with Retry-After), `unknown`.
    pub state: &'static str,
}

/// Why a command was not carried out; becomes an RFC 9457 problem.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{title}{}{detail}", if .detail.is_empty() { "" } else { ": " })]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Short and stable, for programs: `unknown-flow`.
    pub rule: &'static str,
    pub title: String,
    pub detail: String,
    /// What to do next.
    pub hint: String,
}
