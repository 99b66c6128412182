//! `if hours="comercial" is="closed"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Seen;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Word;
use crate::dialplan::fill::Filled;
use crate::dialplan::hours::OpenState;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::HoursId;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Hours;

impl Condition for Hours {
    fn subject(&self) -> Parameter {
        Parameter::optional("hours", Kind::Hours, "nothing", "whether the business is open")
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn compile(&self, filled: &Filled, is: &str) -> Box<dyn Sight> {
        Box::new(State {
            hours: filled.hours("hours"),
            wanted: match is {
                "open" => OpenState::Open,
                "holiday" => OpenState::Holiday,
                _ => OpenState::Closed,
            },
        })
    }
}

const WORDS: &[Word] = &[
    Word::new("open", "within the hours"),
    Word::new("closed", "outside the hours, holidays included"),
    Word::new("holiday", "closed because of the date"),
];

#[derive(Debug)]
struct State {
    hours: HoursId,
    wanted: OpenState,
}

impl Sight for State {
    fn look(&self, moment: &mut Moment<'_>) -> Seen {
        let hours = &moment.program.hours[self.hours.0 as usize];
        let state = hours.state_at(moment.scene.wall(moment.now));
        let closed_anyway = self.wanted == OpenState::Closed && state == OpenState::Holiday;
        Seen {
            word: match state {
                OpenState::Open => "it is open",
                OpenState::Closed => "it is closed",
                OpenState::Holiday => "it is a holiday",
            },
            holds: state == self.wanted || closed_anyway,
        }
    }
}
