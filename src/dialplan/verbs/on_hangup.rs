//! `on-hangup`: what is still to be done when the call is over.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::program::StepId;
use super::super::verb::Children;
use super::super::verb::Compile;
use super::super::verb::Needs;
use super::super::verb::Sheet;
use super::super::verb::Verb;

#[derive(Debug)]
pub(super) struct OnHangup;

impl Verb for OnHangup {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "on-hangup",
    help: "From here on: when the call ends, whoever ends it, these steps run. A later `on-hangup` takes the place of an earlier one.",
    children: Children::Afterwards,
    needs: Needs::Caller,
    example: "on-hangup {\n    message to=\"caller\" \"Thank you for calling.\"\n}\nplay \"closed\"",
    ..Sheet::PLAIN
};

impl Compile for OnHangup {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Keep(filled.steps))
    }
}

#[derive(Debug)]
struct Keep(StepId);

impl Action for Keep {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.afterwards = Some(self.0);
        Turn::Next
    }
}
