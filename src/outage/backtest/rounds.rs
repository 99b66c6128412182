//! The virtual clock of a backtest: probes go round, their answers come when they would, and words in between.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Change;
use crate::outage::Evidence;
use crate::outage::Outcome;
use crate::outage::config::Config;
use crate::outage::detector::Detector;
use crate::outage::probe::Probe;
use crate::outage::schedule::Schedule;

/// What the probes of a backtest look at. Times count from the beginning of the run.
pub(super) trait World {
    fn probes(&self) -> &[Probe];
    /// What the probe finds when it asks at that time, and how long it waits for that.
    fn ask(&mut self, probe: usize, after: Duration) -> (Outcome, Duration);
    /// The next word of a feed, a peer or a person that comes until then.
    fn next_word(&mut self, until: Duration) -> Option<(Duration, Evidence)>;
}

pub(super) struct Rounds {
    pub(super) origin: Instant,
    pub(super) begin: Timestamp,
    pub(super) lasts: Duration,
    /// Of the channel; the pace is that of a server.
    pub(super) every: Duration,
    /// How long after the beginning the first turn begins: trouble does not wait for a certain probe.
    pub(super) phase: Duration,
}

/// Answers that come faster than this come at once.
const AT_ONCE: Duration = Duration::from_millis(100);

/// There is only one.
const CHANNEL: &str = "";

impl Rounds {
    /// Tells `on_change` what the detector says, and how long after the beginning.
    pub(super) fn run(&self, world: &mut dyn World, config: &Config, on_change: &mut dyn FnMut(Duration, Change)) {
        let templates = self.templates(world.probes());
        let mut schedule = Schedule::default();
        schedule.add(CHANNEL, world.probes(), self.every, self.every, self.origin + self.phase);
        let mut hearing = Hearing {
            detector: Detector::new(config).watching(world.probes()),
            schedule,
            rounds: self,
            pending: BTreeMap::new(),
            heard: 0,
            on_change,
        };
        while let Some(turn) = hearing.next_turn().filter(|turn| *turn < self.lasts) {
            hearing.words(world, turn);
            hearing.until(turn);
            // What was heard meanwhile may have hurried another probe.
            let Some(place) = hearing.schedule.poll_place(self.origin + turn) else {
                continue;
            };
            let (outcome, comes_after) = world.ask(place, turn);
            let at = turn + comes_after;
            let evidence = Evidence { outcome, at: self.wall(at), ..templates[place].clone() };
            match comes_after < AT_ONCE {
                true => hearing.hear(evidence, turn),
                false => hearing.later(evidence, at),
            }
        }
        // Of a day without probes that is all.
        hearing.words(world, self.lasts);
        hearing.until(self.lasts);
    }

    fn templates(&self, probes: &[Probe]) -> Vec<Evidence> {
        let nothing = Outcome::Answered { took: Duration::ZERO };
        probes.iter().map(|probe| probe.evidence(nothing.clone(), self.begin)).collect()
    }

    fn wall(&self, after: Duration) -> Timestamp {
        self.begin.checked_add(after).unwrap_or(Timestamp::MAX)
    }
}

struct Hearing<'a> {
    detector: Detector,
    schedule: Schedule,
    rounds: &'a Rounds,
    /// Words, and answers on their way, by when they come; the number keeps those of one moment apart.
    pending: BTreeMap<(Duration, u64), Evidence>,
    heard: u64,
    on_change: &'a mut dyn FnMut(Duration, Change),
}

impl Hearing<'_> {
    fn next_turn(&self) -> Option<Duration> {
        let deadline = self.schedule.poll_timeout()?;
        Some(deadline.at.saturating_duration_since(self.rounds.origin))
    }

    fn hear(&mut self, evidence: Evidence, after: Duration) {
        let change = self.detector.on_evidence(evidence, self.rounds.origin + after);
        self.on(change, after);
    }

    fn on(&mut self, change: Option<Change>, after: Duration) {
        if !self.detector.is_calm() {
            self.schedule.hurry(CHANNEL, self.rounds.origin + after);
        }
        change.into_iter().for_each(|change| (self.on_change)(after, change));
    }

    fn words(&mut self, world: &mut dyn World, until: Duration) {
        while let Some((at, word)) = world.next_word(until) {
            self.later(word, at);
        }
    }

    fn later(&mut self, evidence: Evidence, at: Duration) {
        self.heard += 1;
        self.pending.insert((at, self.heard), evidence);
    }

    /// All that comes before that moment, in its order, but for what comes after the next turn.
    fn until(&mut self, moment: Duration) {
        loop {
            let moment = self.next_turn().map_or(moment, |turn| turn.min(moment));
            let pending = self.pending.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.detector.poll_timeout();
            let deadline = deadline.map(|deadline| deadline.at.saturating_duration_since(self.rounds.origin));
            match (pending, deadline) {
                (answer, Some(at)) if at <= moment && answer.is_none_or(|answer| at <= answer) => {
                    let change = self.detector.handle_timeout(self.rounds.origin + at);
                    self.on(change, at);
                }
                (Some(at), _) if at <= moment => {
                    if let Some((_, evidence)) = self.pending.pop_first() {
                        self.hear(evidence, at);
                    }
                }
                _ => return,
            }
        }
    }
}
