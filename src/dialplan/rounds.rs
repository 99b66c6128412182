//! Finds flows that can go round for ever without a moment passing: a caller in one would hear nothing, and we would spin.

use std::collections::BTreeSet;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::Time;

/// A fault for each round of steps that need take no time.
pub(super) fn check(program: &Program, notes: &[Notes], compiler: &mut Compiler<'_>) {
    let mut marks = vec![Mark::New; notes.len()];
    for start in 0..notes.len() {
        if marks[start] == Mark::New {
            search(start, program, notes, &mut marks, compiler);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// On the way that is being followed.
    OnTheWay,
    Done,
}

/// Depth first, with a list of its own instead of calls: ten thousand flows may follow each other.
fn search(start: usize, program: &Program, notes: &[Notes], marks: &mut [Mark], compiler: &mut Compiler<'_>) {
    let mut way: Vec<(usize, usize)> = vec![(start, 0)];
    marks[start] = Mark::OnTheWay;
    while let Some((step, turn)) = way.last_mut() {
        let here = *step;
        let Some(next) = notes[here].ways.get(*turn) else {
            marks[here] = Mark::Done;
            way.pop();
            continue;
        };
        *turn += 1;
        let goal = match next.to {
            Goal::Step(step) => step,
            Goal::Flow(flow) => program.entry(flow),
        };
        if next.time == Time::Takes || goal == StepId::END {
            continue;
        }
        match marks[goal.index()] {
            Mark::New => {
                marks[goal.index()] = Mark::OnTheWay;
                way.push((goal.index(), 0));
            }
            Mark::OnTheWay => report(&way, goal.index(), program, notes, compiler),
            Mark::Done => {}
        }
    }
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
