//! The watched channels: when each probe is due, and what follows when a channel's state changes.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use tracing::info;
use tracing::warn;

use crate::channel::channels::Channels as Kinds;
use crate::channel::config::Config;
use crate::dialplan::scene::ChannelGlance;
use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::blame::Blame;
use crate::outage::detector::Detector;
use crate::outage::overriding::Override;
use crate::outage::reports::Reports;
use crate::outage::reports::Says;
use crate::outage::schedule::Schedule;
use crate::outage::snapshot::Snapshot;
use crate::outage::traffic::Traffic;
use crate::outage::view::TargetView;
use crate::switch::command::Answer;
use crate::switch::command::ChannelView;
use crate::switch::command::OverrideWish;
use crate::switch::command::Problem;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::incidents::is_ours_alone;
use crate::switch::machine::Switch;

#[derive(Debug)]
pub(super) struct Channels {
    by_name: BTreeMap<String, Watched>,
    schedule: Schedule,
    /// When other servers are told next how we see them all.
    tells_at: Instant,
}

/// A word grows old: whoever is to tell a block from an outage by it must have heard it since the trouble began.
const TELLS_EVERY: Duration = Duration::from_secs(60);
/// After a change; channels that change together are told of together, and no peer hears more than it takes.
const TELLS_SOON: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Watched {
    kind: String,
    detector: Detector,
    pub(super) traffic: Traffic,
    pub(super) reports: Reports,
}

impl Channels {
    pub(super) fn new(
        configs: &[Config],
        kinds: &Kinds,
        kept: &BTreeMap<String, Value>,
        now: Instant,
        wall: Timestamp,
    ) -> Self {
        let tells_at = now + TELLS_EVERY;
        let mut channels = Self { by_name: BTreeMap::new(), schedule: Schedule::default(), tells_at };
        for config in configs {
            let Some(channel) = kinds.find(&config.name) else {
                continue;
            };
            let probes = channel.probes().to_vec();
            let mut detector = Detector::new(&config.detector).watching(&probes);
            let mut kept = kept.get(&config.name).cloned().unwrap_or_default();
            let habit = kept.as_object_mut().and_then(|kept| kept.remove(HABIT));
            let habit = habit.and_then(|habit| serde_json::from_value(habit).ok());
            if let Ok(snapshot) = serde_json::from_value::<Snapshot>(kept) {
                detector.restore(snapshot, now, wall);
            }
            channels.schedule.add(&config.name, &probes, config.every, config.timeout, now);
            let kind = config.kind.clone();
            let traffic = Traffic::new(habit, now, wall);
            let watched = Watched { kind, detector, traffic, reports: Reports::default() };
            channels.by_name.insert(config.name.clone(), watched);
        }
        channels
    }

    /// Names of the channels that the dialplan calls down.
    pub(super) fn down(&self) -> Vec<String> {
        let down = self.by_name.iter().filter(|(_, watched)| watched.detector.state().is_down());
        down.map(|(name, _)| name.clone()).collect()
    }

    /// What conditions and texts see of each.
    pub(super) fn glances(&self, now: Instant, wall: Timestamp) -> BTreeMap<String, ChannelGlance> {
        let glances = self.by_name.iter().map(|(name, watched)| {
            let ago = watched.detector.since().map(|since| now.saturating_duration_since(since));
            let since = ago.and_then(|ago| wall.checked_sub(ago).ok());
            (name.clone(), ChannelGlance { state: watched.detector.state(), since })
        });
        glances.collect()
    }

    pub(super) fn states(&self) -> impl Iterator<Item = (&str, ChannelState)> {
        self.by_name.iter().map(|(name, watched)| (name.as_str(), watched.detector.state()))
    }

    pub(super) fn blames(&self) -> impl Iterator<Item = (&str, Blame)> {
        self.by_name.iter().map(|(name, watched)| (name.as_str(), watched.detector.blame()))
    }

    /// What each target of the channel is worth now.
    pub(super) fn evidence(&self, name: &str) -> Vec<TargetView> {
        self.by_name.get(name).map(|watched| watched.detector.evidence()).unwrap_or_default()
    }

    pub(super) fn state_of(&self, name: &str) -> Option<ChannelState> {
        self.by_name.get(name).map(|watched| watched.detector.state())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether an incident of this channel has reason to go on.
    pub(super) fn is_in_trouble(&self, name: &str) -> bool {
        let detector = self.by_name.get(name).map(|watched| &watched.detector);
        detector.is_some_and(|detector| detector.state() != ChannelState::Up || is_ours_alone(detector.blame()))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let watched = self.by_name.values().map(Watched::poll_timeout);
        let tells_at = (!self.by_name.is_empty()).then_some(self.tells_at);
        watched.chain(tells_at).chain(self.schedule.poll_timeout().map(|deadline| deadline.at)).min()
    }

    pub(super) fn find_mut(&mut self, name: &str) -> Option<&mut Watched> {
        self.by_name.get_mut(name)
    }

    /// Channels of which something other than a probe is due.
    fn due(&self, now: Instant) -> Vec<String> {
        let due = self.by_name.iter().filter(|(_, watched)| watched.poll_timeout() <= now);
        due.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn views(&self, now: Instant, wall: Timestamp) -> Vec<ChannelView> {
        self.by_name.iter().map(|(name, watched)| watched.view(name, now, wall)).collect()
    }
}

/// Beside the verdict in what is kept of a channel: the habit of its customers.
const HABIT: &str = "habit";

impl Watched {
    fn poll_timeout(&self) -> Instant {
        let detector = self.detector.poll_timeout().map(|deadline| deadline.at);
        detector.into_iter().fold(self.traffic.poll_timeout(), Instant::min)
    }

    pub(super) fn state(&self) -> ChannelState {
        self.detector.state()
    }

    fn view(&self, name: &str, now: Instant, wall: Timestamp) -> ChannelView {
        let verdict = self.detector.view(now, wall);
        ChannelView { name: name.to_owned(), kind: self.kind.clone(), drill: None, verdict }
    }
}

impl Switch {
    pub(super) fn run_channels(&mut self, now: Instant) {
        if self.channels.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        while let Some(due) = self.channels.schedule.poll_due(now) {
            self.effects.push_back(Effect::Probe(due));
        }
        for name in self.channels.due(now) {
            self.change(&name, |detector| detector.handle_timeout(now), now);
            self.look_at_traffic(&name, now);
        }
        self.tell_peers(now);
    }

    fn tell_peers(&mut self, now: Instant) {
        if self.channels.tells_at > now {
            return;
        }
        self.channels.tells_at = now + TELLS_EVERY;
        let words = self.channels.by_name.iter().filter_map(|(name, watched)| {
            let says = watched.detector.own_word(now)?;
            let reason = match says {
                Says::Up => "its probes answer".to_owned(),
                Says::Down => watched.detector.reasons().into_iter().next().unwrap_or_default(),
            };
            Some(Effect::TellPeers { channel: name.clone(), says, reason })
        });
        self.effects.extend(words);
    }

    pub(super) fn on_evidence(&mut self, channel: &str, evidence: Evidence, now: Instant) {
        self.change(channel, |detector| detector.on_evidence(evidence, now), now);
        self.observe_incident(channel, now);
    }

    pub(super) fn override_channel(&mut self, name: &str, wish: OverrideWish, now: Instant) -> Result<Answer, Problem> {
        let OverrideWish { state, reason, author, lasts } = wish;
        let overriding = Override { state, reason, author, until: lasts.map(|lasts| now + lasts) };
        self.change(name, |detector| detector.set_override(overriding, now), now);
        self.keep_channel(name, now);
        self.channel_view(name, now)
    }

    pub(super) fn clear_override(&mut self, name: &str, now: Instant) -> Result<Answer, Problem> {
        self.change(name, |detector| detector.clear_override(now), now);
        self.keep_channel(name, now);
        self.channel_view(name, now)
    }

    pub(super) fn channel_view(&self, name: &str, now: Instant) -> Result<Answer, Problem> {
        let watched = self.channels.by_name.get(name).ok_or_else(|| self.no_channel(name))?;
        let view = self.with_drill(watched.view(name, now, self.wall(now)));
        Ok(Answer::Channel(Box::new(view)))
    }

    pub(super) fn channel_views(&self, now: Instant) -> Vec<ChannelView> {
        let views = self.channels.views(now, self.wall(now)).into_iter();
        views.map(|view| self.with_drill(view)).collect()
    }

    fn with_drill(&self, mut view: ChannelView) -> ChannelView {
        let drill = self.incidents.drill_of_channel(&view.name);
        view.drill = drill.map(|drill| if drill.is_shadow() { "shadow" } else { "full" });
        view
    }

    fn change(&mut self, name: &str, work: impl FnOnce(&mut Detector) -> Option<Change>, now: Instant) {
        let Some(watched) = self.channels.by_name.get_mut(name) else {
            return;
        };
        let change = work(&mut watched.detector);
        if !watched.detector.is_calm() {
            // Only this channel: when it is our line, each of the others sees it fail by itself within its own interval.
            self.channels.schedule.hurry(name, now);
        }
        let Some(change) = change else {
            return;
        };
        if change.to.is_down() && !change.from.is_down() {
            *self.tally.outages.entry(name.to_owned()).or_default() += 1;
        }
        log(name, &change);
        let data = json!({ "channel": name, "from": change.from, "state": change.to, "blame": change.blame, "reasons": change.reasons });
        self.channels.tells_at = self.channels.tells_at.min(now + TELLS_SOON);
        self.see_channels_down(now);
        self.publish("channel.changed", data, now);
        self.on_change(name, &change, now);
        self.keep_channel(name, now);
    }

    pub(super) fn keep_channel(&mut self, name: &str, now: Instant) {
        let Some(watched) = self.channels.by_name.get(name) else {
            return;
        };
        let mut snapshot = json!(watched.detector.snapshot(now, self.wall(now)));
        snapshot[HABIT] = json!(watched.traffic.kept());
        self.effects.push_back(Effect::Keep(Keep::Channel { name: name.to_owned(), snapshot }));
    }
}

/// Somebody should look at what callers notice, and at what only we can mend; everything else passes by itself.
fn log(channel: &str, change: &Change) {
    let Change { from, to, blame, reasons } = change;
    match from.is_down() != to.is_down() || is_ours_alone(*blame) {
        true => warn!(channel, %from, %to, %blame, ?reasons, "channel changed"),
        false => info!(channel, %from, %to, %blame, ?reasons, "channel changed"),
    }
}
