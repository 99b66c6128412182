//! Which flows `call` which: a flow that calls itself would never come to its end, and a row of calls has a limit.

use std::collections::BTreeMap;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::walk::MOST_CALLS_WITHIN;

/// The flows that are called, each after all that it calls itself.
#[derive(Debug, Default)]
pub(super) struct Called(pub(super) Vec<FlowId>);

/// None where flows call each other in a round or too deep, which is reported.
pub(super) fn check(program: &Program, notes: &[Notes], compiler: &mut Compiler<'_>) -> Option<Called> {
    let calls = calls(program, notes);
    let mut search = Search { calls: &calls, depths: BTreeMap::new(), called: Called::default(), sound: true };
    for flow in calls.keys() {
        search.from(*flow, program, compiler);
    }
    search.sound.then_some(search.called)
}

/// Flow → the flows that its steps call, and where.
type Calls = BTreeMap<FlowId, Vec<(FlowId, Span)>>;

fn calls(program: &Program, notes: &[Notes]) -> Calls {
    let mut calls = Calls::new();
    for (step, note) in program.steps.iter().zip(notes) {
        for way in &note.ways {
            if let Goal::Call(called, _) = way.to {
                calls.entry(step.flow).or_default().push((called, note.span));
            }
        }
    }
    calls
}

struct Search<'c> {
    calls: &'c Calls,
    /// How many flows are called within each other from there on; none while the flow is on the way.
    depths: BTreeMap<FlowId, Option<usize>>,
    called: Called,
    sound: bool,
}

impl Search<'_> {
    /// Depth first, with a list of its own instead of calls: ten thousand flows may call each other.
    fn from(&mut self, start: FlowId, program: &Program, compiler: &mut Compiler<'_>) {
        let mut way: Vec<(FlowId, usize)> = vec![(start, 0)];
        while let Some((flow, turn)) = way.last_mut() {
            let (here, at) = (*flow, *turn);
            *turn += 1;
            if at == 0 && self.depths.contains_key(&here) {
                way.pop();
                continue;
            }
            self.depths.entry(here).or_insert(None);
            let Some((called, span)) = self.calls.get(&here).and_then(|calls| calls.get(at)) else {
                self.leave(here, compiler);
                way.pop();
                continue;
            };
            match self.depths.get(called) {
                None => way.push((*called, 0)),
                Some(None) => self.report_round(&way, *called, *span, program, compiler),
                Some(Some(_)) => {}
            }
        }
    }

    fn leave(&mut self, flow: FlowId, compiler: &mut Compiler<'_>) {
        let mut deepest = 0;
        for (called, span) in self.calls.get(&flow).into_iter().flatten() {
            let depth = self.depths.get(called).copied().flatten().unwrap_or(0) + 1;
            // Only where the limit is passed: the flows above it follow from that.
            if depth == MOST_CALLS_WITHIN + 1 {
                self.sound = false;
                let message = format!("from here more than {MOST_CALLS_WITHIN} flows call each other");
                let help = "Use `go` where the walk need not come back.".to_owned();
                compiler.faults.fault(Rule::CallDepth, *span, message, Some(help));
            }
            deepest = deepest.max(depth);
        }
        self.depths.insert(flow, Some(deepest));
        self.called.0.push(flow);
    }

    fn report_round(
        &mut self,
        way: &[(FlowId, usize)],
        called: FlowId,
        span: Span,
        program: &Program,
        compiler: &mut Compiler<'_>,
    ) {
        self.sound = false;
        let from = way.iter().position(|(flow, _)| *flow == called).unwrap_or(0);
        let names: Vec<&str> = way[from..].iter().map(|(flow, _)| program.name_of(*flow)).collect();
        let message = match names.as_slice() {
            [alone] => format!("flow `{alone}` calls itself"),
            several => format!("flows `{}` call each other in a round", several.join("` → `")),
        };
        let help = "A called flow comes back where it ends. To begin one anew, write `go`.".to_owned();
        compiler.faults.fault(Rule::CallRound, span, message, Some(help));
    }
}
