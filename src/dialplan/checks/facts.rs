//! Conditions whose outcome is settled before they are looked at, because one above has seen the same at the same moment.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::dialplan::checks::Graph;
use crate::dialplan::checks::seen::Fork;
use crate::dialplan::compile::Compiler;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Time;

/// What is known of the world at a step: this condition in this state holds, or not.
type Known<'p> = BTreeMap<(&'p str, &'p str), bool>;

/// So many things are known at once; what was learned of further ones is forgotten.
const MOST_KNOWN: usize = 16;

/// Pairs of states of one subject that never hold together, and whether one of them always does.
const OPPOSITES: &[(&str, &str, &str, Always)] = &[
    ("channel", "up", "down", Always::One),
    ("channel", "up", "recovering", Always::NoneNeeds),
    ("channel", "degraded", "down", Always::NoneNeeds),
    ("channel", "degraded", "recovering", Always::NoneNeeds),
    ("hours", "open", "closed", Always::One),
    ("hours", "open", "holiday", Always::NoneNeeds),
    ("queue", "staffed", "nobody", Always::One),
    ("queue", "free", "nobody", Always::NoneNeeds),
    ("queue", "free", "waiting", Always::NoneNeeds),
    ("extension", "reachable", "unreachable", Always::One),
    ("extension", "free", "busy", Always::NoneNeeds),
    ("extension", "free", "unreachable", Always::NoneNeeds),
    ("extension", "busy", "unreachable", Always::NoneNeeds),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Always {
    One,
    NoneNeeds,
}

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    let known = known(graph);
    for step in graph.steps() {
        let (Some(fork), Some(known)) = (&graph.notes(step).seen.fork, &known[step.index()]) else {
            continue;
        };
        let Some((holds, because)) = settled(fork, known) else {
            continue;
        };
        let next = graph.program.step(step).next;
        let (way, word) = match holds {
            true => (fork.otherwise, "always holds"),
            false => (fork.then, "never holds"),
        };
        // An `if` that always holds, with no `else`, is only more than is needed.
        let loses = if holds && way == next { "the condition says nothing" } else { "the other way is never taken" };
        let message = format!("this {word} here: {loses}");
        let help = format!("An `if` above has seen that {because}, and no time has passed since.");
        compiler.faults.fault(Rule::SettledCondition, graph.notes(step).span, message, Some(help));
    }
}

/// What holds on every way to a step. None: no flow leads there.
fn known(graph: Graph<'_>) -> Vec<Option<Known<'_>>> {
    let mut known: Vec<Option<Known<'_>>> = vec![None; graph.notes.len()];
    let entries = graph.program.flows.iter().map(|flow| (flow.entry, Known::new()));
    let mut open: VecDeque<(StepId, Known<'_>)> = entries.collect();
    while let Some((step, arriving)) = open.pop_front() {
        if step == StepId::END {
            continue;
        }
        let here = &mut known[step.index()];
        let met = match here {
            None => arriving,
            Some(there) => {
                let both: Known<'_> = there
                    .iter()
                    .filter(|(key, value)| arriving.get(*key) == Some(value))
                    .map(|(key, value)| (*key, *value))
                    .collect();
                if both.len() == there.len() {
                    continue;
                }
                both
            }
        };
        *here = Some(met.clone());
        open.extend(leaving(graph, step, met));
    }
    known
}

/// What is known behind a step, on each way within its flow; other flows are entered from anywhere.
fn leaving<'p>(graph: Graph<'p>, step: StepId, known: Known<'p>) -> Vec<(StepId, Known<'p>)> {
    let walked = graph.program.step(step);
    if let Some(fork) = &graph.notes(step).seen.fork {
        let learned = |holds| {
            let mut more = known.clone();
            if more.len() < MOST_KNOWN {
                more.insert((&fork.key, &fork.state), holds);
            }
            more
        };
        return match settled(fork, &known) {
            Some((true, _)) => vec![(fork.then, known)],
            Some((false, _)) => vec![(fork.otherwise, known)],
            None => vec![(fork.then, learned(true)), (fork.otherwise, learned(false))],
        };
    }
    let after = if changes_nothing(walked) { known } else { Known::new() };
    graph.after(step).map(|next| (next, after.clone())).collect()
}

/// No time passes in it, and no condition looks at what it does.
fn changes_nothing(step: &Step) -> bool {
    let sheet = step.sheet;
    let mut parameters = sheet.arguments.iter().chain(sheet.properties);
    let sets = parameters.any(|parameter| matches!(parameter.kind, Kind::Variable | Kind::KnownVariable));
    let plain = matches!(sheet.children, Children::None);
    plain && sheet.time == Time::Instant && sheet.needs == Needs::Nobody && !sets
}

/// Whether the condition is known to hold, or not, and from what.
fn settled(fork: &Fork, known: &Known<'_>) -> Option<(bool, String)> {
    if let Some(holds) = known.get(&(fork.key.as_str(), fork.state.as_str())) {
        return Some((*holds, told(fork, &fork.state, *holds)));
    }
    let (subject, _) = fork.subject.as_ref()?;
    OPPOSITES.iter().filter(|(of, ..)| of == subject).find_map(|(_, one, other, always)| {
        let opposite = match fork.state.as_str() {
            state if state == *one => other,
            state if state == *other => one,
            _ => return None,
        };
        match known.get(&(fork.key.as_str(), *opposite)) {
            Some(true) => Some((false, told(fork, opposite, true))),
            Some(false) if *always == Always::One => Some((true, told(fork, opposite, false))),
            _ => None,
        }
    })
}

fn told(fork: &Fork, state: &str, holds: bool) -> String {
    let not = if holds { "" } else { "not " };
    match &fork.subject {
        Some((subject, value)) if !state.is_empty() => format!("{subject} `{value}` is {not}`{state}`"),
        _ => format!("`{}` does {not}hold", fork.key.trim_end()),
    }
}
