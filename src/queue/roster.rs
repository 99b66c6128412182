//! All agents, and the alarm clock of each: an agent is in one state, and a state's end is in one index.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Instant;

use crate::queue::agent::Activity;
use crate::queue::agent::Agent;
use crate::queue::agent::AgentId;
use crate::queue::effect::Deadline;

#[derive(Debug, Default)]
pub(super) struct Roster {
    agents: Vec<Agent>,
    place_by_id: BTreeMap<AgentId, usize>,
    alarms: BTreeSet<(Instant, usize)>,
}

impl Roster {
    /// The agent's place, new or known; from now on they serve `queue` as well.
    pub(super) fn enlist(&mut self, id: &AgentId, queue: usize) -> usize {
        let place = *self.place_by_id.entry(id.clone()).or_insert_with(|| self.agents.len());
        if place == self.agents.len() {
            self.agents.push(Agent::new(id.clone()));
        }
        self.agents[place].queues.insert(queue);
        place
    }

    pub(super) fn place_of(&self, id: &AgentId) -> Option<usize> {
        self.place_by_id.get(id).copied()
    }

    pub(super) fn agent(&self, place: usize) -> &Agent {
        &self.agents[place]
    }

    /// For everything but the activity, which has an alarm: see [`Roster::set_activity`].
    pub(super) fn agent_mut(&mut self, place: usize) -> &mut Agent {
        &mut self.agents[place]
    }

    /// In the order of their extensions.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.place_by_id.values().map(|place| &self.agents[*place])
    }

    pub(super) fn set_activity(&mut self, place: usize, activity: Activity) {
        let agent = &mut self.agents[place];
        if let Some((at, _)) = agent.deadline() {
            self.alarms.remove(&(at, place));
        }
        agent.activity = activity;
        if let Some((at, _)) = agent.deadline() {
            self.alarms.insert((at, place));
        }
    }

    /// The agent whose state ends first, if that time has come.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        let (at, place) = self.alarms.first()?;
        (*at <= now).then_some(*place)
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let (_, place) = self.alarms.first()?;
        let (at, why) = self.agents[*place].deadline()?;
        Some(Deadline { at, why })
    }
}
