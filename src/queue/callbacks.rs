//! Who is called back: bookings in the order in which people have waited, how often each is tried, and when.
//!
//! A booking keeps the place that its caller had. He is called when an agent is free and nobody who waits has waited
//! longer, so neither those on the line nor those who hung up are passed over. What is open outlives the process.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::queue::config::Config;

/// Somebody who wants to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// `cb_…`
    pub id: String,
    pub queue: String,
    /// In E.164.
    pub number: String,
    /// The number of ours that he called, and that he sees when we call.
    pub from: String,
    pub language: String,
    /// The call in which it was booked.
    pub call: String,
    pub booked: Timestamp,
    /// Since when he has waited: his place in the line.
    pub since: Timestamp,
    /// The dialplan's hours within which he is called; none: at any time.
    pub hours: Option<String>,
    pub state: CallbackState,
    pub tries: Vec<Try>,
    /// Before this he is not called.
    pub next_try: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallbackState {
    Waiting,
    /// His phone rings, or he waits for the agent.
    Calling,
    /// He talked to an agent.
    Completed,
    /// He answered, wanted to talk, and hung up before an agent answered.
    HungUp,
    /// Every try was in vain.
    Failed,
    Canceled,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    pub at: Timestamp,
    /// Its record has this id.
    pub call: String,
    pub result: TryResult,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TryResult {
    Talked,
    HungUp,
    NoAnswer,
    Busy,
    /// Somebody or something answered, and nobody pressed the key.
    NotConfirmed,
    Failed,
    /// The server ended in the middle of it; it does not count, and the next one need not wait.
    Interrupted,
}

/// What somebody wants to book.
#[derive(Debug, Clone)]
pub struct Wish {
    pub id: String,
    pub queue: String,
    pub number: String,
    pub from: String,
    pub language: String,
    pub call: String,
    pub hours: Option<String>,
    /// How long he has waited already.
    pub waited: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("there is no queue `{0}`")]
    UnknownQueue(String),
    #[error("{open} are to be called back already")]
    Full { open: usize },
}

/// The state of one queue, as far as it matters here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outlook {
    pub signed_in: usize,
    pub free: usize,
    /// How long the first in the line has waited; none: nobody waits.
    pub longest_wait: Option<Duration>,
}

#[derive(Debug, Default)]
pub struct Callbacks {
    rules_by_queue: BTreeMap<String, Rules>,
    open: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    callback: Callback,
    since: Instant,
    try_at: Instant,
    line: Line,
}

/// Whether he is still on the line with us, in the call in which he booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Taken,
    Free,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    most: usize,
    tries: usize,
    spacing: Duration,
}

/// A queue whose hours are closed is looked at again after this.
pub(super) const LOOKS_AGAIN: Duration = Duration::from_secs(30);
/// So is a trunk that takes no call.
pub(super) const WAITS_FOR_A_WAY: Duration = Duration::from_secs(10);

impl Callbacks {
    /// With what an earlier run left open. A call that it was cut off in does not count.
    pub fn new(queues: &[Config], kept: Vec<Callback>, now: Instant, wall: Timestamp) -> Callbacks {
        let rules = queues.iter().map(|queue| (queue.name.clone(), Rules::of(queue)));
        let mut callbacks = Callbacks { rules_by_queue: rules.collect(), open: BTreeMap::new() };
        for mut callback in kept {
            if callback.state == CallbackState::Calling {
                callback.state = CallbackState::Waiting;
                callback.next_try = wall;
                if let Some(last) = callback.tries.last_mut() {
                    last.result = TryResult::Interrupted;
                }
            }
            let since = now.checked_sub(span(wall, callback.since)).unwrap_or(now);
            let try_at = now + span(callback.next_try, wall);
            callbacks.open.insert(callback.id.clone(), Entry { callback, since, try_at, line: Line::Free });
        }
        callbacks
    }

    /// One booking a number: who has one already keeps it.
    pub fn book(&mut self, wish: Wish, now: Instant, wall: Timestamp) -> Result<Booked, BookError> {
        let rules = *self.rules_by_queue.get(&wish.queue).ok_or_else(|| BookError::UnknownQueue(wish.queue.clone()))?;
        let mut known = self.open.values().map(|entry| &entry.callback);
        if let Some(known) = known.find(|known| known.number == wish.number) {
            return Ok(Booked::Before(known.clone()));
        }
        let open = self.of_queue(&wish.queue).count();
        if open >= rules.most {
            return Err(BookError::Full { open });
        }
        let callback = Callback {
            id: wish.id,
            queue: wish.queue,
            number: wish.number,
            from: wish.from,
            language: wish.language,
            call: wish.call,
            booked: wall,
            since: wall.checked_sub(wish.waited).unwrap_or(wall),
            hours: wish.hours,
            state: CallbackState::Waiting,
            tries: Vec::new(),
            next_try: wall,
        };
        let since = now.checked_sub(wish.waited).unwrap_or(now);
        self.open
            .insert(callback.id.clone(), Entry { callback: callback.clone(), since, try_at: now, line: Line::Taken });
        Ok(Booked::Now(callback))
    }

    /// The call in which somebody booked is over: from `at` on he can be called, at each number that he named.
    pub fn release(&mut self, call: &str, at: Instant) {
        let booked = |entry: &&mut Entry| entry.line == Line::Taken && entry.callback.call == call;
        for entry in self.open.values_mut().filter(booked) {
            (entry.line, entry.try_at) = (Line::Free, at);
        }
    }

    /// Whom to call now; his state is `calling` from here on. `is_open` tells whether hours are open, `outlook` how a
    /// queue stands.
    pub fn due(
        &mut self,
        now: Instant,
        is_open: impl Fn(&str) -> bool,
        outlook: impl Fn(&str) -> Outlook,
    ) -> Option<Callback> {
        let queues: Vec<String> = self.rules_by_queue.keys().cloned().collect();
        let id = queues.iter().find_map(|queue| self.next_of(queue, now, &is_open, outlook(queue)))?;
        let entry = self.open.get_mut(&id)?;
        entry.callback.state = CallbackState::Calling;
        Some(entry.callback.clone())
    }

    fn next_of(
        &mut self,
        queue: &str,
        now: Instant,
        is_open: impl Fn(&str) -> bool,
        outlook: Outlook,
    ) -> Option<String> {
        let under_way = self.of_queue(queue).filter(|entry| entry.callback.state == CallbackState::Calling).count();
        if outlook.signed_in == 0 || under_way >= outlook.free.max(1) {
            return None;
        }
        for entry in self.open.values_mut().filter(|entry| entry.callback.queue == queue) {
            let closed = entry.callback.hours.as_deref().is_some_and(|hours| !is_open(hours));
            if closed && entry.try_at <= now {
                entry.try_at = now + LOOKS_AGAIN;
            }
        }
        let ready = self.of_queue(queue).filter(|entry| entry.is_ready(now));
        let first = ready.min_by_key(|entry| entry.since)?;
        let nobody_before =
            outlook.longest_wait.is_none_or(|longest| now.saturating_duration_since(first.since) >= longest);
        (nobody_before && (outlook.free > 0 || outlook.longest_wait.is_some())).then(|| first.callback.id.clone())
    }

    /// The call that calls him.
    pub fn on_called(&mut self, id: &str, call: &str, wall: Timestamp) -> Option<&Callback> {
        let entry = self.open.get_mut(id)?;
        entry.callback.tries.push(Try { at: wall, call: call.to_owned(), result: TryResult::Interrupted });
        Some(&entry.callback)
    }

    /// No trunk takes a call now, as just after a start: no try of his is spent on that.
    pub fn put_off(&mut self, id: &str, now: Instant) {
        if let Some(entry) = self.open.get_mut(id) {
            entry.callback.state = CallbackState::Waiting;
            entry.try_at = now + WAITS_FOR_A_WAY;
        }
    }

    /// What a try came to; the booking as it is then.
    pub fn on_tried(&mut self, id: &str, result: TryResult, now: Instant, wall: Timestamp) -> Option<Callback> {
        let entry = self.open.get_mut(id)?;
        if let Some(last) = entry.callback.tries.last_mut() {
            last.result = result;
        }
        let rules = self.rules_by_queue.get(&entry.callback.queue);
        let (most, spacing) = match (rules, result) {
            (None, _) => (0, Duration::ZERO),
            (Some(rules), TryResult::Interrupted) => (rules.tries, Duration::ZERO),
            (Some(rules), _) => (rules.tries, rules.spacing),
        };
        let counted = entry.callback.tries.iter().filter(|it| it.result != TryResult::Interrupted).count();
        entry.callback.state = match result {
            TryResult::Talked => CallbackState::Completed,
            TryResult::HungUp => CallbackState::HungUp,
            _ if counted >= most => CallbackState::Failed,
            _ => CallbackState::Waiting,
        };
        if entry.callback.state != CallbackState::Waiting {
            return self.open.remove(id).map(|entry| entry.callback);
        }
        entry.try_at = now + spacing;
        entry.callback.next_try = wall.checked_add(spacing).unwrap_or(wall);
        Some(entry.callback.clone())
    }

    /// He is called no more; a call that is under way goes on.
    pub fn cancel(&mut self, id: &str) -> Option<Callback> {
        let mut callback = self.open.remove(id)?.callback;
        callback.state = CallbackState::Canceled;
        Some(callback)
    }

    /// The place in the line of one who is being called.
    pub fn place_of(&self, id: &str) -> Option<Instant> {
        self.open.get(id).map(|entry| entry.since)
    }

    /// All that are open, those who have waited longest first.
    pub fn list(&self) -> Vec<Callback> {
        let mut entries: Vec<&Entry> = self.open.values().collect();
        entries.sort_by_key(|entry| entry.since);
        entries.into_iter().map(|entry| entry.callback.clone()).collect()
    }

    pub fn find(&self, id: &str) -> Option<&Callback> {
        self.open.get(id).map(|entry| &entry.callback)
    }

    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When a booking that rests may be tried again.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let waiting = self
            .open
            .values()
            .filter(|entry| entry.callback.state == CallbackState::Waiting && entry.line == Line::Free);
        waiting.map(|entry| entry.try_at).filter(|at| *at > now).min()
    }

    fn of_queue<'c>(&'c self, queue: &'c str) -> impl Iterator<Item = &'c Entry> {
        self.open.values().filter(move |entry| entry.callback.queue == queue)
    }
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booked {
    Now(Callback),
    /// This number has one already.
    Before(Callback),
}

impl Entry {
    fn is_ready(&self, now: Instant) -> bool {
        self.callback.state == CallbackState::Waiting && self.line == Line::Free && self.try_at <= now
    }
}

impl Rules {
    fn of(queue: &Config) -> Rules {
        Rules { most: queue.max_callbacks, tries: queue.callback_tries.max(1), spacing: queue.callback_spacing }
    }
}

fn span(later: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}
