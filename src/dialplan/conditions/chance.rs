//! `if chance=20`: for one call in five, say.

use super::super::action::Moment;
use super::super::condition::Condition;
use super::super::condition::Seen;
use super::super::condition::Sight;
use super::super::condition::Word;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::verb::Parameter;

#[derive(Debug)]
pub(super) struct Chance;

impl Condition for Chance {
    fn subject(&self) -> Parameter {
        let kind = Kind::Integer { least: 1, most: 99 };
        Parameter::optional("chance", kind, "nothing", "so many calls of a hundred, drawn by lot")
    }

    fn words(&self) -> &'static [Word] {
        &[]
    }

    fn compile(&self, filled: &Filled, _is: &str) -> Box<dyn Sight> {
        Box::new(Lot(filled.integer("chance")))
    }
}

#[derive(Debug)]
struct Lot(u32);

impl Sight for Lot {
    fn look(&self, moment: &mut Moment<'_>) -> Seen {
        let holds = moment.memory.rng.u32(0..100) < self.0;
        Seen {
            word: if holds { "drawn" } else { "not drawn" },
            holds,
        }
    }
}
