//! `on-hangup`: what is still to be done when the call is over.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::program::StepId;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

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
