//! Reads a `when`: what it looks at once, and the branches of which one is taken.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::dialplan::clause::Case;
use crate::dialplan::clause::Test;
use crate::dialplan::comparator;
use crate::dialplan::comparator::COMPARATORS;
use crate::dialplan::comparator::Subject;
use crate::dialplan::compile::Compiler;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Comparison;
use crate::dialplan::condition::Condition;
use crate::dialplan::conditions;
use crate::dialplan::conditions::CONDITIONS;
use crate::dialplan::conditions::PLAIN_SUBJECTS;
use crate::dialplan::document::Argument;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::read::Word;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::template::VariableId;

/// The branch for whatever no other branch names.
pub(super) const OTHERWISE: &str = "otherwise";

/// All that stands on the line of a `when` and before the blocks of its branches; none where something of it is wrong.
pub(super) fn read(node: &Node, compiler: &mut Compiler<'_>) -> Option<Filled> {
    let faults_before = compiler.faults.count();
    let mut filled = Filled::default();
    match subject(node, &mut filled, compiler) {
        Some(subject) => branches(node, &subject, &mut filled, compiler),
        None => return None,
    }
    (compiler.faults.count() == faults_before).then_some(filled)
}

/// What `when` looks at.
enum Looked {
    /// `when channel="whatsapp"`: one look, which the branches compare.
    At(Subject),
    /// `when "caller"`: each branch is a condition of its own.
    Plain(&'static [(&'static str, &'static dyn Condition)]),
}

fn subject(node: &Node, filled: &mut Filled, compiler: &mut Compiler<'_>) -> Option<Looked> {
    match (node.arguments.as_slice(), node.properties.as_slice()) {
        ([argument], []) => plain(argument, compiler),
        ([], [property]) => {
            let found = conditions::find(&property.name);
            let Some(condition) = found.filter(|found| !matches!(found.compares(), Compares::Itself)) else {
                not_to_look_at(&property.name, property.span, compiler);
                return None;
            };
            let values = comparator::subject_value(condition, property, compiler)?;
            filled.reads.extend(condition.reads(&values));
            filled.look = Some(Arc::from(condition.compile(&values)));
            Some(Looked::At(Subject::of(condition, &property.value, compiler)))
        }
        _ => {
            let message = "`when` looks at exactly one thing".to_owned();
            let help = "For example: `when channel=\"whatsapp\"`, or `when \"caller\"`.".to_owned();
            compiler.faults.fault(Rule::StepValues, node.head_span(), message, Some(help));
            None
        }
    }
}

fn plain(argument: &Argument, compiler: &mut Compiler<'_>) -> Option<Looked> {
    let found = match &argument.value {
        Raw::Text(word) => PLAIN_SUBJECTS.iter().find(|known| known.name == word),
        _ => None,
    };
    if found.is_none() {
        let written = compiler.faults.text(argument.span).trim_matches('"').to_owned();
        not_to_look_at(&written, argument.span, compiler);
    }
    found.map(|found| Looked::Plain(found.branches))
}

fn not_to_look_at(written: &str, span: Span, compiler: &mut Compiler<'_>) {
    let message = format!("`when` cannot look at `{written}`");
    let with_value = CONDITIONS.iter().filter(|known| !matches!(known.compares(), Compares::Itself));
    let known = PLAIN_SUBJECTS.iter().map(|known| known.name);
    let known = known.chain(with_value.map(|known| known.subject().name));
    let help = (!compiler.faults.is_full()).then(|| choices("possible", known, written));
    compiler.faults.fault(Rule::StepValues, span, message, help);
}

fn branches(node: &Node, looked: &Looked, filled: &mut Filled, compiler: &mut Compiler<'_>) {
    let nodes = node.children.as_deref().unwrap_or_default();
    if nodes.is_empty() {
        let message = "this `when` has no branches".to_owned();
        let help = "Write an `is \"…\" { … }` for each case in its braces.".to_owned();
        return compiler.faults.fault(Rule::StepValues, node.head_span(), message, Some(help));
    }
    let mut written = BTreeSet::new();
    for branch in nodes {
        let head = compiler.faults.text(branch.head_span());
        if !written.insert(head) {
            compiler.faults.fault(Rule::WrittenTwice, branch.head_span(), format!("`{head}` is written twice"), None);
        }
        let case = case(branch, looked, compiler);
        filled.reads.extend(case.tests.iter().flat_map(Test::reads));
        filled.cases.push(case);
    }
}

fn case(branch: &Node, looked: &Looked, compiler: &mut Compiler<'_>) -> Case {
    if branch.name == OTHERWISE {
        if let Some(argument) = branch.arguments.first() {
            let message = "`otherwise` takes nothing".to_owned();
            compiler.faults.fault(Rule::SurplusValue, argument.span, message, None);
        }
        return Case::default();
    }
    if let Some(property) = branch.properties.first() {
        let message = format!("`{}` has no property `{}`", branch.name, property.name);
        compiler.faults.fault(Rule::UnknownProperty, property.span, message, Some("It takes values alone.".to_owned()));
    }
    if branch.arguments.is_empty() && is_known(branch) {
        let message = format!("`{}` says nothing to compare with", branch.name);
        compiler.faults.fault(
            Rule::MissingValue,
            branch.name_span,
            message,
            Some("For example: `is \"down\" { … }`.".to_owned()),
        );
    }
    if let ("is-not", [_, second, ..]) = (branch.name.as_str(), branch.arguments.as_slice()) {
        let message = "`is-not` says one thing at a time".to_owned();
        let help = "Write an `is` with all that is left out, and the other steps in `otherwise`.".to_owned();
        compiler.faults.fault(Rule::SurplusValue, second.span, message, Some(help));
    }
    match looked {
        Looked::At(subject) => compared(branch, *subject, compiler),
        Looked::Plain(known) => own(branch, known, compiler),
    }
}

/// Whether the word could begin a branch of some `when`.
fn is_known(branch: &Node) -> bool {
    let mut own = PLAIN_SUBJECTS.iter().flat_map(|subject| subject.branches);
    comparator::find(&branch.name).is_some() || own.any(|(name, _)| *name == branch.name)
}

fn compared(branch: &Node, subject: Subject, compiler: &mut Compiler<'_>) -> Case {
    let compares = subject.condition.compares();
    let Some(comparator) = comparator::find(&branch.name).filter(|found| found.fits(compares)) else {
        let known = COMPARATORS.iter().filter(|known| known.fits(compares)).map(|known| known.name);
        unknown(branch, known.chain([OTHERWISE]), compiler);
        return Case::default();
    };
    let what = format!("what `{}` says", branch.name);
    let comparisons = branch.arguments.iter().filter_map(|argument| {
        let word = word(branch, argument, &what);
        comparator.read(subject, word, compiler)
    });
    Case { tests: comparisons.map(Test::Compare).collect() }
}

fn own(branch: &Node, known: &'static [(&str, &'static dyn Condition)], compiler: &mut Compiler<'_>) -> Case {
    let Some((_, condition)) = known.iter().find(|(name, _)| *name == branch.name) else {
        unknown(branch, known.iter().map(|(name, _)| *name).chain([OTHERWISE]), compiler);
        return Case::default();
    };
    let what = format!("what `{}` says", branch.name);
    let looks = branch.arguments.iter().filter_map(|argument| {
        let values = comparator::own_value(*condition, word(branch, argument, &what), compiler)?;
        Some(Test::Look(Arc::from(condition.compile(&values))))
    });
    Case { tests: looks.collect() }
}

fn word<'w>(branch: &'w Node, argument: &'w Argument, what: &'w str) -> Word<'w> {
    Word { raw: &argument.value, span: argument.span, whole: branch.name_span.to(argument.span), what }
}

fn unknown<'n>(branch: &Node, known: impl Iterator<Item = &'n str> + Clone, compiler: &mut Compiler<'_>) {
    let message = format!("`{}` cannot stand in this `when`", branch.name);
    let help = (!compiler.faults.is_full()).then(|| choices("branches", known, &branch.name));
    compiler.faults.fault(Rule::UnknownBranch, branch.name_span, message, help);
}

impl Test {
    fn reads(&self) -> Vec<VariableId> {
        match self {
            Test::Compare(comparison) => Comparison::reads(comparison),
            Test::Look(_) => Vec::new(),
        }
    }
}
