//! Every free agent's phone rings; the first to pick up gets the caller.

use crate::queue::strategy::Candidate;
use crate::queue::strategy::Reach;
use crate::queue::strategy::Strategy;

#[derive(Debug)]
pub struct RingAll;

impl Strategy for RingAll {
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize> {
        candidates.iter().map(|candidate| candidate.place).collect()
    }

    fn reach(&self) -> Reach {
        Reach::EveryFreeAgent
    }
}
