//! `say`: digits, numbers, money, days, hours and texts that are known only when the caller is there.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::template::Template;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;
use crate::media::amounts;
use crate::media::amounts::Currency;
use crate::media::speech;

#[derive(Debug)]
pub(super) struct Say;

impl Verb for Say {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

const CURRENCIES: &[&str] = &["BRL", "USD", "EUR"];

/// What can be said, one at a time.
const KINDS: &[(&str, Manner)] = &[
    ("digits", Manner::Digits),
    ("number", Manner::Number),
    ("money", Manner::Money),
    ("date", Manner::Date),
    ("time", Manner::Time),
    ("text", Manner::Text),
];

static SHEET: Sheet = Sheet {
    name: "say",
    help: "Says digits one by one, a number, an amount of money, a day or a time of day with prompts of ours, or a text through the speech program.",
    properties: &[
        Parameter::optional("digits", Kind::Text, "nothing", "said digit by digit; other signs are left out"),
        Parameter::optional(
            "number",
            Kind::Text,
            "nothing",
            "said as a number, up to 999999; beyond that digit by digit",
        ),
        Parameter::optional(
            "money",
            Kind::Text,
            "nothing",
            "an amount as people write it, `1.234,56` or `1234.5`; what is none is said digit by digit",
        ),
        Parameter::optional("currency", Kind::Word(CURRENCIES), "BRL", "of `money`"),
        Parameter::optional("date", Kind::Text, "nothing", "a day, `2026-11-23`; what is none is said digit by digit"),
        Parameter::optional(
            "time",
            Kind::Text,
            "nothing",
            "a time of day, `14:30`; what is none is said digit by digit",
        ),
        Parameter::optional(
            "text",
            Kind::Text,
            "nothing",
            "said by the speech program or engine of the configuration (`[speech]`)",
        ),
    ],
    time: Time::Takes,
    needs: Needs::Audio,
    speaks_with: &[
        "digit-0", "digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "digit-6", "digit-7", "digit-8", "digit-9",
    ],
    example: "say digits=\"{called}\"\nsay money=\"1.234,56\" currency=\"BRL\"\nsay date=\"2026-11-23\"",
    ..Sheet::PLAIN
};

impl Compile for Say {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let given = KINDS.iter().filter(|(name, _)| filled.has(name)).count();
        match given {
            1 if filled.has("currency") && !filled.has("money") => {
                vec![("`currency` belongs to `money`".to_owned(), "Leave it out, or say `money`.".to_owned())]
            }
            1 => Vec::new(),
            0 => {
                vec![("`say` has nothing to say".to_owned(), "Give it one of `digits`, `number`, `money`, `date`, `time` or `text`.".to_owned())]
            }
            _ => vec![(
                "`say` says one thing at a time".to_owned(),
                "Give it one of `digits`, `number`, `money`, `date`, `time` or `text`, and write another `say` for the next.".to_owned(),
            )],
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let mut given = KINDS.iter().copied().filter(|(name, _)| filled.has(name));
        let (name, manner) = given.next().expect("the check above wants exactly one");
        let currency = filled.maybe_word("currency").and_then(Currency::of).unwrap_or(Currency::Real);
        Box::new(Words { manner, what: filled.template(name), currency })
    }
}

#[derive(Debug)]
struct Words {
    manner: Manner,
    what: Template,
    currency: Currency,
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Digits,
    Number,
    Money,
    Date,
    Time,
    Text,
}

impl Action for Words {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let said = moment.fill(&self.what);
        let prompts = match self.manner {
            Manner::Digits => digits(&said),
            Manner::Number => number(&said, moment),
            Manner::Money | Manner::Date | Manner::Time => self.counted(&said, moment).unwrap_or_else(|| digits(&said)),
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

impl Words {
    /// In a language in which we cannot count, or of what cannot be understood, there is none.
    fn counted(&self, said: &str, moment: &Moment<'_>) -> Option<Vec<String>> {
        let language = speech::Language::of(&moment.memory.language)?;
        match self.manner {
            Manner::Money => {
                let (units, hundredths) = amounts::amount(said)?;
                amounts::money(units, hundredths, self.currency, language)
            }
            Manner::Date => amounts::date(said.trim().parse().ok()?, language),
            _ => amounts::time(said.trim().parse().ok()?, language),
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
