//! `if keys="*9"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Keys;

impl Condition for Keys {
    fn subject(&self) -> Parameter {
        let help = "the keys that the caller pressed last, in this call and in this order, sixteen at most";
        Parameter::optional("keys", Kind::Keys, "nothing", help)
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Pressed(filled.text("keys")))
    }
}

#[derive(Debug)]
struct Pressed(String);

impl Look for Pressed {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let pressed = moment.memory.last_keys.text().ends_with(&self.0);
        Sight::itself(pressed, &"the caller pressed them last", &"the caller pressed other keys last")
    }
}
