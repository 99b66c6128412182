//! `answer`: takes the call.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Answer;

impl Verb for Answer {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "answer",
    help: "Answers the call; the caller pays from here on. Steps that must be heard answer by themselves.",
    needs: Needs::Answer,
    example: "answer",
    ..Sheet::PLAIN
};

impl Compile for Answer {
    fn compile(&self, _filled: &Filled) -> Box<dyn Action> {
        Box::new(Answer)
    }
}

impl Action for Answer {
    /// The walk has answered before it came here: the sheet says that the step needs it.
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::Next
    }
}
