//! A dialplan that has been checked: steps in one flat list, each with the place of the next.
//!
//! Nothing in it changes; all callers share it, and a caller who came before a reload keeps the one he began with.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dialplan::action::Action;
use crate::dialplan::difference::Part;
use crate::dialplan::exit::Exit;
use crate::dialplan::hours::Hours;
use crate::dialplan::hours::OpenState;
use crate::dialplan::list::List;
use crate::dialplan::list::ListId;
use crate::dialplan::routes::Route;
use crate::dialplan::routes::Routes;
use crate::dialplan::script::Test;
use crate::dialplan::verb::Sheet;

/// A flow, by its place in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub(super) u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HoursId(pub(super) u32);

/// A step, by its place in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StepId(pub(super) u32);

impl StepId {
    /// Behind the last step of a flow: the call ends.
    pub(super) const END: StepId = StepId(u32::MAX);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The checked dialplan.
#[derive(Debug)]
pub struct Program {
    pub(super) flows: Vec<Flow>,
    pub(super) steps: Vec<Step>,
    pub(super) hours: Vec<Hours>,
    pub(super) lists: Vec<List>,
    /// Whose clock `{date}` and `{time}` tell.
    pub(super) zone: TimeZone,
    pub(super) routes: Routes,
    pub(super) flow_by_number: BTreeMap<String, FlowId>,
    pub(super) flow_by_name: BTreeMap<String, FlowId>,
    /// `goodbye`, `invalid-key`, `conference-pin`: prompts that the engine itself speaks with, where they exist.
    pub(super) phrases: BTreeSet<(String, String)>,
    pub(super) paths: Vec<String>,
    pub(super) tests: Vec<Test>,
    /// What stands at the top of the files, tests apart, in their order.
    pub(super) parts: Vec<Part>,
    pub(super) language: String,
    pub(super) hash: String,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) name: String,
    pub(super) entry: StepId,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) action: Box<dyn Action>,
    pub(super) sheet: &'static Sheet,
    pub(super) next: StepId,
    pub(super) flow: FlowId,
    pub(super) file: u16,
    pub(super) line: u32,
    /// As the owner wrote it, without the block.
    pub(super) text: Box<str>,
    /// Every way on, once.
    pub(super) exits: Box<[Exit]>,
}

impl Program {
    /// The flow that answers for a number of ours, in E.164, or for a code, which is ours alone.
    pub fn flow_for(&self, called: &str) -> Option<FlowId> {
        self.flow_by_number.get(called).copied()
    }

    /// The route that a call to this number, in E.164, takes to the outside.
    pub fn route_for(&self, number: &str) -> Option<&Route> {
        self.routes.route_for(number)
    }

    /// Whether this is a code, which nobody outside may dial.
    pub fn is_code(&self, called: &str) -> bool {
        !called.starts_with('+') && self.flow_by_number.contains_key(called)
    }

    /// Whether a step may park callers in this slot.
    pub fn has_slot(&self, slot: u32) -> bool {
        self.steps.iter().filter_map(|step| step.action.slots()).any(|slots| slots.contains(&slot))
    }

    pub fn flow_named(&self, name: &str) -> Option<FlowId> {
        self.flow_by_name.get(name).copied()
    }

    /// Whether these hours are open; hours that a later dialplan does not know are.
    pub fn is_open(&self, hours: &str, at: Timestamp) -> bool {
        let mut known = self.hours.iter();
        known.find(|known| known.name == hours).is_none_or(|known| known.state_at(at) == OpenState::Open)
    }

    pub fn name_of(&self, flow: FlowId) -> &str {
        &self.flows[flow.0 as usize].name
    }

    /// Our numbers, and the flows that they lead to.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, FlowId)> {
        let numbers = self.flow_by_number.iter();
        numbers.map(|(number, flow)| (number.as_str(), *flow))
    }

    /// The flows' names, in the order of the files.
    pub fn flows(&self) -> impl Iterator<Item = &str> {
        self.flows.iter().map(|flow| flow.name.as_str())
    }

    /// SHA-256 over the files' texts, in hexadecimal: which dialplan a call went through.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How many `test` blocks there are.
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }

    pub(super) fn list(&self, id: ListId) -> &List {
        &self.lists[id.0 as usize]
    }

    pub(super) fn step(&self, id: StepId) -> &Step {
        &self.steps[id.index()]
    }

    pub(super) fn entry(&self, flow: FlowId) -> StepId {
        self.flows[flow.0 as usize].entry
    }

    pub(super) fn place(&self, file: u16, line: u32) -> String {
        format!("{}:{line}", self.paths[usize::from(file)])
    }

    pub(super) fn speaks(&self, prompt: &str, language: &str) -> bool {
        let key = (prompt.to_owned(), language.to_owned());
        self.phrases.contains(&key)
    }
}
