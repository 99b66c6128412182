//! Who rings for whom: the longest waiting caller first, the agent whom the queue's strategy picks.

use std::time::Instant;

use crate::queue::agent::Activity;
use crate::queue::effect::Effect;
use crate::queue::effect::WaiterId;
use crate::queue::queues::Queues;
use crate::queue::queues::Touched;
use crate::queue::strategy::Candidate;
use crate::queue::strategy::Reach;

impl Queues {
    /// Matches callers and agents until nobody waits while an agent of theirs is free.
    pub(super) fn settle(&mut self, touched: &Touched, now: Instant) {
        self.touched = true;
        while let Some((queue, waiter)) = self.next_to_be_served(touched) {
            self.ring_for(queue, waiter, now);
        }
        for queue in touched {
            self.join_the_ringing(*queue, now);
        }
    }

    /// The longest waiting caller of these queues who can be served.
    fn next_to_be_served(&self, touched: &Touched) -> Option<(usize, WaiterId)> {
        let heads = touched.iter().filter_map(|place| {
            let (ticket, waiter) = self.queues[*place].line.first_ready()?;
            self.has_free_agent(*place).then_some((ticket, *place, waiter))
        });
        let (_, place, waiter) = heads.min_by_key(|(ticket, ..)| *ticket)?;
        Some((place, waiter))
    }

    fn has_free_agent(&self, queue: usize) -> bool {
        let mut agents = self.queues[queue].agents.iter();
        agents.any(|agent| self.roster.agent(*agent).is_free())
    }

    fn ring_for(&mut self, queue: usize, waiter: WaiterId, now: Instant) {
        let free = self.candidates(queue);
        let known = self.waiters.get_mut(&waiter).expect("whoever stands in a line is a waiter");
        let members = &self.queues[queue].agents;
        let mut fresh = free.clone();
        fresh.retain(|agent| !known.tried.contains(&members[agent.place]));
        if fresh.is_empty() {
            // Everybody who could answer has refused: the round begins again.
            known.tried.clear();
            fresh = free;
        }
        self.queues[queue].line.set_ringing(known.ticket);
        for member in self.queues[queue].strategy.pick(&fresh) {
            let place = self.queues[queue].agents[member];
            self.ring(queue, waiter, place, now);
        }
    }

    /// Where everybody rings, an agent who becomes free joins in for the first caller they have not yet refused.
    fn join_the_ringing(&mut self, queue: usize, now: Instant) {
        if self.queues[queue].strategy.reach() == Reach::One {
            return;
        }
        for candidate in self.candidates(queue) {
            let place = self.queues[queue].agents[candidate.place];
            let caller = self.caller_not_refused_by(queue, place);
            if let Some(waiter) = caller {
                self.ring(queue, waiter, place, now);
            }
        }
    }

    fn caller_not_refused_by(&self, queue: usize, agent: usize) -> Option<WaiterId> {
        self.queues[queue].line.iter().find(|waiter| {
            let known = self.waiters.get(waiter);
            known.is_some_and(|known| !known.tried.contains(&agent))
        })
    }

    fn candidates(&self, queue: usize) -> Vec<Candidate> {
        let members = self.queues[queue].agents.iter().enumerate();
        let free = members.filter_map(|(place, agent)| {
            let agent = self.roster.agent(*agent);
            agent.is_free().then_some(Candidate { place, idle_since: agent.idle_since, calls: agent.calls })
        });
        free.collect()
    }

    fn ring(&mut self, queue: usize, waiter: WaiterId, place: usize, now: Instant) {
        let config = &self.queues[queue].config;
        let until = now + config.ring_for;
        let effect = Effect::Ring { waiter, agent: self.roster.agent(place).id.clone(), queue: config.name.clone() };
        self.effects.push_back(effect);
        let ringing = Activity::Ringing { waiter, queue, until };
        self.roster.set_activity(place, ringing);
        if let Some(known) = self.waiters.get_mut(&waiter) {
            known.ringing.insert(place);
        }
    }
}
