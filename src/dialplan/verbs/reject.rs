//! `reject`: the call is refused, with a cause that the caller's network understands.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::HangupCause;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Reject;

/// The causes that can be written.
const CAUSES: &[&str] = &["busy", "declined", "no-answer", "unreachable", "not-found", "failed"];

impl Verb for Reject {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "reject",
    help: "Refuses the call without answering it; one that was answered is hung up.",
    arguments: &[Parameter::required("cause", Kind::Word(CAUSES), "what the caller's network is told")],
    after: After::Never,
    example: "reject \"busy\"",
    ..Sheet::PLAIN
};

impl Compile for Reject {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Refuse(HangupCause::named(filled.word("cause"))))
    }
}

#[derive(Debug)]
struct Refuse(HangupCause);

impl Action for Refuse {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::End(self.0)
    }
}
