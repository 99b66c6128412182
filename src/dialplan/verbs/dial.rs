//! `dial`: rings phones, one after the other, until somebody answers.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

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
            News::PlayFinished
            | News::Digit
            | News::QueueLeft(_)
            | News::VoicemailDone
            | News::MailboxLeft
            | News::ConferenceLeft(_)
            | News::LookedUp(_) => Turn::Wait,
        }
    }
}

impl Ring {
    fn ring(&self, moment: &mut Moment<'_>) -> Turn {
        let Some(target) = self.targets.get(usize::from(moment.memory.round)) else {
            return Turn::Next;
        };
        moment.order(Order::Dial { target: target.clone(), ring_for: self.ring_for });
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
