//! `event`: tells other programs that a caller has come here.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::template::Template;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Detail;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Event;

impl Verb for Event {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "event",
    help: "Tells webhooks and `/v1/events` that a caller has come here: an event `dialplan.event` with this name, the call, \
           and the fields. The walk does not wait for anybody to hear it.",
    arguments: &[Parameter::required("name", Kind::Name, "letters, digits, `.`, `-` and `_`; at most 64")],
    details: &[Detail {
        name: "field",
        help: "a value that goes along",
        arguments: &[
            Parameter::required("name", Kind::Name, "its name"),
            Parameter::required("value", Kind::Text, "its value, as text"),
        ],
        properties: &[],
    }],
    children: Children::Branches(&[]),
    needs: Needs::Nobody,
    example: "event \"pedido.consultado\" {\n    field \"fone\" \"{caller}\"\n}",
    ..Sheet::PLAIN
};

const LONGEST_NAME: usize = 64;
const MOST_FIELDS: usize = 32;

impl Compile for Event {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let name = filled.text("name");
        let known = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
        let mut wrong = Vec::new();
        if name.len() > LONGEST_NAME || !name.chars().all(known) {
            let mend = "Letters, digits, `.`, `-` and `_`, at most 64: \"pedido.consultado\".".to_owned();
            wrong.push((format!("`{name}` cannot be the name of an event"), mend));
        }
        if filled.details("field").count() > MOST_FIELDS {
            let mend = format!("At most {MOST_FIELDS}.");
            wrong.push(("this event has too many fields".to_owned(), mend));
        }
        wrong
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let fields = filled.details("field").map(|field| (field.text("name"), field.template("value")));
        Box::new(Telling { name: filled.text("name"), fields: fields.collect() })
    }
}

#[derive(Debug)]
struct Telling {
    name: String,
    fields: Vec<(String, Template)>,
}

impl Action for Telling {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let fields = self.fields.iter().map(|(name, value)| (name.clone(), moment.fill(value))).collect();
        moment.order(Order::Emit { name: self.name.clone(), fields });
        Turn::Next
    }
}
