//! A question to which the dialplan has no answer for a caller who says nothing.

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    for step in graph.steps() {
        let (sheet, notes) = (graph.program.step(step).sheet, graph.notes(step));
        let of_silence = |branch: &&&Branch| branch.name == TIMEOUT;
        let Some(branch) = notes.seen.unwritten.iter().find(of_silence).filter(|_| sheet.after == After::BranchesOnly)
        else {
            continue;
        };
        let taken = branch.fallback.unwrap_or(branch.name);
        let all = sheet.branches().iter();
        let default = all.clone().find(|other| other.name == taken).map_or(branch.default, |other| other.default);
        let message = format!("this `{}` has no answer for a caller who says nothing: {default}", sheet.name);
        let help = format!("Write `{taken} {{ … }}` with what happens then.");
        compiler.faults.fault(Rule::SilentMenu, notes.span, message, Some(help));
    }
}

/// The way out of a step to which the caller gives no answer.
const TIMEOUT: &str = "timeout";
