//! What a `test` says of the world around its call: queues, other calls, the lots that are drawn.

use std::time::Duration;

use crate::dialplan::declarations::Declaration;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::verb::Parameter;

const MOST: u32 = 100_000;

pub(super) const QUEUE: Declaration = Declaration {
    name: "queue",
    help: "How a queue looks to conditions and texts: before the call, or from here on. Where as many wait as its `max_waiting` says, \
           it takes nobody in. Default: nobody waits, and the agents are as the `agent` lines say.",
    arguments: &[Parameter::required("queue", Kind::Queue, "which")],
    properties: &[
        Parameter::optional("waiting", Kind::Integer { least: 0, most: MOST }, "0", "how many callers wait"),
        Parameter::optional(
            "agents",
            Kind::Integer { least: 0, most: MOST },
            "as its agents are",
            "how many are signed in",
        ),
        Parameter::optional(
            "free",
            Kind::Integer { least: 0, most: MOST },
            "as its agents are",
            "how many would be rung at once",
        ),
        Parameter::optional("longest-wait", Kind::Duration, "none", "how long the first in the line has waited"),
        Parameter::optional(
            "estimated-wait",
            Kind::Duration,
            "nobody can tell",
            "how long whoever joins will probably wait",
        ),
    ],
    example: "queue \"vendas\" waiting=12 longest-wait=\"4m\" estimated-wait=\"9m\"",
};

pub(super) const CALLS: Declaration = Declaration {
    name: "calls",
    help: "How many calls there are: before the call, or from here on. Default: this one alone.",
    arguments: &[Parameter::required("calls", Kind::Integer { least: 0, most: MOST }, "how many")],
    properties: &[Parameter::optional("over", Kind::Trunk, "all calls", "those over this trunk")],
    example: "calls 30 over=\"operadora\"",
};

pub(super) const SEED: Declaration = Declaration {
    name: "seed",
    help: "Which lots `chance` draws; the same number draws the same ones. Default: 0.",
    arguments: &[Parameter::required("number", Kind::Integer { least: 0, most: u32::MAX }, "any")],
    properties: &[],
    example: "seed 7",
};

/// One line about the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Queue { queue: String, looks: Looks },
    Calls { over: Option<String>, calls: usize },
    Seed(u64),
}

/// What is said of a queue; what is not said is as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Looks {
    waiting: Option<usize>,
    signed_in: Option<usize>,
    free: Option<usize>,
    longest_wait: Option<Duration>,
    estimated_wait: Option<Duration>,
}

impl Setting {
    /// None for a line that says nothing of the world.
    pub(super) fn read(name: &str, filled: &Filled) -> Option<Setting> {
        let count = |name| filled.maybe_integer(name).map(|number| number as usize);
        match name {
            "queue" => Some(Setting::Queue {
                queue: filled.text("queue"),
                looks: Looks {
                    waiting: count("waiting"),
                    signed_in: count("agents"),
                    free: count("free"),
                    longest_wait: filled.maybe_duration("longest-wait"),
                    estimated_wait: filled.maybe_duration("estimated-wait"),
                },
            }),
            "calls" => {
                Some(Setting::Calls { over: filled.maybe_text("over"), calls: filled.integer("calls") as usize })
            }
            "seed" => Some(Setting::Seed(filled.integer("number").into())),
            _ => None,
        }
    }
}

impl Looks {
    /// What is said takes the place of what is.
    pub(super) fn over(self, glance: QueueGlance) -> QueueGlance {
        QueueGlance {
            waiting: self.waiting.unwrap_or(glance.waiting),
            signed_in: self.signed_in.unwrap_or(glance.signed_in),
            free: self.free.unwrap_or(glance.free),
            longest_wait: self.longest_wait.unwrap_or(glance.longest_wait),
            estimated_wait: self.estimated_wait.or(glance.estimated_wait),
        }
    }
}
