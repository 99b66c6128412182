//! What `/metrics` shows of the switch: counts since its start, and how it stands at this moment.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::sip::agent::Counts;
use crate::switch::machine::Switch;
use crate::switch::trunks::state::TrunkGauge;

/// Counts since the start.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub auth_failures: u64,
    pub messages: BTreeMap<&'static str, u64>,
    pub outages: BTreeMap<String, u64>,
    /// `loaded`, `refused` → how often since the start.
    pub dialplans: BTreeMap<&'static str, u64>,
}

/// This moment.
#[derive(Debug, Clone)]
pub struct Gauges {
    pub calls: usize,
    /// That somebody is in.
    pub conferences: usize,
    pub conference_members: usize,
    pub registrations: usize,
    /// Queue → callers who wait.
    pub waiting: Vec<(String, usize)>,
    pub channels: Vec<(String, ChannelState, Blame)>,
    pub drills: usize,
    pub sip: Counts,
    /// Event package → subscriptions that are alive.
    pub subscriptions: Vec<(&'static str, usize)>,
    pub auth_failures: u64,
    /// Sources of too many wrong passwords, blocked now.
    pub blocked_sources: usize,
    /// REGISTERs that were told to come back later, since the start.
    pub registers_deferred: u64,
    /// Requests from blocked sources, since the start.
    pub auth_refused: u64,
    /// `message.sent`, `message.failed`, … since the start.
    pub messages: BTreeMap<&'static str, u64>,
    /// Channel → times that it fell since the start.
    pub outages: BTreeMap<String, u64>,
}

impl Switch {
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn gauges(&self) -> Gauges {
        let queues = self.desk.music_by_queue.keys();
        let waiting = queues.map(|queue| (queue.clone(), self.desk.queues.waiting(queue).unwrap_or(0)));
        let channels = self.channels.states().zip(self.channels.blames());
        Gauges {
            calls: self.calls.len(),
            conferences: self.conferences.len(),
            conference_members: self.conferences.members(),
            registrations: self.desk.registrar.len(),
            waiting: waiting.collect(),
            channels: channels.map(|((name, state), (_, blame))| (name.to_owned(), state, blame)).collect(),
            drills: self.incidents.drills().count(),
            sip: self.agent.counts(),
            subscriptions: self.lamps.counts(),
            auth_failures: self.tally.auth_failures,
            blocked_sources: self.doorman.blocked(),
            auth_refused: self.doorman.refused(),
            registers_deferred: self.desk.registrar.turned_away(),
            messages: self.tally.messages.clone(),
            outages: self.tally.outages.clone(),
        }
    }

    pub fn trunk_gauges(&self, now: Instant) -> Vec<TrunkGauge> {
        self.desk.trunks.gauges(now)
    }
}
