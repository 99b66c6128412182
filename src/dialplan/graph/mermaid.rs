//! The picture as Mermaid text: each flow a box, each step in it a shape, each way out an arrow with its words.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::dialplan::compile::Goal;
use crate::dialplan::graph::cards::Tone;
use crate::dialplan::graph::cards::tone;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;

pub(super) fn written(program: &Program, flows: &[FlowId]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let numbers = program.numbers().filter(|(_, flow)| flows.contains(flow));
    for (place, (number, flow)) in numbers.enumerate() {
        let start = target(program, Goal::Flow(flow), flow);
        line(&mut text, format_args!("    n{place}([\"{}\"]) --> {start}", safe(number)));
    }
    for flow in flows {
        line(&mut text, format_args!("    subgraph f{}[\"{}\"]", flow.0, safe(program.name_of(*flow))));
        if program.entry(*flow) == StepId::END {
            line(&mut text, format_args!("        e{}((\"end\"))", flow.0));
        }
        for (step, id) in in_reading_order(program, *flow) {
            let (open, close) = match tone(step) {
                Tone::Choice => ("{{\"", "\"}}"),
                Tone::Queue => ("[(\"", "\")]"),
                Tone::Mailbox => ("[/\"", "\"/]"),
                Tone::End => ("([\"", "\"])"),
                Tone::Plain | Tone::Dial | Tone::Onward | Tone::Silent => ("[\"", "\"]"),
            };
            line(&mut text, format_args!("        s{id}{open}{}{close}", safe(&step.text)));
        }
        text.push_str("    end\n");
    }
    arrows(program, flows, &mut text);
    text
}

/// Blocks are compiled from their end: a step that stands above has a later place in the program.
fn in_reading_order(program: &Program, flow: FlowId) -> Vec<(&Step, u32)> {
    let mut steps: Vec<(&Step, u32)> =
        program.steps.iter().zip(0_u32..).filter(|(step, _)| step.flow == flow).collect();
    steps.sort_by_key(|(step, id)| (step.file, step.line, Reverse(*id)));
    steps
}

fn arrows(program: &Program, flows: &[FlowId], text: &mut String) {
    let mut ends = BTreeSet::new();
    for (step, id) in program.steps.iter().zip(0_u32..).filter(|(step, _)| flows.contains(&step.flow)) {
        for exit in &step.exits {
            if exit.to == Goal::Step(StepId::END) && ends.insert(step.flow) {
                line(text, format_args!("    e{}((\"end\"))", step.flow.0));
            }
            let to = target(program, exit.to, step.flow);
            if let Goal::Call(_, next) = exit.to {
                line(text, format_args!("    s{id} -.-> {to}"));
                line(text, format_args!("    s{id} --> {}", target(program, Goal::Step(next), step.flow)));
                continue;
            }
            match exit.label.as_deref() {
                Some(label) => line(text, format_args!("    s{id} -->|\"{}\"| {to}", safe(label))),
                None => line(text, format_args!("    s{id} --> {to}")),
            }
        }
    }
}

fn target(program: &Program, goal: Goal, here: FlowId) -> String {
    let (step, flow) = match goal {
        Goal::Step(step) => (step, here),
        Goal::Flow(flow) | Goal::Call(flow, _) => (program.entry(flow), flow),
    };
    match step {
        StepId::END => format!("e{}", flow.0),
        step => format!("s{}", step.0),
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("writing to a string does not fail");
}

/// In Mermaid's quotes.
fn safe(text: &str) -> String {
    let plain = text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    plain.replace(['\n', '\r', '`', '|'], " ")
}
