//! What holds whatever callers and agents do, in any order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use proptest::prelude::*;

use crate::queue::agent::AgentId;
use crate::queue::agent::Reachability;
use crate::queue::agent::Wish;
use crate::queue::config::Config;
use crate::queue::config::StrategyName;
use crate::queue::effect::Answer;
use crate::queue::effect::Effect;
use crate::queue::effect::Refusal;
use crate::queue::effect::WaiterId;
use crate::queue::queues::Queues;

const AGENTS: [&str; 5] = ["200", "201", "202", "203", "204"];
const QUEUES: [&str; 3] = ["vendas", "suporte", "geral"];

/// Indices are taken modulo what exists.
#[derive(Debug, Clone)]
enum Step {
    Join(usize),
    Leave(usize),
    Reach(usize, bool),
    Wish(usize, u8),
    Engaged(usize, bool),
    /// The n-th phone that rings is picked up, or refused.
    PickUp(usize),
    Refuse(usize),
    EndTalk(usize),
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<usize>().prop_map(Step::Join),
        2 => any::<usize>().prop_map(Step::Leave),
        3 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(at, up)| Step::Reach(at, up)),
        1 => (any::<usize>(), 0..4_u8).prop_map(|(at, wish)| Step::Wish(at, wish)),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, on)| Step::Engaged(at, on)),
        3 => any::<usize>().prop_map(Step::PickUp),
        2 => any::<usize>().prop_map(Step::Refuse),
        3 => any::<usize>().prop_map(Step::EndTalk),
        3 => (0..30_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn callers_and_agents_are_matched_one_to_one_and_nobody_waits_for_nothing(
        steps in prop::collection::vec(any_step(), 1..150)
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(&step);
            world.check();
        }
        world.everybody_leaves();
    }
}

/// The machine, and what a switch would believe from its effects alone.
struct World {
    queues: Queues,
    now: Instant,
    next_waiter: u64,
    waiting: BTreeSet<WaiterId>,
    ringing: BTreeSet<(AgentId, WaiterId)>,
    ring_all: BTreeSet<WaiterId>,
    talking: BTreeSet<AgentId>,
    positions: BTreeMap<WaiterId, usize>,
}

impl World {
    fn new() -> World {
        let queue =
            |name: &str, agents: &[&str], strategy| Config { strategy, max_waiting: 12, ..Config::named(name, agents) };
        let configs = vec![
            queue(QUEUES[0], &AGENTS[..3], StrategyName::LongestIdle),
            queue(QUEUES[1], &AGENTS[1..], StrategyName::RingAll),
            queue(QUEUES[2], &AGENTS, StrategyName::RoundRobin),
        ];
        World {
            queues: Queues::new(configs),
            now: start(),
            next_waiter: 0,
            waiting: BTreeSet::new(),
            ringing: BTreeSet::new(),
            ring_all: BTreeSet::new(),
            talking: BTreeSet::new(),
            positions: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Join(at) => self.join(QUEUES[at % QUEUES.len()]),
            Step::Leave(at) => {
                if let Some(waiter) = nth(&self.waiting, at) {
                    self.leave(waiter);
                }
            }
            Step::Reach(at, up) => {
                let reach = if up { Reachability::Registered } else { Reachability::Unregistered };
                self.queues.on_reachable(&agent(at), reach, now);
            }
            Step::Wish(at, wish) => {
                let wish = match wish {
                    0 => Wish::SignedOut,
                    1 => Wish::Paused { reason: String::new() },
                    _ => Wish::Available,
                };
                self.queues.set_state(&agent(at), wish, now).unwrap();
            }
            Step::Engaged(at, true) => self.queues.on_engaged(&agent(at), now),
            Step::Engaged(at, false) => self.queues.on_free(&agent(at), now),
            Step::PickUp(at) => self.pick_up(at),
            Step::Refuse(at) => {
                if let Some((agent, waiter)) = nth(&self.ringing, at) {
                    self.ringing.remove(&(agent.clone(), waiter));
                    self.queues.on_refused(waiter, &agent, Refusal::Declined, now);
                }
            }
            Step::EndTalk(at) => {
                if let Some(agent) = nth(&self.talking, at) {
                    self.talking.remove(&agent);
                    self.queues.on_talk_ended(&agent, now);
                }
            }
            Step::Pass(millis) => self.pass(Duration::from_millis(millis)),
        }
        self.hear();
    }

    fn join(&mut self, queue: &str) {
        let waiter = WaiterId(self.next_waiter);
        self.next_waiter += 1;
        if let Ok(position) = self.queues.join(queue, waiter, self.now) {
            self.waiting.insert(waiter);
            self.positions.insert(waiter, position);
            if queue == QUEUES[1] {
                self.ring_all.insert(waiter);
            }
        }
    }

    fn leave(&mut self, waiter: WaiterId) {
        self.waiting.remove(&waiter);
        self.queues.leave(waiter, self.now);
        self.hear();
    }

    fn pick_up(&mut self, at: usize) {
        if let Some((agent, waiter)) = nth(&self.ringing, at) {
            let answer = self.queues.on_answered(waiter, &agent, self.now);
            assert_eq!(answer, Answer::Taken, "{agent} for {waiter:?}");
            self.ringing.remove(&(agent.clone(), waiter));
            self.waiting.remove(&waiter);
            self.talking.insert(agent);
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.queues.poll_timeout().filter(|due| due.at <= end) {
            assert!(deadline.at >= self.now, "deadlines are kept: {deadline:?}");
            self.now = deadline.at;
            self.queues.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn hear(&mut self) {
        while let Some(effect) = self.queues.poll_effect() {
            match effect {
                Effect::Ring { waiter, agent, .. } => {
                    assert!(self.ringing.insert((agent, waiter)), "rung twice");
                }
                Effect::StopRinging { waiter, agent, .. } => {
                    assert!(self.ringing.remove(&(agent, waiter)), "was not ringing");
                }
                Effect::Position { waiter, position } => {
                    self.positions.insert(waiter, position);
                }
            }
        }
    }

    fn check(&self) {
        let agents: BTreeSet<&AgentId> = self.ringing.iter().map(|(agent, _)| agent).collect();
        assert_eq!(agents.len(), self.ringing.len(), "an agent rings for two callers");
        assert!(agents.iter().all(|agent| !self.talking.contains(*agent)), "an agent rings in a talk");
        for waiter in &self.waiting {
            let rung = self.ringing.iter().filter(|(_, rung)| rung == waiter).count();
            assert!(rung <= 1 || self.ring_all.contains(waiter), "{waiter:?} rings at {rung} agents");
        }
        assert!(
            self.ringing.iter().all(|(_, waiter)| self.waiting.contains(waiter)),
            "somebody rings for a caller who has gone"
        );
        self.check_nobody_waits_for_nothing();
        self.check_positions();
    }

    fn check_nobody_waits_for_nothing(&self) {
        for view in self.queues.view(self.now) {
            let unserved = self
                .queues
                .queues
                .iter()
                .find(|queue| queue.config.name == view.name && queue.line.first_ready().is_some());
            assert!(
                unserved.is_none() || view.free == 0,
                "a caller of {} waits while {} agents are free",
                view.name,
                view.free
            );
        }
    }

    fn check_positions(&self) {
        for waiter in &self.waiting {
            let position = self.queues.position(*waiter).unwrap();
            if position <= 10 {
                assert_eq!(self.positions[waiter], position, "{waiter:?} was not told");
            }
        }
    }

    fn everybody_leaves(&mut self) {
        while let Some(waiter) = nth(&self.waiting, 0) {
            self.leave(waiter);
        }
        while let Some(agent) = nth(&self.talking, 0) {
            self.talking.remove(&agent);
            self.queues.on_talk_ended(&agent, self.now);
        }
        self.pass(Duration::from_secs(60));
        self.hear();
        assert!(self.ringing.is_empty(), "somebody still rings");
        assert!(self.queues.poll_timeout().is_none(), "a deadline is left");
        assert!(self.queues.view(self.now).iter().all(|queue| queue.waiting == 0 && queue.talking == 0));
        assert!(self.queues.waiters.is_empty());
    }
}

fn nth<T: Clone>(set: &BTreeSet<T>, at: usize) -> Option<T> {
    set.iter().nth(at % set.len().max(1)).cloned()
}

fn agent(at: usize) -> AgentId {
    AgentId(AGENTS[at % AGENTS.len()].to_owned())
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
