//! Everything that the switch wants done in the world.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::Serializer;
use serde_json::Value;

use crate::call::record::CallView;
use crate::call::record::Record;
use crate::call::record::TalkRecording;
use crate::call::record::Voicemail;
use crate::channel::Delivery;
use crate::channel::HttpRequest;
use crate::channel::message::Message;
use crate::dialplan::lookup::Query;
use crate::media::command::Command as MediaCommand;
use crate::outage::incident::Incident;
use crate::outage::reports::Says;
use crate::outage::schedule::Due;
use crate::queue::callbacks::Callback;
use crate::registrar::StoredBinding;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::input::Errand;
use crate::switch::input::Ticket;

#[derive(Debug)]
pub enum Effect {
    Sip(Transmit),
    /// `Open` is carried out at once and its `Opened` handed back in the same turn.
    Media(MediaCommand),
    /// Comes back as `Input::HttpAnswered`.
    Http {
        ticket: Ticket,
        request: HttpRequest,
    },
    /// Comes back as `Input::Resolved`: RFC 3263 for a trunk's host.
    Resolve {
        trunk: String,
        host: String,
        port: Option<u16>,
        transport: Option<Transport>,
        /// Decides between targets of equal rank. RFC 2782.
        dice: u64,
    },
    /// Run this probe once; comes back as `Input::Evidence`.
    Probe(Due),
    /// Text to speech by the configured engine; comes back as `Input::Spoken`.
    Speak {
        ticket: Ticket,
        text: String,
        language: String,
    },
    /// A question of a dialplan to another program; comes back as `Input::LookedUp`.
    LookUp {
        ticket: Ticket,
        query: Box<Query>,
    },
    /// Nobody waits for that answer any more.
    StopLookingUp {
        ticket: Ticket,
    },
    /// The messages of a mailbox, at most 100, the newest; come back as `Input::Voicemails`.
    ListVoicemails {
        ticket: Ticket,
        mailbox: String,
    },
    /// A WAV file; comes back as `Input::Loaded`.
    LoadSound {
        ticket: Ticket,
        path: PathBuf,
    },
    /// Comes back as `Input::DialplanRead`: checked, or with all that is wrong with it.
    ReadDialplan {
        ticket: Ticket,
        errand: Errand,
        /// The hash of the dialplan that runs.
        running: String,
    },
    RemoveFile {
        path: PathBuf,
    },
    /// For the operator's command, if there is one; comes back as `Input::Notified`.
    Notify {
        voicemail: Box<Voicemail>,
    },
    Keep(Keep),
    Answer {
        ticket: Ticket,
        answer: Result<Answer, Problem>,
    },
    Publish(PublicEvent),
    /// How we see a channel by ourselves, for other servers.
    TellPeers {
        channel: String,
        says: Says,
        reason: String,
    },
}

/// What must outlive the process.
#[derive(Debug)]
pub enum Keep {
    Record(Arc<Record>),
    /// Acknowledged by `Input::MessageKept`.
    Message(Box<Message>),
    /// What became of a text of ours, by the provider's id for it.
    Receipt {
        channel: String,
        provider_id: String,
        delivery: Delivery,
    },
    Binding(Box<StoredBinding>),
    ForgetBinding {
        extension: String,
        contact: String,
    },
    /// A channel's state and override, as the outage engine wrote it down.
    Channel {
        name: String,
        snapshot: Value,
    },
    /// Over what is kept under the same id.
    Voicemail(Voicemail),
    ForgetVoicemail {
        id: String,
    },
    /// Over what is kept under the same id.
    Recording(Box<TalkRecording>),
    ForgetRecording {
        id: String,
    },
    /// Over what is kept under the same id.
    Callback(Box<Callback>),
    ForgetCallback {
        id: String,
    },
    Incident(Box<Incident>),
}

/// One line of `GET /v1/events` and one webhook.
#[derive(Debug, Clone, Serialize)]
pub struct PublicEvent {
    /// `evt_…`, ascending in time.
    pub id: String,
    /// `call.ringing`, `message.received`, `channel.changed`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub at: Timestamp,
    pub data: Subject,
}

/// What an event is about. It becomes JSON where somebody reads it, and for most events of a busy night nobody does.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Subject {
    Call(Box<CallView>),
    Record(#[serde(serialize_with = "shared")] Arc<Record>),
    Other(Value),
}

fn shared<S: Serializer>(record: &Arc<Record>, serializer: S) -> Result<S::Ok, S::Error> {
    Record::serialize(record, serializer)
}

impl From<Value> for Subject {
    fn from(value: Value) -> Subject {
        Subject::Other(value)
    }
}
