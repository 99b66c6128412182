//! `if called="+551140031234"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::list::Pattern;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Called;

impl Condition for Called {
    fn subject(&self) -> Parameter {
        Parameter::optional("called", Kind::Pattern, "nothing", "which number was called")
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Like(Pattern::of(&filled.text("called"))))
    }
}

#[derive(Debug)]
struct Like(Pattern);

impl Look for Like {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        Sight::itself(self.0.fits(&moment.memory.caller.to), &"that number was called", &"another number was called")
    }
}
