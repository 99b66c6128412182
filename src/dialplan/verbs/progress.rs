//! `progress`: early media.

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
pub(super) struct Progress;

impl Verb for Progress {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "progress",
    help: "Lets the caller hear what is played before the call is answered, at no cost to them.",
    example: "progress\nplay \"closed\"\nreject \"busy\"",
    ..Sheet::PLAIN
};

impl Compile for Progress {
    fn compile(&self, _filled: &Filled) -> Box<dyn Action> {
        Box::new(Progress)
    }
}

impl Action for Progress {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        if moment.memory.audio == Audio::None {
            moment.order(Order::Progress);
            moment.memory.audio = Audio::Early;
        }
        Turn::Next
    }
}
