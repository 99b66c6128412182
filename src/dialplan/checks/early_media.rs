//! Early media that comes too late, and announcements that cost the caller though they need not.

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
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
    let audio = audio(graph);
    let talks = |step: &StepId| {
        let sheet = graph.program.step(*step).sheet;
        sheet.needs == Needs::Answer || sheet.after == After::BranchOrNext
    };
    let worth_it = graph.leading_to(graph.steps().filter(talks));
    for step in graph.steps() {
        let (sheet, notes, heard) = (graph.program.step(step).sheet, graph.notes(step), audio[step.index()]);
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

/// Of each step, for calls to our numbers. A call that the API begins has been answered.
fn audio(graph: Graph<'_>) -> Vec<Audio> {
    let mut audio = vec![0; graph.notes.len()];
    let entries = graph.program.flow_by_number.values().map(|flow| graph.program.entry(*flow));
    let mut open: Vec<(StepId, Audio)> = entries.map(|entry| (entry, NOTHING)).collect();
    while let Some((step, heard)) = open.pop() {
        if step == StepId::END || audio[step.index()] & heard == heard {
            continue;
        }
        audio[step.index()] |= heard;
        let after = after(graph, step, audio[step.index()]);
        open.extend(graph.after(step).map(|next| (next, after)));
    }
    audio
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
