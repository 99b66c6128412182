//! Whose time runs out next. A phone that registers again in time costs nothing here: its old entry comes up, is found to
//! be early, and is entered anew.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

/// Entries in order of time; those that are not their binding's own any more are left in until they come up.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    heap: BinaryHeap<Reverse<(Instant, u64, Arc<str>)>>,
}

impl Expiries {
    pub(super) fn push(&mut self, at: Instant, extension: Arc<str>, serial: u64) {
        self.heap.push(Reverse((at, serial, extension)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// When it was due, and the extension and serial number of the next binding to look at.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, Arc<str>, u64)> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        self.heap.pop().map(|Reverse((at, serial, extension))| (at, extension, serial))
    }

    pub(super) fn retain(&mut self, counts: impl Fn(Instant, &Arc<str>, u64) -> bool) {
        self.heap.retain(|Reverse((at, serial, extension))| counts(*at, extension, *serial));
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
