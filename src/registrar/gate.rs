//! More REGISTERs than there is time for, as after a power cut: who is sent away, and for how long.
//!
//! A token bucket, asked before anything is hashed. Who answers our challenge is let in before who only asks for one: half
//! of the work for him is done already, and sent away he would have to begin anew.

use std::time::Duration;
use std::time::Instant;

/// How far a phone's REGISTER has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has no credentials yet, or none that answer us.
    Asks,
    /// It answers a challenge of ours.
    Answers,
}

#[derive(Debug)]
pub(super) struct Gate {
    /// Zero: everybody is let in.
    per_second: u64,
    /// In millionths of a request; a second's worth at most.
    credit: u64,
    at: Option<Instant>,
    /// Sent away since there was room for everybody.
    waiting: u64,
    sent_away: u64,
}

const REQUEST: u64 = 1_000_000;
/// Nobody comes back sooner.
const SOONEST: u64 = 5;
/// The time over which they come back, at least and at most, in seconds.
const SPREAD: std::ops::RangeInclusive<u64> = 30..=600;

impl Gate {
    pub(super) fn new(per_second: u32) -> Gate {
        let per_second = u64::from(per_second);
        Gate { per_second, credit: per_second.max(2) * REQUEST, at: None, waiting: 0, sent_away: 0 }
    }

    /// Lets a request in, or says when it should come back.
    /// `stage` is asked for only where it decides.
    pub(super) fn admit(
        &mut self,
        stage: impl FnOnce() -> Stage,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Ok(());
        }
        self.refill(now);
        let reserve = self.full() / 4;
        if self.credit >= REQUEST + reserve || self.credit >= REQUEST && stage() == Stage::Answers {
            self.credit -= REQUEST;
            return Ok(());
        }
        self.waiting += 1;
        self.sent_away += 1;
        // Each comes back with two requests, and others come besides.
        let spread = (self.waiting * 3 / self.per_second).clamp(*SPREAD.start(), *SPREAD.end());
        Err(Duration::from_secs(SOONEST + rng.u64(..=spread)))
    }

    /// Since the start.
    pub(super) fn sent_away(&self) -> u64 {
        self.sent_away
    }

    fn refill(&mut self, now: Instant) {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(now);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(REQUEST).min(REQUEST);
        self.credit = (self.credit + micros * self.per_second).min(self.full());
        if self.credit == self.full() {
            self.waiting = 0;
        }
    }

    fn full(&self) -> u64 {
        // Room for two at least, or nobody without credentials would ever be let in.
        self.per_second.max(2) * REQUEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registrar::tests::start;

    fn knock(gate: &mut Gate, stage: Stage, times: u32, now: Instant) -> Vec<Duration> {
        let mut rng = fastrand::Rng::with_seed(1);
        (0..times).filter_map(|_| gate.admit(|| stage, &mut rng, now).err()).collect()
    }

    #[test]
    fn a_second_s_worth_at_once_and_then_as_many_as_time_passes() {
        let (mut gate, now) = (Gate::new(100), start());
        assert!(knock(&mut gate, Stage::Answers, 100, now).is_empty());
        assert_eq!(knock(&mut gate, Stage::Answers, 5, now).len(), 5);
        let later = now + Duration::from_millis(100);
        assert_eq!(knock(&mut gate, Stage::Answers, 12, later).len(), 2);
        let rested = later + Duration::from_secs(60);
        assert_eq!(knock(&mut gate, Stage::Answers, 101, rested).len(), 1);
        assert_eq!(gate.sent_away(), 8);
    }

    #[test]
    fn who_has_answered_is_let_in_when_nobody_else_is() {
        let (mut gate, now) = (Gate::new(100), start());
        assert_eq!(knock(&mut gate, Stage::Asks, 100, now).len(), 25);
        assert!(knock(&mut gate, Stage::Answers, 25, now).is_empty());
        assert_eq!(knock(&mut gate, Stage::Answers, 1, now).len(), 1);
    }

    #[test]
    fn they_come_back_spread_out_the_wider_the_more_they_are() {
        let (mut gate, now) = (Gate::new(100), start());
        let waits = knock(&mut gate, Stage::Answers, 10_000, now);
        let longest = waits.iter().max().unwrap().as_secs();
        assert!(waits.iter().all(|wait| (5..=5 + 600).contains(&wait.as_secs())));
        assert!((200..=305).contains(&longest), "{longest}");
        let in_the_first_minute = waits.iter().filter(|wait| wait.as_secs() < 65).count();
        assert!(in_the_first_minute < 7_000, "{in_the_first_minute}");
    }

    #[test]
    fn zero_lets_everybody_in_and_one_lets_somebody_in() {
        let now = start();
        assert!(knock(&mut Gate::new(0), Stage::Asks, 1000, now).is_empty());
        assert_eq!(knock(&mut Gate::new(1), Stage::Asks, 2, now).len(), 1);
    }
}
