//! Every text that is to leave, from the moment it is accepted until its outcome is known.
//!
//! ```text
//!  submit ─▶ Storing ─on_stored─▶ Waiting ─▶ Committing ─on_stored─▶ Sending ─▶ sent, or failed
//!                                    ▲       (`sending` is written)     │
//!                                    └───────────── Resting ◀───────────┘ not taken, or nobody knows
//! ```
//!
//! What is on disk is never behind what the provider may have seen: a text found as `queued` after a crash was certainly not sent,
//! one found as `sending` may have been. Where the provider knows repetitions by a key, that one is sent again under the same key;
//! elsewhere it is sent once more at most, and marked `maybe_twice`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::channel::ComposeError;
use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::HttpRequest;
use crate::channel::Repeats;
use crate::channel::Route;
use crate::channel::SendOutcome;
use crate::channel::channels::Channels;
use crate::channel::config::Messages;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::channel::message::MessageStatus;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the message down, then say [`Outbox::on_stored`]; each `Store` wants its own answer, in order.
    Store(Message),
    /// Hand it over, then say what became of it.
    Send { message: Message, via: Via },
}

/// How to hand a text over, and whose answer it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    Http { channel: String, request: HttpRequest },
    Sip { extension: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    pub at: Instant,
    pub why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    #[error("there is no channel `{channel}`")]
    NoChannel { channel: String },
    #[error("message `{id}` has been submitted before")]
    Known { id: MessageId },
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

#[derive(Debug)]
pub struct Outbox {
    config: Messages,
    channels: Arc<Channels>,
    entries: BTreeMap<MessageId, Entry>,
    lanes: BTreeMap<String, Lane>,
    alarms: BTreeSet<(Instant, MessageId)>,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Entry {
    message: Message,
    step: Step,
    /// `Store` effects that were not answered yet.
    unstored: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Accepted; whoever submitted it is told once it is on disk.
    Storing,
    Waiting,
    /// About to be sent: `sending` goes to the disk first.
    Committing,
    Sending {
        until: Instant,
    },
    Resting {
        until: Instant,
    },
}

/// One channel's texts: a slow provider holds up its own only.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<MessageId>,
    in_flight: usize,
}

impl Outbox {
    pub fn new(channels: Arc<Channels>, config: Messages) -> Outbox {
        Outbox {
            config,
            channels,
            entries: BTreeMap::new(),
            lanes: BTreeMap::new(),
            alarms: BTreeSet::new(),
            effects: VecDeque::new(),
        }
    }

    /// Whether [`Outbox::submit`] would take it.
    pub fn check(&self, message: &Message) -> Result<(), SubmitError> {
        self.route(message).map(drop)
    }

    /// Nothing is promised before the message is stored.
    pub fn submit(&mut self, message: Message) -> Result<(), SubmitError> {
        if self.entries.contains_key(&message.id) {
            return Err(SubmitError::Known { id: message.id });
        }
        self.route(&message)?;
        let id = message.id.clone();
        self.entries.insert(id.clone(), Entry::new(message, Step::Storing));
        self.store(&id);
        Ok(())
    }

    /// After a start, with everything that the store holds as `queued` or `sending`, oldest first.
    pub fn restore(&mut self, messages: Vec<Message>, wall: Timestamp) {
        for mut message in messages {
            let id = message.id.clone();
            let in_doubt = message.status == MessageStatus::Sending;
            message.status = MessageStatus::Queued;
            self.entries.insert(id.clone(), Entry::new(message, Step::Waiting));
            match in_doubt && !self.may_repeat(&id) {
                true => self.give_up(&id, "the server stopped while it was sent", wall),
                false => self.line_up(&id),
            }
        }
        self.start_all(wall);
    }

    pub fn on_stored(&mut self, id: &MessageId, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.unstored = entry.unstored.saturating_sub(1);
        match (entry.unstored, entry.step) {
            (0, Step::Storing) => {
                self.line_up(id);
                self.start_all(wall);
            }
            (0, Step::Committing) => self.hand_over(id, now, wall),
            _ => {}
        }
    }

    /// A message that was never stored was never accepted. One that could not be marked as `sending` waits for better times.
    pub fn on_not_stored(&mut self, id: &MessageId, why: &str, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        entry.unstored = entry.unstored.saturating_sub(1);
        match entry.step {
            Step::Storing => {
                self.entries.remove(id);
            }
            Step::Committing => {
                entry.message.attempts -= 1;
                entry.message.error = Some(format!("could not be stored: {why}"));
                let pause = self.config.first_pause;
                self.leave_lane(id);
                self.set_step(id, Step::Resting { until: now + pause });
                self.start_all(wall);
            }
            Step::Waiting | Step::Sending { .. } | Step::Resting { .. } => {}
        }
    }

    /// The answer to a `Via::Http`.
    pub fn on_http(&mut self, id: &MessageId, result: Result<HttpAnswer, HttpFailure>, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let outcome = match (self.channels.find(&entry.message.channel), &result) {
            (Some(channel), Ok(answer)) => channel.read_answer(answer),
            (None, Ok(answer)) => SendOutcome::Unknown { why: format!("the provider answered {}", answer.status) },
            (_, Err(failure)) => SendOutcome::of_failure(failure),
        };
        self.on_outcome(id, outcome, now, wall);
    }

    /// What became of a `Send`. A late acceptance counts as well, as long as the text is still ours.
    pub fn on_outcome(&mut self, id: &MessageId, outcome: SendOutcome, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        match (entry.step, outcome) {
            (
                Step::Committing | Step::Sending { .. } | Step::Resting { .. } | Step::Waiting,
                SendOutcome::Accepted { provider_id },
            ) => {
                self.leave_lane(id);
                self.settle(id, MessageStatus::Sent, None, provider_id, wall);
            }
            (Step::Sending { .. }, SendOutcome::Refused { why }) => {
                self.leave_lane(id);
                self.settle(id, MessageStatus::Failed, Some(why), None, wall);
            }
            (Step::Sending { .. }, SendOutcome::TryAgain { after, why }) => {
                self.leave_lane(id);
                self.rest(id, after, why, now, wall);
            }
            (Step::Sending { .. }, SendOutcome::Unknown { why }) => {
                self.leave_lane(id);
                self.on_unknown(id, &why, now, wall);
            }
            _ => {}
        }
        self.start_all(wall);
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        let (at, id) = self.alarms.first()?;
        let why = match self.entries.get(id)?.step {
            Step::Sending { .. } => "provider did not answer",
            _ => "text is sent again",
        };
        Some(Deadline { at: *at, why })
    }

    pub fn handle_timeout(&mut self, now: Instant, wall: Timestamp) {
        while let Some(id) = self.due(now) {
            let step = self.entries.get(&id).map(|entry| entry.step);
            match step {
                Some(Step::Sending { .. }) => {
                    self.leave_lane(&id);
                    self.on_unknown(&id, "the provider did not answer", now, wall);
                }
                _ => self.line_up(&id),
            }
        }
        self.start_all(wall);
    }

    /// Texts whose outcome is not known yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn due(&self, now: Instant) -> Option<MessageId> {
        let (at, id) = self.alarms.first()?;
        (*at <= now).then(|| id.clone())
    }

    fn route(&self, message: &Message) -> Result<Route, SubmitError> {
        let channel = self.channels.find(&message.channel);
        let channel = channel.ok_or_else(|| SubmitError::NoChannel { channel: message.channel.clone() })?;
        Ok(channel.route(&message.to_send())?)
    }

    /// It may have been taken.
    fn on_unknown(&mut self, id: &MessageId, why: &str, now: Instant, wall: Timestamp) {
        match self.may_repeat(id) {
            true => self.rest(id, None, why.to_owned(), now, wall),
            false => self.give_up(id, why, wall),
        }
    }

    /// Again under the same key, or once more at most; and then it is marked.
    fn may_repeat(&mut self, id: &MessageId) -> bool {
        let Some(entry) = self.entries.get_mut(id) else {
            return false;
        };
        let channel = self.channels.find(&entry.message.channel);
        let recognised = channel.is_some_and(|found| found.repeats() == Repeats::AreRecognised);
        recognised || !std::mem::replace(&mut entry.message.maybe_twice, true)
    }

    fn give_up(&mut self, id: &MessageId, why: &str, wall: Timestamp) {
        let why = format!("{why}; it may have arrived all the same");
        self.settle(id, MessageStatus::Failed, Some(why), None, wall);
    }

    /// Tried again later, or given up.
    fn rest(&mut self, id: &MessageId, after: Option<Duration>, why: String, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.message.attempts >= self.config.attempts {
            let why = format!("given up after {} attempts: {why}", entry.message.attempts);
            return self.settle(id, MessageStatus::Failed, Some(why), None, wall);
        }
        entry.message.status = MessageStatus::Queued;
        entry.message.error = Some(why);
        entry.message.updated = wall;
        let pause = self.config.pause(entry.message.attempts, after);
        self.set_step(id, Step::Resting { until: now + pause });
        self.store(id);
    }

    fn settle(
        &mut self,
        id: &MessageId,
        status: MessageStatus,
        error: Option<String>,
        provider_id: Option<String>,
        wall: Timestamp,
    ) {
        self.set_step(id, Step::Waiting);
        if let Some(Entry { mut message, .. }) = self.entries.remove(id) {
            message.status = status;
            message.error = error;
            message.provider_id = provider_id;
            message.updated = wall;
            self.effects.push_back(Effect::Store(message));
        }
    }

    fn line_up(&mut self, id: &MessageId) {
        self.set_step(id, Step::Waiting);
        if let Some(entry) = self.entries.get(id) {
            let lane = self.lanes.entry(entry.message.channel.clone());
            lane.or_default().waiting.push_back(id.clone());
        }
    }

    /// Lets texts go as far as their lanes have room. Few channels, so all are looked at.
    fn start_all(&mut self, wall: Timestamp) {
        let mut started = Vec::new();
        for lane in self.lanes.values_mut() {
            while lane.in_flight < self.config.at_once.max(1)
                && let Some(id) = lane.waiting.pop_front()
            {
                // Whoever was accepted late while waiting is not here any more.
                let waits = |entry: &Entry| entry.step == Step::Waiting;
                if self.entries.get(&id).is_some_and(waits) {
                    lane.in_flight += 1;
                    started.push(id);
                }
            }
        }
        for id in started {
            self.commit(&id, wall);
        }
    }

    fn commit(&mut self, id: &MessageId, wall: Timestamp) {
        self.set_step(id, Step::Committing);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.message.status = MessageStatus::Sending;
            entry.message.attempts += 1;
            entry.message.updated = wall;
        }
        self.store(id);
    }

    fn hand_over(&mut self, id: &MessageId, now: Instant, wall: Timestamp) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let message = entry.message.clone();
        let via = match self.route(&message) {
            Ok(Route::Http(request)) => Via::Http { channel: message.channel.clone(), request },
            Ok(Route::Sip { extension }) => Via::Sip { extension },
            Err(fault) => {
                self.leave_lane(id);
                self.settle(id, MessageStatus::Failed, Some(fault.to_string()), None, wall);
                return self.start_all(wall);
            }
        };
        let until = now + self.config.answer_within;
        self.set_step(id, Step::Sending { until });
        self.effects.push_back(Effect::Send { message, via });
    }

    /// Makes room for the next one, if this one was on its way.
    fn leave_lane(&mut self, id: &MessageId) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        if let Step::Committing | Step::Sending { .. } = entry.step
            && let Some(lane) = self.lanes.get_mut(&entry.message.channel)
        {
            lane.in_flight -= 1;
        }
        self.set_step(id, Step::Waiting);
    }

    /// Keeps the alarm clock in step.
    fn set_step(&mut self, id: &MessageId, step: Step) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if let Some(at) = entry.step.deadline() {
            self.alarms.remove(&(at, id.clone()));
        }
        entry.step = step;
        if let Some(at) = step.deadline() {
            self.alarms.insert((at, id.clone()));
        }
    }

    fn store(&mut self, id: &MessageId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.unstored += 1;
            self.effects.push_back(Effect::Store(entry.message.clone()));
        }
    }
}

impl Step {
    fn deadline(self) -> Option<Instant> {
        match self {
            Step::Sending { until } | Step::Resting { until } => Some(until),
            Step::Storing | Step::Waiting | Step::Committing => None,
        }
    }
}

impl Entry {
    fn new(message: Message, step: Step) -> Entry {
        Entry { message, step, unstored: 0 }
    }
}
