//! Always the first free agent of the list; the others help out.

use crate::queue::strategy::Candidate;
use crate::queue::strategy::Strategy;

#[derive(Debug)]
pub struct InOrder;

impl Strategy for InOrder {
    fn pick(&mut self, candidates: &[Candidate]) -> Vec<usize> {
        candidates.first().map(|first| first.place).into_iter().collect()
    }
}
