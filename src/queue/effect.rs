//! What the queues ask of the switch, and what it may be told in answer.

use std::time::Instant;

use serde::Serialize;

use crate::queue::agent::AgentId;

/// One caller's stay in the queues. The switch numbers them; a number is not used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ring this agent's phone for this caller, until answered, refused or told to stop.
    Ring {
        waiter: WaiterId,
        agent: AgentId,
        queue: String,
    },
    StopRinging {
        waiter: WaiterId,
        agent: AgentId,
        why: Silenced,
    },
    /// A caller among the first ten has moved up. Positions further back: ask [`crate::queue::queues::Queues::position`].
    Position {
        waiter: WaiterId,
        position: usize,
    },
}

/// When the queues want to be woken, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

/// Why an agent's phone did not become a talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    Declined,
    Busy,
    NoAnswer,
    Unreachable,
}

/// Why a phone that rings is to fall silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silenced {
    /// A colleague has the caller: nobody missed a call.
    AnsweredElsewhere,
    /// The time was up.
    NoAnswer,
    /// The caller left, or the agent did.
    Withdrawn,
}

/// What became of an agent's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Caller and agent belong together now.
    Taken,
    /// The ringing had been stopped; whoever picked up is to be released.
    TooLate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("there is no queue `{queue}`")]
    Unknown { queue: String },
    #[error("queue is full: {waiting} callers wait")]
    Full { waiting: usize },
    #[error("no agent of this queue is signed in")]
    NobodySignedIn,
}
