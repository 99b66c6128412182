//! What the picture is made of: cards with rows, and which row leads to which card.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::compile::Goal;
use crate::dialplan::exit::Exit;
use crate::dialplan::graph::Live;
use crate::dialplan::kind::Kind;
use crate::dialplan::lexer::Lexeme;
use crate::dialplan::lexer::Lexer;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Children;
use crate::dialplan::walk::Spot;

#[derive(Debug)]
pub(super) struct Card {
    pub(super) sort: Sort,
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    /// Callers who are in it now.
    pub(super) live: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Number,
    Flow,
    Queue,
    Mailbox,
}

/// One step of a flow.
#[derive(Debug)]
pub(super) struct Row {
    /// In blocks.
    pub(super) depth: usize,
    /// The way out that begins here.
    pub(super) label: Option<String>,
    pub(super) text: String,
    pub(super) tone: Tone,
    pub(super) live: usize,
    /// Cards that it leads to.
    pub(super) leads: Vec<usize>,
}

/// What a step is to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Choice,
    Queue,
    Mailbox,
    Dial,
    /// On to another flow.
    Onward,
    End,
    /// What nobody wrote.
    Silent,
}

/// The flows of the picture, in the order of the files: all, or one and those that it leads to.
pub(super) fn shown_flows(program: &Program, first: Option<FlowId>) -> Vec<FlowId> {
    let all = (0..program.flows.len()).filter_map(|at| u32::try_from(at).ok()).map(FlowId);
    let Some(first) = first else {
        return all.collect();
    };
    let mut shown = BTreeSet::new();
    let mut open = vec![first];
    while let Some(flow) = open.pop() {
        if shown.insert(flow) {
            let steps = program.steps.iter().filter(|step| step.flow == flow);
            open.extend(steps.flat_map(flows_of));
        }
    }
    shown.into_iter().collect()
}

fn flows_of(step: &Step) -> impl Iterator<Item = FlowId> {
    step.exits.iter().filter_map(|exit| flow_of(exit.to))
}

pub(super) fn flow_of(goal: Goal) -> Option<FlowId> {
    match goal {
        Goal::Flow(flow) | Goal::Call(flow, _) => Some(flow),
        Goal::Step(_) => None,
    }
}

fn called(program: &Program) -> BTreeSet<FlowId> {
    let exits = program.steps.iter().flat_map(|step| &step.exits);
    let called = exits.filter_map(|exit| match exit.to {
        Goal::Call(flow, _) => Some(flow),
        Goal::Step(_) | Goal::Flow(_) => None,
    });
    called.collect()
}

/// The step in the same flow that a way out comes to in the end.
fn goes_on_to(goal: Goal) -> Option<StepId> {
    match goal {
        Goal::Step(step) | Goal::Call(_, step) => Some(step),
        Goal::Flow(_) => None,
    }
}

pub(super) fn cards(program: &Program, first: Option<FlowId>, live: &Live) -> Vec<Card> {
    let flows = shown_flows(program, first);
    let mut making = Making {
        program,
        live,
        cards: Vec::new(),
        card_by_flow: BTreeMap::new(),
        places: BTreeMap::new(),
        called: called(program),
    };
    for flow in &flows {
        let at = making.add(Sort::Flow, program.name_of(*flow));
        making.card_by_flow.insert(*flow, at);
    }
    for flow in &flows {
        let rows = making.rows(program.entry(*flow), StepId::END, 0);
        let at = making.card_by_flow[flow];
        making.cards[at].live = rows.iter().map(|row| row.live).sum();
        making.cards[at].rows = rows;
    }
    making.numbers();
    making.cards
}

struct Making<'p> {
    program: &'p Program,
    live: &'p Live,
    cards: Vec<Card>,
    card_by_flow: BTreeMap<FlowId, usize>,
    /// Queues and mailboxes.
    places: BTreeMap<(Sort, String), usize>,
    /// Flows that calls come back from.
    called: BTreeSet<FlowId>,
}

impl Making<'_> {
    fn add(&mut self, sort: Sort, title: &str) -> usize {
        self.cards.push(Card { sort, title: title.to_owned(), rows: Vec::new(), live: 0 });
        self.cards.len() - 1
    }

    fn numbers(&mut self) {
        for (number, flow) in self.program.numbers() {
            if let Some(card) = self.card_by_flow.get(&flow).copied() {
                let at = self.add(Sort::Number, number);
                let mut row = Row::new(0, "", Tone::Onward);
                row.leads.push(card);
                self.cards[at].rows.push(row);
            }
        }
    }

    /// The steps from one on to another, blocks within. Calls itself for each block; the reader bounds how deep they stand.
    fn rows(&mut self, from: StepId, until: StepId, depth: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut id = from;
        while id != until && id != StepId::END {
            let step = self.program.step(id);
            rows.push(self.row(id, step, depth));
            for exit in &step.exits {
                self.branch(step, exit, depth, &mut rows);
            }
            let goes_on = step.exits.iter().any(|exit| goes_on_to(exit.to) == Some(step.next));
            if step.next == StepId::END && until == StepId::END && goes_on {
                rows.push(self.end(step.flow, depth));
            }
            id = step.next;
        }
        rows
    }

    fn branch(&mut self, step: &Step, exit: &Exit, depth: usize, rows: &mut Vec<Row>) {
        let is_apart = matches!(step.sheet.children, Children::Afterwards);
        let Goal::Step(entry) = exit.to else {
            return;
        };
        if entry == step.next || (exit.label.is_none() && !is_apart) {
            return;
        }
        let until = if is_apart { StepId::END } else { step.next };
        let mut inner = match entry == StepId::END {
            true => vec![self.end(step.flow, depth + 1)],
            false => self.rows(entry, until, depth + 1),
        };
        if is_apart {
            inner.retain(|row| row.tone != Tone::Silent);
        }
        if let Some(first) = inner.first_mut() {
            first.label = exit.label.as_deref().map(short_label);
        }
        rows.extend(inner);
    }

    fn row(&mut self, id: StepId, step: &Step, depth: usize) -> Row {
        let mut row = Row::new(depth, &step.text, tone(step));
        row.live = self.live.get(&Spot::new(id)).copied().unwrap_or(0);
        row.leads.extend(flows_of(step).filter_map(|flow| self.card_by_flow.get(&flow).copied()));
        let place = match row.tone {
            Tone::Queue => Some(Sort::Queue),
            Tone::Mailbox => Some(Sort::Mailbox),
            _ => None,
        };
        if let (Some(sort), Some(name)) = (place, first_argument(&step.text)) {
            let at = self.place(sort, &name);
            self.cards[at].live += row.live;
            row.leads.push(at);
        }
        row
    }

    /// What comes after the last step of a flow.
    fn end(&self, flow: FlowId, depth: usize) -> Row {
        let text = match self.called.contains(&flow) {
            true => "goes back",
            false => "the call ends",
        };
        Row::new(depth, text, Tone::Silent)
    }

    fn place(&mut self, sort: Sort, name: &str) -> usize {
        let key = (sort, name.to_owned());
        if let Some(at) = self.places.get(&key) {
            return *at;
        }
        let at = self.add(sort, name);
        self.places.insert(key, at);
        at
    }
}

impl Row {
    fn new(depth: usize, text: &str, tone: Tone) -> Row {
        Row { depth, label: None, text: text.to_owned(), tone, live: 0, leads: Vec::new() }
    }
}

/// By the sheet as far as it tells; a verb that is not named here is drawn as any other.
pub(super) fn tone(step: &Step) -> Tone {
    let sheet = step.sheet;
    let takes_a_queue = sheet.arguments.first().is_some_and(|parameter| parameter.kind == Kind::Queue);
    match sheet.name {
        _ if takes_a_queue => Tone::Queue,
        "voicemail" | "mailbox" => Tone::Mailbox,
        "dial" | "conference" | "pickup" | "transfer" => Tone::Dial,
        _ if step.exits.iter().any(|exit| flow_of(exit.to).is_some()) => Tone::Onward,
        _ if sheet.after == After::Never => Tone::End,
        _ if step.exits.iter().filter(|exit| exit.label.is_some()).count() > 1 => Tone::Choice,
        _ => Tone::Plain,
    }
}

/// `key "1"` → `1`; `no` → `else`.
fn short_label(label: &str) -> String {
    match label {
        "no" => "else".to_owned(),
        label => match label.strip_prefix("key ").and_then(|_| first_argument(label)) {
            Some(key) => key,
            None => label.to_owned(),
        },
    }
}

/// The value behind the step's word; properties may stand before it.
fn first_argument(step: &str) -> Option<String> {
    let mut lexer = Lexer::new(step);
    let _word = lexer.next();
    loop {
        match lexer.next().lexeme {
            Lexeme::Text(_) if lexer.take_equals() => drop(lexer.next()),
            Lexeme::Text(argument) => return Some(argument),
            Lexeme::EndOfFile | Lexeme::Wrong(_) => return None,
            _ => {}
        }
    }
}
