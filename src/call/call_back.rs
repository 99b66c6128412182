//! What a call back follows: whoever picks up hears who calls and why, presses a key, and waits at his old place.
//!
//! The key is there for machines: an answering machine presses none, and no agent is led to one.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::dialplan::happening::Happening;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;

#[derive(Debug)]
pub struct CallBack {
    queue: String,
    language: String,
    state: State,
    orders: VecDeque<Order>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ringing,
    /// The greeting is heard for the time with this number.
    Greeting(u8),
    /// It was heard to its end.
    Waiting {
        heard: u8,
        until: Instant,
    },
    Queued,
    Over,
}

/// Of the prompts; it says which key.
const GREETING: &str = "callback-greeting";
const KEY: char = '1';
const GREETINGS: u8 = 3;
const PATIENCE: Duration = Duration::from_secs(4);

impl CallBack {
    pub fn new(queue: String, language: String) -> CallBack {
        CallBack { queue, language, state: State::Ringing, orders: VecDeque::new() }
    }

    pub(super) fn handle(&mut self, happening: &Happening, around: &dyn Around, now: Instant) {
        match (happening, self.state) {
            (Happening::CallerHungUp, _) => self.state = State::Over,
            // Without words nobody would know which key.
            (Happening::Started, _) if around.prompt(GREETING, &self.language).is_none() => self.join(),
            (Happening::Started, _) => self.greet(1),
            (Happening::PlayFinished, State::Greeting(heard)) => {
                self.state = State::Waiting { heard, until: now + PATIENCE };
            }
            (Happening::Digit(KEY), State::Greeting(_)) => {
                self.orders.push_back(Order::StopPlaying);
                self.join();
            }
            (Happening::Digit(KEY), State::Waiting { .. }) => self.join(),
            (Happening::QueueLeft(_), State::Queued) => self.end(HangupCause::Unreachable),
            (Happening::TalkEnded, State::Queued) => self.end(HangupCause::Normal),
            _ => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Waiting { heard, until } if until <= now && heard < GREETINGS => self.greet(heard + 1),
            State::Waiting { until, .. } if until <= now => self.end(HangupCause::Normal),
            _ => {}
        }
    }

    pub(super) fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            State::Ringing | State::Greeting(_) | State::Queued | State::Over => None,
        }
    }

    pub(super) fn doing(&self) -> &'static str {
        match self.state {
            State::Ringing => "ringing",
            State::Greeting(_) | State::Waiting { .. } => "asking",
            State::Queued => "waiting",
            State::Over => "ending",
        }
    }

    fn greet(&mut self, time: u8) {
        self.state = State::Greeting(time);
        self.orders.push_back(Order::Play { prompts: vec![GREETING.to_owned()], language: self.language.clone() });
    }

    fn join(&mut self) {
        self.state = State::Queued;
        self.orders.push_back(Order::JoinQueue { queue: self.queue.clone() });
    }

    fn end(&mut self, cause: HangupCause) {
        self.state = State::Over;
        self.orders.push_back(Order::Hangup { cause });
    }
}
