//! `progress`: early media.

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
