//! What the checks of whole flows keep of a line: the values that lead outside, and the ways out that are not written.

use crate::dialplan::cases::OTHERWISE;
use crate::dialplan::clauses::NOT_BEFORE;
use crate::dialplan::conditions::PLAIN_SUBJECTS;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::StepId;
use crate::dialplan::source::Span;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;

/// What was seen in a line besides what its step does.
#[derive(Debug, Default)]
pub(in crate::dialplan) struct Seen {
    /// Values that name whom the caller is connected with, or where he waits.
    pub(super) values: Vec<SeenValue>,
    /// Neither these branches are written nor those that they fall back to.
    pub(super) unwritten: Vec<&'static Branch>,
    /// Branches that are written and never taken: the property that they belong to is not written.
    pub(super) dead: Vec<(&'static Branch, Span)>,
    /// Ways on, one of which is taken by what a condition sees.
    pub(super) fork: Option<Fork>,
}

#[derive(Debug)]
pub(super) struct SeenValue {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) span: Span,
}

/// `if` has one case, `when` one for each branch.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) cases: Vec<Case>,
    pub(super) otherwise: Otherwise,
}

/// The way that is taken if one of these holds.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) said: Vec<Said>,
    pub(super) entry: StepId,
    pub(super) span: Span,
}

/// The way that is taken where no case fits.
#[derive(Debug)]
pub(super) struct Otherwise {
    pub(super) entry: StepId,
    /// None where nothing is written for it.
    pub(super) span: Option<Span>,
}

/// One thing that is said of the world: `channel="whatsapp" is="down"`.
#[derive(Debug)]
pub(super) struct Said {
    /// What is looked at, with everything that is said of it but its state.
    pub(super) key: String,
    /// The only property beside `is`.
    pub(super) subject: Option<(String, String)>,
    pub(super) state: String,
    /// Whether it is said to hold, or not to.
    pub(super) holds: bool,
}

impl Seen {
    /// What a condition leads to is not known.
    pub(in crate::dialplan) fn forget_ways(&mut self) {
        self.fork = None;
    }

    pub(in crate::dialplan) fn of(
        node: &Node,
        properties: &[Parameter],
        sheet: &'static Sheet,
        filled: &Filled,
    ) -> Seen {
        let branches = sheet.branches().iter();
        let has = |name: &str| node.properties.iter().any(|property| property.name == name);
        let is_alive = |branch: &&Branch| branch.only_with.is_none_or(has);
        let is_written = |name: &str| filled.branch(name).is_some();
        let unwritten = branches
            .clone()
            .filter(|branch| is_alive(branch) && !is_written(branch.name) && !branch.fallback.is_some_and(is_written));
        Seen {
            values: values(node, properties, sheet),
            unwritten: unwritten.collect(),
            dead: branches
                .filter(|branch| !is_alive(branch) && !is_fallback(branch, sheet, filled))
                .filter_map(|branch| {
                    let written = node.children.iter().flatten().find(|child| child.name == branch.name)?;
                    Some((branch, written.head_span()))
                })
                .collect(),
            fork: fork(node, sheet, filled),
        }
    }
}

/// Whether another branch, which is not written, is taken here.
fn is_fallback(branch: &Branch, sheet: &Sheet, filled: &Filled) -> bool {
    let mut others = sheet.branches().iter();
    others.any(|other| other.fallback == Some(branch.name) && filled.branch(other.name).is_none())
}

fn values(node: &Node, properties: &[Parameter], sheet: &Sheet) -> Vec<SeenValue> {
    if !matches!(sheet.children, Children::None | Children::Branches(_)) {
        return Vec::new();
    }
    let arguments = node.arguments.iter().enumerate().filter_map(|(at, argument)| {
        let parameter = sheet.arguments.get(at).or(sheet.arguments.last())?;
        Some((parameter.kind, &argument.value, argument.span))
    });
    let properties = node.properties.iter().filter_map(|property| {
        let parameter = properties.iter().find(|known| known.name == property.name)?;
        Some((parameter.kind, &property.value, property.span))
    });
    let all = arguments.chain(properties).filter_map(|(kind, value, span)| match (kind, value) {
        (Kind::Queue | Kind::Target | Kind::Trunk, Raw::Text(text)) => {
            Some(SeenValue { kind, text: text.clone(), span })
        }
        _ => None,
    });
    all.collect()
}

fn fork(node: &Node, sheet: &Sheet, filled: &Filled) -> Option<Fork> {
    match sheet.children {
        Children::Steps => fork_of_if(node, filled),
        Children::Cases => fork_of_when(node, filled),
        Children::None | Children::Afterwards | Children::Branches(_) => None,
    }
}

fn fork_of_if(node: &Node, filled: &Filled) -> Option<Fork> {
    let negated = !node.arguments.is_empty();
    let pairs: Vec<(&str, String)> =
        node.properties.iter().map(|property| (property.name.as_str(), written(&property.value))).collect();
    let mut said = said(&pairs)?;
    said.holds ^= negated;
    let case = Case { said: vec![said], entry: filled.steps, span: node.head_span() };
    Some(Fork { cases: vec![case], otherwise: Otherwise { entry: filled.otherwise, span: None } })
}

fn fork_of_when(node: &Node, filled: &Filled) -> Option<Fork> {
    let mut fork = Fork { cases: Vec::new(), otherwise: Otherwise { entry: filled.otherwise, span: None } };
    for (branch, taken) in node.children.iter().flatten().zip(&filled.branches) {
        if taken.name == OTHERWISE {
            fork.otherwise = Otherwise { entry: taken.entry, span: Some(branch.head_span()) };
            continue;
        }
        let said: Option<Vec<Said>> =
            branch.arguments.iter().map(|argument| said_in_branch(node, branch, written(&argument.value))).collect();
        fork.cases.push(Case { said: said?, entry: taken.entry, span: branch.head_span() });
    }
    Some(fork)
}

/// In the words of `if`: `when "caller" { in "vip" }` is `if caller-in="vip"`.
fn said_in_branch(node: &Node, branch: &Node, value: String) -> Option<Said> {
    if let Some(property) = node.properties.first() {
        return said(&[(&property.name, written(&property.value)), (&branch.name, value)]);
    }
    let Raw::Text(subject) = &node.arguments.first()?.value else {
        return None;
    };
    let plain = PLAIN_SUBJECTS.iter().find(|known| known.name == subject)?;
    let (_, condition) = plain.branches.iter().find(|(name, _)| *name == branch.name)?;
    said(&[(condition.subject().name, value)])
}

/// None where it may be otherwise at the next look.
fn said(pairs: &[(&str, String)]) -> Option<Said> {
    if pairs.is_empty() || pairs.iter().any(|(name, _)| name.trim_start_matches(NOT_BEFORE) == CHANCE) {
        return None;
    }
    match pairs {
        [(name, value)] => {
            let (subject, holds) = name.strip_prefix(NOT_BEFORE).map_or((*name, true), |subject| (subject, false));
            Some(Said { state: String::new(), ..plain(subject, value, holds) })
        }
        [(name, value), (IS, state)] => Some(Said { state: state.clone(), ..plain(name, value, true) }),
        [(name, value), (IS_NOT, state)] => Some(Said { state: state.clone(), ..plain(name, value, false) }),
        // Which state belongs to which of several subjects is not asked here.
        several => {
            let words: Vec<String> = several.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            Some(Said { key: words.join(" "), subject: None, state: String::new(), holds: true })
        }
    }
}

fn plain(subject: &str, value: &str, holds: bool) -> Said {
    let key = format!("{subject}={value:?}");
    Said { key, subject: Some((subject.to_owned(), value.to_owned())), state: String::new(), holds }
}

fn written(value: &Raw) -> String {
    match value {
        Raw::Text(text) => text.clone(),
        Raw::Integer(number) => number.to_string(),
        Raw::Other(written) => written.clone(),
    }
}

/// Drawn anew each time.
const CHANCE: &str = "chance";
const IS: &str = "is";
const IS_NOT: &str = "is-not";
