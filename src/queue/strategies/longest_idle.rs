//! The agent whose last call ended longest ago. Who has had none yet comes first.

use crate::queue::strategy::Candidate;
use crate::queue::strategy::Strategy;

#[derive(Debug)]
pub struct LongestIdle;

impl Strategy for LongestIdle {
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize> {
        // `None` sorts before every instant.
        let longest = candidates.iter().min_by_key(|agent| (agent.idle_since, agent.place));
        longest.map(|agent| agent.place).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_a_call_yet_comes_first() {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let start = std::time::Instant::now();
        let agent = |place, idle_since| Candidate { place, idle_since, calls: 0 };
        let rested = agent(0, Some(start));
        let fresh = agent(1, None);
        assert_eq!(LongestIdle.pick(&[rested, fresh]), [1]);
        assert_eq!(LongestIdle.pick(&[rested]), [0]);
    }
}
