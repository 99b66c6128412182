//! What is to be done for one caller: the orders that leave a walk.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::dialplan::attendance::Attendance;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::lookup::Query;
use crate::media::both_sides::Channels;
use crate::media::tone::Signal;

/// Something that is to be done for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Answer,
    Ringing,
    /// Early media: the caller hears us before the call is answered, at no cost to him.
    Progress,
    /// One after the other, without a gap. Replaces what is playing.
    Play {
        prompts: Vec<String>,
        language: String,
    },
    /// Says a text that no prompt holds. Ends with `PlayFinished`.
    Speak {
        text: String,
        language: String,
    },
    /// Of the telephone network: a beep once, which ends with `PlayFinished`, others until something else is ordered.
    Tone {
        signal: Signal,
    },
    /// The caller hears himself until something else is ordered.
    Echo,
    StopPlaying,
    JoinQueue {
        queue: String,
    },
    /// Nothing more is heard of the queue.
    LeaveQueue,
    Dial(Box<DialOrder>),
    /// Nothing more is heard of the dialling.
    StopDialling,
    /// The caller's own trunk is asked to connect him with this number. The call ends when it has, else `ReferRefused`.
    Refer {
        to: String,
    },
    /// Ends with a talk, or with `ParkFull`.
    Park(ParkOrder),
    /// Nothing more is heard of the slot.
    Unpark,
    /// As `Dial`, of the phone that parked the caller.
    RingBackParker {
        ring_for: Duration,
    },
    /// The caller goes into the call that is parked there; else `PickUpFailed`.
    PickUp {
        slot: String,
    },
    /// What the caller says to being recorded.
    Consent(Consent),
    /// The one whom the caller talks to is sent away. Nothing more is heard of the talk.
    EndTalk,
    /// Greeting, tone, recording, thanks. Ends with `VoicemailDone`.
    Voicemail {
        mailbox: String,
        language: String,
    },
    /// The caller listens to messages. Ends with `MailboxLeft`; keys are the mailbox's until then.
    Mailbox {
        mailbox: String,
        language: String,
    },
    /// Of the whole call.
    Record(RecordOrder),
    /// Ends with `ConferenceLeft`, or with the call.
    JoinConference(Box<Attendance>),
    /// Nothing more is heard of the conference.
    LeaveConference,
    /// Somebody typed one that leads into no room of this name: they are counted over all calls.
    WrongPin {
        conference: String,
    },
    /// A question to another program. Ends with `LookedUp`.
    Ask(Box<Query>),
    /// Nothing more is heard of the question.
    StopAsking,
    /// The caller is to be called back. Ends with `Booked`.
    Book(Box<Booking>),
    /// Other programs are told.
    Emit {
        name: String,
        fields: Vec<(String, String)>,
    },
    /// The music of this queue, until something else is ordered.
    HoldMusic {
        queue: String,
    },
    /// Where the caller stands in his queue. Ends with `Position`.
    AskPosition,
    /// Until something else is ordered.
    Music {
        music: String,
    },
    Message {
        to: String,
        text: String,
    },
    /// Something for the call's record.
    Tag {
        name: String,
        value: String,
    },
    Hangup {
        cause: HangupCause,
    },
}

/// Whom to call back, for which queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub queue: String,
    /// As it was shown or typed.
    pub number: String,
    /// What the caller shows.
    pub caller: String,
    /// The number of ours that he called.
    pub from: String,
    pub language: String,
    /// The name of the hours within which he is called.
    pub hours: Option<String>,
}

/// Where a caller is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkOrder {
    /// Slots: the first free one of these.
    pub first: u32,
    pub last: u32,
    /// After this the walk takes him from there.
    pub up_to: Duration,
    /// None: the ordinary hold music.
    pub music: Option<String>,
    pub language: String,
}

/// Whether a caller agrees to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    Given,
    Refused,
}

/// What is to become of the recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOrder {
    Start { name: Option<String>, channels: Channels },
    Pause,
    Resume,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialTarget {
    Extension(String),
    /// One phone of an extension. No dialplan writes it: who calls has its GRUU (RFC 5627).
    Device {
        extension: String,
        instance: String,
    },
    /// In E.164; a route leads to it.
    Number(String),
    /// `sip:maria@pbx.example`, and the trunks that lead to its host, tried one after the other.
    Address {
        uri: String,
        trunks: Vec<String>,
    },
}

/// Why we end a call; for one that was not answered, how it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangupCause {
    Normal,
    Busy,
    Declined,
    NoAnswer,
    Unreachable,
    NotFound,
    Failed,
}

impl Consent {
    /// The word in tests, records and the API.
    pub fn word(self) -> &'static str {
        match self {
            Consent::Given => "given",
            Consent::Refused => "refused",
        }
    }

    pub(super) fn opposite(self) -> Consent {
        match self {
            Consent::Given => Consent::Refused,
            Consent::Refused => Consent::Given,
        }
    }
}

impl DialTarget {
    /// What the owner wrote: a number, an extension, an address.
    pub fn text(&self) -> &str {
        match self {
            DialTarget::Extension(text) | DialTarget::Number(text) => text,
            DialTarget::Device { extension, .. } => extension,
            DialTarget::Address { uri, .. } => uri,
        }
    }
}

impl HangupCause {
    /// The word in `reject` and `ends`.
    pub fn word(self) -> &'static str {
        match self {
            HangupCause::Normal => "normal",
            HangupCause::Busy => "busy",
            HangupCause::Declined => "declined",
            HangupCause::NoAnswer => "no-answer",
            HangupCause::Unreachable => "unreachable",
            HangupCause::NotFound => "not-found",
            HangupCause::Failed => "failed",
        }
    }

    pub(super) fn named(word: &str) -> HangupCause {
        let named = [
            HangupCause::Busy,
            HangupCause::Declined,
            HangupCause::NoAnswer,
            HangupCause::Unreachable,
            HangupCause::NotFound,
            HangupCause::Failed,
        ];
        let mut causes = named.into_iter();
        let found = causes.find(|cause| cause.word() == word);
        found.unwrap_or(HangupCause::Normal)
    }
}
