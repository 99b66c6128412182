//! `queue`: the caller waits for an agent.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Queue;

impl Verb for Queue {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "queue",
    help: "Lets the caller wait, with music, until an agent of the queue answers. When their talk is over, the call ends.",
    arguments: &[Parameter::required("queue", Kind::Queue, "where the caller waits")],
    properties: &[Parameter::optional(
        "up-to",
        Kind::Duration,
        "as long as the caller likes",
        "the longest wait for an answer",
    )],
    children: Children::Branches(&[
        Branch::new("timeout", "nobody answered within `up-to`").only_with("up-to"),
        Branch::new("full", "as many callers wait as may").at_once().or("timeout", "as `timeout`"),
        Branch::new("nobody", "no agent of the queue is signed in").at_once().or("timeout", "as `timeout`"),
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Answer,
    example: "queue \"vendas\" up-to=\"90s\" {\n    timeout { voicemail \"geral\" }\n    nobody { play \"closed\" }\n}",
    ..Sheet::PLAIN
};

impl Compile for Queue {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let timeout = filled.branch("timeout");
        Box::new(Line {
            queue: filled.text("queue"),
            up_to: filled.maybe_duration("up-to"),
            timeout,
            full: filled.branch("full").or(timeout),
            nobody: filled.branch("nobody").or(timeout),
        })
    }
}

#[derive(Debug)]
struct Line {
    queue: String,
    up_to: Option<Duration>,
    timeout: Option<StepId>,
    full: Option<StepId>,
    nobody: Option<StepId>,
}

impl Action for Line {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        // Keys pressed while waiting are no choice in a menu that comes later.
        moment.memory.digits.clear();
        moment.order(Order::JoinQueue { queue: self.queue.clone() });
        if let Some(up_to) = self.up_to {
            moment.wake_in(up_to, "no agent has answered");
        }
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::TimeUp => {
                moment.order(Order::LeaveQueue);
                self.leave(QueueOutcome::TimedOut, moment)
            }
            News::QueueLeft(outcome) => self.leave(outcome, moment),
            News::TalkStarted => {
                moment.sleep_no_more();
                moment.note(Reason::TalkStarted);
                Turn::Wait
            }
            News::TalkEnded => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            News::Digit => {
                moment.memory.digits.clear();
                Turn::Wait
            }
            News::PlayFinished
            | News::DialEnded(_)
            | News::VoicemailDone
            | News::MailboxLeft
            | News::ConferenceLeft(_)
            | News::LookedUp(_)
            | News::CalleeListens
            | News::CalleeLeft => Turn::Wait,
        }
    }
}

impl Line {
    fn leave(&self, outcome: QueueOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::Queue(outcome));
        let branch = match outcome {
            QueueOutcome::TimedOut => self.timeout,
            QueueOutcome::Full => self.full,
            QueueOutcome::NobodySignedIn => self.nobody,
        };
        branch.map_or(Turn::Next, Turn::To)
    }
}
