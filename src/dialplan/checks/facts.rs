//! Conditions whose outcome is settled before they are looked at, because one above has seen the same at the same moment.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::dialplan::checks::Graph;
use crate::dialplan::checks::seen::Case;
use crate::dialplan::checks::seen::Fork;
use crate::dialplan::checks::seen::Said;
use crate::dialplan::compile::Compiler;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
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
        match (graph.program.step(step).sheet.children, fork.cases.as_slice()) {
            (Children::Steps, [case]) => settled_if(graph, step, case, known, compiler),
            _ => settled_when(fork, known, compiler),
        }
    }
}

fn settled_if(graph: Graph<'_>, step: StepId, case: &Case, known: &Known<'_>, compiler: &mut Compiler<'_>) {
    let Some((holds, because)) = case.settled(known) else {
        return;
    };
    let next = graph.program.step(step).next;
    let otherwise = graph.notes(step).seen.fork.as_ref().map_or(next, |fork| fork.otherwise.entry);
    let (way, word) = match holds {
        true => (otherwise, "always holds"),
        false => (case.entry, "never holds"),
    };
    // An `if` that always holds, with no `else`, is only more than is needed.
    let loses = if holds && way == next { "the condition says nothing" } else { "the other way is never taken" };
    report(case.span, format!("this {word} here: {loses}"), &because, compiler);
}

fn settled_when(fork: &Fork, known: &Known<'_>, compiler: &mut Compiler<'_>) {
    for case in &fork.cases {
        if let Some((false, because)) = case.settled(known) {
            report(case.span, NEVER_TAKEN.to_owned(), &because, compiler);
        }
    }
    let sure = fork.cases.iter().filter_map(|case| case.settled(known)).find(|(holds, _)| *holds);
    if let (Some((_, because)), Some(otherwise)) = (sure, fork.otherwise.span) {
        report(otherwise, NEVER_TAKEN.to_owned(), &because, compiler);
    }
}

const NEVER_TAKEN: &str = "this branch is never taken here";

fn report(span: Span, message: String, because: &str, compiler: &mut Compiler<'_>) {
    let help = format!("A condition above has seen that {because}, and no time has passed since.");
    compiler.faults.fault(Rule::SettledCondition, span, message, Some(help));
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
    if let Some(fork) = &graph.notes(step).seen.fork {
        return ways_of(fork, &known);
    }
    let after = if changes_nothing(graph.program.step(step)) { known } else { Known::new() };
    graph.after(step).map(|next| (next, after.clone())).collect()
}

fn ways_of<'p>(fork: &'p Fork, known: &Known<'p>) -> Vec<(StepId, Known<'p>)> {
    let mut otherwise = Some(known.clone());
    let mut ways = Vec::new();
    for case in &fork.cases {
        let settled = case.settled(known).map(|(holds, _)| holds);
        if settled != Some(false) {
            ways.push((case.entry, case.learned(known)));
        }
        match settled {
            Some(true) => otherwise = None,
            Some(false) | None => otherwise.iter_mut().for_each(|known| case.refuted(known)),
        }
    }
    ways.extend(otherwise.map(|known| (fork.otherwise.entry, known)));
    ways
}

/// No time passes in it, and no condition looks at what it does.
fn changes_nothing(step: &Step) -> bool {
    let sheet = step.sheet;
    let mut parameters = sheet.arguments.iter().chain(sheet.properties);
    let sets = parameters.any(|parameter| matches!(parameter.kind, Kind::Variable | Kind::KnownVariable));
    let plain = matches!(sheet.children, Children::None);
    plain && sheet.time == Time::Instant && sheet.needs == Needs::Nobody && !sets
}

impl Case {
    /// Whether it is known to hold, or not, and from what.
    fn settled(&self, known: &Known<'_>) -> Option<(bool, String)> {
        let settled: Vec<Option<(bool, String)>> = self.said.iter().map(|said| said.settled(known)).collect();
        if let Some(holds) = settled.iter().flatten().find(|(holds, _)| *holds) {
            return Some(holds.clone());
        }
        let all: Option<Vec<(bool, String)>> = settled.into_iter().collect();
        all?.into_iter().next()
    }

    /// What is known where it was taken. Which of several things it was is not.
    fn learned<'p>(&'p self, known: &Known<'p>) -> Known<'p> {
        let mut more = known.clone();
        if let [said] = self.said.as_slice() {
            learn(&mut more, said, said.holds);
        }
        more
    }

    /// It was not taken: nothing of it holds.
    fn refuted<'p>(&'p self, known: &mut Known<'p>) {
        self.said.iter().for_each(|said| learn(known, said, !said.holds));
    }
}

fn learn<'p>(known: &mut Known<'p>, said: &'p Said, holds: bool) {
    if known.len() < MOST_KNOWN {
        known.entry((&said.key, &said.state)).or_insert(holds);
    }
}

impl Said {
    fn settled(&self, known: &Known<'_>) -> Option<(bool, String)> {
        let (holds, because) = self.state_known(known)?;
        Some((holds == self.holds, because))
    }

    fn state_known(&self, known: &Known<'_>) -> Option<(bool, String)> {
        if let Some(holds) = known.get(&(self.key.as_str(), self.state.as_str())) {
            return Some((*holds, self.told(&self.state, *holds)));
        }
        let (subject, _) = self.subject.as_ref()?;
        OPPOSITES.iter().filter(|(of, ..)| of == subject).find_map(|(_, one, other, always)| {
            let opposite = match self.state.as_str() {
                state if state == *one => other,
                state if state == *other => one,
                _ => return None,
            };
            match known.get(&(self.key.as_str(), *opposite)) {
                Some(true) => Some((false, self.told(opposite, true))),
                Some(false) if *always == Always::One => Some((true, self.told(opposite, false))),
                _ => None,
            }
        })
    }

    fn told(&self, state: &str, holds: bool) -> String {
        let not = if holds { "" } else { "not " };
        match &self.subject {
            Some((subject, value)) if !state.is_empty() => format!("{subject} `{value}` is {not}`{state}`"),
            _ if holds => format!("`{}` holds", self.key),
            _ => format!("`{}` does not hold", self.key),
        }
    }
}
