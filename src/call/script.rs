//! What a call follows: a walk through the dialplan, or one plain order with a hang-up after it.
//!
//! Softphone to softphone, softphone to trunk and most calls of the API need no dialplan. They speak the same
//! words as a walk, so the call need not know which of the two it follows.

use std::collections::VecDeque;
use std::time::Instant;

use crate::call::announcement::Announcing;
use crate::call::effect::Around;
use crate::call::record::StepRecord;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::trail::Told;
use crate::dialplan::walk::Walk;

#[derive(Debug)]
pub enum Script {
    Walk(Box<Walk>),
    Plain(Plain),
    Announcing(Announcing),
}

impl Script {
    pub(super) fn handle(&mut self, happening: Happening, around: &dyn Around, now: Instant) {
        match self {
            Self::Walk(walk) => walk.handle(happening, around, now),
            Self::Plain(plain) => plain.handle(&happening, now),
            Self::Announcing(announcing) => announcing.handle(&happening, now),
        }
    }

    pub(super) fn poll_order(&mut self) -> Option<Order> {
        match self {
            Self::Walk(walk) => walk.poll_order(),
            Self::Plain(plain) => plain.orders.pop_front(),
            Self::Announcing(announcing) => announcing.poll_order(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Walk(walk) => walk.poll_timeout().map(|deadline| deadline.at),
            Self::Plain(plain) => plain.ring_until,
            Self::Announcing(announcing) => announcing.poll_timeout(),
        }
    }

    pub(super) fn handle_timeout(&mut self, around: &dyn Around, now: Instant) {
        match self {
            Self::Walk(walk) => walk.handle_timeout(around, now),
            Self::Plain(plain) => plain.handle_timeout(now),
            Self::Announcing(announcing) => announcing.handle_timeout(now),
        }
    }

    /// What it waits for, in a few words.
    pub(super) fn doing(&self) -> String {
        match self {
            Self::Walk(walk) => walk.verb().unwrap_or("ending").to_owned(),
            Self::Plain(plain) => plain.what.to_owned(),
            Self::Announcing(_) => "announcing".to_owned(),
        }
    }

    /// What the dialplan did, for the record.
    pub(super) fn steps(&self, began: Instant) -> Vec<StepRecord> {
        let Self::Walk(walk) = self else {
            return Vec::new();
        };
        let after = |at: Instant| u64::try_from(at.saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX);
        let record = |told: Told| {
            let Told { text, reason, place, flow, .. } = told;
            let what = if reason.is_empty() { text } else { format!("{text}: {reason}") };
            StepRecord { after_ms: after(told.at), place, what, flow, reason }
        };
        walk.trail().into_iter().map(record).collect()
    }
}

/// One order, carried out at the start; whatever it comes to, the call ends after it.
#[derive(Debug)]
pub struct Plain {
    first: Option<Order>,
    orders: VecDeque<Order>,
    what: &'static str,
    /// When a `dial` gives up.
    ring_until: Option<Instant>,
}

impl Plain {
    pub fn new(order: Order) -> Self {
        let what = match &order {
            Order::Dial(_) => "ringing",
            Order::JoinQueue { .. } => "waiting",
            _ => "speaking",
        };
        Self { first: Some(order), orders: VecDeque::new(), what, ring_until: None }
    }

    /// No order at all: two people talk already, and the call ends with their talk.
    pub(super) fn talking() -> Self {
        Self { first: None, orders: VecDeque::new(), what: "talking", ring_until: None }
    }

    fn handle(&mut self, happening: &Happening, now: Instant) {
        match happening {
            Happening::Started => self.start(now),
            // What a former script asked for is nothing to this one.
            Happening::Answered | Happening::Digit(_) | Happening::LookedUp { .. } => {}
            Happening::CalleeListens | Happening::CalleeLeft => {}
            Happening::TalkStarted | Happening::CallerHungUp => self.ring_until = None,
            ended => {
                self.ring_until = None;
                self.orders.push_back(Order::Hangup { cause: cause_of(ended) });
            }
        }
    }

    fn start(&mut self, now: Instant) {
        let order = self.first.take();
        if let Some(Order::Dial(dial)) = &order {
            self.ring_until = Some(now + dial.ring_for);
        }
        self.orders.extend(order);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.ring_until.is_some_and(|at| now >= at) {
            self.ring_until = None;
            self.orders.extend([Order::StopDialling, Order::Hangup { cause: HangupCause::NoAnswer }]);
        }
    }
}

fn cause_of(happening: &Happening) -> HangupCause {
    match happening {
        Happening::DialEnded(DialOutcome::Busy) => HangupCause::Busy,
        Happening::DialEnded(DialOutcome::NoAnswer) => HangupCause::NoAnswer,
        Happening::DialEnded(DialOutcome::Declined) => HangupCause::Declined,
        Happening::DialEnded(DialOutcome::Unreachable) => HangupCause::Unreachable,
        Happening::DialEnded(DialOutcome::Failed) => HangupCause::Failed,
        Happening::QueueLeft(QueueOutcome::Full) => HangupCause::Busy,
        Happening::QueueLeft(_) => HangupCause::Unreachable,
        _ => HangupCause::Normal,
    }
}
