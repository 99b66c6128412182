//! `hangup`: the call ends here.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::verb::After;
use super::super::verb::Compile;
use super::super::verb::Sheet;
use super::super::verb::Verb;
use super::super::walk::HangupCause;

#[derive(Debug)]
pub(super) struct Hangup;

impl Verb for Hangup {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "hangup",
    help: "Ends the call. So does the end of a flow.",
    after: After::Never,
    example: "play \"goodbye\"\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Hangup {
    fn compile(&self, _filled: &Filled) -> Box<dyn Action> {
        Box::new(Hangup)
    }
}

impl Action for Hangup {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::End(HangupCause::Normal)
    }
}
