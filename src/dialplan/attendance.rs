//! How somebody takes part in a conference: what the verb says, and what the switch goes by.

use std::fmt;

/// One caller's part, as the dialplan orders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    pub conference: String,
    pub standing: Standing,
    pub speech: Speech,
    /// He comes in only if fewer are there.
    pub most: usize,
    pub tape: Tape,
    pub before_moderator: BeforeModerator,
    pub after_moderator: AfterModerator,
    pub comings: Comings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Moderator,
    Participant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Open,
    Muted,
}

/// Whether his coming starts the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tape {
    AsItIs,
    Runs,
}

/// What he does while no moderator is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeModerator {
    Talks,
    Waits,
}

/// What he does when the last moderator has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterModerator {
    Stays,
    Leaves,
}

/// Whether the others hear that he comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comings {
    Announced,
    Silent,
}

/// Why somebody is in a conference no more, though he has not hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConferenceOutcome {
    Full,
    /// Somebody is there with whom the caller may not be connected.
    KeptApart,
    /// The last moderator has left.
    Ended,
    ByKey,
    /// By the API.
    SentAway,
}

impl fmt::Display for ConferenceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConferenceOutcome::Full => "the conference is full",
            ConferenceOutcome::KeptApart => "WhatsApp calls and the telephone network may not meet",
            ConferenceOutcome::Ended => "the last moderator has left",
            ConferenceOutcome::ByKey => "the caller left by key",
            ConferenceOutcome::SentAway => "the caller was sent away",
        })
    }
}
