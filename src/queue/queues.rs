//! The machine: callers join and leave, agents come, answer, refuse and rest; after each step callers and agents are matched.
//!
//! What grows with the number of waiting callers is a tree, so every step costs its logarithm. The agents of one queue are
//! looked at one by one; they are few. Who rings for whom is decided in [`crate::queue::matching`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Instant;

use crate::queue::agent::Activity;
use crate::queue::agent::AgentError;
use crate::queue::agent::AgentId;
use crate::queue::agent::Elsewhere;
use crate::queue::agent::Reachability;
use crate::queue::agent::Wish;
use crate::queue::config::Config;
use crate::queue::effect::Answer;
use crate::queue::effect::Deadline;
use crate::queue::effect::Effect;
use crate::queue::effect::JoinError;
use crate::queue::effect::Refusal;
use crate::queue::effect::Silenced;
use crate::queue::effect::WaiterId;
use crate::queue::line::Line;
use crate::queue::line::Ticket;
use crate::queue::pace::Pace;
use crate::queue::roster::Roster;
use crate::queue::strategy;
use crate::queue::strategy::Strategy;

#[derive(Debug)]
pub struct Queues {
    pub(super) queues: Vec<Queue>,
    pub(super) place_by_name: BTreeMap<String, usize>,
    pub(super) roster: Roster,
    pub(super) waiters: BTreeMap<WaiterId, Waiter>,
    next_ticket: u64,
    pub(super) effects: VecDeque<Effect>,
    /// Something has changed since somebody asked.
    pub(super) touched: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) config: Config,
    /// Places in the roster, in the order of the configuration.
    pub(super) agents: Vec<usize>,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) line: Line,
    pub(super) pace: Pace,
    pub(super) answered: u64,
    pub(super) left: u64,
}

/// A caller who waits, until answered.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) queue: usize,
    pub(super) ticket: Ticket,
    since: Instant,
    /// Agents whose phones ring for this caller.
    pub(super) ringing: BTreeSet<usize>,
    /// Agents who refused in this round.
    pub(super) tried: BTreeSet<usize>,
    /// The position the caller was told last.
    told: usize,
}

/// Queues whose callers and agents may have to be matched anew.
pub(super) type Touched = BTreeSet<usize>;

/// Callers beyond this position are not told of each step: that would cost as many effects as callers.
const TOLD_POSITIONS: usize = 10;

impl Queues {
    pub fn new(configs: Vec<Config>) -> Queues {
        let mut roster = Roster::default();
        let mut place_by_name = BTreeMap::new();
        let mut queues = Vec::with_capacity(configs.len());
        for (place, config) in configs.into_iter().enumerate() {
            place_by_name.insert(config.name.clone(), place);
            queues.push(Queue::new(config, place, &mut roster));
        }
        Queues {
            queues,
            place_by_name,
            roster,
            waiters: BTreeMap::new(),
            next_ticket: 0,
            effects: VecDeque::new(),
            touched: true,
        }
    }

    /// The caller's position, from 1. Whoever waits elsewhere leaves there first.
    pub fn join(&mut self, queue: &str, waiter: WaiterId, now: Instant) -> Result<usize, JoinError> {
        self.join_at(queue, waiter, now, now)
    }

    /// As [`Queues::join`], before all who have waited less long than `since`: somebody comes back to his place.
    pub fn join_at(&mut self, queue: &str, waiter: WaiterId, since: Instant, now: Instant) -> Result<usize, JoinError> {
        let place = self.admitting_queue(queue)?;
        self.leave(waiter, now);
        let ticket = Ticket { since, number: self.next_ticket };
        self.next_ticket += 1;
        let line = &mut self.queues[place].line;
        line.push(ticket, waiter);
        let position = line.position(ticket).unwrap_or(line.len());
        self.waiters.insert(waiter, Waiter::new(place, ticket, position, now));
        self.settle(&Touched::from([place]), now);
        Ok(position)
    }

    /// Hung up, timed out or moved on. A caller who is already talking is no longer known here.
    pub fn leave(&mut self, waiter: WaiterId, now: Instant) {
        let Some(gone) = self.waiters.get(&waiter) else {
            return;
        };
        self.queues[gone.queue].left += 1;
        let touched = self.take_out_of_line(waiter, None, Silenced::Withdrawn);
        self.settle(&touched, now);
    }

    /// Somebody whom the queue did not ring took this caller.
    pub fn on_picked_up(&mut self, waiter: WaiterId, now: Instant) {
        let Some(gone) = self.waiters.get(&waiter) else {
            return;
        };
        self.queues[gone.queue].answered += 1;
        let touched = self.take_out_of_line(waiter, None, Silenced::AnsweredElsewhere);
        self.settle(&touched, now);
    }

    /// An agent who becomes unreachable stops ringing; a talk goes on.
    pub fn on_reachable(&mut self, agent: &AgentId, reach: Reachability, now: Instant) {
        if let Some(place) = self.roster.place_of(agent) {
            self.roster.agent_mut(place).reach = reach;
            self.review(place, now);
        }
    }

    /// The agent picked up.
    pub fn on_answered(&mut self, waiter: WaiterId, agent: &AgentId, now: Instant) -> Answer {
        let Some((place, queue)) = self.ringing_pair(waiter, agent) else {
            return Answer::TooLate;
        };
        let touched = self.take_out_of_line(waiter, Some(place), Silenced::AnsweredElsewhere);
        self.roster.set_activity(place, Activity::Talking { queue, since: now });
        self.roster.agent_mut(place).calls += 1;
        self.queues[queue].answered += 1;
        self.settle(&touched, now);
        Answer::Taken
    }

    /// The agent's phone will not be picked up. The caller keeps the place and the next agent is tried.
    pub fn on_refused(&mut self, waiter: WaiterId, agent: &AgentId, refusal: Refusal, now: Instant) {
        if let Some((place, queue)) = self.ringing_pair(waiter, agent) {
            self.roster.agent_mut(place).last_refusal = Some(refusal);
            self.refuse(waiter, place, queue, now);
            self.settle(&Touched::from([queue]), now);
        }
    }

    /// The talk with a caller from a queue is over, whoever ended it.
    pub fn on_talk_ended(&mut self, agent: &AgentId, now: Instant) {
        let Some(place) = self.roster.place_of(agent) else {
            return;
        };
        let Activity::Talking { queue, since } = self.roster.agent(place).activity else {
            return;
        };
        let until = now + self.queues[queue].config.wrap_up;
        self.queues[queue].pace.on_taken_care_of(until.saturating_duration_since(since));
        let next = if until > now { Activity::WrapUp { until } } else { Activity::Idle };
        self.roster.agent_mut(place).idle_since = Some(now);
        self.roster.set_activity(place, next);
        self.review(place, now);
    }

    /// The agent is in a call that does not come from a queue. Telling it twice changes nothing.
    pub fn on_engaged(&mut self, agent: &AgentId, now: Instant) {
        if let Some(place) = self.roster.place_of(agent) {
            self.roster.agent_mut(place).elsewhere = Elsewhere::Engaged;
            self.review(place, now);
        }
    }

    /// The agent is in no such call any more.
    pub fn on_free(&mut self, agent: &AgentId, now: Instant) {
        if let Some(place) = self.roster.place_of(agent) {
            let agent = self.roster.agent_mut(place);
            if agent.elsewhere == Elsewhere::Engaged {
                agent.elsewhere = Elsewhere::Free;
                agent.idle_since = Some(now);
            }
            self.review(place, now);
        }
    }

    /// What the agent wants holds until they want something else; a running talk is not touched.
    pub fn set_state(&mut self, agent: &AgentId, wish: Wish, now: Instant) -> Result<(), AgentError> {
        let place = self.roster.place_of(agent).ok_or_else(|| AgentError::Unknown { agent: agent.to_string() })?;
        self.roster.agent_mut(place).wish = wish;
        self.review(place, now);
        Ok(())
    }

    /// From 1; `None` once the caller talks or has left.
    pub fn position(&self, waiter: WaiterId) -> Option<usize> {
        let known = self.waiters.get(&waiter)?;
        self.queues[known.queue].line.position(known.ticket)
    }

    /// `None` for a queue that does not exist.
    pub fn waiting(&self, queue: &str) -> Option<usize> {
        let place = self.place_by_name.get(queue)?;
        Some(self.queues[*place].line.len())
    }

    /// Whether anybody has come or gone, or an agent has become free, since this was asked last.
    pub fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.roster.deadline()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let mut touched = Touched::new();
        while let Some(place) = self.roster.due(now) {
            touched.extend(&self.roster.agent(place).queues);
            match self.roster.agent(place).activity {
                Activity::Ringing { waiter, queue, .. } => {
                    self.stop_ringing(waiter, place, Silenced::NoAnswer);
                    self.roster.agent_mut(place).last_refusal = Some(Refusal::NoAnswer);
                    self.refuse(waiter, place, queue, now);
                }
                _ => self.roster.set_activity(place, Activity::Idle),
            }
        }
        self.settle(&touched, now);
    }

    pub(super) fn waiting_since(&self, waiter: WaiterId) -> Option<Instant> {
        self.waiters.get(&waiter).map(|known| known.since)
    }

    fn admitting_queue(&self, name: &str) -> Result<usize, JoinError> {
        let unknown = || JoinError::Unknown { queue: name.to_owned() };
        let place = *self.place_by_name.get(name).ok_or_else(unknown)?;
        let queue = &self.queues[place];
        let waiting = queue.line.len();
        if waiting >= queue.config.max_waiting {
            return Err(JoinError::Full { waiting });
        }
        let mut agents = queue.agents.iter();
        match agents.any(|agent| self.roster.agent(*agent).is_signed_in()) {
            true => Ok(place),
            false => Err(JoinError::NobodySignedIn),
        }
    }

    /// The agent's place and the queue they ring for, if they ring for this caller.
    fn ringing_pair(&self, waiter: WaiterId, agent: &AgentId) -> Option<(usize, usize)> {
        let place = self.roster.place_of(agent)?;
        match self.roster.agent(place).activity {
            Activity::Ringing { waiter: rung, queue, .. } if rung == waiter => Some((place, queue)),
            _ => None,
        }
    }

    /// After anything that decides whether an agent may be rung: withdraws a ringing that may not go on, and matches.
    fn review(&mut self, place: usize, now: Instant) {
        let agent = self.roster.agent(place);
        let mut touched = agent.queues.clone();
        if let (Activity::Ringing { waiter, queue, .. }, false) = (agent.activity, agent.may_be_rung()) {
            self.stop_ringing(waiter, place, Silenced::Withdrawn);
            self.roster.set_activity(place, Activity::Idle);
            self.forget_ringing(waiter, place);
            touched.insert(queue);
        }
        self.settle(&touched, now);
    }

    /// The agent rests, and this round of the caller goes on without them. Refusing counts as having been busy:
    /// otherwise the longest idle would be the one who never answers.
    fn refuse(&mut self, waiter: WaiterId, place: usize, queue: usize, now: Instant) {
        let until = now + self.queues[queue].config.rest_after_refusal();
        self.roster.agent_mut(place).idle_since = Some(now);
        self.roster.set_activity(place, Activity::Resting { until });
        if let Some(known) = self.waiters.get_mut(&waiter) {
            known.tried.insert(place);
        }
        self.forget_ringing(waiter, place);
    }

    /// The caller is ready for another agent once nobody rings any more.
    fn forget_ringing(&mut self, waiter: WaiterId, place: usize) {
        if let Some(known) = self.waiters.get_mut(&waiter) {
            known.ringing.remove(&place);
            if known.ringing.is_empty() {
                self.queues[known.queue].line.set_ready(known.ticket);
            }
        }
    }

    fn stop_ringing(&mut self, waiter: WaiterId, place: usize, why: Silenced) {
        let agent = self.roster.agent(place).id.clone();
        self.effects.push_back(Effect::StopRinging { waiter, agent, why });
    }

    /// Removes a caller and silences everybody who rings for them, but for the one who `answered`.
    fn take_out_of_line(&mut self, waiter: WaiterId, answered: Option<usize>, why: Silenced) -> Touched {
        let mut touched = Touched::new();
        let Some(gone) = self.waiters.remove(&waiter) else {
            return touched;
        };
        self.queues[gone.queue].line.remove(gone.ticket);
        for place in gone.ringing {
            if Some(place) != answered {
                self.stop_ringing(waiter, place, why);
                self.roster.set_activity(place, Activity::Idle);
                touched.extend(&self.roster.agent(place).queues);
            }
        }
        self.tell_positions(gone.queue);
        touched
    }

    fn tell_positions(&mut self, queue: usize) {
        let first = self.queues[queue].line.iter().take(TOLD_POSITIONS);
        for (index, waiter) in first.enumerate() {
            let position = index + 1;
            let known = self.waiters.get_mut(&waiter).expect("whoever stands in a line is a waiter");
            if known.told != position {
                known.told = position;
                self.effects.push_back(Effect::Position { waiter, position });
            }
        }
    }
}

impl Queue {
    fn new(config: Config, place: usize, roster: &mut Roster) -> Queue {
        let mut agents = Vec::with_capacity(config.agents.len());
        for id in &config.agents {
            let agent = roster.enlist(id, place);
            if !agents.contains(&agent) {
                agents.push(agent);
            }
        }
        Queue {
            agents,
            strategy: strategy::named(config.strategy),
            line: Line::default(),
            pace: Pace::default(),
            answered: 0,
            left: 0,
            config,
        }
    }
}

impl Waiter {
    fn new(queue: usize, ticket: Ticket, told: usize, since: Instant) -> Waiter {
        Waiter { queue, ticket, since, ringing: BTreeSet::new(), tried: BTreeSet::new(), told }
    }
}
