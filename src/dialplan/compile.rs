//! Blocks of steps → the program's flat list.
//!
//! A block is compiled from its end, so that each step is told which one follows it. Beside each step stand notes for
//! the checks that look at whole flows ([`super::reach`], [`super::rounds`]); the program itself does not carry them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::cases::OTHERWISE;
use crate::dialplan::checks::seen::Seen;
use crate::dialplan::document::Node;
use crate::dialplan::document::Property;
use crate::dialplan::document::Raw;
use crate::dialplan::exit::exits;
use crate::dialplan::fault::Faults;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::FilledBranch;
use crate::dialplan::fill::Form;
use crate::dialplan::fill::fill;
use crate::dialplan::kind::Kind;
use crate::dialplan::list::ListId;
use crate::dialplan::names::Names;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::routes::Routes;
use crate::dialplan::rule::Rule;
use crate::dialplan::slips::Slips;
use crate::dialplan::source::Span;
use crate::dialplan::template::VariableId;
use crate::dialplan::variable::Variables;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Detail;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verbs;

/// What is known while files are compiled, and what has come of it.
pub(super) struct Compiler<'a> {
    pub(super) names: &'a Names,
    pub(super) faults: Faults<'a>,
    pub(super) languages: BTreeSet<String>,
    pub(super) flow_by_name: BTreeMap<String, FlowId>,
    pub(super) hours_by_name: BTreeMap<String, u32>,
    pub(super) list_by_name: BTreeMap<String, ListId>,
    pub(super) variable_by_name: Variables,
    pub(super) routes: Routes,
    /// That may be shown to whoever is called.
    pub(super) own_numbers: BTreeSet<String>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<Notes>,
    pub(super) reading: Reading,
    pub(super) slips: Slips,
    flow: FlowId,
    block: Block,
}

/// Whether every file could be read. A name may stand in one that could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Complete,
    Incomplete,
}

/// When the steps of a block run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    DuringTheCall,
    Afterwards,
}

/// What the checks of whole flows want to know of a step.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) span: Span,
    pub(super) ways: Vec<Way>,
    /// The prompts that it plays, and where they are named.
    pub(super) prompts: Vec<(String, Span)>,
    /// The language of its prompts, where it is not the caller's.
    pub(super) language: Option<String>,
    pub(super) language_after: Option<String>,
    /// The variables whose values it uses, and those that it gives one.
    pub(super) reads: Vec<VariableId>,
    pub(super) sets: Vec<VariableId>,
    pub(super) seen: Seen,
    /// The step above it in the same block.
    pub(super) previous: Option<StepId>,
}

/// One way on from a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) to: Goal,
    pub(super) time: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goal {
    Step(StepId),
    /// For good.
    Flow(FlowId),
    /// The flow's steps, and where they end, on with this step.
    Call(FlowId, StepId),
}

/// What the branches of a `when` are called among themselves.
pub(super) const CASE: &str = "case";

impl<'a> Compiler<'a> {
    pub(super) fn new(names: &'a Names, faults: Faults<'a>) -> Compiler<'a> {
        Compiler {
            names,
            faults,
            languages: names.languages(),
            flow_by_name: BTreeMap::new(),
            hours_by_name: BTreeMap::new(),
            list_by_name: BTreeMap::new(),
            variable_by_name: Variables::new(),
            routes: Routes::default(),
            own_numbers: names.numbers_of_trunks(),
            steps: Vec::new(),
            notes: Vec::new(),
            reading: Reading::Complete,
            slips: Slips::default(),
            flow: FlowId(0),
            block: Block::DuringTheCall,
        }
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.reading == Reading::Incomplete
    }

    /// Compiles the steps of a flow and returns the first.
    pub(super) fn flow(&mut self, flow: FlowId, nodes: &[Node]) -> StepId {
        self.flow = flow;
        let before = self.faults.fault_count();
        let entry = self.block(nodes, StepId::END);
        if self.faults.fault_count() > before {
            self.slips.set_aside(flow);
        }
        entry
    }

    /// Calls itself for each block within; the guard of the reader bounds how deep they stand.
    fn block(&mut self, nodes: &[Node], after: StepId) -> StepId {
        let mut next = after;
        let mut waiting_else: Option<&Node> = None;
        for node in nodes.iter().rev() {
            if node.name == "else" {
                self.lone_else(waiting_else.replace(node));
                continue;
            }
            let its_else = waiting_else.take();
            if node.name != "if" {
                self.lone_else(its_else);
            }
            let step = self.step(node, its_else, next);
            if next != after && step != next {
                self.notes[next.index()].previous = Some(step);
            }
            next = step;
        }
        self.lone_else(waiting_else);
        next
    }

    fn lone_else(&mut self, node: Option<&Node>) {
        if let Some(node) = node {
            let help = "It stands on the line after the closing brace of its `if`.";
            let message = "this `else` follows no `if`".to_owned();
            self.faults.fault(Rule::LoneElse, node.name_span, message, Some(help.to_owned()));
        }
    }

    /// Adds a step and returns its place; where it has faults, the place of the next.
    fn step(&mut self, node: &Node, its_else: Option<&Node>, next: StepId) -> StepId {
        let Some(verb) = verbs::find(&node.name) else {
            self.unknown_verb(node);
            return next;
        };
        self.runs_here(node, verb.sheet());
        let mut filled = verb.read(node, self);
        let children = self.children(node, verb.sheet(), next);
        let otherwise = self.else_block(its_else, next);
        let (Some(filled), Some(children)) = (&mut filled, children) else {
            return next;
        };
        filled.branches = children.branches;
        filled.details = children.details;
        filled.steps = children.steps;
        filled.otherwise = otherwise;
        let wrong = verb.check_among(filled, self);
        for (message, help) in &wrong {
            let head = node.head_span();
            self.faults.fault(Rule::StepValues, head, message.clone(), Some(help.clone()));
        }
        match wrong.is_empty() {
            true => self.add(verb, node, filled, next),
            false => next,
        }
    }

    fn add(&mut self, verb: &dyn Compile, node: &Node, filled: &Filled, next: StepId) -> StepId {
        let sheet = verb.sheet();
        let span = node.head_span();
        let ways = ways(sheet, filled, next);
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX - 1));
        self.steps.push(Step {
            action: verb.compile(filled),
            sheet,
            next,
            flow: self.flow,
            file: span.file,
            line: self.faults.line(span),
            text: one_line(self.faults.text(span)),
            exits: exits(node, sheet, filled, &ways, &self.faults),
        });
        self.notes.push(Notes {
            span,
            ways,
            prompts: prompts(node, sheet),
            language: node.properties.iter().find_map(own_language),
            language_after: verb.language_after(filled),
            reads: filled.all_read_variables().collect(),
            sets: filled.all_set_variables().collect(),
            seen: Seen::of(node, &verb.properties(), sheet, filled),
            previous: None,
        });
        id
    }

    fn unknown_verb(&mut self, node: &Node) {
        let message = format!("`{}` is not a step", node.name);
        let help = (!self.faults.is_full()).then(|| choices("steps", verbs::names(), &node.name));
        self.faults.fault(Rule::UnknownStep, node.name_span, message, help);
    }

    fn runs_here(&mut self, node: &Node, sheet: &Sheet) {
        if self.block == Block::Afterwards && sheet.needs != Needs::Nobody {
            let able = verbs::VERBS.iter().map(|verb| verb.sheet());
            let able = able.filter(|sheet| sheet.needs == Needs::Nobody);
            let able: Vec<&str> = able.map(|sheet| sheet.name).collect();
            let message = format!("`{}` cannot run after the call is over", node.name);
            let help = format!("These can: {}.", able.join(", "));
            self.faults.fault(Rule::AfterTheCall, node.name_span, message, Some(help));
        }
    }

    fn else_block(&mut self, node: Option<&Node>, next: StepId) -> StepId {
        let Some(node) = node else {
            return next;
        };
        let form = Form { name: "else", arguments: &[], properties: &[], example: "else { hangup }" };
        fill(node, form, self);
        self.block(node.children.as_deref().unwrap_or_default(), next)
    }

    fn children(&mut self, node: &Node, sheet: &Sheet, next: StepId) -> Option<Filled> {
        let nodes = node.children.as_deref().unwrap_or_default();
        let mut filled = Filled::default();
        match sheet.children {
            Children::None if node.children.is_some() => {
                let message = format!("`{}` has no block", sheet.name);
                let help = "The steps that follow it stand below it.".to_owned();
                self.faults.fault(Rule::NoBlock, node.name_span, message, Some(help));
                return None;
            }
            Children::None => {}
            Children::Steps => filled.steps = self.block(nodes, next),
            Children::Afterwards => {
                let outer = std::mem::replace(&mut self.block, Block::Afterwards);
                filled.steps = self.block(nodes, StepId::END);
                self.block = outer;
            }
            Children::Cases => filled.branches = self.cases(nodes, next),
            Children::Branches(known) => return self.branches(nodes, sheet, known, next),
        }
        Some(filled)
    }

    /// The blocks of a `when`, in their order; what stands before them has been read with its line.
    fn cases(&mut self, nodes: &[Node], next: StepId) -> Vec<FilledBranch> {
        let cases = nodes.iter().map(|node| {
            let name = if node.name == OTHERWISE { OTHERWISE } else { CASE };
            FilledBranch { name, key: None, entry: self.block(node.children.as_deref().unwrap_or_default(), next) }
        });
        cases.collect()
    }

    fn branches(&mut self, nodes: &[Node], sheet: &Sheet, known: &'static [Branch], next: StepId) -> Option<Filled> {
        let mut filled = Filled::default();
        let mut sound = true;
        for node in nodes {
            if let Some(detail) = sheet.details.iter().find(|detail| detail.name == node.name) {
                match self.detail(node, detail) {
                    Some(written) => filled.details.push((detail.name, written)),
                    None => sound = false,
                }
                continue;
            }
            let Some(branch) = known.iter().find(|branch| branch.name == node.name) else {
                self.unknown_branch(node, sheet, known);
                sound = false;
                continue;
            };
            match self.branch(node, branch, &filled, next) {
                Some(written) => filled.branches.push(written),
                None => sound = false,
            }
        }
        sound.then_some(filled)
    }

    fn detail(&mut self, node: &Node, detail: &'static Detail) -> Option<Filled> {
        if node.children.is_some() {
            let message = format!("`{}` has no block", detail.name);
            self.faults.fault(Rule::NoBlock, node.name_span, message, None);
            return None;
        }
        let Detail { name, arguments, properties, help } = *detail;
        fill(node, Form { name, arguments, properties, example: help }, self)
    }

    fn branch(&mut self, node: &Node, branch: &'static Branch, before: &Filled, next: StepId) -> Option<FilledBranch> {
        let values = self.branch_values(node, branch);
        let entry = self.block(node.children.as_deref().unwrap_or_default(), next);
        let written = FilledBranch { name: branch.name, key: values?.maybe_key(branch.name), entry };
        let mut earlier = before.branches.iter();
        if earlier.any(|other| other.name == written.name && other.key == written.key) {
            let text = self.faults.text(node.head_span()).to_owned();
            let message = format!("`{text}` is written twice");
            self.faults.fault(Rule::WrittenTwice, node.head_span(), message, None);
            return None;
        }
        Some(written)
    }

    /// What stands after the branch's name; none where that is wrong.
    fn branch_values(&mut self, node: &Node, branch: &'static Branch) -> Option<Filled> {
        let value = branch.value;
        let value = value.map(|kind| Parameter::required(branch.name, kind, "which one is meant"));
        let form =
            Form { name: branch.name, arguments: value.as_slice(), properties: &[], example: "key \"1\" { hangup }" };
        fill(node, form, self)
    }

    fn unknown_branch(&mut self, node: &Node, sheet: &Sheet, known: &'static [Branch]) {
        let message = format!("`{}` is no way out of `{}`", node.name, sheet.name);
        let details = sheet.details.iter().map(|detail| detail.name);
        let names = known.iter().map(|branch| branch.name).chain(details);
        let help = (!self.faults.is_full()).then(|| choices("ways out", names, &node.name));
        self.faults.fault(Rule::UnknownBranch, node.name_span, message, help);
    }
}

fn own_language(property: &Property) -> Option<String> {
    match &property.value {
        Raw::Text(language) if property.name == "language" => Some(language.clone()),
        _ => None,
    }
}

fn prompts(node: &Node, sheet: &Sheet) -> Vec<(String, Span)> {
    let written = node.arguments.iter().enumerate().filter_map(|(at, argument)| {
        let parameter = sheet.arguments.get(at).or(sheet.arguments.last())?;
        match &argument.value {
            Raw::Text(prompt) if parameter.kind == Kind::Prompt => Some((prompt.clone(), argument.span)),
            _ => None,
        }
    });
    let in_properties = node.properties.iter().filter_map(|property| {
        let parameter = sheet.properties.iter().find(|known| known.name == property.name)?;
        match &property.value {
            Raw::Text(prompt) if parameter.kind == Kind::Prompt => Some((prompt.clone(), property.span)),
            _ => None,
        }
    });
    let own = sheet.speaks_with.iter();
    let own = own.map(|prompt| ((*prompt).to_owned(), node.name_span));
    written.chain(in_properties).chain(own).collect()
}

/// Every way on from a step, those of unwritten branches included.
fn ways(sheet: &Sheet, filled: &Filled, next: StepId) -> Vec<Way> {
    let to = |step, time| Way { to: Goal::Step(step), time };
    let mut ways = match (sheet.children, sheet.after) {
        (Children::Steps, _) => vec![to(filled.steps, sheet.time), to(filled.otherwise, sheet.time)],
        (Children::Afterwards, _) => vec![to(filled.steps, Time::Takes), to(next, sheet.time)],
        (Children::Cases, _) => cases(filled, next).map(|entry| to(entry, sheet.time)).collect(),
        (_, After::Next) => vec![to(next, sheet.time)],
        (_, After::Return) => vec![to(StepId::END, sheet.time)],
        (_, After::Call | After::BranchOrNext | After::BranchesOnly | After::Never) => Vec::new(),
    };
    for branch in sheet.branches() {
        let written = filled.branches.iter().filter(|written| written.name == branch.name);
        let before = ways.len();
        ways.extend(written.map(|written| to(written.entry, branch.time)));
        if ways.len() > before {
            continue;
        }
        let fallback = branch.fallback.and_then(|name| filled.branch(name));
        match fallback {
            Some(entry) => ways.push(to(entry, branch.time)),
            None if sheet.after == After::BranchOrNext => ways.push(to(next, branch.time)),
            None => {}
        }
    }
    let goal = |flow| match sheet.after {
        After::Call => Goal::Call(flow, next),
        _ => Goal::Flow(flow),
    };
    let flows = filled.flows().map(|flow| Way { to: goal(flow), time: sheet.time });
    ways.extend(flows);
    ways
}

/// The blocks of a `when`, and the next step where none needs be taken.
fn cases(filled: &Filled, next: StepId) -> impl Iterator<Item = StepId> {
    let passed_over = filled.branch(OTHERWISE).is_none().then_some(next);
    filled.branches.iter().map(|branch| branch.entry).chain(passed_over)
}

/// A step may be written over several lines, and be long; the trail shows its beginning.
pub(super) fn one_line(text: &str) -> Box<str> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "\\").collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]).into(),
        None => line.into(),
    }
}

const LONGEST_LINE: usize = 100;
