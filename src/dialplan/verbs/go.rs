//! `go`: on to another flow, and not back.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::FlowId;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

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
