//! `go`: on to another flow, and not back.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::program::FlowId;
use super::super::verb::After;
use super::super::verb::Compile;
use super::super::verb::Parameter;
use super::super::verb::Sheet;
use super::super::verb::Verb;

#[derive(Debug)]
pub(super) struct Go;

impl Verb for Go {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "go",
    help: "Goes on in another flow and does not come back.",
    arguments: &[Parameter::required("flow", Kind::Flow, "where to")],
    after: After::Never,
    example: "go \"entrada\"",
    ..Sheet::PLAIN
};

impl Compile for Go {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Leave(filled.flow("flow")))
    }
}

#[derive(Debug)]
struct Leave(FlowId);

impl Action for Leave {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::Enter(self.0)
    }
}
