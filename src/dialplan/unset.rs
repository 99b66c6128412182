//! Warns of texts and conditions that can use a variable before any step has given it a value.

use std::collections::BTreeMap;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::nesting::Called;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::template::VariableId;

pub(super) fn check(program: &Program, notes: &[Notes], called: &Called, compiler: &mut Compiler<'_>) {
    let variables = compiler.variable_by_name.len();
    if variables == 0 {
        return;
    }
    let mut search =
        Search { program, notes, variables, surely: BTreeMap::new(), returns: BTreeMap::new(), open: Vec::new() };
    for flow in &called.0 {
        let at_end = search.at_end_of(*flow);
        search.returns.insert(*flow, at_end);
    }
    for flow in program.flow_by_number.values() {
        search.arrive(program.entry(*flow), Surely::none(variables));
    }
    search.run(|_| true);
    // Only the API can start the others.
    for flow in program.flow_by_name.values() {
        let entry = program.entry(*flow);
        let unreached = entry != StepId::END && !search.surely.contains_key(&entry);
        if unreached && !compiler.slips.reach_to(*flow) {
            search.arrive(entry, Surely::none(variables));
            search.run(|_| true);
        }
    }
    search.warn(compiler);
}

/// The variables that surely have a value: a bit for each.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Surely(Box<[u64]>);

struct Search<'p> {
    program: &'p Program,
    notes: &'p [Notes],
    variables: usize,
    /// When the walk comes to a step, whichever way it came.
    surely: BTreeMap<StepId, Surely>,
    /// What a called flow has surely given a value when it comes back; none for one that never does.
    returns: BTreeMap<FlowId, Option<Surely>>,
    open: Vec<StepId>,
}

impl Search<'_> {
    /// Follows one flow by itself, as if nothing had a value before it.
    fn at_end_of(&mut self, flow: FlowId) -> Option<Surely> {
        self.arrive(self.program.entry(flow), Surely::none(self.variables));
        self.run(|goal| !matches!(goal, Goal::Flow(_)));
        let surely = std::mem::take(&mut self.surely);
        surely.get(&StepId::END).cloned()
    }

    fn run(&mut self, follows: fn(Goal) -> bool) {
        while let Some(step) = self.open.pop() {
            let (Some(note), Some(before)) = (self.notes.get(step.index()), self.surely.get(&step)) else {
                continue;
            };
            let mut after = before.clone();
            note.sets.iter().for_each(|variable| after.add(*variable));
            for way in note.ways.iter().filter(|way| follows(way.to)) {
                match way.to {
                    Goal::Step(next) => self.arrive(next, after.clone()),
                    Goal::Flow(flow) => self.arrive(self.program.entry(flow), after.clone()),
                    Goal::Call(flow, next) => self.call(flow, next, &after, follows),
                }
            }
        }
    }

    fn call(&mut self, flow: FlowId, next: StepId, before: &Surely, follows: fn(Goal) -> bool) {
        // Where one flow is followed by itself, the flows that it calls have been followed before.
        if follows(Goal::Flow(flow)) {
            self.arrive(self.program.entry(flow), before.clone());
        }
        if let Some(Some(returns)) = self.returns.get(&flow) {
            let mut after = returns.clone();
            after.add_all(before);
            self.arrive(next, after);
        }
    }

    fn arrive(&mut self, step: StepId, with: Surely) {
        match self.surely.get_mut(&step) {
            Some(known) => {
                if !known.keep_only(&with) {
                    return;
                }
            }
            None => {
                self.surely.insert(step, with);
            }
        }
        self.open.push(step);
    }

    fn warn(&self, compiler: &mut Compiler<'_>) {
        let names: BTreeMap<VariableId, String> =
            compiler.variable_by_name.iter().map(|(name, variable)| (variable.id, name.clone())).collect();
        for (step, surely) in &self.surely {
            let Some(note) = self.notes.get(step.index()) else {
                continue;
            };
            let mut warned: Vec<VariableId> = Vec::new();
            for variable in note.reads.iter().filter(|variable| !surely.has(**variable)) {
                if warned.contains(variable) {
                    continue;
                }
                warned.push(*variable);
                let name = names.get(variable).map_or("", String::as_str);
                let message = format!("`{name}` can be used here before it was given a value");
                let help = format!(
                    "It is empty then. Write `set \"{name}\" \"…\"` above, or give it a value on every way here."
                );
                compiler.faults.fault(Rule::UnsetVariable, note.span, message, Some(help));
            }
        }
    }
}

impl Surely {
    fn none(variables: usize) -> Surely {
        Surely(vec![0; variables.div_ceil(64)].into())
    }

    fn add(&mut self, variable: VariableId) {
        if let Some(bits) = self.0.get_mut(usize::from(variable.0) / 64) {
            *bits |= 1 << (variable.0 % 64);
        }
    }

    fn add_all(&mut self, others: &Surely) {
        self.0.iter_mut().zip(&others.0).for_each(|(bits, others)| *bits |= others);
    }

    /// Whether that changes anything.
    fn keep_only(&mut self, others: &Surely) -> bool {
        let mut changed = false;
        for (bits, others) in self.0.iter_mut().zip(&others.0) {
            changed |= *bits & others != *bits;
            *bits &= others;
        }
        changed
    }

    fn has(&self, variable: VariableId) -> bool {
        self.0.get(usize::from(variable.0) / 64).is_some_and(|bits| bits >> (variable.0 % 64) & 1 == 1)
    }
}
