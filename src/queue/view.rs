//! What the API, the console and the metrics show of queues and agents.

use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::queue::agent::Activity;
use crate::queue::agent::Agent;
use crate::queue::agent::AgentId;
use crate::queue::agent::Wish;
use crate::queue::callbacks::Outlook;
use crate::queue::config::StrategyName;
use crate::queue::effect::Refusal;
use crate::queue::effect::WaiterId;
use crate::queue::queues::Queue;
use crate::queue::queues::Queues;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueView {
    pub name: String,
    pub strategy: StrategyName,
    pub waiting: usize,
    pub longest_wait_seconds: u64,
    pub agents: Vec<AgentId>,
    pub signed_in: usize,
    /// Agents who would be rung at once.
    pub free: usize,
    pub talking: usize,
    /// Since the start.
    pub answered: u64,
    /// Callers who hung up, timed out or were sent elsewhere, since the start.
    pub left: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentView {
    pub number: AgentId,
    /// available, ringing, talking, wrap-up, resting, engaged, paused, signed-out, unreachable.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub queues: Vec<String>,
    /// Calls taken since the start.
    pub calls: u64,
    /// Since the last call or refusal; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<Refusal>,
}

/// A queue in a few numbers, cheap enough to be asked for in the middle of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    pub waiting: usize,
    pub signed_in: usize,
    /// Agents who would ring at once.
    pub free: usize,
    /// How long the first in the line has waited.
    pub longest_wait: Duration,
    /// How long whoever joins now will probably wait; none before the first talk, and while nobody is signed in.
    pub estimated_wait: Option<Duration>,
}

impl Queues {
    /// `None` for a queue that does not exist.
    pub fn glance(&self, name: &str, now: Instant) -> Option<Glance> {
        let queue = &self.queues[*self.place_by_name.get(name)?];
        let agents = || queue.agents.iter().map(|agent| self.roster.agent(*agent));
        let waiting = queue.line.len();
        let signed_in = agents().filter(|agent| agent.is_signed_in()).count();
        let free = agents().filter(|agent| agent.is_free()).count();
        let first = queue.line.iter().next().and_then(|waiter| self.waiting_since(waiter));
        Some(Glance {
            waiting,
            signed_in,
            free,
            longest_wait: first.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            estimated_wait: queue.pace.estimate(waiting, signed_in, free),
        })
    }

    /// How a queue stands for those who are to be called back.
    pub fn outlook(&self, name: &str, now: Instant) -> Outlook {
        let Some((glance, place)) = self.glance(name, now).zip(self.place_by_name.get(name)) else {
            return Outlook::default();
        };
        let since = self.queues[*place].line.first_since();
        Outlook {
            signed_in: glance.signed_in,
            free: glance.free,
            longest_wait: since.map(|since| now.saturating_duration_since(since)),
        }
    }

    /// How long somebody in the line will probably wait; none while nobody can tell.
    pub fn estimate_of(&self, waiter: WaiterId, now: Instant) -> Option<Duration> {
        let queue = &self.queues[self.waiters.get(&waiter)?.queue];
        let glance = self.glance(&queue.config.name, now)?;
        queue.pace.estimate(self.position(waiter)? - 1, glance.signed_in, glance.free)
    }

    pub fn view(&self, now: Instant) -> Vec<QueueView> {
        let queues = self.queues.iter().enumerate();
        queues.map(|(place, queue)| self.queue_view(place, queue, now)).collect()
    }

    pub fn agents(&self, now: Instant) -> Vec<AgentView> {
        let agents = self.roster.iter();
        agents.map(|agent| self.agent_view(agent, now)).collect()
    }

    fn queue_view(&self, place: usize, queue: &Queue, now: Instant) -> QueueView {
        let agents: Vec<&Agent> = queue.agents.iter().map(|agent| self.roster.agent(*agent)).collect();
        let count = |test: fn(&Agent) -> bool| agents.iter().filter(|agent| test(agent)).count();
        let longest = queue.line.iter().next();
        let since = longest.and_then(|waiter| self.waiting_since(waiter));
        let in_talk =
            agents.iter().filter(|agent| matches!(agent.activity, Activity::Talking { queue, .. } if queue == place));
        QueueView {
            name: queue.config.name.clone(),
            strategy: queue.config.strategy,
            waiting: queue.line.len(),
            longest_wait_seconds: since.map_or(0, |since| seconds_since(since, now)),
            agents: agents.iter().map(|agent| agent.id.clone()).collect(),
            signed_in: count(Agent::is_signed_in),
            free: count(Agent::is_free),
            talking: in_talk.count(),
            answered: queue.answered,
            left: queue.left,
        }
    }

    fn agent_view(&self, agent: &Agent, now: Instant) -> AgentView {
        let reason = match &agent.wish {
            Wish::Paused { reason } if !reason.is_empty() => Some(reason.clone()),
            _ => None,
        };
        let queues = agent.queues.iter();
        AgentView {
            number: agent.id.clone(),
            state: agent.state_word(),
            reason,
            queues: queues.map(|place| self.queues[*place].config.name.clone()).collect(),
            calls: agent.calls,
            idle_seconds: agent.idle_since.map(|since| seconds_since(since, now)),
            last_refusal: agent.last_refusal,
        }
    }
}

fn seconds_since(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_secs()
}
