//! `if extension="200" is="reachable"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Word;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::scene::ExtensionState;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Extension;

impl Condition for Extension {
    fn subject(&self) -> Parameter {
        Parameter::optional("extension", Kind::Extension, "nothing", "whether a phone can be rung")
    }

    fn compares(&self) -> Compares {
        Compares::States(WORDS)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of(filled.text("extension")))
    }
}

const WORDS: &[Word] = &[
    Word::new("free", "a phone of it is registered and nobody talks on it"),
    Word::new("busy", "somebody talks on it"),
    Word::new("reachable", "a phone of it is registered, free or busy"),
    Word::new("unreachable", "no phone of it is registered"),
];

#[derive(Debug)]
struct Of(String);

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        match moment.scene.extension(&self.0) {
            ExtensionState::Free => Sight::new(Facts::States(&["free", "reachable"]), &"it is free"),
            ExtensionState::Busy => Sight::new(Facts::States(&["busy", "reachable"]), &"it is busy"),
            ExtensionState::Unreachable => Sight::new(Facts::States(&["unreachable"]), &"it is unreachable"),
        }
    }
}
