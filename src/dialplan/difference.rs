//! What one dialplan says and another does not: numbers, routes, hours and flows that came, went or changed.
//!
//! Two parts are the same if they say the same words; comments and blanks are no difference. Tests are not compared: no
//! caller hears them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::outline::outlined;
use crate::dialplan::program::Program;

/// One part of the dialplan that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `flow`, `number`, `route`, `hours`, …
    pub kind: String,
    pub name: String,
    pub what: What,
    /// Of a part that changed: the lines that went (`- `) and came (`+ `), at most [`MOST_LINES`].
    pub lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Added,
    Removed,
    Changed,
}

/// One declaration at the top of a file.
#[derive(Debug)]
pub(super) struct Part {
    kind: Box<str>,
    name: Box<str>,
    text: Box<str>,
}

const MOST_LINES: usize = 200;
/// Longer parts are told as gone and come: comparing takes old times new lines.
const MOST_COMPARED: usize = 1_000;

/// In the order of the files.
pub(super) fn parts(nodes: &[Node]) -> Vec<Part> {
    let told = nodes.iter().filter(|node| node.name != "test");
    let parts = told.map(|node| Part {
        kind: node.name.as_str().into(),
        name: match node.arguments.first().map(|argument| &argument.value) {
            Some(Raw::Text(name)) => name.as_str().into(),
            _ => "".into(),
        },
        text: outlined(std::slice::from_ref(node)).into(),
    });
    parts.collect()
}

/// What is gone first, in the old order; then what came or changed, in the new order.
pub fn changes(old: &Program, new: &Program) -> Vec<Change> {
    let by_name = |program: &'_ Program| -> BTreeMap<(Box<str>, Box<str>), Box<str>> {
        program.parts.iter().map(|part| ((part.kind.clone(), part.name.clone()), part.text.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let key = |part: &Part| (part.kind.clone(), part.name.clone());
    let gone = old.parts.iter().filter(|part| !after.contains_key(&key(part)));
    let mut changes: Vec<Change> = gone.map(|part| change(part, What::Removed, Vec::new())).collect();
    for part in &new.parts {
        match before.get(&key(part)) {
            None => changes.push(change(part, What::Added, Vec::new())),
            Some(text) if *text != part.text => changes.push(change(part, What::Changed, lines(text, &part.text))),
            Some(_) => {}
        }
    }
    changes
}

fn change(part: &Part, what: What, lines: Vec<String>) -> Change {
    Change { kind: part.kind.to_string(), name: part.name.to_string(), what, lines }
}

/// The shortest way from one text to the other, line by line.
fn lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[same_start..], &new[same_start..]);
    let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[..old.len() - same_end], &new[..new.len() - same_end]);
    let kept = match old.len().max(new.len()) <= MOST_COMPARED {
        true => common(old, new),
        false => Vec::new(),
    };
    let mut told = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (old_at, new_at) in kept.into_iter().chain([(old.len(), new.len())]) {
        told.extend(old[from..old_at].iter().map(|line| format!("- {}", line.trim_start())));
        told.extend(new[to..new_at].iter().map(|line| format!("+ {}", line.trim_start())));
        (from, to) = (old_at + 1, new_at + 1);
    }
    if told.len() > MOST_LINES {
        told.truncate(MOST_LINES);
        told.push("…".to_owned());
    }
    told
}

/// The places of the longest row of lines that both have.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut length = vec![0_u16; (old.len() + 1) * width];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            length[at * width + to] = match old[at] == new[to] {
                true => length[(at + 1) * width + to + 1] + 1,
                false => length[(at + 1) * width + to].max(length[at * width + to + 1]),
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut at, mut to) = (0, 0);
    while at < old.len() && to < new.len() {
        if old[at] == new[to] {
            pairs.push((at, to));
            (at, to) = (at + 1, to + 1);
        } else if length[(at + 1) * width + to] >= length[at * width + to + 1] {
            at += 1;
        } else {
            to += 1;
        }
    }
    pairs
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Added => "added",
            What::Removed => "removed",
            What::Changed => "changed",
        };
        write!(f, "{} `{}` {what}", self.kind, self.name)?;
        for line in &self.lines {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::example::DESIGN;
    use crate::dialplan::example::program;

    fn told(old: &str, new: &str) -> Vec<String> {
        changes(&program(old), &program(new)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_came_went_and_changed_is_told_by_name() {
        let new = DESIGN
            .replace("up-to=\"90s\"", "up-to=\"2m\"")
            .replace("route \"+*\" trunk=\"operadora\"", "route \"+55*\" trunk=\"operadora\"")
            .replace("    voicemail \"geral\"\n", "    play \"closed\"\n    voicemail \"geral\"\n");
        assert_eq!(
            told(DESIGN, &new),
            [
                "route `+*` removed",
                "route `+55*` added",
                "flow `entrada` changed\n    - queue \"vendas\" up-to=\"90s\" {\n    + queue \"vendas\" up-to=\"2m\" {",
                "flow `recado` changed\n    + play \"closed\"",
            ]
        );
    }

    #[test]
    fn comments_blanks_order_and_tests_are_no_difference() {
        let shaken = format!("// a remark\n{}", DESIGN.replace("    answer\n", "  answer // now\n\n"));
        assert_eq!(told(DESIGN, &shaken), [""; 0]);
        let (tests, rest) = (DESIGN.find("test ").unwrap(), DESIGN.len());
        assert_eq!(told(DESIGN, &DESIGN[..tests]), [""; 0], "{rest}");
    }

    #[test]
    fn moved_lines_are_told_once() {
        assert_eq!(lines("a\nb\nc\nd\n", "a\nc\nb\nd\n"), ["- b", "+ b"]);
        let long = |word: &str| format!("{word}\n").repeat(2_000);
        assert_eq!(lines(&long("a"), &long("b")).len(), MOST_LINES + 1);
    }
}
