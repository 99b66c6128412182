//! One caller's walk through a checked dialplan: what happens comes in, orders go out.
//!
//! A walk knows neither audio nor SIP; it says "play this" and hears "that is finished". It owns the times that the
//! dialplan states (how long a menu waits, how long a phone rings) and nothing else, so that a hundred thousand
//! walks fit in a hundred megabytes.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::dialplan::action::Audio;
use crate::dialplan::action::Memory;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Entry;
use crate::dialplan::trail::Reason;
use crate::dialplan::trail::Told;
use crate::dialplan::verb::Needs;
use crate::media::both_sides::Channels;
use crate::media::tone::Signal;

/// Who calls whom. A caller who shows no number is `anonymous`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub from: String,
    pub to: String,
    /// The trunk that the call came through; none for a call from an extension.
    pub trunk: Option<String>,
}

/// Something that happened to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Started,
    Answered,
    /// All prompts of the last `Play`, or the whole of the last `Speak`. Nothing is heard of one that was stopped.
    PlayFinished,
    Digit(char),
    QueueLeft(QueueOutcome),
    /// An agent or the dialled party answered: nothing rings any more, and no time runs.
    TalkStarted,
    /// The talk is over and the caller is still there.
    TalkEnded,
    DialEnded(DialOutcome),
    VoicemailDone,
    /// Whoever listened to a mailbox has had enough, or may not.
    MailboxLeft,
    /// The caller is in the conference no more, and not by an order of his own.
    ConferenceLeft(ConferenceOutcome),
    /// The call is over, whoever ended it.
    CallerHungUp,
}

/// Why a queue gave the caller back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOutcome {
    TimedOut,
    Full,
    NobodySignedIn,
}

/// Why nobody was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOutcome {
    NoAnswer,
    Busy,
    Declined,
    Unreachable,
    Failed,
}

/// Something that is to be done for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Answer,
    Ringing,
    /// Early media: the caller hears us before the call is answered, at no cost to him.
    Progress,
    /// One after the other, without a gap. Replaces what is playing.
    Play {
        prompts: Vec<String>,
        language: String,
    },
    /// Says a text that no prompt holds. Ends with `PlayFinished`.
    Speak {
        text: String,
        language: String,
    },
    /// Of the telephone network: a beep once, which ends with `PlayFinished`, others until something else is ordered.
    Tone {
        signal: Signal,
    },
    /// The caller hears himself until something else is ordered.
    Echo,
    StopPlaying,
    JoinQueue {
        queue: String,
    },
    /// Nothing more is heard of the queue.
    LeaveQueue,
    /// The walk keeps the time; `ring_for` is for the far side's information.
    Dial {
        target: DialTarget,
        ring_for: Duration,
    },
    /// Nothing more is heard of the dialling.
    StopDialling,
    /// Greeting, tone, recording, thanks. Ends with `VoicemailDone`.
    Voicemail {
        mailbox: String,
        language: String,
    },
    /// The caller listens to messages. Ends with `MailboxLeft`; keys are the mailbox's until then.
    Mailbox {
        mailbox: String,
        language: String,
    },
    /// Of the whole call.
    Record(RecordOrder),
    /// Ends with `ConferenceLeft`, or with the call.
    JoinConference(Box<Attendance>),
    /// Nothing more is heard of the conference.
    LeaveConference,
    Message {
        to: String,
        text: String,
    },
    /// Something for the call's record.
    Tag {
        name: String,
        value: String,
    },
    Hangup {
        cause: HangupCause,
    },
}

/// What is to become of the recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOrder {
    Start { name: Option<String>, channels: Channels },
    Pause,
    Resume,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialTarget {
    Extension(String),
    /// One phone of an extension. No dialplan writes it: who calls has its GRUU (RFC 5627).
    Device {
        extension: String,
        instance: String,
    },
    /// In E.164; a route leads to it.
    Number(String),
}

/// Why we end a call; for one that was not answered, how it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangupCause {
    Normal,
    Busy,
    Declined,
    NoAnswer,
    Unreachable,
    NotFound,
    Failed,
}

/// When the walk wants to be woken, and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

/// What conditions may look up. Nothing here changes anything.
pub trait Scene {
    /// The time on the wall at this moment.
    fn wall(&self, now: Instant) -> Timestamp;
    fn channel_is_down(&self, name: &str) -> bool;
    fn queue(&self, name: &str) -> QueueGlance;
    fn extension(&self, number: &str) -> ExtensionState;
}

/// A queue at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueGlance {
    pub waiting: usize,
    pub signed_in: usize,
    /// Agents who are signed in and whom a caller would ring at once.
    pub free: usize,
}

/// An extension at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtensionState {
    /// No phone of it is registered.
    #[default]
    Unreachable,
    Free,
    Busy,
}

/// One caller's way through the dialplan.
#[derive(Debug)]
pub struct Walk {
    program: Arc<Program>,
    state: State,
    memory: Memory,
    /// Steps begun since the call began.
    steps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting {
        flow: FlowId,
    },
    At(StepId),
    /// The call must be answered before this step can begin.
    Answering(StepId),
    /// Goodbye is being said.
    Parting,
    /// The caller is gone; what was left to do runs, and nothing waits.
    Over,
}

/// So many steps may follow each other without any time passing.
const MOST_STEPS_AT_ONCE: u32 = 200;
/// So many steps may one call take.
const MOST_STEPS: u32 = 10_000;

impl Walk {
    /// `seed` decides what conditions by chance decide.
    pub fn new(program: Arc<Program>, flow: FlowId, caller: Caller, language: &str, seed: u64) -> Walk {
        Walk { program, state: State::Waiting { flow }, memory: Memory::new(caller, language, seed), steps: 0 }
    }

    pub fn handle(&mut self, happening: Happening, scene: &dyn Scene, now: Instant) {
        match happening {
            Happening::Started => self.start(scene, now),
            Happening::Answered => self.on_answered(scene, now),
            Happening::CallerHungUp => self.finish(None, scene, now),
            Happening::Digit(digit) => {
                self.memory.keep_digit(digit);
                self.tell(News::Digit, scene, now);
            }
            Happening::PlayFinished if self.state == State::Parting => {
                self.finish(Some(HangupCause::Normal), scene, now);
            }
            Happening::PlayFinished => self.tell(News::PlayFinished, scene, now),
            Happening::QueueLeft(outcome) => self.tell(News::QueueLeft(outcome), scene, now),
            Happening::TalkStarted => self.tell(News::TalkStarted, scene, now),
            Happening::TalkEnded => self.tell(News::TalkEnded, scene, now),
            Happening::DialEnded(outcome) => self.tell(News::DialEnded(outcome), scene, now),
            Happening::VoicemailDone => self.tell(News::VoicemailDone, scene, now),
            Happening::MailboxLeft => self.tell(News::MailboxLeft, scene, now),
            Happening::ConferenceLeft(outcome) => self.tell(News::ConferenceLeft(outcome), scene, now),
        }
    }

    pub fn poll_order(&mut self) -> Option<Order> {
        let order = self.memory.orders.pop_front();
        if self.memory.orders.is_empty() {
            // Most walks wait most of the time: an empty queue need not hold memory.
            self.memory.orders.shrink_to_fit();
        }
        order
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.memory.deadline
    }

    pub fn handle_timeout(&mut self, scene: &dyn Scene, now: Instant) {
        if self.memory.deadline.is_some_and(|deadline| deadline.at <= now) {
            self.memory.deadline = None;
            self.tell(News::TimeUp, scene, now);
        }
    }

    /// The steps so far, each with its time and reason: the beginning and the end of a very long way.
    pub fn trail(&self) -> Vec<Told> {
        let entries = self.trail_since(0).iter();
        entries.map(|entry| entry.told(&self.program)).collect()
    }

    /// The verb that the walk stands at; none before it began and when it is over.
    pub fn verb(&self) -> Option<&'static str> {
        match self.state {
            State::At(step) | State::Answering(step) => Some(self.program.step(step).sheet.name),
            State::Waiting { .. } | State::Parting | State::Over => None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The entries written since the trail counted so many.
    pub(super) fn trail_since(&self, count: u64) -> &[Entry] {
        self.memory.trail.since(count)
    }

    pub(super) fn trail_count(&self) -> u64 {
        self.memory.trail.count()
    }

    fn start(&mut self, scene: &dyn Scene, now: Instant) {
        if let State::Waiting { flow } = self.state {
            self.go_on(Turn::Enter(flow), scene, now);
        }
    }

    fn on_answered(&mut self, scene: &dyn Scene, now: Instant) {
        self.memory.audio = Audio::Answered;
        if let State::Answering(step) = self.state {
            self.go_on(Turn::To(step), scene, now);
        }
    }

    /// Tells the current step what happened, and goes where it turns.
    fn tell(&mut self, news: News, scene: &dyn Scene, now: Instant) {
        let State::At(step) = self.state else {
            return;
        };
        let program = Arc::clone(&self.program);
        let action = &program.step(step).action;
        let turn = action.on(news, &mut self.moment(&program, step, scene, now));
        self.go_on(turn, scene, now);
    }

    fn go_on(&mut self, mut turn: Turn, scene: &dyn Scene, now: Instant) {
        let program = Arc::clone(&self.program);
        for _ in 0..MOST_STEPS_AT_ONCE {
            let step = match turn {
                Turn::Wait => return,
                Turn::To(step) => step,
                Turn::Next => self.next(),
                Turn::Enter(flow) => program.entry(flow),
                Turn::Goodbye => return self.part(Reason::Goodbye, scene, now),
                Turn::End(cause) => return self.finish(Some(cause), scene, now),
            };
            if step == StepId::END {
                return self.finish(Some(HangupCause::Normal), scene, now);
            }
            if self.steps >= MOST_STEPS {
                break;
            }
            turn = self.begin(&program, step, scene, now);
        }
        self.part(Reason::TooManySteps, scene, now);
    }

    fn next(&self) -> StepId {
        match self.state {
            State::At(step) | State::Answering(step) => self.program.step(step).next,
            State::Waiting { .. } | State::Parting | State::Over => StepId::END,
        }
    }

    fn begin(&mut self, program: &Program, id: StepId, scene: &dyn Scene, now: Instant) -> Turn {
        let step = program.step(id);
        if self.must_answer(step) {
            self.state = State::Answering(id);
            self.memory.trail.note(id, Reason::AnsweredFirst, now);
            self.memory.orders.push_back(Order::Answer);
            return Turn::Wait;
        }
        self.steps += 1;
        self.state = State::At(id);
        self.memory.deadline = None;
        self.memory.round = 0;
        self.memory.stage = 0;
        self.memory.trail.note(id, Reason::Begun, now);
        step.action.begin(&mut self.moment(program, id, scene, now))
    }

    fn must_answer(&self, step: &Step) -> bool {
        // The word itself needs no words about it.
        let needed = match step.sheet.needs {
            Needs::Answer => Audio::Answered,
            Needs::Audio => Audio::Early,
            Needs::Caller | Needs::Nobody => Audio::None,
        };
        self.memory.audio < needed
    }

    /// Ends the call politely: with a goodbye, where there is one and the caller can hear it.
    fn part(&mut self, reason: Reason, scene: &dyn Scene, now: Instant) {
        let (State::At(step) | State::Answering(step)) = self.state else {
            return self.finish(Some(HangupCause::Normal), scene, now);
        };
        self.memory.trail.note(step, reason, now);
        self.memory.deadline = None;
        let program = Arc::clone(&self.program);
        let heard = self.memory.audio > Audio::None;
        if !heard || !program.speaks("goodbye", &self.memory.language) {
            let cause = match reason {
                Reason::TooManySteps => HangupCause::Failed,
                _ => HangupCause::Normal,
            };
            return self.finish(Some(cause), scene, now);
        }
        self.state = State::Parting;
        let prompts = vec!["goodbye".to_owned()];
        self.moment(&program, step, scene, now).play(prompts, None);
    }

    /// The call is over: by our own order where a cause is given. What was kept for afterwards runs now.
    fn finish(&mut self, cause: Option<HangupCause>, scene: &dyn Scene, now: Instant) {
        if self.state == State::Over {
            return;
        }
        self.state = State::Over;
        self.memory.deadline = None;
        if let Some(cause) = cause {
            self.memory.orders.push_back(Order::Hangup { cause });
        }
        let program = Arc::clone(&self.program);
        let mut following = self.memory.afterwards.take();
        // Blocks that run afterwards hold no `go`: the steps of one are all that can follow.
        while let Some(id) = following.filter(|id| *id != StepId::END) {
            let step = program.step(id);
            self.memory.trail.note(id, Reason::Begun, now);
            let turn = step.action.begin(&mut self.moment(&program, id, scene, now));
            following = match turn {
                Turn::Next => Some(step.next),
                Turn::To(step) => Some(step),
                Turn::Wait | Turn::Enter(_) | Turn::Goodbye | Turn::End(_) => None,
            };
        }
    }

    fn moment<'m>(&'m mut self, program: &'m Program, step: StepId, scene: &'m dyn Scene, now: Instant) -> Moment<'m> {
        Moment { memory: &mut self.memory, program, scene, now, step }
    }
}

impl HangupCause {
    /// The word in `reject` and `ends`.
    pub fn word(self) -> &'static str {
        match self {
            HangupCause::Normal => "normal",
            HangupCause::Busy => "busy",
            HangupCause::Declined => "declined",
            HangupCause::NoAnswer => "no-answer",
            HangupCause::Unreachable => "unreachable",
            HangupCause::NotFound => "not-found",
            HangupCause::Failed => "failed",
        }
    }

    pub(super) fn named(word: &str) -> HangupCause {
        let named = [
            HangupCause::Busy,
            HangupCause::Declined,
            HangupCause::NoAnswer,
            HangupCause::Unreachable,
            HangupCause::NotFound,
            HangupCause::Failed,
        ];
        let mut causes = named.into_iter();
        let found = causes.find(|cause| cause.word() == word);
        found.unwrap_or(HangupCause::Normal)
    }
}

impl DialTarget {
    /// What the owner wrote: a number, an extension, an address.
    pub fn text(&self) -> &str {
        match self {
            DialTarget::Extension(text) | DialTarget::Number(text) => text,
            DialTarget::Device { extension, .. } => extension,
        }
    }
}
