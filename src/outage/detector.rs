//! The decision for one channel. Both directions take a while on purpose: one lost probe must not send every customer to
//! the phone, and one lucky probe must not send them back.
//!
//! ```text
//!          a target turns bad              most targets of a layer bad for `down_after`
//!    Up ─────────────────────▶ Degraded ─────────────────────────────────────▶ Down ◀───┐
//!     ▲ ◀─────────────────────                                                  │       │ a layer is
//!     │    no target is bad                                 every layer is good │       │ no longer good
//!     │                                                                         ▼       │
//!     └──────────────────────────── good for `up_after` ──────────────────── Recovering ┘
//! ```
//!
//! A layer is good when most of its targets are; DNS alone proves nothing, because an answer may come from a cache while the
//! servers behind it are gone. The machine only moves on evidence: silence of the probes changes nothing.
//!
//! Control targets say whether our own line works. While most of them fail, nothing that the channel's probes say counts, and
//! afterwards they begin anew. `Down` also needs most control targets to have answered since the failure began.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Deadline;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::overriding::Override;
use crate::outage::probe::Probe;
use crate::outage::target::Target;
use crate::outage::target::Verdict;

#[derive(Debug)]
pub struct Detector {
    pub(super) config: Config,
    pub(super) state: State,
    pub(super) line: OwnLine,
    pub(super) targets: Vec<Target>,
    pub(super) overriding: Option<Override>,
    /// When the state that is shown changed last.
    pub(super) since: Option<Instant>,
}

/// What the probes say, whatever a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Degraded,
    Down,
    Recovering { since: Instant, since_wall: Timestamp },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnLine {
    Works,
    InDoubt { since_wall: Timestamp },
}

impl Detector {
    pub fn new(config: &Config) -> Detector {
        Detector {
            config: config.clone(),
            state: State::Up,
            line: OwnLine::Works,
            targets: Vec::new(),
            overriding: None,
            since: None,
        }
    }

    /// Tells which targets there are, so that a layer is not called good before most of its targets were heard.
    pub fn watching(mut self, probes: &[Probe]) -> Detector {
        for probe in probes {
            let nothing_yet = Outcome::Answered { took: Duration::ZERO };
            self.place_of(&probe.evidence(nothing_yet, Timestamp::UNIX_EPOCH));
        }
        self
    }

    pub fn on_evidence(&mut self, evidence: Evidence, now: Instant) -> Option<Change> {
        let before = self.state();
        let place = self.place_of(&evidence);
        let Evidence { role, outcome, at, .. } = evidence;
        let rule = self.config.failures;
        let counts = role == Role::Control || self.line == OwnLine::Works;
        let target = &mut self.targets[place];
        match counts {
            true => target.on_outcome(outcome, at, rule, now),
            false => target.note(outcome, at),
        }
        if role == Role::Control {
            self.judge_own_line(at, now);
        }
        if self.line == OwnLine::Works {
            self.state = self.next_state(at, now);
        }
        self.change_since(before, now)
    }

    /// A person's word stands above the probes until it is cleared or expires.
    pub fn set_override(&mut self, overriding: Override, now: Instant) -> Option<Change> {
        let before = self.state();
        self.overriding = Some(overriding);
        self.change_since(before, now)
    }

    pub fn clear_override(&mut self, now: Instant) -> Option<Change> {
        let before = self.state();
        self.overriding = None;
        self.change_since(before, now)
    }

    pub fn state(&self) -> ChannelState {
        match &self.overriding {
            Some(overriding) => overriding.state,
            None => self.probed_state(),
        }
    }

    /// What the probes say, whatever a person says.
    pub fn probed_state(&self) -> ChannelState {
        match self.state {
            State::Up => ChannelState::Up,
            State::Degraded => ChannelState::Degraded,
            State::Down => ChannelState::Down,
            State::Recovering { .. } => ChannelState::Recovering,
        }
    }

    /// Whose fault it is, whatever a person says.
    pub fn blame(&self) -> Blame {
        match (self.line, self.state) {
            (OwnLine::InDoubt { .. }, _) => Blame::OurLine,
            (OwnLine::Works, State::Up) => Blame::None,
            (OwnLine::Works, _) => Blame::Channel,
        }
    }

    /// When [`Detector::state`] changed last; `None`: not since the start.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        let at = self.overriding.as_ref()?.until?;
        Some(Deadline { at, why: "override expires" })
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Option<Change> {
        let expired = self.overriding.as_ref()?.has_expired(now);
        expired.then(|| self.clear_override(now)).flatten()
    }

    /// Sentences, the weightiest first; never empty.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        reasons.extend(self.overriding.as_ref().map(Override::sentence));
        reasons.extend(self.line_sentence());
        reasons.extend(self.recovery_sentence());
        let bad = self.of_role(Role::Channel).filter_map(Target::sentence);
        reasons.extend(bad);
        if reasons.is_empty() {
            let heard = self.targets.iter().any(Target::was_asked);
            let calm = match heard {
                true => "all probes answer",
                false => "no probe has answered yet",
            };
            reasons.push(calm.to_owned());
        }
        reasons
    }

    pub(super) fn change_since(&mut self, from: ChannelState, now: Instant) -> Option<Change> {
        let to = self.state();
        if from == to {
            return None;
        }
        self.since = Some(now);
        let reasons = self.reasons();
        Some(Change { from, to, blame: self.blame(), reasons })
    }

    fn next_state(&self, at: Timestamp, now: Instant) -> State {
        let bad = self.of_role(Role::Channel).any(|target| target.bad_since().is_some());
        match self.state {
            State::Up | State::Degraded if self.has_failed(now) => State::Down,
            State::Up | State::Degraded if bad => State::Degraded,
            State::Up | State::Degraded => State::Up,
            State::Down if self.every_layer_is_good() => State::Recovering { since: now, since_wall: at },
            State::Down => State::Down,
            State::Recovering { .. } if !self.every_layer_is_good() => State::Down,
            State::Recovering { since, .. } if now - since < self.config.up_after => self.state,
            State::Recovering { .. } if bad => State::Degraded,
            State::Recovering { .. } => State::Up,
        }
    }

    /// Some layer fails for long enough, and our own line was seen working meanwhile.
    fn has_failed(&self, now: Instant) -> bool {
        let mut failing = Layer::ALL.iter().filter_map(|layer| self.failing_since(*layer));
        failing.any(|since| {
            now.saturating_duration_since(since) >= self.config.down_after && self.line_worked_after(since)
        })
    }

    /// When the first failure came that makes most of the layer's targets bad.
    fn failing_since(&self, layer: Layer) -> Option<Instant> {
        let targets = self.of_role(Role::Channel);
        let targets: Vec<&Target> = targets.filter(|target| target.layer == layer).collect();
        let mut since: Vec<Instant> = targets.iter().filter_map(|target| target.bad_since()).collect();
        since.sort_unstable();
        // The one that makes it more than half.
        since.get(targets.len() / 2).copied()
    }

    fn every_layer_is_good(&self) -> bool {
        Layer::ALL.iter().all(|layer| {
            let targets = self.of_role(Role::Channel);
            let targets: Vec<&Target> = targets.filter(|target| target.layer == *layer).collect();
            let good = targets.iter().filter(|target| target.verdict() == Verdict::Good);
            targets.is_empty() || good.count() * 2 > targets.len()
        })
    }

    /// Most control targets answered after that moment. Without control targets there is nothing to ask.
    fn line_worked_after(&self, moment: Instant) -> bool {
        let asked = self.asked_controls();
        let answered = asked.iter().filter(|target| target.answered_after(moment)).count();
        answered * 2 >= asked.len()
    }

    /// Doubt begins when the newest outcomes of most control targets are failures, and ends when those of most are answers.
    fn judge_own_line(&mut self, at: Timestamp, now: Instant) {
        let asked = self.asked_controls();
        let failing = asked.iter().filter(|target| target.failed_last()).count() * 2;
        let asked = asked.len();
        match self.line {
            OwnLine::Works if failing > asked => self.line = OwnLine::InDoubt { since_wall: at },
            OwnLine::InDoubt { .. } if failing < asked => {
                self.line = OwnLine::Works;
                self.begin_anew(at, now);
            }
            OwnLine::Works | OwnLine::InDoubt { .. } => {}
        }
    }

    /// Our line is back: what the channel's probes said shortly before and meanwhile is worth nothing. An outage that was
    /// known before stays known, and a recovery has to prove itself from the beginning.
    fn begin_anew(&mut self, at: Timestamp, now: Instant) {
        let known_outage = matches!(self.state, State::Down | State::Recovering { .. });
        let targets = self.targets.iter_mut();
        for target in targets.filter(|target| target.role == Role::Channel) {
            match known_outage {
                true => target.forget_outcomes(),
                false => target.forget_everything(),
            }
        }
        if let State::Recovering { since, since_wall } = &mut self.state {
            (*since, *since_wall) = (now, at);
        }
    }

    fn line_sentence(&self) -> Option<String> {
        let OwnLine::InDoubt { since_wall } = self.line else {
            return None;
        };
        let asked = self.asked_controls();
        let failing = asked.iter().filter(|target| target.failed_last());
        let causes: Vec<String> = failing
            .map(|target| {
                let why = target.last.as_ref().and_then(|last| last.why.as_deref());
                format!("{}: {}", target.name, why.unwrap_or("no answer"))
            })
            .collect();
        Some(format!(
            "our line: {} of {} control targets fail since {} UTC, so nothing is said of the channel ({})",
            causes.len(),
            asked.len(),
            since_wall.strftime("%H:%M"),
            causes.join("; "),
        ))
    }

    fn recovery_sentence(&self) -> Option<String> {
        let State::Recovering { since_wall, .. } = self.state else {
            return None;
        };
        Some(format!(
            "every layer answers again since {} UTC; up is believed after {} without relapse",
            since_wall.strftime("%H:%M"),
            humantime::format_duration(self.config.up_after),
        ))
    }

    fn asked_controls(&self) -> Vec<&Target> {
        let controls = self.of_role(Role::Control);
        controls.filter(|target| target.was_asked()).collect()
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.role == role)
    }

    /// A target that nobody announced is watched from its first evidence on.
    fn place_of(&mut self, evidence: &Evidence) -> usize {
        let known = self.targets.iter().position(|target| target.is_of(evidence));
        known.unwrap_or_else(|| {
            self.targets.push(Target::of(evidence));
            self.targets.len() - 1
        })
    }
}
