//! What could not be read, and what must therefore not be said: a fault in one line shall not be told again as ten others.
//!
//! A flow in which something was left out is set aside: to the checks of whole flows it is one step of which nothing is
//! known. It may answer, take time, give any variable a value, and lead anywhere that its text names.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::checks::seen::Seen;
use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::compile::Way;
use crate::dialplan::declarations::Declared;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;

/// The flows with faults, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Slips {
    /// In these, something was left out.
    flows: BTreeSet<FlowId>,
    /// These, and all that they may lead to.
    led_to: BTreeSet<FlowId>,
    above: Above,
}

/// The lines at the top of the files, tests apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Above {
    #[default]
    Sound,
    Faulty,
}

impl Slips {
    pub(super) fn set_aside(&mut self, flow: FlowId) {
        self.flows.insert(flow);
    }

    pub(super) fn slipped_above(&mut self) {
        self.above = Above::Faulty;
    }

    /// Whether nothing can be said of where calls to this flow come from, or go to: it has a fault, or one with a fault
    /// may lead to it.
    pub(super) fn reach_to(&self, flow: FlowId) -> bool {
        self.led_to.contains(&flow)
    }

    pub(super) fn above(&self) -> Above {
        self.above
    }
}

/// Puts one step of which nothing is known in the place of each flow with a fault.
pub(super) fn replace(
    program: &mut Program,
    notes: &mut Vec<Notes>,
    declared: &Declared<'_>,
    compiler: &mut Compiler<'_>,
) {
    let nodes: Vec<&Node> = declared.flows.iter().map(|(_, node)| *node).collect();
    compiler.slips.led_to = led_to(&nodes, &program.flow_by_name, compiler);
    for (step, note) in program.steps.iter().zip(notes.iter_mut()) {
        if compiler.slips.flows.contains(&step.flow) {
            note.ways.clear();
            note.seen.forget_ways();
        }
    }
    for flow in &compiler.slips.flows {
        let Some(node) = nodes.get(flow.0 as usize) else {
            continue;
        };
        program.flows[flow.0 as usize].entry = StepId(u32::try_from(notes.len()).unwrap_or(u32::MAX - 1));
        program.steps.push(unknown_step(*flow));
        notes.push(unknown_notes(node, compiler));
    }
}

/// Where a name is unknown, or a line above the flows, any flow may have been meant.
fn led_to(nodes: &[&Node], flows: &BTreeMap<String, FlowId>, compiler: &Compiler<'_>) -> BTreeSet<FlowId> {
    if compiler.faults.has(Rule::UnknownFlow) || compiler.slips.above == Above::Faulty {
        return flows.values().copied().collect();
    }
    let mut led_to = BTreeSet::new();
    let mut open: Vec<FlowId> = compiler.slips.flows.iter().copied().collect();
    while let Some(flow) = open.pop() {
        if let (true, Some(node)) = (led_to.insert(flow), nodes.get(flow.0 as usize)) {
            named(node, flows, &mut open);
        }
    }
    led_to
}

/// Calls itself for each block within; the guard of the reader bounds how deep they stand.
fn named(node: &Node, flows: &BTreeMap<String, FlowId>, found: &mut Vec<FlowId>) {
    for child in node.children.iter().flatten() {
        let arguments = child.arguments.iter().map(|argument| &argument.value);
        let values = arguments.chain(child.properties.iter().map(|property| &property.value));
        found.extend(values.filter_map(|value| match value {
            Raw::Text(text) => flows.get(text).copied(),
            Raw::Integer(_) | Raw::Other(_) => None,
        }));
        named(child, flows, found);
    }
}

static UNKNOWN: Sheet = Sheet {
    name: "flow",
    help: "A flow in which something is wrong.",
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Caller,
    ..Sheet::PLAIN
};

fn unknown_step(flow: FlowId) -> Step {
    Step {
        action: Box::new(Nothing),
        sheet: &UNKNOWN,
        next: StepId::END,
        flow,
        file: 0,
        line: 0,
        text: "".into(),
        exits: Box::default(),
    }
}

fn unknown_notes(node: &Node, compiler: &Compiler<'_>) -> Notes {
    Notes {
        span: node.head_span(),
        ways: vec![Way { to: Goal::Step(StepId::END), time: Time::Takes }],
        prompts: Vec::new(),
        language: None,
        language_after: None,
        reads: Vec::new(),
        sets: compiler.variable_by_name.values().map(|variable| variable.id).collect(),
        seen: Seen::default(),
        previous: None,
    }
}

/// Nobody walks through a dialplan with faults.
#[derive(Debug)]
struct Nothing;

impl Action for Nothing {
    fn begin(&self, _moment: &mut Moment<'_>) -> Turn {
        Turn::Next
    }
}
