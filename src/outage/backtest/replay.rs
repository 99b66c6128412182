//! One day through the detector: its timeline, when each state came and why.

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Outcome;
use crate::outage::backtest::rounds::Rounds;
use crate::outage::backtest::rounds::World;
use crate::outage::backtest::scenario::Rule;
use crate::outage::backtest::scenario::Scenario;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::detector::Detector;
use crate::outage::probe::Probe;

/// What was said of the channel, in the order of time. Before the first entry it was `up`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    pub title: String,
    pub sources: Vec<String>,
    pub begin: Timestamp,
    pub end: Timestamp,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub at: Timestamp,
    /// Since the beginning of the day.
    #[serde(skip)]
    pub after: Duration,
    pub from: ChannelState,
    pub state: ChannelState,
    pub blame: Blame,
    pub reasons: Vec<String>,
}

/// Runs a written day. `seed` decides which probes a share such as `20%` meets, and which probe comes first after a failure.
pub fn scenario(scenario: &Scenario, config: &Config, seed: u64, origin: Instant) -> Timeline {
    let rounds = Rounds {
        origin,
        begin: scenario.begin,
        lasts: scenario.lasts,
        every: scenario.every,
        phase: phase(seed, scenario.every),
    };
    let config = scenario.detector.as_ref().unwrap_or(config);
    let mut entries = Vec::new();
    let mut on_change = |after, change| entries.push(Entry::of(change, after, scenario.begin));
    rounds.run(&mut Written::new(scenario, seed), config, &mut on_change);
    Timeline {
        title: scenario.title.clone(),
        sources: scenario.sources.clone(),
        begin: scenario.begin,
        end: scenario.begin.checked_add(scenario.lasts).unwrap_or(Timestamp::MAX),
        entries,
    }
}

/// Seeds after each other begin far apart, anywhere in three intervals: that long is a round at the calm pace.
fn phase(seed: u64, every: Duration) -> Duration {
    const ROUND: u32 = 3;
    const GOLDEN: u64 = 618;
    let thousandths = u32::try_from(seed.wrapping_mul(GOLDEN) % 1000).unwrap_or_default();
    every * ROUND / 1000 * thousandths
}

/// Runs recorded evidence, which is in the order of its times.
pub fn recording(evidence: Vec<Evidence>, config: &Config, origin: Instant) -> Timeline {
    let begin = evidence.first().map_or(Timestamp::UNIX_EPOCH, |first| first.at);
    let end = evidence.last().map_or(begin, |last| last.at);
    let after = |at: Timestamp| Duration::try_from(at.duration_since(begin)).unwrap_or_default();
    let mut detector = Detector::new(config);
    let mut entries = Vec::new();
    for piece in evidence {
        let now = after(piece.at);
        while let Some(deadline) = detector.poll_timeout().filter(|deadline| deadline.at <= origin + now) {
            let change = detector.handle_timeout(deadline.at);
            let after = deadline.at.saturating_duration_since(origin);
            entries.extend(change.map(|change| Entry::of(change, after, begin)));
        }
        let change = detector.on_evidence(piece, origin + now);
        entries.extend(change.map(|change| Entry::of(change, now, begin)));
    }
    Timeline { title: "recorded evidence".to_owned(), sources: Vec::new(), begin, end, entries }
}

impl Entry {
    fn of(change: Change, after: Duration, begin: Timestamp) -> Entry {
        let Change { from, to, blame, reasons } = change;
        let at = begin.checked_add(after).unwrap_or(Timestamp::MAX);
        Entry { at, after, from, state: to, blame, reasons }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for source in &self.sources {
            writeln!(f, "  {source}")?;
        }
        writeln!(f, "{}  up", clock(self.begin))?;
        for entry in &self.entries {
            let blame = match entry.blame {
                Blame::None => String::new(),
                blame => format!("  ({blame})"),
            };
            writeln!(f, "{}  {}{blame}", clock(entry.at), entry.state)?;
            for reason in &entry.reasons {
                writeln!(f, "          {reason}")?;
            }
        }
        write!(f, "{}  end", clock(self.end))
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// The world of a scenario.
struct Written<'a> {
    scenario: &'a Scenario,
    /// The rules that take each probe, in the order of time.
    rules: Vec<Vec<&'a Rule>>,
    words: std::slice::Iter<'a, (Duration, Evidence)>,
    rng: fastrand::Rng,
}

impl<'a> Written<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Written<'a> {
        let rules_of = |probe: &Probe| scenario.rules.iter().filter(|rule| rule.who.takes(probe)).collect();
        Written {
            scenario,
            rules: scenario.probes.iter().map(rules_of).collect(),
            words: scenario.words.iter(),
            rng: fastrand::Rng::with_seed(seed),
        }
    }
}

impl World for Written<'_> {
    fn probes(&self) -> &[Probe] {
        &self.scenario.probes
    }

    fn ask(&mut self, probe: usize, after: Duration) -> (Outcome, Duration) {
        let rules = &self.rules[probe];
        let began = rules.partition_point(|rule| rule.from <= after);
        let rule = began.checked_sub(1).map(|place| rules[place]);
        // Drawn for every probe, so that a rule more does not change what the others meet.
        let drawn = self.rng.u8(0..100);
        match rule.filter(|rule| drawn < rule.share) {
            Some(rule) => (rule.answer.outcome(), rule.answer.comes_after(self.scenario.timeout)),
            None => (Outcome::Answered { took: ORDINARY }, ORDINARY),
        }
    }

    fn next_word(&mut self, until: Duration) -> Option<(Duration, Evidence)> {
        let (at, evidence) = self.words.as_slice().first().filter(|(at, _)| *at <= until)?;
        self.words.next();
        Some((*at, evidence.clone()))
    }
}

const ORDINARY: Duration = Duration::from_millis(30);
