//! The decision for one channel. Both directions take a while on purpose: one lost probe must not send every customer to
//! the phone, and one lucky probe must not send them back.
//!
//! ```text
//!          something fails                  the score is reached for `down_after`
//!    Up ─────────────────────▶ Degraded ─────────────────────────────────────▶ Down ◀───┐
//!     ▲ ◀─────────────────────                                                  │       │ a layer is
//!     │   calm for `calm_after`                             every layer is good │       │ no longer good
//!     │                                                                         ▼       │
//!     └──────────────────────────── good for `up_after` ──────────────────── Recovering ┘
//! ```
//!
//! DNS alone proves nothing, because an answer may come from a cache while the servers behind it are gone: every layer must
//! be good. What the targets add up to stands in `assessment`, whether our own line can be trusted in
//! `line`. While it cannot, every state stands still, and afterwards the channel's probes begin anew.
//!
//! Probes that are silent change nothing; words that are not repeated grow stale.

use std::mem;
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
use crate::outage::assessment::Assessment;
use crate::outage::assessment::Elsewhere;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::config::WhenBlocked;
use crate::outage::damping::Falls;
use crate::outage::history::Moment;
use crate::outage::line::OwnLine;
use crate::outage::line::Turn;
use crate::outage::line::of_our_line;
use crate::outage::overriding::Override;
use crate::outage::probe::Probe;
use crate::outage::reports::Says;
use crate::outage::resolving::Resolving;
use crate::outage::target::Target;

#[derive(Debug)]
pub struct Detector {
    pub(super) config: Config,
    pub(super) state: State,
    /// Whose fault it is, were our own line beyond doubt.
    pub(super) blame: Blame,
    pub(super) line: OwnLine,
    pub(super) targets: Vec<Target>,
    pub(super) falls: Falls,
    pub(super) overriding: Option<Override>,
    /// When the state that is shown changed last.
    pub(super) since: Option<Instant>,
    /// Nothing fails since then.
    pub(super) calm_since: Option<Instant>,
    /// It fails here and is seen up elsewhere, since then.
    blocked_since: Option<Instant>,
    /// No name was found lately, not even unrelated ones.
    names_lost: bool,
    /// The newest evidence on both clocks; after a restart the restart itself.
    pub(super) heard: Option<Moment>,
    deadline: Option<Deadline>,
}

/// What the probes say, whatever a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Degraded,
    Down,
    Recovering { since: Moment, wait: Duration },
}

/// How a failure looks once it has held for long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// None, or not for long enough.
    No,
    Here,
    Everywhere,
}

impl Detector {
    pub fn new(config: &Config) -> Detector {
        Detector {
            config: config.clone(),
            state: State::Up,
            blame: Blame::None,
            line: OwnLine::default(),
            targets: Vec::new(),
            falls: Falls::default(),
            overriding: None,
            since: None,
            calm_since: None,
            blocked_since: None,
            names_lost: false,
            heard: None,
            deadline: None,
        }
    }

    /// Tells which targets there are, so that a layer is not called good before most of its targets were heard.
    pub fn watching(mut self, probes: &[Probe]) -> Detector {
        for probe in probes {
            let nothing_yet = Outcome::Answered { took: Duration::ZERO };
            if let Some(place) = self.place_of(&probe.evidence(nothing_yet, Timestamp::UNIX_EPOCH)) {
                self.targets[place].weight = probe.weight;
            }
        }
        self
    }

    pub fn on_evidence(&mut self, evidence: Evidence, now: Instant) -> Option<Change> {
        let before = (self.state(), self.blame());
        let at = Moment { now, wall: evidence.at };
        let place = self.place_of(&evidence)?;
        let Evidence { layer, vantage, role, outcome, .. } = evidence;
        let over_our_line = vantage.is_here() && (layer.is_probed() || layer == Layer::Traffic);
        self.heard = Some(at);
        match over_our_line && role == Role::Channel && self.line.doubt().is_some() {
            true => self.targets[place].note(outcome, at.wall),
            false => self.targets[place].on_outcome(outcome, at, &self.config),
        }
        if over_our_line {
            self.weigh_own_line(place, at);
        }
        if self.line.doubt().is_none() {
            self.judge(at);
        }
        self.set_deadline(now);
        self.change_since(before, now)
    }

    /// A person's word stands above the probes until it is cleared or expires.
    pub fn set_override(&mut self, overriding: Override, now: Instant) -> Option<Change> {
        let before = (self.state(), self.blame());
        self.overriding = Some(overriding);
        self.set_deadline(now);
        self.change_since(before, now)
    }

    pub fn clear_override(&mut self, now: Instant) -> Option<Change> {
        let before = (self.state(), self.blame());
        self.overriding = None;
        self.set_deadline(now);
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
        match self.line.doubt() {
            Some(_) => Blame::OurLine,
            None => self.blame,
        }
    }

    /// When [`Detector::state`] changed last; `None`: not since the start.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// How we see the channel ourselves, for other servers: none while our own line, or the evidence, leaves it open. Down
    /// only once it is believed here, and not where it is blocked for us alone.
    pub fn own_word(&self, now: Instant) -> Option<Says> {
        if self.line.doubt().is_some() || self.line.is_suspect() {
            return None;
        }
        let assessment = Assessment::of(&self.targets, &self.config, self.line.is_lossy(), now);
        let believed = self.state == State::Down && self.blame == Blame::Channel;
        assessment.own_word().filter(|says| *says == Says::Up || believed)
    }

    /// Nothing is wrong: neither with the channel nor with our line, by no person's word, and no target failed its newest probe.
    pub fn is_calm(&self) -> bool {
        let failed = |target: &Target| target.layer.is_probed() && target.failed_last();
        self.overriding.is_none()
            && (self.state, self.blame()) == (State::Up, Blame::None)
            && !self.line.is_suspect()
            && !self.targets.iter().any(failed)
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.deadline
    }

    /// An override may have expired, a failure held for long enough, or a word grown stale.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Change> {
        self.deadline.filter(|deadline| deadline.at <= now)?;
        let before = (self.state(), self.blame());
        if self.overriding.as_ref().is_some_and(|overriding| overriding.has_expired(now)) {
            self.overriding = None;
        }
        if let (None, Some(heard)) = (self.line.doubt(), self.heard) {
            let ago = now.saturating_duration_since(heard.now);
            let wall = heard.wall.checked_add(ago).unwrap_or(Timestamp::MAX);
            self.judge(Moment { now, wall });
        }
        self.set_deadline(now);
        self.change_since(before, now)
    }

    pub(super) fn change_since(&mut self, before: (ChannelState, Blame), now: Instant) -> Option<Change> {
        let (from, to, blame) = (before.0, self.state(), self.blame());
        if (from, before.1) == (to, blame) {
            return None;
        }
        if from != to {
            self.since = Some(now);
        }
        Some(Change { from, to, blame, reasons: self.reasons() })
    }

    fn weigh_own_line(&mut self, place: usize, at: Moment) {
        let target = &self.targets[place];
        let by_another = target.resolver.as_ref().is_some_and(|resolver| !resolver.is_ours());
        if !target.failed_last() && (target.by_address || by_another) {
            self.line.on_independent_answer(at.now);
        }
        if target.role == Role::Control {
            self.line.on_control(target, at.now);
            if self.line.judge(&self.targets, &self.config, at) == Turn::Settled {
                self.begin_anew(at);
            }
        }
    }

    /// Our line, or our way to name servers, is back: what the channel's probes said shortly before and meanwhile is worth
    /// nothing. An outage that was known before stays known, and a recovery has to prove itself from the beginning.
    fn begin_anew(&mut self, at: Moment) {
        let known_outage = matches!(self.state, State::Down | State::Recovering { .. });
        let targets = self.targets.iter_mut();
        for target in targets.filter(|target| target.role == Role::Channel && target.vantage.is_here()) {
            match (target.layer, known_outage) {
                (Layer::Feed | Layer::Report | Layer::Person, _) => {}
                (_, true) => target.forget_outcomes(),
                (_, false) => target.forget_everything(),
            }
        }
        self.calm_since = None;
        self.blocked_since = None;
        if let State::Recovering { since, .. } = &mut self.state {
            *since = at;
        }
    }

    fn judge(&mut self, at: Moment) {
        let mut assessment = Assessment::of(&self.targets, &self.config, self.line.is_lossy(), at.now);
        let were_lost = mem::replace(&mut self.names_lost, assessment.resolving == Resolving::Lost);
        if were_lost && !self.names_lost {
            // Names are found again, of the channel's targets perhaps a moment later than of others.
            self.begin_anew(at);
            assessment = Assessment::of(&self.targets, &self.config, self.line.is_lossy(), at.now);
        }
        self.calm_since = match assessment.has_trouble() {
            true => None,
            false => self.calm_since.or(Some(at.now)),
        };
        let failure = self.failure(&assessment, at.now);
        self.blocked_since = match failure {
            Failure::Here => self.blocked_since.or(Some(at.now)),
            Failure::No | Failure::Everywhere => None,
        };
        let next = self.next_state(&assessment, failure, at);
        if next == State::Down && !self.is_down_or_hardly_up(at.now) {
            self.falls.push(at.now);
        }
        let was = mem::replace(&mut self.state, next);
        self.blame = self.next_blame(was, &assessment, failure, at.now);
    }

    /// A recovery that ends within moments was none: going down again is the same fall.
    fn is_down_or_hardly_up(&self, now: Instant) -> bool {
        match self.state {
            State::Down => true,
            State::Recovering { since, .. } => now.saturating_duration_since(since.now) < self.config.partial_after,
            State::Up | State::Degraded => false,
        }
    }

    /// It has failed for long enough while our own line worked, and was seen working.
    fn failure(&self, assessment: &Assessment, now: Instant) -> Failure {
        let Config { down_after, partial_after, .. } = self.config;
        let Some(since) = assessment.failing_without_break.or(assessment.failing) else {
            return Failure::No;
        };
        let elsewhere = Elsewhere::since(&self.targets, since, &self.config, now);
        let patient = assessment.alone || elsewhere.is_awaited();
        let held = |since: Option<Instant>, hold| {
            since.is_some_and(|since| {
                let works = self.line.works_since(since);
                works.is_some_and(|works| now.saturating_duration_since(works) >= hold) && self.line_worked_after(since)
            })
        };
        let without_break = held(assessment.failing_without_break, if patient { partial_after } else { down_after });
        let now_and_then =
            assessment.failing.map(|since| self.line.whole_since().map_or(since, |whole| since.max(whole)));
        match without_break || !self.line.is_suspect() && held(now_and_then, partial_after) {
            false => Failure::No,
            true if elsewhere.sees_it_up() || assessment.strangers * 2 > assessment.bad => Failure::Here,
            true => Failure::Everywhere,
        }
    }

    fn next_state(&self, assessment: &Assessment, failure: Failure, at: Moment) -> State {
        let lasts =
            |since: Option<Instant>, hold| since.is_some_and(|since| at.now.saturating_duration_since(since) >= hold);
        let seen_as = self.config.blocked_here;
        match self.state {
            State::Up | State::Degraded => match failure {
                Failure::Everywhere => State::Down,
                Failure::Here if seen_as == WhenBlocked::Down => State::Down,
                _ if assessment.has_trouble() => State::Degraded,
                _ if self.state == State::Degraded
                    && !(assessment.is_well() && lasts(self.calm_since, self.config.calm_after)) =>
                {
                    State::Degraded
                }
                _ => State::Up,
            },
            State::Down if assessment.is_well() => {
                State::Recovering { since: at, wait: self.falls.wait(&self.config, at.now) }
            }
            State::Down if seen_as == WhenBlocked::Degraded && lasts(self.blocked_since, self.config.partial_after) => {
                State::Degraded
            }
            State::Down => State::Down,
            State::Recovering { .. } if !assessment.is_well() => State::Down,
            State::Recovering { since, wait } if at.now.saturating_duration_since(since.now) < wait => self.state,
            State::Recovering { .. } if assessment.has_trouble() => State::Degraded,
            State::Recovering { .. } => State::Up,
        }
    }

    fn next_blame(&self, was: State, assessment: &Assessment, failure: Failure, now: Instant) -> Blame {
        // At the end of an outage one of us sees it up before the other: that alone is no block.
        let has_held = self.blocked_since.is_some_and(|since| {
            now.saturating_duration_since(since) >= self.config.partial_after || self.blame == Blame::BlockedHere
        });
        let is_blocked = failure == Failure::Here && (has_held || matches!(was, State::Up | State::Degraded));
        match self.state {
            State::Up => Blame::None,
            State::Down | State::Recovering { .. } if is_blocked => Blame::BlockedHere,
            State::Down if self.blame == Blame::BlockedHere && failure == Failure::No => Blame::BlockedHere,
            State::Recovering { .. } if self.blame == Blame::BlockedHere => Blame::BlockedHere,
            State::Down | State::Recovering { .. } => Blame::Channel,
            State::Degraded if failure == Failure::Here => Blame::BlockedHere,
            // It fails as before, and for a moment nobody can say whether our line works.
            State::Degraded
                if self.blame == Blame::BlockedHere && failure == Failure::No && assessment.failing.is_some() =>
            {
                Blame::BlockedHere
            }
            State::Degraded => self.blame_of_trouble(assessment),
        }
    }

    fn blame_of_trouble(&self, assessment: &Assessment) -> Blame {
        match () {
            () if self.line.is_lossy() && assessment.bad > 0 => Blame::OurLine,
            () if assessment.failing.is_some() => Blame::Channel,
            () if assessment.resolving == Resolving::Lies => Blame::BlockedHere,
            () if matches!(assessment.resolving, Resolving::Fails | Resolving::Lost) => Blame::OurResolver,
            () if assessment.unresolved > 0 => Blame::OurResolver,
            () if assessment.credential > 0 => Blame::OurCredential,
            () if assessment.webhook > 0 => Blame::OurWebhook,
            () if assessment.has_trouble() || self.blame == Blame::None => Blame::Channel,
            // Calm already, and not yet for long enough.
            () => self.blame,
        }
    }

    /// Most control targets answered after that moment. Without control targets there is nothing to ask.
    fn line_worked_after(&self, moment: Instant) -> bool {
        let (mut asked, mut answered) = (0, 0);
        for target in of_our_line(&self.targets).filter(|target| target.was_asked()) {
            asked += 1;
            answered += u32::from(target.answered_after(moment));
        }
        answered * 2 >= asked
    }

    /// The earliest moment after `now` at which silence alone can change something.
    pub(super) fn set_deadline(&mut self, now: Instant) {
        let Config { down_after, partial_after, stale_after, .. } = self.config;
        let word = self.overriding.as_ref().and_then(|overriding| overriding.until);
        let word = word.map(|at| Deadline { at, why: "override expires" });
        let unsettled = matches!(self.state, State::Up | State::Degraded) && self.line.doubt().is_none();
        let words = self.targets.iter().filter(|target| !target.layer.is_probed());
        let words = words.filter_map(|target| {
            let (since, heard) = (target.bad_since()?.now, target.heard_at()?);
            let held = [since + down_after, since + partial_after].map(|at| Deadline { at, why: "a word has held" });
            let held = held.into_iter().filter(|deadline| unsettled && deadline.at > now);
            let stale = Deadline { at: heard + stale_after + TICK, why: "a word grows stale" };
            held.chain([stale]).filter(|deadline| deadline.at > now).min_by_key(|deadline| deadline.at)
        });
        let deadlines = words.chain(word).chain(self.wait_without_probes(now));
        self.deadline = deadlines.min_by_key(|deadline| deadline.at);
    }

    /// Where nothing is probed, nothing but time ends a wait.
    fn wait_without_probes(&self, now: Instant) -> Option<Deadline> {
        let ends = match self.state {
            State::Recovering { since, wait } => since.now + wait,
            State::Degraded => self.calm_since? + self.config.calm_after,
            // What an earlier run was told is not known any more, and stale as soon as if it had been told last.
            State::Down => self.heard?.now + self.config.stale_after + TICK,
            State::Up => return None,
        };
        let probed = self.targets.iter().any(|target| target.layer.is_probed());
        (!probed && ends > now).then_some(Deadline { at: ends, why: "a wait is over" })
    }

    /// A target that nobody announced is watched from its first evidence on; `None` when there are too many of them.
    fn place_of(&mut self, evidence: &Evidence) -> Option<usize> {
        let known = self.targets.iter().position(|target| target.is_of(evidence));
        if known.is_none() && self.targets.len() < MOST_TARGETS {
            self.targets.retain(|target| !target.is_announced_for(evidence));
            self.targets.push(Target::of(evidence));
            return Some(self.targets.len() - 1);
        }
        known
    }
}

/// Reporters name themselves: a peer who invents names must not fill the memory.
const MOST_TARGETS: usize = 256;

/// A word is stale after its time, not at it.
const TICK: Duration = Duration::from_millis(1);
