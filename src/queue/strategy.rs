//! The contract of a ring strategy: given the free agents, who rings for the caller at the head of the line.

use std::fmt::Debug;
use std::time::Instant;

use crate::queue::config::StrategyName;
use crate::queue::strategies::fewest_calls::FewestCalls;
use crate::queue::strategies::in_order::InOrder;
use crate::queue::strategies::longest_idle::LongestIdle;
use crate::queue::strategies::ring_all::RingAll;
use crate::queue::strategies::round_robin::RoundRobin;

/// A free agent, as far as strategies need to know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Place in the queue's list of agents, from 0.
    pub place: usize,
    /// `None`: no call yet since the start.
    pub idle_since: Option<Instant>,
    pub calls: u64,
}

/// How many agents ring for one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    One,
    EveryFreeAgent,
}

pub trait Strategy: Debug + Send {
    /// Places of those who ring now. `candidates` is never empty and in the order of the configuration.
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize>;

    fn reach(&self) -> Reach {
        Reach::One
    }
}

pub fn named(name: StrategyName) -> Box<dyn Strategy> {
    match name {
        StrategyName::RingAll => Box::new(RingAll),
        StrategyName::LongestIdle => Box::new(LongestIdle),
        StrategyName::RoundRobin => Box::<RoundRobin>::default(),
        StrategyName::FewestCalls => Box::new(FewestCalls),
        StrategyName::InOrder => Box::new(InOrder),
    }
}
