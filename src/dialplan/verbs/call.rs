//! `call`: through another flow and back; `return`: back before its end.

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
pub(super) struct Call;

impl Verb for Call {
    fn sheet(&self) -> &'static Sheet {
        &CALL
    }
}

static CALL: Sheet = Sheet {
    name: "call",
    help: "Takes the steps of another flow and comes back where that ends. Its `language`, its variables and its `on-hangup` stay. A `go` in it leads on for good, and a hang-up ends the call as anywhere. Sixteen flows may call each other, none itself.",
    arguments: &[Parameter::required("flow", Kind::Flow, "whose steps are taken")],
    after: After::Call,
    example: "call \"saudacao\"\nqueue \"vendas\"",
    ..Sheet::PLAIN
};

impl Compile for Call {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Through(filled.flow("flow")))
    }
}

#[derive(Debug)]
struct Through(FlowId);

impl Action for Through {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::Call(self.0)
    }
}

#[derive(Debug)]
pub(super) struct Return;

impl Verb for Return {
    fn sheet(&self) -> &'static Sheet {
        &RETURN
    }
}

static RETURN: Sheet = Sheet {
    name: "return",
    help: "Ends this flow: back to the `call` that led here; the call ends where none did.",
    after: After::Return,
    example: "if hours=\"comercial\" is=\"open\" { return }\nplay \"closed\"",
    ..Sheet::PLAIN
};

impl Compile for Return {
    fn compile(&self, _filled: &Filled) -> Box<dyn Action> {
        Box::new(Back)
    }
}

#[derive(Debug)]
struct Back;

impl Action for Back {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::Return
    }
}
