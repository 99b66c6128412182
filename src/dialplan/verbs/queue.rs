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
use crate::media::speech;

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
    properties: &[
        Parameter::optional("up-to", Kind::Duration, "as long as the caller likes", "the longest wait for an answer"),
        Parameter::optional(
            "announce-position",
            Kind::Duration,
            "never",
            "how often the caller hears his place, and how long he will probably wait; at least 10s",
        ),
        Parameter::optional("music", Kind::Music, "the queue's own", "what the caller hears meanwhile"),
    ],
    children: Children::Branches(&[
        Branch {
            value: Some(Kind::Key),
            default: "the key does nothing",
            ..Branch::new("key", "the caller pressed this key while he waited; he gives up his place")
        },
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
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let often = filled.maybe_duration("announce-position").is_some_and(|every| every < LEAST_INTERVAL);
        let mend = "Write \"10s\" or more: nobody would hear any music.".to_owned();
        often.then(|| ("`announce-position` comes too often".to_owned(), mend)).into_iter().collect()
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let timeout = filled.branch("timeout");
        Box::new(Line {
            queue: filled.text("queue"),
            up_to: filled.maybe_duration("up-to"),
            announces: filled.maybe_duration("announce-position"),
            music: filled.maybe_text("music"),
            keys: filled.branches.iter().filter_map(|branch| Some((branch.key?, branch.entry))).collect(),
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
    announces: Option<Duration>,
    music: Option<String>,
    keys: Vec<(char, StepId)>,
    timeout: Option<StepId>,
    full: Option<StepId>,
    nobody: Option<StepId>,
}

const LEAST_INTERVAL: Duration = Duration::from_secs(10);

const WAITING: u8 = 0;
const ANNOUNCING: u8 = 1;
const TALKING: u8 = 2;

impl Action for Line {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        // Keys pressed while waiting are no choice in a menu that comes later.
        moment.memory.digits.clear();
        moment.order(Order::JoinQueue { queue: self.queue.clone() });
        if let Some(music) = &self.music {
            moment.order(Order::Music { music: music.clone() });
        }
        self.sleep(moment);
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::TimeUp, _) if self.is_over(moment) => {
                moment.order(Order::LeaveQueue);
                self.leave(QueueOutcome::TimedOut, moment)
            }
            (News::TimeUp, WAITING) => {
                moment.order(Order::AskPosition);
                self.sleep(moment);
                Turn::Wait
            }
            (News::Position { position, estimate }, WAITING) => self.announce(position, estimate, moment),
            (News::PlayFinished, ANNOUNCING) => {
                moment.memory.stage = WAITING;
                self.play_music(moment);
                self.sleep(moment);
                Turn::Wait
            }
            (News::QueueLeft(outcome), _) => self.leave(outcome, moment),
            (News::TalkStarted, _) => {
                moment.memory.stage = TALKING;
                moment.sleep_no_more();
                moment.note(Reason::TalkStarted);
                Turn::Wait
            }
            (News::TalkEnded, _) => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            (News::Digit, stage) => self.on_digit(stage, moment),
            _ => Turn::Wait,
        }
    }
}

impl Line {
    /// Until the longest wait is over, or the place is to be announced.
    fn sleep(&self, moment: &mut Moment<'_>) {
        let left = self.up_to.map(|up_to| up_to.saturating_sub(Self::waited(moment)));
        let announces = self.announces.filter(|_| moment.memory.stage == WAITING && moment.speaks(POSITION));
        match (left, announces) {
            (Some(left), announces) if announces.is_none_or(|every| left <= every) => {
                moment.wake_in(left, "no agent has answered");
            }
            (_, Some(every)) => moment.wake_in(every, "the place in the queue is to be announced"),
            _ => moment.sleep_no_more(),
        }
    }

    fn is_over(&self, moment: &Moment<'_>) -> bool {
        self.up_to.is_some_and(|up_to| Self::waited(moment) >= up_to)
    }

    fn waited(moment: &Moment<'_>) -> Duration {
        let since = moment.memory.trail.last_of(moment.step);
        since.map_or(Duration::ZERO, |since| moment.now.saturating_duration_since(since))
    }

    fn announce(&self, position: u32, estimate: Option<Duration>, moment: &mut Moment<'_>) -> Turn {
        let Some(language) = speech::Language::of(&moment.memory.language) else {
            return Turn::Wait;
        };
        let said = |prompt: &str, number: u32| {
            let counted = speech::cardinal(number, language)?;
            Some(std::iter::once(prompt.to_owned()).chain(counted).collect::<Vec<_>>())
        };
        let Some(mut prompts) = said(POSITION, position) else {
            return Turn::Wait;
        };
        let minutes = estimate.map(|wait| u32::try_from(wait.as_secs().div_ceil(60)).unwrap_or(u32::MAX));
        let minutes = minutes.filter(|_| moment.speaks(ESTIMATE));
        prompts.extend(minutes.and_then(|minutes| said(ESTIMATE, minutes.max(1))).unwrap_or_default());
        moment.memory.stage = ANNOUNCING;
        moment.play(prompts, None);
        self.sleep(moment);
        Turn::Wait
    }

    fn play_music(&self, moment: &mut Moment<'_>) {
        match &self.music {
            Some(music) => moment.order(Order::Music { music: music.clone() }),
            None => moment.order(Order::HoldMusic { queue: self.queue.clone() }),
        }
    }

    fn on_digit(&self, stage: u8, moment: &mut Moment<'_>) -> Turn {
        let pressed = std::mem::take(&mut moment.memory.digits);
        let wanted = pressed.into_iter().find_map(|key| self.keys.iter().find(|(known, _)| *known == key));
        let Some((key, entry)) = wanted.filter(|_| stage != TALKING) else {
            return Turn::Wait;
        };
        moment.note(Reason::Pressed(*key));
        moment.order(Order::LeaveQueue);
        Turn::To(*entry)
    }

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

/// Prompts that a number follows.
const POSITION: &str = "queue-position";
const ESTIMATE: &str = "estimated-wait";
