//! Ways out that are written, and that the step never takes as it stands.

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
use crate::dialplan::rule::Rule;

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    for step in graph.steps() {
        let sheet = graph.program.step(step).sheet;
        for (branch, span) in &graph.notes(step).seen.dead {
            let wanted = branch.only_with.unwrap_or_default();
            let message = format!("`{}` is never taken: this `{}` has no `{wanted}`", branch.name, sheet.name);
            let help = format!("It is taken when {}. Write `{wanted}=…`, or remove the branch.", branch.help);
            compiler.faults.fault(Rule::DeadBranch, *span, message, Some(help));
        }
    }
}
