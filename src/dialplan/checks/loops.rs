//! Flows that a caller gets out of only by hanging up.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::checks::Graph;
use crate::dialplan::checks::leading_to;
use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::program::StepId;
use crate::dialplan::rounds::Rounds;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::verb::After;

/// Rounds in which no time passes are faults and have been reported.
pub(super) fn check(graph: Graph<'_>, rounds: &Rounds, compiler: &mut Compiler<'_>) {
    let ends = before_an_end(graph);
    let trapped: BTreeSet<StepId> = graph.steps().filter(|step| !ends[step.index()]).collect();
    for trap in traps(graph, trapped).into_iter().filter(|trap| trap.is_disjoint(&rounds.0)) {
        report(graph, &trap, compiler);
    }
}

/// The steps after which the call can end. Where a flow ends that was called, the call goes on.
fn before_an_end(graph: Graph<'_>) -> Vec<bool> {
    let steps = graph.notes.len();
    // A node for each step, and one for the same step in a flow that was called.
    let within = |step: StepId| steps + step.index();
    let (mut edges, mut goals) = (Vec::new(), Vec::new());
    for step in graph.steps() {
        let here = step.index();
        if can_quit(graph, step) {
            goals.extend([here, within(step)]);
        }
        for way in graph.ways(step) {
            let next = match way.to {
                Goal::Step(next) => next,
                Goal::Flow(other) => {
                    match graph.program.entry(other) {
                        StepId::END => goals.extend([here, within(step)]),
                        entry => edges.extend([(here, entry.index()), (within(step), entry.index())]),
                    }
                    continue;
                }
                Goal::Call(called, next) => {
                    let entry = graph.program.entry(called);
                    if entry != StepId::END {
                        edges.extend([(here, within(entry)), (within(step), within(entry))]);
                    }
                    next
                }
            };
            match next {
                StepId::END => goals.push(here),
                next => edges.extend([(here, next.index()), (within(step), within(next))]),
            }
        }
    }
    leading_to(2 * steps, &edges, goals)
}

/// By its own doing: it hangs up, or a talk follows it that does.
fn can_quit(graph: Graph<'_>, step: StepId) -> bool {
    let sheet = graph.program.step(step).sheet;
    let leads_nowhere = graph.ways(step).next().is_none();
    let talks = sheet.after == After::BranchOrNext;
    let gives_up =
        sheet.after == After::BranchesOnly && graph.notes(step).seen.unwritten.iter().any(|it| it.value.is_none());
    leads_nowhere || talks || gives_up
}

/// The trapped steps that lead to each other, together.
fn traps(graph: Graph<'_>, trapped: BTreeSet<StepId>) -> Vec<BTreeSet<StepId>> {
    let mut beside: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
    for step in &trapped {
        for next in graph.after(*step) {
            beside.entry(*step).or_default().push(next);
            beside.entry(next).or_default().push(*step);
        }
    }
    let mut left = trapped;
    let mut traps = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut trap = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(step) = open.pop() {
            for next in beside.get(&step).into_iter().flatten() {
                if left.remove(next) {
                    trap.insert(*next);
                    open.push(*next);
                }
            }
        }
        traps.push(trap);
    }
    traps
}

/// Shown at the trap's first step in the order of the files.
fn report(graph: Graph<'_>, trap: &BTreeSet<StepId>, compiler: &mut Compiler<'_>) {
    let place: Option<Span> = trap.iter().map(|step| graph.notes(*step).span).min();
    let mut named = BTreeSet::new();
    let mut flows: Vec<(Span, &str)> = Vec::new();
    for step in trap {
        let flow = graph.program.step(*step).flow;
        if named.insert(flow) {
            flows.push((graph.notes(*step).span, graph.program.name_of(flow)));
        }
    }
    flows.sort();
    let names: Vec<String> = flows.iter().map(|(_, name)| format!("`{name}`")).collect();
    let shown = match names.as_slice() {
        [alone] => format!("flow {alone} has"),
        several => format!("flows {} have", several.join(", ")),
    };
    let message = format!("{shown} no way out from here: the caller goes round until he hangs up");
    let help =
        "End the call after some rounds: with `hangup`, a `voicemail` and no `go`, or an `otherwise` that ends it.";
    if let Some(span) = place {
        compiler.faults.fault(Rule::LoopWithoutEnd, span, message, Some(help.to_owned()));
    }
}
