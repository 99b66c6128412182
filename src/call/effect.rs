//! What reaches one call and what it wants done: the words between [`crate::call`] and the switch.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use crate::call::clerk::Facts;
use crate::call::record::CallView;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::SupervisorMode;
use crate::call::record::TalkRecording;
use crate::call::record::Voicemail;
use crate::call::silences::SilenceReport;
use crate::call::supervision::Supervise;
use crate::call::transfer::Transfer;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::Query;
use crate::dialplan::scene::Scene;
use crate::media::both_sides::Channels;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::LegId;
use crate::media::command::Role;
use crate::media::command::RoomId;
use crate::media::command::Sound;
use crate::media::config::Encryption;
use crate::media::negotiation::protection::Form;
use crate::media::negotiation::secrets::Secrets;
use crate::media::recording::Format;
use crate::media::security::Fingerprint;
use crate::media::tone::Signal;
use crate::queue::effect::Refusal;
use crate::queue::effect::Silenced;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::SubscriptionId;
use crate::sip::agent::targets::Silence;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;

#[derive(Debug)]
pub enum Input {
    Media(MediaEvent),
    Session {
        leg: LegId,
        event: SessionEvent,
    },
    /// The queue let the caller in.
    QueueJoined {
        position: usize,
    },
    QueueRefused(QueueOutcome),
    /// The slot that was free, if one was.
    Parked(Option<u32>),
    /// Nobody is parked there.
    PickUpFailed,
    /// How the trunk fares that was asked to connect the caller.
    ReferFares {
        status: u16,
    },
    /// The queue found an agent: ring him.
    RingAgent {
        agent: String,
    },
    StopRingingAgent {
        agent: String,
        why: Silenced,
    },
    /// What `Effect::Speak` came to.
    Spoken(Result<Arc<Clip>, String>),
    /// What `Effect::Ask` came to.
    LookedUp {
        query: u32,
        findings: Findings,
    },
    /// What `Effect::Book` came to; with the booking's id.
    Booked {
        outcome: BookingOutcome,
        id: Option<String>,
    },
    /// What `Effect::AskPosition` came to.
    Position {
        position: u32,
        estimate: Option<Duration>,
    },
    /// What `Effect::LoadSound` came to.
    Loaded(Result<Arc<Clip>, String>),
    /// What `Effect::ListVoicemails` came to.
    Voicemails(Vec<Voicemail>),
    Conference(ConferenceNews),
    /// Somebody is to hear the two who talk. `Call::is_talk` has been asked.
    Supervise(Box<Supervise>),
    SetSupervisorMode(SupervisorMode),
    EndSupervision,
    /// A party wants another to take its place. `Call::can_transfer` has been asked.
    Transfer(Box<Transfer>),
    /// The API or the end of the server ends the call.
    HangUp {
        why: &'static str,
    },
}

/// What becomes of the caller's part in a conference.
#[derive(Debug, Clone)]
pub enum ConferenceNews {
    /// No moderator is there yet.
    Waits,
    /// He is in its room from now on; again when he is muted or may speak. What the room hears of it follows.
    Hears {
        room: RoomId,
        role: Role,
        then: Vec<MediaCommand>,
    },
    Left(ConferenceOutcome),
}

#[derive(Debug)]
pub enum Effect {
    Media(MediaCommand),
    /// The switch makes a session of it and says so by `Call::on_session`.
    Invite {
        leg: LegId,
        way: Box<Way>,
        sdp: Bytes,
        /// How many further servers the call may pass; none where it begins with us. RFC 3261 §8.1.1.6.
        max_forwards: Option<u8>,
    },
    Progress {
        session: SessionId,
        status: u16,
        sdp: Option<Bytes>,
    },
    Accept {
        session: SessionId,
        sdp: Bytes,
    },
    Reject {
        session: SessionId,
        status: u16,
        /// ITU-T Q.850, for the `Reason` header.
        cause: u16,
    },
    HangUp {
        session: SessionId,
        cause: u16,
    },
    AnswerOffer {
        session: SessionId,
        sdp: Bytes,
    },
    RefuseOffer {
        session: SessionId,
        status: u16,
    },
    /// Why this session's offer is about to be refused: a code of RFC 3261 §20.43, and what is missing.
    Warn {
        session: SessionId,
        code: u16,
        text: String,
    },
    JoinQueue {
        queue: String,
    },
    LeaveQueue,
    /// Comes back as `Input::Parked`.
    Park {
        first: u32,
        last: u32,
    },
    Unpark,
    /// The caller goes into the call that is parked in this slot.
    PickUp {
        slot: String,
    },
    /// The far side of this session is asked to connect its caller with this number.
    Refer {
        session: SessionId,
        to: String,
    },
    /// The caller has left the queue for somebody whom it did not ring.
    PickedUp,
    /// Somebody who stays in the call talks to somebody else now.
    PartnersChanged,
    JoinConference(Box<Attendance>),
    LeaveConference,
    AgentAnswered {
        agent: String,
    },
    AgentRefused {
        agent: String,
        refusal: Refusal,
    },
    /// The caller talks to this party, whom no queue chose.
    AgentBusy {
        agent: String,
    },
    AgentFree {
        agent: String,
    },
    Message {
        to: String,
        text: String,
    },
    Speak {
        text: String,
        language: String,
    },
    Ask(Box<Query>),
    Book(BookingWish),
    Emit {
        name: String,
        fields: Vec<(String, String)>,
        view: Box<CallView>,
    },
    AskPosition,
    StopAsking,
    Voicemail(Recording),
    /// The messages of a mailbox come back as `Input::Voicemails`.
    ListVoicemails {
        mailbox: String,
    },
    /// A WAV file comes back as `Input::Loaded`.
    LoadSound {
        path: PathBuf,
    },
    /// What the listener did with a message.
    SortVoicemail {
        voicemail: Box<Voicemail>,
        sorting: Sorting,
    },
    WrongPin {
        mailbox: String,
    },
    WrongConferencePin {
        conference: String,
    },
    /// A greeting was recorded; one that is not kept leaves the mailbox with the ordinary one.
    Greeting {
        mailbox: String,
        kept: Kept,
    },
    /// What became of a recording of the call; it is to be kept as it is now.
    Recording {
        kind: &'static str,
        recording: Box<TalkRecording>,
    },
    /// How a REFER fares: the status that its sender is told. A final one is the last.
    Referral {
        referral: SubscriptionId,
        status: u16,
    },
    /// `by` has handed the call over to `to`.
    Transferred {
        by: String,
        to: String,
        view: Box<CallView>,
    },
    /// Something that listeners of `/v1/events` want to hear, with the call as it was at that moment.
    Event {
        kind: &'static str,
        view: Box<CallView>,
    },
    /// A party is not heard, or is heard again: `call.quiet`, `call.heard-again`.
    Silence {
        kind: &'static str,
        report: Box<SilenceReport>,
    },
    Finished(Box<Record>),
}

/// A wish to be called back, with the place that its caller had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingWish {
    pub queue: String,
    pub number: String,
    pub caller: String,
    pub from: String,
    pub language: String,
    pub hours: Option<String>,
    /// Since when he has waited in this queue; none: he has not.
    pub since: Option<Instant>,
}

/// What becomes of a message that was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorting {
    Heard,
    Delete,
}

/// Whether what was recorded is worth to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Yes,
    No,
}

/// A message that a caller left and that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    pub mailbox: String,
    pub path: PathBuf,
    pub length_ms: u64,
}

/// Whom a leg is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Extension(String),
    /// One phone of an extension, by its instance. RFC 5627.
    Device {
        extension: String,
        instance: String,
    },
    /// A number that a `route` of the dialplan leads to a trunk.
    Number(String),
    /// Somebody at the host of these trunks, which are tried one after the other.
    Address {
        uri: String,
        trunks: Vec<String>,
    },
}

/// One address at which somebody can be reached: a contact of an extension, or a trunk.
#[derive(Debug, Clone)]
pub struct Way {
    /// The extension or number, for the record.
    pub party: String,
    pub trunk: Option<String>,
    pub target: Uri,
    pub hop: Hop,
    /// Where the call goes if `hop` fails it, best first. RFC 3263 §4.3.
    pub alternatives: Vec<Hop>,
    /// Whether the last of them may be silent for 64*T1.
    pub silence: Silence,
    pub from: NameAddr,
    pub to: NameAddr,
    /// Further headers of the INVITE.
    pub headers: Vec<(Name, Bytes)>,
    /// What is offered and taken there; none: what we have.
    pub codecs: Option<Vec<CodecKind>>,
    pub encryption: Encryption,
    /// For whom our offer is made.
    pub form: Form,
    pub credentials: Option<Credentials>,
    /// The IP that our SDP names towards this peer.
    pub media_address: IpAddr,
    /// The proxies on the way, as `Route` names them, the nearest first. RFC 3327.
    pub routes: Vec<(Name, Bytes)>,
    /// Other flows of the same device, to be tried one after the other if this one fails. RFC 5626 §5.3.
    pub spares: VecDeque<Way>,
}

/// All ways to somebody.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// They ring together.
    pub together: Vec<Way>,
    /// Trunks that are tried one after the other when those have failed.
    pub then: Vec<Way>,
}

/// A leg that was answered 3xx.
#[derive(Debug, Clone, Copy)]
pub struct Redirecting<'a> {
    pub party: &'a str,
    pub trunk: Option<&'a str>,
    /// Best first.
    pub contacts: &'a [NameAddr],
}

/// Why nobody can be tried at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWay {
    /// No such extension, no route for the number.
    Unknown,
    /// The extension exists but no phone of it is registered.
    NotRegistered,
    /// The trunk carries as many calls as it may, or does not resolve.
    TrunkUnavailable,
    /// The one would be of WhatsApp, the other of the telephone network.
    KeptApart,
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoWay::Unknown => "no extension has this number, and no route leads there",
            NoWay::NotRegistered => "no phone of it is registered",
            NoWay::TrunkUnavailable => "no trunk takes the call now",
            NoWay::KeptApart => KEPT_APART,
        })
    }
}

/// Why two parties are not connected: in records, in the log, and in what phones and programs are told.
pub const KEPT_APART: &str = "Meta forbids to connect a WhatsApp call with the telephone network";

/// What a call may look up; it changes nothing.
pub trait Around: Scene {
    /// A phone and a laptop of one person ring together; of several trunks one is tried after the other. `dice`: any
    /// number, by which trunks of equal rank are drawn.
    fn ways_to(&self, whom: &Destination, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, NoWay>;
    /// Where a 3xx leads, if it may be followed.
    fn ways_on(&self, by: &Redirecting<'_>, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, NoWay>;
    fn prompt(&self, name: &str, language: &str) -> Option<Arc<Clip>>;
    fn hold_music(&self, queue: &str) -> Vec<Sound>;
    /// Music by its name; of an unknown one, nothing.
    fn music(&self, name: &str) -> Vec<Sound>;
    /// Heard by an answered caller while somebody else's phone rings.
    fn ringback(&self) -> Vec<Sound>;
    /// Heard before a message is recorded.
    fn beep(&self) -> Vec<Sound>;
    /// Where the file of a message is, of which the path below the folder is known.
    fn voicemail_file(&self, path: &str) -> PathBuf;
    /// Where the own greeting of a mailbox is written.
    fn greeting_path(&self, mailbox: &str) -> PathBuf;
    /// The own greeting of a mailbox, if it has one.
    fn greeting(&self, mailbox: &str) -> Option<PathBuf>;
    /// The mailbox that belongs to an extension.
    fn mailbox_of<'a>(&'a self, extension: &'a str) -> &'a str;
    /// Whether this PIN opens the mailbox; none: it has no PIN.
    fn pin_fits(&self, mailbox: &str, pin: &str, now: Instant) -> Option<bool>;
    /// Hour and minute as a clock on the wall here shows them.
    fn time_of_day(&self, at: Timestamp) -> (u8, u8);
    /// As our region's telephone network sounds.
    fn tone(&self, signal: Signal) -> Vec<Sound>;
    /// How the talks of this queue are recorded, if they are.
    fn records(&self, queue: &str) -> Option<Channels>;
    fn recording_format(&self) -> Format;
    /// Where a recording with this path below their folder is to be written.
    fn recording_path(&self, path: &str) -> PathBuf;
    /// In order of preference.
    fn codecs(&self) -> &[CodecKind];
    /// How this leg shows itself, whose ports are bound at `bound` and reached at `advertised`.
    fn identity(&self, leg: LegId, advertised: SocketAddr, bound: SocketAddr) -> Identity;
    /// Where a message for this mailbox is to be written.
    fn voicemail_path(&self, mailbox: &str, file: &str) -> PathBuf;
}

/// By what a leg proves itself and is found, beyond its address.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// `None`: it has no secrets, and nothing is encrypted.
    pub secrets: Option<Secrets>,
    /// Of our certificate.
    pub fingerprint: Option<Fingerprint>,
    /// For ICE, the best first.
    pub candidates: Vec<SocketAddr>,
}

/// Who ended it and with which Q.850 cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    pub by: Party,
    pub cause: u16,
}
