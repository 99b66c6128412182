//! What happens to one caller: the news that reach a walk.

use std::time::Duration;

use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::lookup::Findings;

/// Something that happened to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    Started,
    Answered,
    /// All prompts of the last `Play`, or the whole of the last `Speak`. Nothing is heard of one that was stopped.
    PlayFinished,
    Digit(char),
    QueueLeft(QueueOutcome),
    /// An agent or the dialled party answered: nothing rings any more, and no time runs.
    TalkStarted,
    /// The talk is over and the caller is still there.
    TalkEnded,
    /// Somebody who was dialled has answered, and hears what is announced first. Others may still ring.
    CalleeListens,
    /// He did not take the call; others still ring, or listen.
    CalleeLeft,
    DialEnded(DialOutcome),
    /// The caller's trunk does not connect him.
    ReferRefused,
    /// No slot was free.
    ParkFull,
    /// Nobody is parked there.
    PickUpFailed,
    VoicemailDone,
    /// Whoever listened to a mailbox has had enough, or may not.
    MailboxLeft,
    /// The caller is in the conference no more, and not by an order of his own.
    ConferenceLeft(ConferenceOutcome),
    /// What a question came to, by its id.
    LookedUp {
        query: u32,
        findings: Findings,
    },
    Booked(BookingOutcome),
    /// The caller's place in his queue, from 1.
    Position {
        position: u32,
        /// How long he will probably wait; none while nobody can tell.
        estimate: Option<Duration>,
    },
    /// The call is over, whoever ended it.
    CallerHungUp,
}

/// Why a queue gave the caller back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOutcome {
    TimedOut,
    Full,
    NobodySignedIn,
}

/// What became of the wish to be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingOutcome {
    Booked,
    /// As many are to be called back as may.
    Full,
    /// He shows none, or it is not one that we call.
    NoNumber,
}

/// Why nobody was reached. Of several who were rung together the first in this order counts: it is the one that gives the
/// caller most reason to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DialOutcome {
    NoAnswer,
    Busy,
    Declined,
    Unreachable,
    Failed,
}
