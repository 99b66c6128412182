//! `say`: digits, numbers and texts that are known only when the caller is there.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::template::Template;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;
use crate::dialplan::walk::Order;
use crate::media::speech;

#[derive(Debug)]
pub(super) struct Say;

impl Verb for Say {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "say",
    help: "Says digits one by one, a number as a number, or a text through the speech program.",
    properties: &[
        Parameter::optional("digits", Kind::Text, "nothing", "said digit by digit; other signs are left out"),
        Parameter::optional(
            "number",
            Kind::Text,
            "nothing",
            "said as a number, up to 999999; beyond that digit by digit",
        ),
        Parameter::optional("text", Kind::Text, "nothing", "said by the speech program of the configuration"),
    ],
    time: Time::Takes,
    needs: Needs::Audio,
    speaks_with: &[
        "digit-0", "digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "digit-6", "digit-7", "digit-8", "digit-9",
    ],
    example: "say digits=\"{called}\"",
    ..Sheet::PLAIN
};

impl Compile for Say {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let given = ["digits", "number", "text"].iter().filter(|name| filled.has(name));
        match given.count() {
            1 => Vec::new(),
            0 => {
                vec![("`say` has nothing to say".to_owned(), "Give it one of `digits`, `number` or `text`.".to_owned())]
            }
            _ => vec![(
                "`say` says one thing at a time".to_owned(),
                "Give it one of `digits`, `number` or `text`, and write another `say` for the next.".to_owned(),
            )],
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let manners = [("digits", Manner::Digits), ("number", Manner::Number), ("text", Manner::Text)];
        let mut given = manners.into_iter().filter(|(name, _)| filled.has(name));
        let (name, manner) = given.next().expect("the check above wants exactly one");
        Box::new(Words { manner, what: filled.template(name) })
    }
}

#[derive(Debug)]
struct Words {
    manner: Manner,
    what: Template,
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Digits,
    Number,
    Text,
}

impl Action for Words {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let said = moment.fill(&self.what);
        let prompts = match self.manner {
            Manner::Digits => digits(&said),
            Manner::Number => number(&said, moment),
            Manner::Text => return speak(said, moment),
        };
        if prompts.is_empty() {
            return Turn::Next;
        }
        moment.play(prompts, None);
        Turn::Wait
    }

    fn on(&self, news: News, _moment: &mut Moment<'_>) -> Turn {
        match news {
            News::PlayFinished => Turn::Next,
            _ => Turn::Wait,
        }
    }
}

fn speak(text: String, moment: &mut Moment<'_>) -> Turn {
    if text.trim().is_empty() {
        return Turn::Next;
    }
    let language = moment.memory.language.clone();
    moment.order(Order::Speak { text, language });
    Turn::Wait
}

/// What a caller typed may be long; nobody listens to more than this.
const MOST_DIGITS: usize = 32;

fn digits(text: &str) -> Vec<String> {
    let mut prompts = speech::digits(text);
    prompts.truncate(MOST_DIGITS);
    prompts
}

/// A number beyond those that we can say, or in a language in which we cannot count, is said digit by digit.
fn number(text: &str, moment: &Moment<'_>) -> Vec<String> {
    let language = speech::Language::of(&moment.memory.language);
    let number = text.trim().parse().ok();
    let counted = number.zip(language);
    let counted = counted.and_then(|(number, language)| speech::cardinal(number, language));
    counted.unwrap_or_else(|| digits(text))
}
