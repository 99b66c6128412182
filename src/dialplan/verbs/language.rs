//! `language`: what the caller is spoken to in, from here on.

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::verb::Compile;
use super::super::verb::Parameter;
use super::super::verb::Sheet;
use super::super::verb::Verb;

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
        Box::new(Change {
            language: filled.text("language"),
        })
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
