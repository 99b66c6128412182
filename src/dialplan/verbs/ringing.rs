//! `ringing`: the caller hears that it rings.

use super::super::action::Action;
use super::super::action::Audio;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::verb::Compile;
use super::super::verb::Sheet;
use super::super::verb::Verb;
use super::super::walk::Order;

#[derive(Debug)]
pub(super) struct Ringing;

impl Verb for Ringing {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "ringing",
    help: "Lets the caller's phone play its ringing tone; nothing where the call is answered already.",
    example: "ringing\nwait \"2s\"\nanswer",
    ..Sheet::PLAIN
};

impl Compile for Ringing {
    fn compile(&self, _filled: &Filled) -> Box<dyn Action> {
        Box::new(Ringing)
    }
}

impl Action for Ringing {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        if moment.memory.audio == Audio::None {
            moment.order(Order::Ringing);
        }
        Turn::Next
    }
}
