//! `if queue="vendas" is="free"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Seen;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Word;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Queue;

impl Condition for Queue {
    fn subject(&self) -> Parameter {
        Parameter::optional("queue", Kind::Queue, "nothing", "who is there to answer")
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn compile(&self, filled: &Filled, is: &str) -> Box<dyn Sight> {
        Box::new(State {
            queue: filled.text("queue"),
            holds: match is {
                "free" => |queue| queue.free > 0 && queue.waiting == 0,
                "waiting" => |queue| queue.waiting > 0,
                "staffed" => |queue| queue.signed_in > 0,
                _ => |queue| queue.signed_in == 0,
            },
        })
    }
}

const WORDS: &[Word] = &[
    Word::new("free", "an agent is free and nobody waits"),
    Word::new("waiting", "at least one caller waits"),
    Word::new("staffed", "an agent is signed in, free or not"),
    Word::new("nobody", "no agent is signed in"),
];

#[derive(Debug)]
struct State {
    queue: String,
    holds: fn(QueueGlance) -> bool,
}

impl Sight for State {
    fn look(&self, moment: &mut Moment<'_>) -> Seen {
        let queue = moment.scene.queue(&self.queue);
        Seen {
            word: match queue {
                QueueGlance { signed_in: 0, .. } => "no agent is signed in",
                QueueGlance { waiting: 1.., .. } => "callers wait",
                QueueGlance { free: 1.., .. } => "an agent is free",
                _ => "all agents are busy and nobody waits",
            },
            holds: (self.holds)(queue),
        }
    }
}
