//! `if chance=20`: for one call in five, say.

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Chance;

impl Condition for Chance {
    fn subject(&self) -> Parameter {
        let kind = Kind::Integer { least: 1, most: 99 };
        Parameter::optional("chance", kind, "nothing", "so many calls of a hundred, drawn by lot")
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Lot(filled.integer("chance")))
    }
}

#[derive(Debug)]
struct Lot(u32);

impl Look for Lot {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        Sight::itself(moment.memory.rng.u32(0..100) < self.0, &"drawn", &"not drawn")
    }
}
