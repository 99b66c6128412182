//! What the checks of whole flows keep of a line: the values that lead outside, and the ways out that are not written.

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
    /// Two ways on, one of which is taken by what a condition sees.
    pub(super) fork: Option<Fork>,
}

#[derive(Debug)]
pub(super) struct SeenValue {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) span: Span,
}

/// `if KEY is=STATE`
#[derive(Debug)]
pub(super) struct Fork {
    /// What is looked at, with everything that is said of it but its state.
    pub(super) key: String,
    /// The only property beside `is`.
    pub(super) subject: Option<(String, String)>,
    pub(super) state: String,
    pub(super) then: StepId,
    pub(super) otherwise: StepId,
}

impl Seen {
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
            fork: matches!(sheet.children, Children::Steps).then(|| fork(node, filled)).flatten(),
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

fn fork(node: &Node, filled: &Filled) -> Option<Fork> {
    let mut said: Vec<(String, String)> = Vec::new();
    let mut states: Vec<String> = Vec::new();
    for property in &node.properties {
        let value = match &property.value {
            Raw::Text(text) => text.clone(),
            Raw::Integer(number) => number.to_string(),
            Raw::Other(written) => written.clone(),
        };
        match property.name.as_str() {
            // Drawn anew each time.
            "chance" => return None,
            "is" => states.push(value),
            name => said.push((name.to_owned(), value)),
        }
    }
    if said.is_empty() || !node.arguments.is_empty() {
        return None;
    }
    let key = said.iter().map(|(name, value)| format!("{name}={value:?} ")).collect::<String>();
    let subject = (said.len() == 1 && states.len() <= 1).then(|| said.remove(0));
    Some(Fork {
        // Which state belongs to which of several subjects is not asked here.
        key: if subject.is_some() { key } else { format!("{key}{states:?}") },
        state: if subject.is_some() { states.pop().unwrap_or_default() } else { String::new() },
        subject,
        then: filled.steps,
        otherwise: filled.otherwise,
    })
}
