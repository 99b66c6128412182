//! One thing that `if` looks at, and one way out of `when`: how they are weighed while a caller waits.

use std::sync::Arc;

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Comparison;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Verdict;
use crate::dialplan::trail::Outcome;
use crate::dialplan::trail::Seen;

/// Holds if all that is said of what is seen holds; without a comparison, if what is seen holds by itself.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) look: Arc<dyn Look>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) wanted: Verdict,
}

/// What stands before the block of one branch of `when`: it is taken if one of these holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) tests: Vec<Test>,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Of what `when` looks at.
    Compare(Comparison),
    /// A condition of its own about it.
    Look(Arc<dyn Look>),
}

impl Clause {
    pub(super) fn weigh(&self, moment: &mut Moment<'_>) -> Seen {
        let sight = self.look.look(moment);
        let found = match self.comparisons.is_empty() {
            true => sight.holds(),
            false => self.comparisons.iter().all(|comparison| comparison.holds(&sight.facts, moment)),
        };
        let holds = found == (self.wanted == Verdict::Holds);
        Seen::of(&sight, if holds { Outcome::Holds } else { Outcome::HoldsNot })
    }
}

/// Which of the cases is to be taken. Where a state has an exact name and a broader one, the exact one is looked for first.
pub(super) fn choose(cases: &[Case], sight: &Sight, moment: &mut Moment<'_>) -> Option<usize> {
    let Facts::States(states) = &sight.facts else {
        return cases.iter().position(|case| case.tests.iter().any(|test| test.holds(&sight.facts, moment)));
    };
    let exact = states.iter().find_map(|state| cases.iter().position(|case| case.names(state)));
    // `is-not` names no state: it comes after all that do.
    exact.or_else(|| cases.iter().position(|case| case.tests.iter().any(|test| test.holds(&sight.facts, moment))))
}

impl Case {
    fn names(&self, state: &str) -> bool {
        self.tests.iter().any(|test| match test {
            Test::Compare(Comparison::Is(states)) => states.contains(&state),
            Test::Compare(_) | Test::Look(_) => false,
        })
    }
}

impl Test {
    fn holds(&self, facts: &Facts, moment: &mut Moment<'_>) -> bool {
        match self {
            Test::Compare(comparison) => comparison.holds(facts, moment),
            Test::Look(look) => look.look(moment).holds(),
        }
    }
}
