//! A checked dialplan → a picture of it: each flow a card with its steps, and lines to the flows, queues and mailboxes that
//! the steps lead to. Pure: the same program is always the same picture.
//!
//! No verb is known here by more than its colour: what a step leads to is read from its ways out and its sheet.

mod cards;
mod layers;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::walk::Spot;

/// How many callers stand at which step now.
pub type Live = BTreeMap<Spot, usize>;

/// What is to be drawn: gathered in a moment where the calls are, drawn where nobody waits.
#[derive(Debug)]
pub struct Picture {
    program: Arc<Program>,
    flow: Option<FlowId>,
    live: Live,
}

impl Picture {
    pub fn new(program: Arc<Program>, flow: Option<FlowId>, live: Live) -> Picture {
        Picture { program, flow, live }
    }

    pub fn svg(&self) -> String {
        svg(&self.program, self.flow, &self.live)
    }
}

/// As an SVG of its own, with colours for light and dark. With a flow: that one, and all that it leads to.
pub fn svg(program: &Program, flow: Option<FlowId>, live: &Live) -> String {
    let cards = cards::cards(program, flow, live);
    let plan = layers::arranged(&cards);
    svg::drawn(&cards, &plan)
}

/// As Mermaid text: each step a box, each way out an arrow.
pub fn mermaid(program: &Program, flow: Option<FlowId>) -> String {
    mermaid::written(program, &cards::shown_flows(program, flow))
}
