//! Reads what `if` looks at: subjects, each followed by what is said of it.
//!
//! The order counts here: in `if channel="whatsapp" is="down" hours="comercial" is="open"` each `is` belongs to the subject
//! before it.

use std::sync::Arc;

use crate::dialplan::clause::Clause;
use crate::dialplan::comparator;
use crate::dialplan::comparator::COMPARATORS;
use crate::dialplan::comparator::Subject;
use crate::dialplan::compile::Compiler;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Comparison;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Verdict;
use crate::dialplan::conditions;
use crate::dialplan::conditions::CONDITIONS;
use crate::dialplan::document::Node;
use crate::dialplan::document::Property;
use crate::dialplan::document::Raw;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::read::Word;
use crate::dialplan::rule::Rule;

/// Before a subject that says it all by itself: `not-caller-in="blocked"`.
pub(super) const NOT_BEFORE: &str = "not-";
/// As the first word of `if`: it holds if the condition does not.
pub(super) const NOT: &str = "not";

/// All that stands on the line of an `if`; none where something of it is wrong.
pub(super) fn read(node: &Node, compiler: &mut Compiler<'_>) -> Option<Filled> {
    let faults_before = compiler.faults.count();
    let wanted = wanted(node, compiler);
    let mut drafts: Vec<Draft> = Vec::new();
    for property in &node.properties {
        read_property(property, &mut drafts, compiler);
    }
    if node.properties.is_empty() {
        let help = format!("Write one of {}.", subjects().collect::<Vec<_>>().join(", "));
        compiler.faults.fault(
            Rule::StepValues,
            node.name_span,
            "`if` needs something to look at".to_owned(),
            Some(help),
        );
    }
    if wanted == Verdict::HoldsNot && drafts.len() > 1 {
        let message = "`if not` before several conditions can be read in two ways".to_owned();
        let help = "Say `is-not` of the one that is meant, or write one `if` within the other.".to_owned();
        compiler.faults.fault(Rule::StepValues, node.head_span(), message, Some(help));
    }
    let mut filled = Filled::default();
    for draft in drafts {
        draft.finish(node, wanted, &mut filled, compiler);
    }
    (compiler.faults.count() == faults_before).then_some(filled)
}

/// Every property that can begin a clause.
pub(super) fn subjects() -> impl Iterator<Item = &'static str> + Clone {
    CONDITIONS.iter().map(|condition| condition.subject().name)
}

struct Draft<'n> {
    subject: Subject,
    property: &'n Property,
    values: Option<Filled>,
    comparisons: Vec<Comparison>,
    compared: usize,
    wanted: Verdict,
}

fn wanted(node: &Node, compiler: &mut Compiler<'_>) -> Verdict {
    let mut wanted = Verdict::Holds;
    for (at, argument) in node.arguments.iter().enumerate() {
        match &argument.value {
            Raw::Text(word) if word == NOT && at == 0 => wanted = Verdict::HoldsNot,
            _ => {
                let written = compiler.faults.text(argument.span).to_owned();
                let message = format!("`if` does not take {written} as well");
                let help = "It takes: `not`, and what it looks at, such as `channel=\"whatsapp\" is=\"down\"`.";
                compiler.faults.fault(Rule::SurplusValue, argument.span, message, Some(help.to_owned()));
            }
        }
    }
    wanted
}

fn read_property<'n>(property: &'n Property, drafts: &mut Vec<Draft<'n>>, compiler: &mut Compiler<'_>) {
    if let Some((condition, wanted)) = subject(&property.name) {
        let values = comparator::subject_value(condition, property, compiler);
        let subject = Subject::of(condition, &property.value, compiler);
        drafts.push(Draft { subject, property, values, comparisons: Vec::new(), compared: 0, wanted });
        return;
    }
    let Some(comparator) = comparator::find(&property.name) else {
        let known = subjects().chain(COMPARATORS.iter().map(|known| known.name));
        let message = format!("`if` has no property `{}`", property.name);
        let help = (!compiler.faults.is_full()).then(|| choices("properties", known, &property.name));
        return compiler.faults.fault(Rule::UnknownProperty, property.span, message, help);
    };
    let Some(draft) = drafts.last_mut() else {
        let message = format!("`{}` stands before what it is said of", property.name);
        let help = "First what is looked at, then what is said of it: `channel=\"whatsapp\" is=\"down\"`.".to_owned();
        return compiler.faults.fault(Rule::StepValues, property.span, message, Some(help));
    };
    draft.compared += 1;
    let what = format!("`{}`", property.name);
    let word = Word { raw: &property.value, span: property.span, whole: property.span, what: &what };
    draft.comparisons.extend(comparator.read(draft.subject, word, compiler));
}

fn subject(name: &str) -> Option<(&'static dyn Condition, Verdict)> {
    if let Some(condition) = conditions::find(name) {
        return Some((condition, Verdict::Holds));
    }
    let negated = conditions::find(name.strip_prefix(NOT_BEFORE)?)?;
    matches!(negated.compares(), Compares::Itself).then_some((negated, Verdict::HoldsNot))
}

impl Draft<'_> {
    fn finish(self, node: &Node, wanted: Verdict, filled: &mut Filled, compiler: &mut Compiler<'_>) {
        let condition = self.subject.condition;
        let name = condition.subject().name;
        if self.compared == 0 && !matches!(condition.compares(), Compares::Itself) {
            let message = format!("`if {name}=…` needs {}", comparator::needed(condition.compares()));
            let help = comparator::offer(condition.compares());
            // Alone, the whole line is meant.
            let span = if node.properties.len() == 1 { node.head_span() } else { self.property.span };
            return compiler.faults.fault(Rule::StepValues, span, message, Some(help));
        }
        let Some(values) = self.values else {
            return;
        };
        filled.reads.extend(condition.reads(&values));
        filled.reads.extend(self.comparisons.iter().flat_map(Comparison::reads));
        let wanted = if self.wanted == wanted { Verdict::Holds } else { Verdict::HoldsNot };
        let look = Arc::from(condition.compile(&values));
        filled.clauses.push(Clause { look, comparisons: self.comparisons, wanted });
    }
}
