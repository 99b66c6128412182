//! Everything that can reach the switch from the world. The journal of these values replays a run exactly.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::call::record::Voicemail;
use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::message::MessageId;
use crate::dialplan::fault::Fault;
use crate::dialplan::load::Checked;
use crate::dialplan::lookup::Findings;
use crate::media::clip::Clip;
use crate::media::command::Event as MediaEvent;
use crate::media::prompts::Prompts;
use crate::outage::Evidence;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;
use crate::switch::command::Command;

/// Ties an answer to what asked for it; made by whoever asks, never read by the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Where a trunk's host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Best first.
    pub hops: Vec<Hop>,
    /// Then it is asked for again.
    pub lasts: Duration,
}

#[derive(Debug)]
pub enum Input {
    /// A SIP datagram, or one message cut from a stream.
    Packet(Packet),
    /// There is no stream to this peer and none could be opened.
    Unsent(Transmit),
    /// The peer at the other end of a stream has proved by a certificate that it may be called by these names.
    PeerProved {
        connection: ConnectionId,
        names: Vec<String>,
    },
    /// A stream closed or broke: the registrations over it are gone.
    ConnectionLost(ConnectionId),
    Media(MediaEvent),
    /// From the API or the command line; answered by `Effect::Answer` with the same ticket.
    Command {
        ticket: Ticket,
        command: Command,
    },
    /// One probe of one channel came back.
    Evidence {
        channel: String,
        evidence: Evidence,
    },
    /// `Effect::Http` came back: the answer, or why there is none.
    HttpAnswered {
        ticket: Ticket,
        result: Result<HttpAnswer, HttpFailure>,
    },
    /// `Effect::Resolve` came back.
    Resolved {
        trunk: String,
        result: Result<Resolved, String>,
    },
    /// `Keep::Message` is on disk.
    MessageKept(MessageId),
    /// `Keep::Message` could not be written.
    MessageNotKept {
        id: MessageId,
        why: String,
    },
    /// `Effect::Speak` came back.
    Spoken {
        ticket: Ticket,
        result: Result<Arc<Clip>, String>,
    },
    /// `Effect::LookUp` came back.
    LookedUp {
        ticket: Ticket,
        findings: Findings,
    },
    /// `Effect::LoadSound` came back.
    Loaded {
        ticket: Ticket,
        result: Result<Arc<Clip>, String>,
    },
    /// `Effect::ListVoicemails` came back.
    Voicemails {
        ticket: Ticket,
        messages: Vec<Voicemail>,
    },
    /// The operator's command was told of a message: done, or why not.
    Notified {
        voicemail: Box<Voicemail>,
        result: Result<(), String>,
    },
    /// The dialplan's files are to be taken up, and nobody waits for the outcome.
    ReloadDialplan(Trigger),
    /// `Effect::ReadDialplan` came back.
    DialplanRead {
        ticket: Ticket,
        errand: Errand,
        result: Result<Reread, Unread>,
    },
    /// The wall clock, told now and then: for hours of business and for records, never for timers.
    Clock(Timestamp),
    /// No new calls; running ones get BYE. `Switch::is_empty` tells when that is done.
    Drain,
}

/// What the disk holds now.
#[derive(Debug)]
pub struct Reread {
    pub checked: Checked,
    /// As the dialplan was checked with; none: those that the server has.
    pub prompts: Option<Box<Prompts>>,
}

/// What is to be done with the dialplan's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    Reload(Trigger),
    /// The one before that which runs, from those that were kept.
    RollBack,
    /// As for a reload, which does not follow.
    Compare,
}

/// What made us look at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Api,
    Signal,
    Watch,
}

/// Why there is no dialplan to take up.
#[derive(Debug)]
pub enum Unread {
    Faults(Vec<Fault>),
    NothingEarlier,
    /// The files hold what was rolled back, and nobody asked for it again.
    RolledBack,
}

impl Errand {
    /// For the log, events and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Errand::Reload(Trigger::Api) => "api",
            Errand::Reload(Trigger::Signal) => "sighup",
            Errand::Reload(Trigger::Watch) => "watch",
            Errand::RollBack => "rollback",
            Errand::Compare => "diff",
        }
    }
}
