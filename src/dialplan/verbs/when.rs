//! `when`: one look at the world, and as many ways on as there are cases.

use std::sync::Arc;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::cases;
use crate::dialplan::cases::OTHERWISE;
use crate::dialplan::clause::Case;
use crate::dialplan::clause::choose;
use crate::dialplan::compile::CASE;
use crate::dialplan::compile::Compiler;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::document::Node;
use crate::dialplan::fill::Filled;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Outcome;
use crate::dialplan::trail::Reason;
use crate::dialplan::trail::Seen;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct When;

impl Verb for When {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "when",
    help: "Looks at one thing and takes the first branch that fits; of two states that both hold, the exact one: `holiday` before `closed`, wherever it stands. Without an `otherwise`, the walk goes on below where nothing fits.",
    children: Children::Cases,
    needs: Needs::Nobody,
    example: "when channel=\"whatsapp\" {\n    is \"down\" { play \"whatsapp-down\" }\n    is \"up\" \"degraded\" { queue \"vendas\" }\n    otherwise { voicemail \"geral\" }\n}",
    ..Sheet::PLAIN
};

impl Compile for When {
    fn read(&self, node: &Node, compiler: &mut Compiler<'_>) -> Option<Filled> {
        cases::read(node, compiler)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let named = filled.cases.iter().zip(&filled.branches).filter(|(_, branch)| branch.name == CASE);
        let (cases, entries) = named.map(|(case, branch)| (case.clone(), branch.entry)).unzip();
        Box::new(Junction { look: filled.look.clone(), cases, entries, otherwise: filled.branch(OTHERWISE) })
    }
}

#[derive(Debug)]
struct Junction {
    /// None where each case looks for itself.
    look: Option<Arc<dyn Look>>,
    cases: Vec<Case>,
    entries: Vec<StepId>,
    otherwise: Option<StepId>,
}

const ITSELF: Sight = Sight { facts: Facts::Unknown, told: &"the first that fits" };
static NOTHING: Sight = Sight { facts: Facts::Unknown, told: &"nothing fits" };

impl Action for Junction {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let sight = self.look.as_ref().map_or(ITSELF, |look| look.look(moment));
        let chosen = choose(&self.cases, &sight, moment).map(|at| self.entries[at]);
        let told = if chosen.is_none() && self.look.is_none() { &NOTHING } else { &sight };
        moment.note(Reason::Looked(Seen::of(told, Outcome::Chosen)));
        chosen.or(self.otherwise).map_or(Turn::Next, Turn::To)
    }
}
