//! Queues in which nobody answers, and those that turn a caller away without a word.

use std::collections::BTreeSet;

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    let mut told = BTreeSet::new();
    let called = called(graph);
    for step in graph.steps() {
        let queues = graph.notes(step).seen.values.iter().filter(|value| value.kind == Kind::Queue);
        for queue in queues {
            let agents = compiler.names.agents.get(&queue.text);
            if agents.is_none_or(Vec::is_empty) && told.insert(queue.text.as_str()) {
                let message = format!("queue `{}` has no agents: whoever waits there waits in vain", queue.text);
                let help = "List them in its [[queue]] table: `agents = [\"200\"]`.".to_owned();
                compiler.faults.fault(Rule::QueueWithoutAgents, queue.span, message, Some(help));
            }
            turned_away(graph, step, &queue.text, &called, compiler);
        }
    }
}

/// The ways out that are not written lead to the next step; where there is none, the call ends.
fn turned_away(graph: Graph<'_>, step: StepId, queue: &str, called: &BTreeSet<FlowId>, compiler: &mut Compiler<'_>) {
    let (notes, walked) = (graph.notes(step), graph.program.step(step));
    // A key that is not written does nothing.
    let unwritten: Vec<_> = notes.seen.unwritten.iter().filter(|branch| branch.value.is_none()).collect();
    let ends = walked.next == StepId::END && !called.contains(&walked.flow) && !compiler.slips.reach_to(walked.flow);
    if unwritten.is_empty() || !ends {
        return;
    }
    let names: Vec<String> = unwritten.iter().map(|branch| format!("`{}`", branch.name)).collect();
    let message = format!("a caller whom queue `{queue}` does not take ({}) is hung up on", names.join(", "));
    let help = "Write these ways out, or a step below: `timeout { voicemail \"geral\" }`.".to_owned();
    compiler.faults.fault(Rule::QueueWithoutOverflow, notes.span, message, Some(help));
}

/// The flows whose end is not the end of the call.
fn called(graph: Graph<'_>) -> BTreeSet<FlowId> {
    let ways = graph.notes.iter().flat_map(|notes| &notes.ways);
    ways.filter_map(|way| match way.to {
        Goal::Call(flow, _) => Some(flow),
        Goal::Step(_) | Goal::Flow(_) => None,
    })
    .collect()
}
