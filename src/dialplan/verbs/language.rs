//! `language`: what the caller is spoken to in, from here on.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Language;

impl Verb for Language {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "language",
    help: "From here on, prompts are played and texts are said in this language.",
    arguments: &[Parameter::required("language", Kind::Language, "the language")],
    example: "language \"en\"\nplay \"closed\"",
    ..Sheet::PLAIN
};

impl Compile for Language {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Change { language: filled.text("language") })
    }

    fn language_after(&self, filled: &Filled) -> Option<String> {
        Some(filled.text("language"))
    }
}

#[derive(Debug)]
struct Change {
    language: String,
}

impl Action for Change {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.language.clone_from(&self.language);
        Turn::Next
    }
}
