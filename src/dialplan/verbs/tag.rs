//! `tag`: a mark in the call's record.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::template::Template;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Tag;

impl Verb for Tag {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "tag",
    help: "Writes a name and a value into the call's record.",
    arguments: &[
        Parameter::required("name", Kind::Name, "what is noted"),
        Parameter::required("value", Kind::Text, "its value"),
    ],
    needs: Needs::Nobody,
    example: "tag \"campaign\" \"natal\"",
    ..Sheet::PLAIN
};

impl Compile for Tag {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Mark { name: filled.text("name"), value: filled.template("value") })
    }
}

#[derive(Debug)]
struct Mark {
    name: String,
    value: Template,
}

impl Action for Mark {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let value = moment.fill(&self.value);
        moment.order(Order::Tag { name: self.name.clone(), value });
        Turn::Next
    }
}
