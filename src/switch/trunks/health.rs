//! One address of a trunk: whether it answers, and whether it asked to be left alone for a while.
//!
//! Going down takes two failures on purpose: one lost OPTIONS must not move every call. Coming up takes one answer.

use std::time::Duration;
use std::time::Instant;

use crate::sip::agent::RequestId;
use crate::sip::hop::Hop;

/// Failures in a row that make a target count as down.
const DOWN_AFTER: u32 = 2;
/// An OPTIONS that is not answered by then has failed; an answer after that still counts.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);
/// After a first failure it is asked again this soon.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// However long a 503 asks for.
const RESTS_AT_MOST: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct Target {
    pub(super) hop: Hop,
    health: Health,
    /// Answered 503 with Retry-After: no call goes there until then. RFC 3261 §21.5.4.
    rests_until: Option<Instant>,
    ping: Ping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// Not asked yet, or never: counts as up.
    Unknown,
    Up,
    /// Failed, but not often enough.
    Suspect {
        failures: u32,
    },
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    Off,
    Due(Instant),
    Sent { request: RequestId, until: Instant },
}

/// What others notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::switch) enum Turn {
    WentDown,
    CameUp,
}

impl Target {
    /// `every`: how often it is asked; zero: never.
    pub(super) fn new(hop: Hop, every: Duration, now: Instant) -> Target {
        let ping = if every.is_zero() { Ping::Off } else { Ping::Due(now) };
        Target { hop, health: Health::Unknown, rests_until: None, ping }
    }

    /// The same target after another lookup.
    pub(super) fn reached_by(self, hop: Hop) -> Target {
        Target { hop, ..self }
    }

    pub(super) fn health(&self) -> Health {
        self.health
    }

    pub(super) fn is_down(&self) -> bool {
        self.health == Health::Down
    }

    pub(super) fn takes_calls(&self, now: Instant) -> bool {
        !self.is_down() && self.rests_until.is_none_or(|until| until <= now)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.ping {
            Ping::Off => None,
            Ping::Due(at) => Some(at),
            Ping::Sent { until, .. } => Some(until),
        }
    }

    /// Whether an OPTIONS is to be sent now.
    pub(super) fn wants_ping(&self, now: Instant) -> bool {
        matches!(self.ping, Ping::Due(at) if at <= now)
    }

    pub(super) fn on_pinged(&mut self, request: RequestId, now: Instant) {
        self.ping = Ping::Sent { request, until: now + ANSWERED_WITHIN };
    }

    /// An OPTIONS has been unanswered for too long.
    pub(super) fn handle_timeout(&mut self, every: Duration, now: Instant) -> Option<Turn> {
        match self.ping {
            Ping::Sent { until, .. } if until <= now => self.on_failure(every, now),
            _ => None,
        }
    }

    /// It answered, whatever it said but 503: to an OPTIONS of ours or to a call.
    pub(super) fn on_answer(&mut self, every: Duration, now: Instant) -> Option<Turn> {
        let was_down = self.is_down();
        self.health = Health::Up;
        self.wait(every, now);
        was_down.then_some(Turn::CameUp)
    }

    /// This OPTIONS came to nothing; one that was given up before has been counted.
    pub(super) fn on_ping_failed(&mut self, request: RequestId, every: Duration, now: Instant) -> Option<Turn> {
        match self.ping {
            Ping::Sent { request: sent, .. } if sent == request => self.on_failure(every, now),
            _ => None,
        }
    }

    /// An OPTIONS was not answered, or with 503, or the connection broke.
    pub(super) fn on_failure(&mut self, every: Duration, now: Instant) -> Option<Turn> {
        let failures = match self.health {
            Health::Unknown | Health::Up => 1,
            Health::Suspect { failures } => failures + 1,
            Health::Down => {
                self.wait(every, now);
                return None;
            }
        };
        if failures < DOWN_AFTER {
            self.health = Health::Suspect { failures };
            self.wait(every.min(ASKED_AGAIN_AFTER), now);
            return None;
        }
        self.health = Health::Down;
        self.wait(every, now);
        Some(Turn::WentDown)
    }

    pub(super) fn rest(&mut self, wish: Duration, now: Instant) {
        self.rests_until = Some(now + wish.min(RESTS_AT_MOST));
    }

    fn wait(&mut self, time: Duration, now: Instant) {
        if self.ping != Ping::Off {
            self.ping = Ping::Due(now + time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::hop::Transport;

    const EVERY: Duration = Duration::from_secs(30);

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn target(every: Duration, now: Instant) -> Target {
        let address = "192.0.2.1:5060".parse().unwrap();
        let hop = Hop { transport: Transport::Udp, local: address, remote: address, connection: None };
        Target::new(hop, every, now)
    }

    #[test]
    fn two_unanswered_options_take_a_target_down_and_one_answer_brings_it_up() {
        let start = start();
        let mut target = target(EVERY, start);
        assert!(target.wants_ping(start));
        target.on_pinged(RequestId(1), start);
        assert!(!target.wants_ping(start) && target.takes_calls(start));
        assert_eq!(target.handle_timeout(EVERY, start + secs(8)), None);
        assert_eq!(target.health(), Health::Suspect { failures: 1 });
        assert!(target.takes_calls(start + secs(8)));
        assert_eq!(target.due(), Some(start + secs(13)), "asked again soon");
        target.on_pinged(RequestId(2), start + secs(13));
        assert_eq!(target.handle_timeout(EVERY, start + secs(21)), Some(Turn::WentDown));
        assert!(!target.takes_calls(start + secs(21)));
        assert_eq!(target.due(), Some(start + secs(51)));
        target.on_pinged(RequestId(3), start + secs(51));
        assert_eq!(target.on_answer(EVERY, start + secs(52)), Some(Turn::CameUp));
        assert!(target.takes_calls(start + secs(52)));
    }

    #[test]
    fn one_lost_options_moves_nothing() {
        let start = start();
        let mut target = target(EVERY, start);
        target.on_pinged(RequestId(1), start);
        assert_eq!(target.handle_timeout(EVERY, start + secs(8)), None);
        target.on_pinged(RequestId(2), start + secs(13));
        assert_eq!(target.on_answer(EVERY, start + secs(14)), None);
        assert_eq!(target.health(), Health::Up);
        assert_eq!(target.on_failure(EVERY, start + secs(50)), None);
        assert_eq!(target.health(), Health::Suspect { failures: 1 });
    }

    #[test]
    fn a_failure_that_comes_after_it_was_given_up_is_not_counted_twice() {
        let start = start();
        let mut target = target(EVERY, start);
        target.on_pinged(RequestId(1), start);
        target.handle_timeout(EVERY, start + secs(8));
        assert_eq!(target.on_ping_failed(RequestId(1), EVERY, start + secs(32)), None);
        assert_eq!(target.health(), Health::Suspect { failures: 1 });
    }

    #[test]
    fn a_target_that_is_never_asked_is_up() {
        let start = start();
        let target = target(Duration::ZERO, start);
        assert_eq!(target.due(), None);
        assert!(!target.wants_ping(start + secs(999)) && target.takes_calls(start + secs(999)));
    }

    #[test]
    fn who_asks_to_be_left_alone_is_left_alone_for_that_time_and_an_hour_at_most() {
        let start = start();
        let mut target = target(EVERY, start);
        target.rest(secs(60), start);
        assert!(!target.takes_calls(start + secs(59)) && target.takes_calls(start + secs(60)));
        target.rest(secs(1_000_000), start);
        assert!(target.takes_calls(start + secs(3_600)));
    }
}
