//! The variables of a dialplan: which there are, and what each can hold.
//!
//! A variable comes into being where a step gives it a value; texts and conditions in any flow may speak of it. What it
//! can hold is the widest of all that is given to it.

use std::collections::BTreeMap;

use crate::dialplan::compile::Compiler;
use crate::dialplan::condition;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::fact;
use crate::dialplan::template::VariableId;
use crate::dialplan::verb::Yields;
use crate::dialplan::verbs;

/// What a variable can hold, from the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableKind {
    Number,
    /// Keys of a telephone: it can be compared as a number, and may begin with zeros.
    Digits,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) id: VariableId,
    pub(super) kind: VariableKind,
}

pub(super) type Variables = BTreeMap<String, Variable>;

/// So many variables may all files have.
pub(super) const MOST_VARIABLES: usize = 1_000;

impl VariableKind {
    pub fn word(self) -> &'static str {
        match self {
            VariableKind::Number => "number",
            VariableKind::Digits => "digits",
            VariableKind::Text => "text",
        }
    }

    /// The value, if it is of this kind.
    pub(super) fn admits(self, value: &str) -> bool {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            VariableKind::Text => true,
            VariableKind::Digits => digits,
            VariableKind::Number => condition::number(value).is_some(),
        }
    }

    pub(super) fn named(word: &str) -> VariableKind {
        match word {
            "number" => VariableKind::Number,
            "digits" => VariableKind::Digits,
            _ => VariableKind::Text,
        }
    }
}

/// Takes note of every variable that is given a value on this line or in its block.
pub(super) fn declare(node: &Node, compiler: &mut Compiler<'_>) {
    let yields = verbs::find(&node.name).and_then(|verb| verb.sheet().yields);
    if let Some(Yields { parameter: NAME_OF_SET, kind, .. }) = yields
        && let Some(Raw::Text(name)) = node.arguments.first().map(|argument| &argument.value)
    {
        note(name, kind.or_else(|| kind_set(node)), compiler);
    }
    for property in &node.properties {
        if let (INTO, Raw::Text(name)) = (property.name.as_str(), &property.value) {
            let kind = yields.and_then(|yields| yields.kind).unwrap_or_else(|| kind_said(node));
            note(name, Some(kind), compiler);
        }
    }
    for child in node.children.as_deref().unwrap_or_default() {
        declare(child, compiler);
    }
}

/// The property by which steps name the variable that they fill.
const INTO: &str = "into";
/// The argument by which `set` and `count` name theirs.
const NAME_OF_SET: &str = "variable";

fn note(name: &str, kind: Option<VariableKind>, compiler: &mut Compiler<'_>) {
    let count = compiler.variable_by_name.len();
    match compiler.variable_by_name.get_mut(name) {
        Some(known) => known.kind = known.kind.max(kind.unwrap_or(VariableKind::Number)),
        None if count < MOST_VARIABLES && is_variable_name(name) => {
            let id = VariableId(u16::try_from(count).unwrap_or(u16::MAX));
            let kind = kind.unwrap_or(VariableKind::Number);
            compiler.variable_by_name.insert(name.to_owned(), Variable { id, kind });
        }
        None => {}
    }
}

/// What a `set` gives; none for an empty text, which is of any kind.
fn kind_set(node: &Node) -> Option<VariableKind> {
    if node.properties.iter().any(|property| property.name == "as") {
        return Some(kind_said(node));
    }
    match node.arguments.get(1).map(|argument| &argument.value) {
        Some(Raw::Integer(_)) => Some(VariableKind::Number),
        Some(Raw::Text(text)) if text.is_empty() => None,
        Some(Raw::Text(text)) if VariableKind::Digits.admits(text) => Some(VariableKind::Digits),
        _ => Some(VariableKind::Text),
    }
}

/// What an `as` says; without one, a text.
fn kind_said(node: &Node) -> VariableKind {
    let said = node.properties.iter().find(|property| property.name == "as");
    match said.map(|property| &property.value) {
        Some(Raw::Text(word)) => VariableKind::named(word),
        _ => VariableKind::Text,
    }
}

fn is_variable_name(name: &str) -> bool {
    let letters = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    !name.is_empty() && name.chars().all(letters) && !fact::is_built_in(name)
}
