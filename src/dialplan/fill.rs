//! Reads what follows a word against what may follow it: every missing, doubled, unknown or wrong value is a fault.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dialplan::clause::Case;
use crate::dialplan::clause::Clause;
use crate::dialplan::compile::Compiler;
use crate::dialplan::condition::Look;
use crate::dialplan::dates::Dates;
use crate::dialplan::document::Node;
use crate::dialplan::fault::choices;
use crate::dialplan::hours::TimeRange;
use crate::dialplan::kind::Value;
use crate::dialplan::list::ListId;
use crate::dialplan::order::DialTarget;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::HoursId;
use crate::dialplan::program::StepId;
use crate::dialplan::read::Word;
use crate::dialplan::read::read;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::verb::Need;
use crate::dialplan::verb::Parameter;

/// What a word may be followed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'f> {
    pub(super) name: &'static str,
    pub(super) arguments: &'f [Parameter],
    pub(super) properties: &'f [Parameter],
    /// Shown where something is missing.
    pub(super) example: &'f str,
}

/// The values of one line, checked, and the steps of its block.
#[derive(Debug, Default)]
pub(super) struct Filled {
    values: Vec<(&'static str, Value)>,
    pub(super) details: Vec<(&'static str, Filled)>,
    pub(super) branches: Vec<FilledBranch>,
    /// The block of a verb whose braces hold steps, and the block of its `else`.
    pub(super) steps: StepId,
    pub(super) otherwise: StepId,
    /// What an `if` looks at.
    pub(super) clauses: Vec<Clause>,
    /// What a `when` looks at, and its branches in their order.
    pub(super) look: Option<Arc<dyn Look>>,
    pub(super) cases: Vec<Case>,
    /// Variables that conditions look at.
    pub(super) reads: Vec<VariableId>,
}

#[derive(Debug)]
pub(super) struct FilledBranch {
    pub(super) name: &'static str,
    /// Of a branch that is written once for each key.
    pub(super) key: Option<char>,
    pub(super) entry: StepId,
}

/// Reads all values; none where one of them is wrong. Faults go to the compiler.
pub(super) fn fill(node: &Node, form: Form<'_>, compiler: &mut Compiler<'_>) -> Option<Filled> {
    let mut filling = Filling { node, form, filled: Filled::default(), sound: true };
    filling.arguments(compiler);
    filling.properties(compiler);
    filling.missing(compiler);
    filling.sound.then_some(filling.filled)
}

struct Filling<'f> {
    node: &'f Node,
    form: Form<'f>,
    filled: Filled,
    sound: bool,
}

impl Filling<'_> {
    fn arguments(&mut self, compiler: &mut Compiler<'_>) {
        let mut parameters = self.form.arguments.iter();
        let mut parameter = parameters.next();
        for argument in &self.node.arguments {
            let Some(known) = parameter else {
                return self.one_too_many(argument.span, compiler);
            };
            let span = self.node.name_span.to(argument.span);
            let what = format!("the {} of `{}`", known.name, self.form.name);
            let word = Word { raw: &argument.value, span: argument.span, whole: span, what: &what };
            self.value(known, word, compiler);
            if known.need != Need::Repeated {
                parameter = parameters.next();
            }
        }
    }

    fn properties(&mut self, compiler: &mut Compiler<'_>) {
        let properties = &self.node.properties;
        for (at, property) in properties.iter().enumerate() {
            let twice = properties[..at].iter().any(|earlier| earlier.name == property.name);
            let known = self.form.properties.iter().find(|known| known.name == property.name);
            match known {
                Some(_) if twice => {
                    let message = format!("`{}` is written twice", property.name);
                    self.fault(Rule::WrittenTwice, property.span, message, None, compiler);
                }
                Some(known) => {
                    let what = format!("`{}`", known.name);
                    let word = Word { raw: &property.value, span: property.span, whole: property.span, what: &what };
                    self.value(known, word, compiler);
                }
                None => self.unknown_property(&property.name, property.span, compiler),
            }
        }
    }

    fn value(&mut self, parameter: &Parameter, word: Word<'_>, compiler: &mut Compiler<'_>) {
        match read(parameter.kind, word, compiler) {
            Some(value) => self.filled.values.push((parameter.name, value)),
            None => self.sound = false,
        }
    }

    fn missing(&mut self, compiler: &mut Compiler<'_>) {
        let arguments = self.node.arguments.len();
        for (at, parameter) in self.form.arguments.iter().enumerate() {
            if !matches!(parameter.need, Need::Optional { .. }) && at >= arguments {
                self.lacks(parameter, parameter.name, compiler);
            }
        }
        for parameter in self.form.properties {
            let mut written = self.node.properties.iter();
            let is_written = written.any(|property| property.name == parameter.name);
            if parameter.need == Need::Required && !is_written {
                self.lacks(parameter, &format!("`{}`", parameter.name), compiler);
            }
        }
    }

    fn lacks(&mut self, parameter: &Parameter, name: &str, compiler: &mut Compiler<'_>) {
        let message = format!("`{}` lacks its {name}: {}", self.form.name, parameter.help);
        let example = self.form.example.lines().next().unwrap_or_default();
        let help = format!("For example: `{}`", example.trim_end_matches(['{', ' ']));
        self.fault(Rule::MissingValue, self.node.name_span, message, Some(help), compiler);
    }

    fn one_too_many(&mut self, span: Span, compiler: &mut Compiler<'_>) {
        let written = compiler.faults.text(span).to_owned();
        let message = format!("`{}` does not take {written} as well", self.form.name);
        let takes: Vec<&str> = self.form.arguments.iter().map(|known| known.name).collect();
        let help = match takes.as_slice() {
            [] => "It takes nothing.".to_owned(),
            takes => format!("It takes: {}.", takes.join(", ")),
        };
        self.fault(Rule::SurplusValue, span, message, Some(help), compiler);
    }

    fn unknown_property(&mut self, name: &str, span: Span, compiler: &mut Compiler<'_>) {
        let message = format!("`{}` has no property `{name}`", self.form.name);
        let known = self.form.properties.iter().map(|known| known.name);
        let help = match self.form.properties.is_empty() {
            true => "It takes none.".to_owned(),
            false => choices("properties", known, name),
        };
        self.fault(Rule::UnknownProperty, span, message, Some(help), compiler);
    }

    fn fault(&mut self, rule: Rule, span: Span, message: String, help: Option<String>, compiler: &mut Compiler<'_>) {
        self.sound = false;
        compiler.faults.fault(rule, span, message, help);
    }
}

/// Reading values by name. A value that the form requires is there; asking for another kind is a slip in the code.
impl Filled {
    pub(super) fn of(name: &'static str, value: Value) -> Filled {
        Filled { values: vec![(name, value)], ..Filled::default() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn branch(&self, name: &str) -> Option<StepId> {
        let mut branches = self.branches.iter();
        let found = branches.find(|branch| branch.name == name);
        found.map(|branch| branch.entry)
    }

    /// The lines of its block with this name, in their order.
    pub(super) fn details<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Filled> {
        self.details.iter().filter(move |(known, _)| *known == name).map(|(_, filled)| filled)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.values.iter().filter_map(|(known, value)| match value {
            Value::Text(text) | Value::Credential { name: text, .. } if *known == name => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    pub(super) fn targets(&self, name: &str) -> Vec<DialTarget> {
        let targets = self.values.iter().filter_map(|(known, value)| match value {
            Value::Target(target) if *known == name => Some(target.clone()),
            _ => None,
        });
        targets.collect()
    }

    pub(super) fn maybe_text(&self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.maybe_text(name).expect(CHECKED)
    }

    pub(super) fn template(&self, name: &str) -> Template {
        match self.find(name) {
            Some(Value::Template(template)) => Some(template.clone()),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn maybe_duration(&self, name: &str) -> Option<Duration> {
        match self.find(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        self.maybe_duration(name).expect(CHECKED)
    }

    pub(super) fn maybe_integer(&self, name: &str) -> Option<u32> {
        match self.find(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn integer(&self, name: &str) -> u32 {
        self.maybe_integer(name).expect(CHECKED)
    }

    pub(super) fn maybe_word(&self, name: &str) -> Option<&'static str> {
        match self.find(name) {
            Some(Value::Word(word)) => Some(*word),
            _ => None,
        }
    }

    pub(super) fn word(&self, name: &str) -> &'static str {
        self.maybe_word(name).expect(CHECKED)
    }

    pub(super) fn flow(&self, name: &str) -> FlowId {
        match self.find(name) {
            Some(Value::Flow(flow)) => Some(*flow),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn hours(&self, name: &str) -> HoursId {
        match self.find(name) {
            Some(Value::Hours(hours)) => Some(*hours),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn list(&self, name: &str) -> ListId {
        match self.find(name) {
            Some(Value::List(list)) => Some(*list),
            _ => None,
        }
        .expect(CHECKED)
    }

    /// The variables whose values the texts are filled with.
    fn read_variables(&self) -> impl Iterator<Item = VariableId> {
        let filled_in = self.values.iter().filter_map(|(_, value)| match value {
            Value::Template(template) => Some(template.variables()),
            _ => None,
        });
        filled_in.flatten().chain(self.reads.iter().copied())
    }

    /// Its own, and those of the lines in its block.
    pub(super) fn all_read_variables(&self) -> impl Iterator<Item = VariableId> {
        let details = self.details.iter().flat_map(|(_, detail)| detail.read_variables());
        self.read_variables().chain(details)
    }

    pub(super) fn all_set_variables(&self) -> impl Iterator<Item = VariableId> {
        let details = self.details.iter().flat_map(|(_, detail)| detail.set_variables());
        self.set_variables().chain(details)
    }

    /// The variables that are named as those to be given a value.
    fn set_variables(&self) -> impl Iterator<Item = VariableId> {
        self.values.iter().filter_map(|(_, value)| match value {
            Value::Variable(variable) => Some(*variable),
            _ => None,
        })
    }

    pub(super) fn variable(&self, name: &str) -> VariableId {
        match self.find(name) {
            Some(Value::Variable(variable)) => Some(*variable),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn weekdays(&self, name: &str) -> u8 {
        match self.find(name) {
            Some(Value::Weekdays(days)) => Some(*days),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn time_range(&self, name: &str) -> TimeRange {
        match self.find(name) {
            Some(Value::TimeRange(range)) => Some(*range),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn maybe_dates(&self, name: &str) -> Option<Dates> {
        match self.find(name) {
            Some(Value::Dates(dates)) => Some(*dates),
            _ => None,
        }
    }

    pub(super) fn zone(&self, name: &str) -> TimeZone {
        match self.find(name) {
            Some(Value::Zone(zone)) => Some(zone.clone()),
            _ => None,
        }
        .expect(CHECKED)
    }

    pub(super) fn moment(&self, name: &str) -> Timestamp {
        match self.find(name) {
            Some(Value::Moment(moment)) => Some(*moment),
            _ => None,
        }
        .expect(CHECKED)
    }

    /// The host that a credential belongs to.
    pub(super) fn credential_host(&self, name: &str) -> Option<&str> {
        match self.find(name) {
            Some(Value::Credential { host, .. }) => Some(host),
            _ => None,
        }
    }

    pub(super) fn maybe_key(&self, name: &str) -> Option<char> {
        match self.find(name) {
            Some(Value::Key(key)) => Some(*key),
            _ => None,
        }
    }

    /// The flows that the values name.
    pub(super) fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.values.iter().filter_map(|(_, value)| match value {
            Value::Flow(flow) => Some(*flow),
            _ => None,
        })
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let mut values = self.values.iter();
        values.find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// Why a value is there when it is asked for.
const CHECKED: &str = "the form was filled without a fault, so a required value is there and of its kind";

impl Default for StepId {
    fn default() -> Self {
        StepId::END
    }
}
