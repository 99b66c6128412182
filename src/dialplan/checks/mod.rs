//! What only a look at whole flows can tell, beyond where they lead: loops without an end, callers who are left without a
//! word, branches that are never taken, calls that nobody may place.
//!
//! Everything is read from the sheets and the edges between steps, so that a new verb is looked at as well.

mod dead_branches;
mod early_media;
mod emergency;
mod facts;
mod loops;
mod overlaps;
mod queues;
pub(super) mod seen;
mod silence;
mod whatsapp;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::compile::Way;
use crate::dialplan::declarations::Declared;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::rounds::Rounds;
use crate::dialplan::slips::Above;
use crate::dialplan::verb::Children;

pub(super) fn check(
    program: &Program,
    notes: &[Notes],
    rounds: &Rounds,
    declared: &Declared<'_>,
    compiler: &mut Compiler<'_>,
) {
    let graph = Graph { program, notes };
    silence::check(graph, compiler);
    queues::check(graph, compiler);
    loops::check(graph, rounds, compiler);
    early_media::check(graph, compiler);
    dead_branches::check(graph, compiler);
    facts::check(graph, compiler);
    whatsapp::check(graph, compiler);
    // A route that could not be read may be the one that is missed, or that makes another needless.
    if compiler.slips.above() == Above::Sound {
        emergency::check(graph, declared, compiler);
        overlaps::check(graph, declared, compiler);
    }
}

/// The steps of all flows and the ways between them, as long as the call lasts.
#[derive(Debug, Clone, Copy)]
struct Graph<'p> {
    program: &'p Program,
    notes: &'p [Notes],
}

impl<'p> Graph<'p> {
    fn steps(self) -> impl Iterator<Item = StepId> {
        (0..self.notes.len()).map(|index| StepId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn notes(self, step: StepId) -> &'p Notes {
        &self.notes[step.index()]
    }

    /// Its ways out, as long as the call lasts.
    fn ways(self, step: StepId) -> impl Iterator<Item = &'p Way> {
        // The block of `on-hangup` is no way that a call takes.
        let skipped = match self.program.step(step).sheet.children {
            Children::Afterwards => 1,
            _ => 0,
        };
        self.notes(step).ways.iter().skip(skipped)
    }

    /// Where the walk can be after this step; the end of the call is [`StepId::END`].
    fn after(self, step: StepId) -> impl Iterator<Item = StepId> {
        self.ways(step)
            .flat_map(move |way| match way.to {
                Goal::Step(next) => [Some(next), None],
                Goal::Flow(flow) => [Some(self.program.entry(flow)), None],
                Goal::Call(flow, next) => [Some(self.program.entry(flow)), Some(next)],
            })
            .flatten()
    }
}

/// The nodes from which one of these can be come to, themselves included.
fn leading_to(nodes: usize, edges: &[(usize, usize)], goals: Vec<usize>) -> Vec<bool> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for (from, to) in edges {
        before[*to].push(*from);
    }
    let mut leads = vec![false; nodes];
    let mut open = goals;
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut leads[node], true) {
            open.extend(&before[node]);
        }
    }
    leads
}
