//! `if` and `else`: a look at the world, two ways on. What can be looked at stands in `conditions/`.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::clause::Clause;
use crate::dialplan::clauses;
use crate::dialplan::compile::Compiler;
use crate::dialplan::document::Node;
use crate::dialplan::fill::Filled;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Outcome;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct If;

impl Verb for If {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "if",
    help: "Runs the steps in its braces if all that stands on its line holds, else those of the `else` below it, if there is one. `if not` asks for the contrary.",
    children: Children::Steps,
    needs: Needs::Nobody,
    example: "if hours=\"comercial\" is=\"open\" waiting-in=\"vendas\" at-most=5 {\n    queue \"vendas\"\n}\nelse {\n    play \"closed\"\n}",
    ..Sheet::PLAIN
};

impl Compile for If {
    fn read(&self, node: &Node, compiler: &mut Compiler<'_>) -> Option<Filled> {
        clauses::read(node, compiler)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Fork { clauses: filled.clauses.clone(), then: filled.steps, otherwise: filled.otherwise })
    }
}

#[derive(Debug)]
struct Fork {
    /// All of them must hold; at least one is there.
    clauses: Vec<Clause>,
    then: StepId,
    otherwise: StepId,
}

impl Action for Fork {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        for clause in &self.clauses {
            let seen = clause.weigh(moment);
            moment.note(Reason::Looked(seen));
            if seen.outcome == Outcome::HoldsNot {
                return Turn::To(self.otherwise);
            }
        }
        Turn::To(self.then)
    }
}
