//! The agent who has taken the fewest calls since the start; between equals, who has been idle longest.

use crate::queue::strategy::Candidate;
use crate::queue::strategy::Strategy;

#[derive(Debug)]
pub struct FewestCalls;

impl Strategy for FewestCalls {
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize> {
        let fewest = candidates.iter().min_by_key(|agent| (agent.calls, agent.idle_since, agent.place));
        fewest.map(|agent| agent.place).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_taken_count_before_the_order() {
        let agent = |place, calls| Candidate { place, idle_since: None, calls };
        assert_eq!(FewestCalls.pick(&[agent(0, 3), agent(1, 1), agent(2, 1)]), [1]);
    }
}
