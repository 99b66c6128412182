//! `if extension="200" is="reachable"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Seen;
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

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn compile(&self, filled: &Filled, is: &str) -> Box<dyn Sight> {
        Box::new(State {
            extension: filled.text("extension"),
            holds: match is {
                "free" => |state| state == ExtensionState::Free,
                "busy" => |state| state == ExtensionState::Busy,
                "reachable" => |state| state != ExtensionState::Unreachable,
                _ => |state| state == ExtensionState::Unreachable,
            },
        })
    }
}

const WORDS: &[Word] = &[
    Word::new("free", "a phone of it is registered and nobody talks on it"),
    Word::new("busy", "somebody talks on it"),
    Word::new("reachable", "a phone of it is registered, free or busy"),
    Word::new("unreachable", "no phone of it is registered"),
];

#[derive(Debug)]
struct State {
    extension: String,
    holds: fn(ExtensionState) -> bool,
}

impl Sight for State {
    fn look(&self, moment: &mut Moment<'_>) -> Seen {
        let state = moment.scene.extension(&self.extension);
        Seen {
            word: match state {
                ExtensionState::Free => "it is free",
                ExtensionState::Busy => "it is busy",
                ExtensionState::Unreachable => "it is unreachable",
            },
            holds: (self.holds)(state),
        }
    }
}
