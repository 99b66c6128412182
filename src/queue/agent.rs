//! One agent: reachable or not, willing or not, and what they are doing. Knows nothing of lines or strategies.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use serde::Deserialize;
use serde::Serialize;

use crate::queue::effect::Refusal;
use crate::queue::effect::WaiterId;

/// An agent is known by the number of their extension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentId(pub String);

/// Whether the agent's phone can be rung at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachability {
    Registered,
    Unregistered,
}

/// What the agent wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    Available,
    /// A break: no calls for now, but callers may wait for the return.
    Paused {
        reason: String,
    },
    SignedOut,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    #[error("`{agent}` is not an agent of any queue")]
    Unknown { agent: String },
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    /// Places of the queues that this agent serves.
    pub(super) queues: BTreeSet<usize>,
    pub(super) reach: Reachability,
    pub(super) wish: Wish,
    pub(super) elsewhere: Elsewhere,
    pub(super) activity: Activity,
    /// End of the last call or refusal; `None` before the first: idle the longest.
    pub(super) idle_since: Option<Instant>,
    pub(super) calls: u64,
    pub(super) last_refusal: Option<Refusal>,
}

/// A call that does not come from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    Free,
    Engaged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    Idle,
    Ringing {
        waiter: WaiterId,
        queue: usize,
        until: Instant,
    },
    Talking {
        queue: usize,
        since: Instant,
    },
    WrapUp {
        until: Instant,
    },
    /// After a refusal.
    Resting {
        until: Instant,
    },
}

impl Agent {
    pub(super) fn new(id: AgentId) -> Agent {
        Agent {
            id,
            queues: BTreeSet::new(),
            reach: Reachability::Unregistered,
            wish: Wish::Available,
            elsewhere: Elsewhere::Free,
            activity: Activity::Idle,
            idle_since: None,
            calls: 0,
            last_refusal: None,
        }
    }

    /// May be rung now.
    pub(super) fn is_free(&self) -> bool {
        self.may_be_rung() && self.activity == Activity::Idle
    }

    /// Nothing but what they are doing stands against ringing them.
    pub(super) fn may_be_rung(&self) -> bool {
        self.reach == Reachability::Registered && self.wish == Wish::Available && self.elsewhere == Elsewhere::Free
    }

    /// A caller may wait for this agent. A talk goes on when the registration lapses, so it counts by itself.
    pub(super) fn is_signed_in(&self) -> bool {
        let present = self.reach == Reachability::Registered
            || self.elsewhere == Elsewhere::Engaged
            || matches!(self.activity, Activity::Talking { .. } | Activity::WrapUp { .. });
        present && self.wish != Wish::SignedOut
    }

    /// When this agent's state ends by itself, and what for.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match self.activity {
            Activity::Idle | Activity::Talking { .. } => None,
            Activity::Ringing { until, .. } => Some((until, "agent did not answer")),
            Activity::WrapUp { until } => Some((until, "agent's wrap-up ends")),
            Activity::Resting { until } => Some((until, "agent may be tried again")),
        }
    }

    /// One word for the API and the console.
    pub(super) fn state_word(&self) -> &'static str {
        match (&self.activity, &self.wish, self.reach, self.elsewhere) {
            (Activity::Talking { .. }, ..) => "talking",
            (Activity::Ringing { .. }, ..) => "ringing",
            (_, Wish::SignedOut, ..) => "signed-out",
            (_, _, _, Elsewhere::Engaged) => "engaged",
            (_, _, Reachability::Unregistered, _) => "unreachable",
            (_, Wish::Paused { .. }, ..) => "paused",
            (Activity::WrapUp { .. }, ..) => "wrap-up",
            (Activity::Resting { .. }, ..) => "resting",
            (Activity::Idle, ..) => "available",
        }
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
