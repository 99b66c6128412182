//! `reject`: the call is refused, with a cause that the caller's network understands.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::verb::After;
use super::super::verb::Compile;
use super::super::verb::Parameter;
use super::super::verb::Sheet;
use super::super::verb::Verb;
use super::super::walk::HangupCause;

#[derive(Debug)]
pub(super) struct Reject;

/// The causes that can be written.
const CAUSES: &[&str] =
    &["busy", "declined", "no-answer", "unreachable", "not-found", "failed"];

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
