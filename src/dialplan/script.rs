//! `test` blocks: what is set up, who calls, what is done and what is expected, line by line.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::dialplan::compile::Compiler;
use crate::dialplan::conditions::caller::WITHHELD;
use crate::dialplan::declarations::TEST;
use crate::dialplan::document::Node;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::fill;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::manner::Manner;
use crate::dialplan::manner::TALKS_FOR;
use crate::dialplan::program::FlowId;
use crate::dialplan::rule::Rule;
use crate::dialplan::setting::Setting;
use crate::dialplan::source::Span;
use crate::dialplan::stand_in;
use crate::dialplan::stand_in::StandIn;
use crate::dialplan::statements::STATEMENTS;
use crate::dialplan::verbs::message::CALLER;
use crate::dialplan::walk::Caller;
use crate::outage::ChannelState;

/// One `test` block, ready to be run.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) file: u16,
    pub(super) line: u32,
    pub(super) at: Timestamp,
    pub(super) channels: Vec<ChannelChange>,
    pub(super) settings: Vec<Setting>,
    pub(super) manners: BTreeMap<String, Manner>,
    pub(super) stand_ins: Vec<StandIn>,
    pub(super) callbacks: BookingOutcome,
    pub(super) parked: Vec<String>,
    pub(super) caller: Caller,
    pub(super) flow: FlowId,
    pub(super) lines: Vec<Line>,
}

/// A channel's state from a moment after the call's beginning on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelChange {
    pub(super) after: Duration,
    pub(super) channel: String,
    pub(super) state: ChannelState,
}

/// One line after the call has begun.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) text: String,
    pub(super) act: Act,
    /// How long an expectation may take to come true.
    pub(super) within: Duration,
}

#[derive(Debug)]
pub(super) enum Act {
    Press(String),
    Pass(Duration),
    HangUp,
    Change(ChannelChange),
    PickUp { talks: Duration },
    StandIn(StandIn),
    Set(Setting),
    Expect(Expectation),
}

#[derive(Debug)]
pub(super) enum Expectation {
    Hears(String),
    HearsFirst { who: String, prompt: String },
    Parks,
    HandsOn(String),
    Consents(&'static str),
    Says(String),
    Reaches(FlowId),
    Rings(String),
    Texts { to: Option<String>, containing: Option<String> },
    Records(String),
    Joins(String),
    Emits { name: String, containing: Option<String> },
    Books { queue: String, number: Option<String> },
    Asks { url: String, containing: Option<String> },
    Ends(Option<&'static str>),
}

/// A test that says no time is on an ordinary Monday at nine in the morning in São Paulo.
const ORDINARY_MONDAY: Timestamp = Timestamp::constant(1_767_614_400, 0);
const WITHIN: Duration = Duration::from_secs(30);
const CALLER_NUMBER: &str = "+5511999998888";
/// What a call shows whose caller withholds the number.
const ANONYMOUS: &str = "anonymous";
const CALL_ID: &str = "call_rehearsal";

/// Compiles all tests. What is wrong with one is reported; the others are compiled all the same.
pub(super) fn tests(
    nodes: &[&Node],
    flow_by_number: &BTreeMap<String, FlowId>,
    compiler: &mut Compiler<'_>,
) -> Vec<Test> {
    let tests = nodes.iter();
    let tests = tests.filter_map(|node| test(node, flow_by_number, compiler));
    tests.collect()
}

fn test(node: &Node, flow_by_number: &BTreeMap<String, FlowId>, compiler: &mut Compiler<'_>) -> Option<Test> {
    let name = fill(node, TEST.form(), compiler).map(|filled| filled.text("name"));
    let mut draft = Draft::default();
    for line in node.children.as_deref().unwrap_or_default() {
        draft.line(line, compiler);
    }
    let Some((caller, span)) = draft.call else {
        let message = "this test makes no call".to_owned();
        let help = "Add a line such as `call from=\"+5511999998888\" to=\"+551140031234\"`.";
        compiler.faults.fault(Rule::TestCall, node.head_span(), message, Some(help.to_owned()));
        return None;
    };
    let Some(flow) = flow_by_number.get(&caller.to) else {
        no_such_number(&caller.to, span, flow_by_number, compiler);
        return None;
    };
    let span = node.head_span();
    Some(Test {
        name: name?,
        file: span.file,
        line: compiler.faults.line(span),
        at: draft.at.unwrap_or(ORDINARY_MONDAY),
        channels: draft.channels,
        settings: draft.settings,
        manners: draft.manners,
        stand_ins: draft.stand_ins,
        callbacks: draft.callbacks.unwrap_or(BookingOutcome::Booked),
        parked: draft.parked,
        caller,
        flow: *flow,
        lines: draft.lines,
    })
}

fn no_such_number(number: &str, span: Span, flow_by_number: &BTreeMap<String, FlowId>, compiler: &mut Compiler<'_>) {
    // A number that is itself faulty has been reported where it stands.
    if compiler.faults.has_faults() {
        return;
    }
    let message = format!("no `number` line says where {number} leads");
    let help = choices("numbers", flow_by_number.keys().map(String::as_str), number);
    compiler.faults.fault(Rule::TestNumber, span, message, Some(help));
}

#[derive(Debug, Default)]
struct Draft {
    at: Option<Timestamp>,
    channels: Vec<ChannelChange>,
    settings: Vec<Setting>,
    manners: BTreeMap<String, Manner>,
    stand_ins: Vec<StandIn>,
    callbacks: Option<BookingOutcome>,
    parked: Vec<String>,
    call: Option<(Caller, Span)>,
    lines: Vec<Line>,
}

impl Draft {
    fn line(&mut self, node: &Node, compiler: &mut Compiler<'_>) {
        let mut known = STATEMENTS.iter();
        let Some(statement) = known.find(|known| known.name == node.name) else {
            let names = STATEMENTS.iter().map(|known| known.name);
            let message = format!("`{}` cannot stand in a test", node.name);
            let help = choices("possible", names, &node.name);
            return compiler.faults.fault(Rule::UnknownWord, node.name_span, message, Some(help));
        };
        if node.children.is_some() {
            let message = format!("`{}` has no block", node.name);
            compiler.faults.fault(Rule::NoBlock, node.name_span, message, None);
        }
        let Some(filled) = fill(node, statement.form(), compiler) else {
            // A call that is written, but wrong, must not be reported as missing as well.
            if statement.name == "call" {
                self.call.get_or_insert((nobody(), node.head_span()));
            }
            return;
        };
        match statement.name {
            "parked" if self.call.is_none() => self.parked.push(filled.text("slot")),
            "at" | "agent" | "call" | "callbacks" | "parked" => self.before(statement.name, &filled, node, compiler),
            "channel" if self.call.is_none() => self.channels.push(change(&filled)),
            "http" if self.call.is_none() => self.stand_ins.push(stand_in::read(&filled)),
            name if self.call.is_none() => match Setting::read(name, &filled) {
                Some(setting) => self.settings.push(setting),
                None => self.after(&filled, node, compiler),
            },
            _ => self.after(&filled, node, compiler),
        }
    }

    fn before(&mut self, name: &str, filled: &Filled, node: &Node, compiler: &mut Compiler<'_>) {
        let span = node.head_span();
        if self.call.is_some() {
            let (rule, message) = match name {
                "call" => (Rule::TestCall, "a test makes one call".to_owned()),
                name => (Rule::TestOrder, format!("`{name}` stands above the call")),
            };
            let help = "Write another test for another call.";
            return compiler.faults.fault(rule, span, message, Some(help.to_owned()));
        }
        match name {
            "at" => self.at = Some(filled.moment("moment")),
            "callbacks" => self.callbacks = Some(stand_in::callbacks(filled)),
            "agent" => {
                let who = filled.targets("phone").into_iter().map(|who| who.text().to_owned());
                self.manners.extend(who.map(|who| (who, Manner::read(filled))));
            }
            _ => {
                let from = filled.maybe_text("from");
                let from = match from.as_deref() {
                    None => CALLER_NUMBER,
                    Some(WITHHELD) => ANONYMOUS,
                    Some(from) => from,
                };
                let name = filled.maybe_text("name").unwrap_or_default();
                let caller = Caller::new(from, filled.text("to"), filled.maybe_text("trunk"));
                let caller = Caller { name, call_id: CALL_ID.to_owned(), call_number: 1, ..caller };
                self.call = Some((caller, span));
            }
        }
    }

    fn after(&mut self, filled: &Filled, node: &Node, compiler: &mut Compiler<'_>) {
        let span = node.head_span();
        let Some((caller, _)) = &self.call else {
            let message = format!("`{}` stands above the call", node.name);
            let help = "Write it below the `call` line.".to_owned();
            return compiler.faults.fault(Rule::TestOrder, span, message, Some(help));
        };
        let Some(act) = act(&node.name, filled, caller) else {
            return;
        };
        self.lines.push(Line {
            number: compiler.faults.line(span),
            text: compiler.faults.text(span).to_owned(),
            act,
            within: filled.maybe_duration("within").unwrap_or(WITHIN),
        });
    }
}

fn act(name: &str, filled: &Filled, caller: &Caller) -> Option<Act> {
    if let Some(setting) = Setting::read(name, filled) {
        return Some(Act::Set(setting));
    }
    let expectation = match name {
        "press" => return Some(Act::Press(filled.text("keys"))),
        "passes" => return Some(Act::Pass(filled.duration("time"))),
        "hangs-up" => return Some(Act::HangUp),
        "picks-up" => {
            return Some(Act::PickUp { talks: filled.maybe_duration("talks").unwrap_or(TALKS_FOR) });
        }
        "parks" => Expectation::Parks,
        "hands-on" => Expectation::HandsOn(filled.targets("to").pop()?.text().to_owned()),
        "consents" => Expectation::Consents(filled.word("answer")),
        "channel" => return Some(Act::Change(change(filled))),
        "http" => return Some(Act::StandIn(stand_in::read(filled))),
        "hears" => match filled.targets("who").pop() {
            Some(who) => Expectation::HearsFirst { who: who.text().to_owned(), prompt: filled.text("prompt") },
            None => Expectation::Hears(filled.text("prompt")),
        },
        "says" => Expectation::Says(filled.text("text")),
        "reaches" => Expectation::Reaches(filled.flow("flow")),
        "rings" => Expectation::Rings(filled.targets("phone").pop()?.text().to_owned()),
        "texts" => Expectation::Texts {
            to: filled.maybe_text("to").map(|to| match to.as_str() {
                CALLER => caller.from.clone(),
                _ => to,
            }),
            containing: filled.maybe_text("containing"),
        },
        "records" => Expectation::Records(filled.text("what")),
        "emits" => Expectation::Emits { name: filled.text("name"), containing: filled.maybe_text("containing") },
        "books" => Expectation::Books { queue: filled.text("queue"), number: filled.maybe_text("number") },
        "asks" => Expectation::Asks { url: filled.text("url"), containing: filled.maybe_text("containing") },
        "joins" => Expectation::Joins(filled.text("conference")),
        _ => Expectation::Ends(filled.maybe_word("cause")),
    };
    Some(Act::Expect(expectation))
}

fn change(filled: &Filled) -> ChannelChange {
    ChannelChange {
        after: filled.maybe_duration("after").unwrap_or_default(),
        channel: filled.text("channel"),
        state: match filled.word("state") {
            "degraded" => ChannelState::Degraded,
            "down" => ChannelState::Down,
            "recovering" => ChannelState::Recovering,
            _ => ChannelState::Up,
        },
    }
}

/// Stands in for a caller who was written wrongly; the test is never run.
fn nobody() -> Caller {
    Caller::new("", "", None)
}
