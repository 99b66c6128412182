//! What the last probes of one target add up to: N of M to turn bad, N in a row to turn good.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::cause::Cause;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::history::History;
use crate::outage::history::Moment;
use crate::outage::history::SOLID;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;
use crate::outage::weight::Weight;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) layer: Layer,
    pub(super) name: String,
    pub(super) vantage: Vantage,
    pub(super) resolver: Option<Resolver>,
    pub(super) role: Role,
    /// Its part in the share of its layer.
    pub(super) weight: Weight,
    /// Its host is an address: no resolver is needed to reach it.
    pub(super) by_address: bool,
    verdict: Verdict,
    history: History,
    /// The newest outcome, for views.
    pub(super) last: Option<Last>,
    /// When the newest outcome came that counted.
    heard_at: Option<Instant>,
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
        since: Moment,
        /// Entered by `partial`: it fails now and then.
        now_and_then: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) took: Option<Duration>,
    pub(super) why: Option<String>,
    pub(super) fault: Option<Fault>,
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
            weight: weight_of(&evidence.outcome),
            by_address: evidence.layer == Layer::Tcp && is_address(&evidence.target),
            verdict: Verdict::Unknown,
            history: History::default(),
            last: None,
            heard_at: None,
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

    /// It was announced by the name of its page, and the page speaks of its services instead: `PAGE (SERVICE)`.
    pub(super) fn is_announced_for(&self, evidence: &Evidence) -> bool {
        let service = evidence.target.strip_prefix(self.name.as_str());
        self.layer == evidence.layer
            && self.role == evidence.role
            && self.last.is_none()
            && service.is_some_and(|service| service.starts_with(" ("))
    }

    /// `slow` answers count as failures; of a layer that is no probe, the newest word is the verdict.
    pub(super) fn on_outcome(&mut self, outcome: Outcome, at: Moment, config: &Config) {
        let failure = self.failure(&outcome, config);
        self.history.push(failure.map(|fault| Cause::of(self.layer, fault)), at);
        self.keep(Last::new(outcome, failure, at.wall));
        self.heard_at = Some(at.now);
        self.verdict = match self.layer.is_probed() {
            true => self.next_verdict(config),
            false => self.newest_word(),
        };
        if self.verdict == Verdict::Good && self.history.failed_solidly_before() {
            self.history.forget_failures();
        }
    }

    fn failure(&self, outcome: &Outcome, config: &Config) -> Option<Fault> {
        match outcome {
            Outcome::Failed { fault, .. } => Some(*fault),
            Outcome::Answered { took } if self.layer.is_probed() && *took > config.slow => Some(Fault::Slow),
            Outcome::Answered { .. } => None,
        }
    }

    fn next_verdict(&self, config: &Config) -> Verdict {
        let (rule, partial) = (config.failures, config.partial);
        let history = &self.history;
        let now_and_then = history.failures_among(partial.of());
        match self.verdict {
            Verdict::Bad { .. } if history.answered_in_a_row() < rule.count() => self.verdict,
            Verdict::Bad { now_and_then: true, .. } if now_and_then * 2 > partial.count() => self.verdict,
            Verdict::Bad { .. } if history.failed_solidly_before() => Verdict::Good,
            Verdict::Bad { .. } if !self.fails_now_and_then(config) => Verdict::Good,
            Verdict::Bad { since, .. } => Verdict::Bad { since, now_and_then: true },
            Verdict::Unknown | Verdict::Good if history.failures_among(rule.of()) >= rule.count() => {
                self.bad(rule.of(), false)
            }
            Verdict::Unknown | Verdict::Good if self.fails_now_and_then(config) => self.bad(partial.of(), true),
            Verdict::Unknown | Verdict::Good if history.answered_at().is_some() => Verdict::Good,
            Verdict::Unknown | Verdict::Good => Verdict::Unknown,
        }
    }

    /// Often enough, and in several spells: one bad minute is over when it is over.
    fn fails_now_and_then(&self, config: &Config) -> bool {
        let (count, of) = (config.partial.count(), config.partial.of());
        self.history.failures_among(of) >= count && self.history.spells_among(of) >= count.min(SPELLS)
    }

    /// Since when it is bad, or has failed now and then, whichever is longer; `None` when it is bad only because it has not
    /// been good for long enough.
    pub(super) fn failing_since(&self, config: &Config) -> Option<Moment> {
        let since = self.bad_since()?;
        // While it refused us it was there.
        let since = self.history.refused_at().filter(|refused| refused.now > since.now).unwrap_or(since);
        if self.fails_now_and_then(config) {
            let first = self.history.failing_since(config.partial.of());
            return first.filter(|first| first.now < since.now).or(Some(since));
        }
        let answers = self.layer.is_probed() && self.history.answered_in_a_row() >= config.failures.count();
        (!answers).then_some(since)
    }

    fn bad(&self, newest: u32, now_and_then: bool) -> Verdict {
        let since = self.history.failing_since(newest);
        since.map_or(self.verdict, |since| Verdict::Bad { since, now_and_then })
    }

    fn newest_word(&self) -> Verdict {
        match (self.verdict, self.history.failing_since(1)) {
            (Verdict::Bad { .. }, Some(_)) => self.verdict,
            (_, Some(since)) => Verdict::Bad { since, now_and_then: false },
            (_, None) => Verdict::Good,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn is_good(&self) -> bool {
        self.verdict == Verdict::Good
    }

    pub(super) fn bad_since(&self) -> Option<Moment> {
        match self.verdict {
            Verdict::Bad { since, .. } => Some(since),
            Verdict::Unknown | Verdict::Good => None,
        }
    }

    /// Bad without a break, since its newest answer.
    pub(super) fn failing_without_break(&self, at_least: u32) -> Option<Moment> {
        let long_enough = self.history.failed_in_a_row() >= at_least || !self.layer.is_probed();
        self.bad_since().and(self.history.run_since()).filter(|_| long_enough)
    }

    pub(super) fn fails_solidly(&self) -> bool {
        self.history.failed_in_a_row() >= SOLID
    }

    /// What makes it bad.
    pub(super) fn cause(&self, config: &Config) -> Option<Cause> {
        let newest = match self.verdict {
            Verdict::Bad { now_and_then: true, .. } => config.partial.of(),
            Verdict::Bad { .. } if self.layer.is_probed() => config.failures.of(),
            Verdict::Bad { .. } => 1,
            Verdict::Unknown | Verdict::Good => return None,
        };
        self.history.cause_among(newest)
    }

    /// The newest outcome was a failure.
    pub(super) fn failed_last(&self) -> bool {
        self.history.failed_last()
    }

    pub(super) fn last_fault(&self) -> Option<Fault> {
        self.last.as_ref().and_then(|last| last.fault)
    }

    /// Two pages of a stranger in a row: no accident.
    pub(super) fn is_behind_a_portal(&self) -> bool {
        self.failed_twice_running() && self.last_fault() == Some(Fault::CaptivePortal)
    }

    /// Its newest failure looks like a lost packet, and not like a target that is gone.
    pub(super) fn lost_a_packet(&self) -> bool {
        let silent = matches!(self.last_fault(), Some(Fault::Timeout | Fault::Reset | Fault::Unreachable));
        silent && (1..=2).contains(&self.history.failed_in_a_row())
    }

    pub(super) fn failed_twice_running(&self) -> bool {
        self.history.failed_in_a_row() >= 2
    }

    pub(super) fn answered_after(&self, moment: Instant) -> bool {
        self.history.answered_at().is_some_and(|answered| answered > moment)
    }

    pub(super) fn heard_after(&self, moment: Instant) -> bool {
        self.heard_at.is_some_and(|heard| heard > moment)
    }

    pub(super) fn heard_at(&self) -> Option<Instant> {
        self.heard_at
    }

    /// A word that was not repeated; probes are.
    pub(super) fn is_stale(&self, config: &Config, now: Instant) -> bool {
        let ago = self.heard_at.map(|heard| now.saturating_duration_since(heard));
        !self.layer.is_probed() && ago.is_some_and(|ago| ago > config.stale_after)
    }

    pub(super) fn was_asked(&self) -> bool {
        self.history.known() > 0
    }

    /// `4 of 5`: how many of the outcomes that the verdict is made of failed.
    pub(super) fn counted(&self, config: &Config) -> Option<(u32, u32)> {
        let of = match self.verdict {
            Verdict::Bad { now_and_then: true, .. } => config.partial.of(),
            _ => config.failures.of(),
        };
        let failed = self.history.failures_among(of);
        (failed > 0 && self.layer.is_probed()).then(|| (failed, of.min(self.history.known())))
    }

    /// Seen while our own line was in doubt: shown, but it proves nothing.
    pub(super) fn note(&mut self, outcome: Outcome, at: Timestamp) {
        let fault = match &outcome {
            Outcome::Failed { fault, .. } => Some(*fault),
            Outcome::Answered { .. } => None,
        };
        self.keep(Last::new(outcome, fault, at));
    }

    /// The newest answer, for views.
    fn keep(&mut self, last: Last) {
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
}

impl Last {
    fn new(outcome: Outcome, fault: Option<Fault>, at: Timestamp) -> Last {
        match outcome {
            Outcome::Answered { took } if fault.is_some() => {
                let why = format!("answered only after {}", humantime::format_duration(took));
                Last { at, took: Some(took), why: Some(why), fault }
            }
            Outcome::Answered { took } => Last { at, took: Some(took), why: None, fault },
            Outcome::Failed { why, .. } => Last { at, took: None, why: Some(why), fault },
        }
    }
}

/// Answers that are shown of one target.
const MOST_RECENT: usize = 30;
/// Bad luck with two probes and one bad minute make three.
const SPELLS: u32 = 4;

/// What begins with a warning stands beside a target that is asked, and has no vote of its own.
fn weight_of(first: &Outcome) -> Weight {
    match first {
        Outcome::Failed { fault: Fault::EndingCertificate, .. } => Weight::thousandths(0),
        _ => Weight::ONE,
    }
}

/// `1.1.1.1:443`, `[2606:4700::1111]:443`.
fn is_address(target: &str) -> bool {
    target.parse::<SocketAddr>().is_ok() || target.parse::<IpAddr>().is_ok()
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
        assert_eq!(since.now - probed.start, Duration::from_secs(60));
    }

    #[test]
    fn the_widest_window_works() {
        let mut probed = Probed::new("64 of 64");
        assert!(!probed.sees(&"x".repeat(63)));
        assert!(probed.sees("x"));
        assert!(!probed.sees(&".".repeat(64)));
    }

    #[test]
    fn six_of_thirty_turn_it_bad_and_it_must_calm_down() {
        let mut probed = Probed::new("3 of 5");
        probed.config.partial = "6 of 30".parse().unwrap();
        assert!(!probed.sees("x....x....x....x....x..."), "five of 24");
        assert!(probed.sees(".x"));
        assert!(probed.sees("......"), "many in a row are not enough");
        assert!(!probed.sees(&".".repeat(20)));
    }

    #[test]
    fn one_bad_minute_is_over_when_it_is_over() {
        let mut probed = Probed::new("3 of 5");
        probed.config.partial = "6 of 30".parse().unwrap();
        assert!(probed.sees("xxxxxx"));
        assert!(!probed.sees("..."));
        assert!(!probed.sees("..x....x..."), "two lost probes more change nothing");
    }

    #[test]
    fn what_failed_solidly_is_good_after_three_answers_and_its_past_forgotten() {
        let mut probed = Probed::new("3 of 5");
        assert!(probed.sees(&"x".repeat(40)));
        assert!(!probed.sees("..."));
        assert!(!probed.sees("x.x...."), "two failures count anew");
    }

    #[test]
    fn an_answer_that_comes_too_late_is_a_failure() {
        let mut probed = Probed::new("1 of 1");
        let at = Moment { now: probed.now, wall: probed.wall };
        let late = Outcome::Answered { took: Duration::from_millis(4500) };
        probed.target.on_outcome(late, at, &probed.config);
        assert!(probed.target.bad_since().is_some());
        assert_eq!(probed.target.last_fault(), Some(Fault::Slow));
    }

    #[test]
    fn only_addresses_need_no_resolver() {
        for target in ["1.1.1.1:443", "[2606:4700::1111]:443", "1.1.1.1"] {
            assert!(is_address(target));
        }
        assert!(!is_address("google.com:443"));
    }

    fn lookup() -> Evidence {
        let probe = Probe::new(Layer::Dns, "graph.facebook.com", Role::Channel);
        probe.evidence(Outcome::Answered { took: Duration::ZERO }, Timestamp::UNIX_EPOCH)
    }

    struct Probed {
        target: Target,
        config: Config,
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
                config: Config {
                    failures: rule.parse().unwrap(),
                    partial: "64 of 64".parse().unwrap(),
                    ..Config::default()
                },
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
                let at = Moment { now: self.now, wall: self.wall };
                self.target.on_outcome(outcome, at, &self.config);
                self.now += Duration::from_secs(10);
                self.wall += jiff::Span::new().seconds(10);
            }
            self.target.bad_since().is_some()
        }
    }
}
