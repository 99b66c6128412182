//! `if calls="in-progress" more-than=50`, `if calls-over="operadora" at-least=30`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Everywhere;

impl Condition for Everywhere {
    fn subject(&self) -> Parameter {
        let kind = Kind::Word(&["in-progress"]);
        Parameter::optional("calls", kind, "nothing", "how many calls there are at this moment, this one among them")
    }

    fn compares(&self) -> Compares {
        Compares::Count
    }

    fn compile(&self, _filled: &Filled) -> Box<dyn Look> {
        Box::new(All)
    }
}

#[derive(Debug)]
struct All;

impl Look for All {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        Sight::new(Facts::Count(moment.scene.calls()), &"in progress")
    }
}

#[derive(Debug)]
pub(super) struct OverTrunk;

impl Condition for OverTrunk {
    fn subject(&self) -> Parameter {
        Parameter::optional("calls-over", Kind::Trunk, "nothing", "how many calls a trunk carries at this moment")
    }

    fn compares(&self) -> Compares {
        Compares::Count
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Over(filled.text("calls-over")))
    }
}

#[derive(Debug)]
struct Over(String);

impl Look for Over {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        Sight::new(Facts::Count(moment.scene.calls_over(&self.0)), &"over that trunk")
    }
}
