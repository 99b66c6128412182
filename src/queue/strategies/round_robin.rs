//! One after the other down the list, and from the top again; remembers who was rung last.

use crate::queue::strategy::Candidate;
use crate::queue::strategy::Strategy;

#[derive(Debug, Default)]
pub struct RoundRobin {
    /// The place after the one rung last.
    next: usize,
}

impl Strategy for RoundRobin {
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize> {
        let following = candidates.iter().find(|agent| agent.place >= self.next);
        let picked = following.or(candidates.first()).map(|agent| agent.place);
        if let Some(place) = picked {
            self.next = place + 1;
        }
        picked.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_skips_who_is_not_free_and_starts_again() {
        let agent = |place| Candidate { place, idle_since: None, calls: 0 };
        let mut round = RoundRobin::default();
        assert_eq!(round.pick(&[agent(0), agent(1), agent(2)]), [0]);
        assert_eq!(round.pick(&[agent(0), agent(2)]), [2]);
        assert_eq!(round.pick(&[agent(0), agent(1)]), [0]);
    }
}
