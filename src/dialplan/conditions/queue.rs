//! `if queue="vendas" is="free"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
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

    fn compares(&self) -> Compares {
        Compares::States(WORDS)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of(filled.text("queue")))
    }
}

const WORDS: &[Word] = &[
    Word::new("free", "an agent is free and nobody waits"),
    Word::new("waiting", "at least one caller waits"),
    Word::new("staffed", "an agent is signed in, free or not"),
    Word::new("nobody", "no agent is signed in"),
];

#[derive(Debug)]
struct Of(String);

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        match moment.scene.queue(&self.0, moment.now) {
            QueueGlance { signed_in: 0, waiting: 0, .. } => {
                Sight::new(Facts::States(&["nobody"]), &"no agent is signed in")
            }
            QueueGlance { signed_in: 0, .. } => {
                Sight::new(Facts::States(&["nobody", "waiting"]), &"no agent is signed in")
            }
            QueueGlance { waiting: 1.., .. } => Sight::new(Facts::States(&["waiting", "staffed"]), &"callers wait"),
            QueueGlance { free: 1.., .. } => Sight::new(Facts::States(&["free", "staffed"]), &"an agent is free"),
            _ => Sight::new(Facts::States(&["staffed"]), &"all agents are busy and nobody waits"),
        }
    }
}
