//! What stands at the top of a file: numbers, routes, hours, flows and tests.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::dialplan::compile::Compiler;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::Form;
use crate::dialplan::fill::fill;
use crate::dialplan::hours::Hours;
use crate::dialplan::hours::Opening;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::FlowId;
use crate::dialplan::routes;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::template::BUILT_IN;
use crate::dialplan::template::VariableId;
use crate::dialplan::verb::Parameter;

/// A word that can stand at the top of a file, or in the block of one that does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declaration {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) arguments: &'static [Parameter],
    pub(super) properties: &'static [Parameter],
    pub(super) example: &'static str,
}

impl Declaration {
    pub(super) fn form(&self) -> Form<'static> {
        Form { name: self.name, arguments: self.arguments, properties: self.properties, example: self.example }
    }
}

pub(super) const NUMBER: Declaration = Declaration {
    name: "number",
    help: "Calls to this number of ours go to a flow.",
    arguments: &[Parameter::required("number", Kind::Number, "our number")],
    properties: &[Parameter::required("flow", Kind::Flow, "where a call to it begins")],
    example: "number \"+551140031234\" flow=\"entrada\"",
};

pub(super) const ROUTE: Declaration = Declaration {
    name: "route",
    help: "Calls to numbers outside go through a trunk, or through the first of several that takes them. Of several \
           patterns that fit, the longest counts.",
    arguments: &[Parameter::required("pattern", Kind::Pattern, "the numbers")],
    properties: &[Parameter::optional(
        "trunk",
        Kind::Trunk,
        "`trunk` and `then` lines stand in the block",
        "the trunk that carries the call",
    )],
    example: "route \"+55*\" trunk=\"operadora\"\nroute \"+1*\" {\n    trunk \"operadora\" weight=70\n    trunk \"reserva\" weight=30\n}",
};

pub(super) const HOURS: Declaration = Declaration {
    name: "hours",
    help: "When the business is open. `if hours=…` asks for it.",
    arguments: &[Parameter::required("name", Kind::Name, "what the hours are called")],
    properties: &[Parameter::required("timezone", Kind::Zone, "the place whose clock counts")],
    example: "hours \"comercial\" timezone=\"America/Sao_Paulo\" {\n    open \"mon-fri\" \"09:00-18:00\"\n    closed \"2026-12-25\" \"Natal\"\n}",
};

pub(super) const OPEN: Declaration = Declaration {
    name: "open",
    help: "In `hours`: open on these days at these times. A time that ends before it begins ends on the next day.",
    arguments: &[
        Parameter::required("days", Kind::Weekdays, "the days of the week"),
        Parameter::required("time", Kind::TimeRange, "from and to"),
    ],
    properties: &[],
    example: "open \"mon-fri\" \"09:00-18:00\"",
};

pub(super) const CLOSED: Declaration = Declaration {
    name: "closed",
    help: "In `hours`: closed all day on this date.",
    arguments: &[
        Parameter::required("date", Kind::Date, "the day"),
        Parameter::required("name", Kind::Name, "why, for people who read the dialplan"),
    ],
    properties: &[],
    example: "closed \"2026-12-25\" \"Natal\"",
};

pub(super) const FLOW: Declaration = Declaration {
    name: "flow",
    help: "Steps, one after the other. Where they end, the call ends.",
    arguments: &[Parameter::required("name", Kind::Name, "what the flow is called")],
    properties: &[],
    example: "flow \"recado\" {\n    voicemail \"geral\"\n    hangup\n}",
};

pub(super) const TEST: Declaration = Declaration {
    name: "test",
    help: "A call that is rehearsed on a virtual clock, and what is expected of it.",
    arguments: &[Parameter::required("name", Kind::Name, "what is shown, in plain words")],
    properties: &[],
    example: "test \"the caller hears the menu\" {\n    call from=\"+5511999998888\" to=\"+551140031234\"\n    hears \"main-menu\"\n}",
};

pub(super) const DECLARATIONS: &[Declaration] = &[NUMBER, ROUTE, HOURS, FLOW, TEST];

/// The declarations of all files, with their values where those are sound.
#[derive(Debug, Default)]
pub(super) struct Declared<'n> {
    pub(super) numbers: Vec<&'n Node>,
    pub(super) flows: Vec<(String, &'n Node)>,
    pub(super) tests: Vec<&'n Node>,
    pub(super) hours: Vec<Hours>,
    pub(super) variables: Vec<String>,
}

/// First reading: everything that other lines may refer to.
pub(super) fn declare<'n>(nodes: &'n [Node], compiler: &mut Compiler<'_>) -> Declared<'n> {
    let mut declared = Declared::default();
    let mut seen = Seen::default();
    for node in nodes {
        match node.name.as_str() {
            "number" => {
                compiler.own_numbers.extend(written_number(node));
                declared.numbers.push(node);
            }
            "test" => declared.tests.push(node),
            "route" => routes::declare(node, &mut seen, compiler),
            "hours" => hours(node, &mut declared, &mut seen, compiler),
            "flow" => flow(node, &mut declared, &mut seen, compiler),
            unknown => {
                let known = DECLARATIONS.iter().map(|known| known.name);
                let message = format!("`{unknown}` cannot stand at the top of a file");
                let help = choices("possible", known, unknown);
                compiler.faults.fault(Rule::UnknownWord, node.name_span, message, Some(help));
            }
        }
        variables(node, &mut declared, compiler);
    }
    declared
}

/// Where it is faulty, that is said at the second reading.
fn written_number(node: &Node) -> Option<String> {
    match &node.arguments.first()?.value {
        Raw::Text(number) => Some(number.clone()),
        _ => None,
    }
}

/// What was declared, and where it was first.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<(&'static str, String), Span>);

impl Seen {
    /// Reports a name that is there already.
    pub(super) fn is_new(&mut self, what: &'static str, name: &str, span: Span, compiler: &mut Compiler<'_>) -> bool {
        let key = (what, name.to_owned());
        let Some(first) = self.0.get(&key).copied() else {
            self.0.insert(key, span);
            return true;
        };
        let message = format!("{what} `{name}` is there twice");
        let help = format!("The first is at {}.", compiler.faults.place(first));
        compiler.faults.fault(Rule::DeclaredTwice, span, message, Some(help));
        false
    }
}

/// Second reading: our numbers, now that the flows are known.
pub(super) fn numbers(declared: &Declared<'_>, compiler: &mut Compiler<'_>) -> BTreeMap<String, FlowId> {
    let mut flow_by_number = BTreeMap::new();
    let mut seen = Seen::default();
    for node in &declared.numbers {
        no_block(node, compiler);
        let Some(filled) = fill(node, NUMBER.form(), compiler) else {
            continue;
        };
        let number = filled.text("number");
        if seen.is_new("number", &number, node.head_span(), compiler) {
            flow_by_number.insert(number, filled.flow("flow"));
        }
    }
    flow_by_number
}

fn flow<'n>(node: &'n Node, declared: &mut Declared<'n>, seen: &mut Seen, compiler: &mut Compiler<'_>) {
    let Some(filled) = fill(node, FLOW.form(), compiler) else {
        // Its steps are checked all the same; nothing can lead to it.
        declared.flows.push((String::new(), node));
        return;
    };
    let name = filled.text("name");
    if seen.is_new("flow", &name, node.head_span(), compiler) {
        let id = FlowId(u32::try_from(declared.flows.len()).unwrap_or(u32::MAX));
        compiler.flow_by_name.insert(name.clone(), id);
    }
    declared.flows.push((name, node));
}

fn hours(node: &Node, declared: &mut Declared<'_>, seen: &mut Seen, compiler: &mut Compiler<'_>) {
    let filled = fill(node, HOURS.form(), compiler);
    let (open, closed) = openings(node, compiler);
    // A slip in the hours must not make every `if` that asks for them a fault as well.
    if let Some(Raw::Text(name)) = node.arguments.first().map(|argument| &argument.value)
        && seen.is_new("hours", name, node.head_span(), compiler)
    {
        let id = u32::try_from(declared.hours.len()).unwrap_or(u32::MAX);
        compiler.hours_by_name.insert(name.clone(), id);
    }
    if let Some(filled) = filled {
        declared.hours.push(Hours { name: filled.text("name"), zone: filled.zone("timezone"), open, closed });
    }
}

fn openings(node: &Node, compiler: &mut Compiler<'_>) -> (Vec<Opening>, Vec<(Date, String)>) {
    let mut open = Vec::new();
    let mut closed = Vec::new();
    let faults_before = compiler.faults.count();
    for child in node.children.as_deref().unwrap_or_default() {
        match child.name.as_str() {
            "open" => open.extend(fill(child, OPEN.form(), compiler).map(|it| opening(&it))),
            "closed" => closed.extend(fill(child, CLOSED.form(), compiler).map(|it| closing(&it))),
            unknown => {
                let message = format!("`{unknown}` cannot stand in `hours`");
                let help = choices("possible", ["open", "closed"].into_iter(), unknown);
                compiler.faults.fault(Rule::UnknownWord, child.name_span, message, Some(help));
            }
        }
    }
    if open.is_empty() && compiler.faults.count() == faults_before {
        let message = "these hours are never open".to_owned();
        let help = format!("For example: `{}`", OPEN.example);
        compiler.faults.fault(Rule::NeverOpen, node.head_span(), message, Some(help));
    }
    closed.sort();
    (open, closed)
}

fn opening(filled: &Filled) -> Opening {
    Opening { days: filled.weekdays("days"), range: filled.time_range("time") }
}

fn closing(filled: &Filled) -> (Date, String) {
    (filled.date("date"), filled.text("name"))
}

fn no_block(node: &Node, compiler: &mut Compiler<'_>) {
    if node.children.is_some() {
        let message = format!("`{}` has no block", node.name);
        compiler.faults.fault(Rule::NoBlock, node.name_span, message, Some("Remove the braces.".to_owned()));
    }
}

/// Every `into="…"`, wherever it stands: texts in any flow may speak of it.
fn variables(node: &Node, declared: &mut Declared<'_>, compiler: &mut Compiler<'_>) {
    for property in &node.properties {
        let Raw::Text(name) = &property.value else {
            continue;
        };
        let is_new = !compiler.variable_by_name.contains_key(name);
        if property.name == "into" && is_new && is_variable_name(name) {
            let id = VariableId(u16::try_from(declared.variables.len()).unwrap_or(u16::MAX));
            compiler.variable_by_name.insert(name.clone(), id);
            declared.variables.push(name.clone());
        }
    }
    for child in node.children.as_deref().unwrap_or_default() {
        variables(child, declared, compiler);
    }
}

fn is_variable_name(name: &str) -> bool {
    let letters = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    !name.is_empty() && name.chars().all(letters) && !BUILT_IN.contains(&name)
}
