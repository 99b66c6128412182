//! `message`: a text to the caller, or to somebody else.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::template::Template;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Message;

/// The recipient's word for whoever calls.
pub(in crate::dialplan) const CALLER: &str = "caller";

impl Verb for Message {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "message",
    help: "Sends a text message. The walk does not wait for it to arrive.",
    arguments: &[Parameter::required("text", Kind::Text, "what it says")],
    properties: &[Parameter::required("to", Kind::Recipient, "who gets it")],
    needs: Needs::Nobody,
    example: "message to=\"caller\" \"We call you back at {caller}.\"",
    ..Sheet::PLAIN
};

impl Compile for Message {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Send { to: filled.text("to"), text: filled.template("text") })
    }
}

#[derive(Debug)]
struct Send {
    to: String,
    text: Template,
}

impl Action for Send {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let to = match self.to.as_str() {
            CALLER => moment.memory.caller.from.clone(),
            other => other.to_owned(),
        };
        if !to.bytes().any(|byte| byte.is_ascii_digit()) {
            moment.note(Reason::NumberWithheld);
            return Turn::Next;
        }
        let text = moment.fill(&self.text);
        moment.order(Order::Message { to, text });
        Turn::Next
    }
}
