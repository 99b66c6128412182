//! `tag`: a mark in the call's record.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::template::Template;
use super::super::verb::Compile;
use super::super::verb::Needs;
use super::super::verb::Parameter;
use super::super::verb::Sheet;
use super::super::verb::Verb;
use super::super::walk::Order;

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
        Box::new(Mark {
            name: filled.text("name"),
            value: filled.template("value"),
        })
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
        moment.order(Order::Tag {
            name: self.name.clone(),
            value,
        });
        Turn::Next
    }
}
