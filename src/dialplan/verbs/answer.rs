//! `answer`: takes the call.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::verb::Compile;
use super::super::verb::Needs;
use super::super::verb::Sheet;
use super::super::verb::Verb;

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
