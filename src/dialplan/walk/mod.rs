//! One caller's walk through a checked dialplan: what happens comes in, orders go out.
//!
//! A walk knows neither audio nor SIP; it says "play this" and hears "that is finished". It owns the times that the
//! dialplan states (how long a menu waits, how long a phone rings) and nothing else, so that a hundred thousand
//! walks fit in a hundred megabytes.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use crate::dialplan::action::Audio;
use crate::dialplan::action::Memory;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::happening::Happening;
use crate::dialplan::lookup::Findings;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::Step;
use crate::dialplan::program::StepId;
use crate::dialplan::scene::Scene;
use crate::dialplan::trail::Entry;
use crate::dialplan::trail::Reason;
use crate::dialplan::trail::Told;
use crate::dialplan::verb::Needs;

/// Who calls whom. A caller who shows no number is `anonymous`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub from: String,
    pub to: String,
    /// The trunk that the call came through; none for a call from an extension.
    pub trunk: Option<String>,
    /// As people read it; empty where the call shows none.
    pub name: String,
    /// The call's id in the API and in its record.
    pub call_id: String,
    /// Which call of this server it is, counted from its start.
    pub call_number: u64,
}

/// When the walk wants to be woken, and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

/// A step of a program, for whoever counts callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot(StepId);

impl Spot {
    pub(super) fn new(step: StepId) -> Spot {
        Spot(step)
    }
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
/// So many flows may call each other. The check lets no program pass that could go deeper.
pub(super) const MOST_CALLS_WITHIN: usize = 16;
/// So many steps may one call take.
const MOST_STEPS: u32 = 10_000;

impl Caller {
    /// Whoever calls from there, of whom nothing else is known.
    pub fn new(from: impl Into<String>, to: impl Into<String>, trunk: Option<String>) -> Caller {
        let (from, to) = (from.into(), to.into());
        Caller { from, to, trunk, name: String::new(), call_id: String::new(), call_number: 0 }
    }

    /// Nobody could call back, or be sent a text.
    pub fn is_withheld(&self) -> bool {
        !self.from.bytes().any(|byte| byte.is_ascii_digit())
    }
}

impl Walk {
    /// `seed` decides what conditions by chance decide.
    pub fn new(program: Arc<Program>, flow: FlowId, caller: Caller, language: &str, seed: u64) -> Walk {
        Walk { program, state: State::Waiting { flow }, memory: Memory::new(caller, language, seed), steps: 0 }
    }

    /// The call that the caller is in, where that is known only later.
    pub fn belongs_to(&mut self, call_id: String, call_number: u64) {
        (self.memory.caller.call_id, self.memory.caller.call_number) = (call_id, call_number);
    }

    /// Which lots `chance` draws from here on.
    pub(super) fn draw_by(&mut self, seed: u64) {
        self.memory.rng.seed(seed);
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
            Happening::ReferRefused => self.tell(News::ReferRefused, scene, now),
            Happening::ParkFull => self.tell(News::ParkFull, scene, now),
            Happening::PickUpFailed => self.tell(News::PickUpFailed, scene, now),
            Happening::CalleeListens => self.tell(News::CalleeListens, scene, now),
            Happening::CalleeLeft => self.tell(News::CalleeLeft, scene, now),
            Happening::DialEnded(outcome) => self.tell(News::DialEnded(outcome), scene, now),
            Happening::VoicemailDone => self.tell(News::VoicemailDone, scene, now),
            Happening::MailboxLeft => self.tell(News::MailboxLeft, scene, now),
            Happening::ConferenceLeft(outcome) => self.tell(News::ConferenceLeft(outcome), scene, now),
            Happening::Position { position, estimate } => {
                self.tell(News::Position { position, estimate }, scene, now);
            }
            Happening::Booked(outcome) => self.tell(News::Booked(outcome), scene, now),
            Happening::LookedUp { query, findings } => self.on_looked_up(query, findings, scene, now),
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
        let Some(began) = self.memory.trail.began() else {
            return Vec::new();
        };
        let entries = self.trail_since(0).iter();
        entries.map(|entry| entry.told(&self.program, began)).collect()
    }

    /// The verb that the walk stands at; none before it began and when it is over.
    pub fn verb(&self) -> Option<&'static str> {
        match self.state {
            State::At(step) | State::Answering(step) => Some(self.program.step(step).sheet.name),
            State::Waiting { .. } | State::Parting | State::Over => None,
        }
    }

    /// The step that the walk stands at; none before it began and when it is over.
    pub fn spot(&self) -> Option<Spot> {
        match self.state {
            State::At(step) | State::Answering(step) => Some(Spot(step)),
            State::Waiting { .. } | State::Parting | State::Over => None,
        }
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// For a rehearsal: no step is forgotten, however many there are.
    pub(in crate::dialplan) fn keep_whole_trail(&mut self) {
        self.memory.trail.keep_all();
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

    /// The answer to an earlier question, or to one that nobody waits for any more, is dropped.
    fn on_looked_up(&mut self, query: u32, findings: Findings, scene: &dyn Scene, now: Instant) {
        let Some(asking) = self.memory.asking.as_mut().filter(|asking| asking.query == query) else {
            return;
        };
        let news = findings.map(|findings| asking.findings = findings);
        self.tell(News::LookedUp(news), scene, now);
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
                Turn::Enter(flow) => self.enter(flow, &program),
                Turn::Call(_) if self.memory.called_from.len() >= MOST_CALLS_WITHIN => {
                    return self.part(Reason::TooDeep, scene, now);
                }
                Turn::Call(flow) => self.call(flow, &program),
                Turn::Return => StepId::END,
                Turn::Goodbye => return self.part(Reason::Goodbye, scene, now),
                Turn::End(cause) => return self.finish(Some(cause), scene, now),
            };
            let Some(step) = self.step_or_return(step, &program, now) else {
                return self.finish(Some(HangupCause::Normal), scene, now);
            };
            if self.steps >= MOST_STEPS {
                break;
            }
            turn = self.begin(&program, step, scene, now);
        }
        self.part(Reason::TooManySteps, scene, now);
    }

    /// `go` leads on for good: no `call` before it is come back to.
    fn enter(&mut self, flow: FlowId, program: &Program) -> StepId {
        self.memory.called_from.clear();
        program.entry(flow)
    }

    fn call(&mut self, flow: FlowId, program: &Program) -> StepId {
        if let State::At(step) = self.state {
            self.memory.called_from.push(step);
        }
        program.entry(flow)
    }

    /// Behind the last step of a called flow comes the step after its `call`; none where the walk ends.
    fn step_or_return(&mut self, mut step: StepId, program: &Program, now: Instant) -> Option<StepId> {
        while step == StepId::END {
            let call = self.memory.called_from.pop()?;
            self.memory.trail.note(call, Reason::Returned, now);
            step = program.step(call).next;
        }
        Some(step)
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
                Reason::TooManySteps | Reason::TooDeep => HangupCause::Failed,
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
        if self.memory.asking.take().is_some() {
            self.memory.orders.push_back(Order::StopAsking);
        }
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
                Turn::Wait | Turn::Enter(_) | Turn::Call(_) | Turn::Return | Turn::Goodbye | Turn::End(_) => None,
            };
        }
    }

    fn moment<'m>(&'m mut self, program: &'m Program, step: StepId, scene: &'m dyn Scene, now: Instant) -> Moment<'m> {
        Moment { memory: &mut self.memory, program, scene, now, step }
    }
}
