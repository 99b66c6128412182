//! The ways out of a step with the words that the owner wrote for them: what a drawing shows and what tests come to.

use std::collections::BTreeSet;

use crate::dialplan::compile::Goal;
use crate::dialplan::compile::Way;
use crate::dialplan::compile::one_line;
use crate::dialplan::document::Node;
use crate::dialplan::fault::Faults;
use crate::dialplan::fill::Filled;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Sheet;

/// One way on from a step.
#[derive(Debug)]
pub(super) struct Exit {
    /// `key "1"`, `timeout`, `yes`; none where the walk just goes on.
    pub(super) label: Option<Box<str>>,
    pub(super) to: Goal,
    /// Where it is written, or the step is.
    pub(super) line: u32,
}

/// Those that are written, then the others where they lead elsewhere.
pub(super) fn exits(node: &Node, sheet: &Sheet, filled: &Filled, ways: &[Way], faults: &Faults<'_>) -> Box<[Exit]> {
    let here = faults.line(node.head_span());
    let mut exits = match sheet.children {
        Children::Steps => {
            let answers = [("yes", filled.steps), ("no", filled.otherwise)];
            answers.map(|(label, to)| Exit { label: Some(label.into()), to: Goal::Step(to), line: here }).into()
        }
        _ => branches(node, sheet, filled, faults),
    };
    let mut led_to: BTreeSet<Goal> = exits.iter().map(|exit| exit.to).collect();
    for way in ways {
        if led_to.insert(way.to) {
            exits.push(Exit { label: None, to: way.to, line: here });
        }
    }
    exits.into()
}

/// Branches were read in the order in which they stand.
fn branches(node: &Node, sheet: &Sheet, filled: &Filled, faults: &Faults<'_>) -> Vec<Exit> {
    let is_detail = |node: &&Node| sheet.details.iter().any(|detail| detail.name == node.name);
    let nodes = node.children.iter().flatten().filter(|node| !is_detail(node));
    let written = nodes.zip(&filled.branches);
    let exits = written.map(|(node, branch)| Exit {
        label: Some(one_line(faults.text(node.head_span()))),
        to: Goal::Step(branch.entry),
        line: faults.line(node.head_span()),
    });
    exits.collect()
}
