//! How good the verdicts of a day were: how soon, how right, how often wrong.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::outage::ChannelState;
use crate::outage::backtest::replay::Entry;
use crate::outage::backtest::replay::Timeline;
use crate::outage::backtest::scenario::Expected;
use crate::outage::backtest::scenario::Extent;
use crate::outage::backtest::scenario::Scenario;
use crate::outage::blame::Blame;

/// One scenario, at its worst over several seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub title: String,
    /// `total`, `partial`, or `none` where nobody felt anything of the channel's own.
    pub extent: &'static str,
    /// From the failure, as people felt it, to `down`.
    pub seconds_to_down: Option<u64>,
    /// From the recovery, as people felt it, to the end of `recovering`.
    pub seconds_to_up: Option<u64>,
    /// Times that `down` was said and should not have been, or `up` before people had it back.
    pub false_alarms: u32,
    /// What was held for the longest time while people felt it.
    pub blame: Blame,
    /// Goals that were missed, in words; empty when all is well.
    pub missed: Vec<String>,
}

/// The goals.
const TOTAL: Duration = Duration::from_secs(60);
const PARTIAL: Duration = Duration::from_secs(5 * 60);

/// Blame is not weighed before a verdict can be there.
const TO_BEGIN_WITH: Duration = Duration::from_secs(60);

impl Measured {
    pub fn of(scenario: &Scenario, timeline: &Timeline) -> Measured {
        let Expected { state, blame } = scenario.expected;
        let expects_down = state == ChannelState::Down;
        let from = scenario.felt.map_or(Duration::ZERO, |felt| felt.from);
        let until = scenario.felt.and_then(|felt| felt.until).unwrap_or(scenario.lasts);
        let moves: Vec<&Entry> = timeline.entries.iter().filter(|entry| entry.from != entry.state).collect();
        let fall = moves.iter().find(|entry| expects_down && entry.after >= from && entry.state == ChannelState::Down);
        let rise = moves.iter().find(|entry| entry.after >= until && entry.from.is_down() && !entry.state.is_down());
        let wrongly = |entry: &&&Entry| {
            let says_down = entry.state.is_down() && !entry.from.is_down();
            let says_up = entry.from.is_down() && !entry.state.is_down();
            match expects_down {
                true => says_down && !(from..=until).contains(&entry.after) || says_up && entry.after < until,
                false => says_down,
            }
        };
        let mut measured = Measured {
            title: scenario.title.clone(),
            extent: match scenario.felt.map(|felt| felt.extent) {
                _ if !expects_down => "none",
                Some(Extent::Total) => "total",
                Some(Extent::Partial) => "partial",
                None => "none",
            },
            seconds_to_down: fall.map(|entry| (entry.after - from).as_secs()),
            seconds_to_up: rise.filter(|_| expects_down).map(|entry| (entry.after - until).as_secs()),
            false_alarms: u32::try_from(moves.iter().filter(wrongly).count()).unwrap_or(u32::MAX),
            blame: held_longest(&timeline.entries, (from + TO_BEGIN_WITH).min(until), until),
            missed: Vec::new(),
        };
        measured.missed = measured.misses(scenario, blame);
        measured
    }

    fn misses(&self, scenario: &Scenario, blame: Blame) -> Vec<String> {
        let mut missed = Vec::new();
        let goal = match scenario.felt.map(|felt| felt.extent) {
            Some(Extent::Total) => TOTAL,
            Some(Extent::Partial) | None => PARTIAL,
        };
        match self.seconds_to_down {
            Some(seconds) if seconds > goal.as_secs() => {
                missed.push(format!("down after {seconds} s, goal {} s", goal.as_secs()));
            }
            None if self.extent != "none" => missed.push("never down".to_owned()),
            _ => {}
        }
        let healed = scenario.felt.and_then(|felt| felt.until).is_some();
        if self.extent != "none" && healed && self.seconds_to_up.is_none() {
            missed.push("never up again".to_owned());
        }
        if self.false_alarms > 0 {
            missed.push(format!("{} false alarms", self.false_alarms));
        }
        if self.blame != blame {
            missed.push(format!("blames {}, should be {blame}", self.blame));
        }
        missed
    }

    /// The worse of both in every column.
    pub fn or_worse(mut self, other: Measured) -> Measured {
        self.seconds_to_down = self.seconds_to_down.max(other.seconds_to_down);
        self.seconds_to_up = self.seconds_to_up.max(other.seconds_to_up);
        self.false_alarms = self.false_alarms.max(other.false_alarms);
        if self.missed.is_empty() && !other.missed.is_empty() {
            self.blame = other.blame;
        }
        self.missed.extend(other.missed);
        self.missed.sort();
        self.missed.dedup();
        self
    }
}

fn held_longest(entries: &[Entry], from: Duration, until: Duration) -> Blame {
    let mut held = Blame::ALL.map(|blame| (Duration::ZERO, blame));
    let mut add = |blame: Blame, begins: Duration, ends: Duration| {
        let (begins, ends) = (begins.clamp(from, until), ends.clamp(from, until));
        held[blame as usize].0 += ends - begins;
    };
    let mut last = (Duration::ZERO, Blame::None);
    for entry in entries {
        add(last.1, last.0, entry.after);
        last = (entry.after, entry.blame);
    }
    add(last.1, last.0, until.max(last.0));
    held.iter().max_by_key(|(span, _)| *span).map_or(Blame::None, |(_, blame)| *blame)
}

/// The head of the table whose rows [`Measured`] writes.
pub const HEAD: &str =
    "scenario                                                   felt     to down    to up  false  blame";

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |seconds: Option<u64>| seconds.map_or("-".to_owned(), |seconds| format!("{seconds} s"));
        let title: String = self.title.chars().take(57).collect();
        let (down, up) = (seconds(self.seconds_to_down), seconds(self.seconds_to_up));
        let (extent, false_alarms, blame) = (self.extent, self.false_alarms, self.blame.as_str());
        write!(f, "{title:<58} {extent:<8} {down:>7} {up:>8} {false_alarms:>6}  {blame:<14}")?;
        match self.missed.is_empty() {
            true => Ok(()),
            false => write!(f, " MISSED: {}", self.missed.join("; ")),
        }
    }
}
