//! `test` blocks: what is set up, who calls, what is done and what is expected, line by line.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::dialplan::compile::Compiler;
use crate::dialplan::conditions::caller::WITHHELD;
use crate::dialplan::declarations::Declaration;
use crate::dialplan::declarations::TEST;
use crate::dialplan::document::Node;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::fill;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::manner::MANNERS;
use crate::dialplan::manner::Manner;
use crate::dialplan::manner::TALKS_FOR;
use crate::dialplan::program::FlowId;
use crate::dialplan::rule::Rule;
use crate::dialplan::setting;
use crate::dialplan::setting::Setting;
use crate::dialplan::source::Span;
use crate::dialplan::stand_in;
use crate::dialplan::stand_in::FAILURES;
use crate::dialplan::stand_in::StandIn;
use crate::dialplan::verb::Parameter;
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

/// `normal`, and the causes of `reject`.
const CAUSES: &[&str] = &["normal", "busy", "declined", "no-answer", "unreachable", "not-found", "failed"];

const WITHIN_PARAMETER: Parameter = Parameter::optional(
    "within",
    Kind::Duration,
    "30s",
    "how long it may take; that time passes if it does not come true",
);

/// Every line that may stand in a test.
pub(super) const STATEMENTS: &[Declaration] = &[
    Declaration {
        name: "at",
        help: "When the call is made. Default: a Monday, nine in the morning in São Paulo.",
        arguments: &[Parameter::required("moment", Kind::Moment, "date and time")],
        properties: &[],
        example: "at \"2026-11-23T12:39:00-03:00\"",
    },
    Declaration {
        name: "channel",
        help: "A channel is up or down: before the call, or from here on. Default: every channel is up.",
        arguments: &[
            Parameter::required("channel", Kind::Channel, "which"),
            Parameter::required("state", Kind::Word(&["up", "degraded", "down", "recovering"]), "its state"),
        ],
        properties: &[Parameter::optional("after", Kind::Duration, "at once", "after this time")],
        example: "channel \"whatsapp\" \"down\"",
    },
    Declaration {
        name: "agent",
        help: "What somebody does when their phone rings. Default: the phone is registered and nobody answers.",
        arguments: &[
            Parameter::required("phone", Kind::Target, "whose"),
            Parameter::required("manner", Kind::Word(MANNERS), "what they do"),
        ],
        properties: &[
            Parameter::optional("after", Kind::Duration, "3s", "how long it rings before that"),
            Parameter::optional("talks", Kind::Duration, "60s", "how long they talk"),
            Parameter::optional(
                "accepts",
                Kind::Word(&["yes", "no"]),
                "yes",
                "whether they take a call that is announced to them",
            ),
        ],
        example: "agent \"200\" answers after=\"5s\"",
    },
    setting::QUEUE,
    setting::CALLS,
    setting::SEED,
    Declaration {
        name: "http",
        help: "What another program answers when an `http` step asks it, from here on. What no such line answers is out of \
               reach: a test asks nobody outside.",
        arguments: &[
            Parameter::required("method", Kind::Name, "of the question"),
            Parameter::required("url", Kind::Name, "as it is asked; a final `*` stands for any further signs"),
        ],
        properties: &[
            Parameter::optional("gives", Kind::Name, "nothing", "the answer's body"),
            Parameter::optional("status", Kind::Integer { least: 200, most: 599 }, "200", "its status"),
            Parameter::optional("after", Kind::Duration, "at once", "how long it takes"),
            Parameter::optional("fails", Kind::Word(FAILURES), "it answers", "why it does not answer"),
        ],
        example: "http \"GET\" \"https://api.loja.example/pedidos*\" gives=#\"{\"pedidos\":[]}\"# after=\"1s\"",
    },
    Declaration {
        name: "callbacks",
        help: "What becomes of wishes to be called back. Default: they are booked.",
        arguments: &[Parameter::required(
            "state",
            Kind::Word(&["booked", "full", "refused"]),
            "`full`: as many are open as may; `refused`: the number is not one that we call",
        )],
        properties: &[],
        example: "callbacks \"full\"",
    },
    Declaration {
        name: "parked",
        help: "Somebody is parked in this slot before the call.",
        arguments: &[Parameter::required("slot", Kind::Keys, "its number")],
        properties: &[],
        example: "parked \"701\"",
    },
    Declaration {
        name: "call",
        help: "The call begins. What stands above it is set up before, what stands below happens after.",
        arguments: &[],
        properties: &[
            Parameter::optional("from", Kind::Anyone, "+5511999998888", "who calls; `withheld` shows no number"),
            Parameter::required("to", Kind::Called, "which of our numbers is called, or which code"),
            Parameter::optional("trunk", Kind::Trunk, "none", "the trunk that the call comes through"),
            Parameter::optional("name", Kind::Name, "none", "the caller's name as the call shows it"),
        ],
        example: "call from=\"+5511999998888\" to=\"+551140031234\"",
    },
    Declaration {
        name: "press",
        help: "The caller presses keys.",
        arguments: &[Parameter::required("keys", Kind::Keys, "which")],
        properties: &[],
        example: "press \"1\"",
    },
    Declaration {
        name: "passes",
        help: "Time passes.",
        arguments: &[Parameter::required("time", Kind::Duration, "how much")],
        properties: &[],
        example: "passes \"90s\"",
    },
    Declaration {
        name: "hangs-up",
        help: "The caller hangs up.",
        arguments: &[],
        properties: &[],
        example: "hangs-up",
    },
    Declaration {
        name: "picks-up",
        help: "Somebody picks up the caller, who is parked.",
        arguments: &[],
        properties: &[Parameter::optional("talks", Kind::Duration, "60s", "how long they talk")],
        example: "picks-up talks=\"2m\"",
    },
    Declaration {
        name: "hears",
        help: "Expected: the prompt begins, after all that was heard in lines above.",
        arguments: &[Parameter::required("prompt", Kind::Prompt, "which")],
        properties: &[
            Parameter::optional("who", Kind::Target, "the caller", "whoever answered and hears it before the talk"),
            WITHIN_PARAMETER,
        ],
        example: "hears \"main-menu\"",
    },
    Declaration {
        name: "says",
        help: "Expected: a `say` says this.",
        arguments: &[Parameter::required("text", Kind::Name, "digits, number or text")],
        properties: &[WITHIN_PARAMETER],
        example: "says \"4711\"",
    },
    Declaration {
        name: "reaches",
        help: "Expected: the caller comes to this flow.",
        arguments: &[Parameter::required("flow", Kind::Flow, "which")],
        properties: &[WITHIN_PARAMETER],
        example: "reaches \"recado\"",
    },
    Declaration {
        name: "rings",
        help: "Expected: this phone rings.",
        arguments: &[Parameter::required("phone", Kind::Target, "whose")],
        properties: &[WITHIN_PARAMETER],
        example: "rings \"200\"",
    },
    Declaration {
        name: "texts",
        help: "Expected: a text is sent.",
        arguments: &[],
        properties: &[
            Parameter::optional("to", Kind::Recipient, "anybody", "to whom"),
            Parameter::optional("containing", Kind::Name, "anything", "words in it"),
            WITHIN_PARAMETER,
        ],
        example: "texts to=\"caller\" containing=\"WhatsApp\"",
    },
    Declaration {
        name: "records",
        help: "Expected: the caller can leave a message, or the call is recorded.",
        arguments: &[Parameter::required(
            "what",
            Kind::Name,
            "the mailbox, or the `name` of the `record` step; `call` where it has none",
        )],
        properties: &[WITHIN_PARAMETER],
        example: "records \"geral\"",
    },
    Declaration {
        name: "joins",
        help: "Expected: the caller comes into this conference, in which others are.",
        arguments: &[Parameter::required("conference", Kind::Name, "which")],
        properties: &[WITHIN_PARAMETER],
        example: "joins \"equipe\"",
    },
    Declaration {
        name: "emits",
        help: "Expected: an `event` step tells of this.",
        arguments: &[Parameter::required("name", Kind::Name, "the event's name")],
        properties: &[
            Parameter::optional("containing", Kind::Name, "anything", "a part of its fields: `fone=+5511`"),
            WITHIN_PARAMETER,
        ],
        example: "emits \"pedido.consultado\" containing=\"fone=+5511\"",
    },
    Declaration {
        name: "books",
        help: "Expected: a callback is booked.",
        arguments: &[Parameter::required("queue", Kind::Queue, "whose agents will talk to him")],
        properties: &[
            Parameter::optional("number", Kind::Name, "any", "which number is called, as it was shown or typed"),
            WITHIN_PARAMETER,
        ],
        example: "books \"vendas\" number=\"+5511999998888\"",
    },
    Declaration {
        name: "asks",
        help: "Expected: an `http` step asks this address.",
        arguments: &[Parameter::required("url", Kind::Name, "which; a final `*` stands for any further signs")],
        properties: &[Parameter::optional("containing", Kind::Name, "anything", "words in the body"), WITHIN_PARAMETER],
        example: "asks \"https://api.loja.example/pedidos?fone=%2B5511*\"",
    },
    Declaration {
        name: "parks",
        help: "Expected: the caller is parked.",
        arguments: &[],
        properties: &[WITHIN_PARAMETER],
        example: "parks",
    },
    Declaration {
        name: "hands-on",
        help: "Expected: the caller's trunk is asked to connect him with this number. It does so unless its `agent` line says otherwise.",
        arguments: &[Parameter::required("to", Kind::Target, "whom")],
        properties: &[WITHIN_PARAMETER],
        example: "hands-on \"+5511988887777\"",
    },
    Declaration {
        name: "consents",
        help: "Expected: the caller says this to being recorded.",
        arguments: &[Parameter::required("answer", Kind::Word(&["given", "refused"]), "what")],
        properties: &[WITHIN_PARAMETER],
        example: "consents \"refused\"",
    },
    Declaration {
        name: "ends",
        help: "Expected: the call ends.",
        arguments: &[Parameter::optional("cause", Kind::Word(CAUSES), "any", "with which cause")],
        properties: &[WITHIN_PARAMETER],
        example: "ends \"normal\"",
    },
];

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
            "http" if self.call.is_none() => self.stand_ins.push(stand_in(&filled)),
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
            "callbacks" => self.callbacks = Some(callbacks(filled)),
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
        "http" => return Some(Act::StandIn(stand_in(filled))),
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

fn callbacks(filled: &Filled) -> BookingOutcome {
    match filled.word("state") {
        "full" => BookingOutcome::Full,
        "refused" => BookingOutcome::NoNumber,
        _ => BookingOutcome::Booked,
    }
}

fn stand_in(filled: &Filled) -> StandIn {
    StandIn::new(
        filled.text("method"),
        filled.text("url"),
        filled.maybe_duration("after").unwrap_or_default(),
        match (filled.maybe_word("fails"), filled.maybe_integer("status").unwrap_or(200)) {
            (Some(why), _) => Err(stand_in::failure(why)),
            (None, 200..=299) => Ok(filled.maybe_text("gives").unwrap_or_default()),
            (None, status) => Err(LookUpFailure::Status(u16::try_from(status).unwrap_or(500))),
        },
    )
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
