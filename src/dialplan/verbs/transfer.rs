//! `transfer`: hands the caller on, by ourselves or by asking his own trunk to connect him.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::QueueOutcome;
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
pub(super) struct Transfer;

const RING_FOR: Duration = Duration::from_secs(60);
/// A trunk that has agreed and says nothing more within this has the caller.
const SAYS_WITHIN: Duration = Duration::from_secs(60);

impl Verb for Transfer {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "transfer",
    help: "Hands the caller on to somebody else, or to a queue. With `by=\"refer\"` his own trunk is asked to connect him (REFER), and the call leaves us; a trunk that will not, and a caller who did not come over one, is connected by ourselves. When it has worked, nothing of this flow follows.",
    arguments: &[Parameter::optional("to", Kind::Target, "there must be a `queue`", "whom the caller is handed to")],
    properties: &[
        Parameter::optional("queue", Kind::Queue, "there must be a `to`", "the queue that he is handed to"),
        Parameter::optional("by", Kind::Word(&["us", "refer"]), "us", "who connects the caller"),
        Parameter::optional("ring-for", Kind::Duration, "60s", "how long the phone rings"),
    ],
    children: Children::Branches(&[
        Branch::new("no-answer", "nobody answered within `ring-for`").or("failed", "as `failed`"),
        Branch::new("busy", "the line is busy, or the queue is full").at_once().or("failed", "as `failed`"),
        Branch::new("declined", "the call was declined").at_once().or("failed", "as `failed`"),
        Branch::new("unreachable", "no phone is registered, or no agent of the queue is signed in")
            .at_once()
            .or("failed", "as `failed`"),
        Branch::new("failed", "the call could not be placed").at_once(),
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    example: "transfer \"+5511988887777\" by=\"refer\" {\n    failed { voicemail \"geral\" }\n}\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Transfer {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let (to, queue) = (filled.targets("to").pop(), filled.maybe_text("queue"));
        let refers = filled.maybe_word("by") == Some("refer");
        match (to, queue) {
            (None, None) => vec![(
                "this `transfer` leads nowhere".to_owned(),
                "Write whom the caller is handed to: `transfer \"200\"`, or `transfer queue=\"vendas\"`.".to_owned(),
            )],
            (Some(_), Some(_)) => {
                vec![("this `transfer` leads to two".to_owned(), "Keep the phone or the queue.".to_owned())]
            }
            (None, Some(_)) | (Some(DialTarget::Extension(_) | DialTarget::Device { .. }), None) if refers => vec![(
                "no trunk can reach a phone or a queue of ours".to_owned(),
                "Leave `by` out, or hand the caller to a number.".to_owned(),
            )],
            (Some(DialTarget::Address { .. }), None) if refers => vec![(
                "the caller's trunk is asked for numbers alone".to_owned(),
                "Leave `by` out, or hand the caller to a number.".to_owned(),
            )],
            _ => Vec::new(),
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let failed = filled.branch("failed");
        let branch = |name: &str, outcome| Some((outcome, filled.branch(name).or(failed)?));
        let branches = [
            branch("no-answer", DialOutcome::NoAnswer),
            branch("busy", DialOutcome::Busy),
            branch("declined", DialOutcome::Declined),
            branch("unreachable", DialOutcome::Unreachable),
            branch("failed", DialOutcome::Failed),
        ];
        Box::new(HandOn {
            to: filled.targets("to").pop(),
            queue: filled.maybe_text("queue"),
            by: if filled.maybe_word("by") == Some("refer") { By::TheirTrunk } else { By::Us },
            ring_for: filled.maybe_duration("ring-for").unwrap_or(RING_FOR),
            branches: branches.into_iter().flatten().collect(),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Us,
    TheirTrunk,
}

#[derive(Debug)]
struct HandOn {
    to: Option<DialTarget>,
    queue: Option<String>,
    by: By,
    ring_for: Duration,
    branches: Vec<(DialOutcome, StepId)>,
}

const RINGING: u8 = 0;
const REFERRED: u8 = 1;

impl Action for HandOn {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        match (&self.to, &self.queue, self.by) {
            (Some(to), _, By::TheirTrunk) => {
                moment.memory.stage = REFERRED;
                moment.order(Order::Refer { to: to.text().to_owned() });
                moment.wake_in(SAYS_WITHIN, "the trunk has not said whether it connects the caller");
            }
            (Some(to), ..) => self.ring(to, moment),
            (None, Some(queue), _) => {
                moment.memory.digits.clear();
                moment.order(Order::JoinQueue { queue: queue.clone() });
            }
            (None, None, _) => return Turn::Next,
        }
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::ReferRefused, REFERRED) => {
                moment.note(Reason::ReferRefused);
                moment.memory.stage = RINGING;
                self.to.iter().for_each(|to| self.ring(to, moment));
                Turn::Wait
            }
            (News::TimeUp, REFERRED) => Turn::End(HangupCause::Normal),
            (News::TimeUp, _) => {
                moment.order(Order::StopDialling);
                self.after(DialOutcome::NoAnswer, moment)
            }
            (News::DialEnded(outcome), _) => self.after(outcome, moment),
            (News::QueueLeft(QueueOutcome::Full), _) => self.after(DialOutcome::Busy, moment),
            (News::QueueLeft(_), _) => self.after(DialOutcome::Unreachable, moment),
            (News::TalkStarted, _) => {
                moment.sleep_no_more();
                moment.note(Reason::HandedOn);
                Turn::Wait
            }
            (News::TalkEnded, _) => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            _ => Turn::Wait,
        }
    }
}

impl HandOn {
    fn ring(&self, to: &DialTarget, moment: &mut Moment<'_>) {
        moment.order(Order::Dial(Box::new(DialOrder::plain(to.clone(), self.ring_for))));
        moment.wake_in(self.ring_for, "the phone rings and nobody has answered");
    }

    fn after(&self, outcome: DialOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        moment.note(Reason::Dial(outcome));
        let branch = self.branches.iter().find(|(known, _)| *known == outcome);
        branch.map_or(Turn::Next, |(_, entry)| Turn::To(*entry))
    }
}
