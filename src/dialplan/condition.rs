//! The contract of a condition: what `if` and `when` look at, and what that can be compared with.
//!
//! A condition looks; a comparison decides. So `if` and `when` know nothing of channels or queues, and a new condition
//! is a look and the sort of thing that it sees.

use std::fmt;
use std::time::Duration;

use crate::dialplan::action::Moment;
use crate::dialplan::fill::Filled;
use crate::dialplan::list::ListId;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::verb::Parameter;

/// Something that can be looked at.
pub(super) trait Condition: Sync {
    /// The property of `if` and `when` that names it.
    fn subject(&self) -> Parameter;

    fn compares(&self) -> Compares;

    /// `filled` holds the subject's value.
    fn compile(&self, filled: &Filled) -> Box<dyn Look>;

    /// The variable that it reads, if it reads one.
    fn reads(&self, _filled: &Filled) -> Option<VariableId> {
        None
    }
}

/// What a condition sees, and so what may be said of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compares {
    /// One of these states.
    States(&'static [Word]),
    /// A number of things.
    Count,
    Time,
    /// What a variable holds.
    Variable,
    /// The subject's value says it all: it holds or not.
    Itself,
}

/// A state, and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    pub word: &'static str,
    pub help: &'static str,
}

/// A condition with its subject's value.
pub(super) trait Look: fmt::Debug + Send + Sync {
    fn look(&self, moment: &mut Moment<'_>) -> Sight;
}

/// What was seen, and how it is told.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) facts: Facts,
    pub(super) told: &'static &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Facts {
    /// These states hold, the most exact first.
    States(&'static [&'static str]),
    Count(usize),
    Time(Duration),
    /// Nobody can tell: no comparison holds.
    Unknown,
    Text(String),
    Itself(Verdict),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    HoldsNot,
}

/// What is said of what is seen.
#[derive(Debug, Clone)]
pub(super) enum Comparison {
    /// One of these states.
    Is(Vec<&'static str>),
    Count(Bound, u32),
    Time(Bound, Duration),
    Text(Likeness, Template),
    Listed(ListId),
    Not(Box<Comparison>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Exactly,
    MoreThan,
    AtLeast,
    LessThan,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    Same,
    Beginning,
    End,
    Part,
}

impl Word {
    pub(super) const fn new(word: &'static str, help: &'static str) -> Word {
        Word { word, help }
    }
}

impl Sight {
    pub(super) fn new(facts: Facts, told: &'static &'static str) -> Sight {
        Sight { facts, told }
    }

    pub(super) fn itself(holds: bool, yes: &'static &'static str, no: &'static &'static str) -> Sight {
        match holds {
            true => Sight::new(Facts::Itself(Verdict::Holds), yes),
            false => Sight::new(Facts::Itself(Verdict::HoldsNot), no),
        }
    }

    /// Without a comparison: whether it holds by itself.
    pub(super) fn holds(&self) -> bool {
        self.facts == Facts::Itself(Verdict::Holds)
    }
}

impl Comparison {
    pub(super) fn holds(&self, facts: &Facts, moment: &mut Moment<'_>) -> bool {
        match (self, facts) {
            (Comparison::Not(not), _) => *facts != Facts::Unknown && !not.holds(facts, moment),
            (Comparison::Is(wanted), Facts::States(states)) => wanted.iter().any(|state| states.contains(state)),
            (Comparison::Count(bound, most), Facts::Count(count)) => bound.holds(*count, *most as usize),
            (Comparison::Count(bound, most), Facts::Text(text)) => {
                number(text).is_some_and(|number| bound.holds(number, f64::from(*most)))
            }
            (Comparison::Time(bound, limit), Facts::Time(time)) => bound.holds(*time, *limit),
            (Comparison::Text(likeness, template), Facts::Text(text)) => likeness.holds(text, &moment.fill(template)),
            (Comparison::Listed(list), Facts::Text(text)) => moment.program.list(*list).contains(text),
            _ => false,
        }
    }
}

/// What a text says as a number: `12`, `-3`, `1.5`.
pub(super) fn number(text: &str) -> Option<f64> {
    let signs = |byte: u8| byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let text = text.trim();
    text.bytes().all(signs).then(|| text.parse().ok()).flatten()
}

impl Bound {
    fn holds<T: PartialOrd>(self, seen: T, limit: T) -> bool {
        match self {
            Bound::Exactly => seen == limit,
            Bound::MoreThan => seen > limit,
            Bound::AtLeast => seen >= limit,
            Bound::LessThan => seen < limit,
            Bound::AtMost => seen <= limit,
        }
    }
}

impl Likeness {
    /// Nothing begins with nothing: an empty text is only the same as an empty one.
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Likeness::Same => text == wanted,
            _ if wanted.is_empty() => false,
            Likeness::Beginning => text.starts_with(wanted),
            Likeness::End => text.ends_with(wanted),
            Likeness::Part => text.contains(wanted),
        }
    }
}
