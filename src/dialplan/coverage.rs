//! Which steps and branches the tests of a dialplan come to, and which none does.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::dialplan::compile::Goal;
use crate::dialplan::exit::Exit;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Entry;

/// How much of a dialplan its tests have come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Of the steps and branches, with one digit after the point; 100 where there are none.
    pub percent: f64,
    pub reached: usize,
    pub all: usize,
    /// In the order of the files.
    pub not_reached: Vec<Missed>,
}

/// A step or a branch that no test came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// `dialplans/loja.kdl:37`
    pub place: String,
    pub flow: String,
    pub kind: Kind,
    /// As the owner wrote it; for a way out of `if`, the `if` and `yes` or `no`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Step,
    Branch,
}

/// What callers have come to so far.
#[derive(Debug)]
pub(super) struct Reached {
    steps: Vec<bool>,
    turns: BTreeSet<(StepId, StepId)>,
}

impl Reached {
    pub(super) fn new(program: &Program) -> Reached {
        Reached { steps: vec![false; program.steps.len()], turns: BTreeSet::new() }
    }

    /// Adds one caller's way.
    pub(super) fn walked(&mut self, story: &[Entry], is_over: bool, program: &Program) {
        for entry in story {
            self.steps[entry.step.index()] = true;
        }
        for turn in story.windows(2) {
            // A step that goes on waiting, or looks at one thing after the other, has not been left.
            if let [from, to] = turn
                && from.step != to.step
            {
                self.turn(from.step, to.step, program);
            }
        }
        if let (Some(last), true) = (story.last(), is_over) {
            self.turns.insert((last.step, StepId::END));
        }
    }

    fn turn(&mut self, from: StepId, to: StepId, program: &Program) {
        let exits = &program.step(from).exits;
        // What runs after the end of a flow is no way out of its last step.
        let is_exit = exits.iter().any(|exit| leads(exit.to, program) == to);
        self.turns.insert((from, if is_exit { to } else { StepId::END }));
    }

    pub(super) fn coverage(&self, program: &Program) -> Coverage {
        let mut all = 0;
        let mut missed = Vec::new();
        for (step, id) in program.steps.iter().zip(0..) {
            let id = StepId(id);
            all += 1;
            if !self.steps[id.index()] {
                missed.push(((step.file, step.line, Reverse(id), Kind::Step), step.text.to_string(), step));
            }
            for exit in &step.exits {
                let Some(text) = said(step, exit) else {
                    continue;
                };
                all += 1;
                if !self.turns.contains(&(id, leads(exit.to, program))) {
                    missed.push(((step.file, exit.line, Reverse(id), Kind::Branch), text, step));
                }
            }
        }
        // Blocks are compiled from their end: a step that stands above has a later place in the program.
        missed.sort_by_key(|(place, ..)| *place);
        let reached = all - missed.len();
        let not_reached = missed.into_iter().map(|((file, line, _, kind), text, step)| Missed {
            place: program.place(file, line),
            flow: program.name_of(step.flow).to_owned(),
            kind,
            text,
        });
        Coverage { percent: percent(reached, all), reached, all, not_reached: not_reached.collect() }
    }
}

fn leads(goal: Goal, program: &Program) -> StepId {
    match goal {
        Goal::Step(step) => step,
        Goal::Flow(flow) | Goal::Call(flow, _) => program.entry(flow),
    }
}

/// None for a way that has no words.
fn said(step: &Step, exit: &Exit) -> Option<String> {
    let label = exit.label.as_deref()?;
    match label {
        "yes" | "no" => Some(format!("{} → {label}", step.text)),
        label => Some(label.to_owned()),
    }
}

/// Never rounded up to all.
fn percent(reached: usize, all: usize) -> f64 {
    match all {
        0 => 100.0,
        all => (reached * 1_000 / all) as f64 / 10.0,
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { percent, reached, all, not_reached } = self;
        write!(f, "coverage: {percent:.1} % ({reached} of {all} steps and branches)")?;
        for Missed { place, text, .. } in not_reached {
            write!(f, "\n{place}: not reached: {text}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::example::DESIGN;
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;
    use crate::dialplan::rehearsal::rehearse_some;
    use crate::dialplan::verbs;

    fn coverage(text: &str, part_of_name: &str) -> Coverage {
        rehearse_some(&program(text), &names(), start(), part_of_name).1
    }

    #[test]
    fn what_no_test_came_to_is_named_with_its_place() {
        assert_eq!(
            coverage(DESIGN, "").to_string().lines().collect::<Vec<_>>(),
            [
                "coverage: 56.5 % (13 of 23 steps and branches)",
                "a.kdl:12: not reached: if channel=\"whatsapp\" is=\"down\" → no",
                "a.kdl:16: not reached: if hours=\"comercial\" is=\"closed\" → yes",
                "a.kdl:16: not reached: go \"recado\"",
                "a.kdl:19: not reached: key \"0\"",
                "a.kdl:19: not reached: dial \"200\" ring-for=\"20s\"",
                "a.kdl:19: not reached: no-answer",
                "a.kdl:19: not reached: go \"recado\"",
                "a.kdl:20: not reached: otherwise",
                "a.kdl:20: not reached: queue \"vendas\"",
                "a.kdl:26: not reached: hangup",
            ]
        );
    }

    #[test]
    fn a_test_that_is_not_run_reaches_nothing() {
        let coverage = coverage(DESIGN, "no test is called so");
        assert_eq!((coverage.reached, coverage.percent), (0, 0.0));
        assert_eq!(serde_json::to_value(&coverage.not_reached[0]).unwrap()["kind"], "step");
    }

    #[test]
    fn an_empty_branch_and_the_end_of_the_flow_are_ways_out_too() {
        let steps = "on-hangup { tag \"a\" \"b\" }\nif chance=1 { play \"closed\" }\nqueue \"vendas\" up-to=\"10s\" { timeout { } }\nif hours=\"comercial\" is=\"closed\" { play \"closed\" }";
        let text = with_steps(steps) + "test \"t\" {\n    call to=\"+551140031234\"\n    passes \"20s\"\n}\n";
        let coverage = coverage(&text, "");
        let missed: Vec<&str> = coverage.not_reached.iter().map(|missed| missed.text.as_str()).collect();
        assert_eq!(
            missed,
            ["if chance=1 → yes", "play \"closed\"", "if hours=\"comercial\" is=\"closed\" → yes", "play \"closed\"",]
        );
    }

    #[test]
    fn lines_in_a_block_that_are_no_ways_out_do_not_change_the_branches_names() {
        let example = verbs::find("http").unwrap().sheet().example;
        let coverage = coverage(&with_steps(example), "");
        let branches = coverage.not_reached.iter().filter(|missed| missed.kind == Kind::Branch);
        assert!(branches.clone().any(|missed| missed.text == "failed"), "{coverage}");
        assert!(branches.clone().all(|missed| !missed.text.starts_with("take")), "{coverage}");
    }

    #[test]
    fn no_step_is_missed_however_many_follow_at_one_moment() {
        let steps: String = (0..150).map(|at| format!("tag \"t{at}\" \"x\"\n")).collect();
        let text = with_steps(&format!("answer\n{steps}play \"closed\""))
            + "test \"t\" {\n    call to=\"+551140031234\"\n    hears \"closed\"\n    ends\n}\n";
        let coverage = coverage(&text, "");
        assert_eq!((coverage.reached, coverage.all), (152, 152), "{coverage}");
    }

    #[test]
    fn a_thousand_tests_take_no_time_that_anybody_notices() {
        let test = "test \"t\" {\n    channel \"whatsapp\" \"down\"\n    call to=\"+551140031234\"\n    hears \"main-menu\"\n    press \"1\"\n    passes \"90s\"\n    reaches \"recado\"\n}\n";
        let text = DESIGN.to_owned() + &test.repeat(1_000);
        let program = program(&text);
        let (outcomes, _) = rehearse_some(&program, &names(), start(), "");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.passed()).count(), 1_001);
    }
}
