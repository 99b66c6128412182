//! `play`: prompts, one after the other, to their end.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Play;

impl Verb for Play {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "play",
    help: "Plays prompts to their end. Keys pressed meanwhile are kept for the next menu.",
    arguments: &[Parameter::repeated(
        "prompt",
        Kind::Prompt,
        "what is played; several follow each other without a gap",
    )],
    properties: &[Parameter::optional(
        "language",
        Kind::Language,
        "the caller's",
        "the language of these prompts only",
    )],
    time: Time::Takes,
    needs: Needs::Audio,
    example: "play \"closed\" \"goodbye\" language=\"en\"",
    ..Sheet::PLAIN
};

impl Compile for Play {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Prompts { prompts: filled.texts("prompt"), language: filled.maybe_text("language") })
    }
}

#[derive(Debug)]
struct Prompts {
    prompts: Vec<String>,
    language: Option<String>,
}

impl Action for Prompts {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.play(self.prompts.clone(), self.language.as_deref());
        Turn::Wait
    }

    fn on(&self, news: News, _moment: &mut Moment<'_>) -> Turn {
        match news {
            News::PlayFinished => Turn::Next,
            _ => Turn::Wait,
        }
    }
}
