//! `if hours="comercial" is="closed"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
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

    fn compares(&self) -> Compares {
        Compares::States(WORDS)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of(filled.hours("hours")))
    }
}

const WORDS: &[Word] = &[
    Word::new("open", "within the hours"),
    Word::new("closed", "outside the hours, holidays included"),
    Word::new("holiday", "closed because of the date"),
];

#[derive(Debug)]
struct Of(HoursId);

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let hours = &moment.program.hours[self.0.0 as usize];
        match hours.state_at(moment.scene.wall(moment.now)) {
            OpenState::Open => Sight::new(Facts::States(&["open"]), &"it is open"),
            OpenState::Closed => Sight::new(Facts::States(&["closed"]), &"it is closed"),
            OpenState::Holiday => Sight::new(Facts::States(&["holiday", "closed"]), &"it is a holiday"),
        }
    }
}
