//! `if waiting-in="vendas" more-than=5`, `if estimated-wait-in="vendas" at-least="10m"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::verb::Parameter;

/// One number of a queue.
#[derive(Debug)]
pub(super) struct Figure {
    name: &'static str,
    help: &'static str,
    compares: Compares,
    read: fn(QueueGlance) -> Sight,
}

pub(super) static WAITING: Figure = Figure {
    name: "waiting-in",
    help: "how many callers wait in a queue",
    compares: Compares::Count,
    read: |queue| Sight::new(Facts::Count(queue.waiting), &"waiting"),
};

pub(super) static LONGEST: Figure = Figure {
    name: "longest-wait-in",
    help: "how long the first in the line has waited",
    compares: Compares::Time,
    read: |queue| Sight::new(Facts::Time(queue.longest_wait), &"of waiting"),
};

pub(super) static ESTIMATED: Figure = Figure {
    name: "estimated-wait-in",
    help: "how long whoever joins now will probably wait; nothing holds while nobody can tell",
    compares: Compares::Time,
    read: |queue| match queue.estimated_wait {
        Some(wait) => Sight::new(Facts::Time(wait), &"of probable waiting"),
        None => Sight::new(Facts::Unknown, &"nobody can tell how long the wait will be"),
    },
};

pub(super) static AGENTS: Figure = Figure {
    name: "agents-in",
    help: "how many agents of a queue are signed in",
    compares: Compares::Count,
    read: |queue| Sight::new(Facts::Count(queue.signed_in), &"signed in"),
};

pub(super) static FREE: Figure = Figure {
    name: "free-agents-in",
    help: "how many agents of a queue would be rung at once",
    compares: Compares::Count,
    read: |queue| Sight::new(Facts::Count(queue.free), &"free"),
};

impl Condition for Figure {
    fn subject(&self) -> Parameter {
        Parameter::optional(self.name, Kind::Queue, "nothing", self.help)
    }

    fn compares(&self) -> Compares {
        self.compares
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of { queue: filled.text(self.name), read: self.read })
    }
}

#[derive(Debug)]
struct Of {
    queue: String,
    read: fn(QueueGlance) -> Sight,
}

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        (self.read)(moment.scene.queue(&self.queue, moment.now))
    }
}
