//! The contract of a step that runs: it is begun, hears what happens, and says where the walk turns.

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;
use std::time::Instant;

use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::last_keys::LastKeys;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::order::Consent;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::scene::Scene;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::trail::Reason;
use crate::dialplan::trail::Trail;
use crate::dialplan::walk::Caller;
use crate::dialplan::walk::Deadline;

/// What a step does when the walk comes to it.
pub(super) trait Action: fmt::Debug + Send + Sync {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn;

    /// Where callers may wait whom it parks.
    fn slots(&self) -> Option<RangeInclusive<u32>> {
        None
    }

    /// Something happened while the walk stood at this step. What does not concern it, it lets pass.
    fn on(&self, _news: News, _moment: &mut Moment<'_>) -> Turn {
        Turn::Wait
    }
}

/// Where the walk turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It stays at this step.
    Wait,
    Next,
    To(StepId),
    Enter(FlowId),
    /// Through a flow, and then to the next step.
    Call(FlowId),
    /// To the end of the flow.
    Return,
    /// Says goodbye, where that prompt exists, and ends the call.
    Goodbye,
    End(HangupCause),
}

/// What a step can hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    PlayFinished,
    /// A key was pressed; it waits in the moment's digits.
    Digit,
    TimeUp,
    QueueLeft(QueueOutcome),
    TalkStarted,
    TalkEnded,
    CalleeListens,
    CalleeLeft,
    DialEnded(DialOutcome),
    ReferRefused,
    ParkFull,
    PickUpFailed,
    VoicemailDone,
    MailboxLeft,
    ConferenceLeft(ConferenceOutcome),
    /// What was found waits in the moment's findings.
    LookedUp(Result<(), LookUpFailure>),
    Booked(BookingOutcome),
    Position {
        position: u32,
        estimate: Option<Duration>,
    },
}

/// What a walk remembers between two happenings.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) caller: Box<Caller>,
    pub(super) language: String,
    pub(super) orders: VecDeque<Order>,
    pub(super) deadline: Option<Deadline>,
    /// Pressed and not yet taken by a step, oldest first; at most [`MOST_DIGITS`].
    pub(super) digits: Vec<char>,
    pub(super) variables: Vec<(VariableId, String)>,
    pub(super) last_keys: LastKeys,
    /// `{protocol}`, once it was asked for.
    pub(super) protocol: Option<Box<str>>,
    /// The `call` steps whose flows the walk is in, the outermost first.
    pub(super) called_from: Vec<StepId>,
    pub(super) trail: Trail,
    pub(super) rng: fastrand::Rng,
    /// What runs when the call is over.
    pub(super) afterwards: Option<StepId>,
    pub(super) audio: Audio,
    /// None before he was asked.
    pub(super) consent: Option<Consent>,
    /// Questions that were asked; it may begin anew.
    pub(super) questions: u16,
    /// The question whose answer is still wanted.
    pub(super) asking: Option<Box<Asking>>,
    /// The current step's own count and stage; zero when it begins.
    pub(super) round: u16,
    pub(super) stage: u8,
}

/// A question to another program, and then what it brought.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) query: u32,
    pub(super) findings: Vec<Option<String>>,
}

/// Whether the caller hears us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Audio {
    None,
    Early,
    Answered,
}

/// So many keys are kept for the steps to come; more are dropped.
const MOST_DIGITS: usize = 32;

/// So many letters may a variable hold.
pub(super) const LONGEST_VALUE: usize = 1_000;

impl Memory {
    pub(super) fn new(caller: Caller, language: &str, seed: u64) -> Memory {
        Memory {
            caller: Box::new(caller),
            language: language.to_owned(),
            orders: VecDeque::new(),
            deadline: None,
            digits: Vec::new(),
            variables: Vec::new(),
            last_keys: LastKeys::default(),
            protocol: None,
            called_from: Vec::new(),
            trail: Trail::default(),
            rng: fastrand::Rng::with_seed(seed),
            afterwards: None,
            audio: Audio::None,
            consent: None,
            questions: 0,
            asking: None,
            round: 0,
            stage: 0,
        }
    }

    pub(super) fn keep_digit(&mut self, digit: char) {
        self.last_keys.push(digit);
        if self.digits.len() < MOST_DIGITS {
            self.digits.push(digit);
        }
    }
}

/// One moment of one walk, as the step sees it.
pub(super) struct Moment<'m> {
    pub(super) memory: &'m mut Memory,
    pub(super) program: &'m Program,
    pub(super) scene: &'m dyn Scene,
    pub(super) now: Instant,
    pub(super) step: StepId,
}

impl Moment<'_> {
    pub(super) fn order(&mut self, order: Order) {
        self.memory.orders.push_back(order);
    }

    /// Plays in the caller's language, or in the one given.
    pub(super) fn play(&mut self, prompts: Vec<String>, language: Option<&str>) {
        let language = language.unwrap_or(&self.memory.language).to_owned();
        self.order(Order::Play { prompts, language });
    }

    pub(super) fn wake_in(&mut self, after: Duration, why: &'static str) {
        let at = self.now + after;
        self.memory.deadline = Some(Deadline { at, why });
    }

    pub(super) fn sleep_no_more(&mut self) {
        self.memory.deadline = None;
    }

    pub(super) fn take_digit(&mut self) -> Option<char> {
        let digits = &mut self.memory.digits;
        (!digits.is_empty()).then(|| digits.remove(0))
    }

    /// Writes down why the walk goes the way it goes.
    pub(super) fn note(&mut self, reason: Reason) {
        self.memory.trail.note(self.step, reason, self.now);
    }

    /// For people: what fills the holes stands there as it is.
    pub(super) fn fill(&mut self, template: &Template) -> String {
        template.fill(self, str::to_owned)
    }

    /// As [`Moment::fill`]; what fills the holes is quoted first.
    pub(super) fn fill_quoted(&mut self, template: &Template, quote: impl Fn(&str) -> String) -> String {
        template.fill(self, quote)
    }

    /// The id of a question whose answer is awaited from now on.
    pub(super) fn next_question(&mut self) -> u32 {
        self.memory.questions = self.memory.questions.wrapping_add(1);
        let query = u32::from(self.memory.questions);
        self.memory.asking = Some(Box::new(Asking { query, findings: Vec::new() }));
        query
    }

    /// What the question brought; it is asked no more.
    pub(super) fn take_findings(&mut self) -> Vec<Option<String>> {
        self.memory.asking.take().map(|asking| asking.findings).unwrap_or_default()
    }

    pub(super) fn stop_asking(&mut self) {
        if self.memory.asking.take().is_some() {
            self.order(Order::StopAsking);
        }
    }

    /// What is longer than [`LONGEST_VALUE`] is cut off: texts that are made of texts must not grow without end.
    pub(super) fn set_variable(&mut self, id: VariableId, mut value: String) {
        if let Some((end, _)) = value.char_indices().nth(LONGEST_VALUE) {
            value.truncate(end);
        }
        let variables = &mut self.memory.variables;
        match variables.iter_mut().find(|(known, _)| *known == id) {
            Some((_, old)) => *old = value,
            None => variables.push((id, value)),
        }
    }

    /// Whether the engine has this prompt of its own in the caller's language.
    pub(super) fn speaks(&self, prompt: &str) -> bool {
        self.program.speaks(prompt, &self.memory.language)
    }

    /// Empty before it was given a value.
    pub(super) fn variable(&self, id: VariableId) -> &str {
        let mut variables = self.memory.variables.iter();
        let found = variables.find(|(known, _)| *known == id);
        found.map_or("", |(_, value)| value)
    }
}
