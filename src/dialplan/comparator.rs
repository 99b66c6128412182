//! What can be said of what a condition looks at: `is`, `more-than`, `begins-with`, and of what it makes sense.

use crate::dialplan::compile::Compiler;
use crate::dialplan::condition::Bound;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Comparison;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Likeness;
use crate::dialplan::condition::Word as State;
use crate::dialplan::document::Property;
use crate::dialplan::document::Raw;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::kind::Value;
use crate::dialplan::read::Word;
use crate::dialplan::read::read;
use crate::dialplan::rule::Rule;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::variable::VariableKind;

/// A word that compares: a property of `if`, a branch of `when`.
#[derive(Debug)]
pub(super) struct Comparator {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    says: Says,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Is,
    IsNot,
    Bound(Bound),
    Like(Likeness),
    In,
}

pub(super) const COMPARATORS: &[Comparator] = &[
    Comparator { name: "is", help: "it is this", says: Says::Is },
    Comparator { name: "is-not", help: "it is anything but this", says: Says::IsNot },
    Comparator { name: "more-than", help: "it is more", says: Says::Bound(Bound::MoreThan) },
    Comparator { name: "at-least", help: "it is this or more", says: Says::Bound(Bound::AtLeast) },
    Comparator { name: "less-than", help: "it is less", says: Says::Bound(Bound::LessThan) },
    Comparator { name: "at-most", help: "it is this or less", says: Says::Bound(Bound::AtMost) },
    Comparator { name: "begins-with", help: "the text begins so", says: Says::Like(Likeness::Beginning) },
    Comparator { name: "ends-with", help: "the text ends so", says: Says::Like(Likeness::End) },
    Comparator { name: "contains", help: "this stands in the text", says: Says::Like(Likeness::Part) },
    Comparator { name: "in", help: "it is in this list", says: Says::In },
];

pub(super) fn find(name: &str) -> Option<&'static Comparator> {
    COMPARATORS.iter().find(|known| known.name == name)
}

/// What is compared: a condition and, for a variable, what it can hold.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) condition: &'static dyn Condition,
    kind: VariableKind,
}

impl Subject {
    pub(super) fn of(condition: &'static dyn Condition, value: &Raw, compiler: &Compiler<'_>) -> Subject {
        let kind = match value {
            Raw::Text(name) => compiler.variable_by_name.get(name).map(|variable| variable.kind),
            _ => None,
        };
        Subject { condition, kind: kind.unwrap_or(VariableKind::Text) }
    }

    fn name(self) -> &'static str {
        self.condition.subject().name
    }
}

/// The value of a subject: `whatsapp` in `channel="whatsapp"`.
pub(super) fn subject_value(
    condition: &'static dyn Condition,
    property: &Property,
    compiler: &mut Compiler<'_>,
) -> Option<Filled> {
    let what = format!("`{}`", property.name);
    let word = Word { raw: &property.value, span: property.span, whole: property.span, what: &what };
    own_value(condition, word, compiler)
}

pub(super) fn own_value(
    condition: &'static dyn Condition,
    word: Word<'_>,
    compiler: &mut Compiler<'_>,
) -> Option<Filled> {
    let parameter = condition.subject();
    let value = read(parameter.kind, word, compiler)?;
    Some(Filled::of(parameter.name, value))
}

/// The least that must be said of it.
pub(super) fn needed(compares: Compares) -> &'static str {
    match compares {
        Compares::States(_) => "an `is`",
        _ => "something to compare with",
    }
}

/// What may be said of it, for whoever said nothing or something else.
pub(super) fn offer(compares: Compares) -> String {
    match compares {
        Compares::States(words) => choices("states", words.iter().map(|word| word.word), ""),
        Compares::Itself => "Leave it out.".to_owned(),
        _ => {
            let fitting = COMPARATORS.iter().filter(|known| known.fits(compares));
            let names: Vec<&str> = fitting.map(|known| known.name).collect();
            format!("Write one of {}.", names.join(", "))
        }
    }
}

impl Comparator {
    pub(super) fn fits(&self, compares: Compares) -> bool {
        match (compares, self.says) {
            (Compares::States(_), Says::Is | Says::IsNot) | (Compares::Variable, _) => true,
            (Compares::Count, says) => matches!(says, Says::Is | Says::IsNot | Says::Bound(_)),
            (Compares::Time, says) => matches!(says, Says::Bound(_)),
            (Compares::States(_) | Compares::Itself, _) => false,
        }
    }

    /// Reads the value that is compared with; none where it cannot be.
    pub(super) fn read(&self, subject: Subject, word: Word<'_>, compiler: &mut Compiler<'_>) -> Option<Comparison> {
        let compares = subject.condition.compares();
        if !self.fits(compares) {
            self.refuse(subject, word, compiler);
            return None;
        }
        match (self.says, compares) {
            (Says::IsNot, _) => {
                let is = Comparator { says: Says::Is, ..*self };
                Some(Comparison::Not(Box::new(is.read(subject, word, compiler)?)))
            }
            (Says::Is, Compares::States(states)) => state(subject.name(), states, word, compiler),
            (Says::Is, Compares::Variable) => value(subject, word, Likeness::Same, compiler),
            (Says::Is, _) => count(Bound::Exactly, word, compiler),
            (Says::Bound(bound), Compares::Time) => match read(Kind::Duration, word, compiler)? {
                Value::Duration(time) => Some(Comparison::Time(bound, time)),
                _ => None,
            },
            (Says::Bound(_), Compares::Variable) if subject.kind == VariableKind::Text => {
                no_number(word, compiler);
                None
            }
            (Says::Bound(bound), _) => count(bound, word, compiler),
            (Says::Like(likeness), _) => value(subject, word, likeness, compiler),
            (Says::In, _) => match read(Kind::List, word, compiler)? {
                Value::List(list) => Some(Comparison::Listed(list)),
                _ => None,
            },
        }
    }

    fn refuse(&self, subject: Subject, word: Word<'_>, compiler: &mut Compiler<'_>) {
        let name = subject.name();
        let compares = subject.condition.compares();
        let message = match compares {
            Compares::Itself => format!("`if {name}=…` takes no `{}`", self.name),
            _ => format!("`{}` cannot be said of `{name}`", self.name),
        };
        compiler.faults.fault(Rule::Comparison, word.whole, message, Some(offer(compares)));
    }
}

fn state(name: &str, states: &'static [State], word: Word<'_>, compiler: &mut Compiler<'_>) -> Option<Comparison> {
    let Value::Text(written) = read(Kind::Name, word, compiler)? else {
        return None;
    };
    let known = states.iter().map(|state| state.word);
    let Some(state) = known.clone().find(|known| *known == written) else {
        let help = choices("states", known, &written);
        compiler.faults.fault(Rule::Comparison, word.span, format!("`{name}` is never `{written}`"), Some(help));
        return None;
    };
    Some(Comparison::Is(vec![state]))
}

fn count(bound: Bound, word: Word<'_>, compiler: &mut Compiler<'_>) -> Option<Comparison> {
    match read(Kind::Integer { least: 0, most: u32::MAX }, word, compiler)? {
        Value::Integer(number) => Some(Comparison::Count(bound, number)),
        _ => None,
    }
}

/// A text that the variable can never hold is a slip.
fn value(subject: Subject, word: Word<'_>, likeness: Likeness, compiler: &mut Compiler<'_>) -> Option<Comparison> {
    let Value::Template(template) = read(Kind::Setting, word, compiler)? else {
        return None;
    };
    let never = template.as_plain().filter(|plain| !plain.is_empty() && !can_be_part(subject.kind, plain));
    if let Some(never) = never {
        let kind = subject.kind.word();
        let message = format!("this variable holds {kind}: `{never}` never fits");
        let help =
            "What a variable holds is said where it is set: `gather` takes digits, `set` has an `as`.".to_owned();
        compiler.faults.fault(Rule::Comparison, word.span, message, Some(help));
        return None;
    }
    Some(Comparison::Text(likeness, template))
}

/// Keys are not digits alone.
fn can_be_part(kind: VariableKind, text: &str) -> bool {
    match kind {
        VariableKind::Text => true,
        VariableKind::Digits => text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*' || byte == b'#'),
        VariableKind::Number => text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.'),
    }
}

fn no_number(word: Word<'_>, compiler: &mut Compiler<'_>) {
    let message = "this variable holds text: it is neither more nor less than a number".to_owned();
    let help = "Say `as=\"number\"` where it is set.".to_owned();
    compiler.faults.fault(Rule::Comparison, word.whole, message, Some(help));
}

impl Comparison {
    /// The variables that it looks at.
    pub(super) fn reads(&self) -> Vec<VariableId> {
        match self {
            Comparison::Text(_, template) => Template::variables(template).collect(),
            Comparison::Not(not) => not.reads(),
            Comparison::Is(_) | Comparison::Count(..) | Comparison::Time(..) | Comparison::Listed(_) => Vec::new(),
        }
    }
}
