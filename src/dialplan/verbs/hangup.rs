//! `hangup`: the call ends here.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::order::HangupCause;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

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
