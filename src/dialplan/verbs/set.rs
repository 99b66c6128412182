//! `set`: gives a variable a value. `count`: adds to one.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::variable::VariableKind;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;
use crate::dialplan::verb::Yields;

#[derive(Debug)]
pub(super) struct Set;

impl Verb for Set {
    fn sheet(&self) -> &'static Sheet {
        &SET
    }
}

const KINDS: &[&str] = &["text", "digits", "number"];

static SET: Sheet = Sheet {
    name: "set",
    help: "Gives a variable a value, which later texts use as `{name}` and conditions as `variable=\"name\"`. A value has a thousand letters at most.",
    arguments: &[
        Parameter::required("variable", Kind::Variable, "the variable's name"),
        Parameter::required("value", Kind::Setting, "what it is to hold"),
    ],
    properties: &[Parameter::optional(
        "as",
        Kind::Word(KINDS),
        "`number` for a number, `digits` for a text of digits alone, else `text`",
        "what the variable holds; a value that is none leaves it empty",
    )],
    needs: Needs::Nobody,
    yields: Some(Yields { parameter: "variable", kind: None, help: "the value" }),
    example: "set \"campanha\" \"natal\"\ntag \"campanha\" \"{campanha}\"",
    ..Sheet::PLAIN
};

impl Compile for Set {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let kind = filled.maybe_word("as").map_or(VariableKind::Text, VariableKind::named);
        Box::new(Give { variable: filled.variable("variable"), value: filled.template("value"), kind })
    }
}

#[derive(Debug)]
struct Give {
    variable: VariableId,
    value: Template,
    kind: VariableKind,
}

impl Action for Give {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let value = moment.fill(&self.value);
        let value = if self.kind.admits(&value) { value } else { String::new() };
        moment.set_variable(self.variable, value);
        Turn::Next
    }
}

#[derive(Debug)]
pub(super) struct Count;

impl Verb for Count {
    fn sheet(&self) -> &'static Sheet {
        &COUNT
    }
}

static COUNT: Sheet = Sheet {
    name: "count",
    help: "Adds to a variable: how often the caller came by here, say. What is empty or no number counts as 0.",
    arguments: &[Parameter::required("variable", Kind::Variable, "the variable's name")],
    properties: &[Parameter::optional("by", Kind::Integer { least: 1, most: 1_000_000 }, "1", "how much is added")],
    needs: Needs::Nobody,
    yields: Some(Yields { parameter: "variable", kind: Some(VariableKind::Number), help: "the sum" }),
    example: "count \"voltas\"\nif variable=\"voltas\" more-than=3 { hangup }",
    ..Sheet::PLAIN
};

impl Compile for Count {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Add { variable: filled.variable("variable"), by: filled.maybe_integer("by").unwrap_or(1) })
    }
}

#[derive(Debug)]
struct Add {
    variable: VariableId,
    by: u32,
}

impl Action for Add {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let before: u64 = moment.variable(self.variable).trim().parse().unwrap_or(0);
        moment.set_variable(self.variable, before.saturating_add(self.by.into()).to_string());
        Turn::Next
    }
}
