//! `ringing`: the caller hears that it rings.

use crate::dialplan::action::Action;
use crate::dialplan::action::Audio;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::order::Order;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

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
