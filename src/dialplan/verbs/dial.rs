//! `dial`: rings phones, one after the other, until somebody answers.

use std::time::Duration;

use super::super::action::Action;
use super::super::action::Moment;
use super::super::action::News;
use super::super::action::Turn;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::program::StepId;
use super::super::trail::Reason;
use super::super::verb::After;
use super::super::verb::Branch;
use super::super::verb::Children;
use super::super::verb::Compile;
use super::super::verb::Parameter;
use super::super::verb::Sheet;
use super::super::verb::Time;
use super::super::verb::Verb;
use super::super::walk::DialOutcome;
use super::super::walk::DialTarget;
use super::super::walk::HangupCause;
use super::super::walk::Order;

#[derive(Debug)]
pub(super) struct Dial;

const RING_FOR: Duration = Duration::from_secs(30);

impl Verb for Dial {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "dial",
    help: "Rings somebody. When their talk is over, the call ends. Several are rung one after the other.",
    arguments: &[Parameter::repeated("target", Kind::Target, "whom to ring; the branches speak of the last")],
    properties: &[Parameter::optional("ring-for", Kind::Duration, "30s", "how long each phone rings")],
    children: Children::Branches(&[
        Branch::new("no-answer", "it rang for as long as `ring-for` says"),
        Branch::new("busy", "the line is busy").at_once(),
        Branch::new("declined", "the call was declined").at_once(),
        Branch::new("unreachable", "no phone of the extension is registered").at_once(),
        Branch::new("failed", "the number does not exist, or the trunk refused").at_once(),
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    example: "dial \"200\" ring-for=\"20s\" {\n    no-answer { voicemail \"geral\" }\n    busy { play \"all-busy\" }\n}\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Dial {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let outcomes = [
            ("no-answer", DialOutcome::NoAnswer),
            ("busy", DialOutcome::Busy),
            ("declined", DialOutcome::Declined),
            ("unreachable", DialOutcome::Unreachable),
            ("failed", DialOutcome::Failed),
        ];
        let branches = outcomes.into_iter();
        let branches = branches.filter_map(|(name, outcome)| Some((outcome, filled.branch(name)?)));
        Box::new(Ring {
            targets: filled.targets("target"),
            ring_for: filled.maybe_duration("ring-for").unwrap_or(RING_FOR),
            branches: branches.collect(),
        })
    }
}

#[derive(Debug)]
struct Ring {
    targets: Vec<DialTarget>,
    ring_for: Duration,
    branches: Vec<(DialOutcome, StepId)>,
}

impl Action for Ring {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        self.ring(moment)
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::TimeUp => {
                moment.order(Order::StopDialling);
                self.after(DialOutcome::NoAnswer, moment)
            }
            News::DialEnded(outcome) => self.after(outcome, moment),
            News::TalkStarted => {
                moment.sleep_no_more();
                moment.note(Reason::TalkStarted);
                Turn::Wait
            }
            News::TalkEnded => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            News::PlayFinished | News::Digit | News::QueueLeft(_) | News::VoicemailDone => Turn::Wait,
        }
    }
}

impl Ring {
    fn ring(&self, moment: &mut Moment<'_>) -> Turn {
        let Some(target) = self.targets.get(usize::from(moment.memory.round)) else {
            return Turn::Next;
        };
        moment.order(Order::Dial {
            target: target.clone(),
            ring_for: self.ring_for,
        });
        moment.wake_in(self.ring_for, "the phone rings and nobody has answered");
        Turn::Wait
    }

    fn after(&self, outcome: DialOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        moment.note(Reason::Dial(outcome));
        moment.memory.round += 1;
        if usize::from(moment.memory.round) < self.targets.len() {
            return self.ring(moment);
        }
        let branch = self.branches.iter().find(|(known, _)| *known == outcome);
        branch.map_or(Turn::Next, |(_, entry)| Turn::To(*entry))
    }
}
