//! Finds flows that can go round for ever without a moment passing: a caller in one would hear nothing, and we would spin.

use std::collections::BTreeSet;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::nesting::Called;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::Time;

/// The steps that close a round in which no time passes.
#[derive(Debug, Default)]
pub(super) struct Rounds(pub(super) BTreeSet<StepId>);

/// A fault for each round of steps that need take no time.
pub(super) fn check(program: &Program, notes: &[Notes], called: &Called, compiler: &mut Compiler<'_>) -> Rounds {
    let mut rounds = Rounds::default();
    let at_once = at_once(program, notes, called);
    let mut marks = vec![Mark::New; notes.len()];
    for start in 0..notes.len() {
        if marks[start] == Mark::New {
            search(start, &at_once, program, notes, &mut marks, &mut rounds, compiler);
        }
    }
    rounds
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// On the way that is being followed.
    OnTheWay,
    Done,
}

/// Depth first, with a list of its own instead of calls: ten thousand flows may follow each other.
fn search(
    start: usize,
    at_once: &[Vec<usize>],
    program: &Program,
    notes: &[Notes],
    marks: &mut [Mark],
    rounds: &mut Rounds,
    compiler: &mut Compiler<'_>,
) {
    let mut way: Vec<(usize, usize)> = vec![(start, 0)];
    marks[start] = Mark::OnTheWay;
    while let Some((step, turn)) = way.last_mut() {
        let here = *step;
        let Some(next) = at_once[here].get(*turn).copied() else {
            marks[here] = Mark::Done;
            way.pop();
            continue;
        };
        *turn += 1;
        match marks[next] {
            Mark::New => {
                marks[next] = Mark::OnTheWay;
                way.push((next, 0));
            }
            Mark::OnTheWay => {
                rounds.0.insert(step_at(next));
                report(&way, next, program, notes, compiler);
            }
            Mark::Done => {}
        }
    }
}

fn step_at(index: usize) -> StepId {
    StepId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Step → the steps that can follow it without any time passing; for a `call` also the step after it, where the called flow
/// can come back so.
fn at_once(program: &Program, notes: &[Notes], called: &Called) -> Vec<Vec<usize>> {
    let mut back: BTreeSet<FlowId> = BTreeSet::new();
    for flow in &called.0 {
        if comes_back_at_once(*flow, program, notes, &back) {
            back.insert(*flow);
        }
    }
    let following = notes.iter().map(|note| {
        let ways = note.ways.iter().filter(|way| way.time == Time::Instant);
        let steps = ways.flat_map(|way| match way.to {
            Goal::Step(step) => [Some(step), None],
            Goal::Flow(flow) => [Some(program.entry(flow)), None],
            Goal::Call(flow, next) => [Some(program.entry(flow)), back.contains(&flow).then_some(next)],
        });
        steps.flatten().filter(|step| *step != StepId::END).map(StepId::index).collect()
    });
    following.collect()
}

fn comes_back_at_once(flow: FlowId, program: &Program, notes: &[Notes], back: &BTreeSet<FlowId>) -> bool {
    let mut open = vec![program.entry(flow)];
    let mut seen: BTreeSet<StepId> = BTreeSet::new();
    while let Some(step) = open.pop() {
        if step == StepId::END {
            return true;
        }
        if !seen.insert(step) {
            continue;
        }
        let ways = notes[step.index()].ways.iter().filter(|way| way.time == Time::Instant);
        open.extend(ways.filter_map(|way| match way.to {
            Goal::Step(next) => Some(next),
            Goal::Call(called, next) => back.contains(&called).then_some(next),
            Goal::Flow(_) => None,
        }));
    }
    false
}

fn report(way: &[(usize, usize)], goal: usize, program: &Program, notes: &[Notes], compiler: &mut Compiler<'_>) {
    let from = way.iter().position(|(step, _)| *step == goal).unwrap_or(0);
    let flows = way[from..].iter().map(|(step, _)| program.steps[*step].flow);
    let mut named: BTreeSet<FlowId> = BTreeSet::new();
    let round: Vec<&str> = flows.filter(|flow| named.insert(*flow)).map(|flow| program.name_of(flow)).collect();
    let last = way.last().map_or(goal, |(step, _)| *step);
    let shown = match round.as_slice() {
        [alone] => format!("flow `{alone}`"),
        several => format!("flows `{}`", several.join("` → `")),
    };
    let message = format!("{shown} can go round for ever without any time passing");
    let help = "Put a `play`, `menu` or `wait` in between, or end the call.".to_owned();
    compiler.faults.fault(Rule::EndlessRound, notes[last].span, message, Some(help));
}
