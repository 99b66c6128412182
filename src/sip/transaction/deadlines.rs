//! Which of many machines has to be woken next: one heap, with entries that are forgotten lazily.
//!
//! A machine has at most one valid entry. Moving its deadline backwards in time pushes a second entry; moving it
//! forwards pushes nothing, the machine is looked at when the old entry comes up and is entered anew. So a call that
//! repeats nothing costs one push, and nothing is ever searched for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::BinaryHeap;
use std::time::Instant;

/// The earliest entry that a machine has in the heap, kept by whoever keeps the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sip) struct Armed(Option<Instant>);

/// Deadlines of machines named by `K`.
#[derive(Debug)]
pub(in crate::sip) struct Deadlines<K: Ord> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
}

impl<K: Ord + Copy> Deadlines<K> {
    pub(in crate::sip) fn new() -> Deadlines<K> {
        Deadlines { heap: BinaryHeap::new() }
    }

    /// Makes sure that `key` comes up no later than `deadline`.
    pub(in crate::sip) fn arm(&mut self, key: K, armed: &mut Armed, deadline: Option<Instant>) {
        let Some(at) = deadline else { return };
        if armed.0.is_none_or(|armed| at < armed) {
            armed.0 = Some(at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// When the first entry is due, which may turn out to be stale.
    pub(in crate::sip) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next entry that is due. The machine it names may be gone, or have moved on: see [`Armed::is_at`].
    pub(in crate::sip) fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        match self.next() {
            Some(at) if at <= now => self.heap.pop().map(|Reverse(entry)| entry),
            _ => None,
        }
    }

    /// The first entry.
    pub(in crate::sip) fn first(&self) -> Option<(Instant, K)> {
        self.heap.peek().map(|Reverse(entry)| *entry)
    }

    /// The machine of the first entry is to be woken later, if at all.
    pub(in crate::sip) fn postpone_first(&mut self, armed: &mut Armed, deadline: Option<Instant>) {
        if let Some(Reverse((_, key))) = self.heap.pop() {
            *armed = Armed::default();
            self.arm(key, armed, deadline);
        }
    }

    /// The machine of the first entry is gone, or has an earlier entry.
    pub(in crate::sip) fn forget_first(&mut self) {
        self.heap.pop();
    }

    #[cfg(test)]
    pub(in crate::sip) fn len(&self) -> usize {
        self.heap.len()
    }
}

/// The same for machines that outlive their first deadlines by far and are gone long before their last: an entry stands for
/// what its machine wants now, and goes with it.
#[derive(Debug)]
pub(in crate::sip) struct Alarms<K: Ord> {
    set: BTreeSet<(Instant, K)>,
}

impl<K: Ord + Copy> Alarms<K> {
    pub(in crate::sip) fn new() -> Alarms<K> {
        Alarms { set: BTreeSet::new() }
    }

    /// `key` comes up at `deadline`, whatever was set before; never for `None`.
    pub(in crate::sip) fn arm(&mut self, key: K, armed: &mut Armed, deadline: Option<Instant>) {
        if armed.0 == deadline {
            return;
        }
        self.disarm(key, *armed);
        armed.0 = deadline;
        self.set.extend(deadline.map(|at| (at, key)));
    }

    /// The machine is gone.
    pub(in crate::sip) fn disarm(&mut self, key: K, armed: Armed) {
        if let Some(at) = armed.0 {
            self.set.remove(&(at, key));
        }
    }

    pub(in crate::sip) fn next(&self) -> Option<Instant> {
        self.set.first().map(|(at, _)| *at)
    }

    /// Takes the next entry that is due.
    pub(in crate::sip) fn pop_due(&mut self, now: Instant) -> Option<(Instant, K)> {
        match self.next() {
            Some(at) if at <= now => self.set.pop_first(),
            _ => None,
        }
    }
}

impl Armed {
    /// True if the entry that came up at `at` is the valid one; the machine is then to be armed anew.
    pub(in crate::sip) fn is_at(self, at: Instant) -> bool {
        self.0 == Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;

    #[test]
    fn an_alarm_moves_and_goes_with_its_machine() {
        let now = start();
        let mut alarms = Alarms::new();
        let mut armed = Armed::default();
        alarms.arm(7u64, &mut armed, Some(now + secs(900)));
        alarms.arm(7, &mut armed, Some(now + secs(1)));
        assert_eq!(alarms.next(), Some(now + secs(1)));
        alarms.arm(7, &mut armed, Some(now + secs(5)));
        assert_eq!(alarms.next(), Some(now + secs(5)));
        alarms.arm(7, &mut armed, None);
        assert_eq!(alarms.next(), None);
        alarms.arm(7, &mut armed, Some(now + secs(5)));
        alarms.disarm(7, armed);
        assert_eq!(alarms.next(), None);
    }

    #[test]
    fn a_later_deadline_costs_no_entry_and_an_earlier_one_outruns_the_old() {
        let now = start();
        let mut deadlines = Deadlines::new();
        let mut armed = Armed::default();
        deadlines.arm(7u64, &mut armed, Some(now + secs(5)));
        deadlines.arm(7, &mut armed, Some(now + secs(9)));
        assert_eq!(deadlines.len(), 1);
        deadlines.arm(7, &mut armed, Some(now + secs(1)));
        assert_eq!(deadlines.next(), Some(now + secs(1)));

        assert_eq!(deadlines.pop_due(now), None);
        let (at, key) = deadlines.pop_due(now + secs(1)).unwrap();
        assert_eq!(key, 7);
        assert!(armed.is_at(at));
        armed = Armed::default();
        let (stale, _) = deadlines.pop_due(now + secs(5)).unwrap();
        assert!(!armed.is_at(stale));
        assert_eq!(deadlines.next(), None);
    }
}
