//! Follows every way through the flows: which are never come to, and which prompts are wanted in which language.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Notes;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;

/// Warns of flows and steps that no call comes to; a prompt that a caller would miss is a fault.
pub(super) fn check(program: &Program, notes: &[Notes], flow_spans: &[Span], compiler: &mut Compiler<'_>) {
    let mut search = Search::new(program, notes);
    for flow in program.flow_by_number.values() {
        search.enter(*flow, &program.language);
    }
    search.run();
    let unreached = unreached_flows(program, &search.flows);
    for flow in &unreached {
        if !compiler.slips.reach_to(*flow) {
            warn_of_flow(program, *flow, flow_spans, compiler);
        }
        // The API can start it; so its prompts are wanted as well.
        search.enter(*flow, &program.language);
        search.run();
    }
    warn_of_steps(program, &search, notes, compiler);
    missing_prompts(&search, notes, compiler);
}

/// A step, the language in which it is come to, and the call within which that is.
type Standing = (StepId, usize, Option<Call>);

/// A flow that was called, and the language in which it was.
type Call = (FlowId, usize);

/// A search along all ways, once for each language in which a step can be come to.
struct Search<'p> {
    program: &'p Program,
    notes: &'p [Notes],
    languages: Vec<&'p str>,
    seen: BTreeSet<Standing>,
    flows: BTreeSet<FlowId>,
    open: Vec<Standing>,
    /// Call → the languages in which it comes back, and where it comes back to.
    returned_in: BTreeMap<Call, BTreeSet<usize>>,
    returns_to: BTreeMap<Call, BTreeSet<(StepId, Option<Call>)>>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program, notes: &'p [Notes]) -> Search<'p> {
        Search {
            program,
            notes,
            languages: Vec::new(),
            seen: BTreeSet::new(),
            flows: BTreeSet::new(),
            open: Vec::new(),
            returned_in: BTreeMap::new(),
            returns_to: BTreeMap::new(),
        }
    }

    fn enter(&mut self, flow: FlowId, language: &'p str) {
        let language = self.language(language);
        self.enter_in(flow, language);
    }

    fn enter_in(&mut self, flow: FlowId, language: usize) {
        self.flows.insert(flow);
        self.open.push((self.program.entry(flow), language, None));
    }

    fn run(&mut self) {
        while let Some((step, language, within)) = self.open.pop() {
            if step == StepId::END {
                self.come_back(language, within);
                continue;
            }
            if !self.seen.insert((step, language, within)) {
                continue;
            }
            let notes = &self.notes[step.index()];
            let after = notes.language_after.as_deref();
            let language = after.map_or(language, |after| self.language(after));
            for way in &notes.ways {
                match way.to {
                    Goal::Step(next) => self.open.push((next, language, within)),
                    Goal::Flow(flow) => self.enter_in(flow, language),
                    Goal::Call(flow, next) => self.call((flow, language), next, within),
                }
            }
        }
    }

    fn call(&mut self, call: Call, next: StepId, within: Option<Call>) {
        let (flow, language) = call;
        self.flows.insert(flow);
        self.open.push((self.program.entry(flow), language, Some(call)));
        if self.returns_to.entry(call).or_default().insert((next, within)) {
            let languages = self.returned_in.get(&call).into_iter().flatten();
            self.open.extend(languages.map(|language| (next, *language, within)));
        }
    }

    /// The end of a flow: of a called one, in this language, or of the call.
    fn come_back(&mut self, language: usize, within: Option<Call>) {
        let Some(call) = within else {
            return;
        };
        if self.returned_in.entry(call).or_default().insert(language) {
            let places = self.returns_to.get(&call).into_iter().flatten();
            self.open.extend(places.map(|(next, within)| (*next, language, *within)));
        }
    }

    fn language(&mut self, language: &'p str) -> usize {
        let known = self.languages.iter().position(|known| *known == language);
        known.unwrap_or_else(|| {
            self.languages.push(language);
            self.languages.len() - 1
        })
    }

    fn reaches(&self, step: StepId) -> bool {
        let first = self.seen.range((step, 0, None)..).next();
        first.is_some_and(|(reached, ..)| *reached == step)
    }
}

fn unreached_flows(program: &Program, reached: &BTreeSet<FlowId>) -> Vec<FlowId> {
    let all = program.flow_by_name.values().copied();
    all.filter(|flow| !reached.contains(flow)).collect()
}

fn warn_of_flow(program: &Program, flow: FlowId, spans: &[Span], compiler: &mut Compiler<'_>) {
    let message = format!("no number and no step leads to flow `{}`", program.name_of(flow));
    let help = "Only the API can send a call there; if that is not meant, remove it.".to_owned();
    compiler.faults.fault(Rule::LostFlow, spans[flow.0 as usize], message, Some(help));
}

/// Only the first step of a row that is never come to: the others follow from it.
fn warn_of_steps(program: &Program, search: &Search<'_>, notes: &[Notes], compiler: &mut Compiler<'_>) {
    for (note, index) in notes.iter().zip(0..) {
        let Some(previous) = note.previous.filter(|previous| search.reaches(*previous)) else {
            continue;
        };
        if !search.reaches(StepId(index)) {
            let above = program.step(previous).sheet.name;
            let message = format!("no call comes here: `{above}` above does not go on");
            compiler.faults.fault(Rule::LostStep, note.span, message, Some("Remove it, or move it up.".to_owned()));
        }
    }
}

fn missing_prompts(search: &Search<'_>, notes: &[Notes], compiler: &mut Compiler<'_>) {
    let mut missing: BTreeMap<(Span, &str), BTreeSet<&str>> = BTreeMap::new();
    for (step, language, _) in &search.seen {
        let note = &notes[step.index()];
        let language = note.language.as_deref().unwrap_or(search.languages[*language]);
        for (prompt, span) in &note.prompts {
            let languages = compiler.names.prompts.get(prompt);
            // A flow with a fault may lead here in another language.
            let may_be_other = languages.is_some_and(|languages| !languages.is_empty())
                && note.language.is_none()
                && compiler.slips.reach_to(search.program.step(*step).flow);
            if !may_be_other && !languages.is_some_and(|languages| languages.contains(language)) {
                missing.entry((*span, prompt)).or_default().insert(language);
            }
        }
    }
    for ((span, prompt), languages) in missing {
        let wanted: Vec<String> = languages.iter().map(|it| format!("`{it}`")).collect();
        let message = format!("prompt `{prompt}` is missing in {}", wanted.join(" and "));
        let there = compiler.names.prompts.get(prompt).into_iter().flatten();
        let there: Vec<&str> = there.map(String::as_str).collect();
        let first = languages.first().copied().unwrap_or_default();
        let folder = format!("Put {prompt}.wav into dialplans/prompts/{first}/.");
        let help = match there.is_empty() {
            true => folder,
            false => format!("It exists in: {}. {folder}", there.join(", ")),
        };
        compiler.faults.fault(Rule::MissingPrompt, span, message, Some(help));
    }
}
