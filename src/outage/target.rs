//! What the last probes of one target add up to: N of M to turn bad, N in a row to turn good.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::config::Failures;
use crate::outage::fault::Fault;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) layer: Layer,
    pub(super) name: String,
    pub(super) vantage: Vantage,
    pub(super) resolver: Option<Resolver>,
    pub(super) role: Role,
    verdict: Verdict,
    history: History,
    /// The newest outcome, for views.
    pub(super) last: Option<Last>,
    /// How long the newest answers took, oldest first; none for a failure.
    pub(super) recent: VecDeque<Option<Duration>>,
}

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No verdict yet.
    Unknown,
    Good,
    Bad {
        since: Instant,
        since_wall: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) took: Option<Duration>,
    pub(super) why: Option<String>,
    pub(super) fault: Option<Fault>,
}

/// The last outcomes, newest in the lowest bit; a set bit is a failure.
#[derive(Debug, Default)]
struct History {
    failures: u64,
    known: u32,
    /// When each failure that may still count happened, oldest first.
    failed_at: Vec<(Instant, Timestamp)>,
    answered_at: Option<Instant>,
}

impl Target {
    /// What the evidence is about; the evidence itself is not counted yet.
    pub(super) fn of(evidence: &Evidence) -> Target {
        Target {
            layer: evidence.layer,
            name: evidence.target.clone(),
            vantage: evidence.vantage.clone(),
            resolver: evidence.resolver.clone(),
            role: evidence.role,
            verdict: Verdict::Unknown,
            history: History::default(),
            last: None,
            recent: VecDeque::new(),
        }
    }

    pub(super) fn is_of(&self, evidence: &Evidence) -> bool {
        self.layer == evidence.layer
            && self.role == evidence.role
            && self.name == evidence.target
            && self.vantage == evidence.vantage
            && self.resolver == evidence.resolver
    }

    pub(super) fn on_outcome(&mut self, outcome: Outcome, at: Timestamp, rule: Failures, now: Instant) {
        self.history.push(&outcome, at, rule, now);
        self.note(outcome, at);
        self.verdict = self.next_verdict(rule);
    }

    fn next_verdict(&self, rule: Failures) -> Verdict {
        let history = &self.history;
        match self.verdict {
            Verdict::Bad { .. } if history.answered_in_a_row() < rule.count() => self.verdict,
            Verdict::Bad { .. } => Verdict::Good,
            Verdict::Unknown | Verdict::Good => match history.failed_at.first() {
                Some((since, since_wall)) if history.failures_known() >= rule.count() => {
                    Verdict::Bad { since: *since, since_wall: *since_wall }
                }
                _ if history.answered_at.is_some() => Verdict::Good,
                _ => Verdict::Unknown,
            },
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn bad_since(&self) -> Option<Instant> {
        match self.verdict {
            Verdict::Bad { since, .. } => Some(since),
            Verdict::Unknown | Verdict::Good => None,
        }
    }

    /// The newest outcome was a failure.
    pub(super) fn failed_last(&self) -> bool {
        self.history.known > 0 && self.history.failures & 1 == 1
    }

    pub(super) fn answered_after(&self, moment: Instant) -> bool {
        self.history.answered_at.is_some_and(|answered| answered > moment)
    }

    pub(super) fn was_asked(&self) -> bool {
        self.history.known > 0
    }

    /// Seen while our own line was in doubt: shown, but it proves nothing.
    pub(super) fn note(&mut self, outcome: Outcome, at: Timestamp) {
        let last = Last::new(outcome, at);
        if self.recent.len() >= MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(last.took);
        self.last = Some(last);
    }

    /// Our own line was to blame for what was seen lately; the verdict stands until new outcomes change it.
    pub(super) fn forget_outcomes(&mut self) {
        self.history = History::default();
    }

    /// As if never asked.
    pub(super) fn forget_everything(&mut self) {
        self.forget_outcomes();
        self.verdict = Verdict::Unknown;
    }

    /// `dns: 3 of 5 lookups of graph.facebook.com failed since 15:41 UTC: SERVFAIL`
    pub(super) fn sentence(&self) -> Option<String> {
        let Verdict::Bad { since_wall, .. } = self.verdict else {
            return None;
        };
        let why = self.last.as_ref().and_then(|last| last.why.as_deref());
        let counted = match self.history.failures_known() {
            0 => String::new(),
            failed => format!("{failed} of {} ", self.history.known),
        };
        Some(format!(
            "{}: {counted}{} {} failed since {} UTC{}",
            self.layer,
            self.layer.attempts(),
            self.name,
            since_wall.strftime("%H:%M"),
            why.map_or(", now it answers".to_owned(), |why| format!(": {why}")),
        ))
    }
}

impl History {
    fn push(&mut self, outcome: &Outcome, at: Timestamp, rule: Failures, now: Instant) {
        let failed = matches!(outcome, Outcome::Failed { .. });
        self.known = (self.known + 1).min(rule.of());
        self.failures = (self.failures << 1 | u64::from(failed)) & mask(rule.of());
        if failed {
            self.failed_at.push((now, at));
        } else {
            self.answered_at = Some(now);
        }
        let spare = self.failed_at.len() - self.failures_known() as usize;
        self.failed_at.drain(..spare);
    }

    fn failures_known(&self) -> u32 {
        self.failures.count_ones()
    }

    fn answered_in_a_row(&self) -> u32 {
        self.failures.trailing_zeros().min(self.known)
    }
}

impl Last {
    fn new(outcome: Outcome, at: Timestamp) -> Last {
        match outcome {
            Outcome::Answered { took } => Last { at, took: Some(took), why: None, fault: None },
            Outcome::Failed { why, fault } => Last { at, took: None, why: Some(why), fault: Some(fault) },
        }
    }
}

/// Answers that are shown of one target.
const MOST_RECENT: usize = 30;

fn mask(bits: u32) -> u64 {
    match bits {
        0..=63 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::probe::Probe;

    #[test]
    fn three_of_five_turn_it_bad_and_three_in_a_row_turn_it_good() {
        let mut probed = Probed::new("3 of 5");
        assert!(!probed.sees("x.x."), "two failures of four");
        assert!(probed.sees("x"), "the third");
        assert!(probed.sees("..x..x..x"), "never three answers in a row");
        assert!(!probed.sees("..."));
    }

    #[test]
    fn bad_since_is_the_first_failure_that_counted() {
        let mut probed = Probed::new("3 of 5");
        probed.sees("x.....x.x.x");
        let since = probed.target.bad_since().unwrap();
        assert_eq!(since - probed.start, Duration::from_secs(60));
    }

    #[test]
    fn the_sentence_names_layer_count_target_time_and_cause() {
        let mut probed = Probed::new("3 of 5");
        probed.sees("..xxx");
        assert_eq!(
            probed.target.sentence().unwrap(),
            "dns: 3 of 5 lookups of graph.facebook.com failed since 15:41 UTC: SERVFAIL"
        );
    }

    #[test]
    fn the_widest_window_works() {
        let mut probed = Probed::new("64 of 64");
        assert!(!probed.sees(&"x".repeat(63)));
        assert!(probed.sees("x"));
        assert!(!probed.sees(&".".repeat(64)));
    }

    fn lookup() -> Evidence {
        let probe = Probe::new(Layer::Dns, "graph.facebook.com", Role::Channel);
        probe.evidence(Outcome::Answered { took: Duration::ZERO }, Timestamp::UNIX_EPOCH)
    }

    struct Probed {
        target: Target,
        rule: Failures,
        start: Instant,
        now: Instant,
        wall: Timestamp,
    }

    impl Probed {
        fn new(rule: &str) -> Probed {
            #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
            let start = Instant::now();
            Probed {
                target: Target::of(&lookup()),
                rule: rule.parse().unwrap(),
                start,
                now: start,
                wall: "2021-10-04T15:40:45Z".parse().unwrap(),
            }
        }

        /// One probe every 10 s, `x` fails; whether the target is bad at the end.
        fn sees(&mut self, outcomes: &str) -> bool {
            for outcome in outcomes.chars() {
                let outcome = match outcome {
                    'x' => Outcome::failed(Fault::ServFail, "SERVFAIL"),
                    _ => Outcome::Answered { took: Duration::from_millis(20) },
                };
                self.target.on_outcome(outcome, self.wall, self.rule, self.now);
                self.now += Duration::from_secs(10);
                self.wall += jiff::Span::new().seconds(10);
            }
            self.target.bad_since().is_some()
        }
    }
}
