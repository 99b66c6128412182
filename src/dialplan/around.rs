//! What the conditions of a rehearsal see: all is calm unless its test says otherwise.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;

use crate::dialplan::manner::Does;
use crate::dialplan::manner::Manner;
use crate::dialplan::names::Names;
use crate::dialplan::scene::ChannelGlance;
use crate::dialplan::scene::ExtensionState;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::scene::Scene;
use crate::dialplan::script::ChannelChange;
use crate::dialplan::setting::Looks;

/// What conditions see.
pub(super) struct Around<'n> {
    names: &'n Names,
    origin: Instant,
    wall: Timestamp,
    pub(super) channels: BTreeMap<String, ChannelGlance>,
    pub(super) queues: BTreeMap<String, Looks>,
    pub(super) calls: usize,
    pub(super) calls_by_trunk: BTreeMap<String, usize>,
    pub(super) manners: BTreeMap<String, Manner>,
}

impl<'n> Around<'n> {
    /// Every channel is up, every phone registered, and nobody else calls.
    pub(super) fn ordinary(names: &'n Names, origin: Instant, wall: Timestamp) -> Around<'n> {
        Around {
            names,
            origin,
            wall,
            channels: BTreeMap::new(),
            queues: BTreeMap::new(),
            calls: 1,
            calls_by_trunk: BTreeMap::new(),
            manners: BTreeMap::new(),
        }
    }

    pub(super) fn change(&mut self, change: ChannelChange, now: Instant) {
        let since = Some(self.wall(now));
        self.channels.insert(change.channel, ChannelGlance { state: change.state, since });
    }

    pub(super) fn manner_of(&self, who: &str) -> Manner {
        self.manners.get(who).copied().unwrap_or(Manner::UNSAID)
    }

    pub(super) fn signed_in(&self, queue: &str) -> Vec<String> {
        let agents = self.names.agents.get(queue).into_iter().flatten();
        let there = agents.filter(|agent| self.manner_of(agent).does != Does::BeAway);
        there.cloned().collect()
    }
}

impl Scene for Around<'_> {
    fn wall(&self, now: Instant) -> Timestamp {
        let passed = now.saturating_duration_since(self.origin);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }

    fn channel(&self, name: &str, _now: Instant) -> ChannelGlance {
        self.channels.get(name).copied().unwrap_or(ChannelGlance::UP)
    }

    fn queue(&self, name: &str, _now: Instant) -> QueueGlance {
        let signed_in = self.signed_in(name);
        let free = signed_in.iter().filter(|agent| self.manner_of(agent).does != Does::BeBusy);
        let glance = QueueGlance { free: free.count(), signed_in: signed_in.len(), ..QueueGlance::default() };
        self.queues.get(name).map_or(glance, |looks| looks.over(glance))
    }

    fn extension(&self, number: &str) -> ExtensionState {
        match self.manner_of(number).does {
            Does::BeAway => ExtensionState::Unreachable,
            Does::BeBusy => ExtensionState::Busy,
            Does::Answer | Does::Decline | Does::Ignore => ExtensionState::Free,
        }
    }

    fn calls(&self) -> usize {
        self.calls
    }

    fn calls_over(&self, trunk: &str) -> usize {
        self.calls_by_trunk.get(trunk).copied().unwrap_or(0)
    }
}
