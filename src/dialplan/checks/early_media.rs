//! Early media that comes too late, and announcements that cost the caller though they need not.

use std::collections::BTreeMap;

use crate::dialplan::checks::Graph;
use crate::dialplan::checks::leading_to;
use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Needs;

/// What the caller may hear of us when the walk comes to a step: any of these bits.
type Audio = u8;
const NOTHING: Audio = 1;
const EARLY: Audio = 2;
const ANSWERED: Audio = 4;

/// The step that begins early media.
const PROGRESS: &str = "progress";

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    let hearing = Hearing::of(graph);
    let worth_it = before_a_talk(graph);
    for step in graph.steps() {
        let (sheet, notes, heard) = (graph.program.step(step).sheet, graph.notes(step), hearing.at[step.index()]);
        // A flow with a fault may lead here before the call is answered.
        let is_sure = !compiler.slips.reach_to(graph.program.step(step).flow);
        if sheet.name == PROGRESS && heard == ANSWERED && is_sure {
            let message = "the call is answered by then: what follows is no longer free for the caller".to_owned();
            let help = "Write `progress` above the first step that answers, or remove it.".to_owned();
            compiler.faults.fault(Rule::LateProgress, notes.span, message, Some(help));
        }
        if sheet.needs == Needs::Audio && heard & NOTHING != 0 && !worth_it[step.index()] {
            let message = format!("`{}` answers the call, and the caller pays for an announcement alone", sheet.name);
            let help =
                "Write `progress` above it, and it is heard at no cost; or `answer`, if that is meant.".to_owned();
            compiler.faults.fault(Rule::CostlyAnnouncement, notes.span, message, Some(help));
        }
    }
}

/// What callers to our numbers hear of us. A call that the API begins has been answered.
#[derive(Debug, Default)]
struct Hearing {
    /// When the walk comes to a step.
    at: Vec<Audio>,
    /// Where a flow has ended.
    behind: BTreeMap<FlowId, Audio>,
    /// Where a walk goes on that has called a flow: the flow of the `call`, and the step after it.
    callers: BTreeMap<FlowId, Vec<(FlowId, StepId)>>,
    open: Vec<(FlowId, StepId, Audio)>,
}

impl Hearing {
    fn of(graph: Graph<'_>) -> Hearing {
        let mut hearing = Hearing { at: vec![0; graph.notes.len()], ..Hearing::default() };
        for flow in graph.program.flow_by_number.values() {
            hearing.open.push((*flow, graph.program.entry(*flow), NOTHING));
        }
        while let Some((flow, step, heard)) = hearing.open.pop() {
            match step {
                StepId::END => hearing.on_end(flow, heard),
                _ => hearing.on_step(flow, step, heard, graph),
            }
        }
        hearing
    }

    fn on_end(&mut self, flow: FlowId, heard: Audio) {
        let behind = self.behind.entry(flow).or_default();
        if *behind & heard == heard {
            return;
        }
        *behind |= heard;
        let callers = self.callers.get(&flow).into_iter().flatten();
        self.open.extend(callers.map(|(caller, next)| (*caller, *next, *behind)));
    }

    fn on_step(&mut self, flow: FlowId, step: StepId, heard: Audio, graph: Graph<'_>) {
        let before = self.at[step.index()];
        if before & heard == heard {
            return;
        }
        self.at[step.index()] |= heard;
        let after = after(graph, step, before | heard);
        for way in graph.ways(step) {
            match way.to {
                Goal::Step(next) => self.open.push((flow, next, after)),
                Goal::Flow(other) => self.open.push((other, graph.program.entry(other), after)),
                Goal::Call(called, next) => {
                    self.open.push((called, graph.program.entry(called), after));
                    if before == 0 {
                        self.callers.entry(called).or_default().push((flow, next));
                        self.open.extend(self.behind.get(&called).map(|behind| (flow, next, *behind)));
                    }
                }
            }
        }
    }
}

/// The steps after which somebody may be talked to, behind the `call` of their flow too.
fn before_a_talk(graph: Graph<'_>) -> Vec<bool> {
    let steps = graph.notes.len();
    // A node for each step, and one for the end of each flow.
    let node = |flow: FlowId, step: StepId| match step {
        StepId::END => steps + flow.0 as usize,
        _ => step.index(),
    };
    let entry = |flow| node(flow, graph.program.entry(flow));
    let mut edges = Vec::new();
    for step in graph.steps() {
        let (here, flow) = (step.index(), graph.program.step(step).flow);
        for way in graph.ways(step) {
            match way.to {
                Goal::Step(next) => edges.push((here, node(flow, next))),
                Goal::Flow(other) => edges.push((here, entry(other))),
                Goal::Call(called, next) => {
                    let next = node(flow, next);
                    edges.extend([(here, entry(called)), (node(called, StepId::END), next), (here, next)]);
                }
            }
        }
    }
    let talks = |step: &StepId| {
        let sheet = graph.program.step(*step).sheet;
        sheet.needs == Needs::Answer || sheet.after == After::BranchOrNext
    };
    let talks = graph.steps().filter(talks).map(StepId::index).collect();
    leading_to(steps + graph.program.flows.len(), &edges, talks)
}

fn after(graph: Graph<'_>, step: StepId, heard: Audio) -> Audio {
    let sheet = graph.program.step(step).sheet;
    match sheet.needs {
        Needs::Answer => ANSWERED,
        Needs::Audio if heard & NOTHING != 0 => heard & !NOTHING | ANSWERED,
        _ if sheet.name == PROGRESS && heard & NOTHING != 0 => heard & !NOTHING | EARLY,
        _ => heard,
    }
}
