//! What stands at the top of a file: numbers, routes, hours, flows and tests.

use std::collections::BTreeMap;

use crate::dialplan::compile::Compiler;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Form;
use crate::dialplan::fill::fill;
use crate::dialplan::hours::Hours;
use crate::dialplan::kind::Kind;
use crate::dialplan::list::List;
use crate::dialplan::list::ListId;
use crate::dialplan::list::Pattern;
use crate::dialplan::opening_lines;
use crate::dialplan::opening_lines::Openings;
use crate::dialplan::program::FlowId;
use crate::dialplan::routes;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::variable;
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

pub(super) const CODE: Declaration = Declaration {
    name: "code",
    help: "Extensions that dial this come into a flow; nobody outside can. Phones may transfer a caller there.",
    arguments: &[Parameter::required("code", Kind::Code, "2 to 15 keys, which are no extension")],
    properties: &[Parameter::required("flow", Kind::Flow, "where the call begins")],
    example: "code \"*70\" flow=\"vaga\"",
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
    example: "hours \"comercial\" timezone=\"America/Sao_Paulo\" {\n    open \"mon-fri\" \"09:00-18:00\"\n    closed \"12-24..01-02\" \"Recesso\"\n    holidays \"brazil\"\n}",
};

pub(super) const LIST: Declaration = Declaration {
    name: "list",
    help: "Numbers that belong together. `if caller-in=…` looks into it.",
    arguments: &[Parameter::required("name", Kind::Name, "what the list is called")],
    properties: &[],
    example: "list \"vip\" {\n    number \"+5511999998888\" \"Dona Maria\"\n    number \"+5521*\" \"all of Rio\"\n}",
};

pub(super) const LISTED: Declaration = Declaration {
    name: "number",
    help: "In `list`: a number, or the beginning of numbers with a `*` for the rest.",
    arguments: &[
        Parameter::required("number", Kind::Pattern, "the number"),
        Parameter::optional("name", Kind::Name, "nothing", "whose it is, for people who read the dialplan"),
    ],
    properties: &[],
    example: "number \"+5511999998888\" \"Dona Maria\"",
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

pub(super) const DECLARATIONS: &[Declaration] = &[NUMBER, CODE, ROUTE, HOURS, LIST, FLOW, TEST];

/// The declarations of all files, with their values where those are sound.
#[derive(Debug, Default)]
pub(super) struct Declared<'n> {
    pub(super) numbers: Vec<&'n Node>,
    pub(super) codes: Vec<&'n Node>,
    pub(super) flows: Vec<(String, &'n Node)>,
    pub(super) tests: Vec<&'n Node>,
    pub(super) hours: Vec<Hours>,
    pub(super) lists: Vec<List>,
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
            "code" => declared.codes.push(node),
            "test" => declared.tests.push(node),
            "route" => routes::declare(node, &mut seen, compiler),
            "list" => list(node, &mut declared, &mut seen, compiler),
            "hours" => hours(node, &mut declared, &mut seen, compiler),
            "flow" => flow(node, &mut declared, &mut seen, compiler),
            unknown => {
                let known = DECLARATIONS.iter().map(|known| known.name);
                let message = format!("`{unknown}` cannot stand at the top of a file");
                let help = choices("possible", known, unknown);
                compiler.faults.fault(Rule::UnknownWord, node.name_span, message, Some(help));
            }
        }
        variable::declare(node, compiler);
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
    codes(declared, &mut seen, &mut flow_by_number, compiler);
    flow_by_number
}

fn codes(
    declared: &Declared<'_>,
    seen: &mut Seen,
    flow_by_number: &mut BTreeMap<String, FlowId>,
    compiler: &mut Compiler<'_>,
) {
    for node in &declared.codes {
        no_block(node, compiler);
        let Some(filled) = fill(node, CODE.form(), compiler) else {
            continue;
        };
        let code = filled.text("code");
        if compiler.names.extensions.contains(&code) {
            let help = "Choose keys that nobody's phone has, such as `*70`.".to_owned();
            let message = format!("{code} is an extension");
            compiler.faults.fault(Rule::DeclaredTwice, node.head_span(), message, Some(help));
        } else if seen.is_new("code", &code, node.head_span(), compiler) {
            flow_by_number.insert(code, filled.flow("flow"));
        }
    }
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
    let Openings { open, open_on, closed, holidays } = opening_lines::read(node, compiler);
    // A slip in the hours must not make every `if` that asks for them a fault as well.
    if let Some(Raw::Text(name)) = node.arguments.first().map(|argument| &argument.value)
        && seen.is_new("hours", name, node.head_span(), compiler)
    {
        let id = u32::try_from(declared.hours.len()).unwrap_or(u32::MAX);
        compiler.hours_by_name.insert(name.clone(), id);
    }
    if let Some(filled) = filled {
        let (name, zone) = (filled.text("name"), filled.zone("timezone"));
        declared.hours.push(Hours { name, zone, open, open_on, closed, holidays });
    }
}

fn list(node: &Node, declared: &mut Declared<'_>, seen: &mut Seen, compiler: &mut Compiler<'_>) {
    let filled = fill(node, LIST.form(), compiler);
    let mut list = List::default();
    for child in node.children.as_deref().unwrap_or_default() {
        listed(child, &mut list, compiler);
    }
    if let Some(name) = filled.map(|filled| filled.text("name"))
        && seen.is_new("list", &name, node.head_span(), compiler)
    {
        let id = ListId(u32::try_from(declared.lists.len()).unwrap_or(u32::MAX));
        compiler.list_by_name.insert(name, id);
        declared.lists.push(list);
    }
}

fn listed(node: &Node, list: &mut List, compiler: &mut Compiler<'_>) {
    if node.name != LISTED.name {
        let message = format!("`{}` cannot stand in `list`", node.name);
        let help = format!("For example: `{}`", LISTED.example);
        return compiler.faults.fault(Rule::UnknownWord, node.name_span, message, Some(help));
    }
    no_block(node, compiler);
    let Some(filled) = fill(node, LISTED.form(), compiler) else {
        return;
    };
    let number = filled.text("number");
    if !list.add(Pattern::of(&number)) {
        let message = format!("{number} is in this list twice");
        compiler.faults.fault(
            Rule::ListedTwice,
            node.head_span(),
            message,
            Some("Remove one of the lines.".to_owned()),
        );
    }
}

fn no_block(node: &Node, compiler: &mut Compiler<'_>) {
    if node.children.is_some() {
        let message = format!("`{}` has no block", node.name);
        compiler.faults.fault(Rule::NoBlock, node.name_span, message, Some("Remove the braces.".to_owned()));
    }
}
