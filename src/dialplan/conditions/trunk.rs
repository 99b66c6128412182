//! `if trunk="operadora"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Trunk;

impl Condition for Trunk {
    fn subject(&self) -> Parameter {
        Parameter::optional("trunk", Kind::Trunk, "nothing", "the trunk that the call came through")
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Over(filled.text("trunk")))
    }
}

#[derive(Debug)]
struct Over(String);

impl Look for Over {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let over_it = moment.memory.caller.trunk.as_deref() == Some(self.0.as_str());
        Sight::itself(over_it, &"the call came through it", &"the call did not come through it")
    }
}
