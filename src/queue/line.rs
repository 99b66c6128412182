//! The line of one queue: places by order of arrival, and how many stand in front, each in O(log n).
//!
//! Tickets are drawn from one counter for all queues and only grow; the line gives its own consecutive slots to them.
//! A Fenwick tree counts the occupied slots; it is built anew when slots have grown to twice the line.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::queue::effect::WaiterId;

/// Order of arrival over all queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(pub(super) u64);

#[derive(Debug, Default)]
pub(super) struct Line {
    places: BTreeMap<Ticket, Place>,
    /// Those who are not being rung for.
    ready: BTreeSet<Ticket>,
    next_slot: usize,
    /// Fenwick sums, index 0 unused.
    sums: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    waiter: WaiterId,
    slot: usize,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// At the end of the line; tickets must come in rising order.
    pub(super) fn push(&mut self, ticket: Ticket, waiter: WaiterId) {
        if self.next_slot + 1 >= self.sums.len() {
            self.rebuild();
        }
        let slot = self.next_slot;
        self.next_slot += 1;
        self.places.insert(ticket, Place { waiter, slot });
        self.ready.insert(ticket);
        self.add(slot, Change::Occupied);
    }

    pub(super) fn remove(&mut self, ticket: Ticket) {
        if let Some(place) = self.places.remove(&ticket) {
            self.ready.remove(&ticket);
            self.add(place.slot, Change::Vacated);
        }
    }

    /// From 1.
    pub(super) fn position(&self, ticket: Ticket) -> Option<usize> {
        let place = self.places.get(&ticket)?;
        let mut index = place.slot + 1;
        let mut sum = 0;
        while index > 0 {
            sum += self.sums[index] as usize;
            index &= index - 1;
        }
        Some(sum)
    }

    /// The longest waiting caller for whom nobody's phone rings.
    pub(super) fn first_ready(&self) -> Option<(Ticket, WaiterId)> {
        let ticket = *self.ready.first()?;
        Some((ticket, self.places[&ticket].waiter))
    }

    pub(super) fn set_ready(&mut self, ticket: Ticket) {
        if self.places.contains_key(&ticket) {
            self.ready.insert(ticket);
        }
    }

    pub(super) fn set_ringing(&mut self, ticket: Ticket) {
        self.ready.remove(&ticket);
    }

    /// In order of arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = WaiterId> {
        self.places.values().map(|place| place.waiter)
    }

    fn rebuild(&mut self) {
        self.sums = vec![0; (self.places.len() * 2).max(64) + 1];
        self.next_slot = 0;
        for place in self.places.values_mut() {
            place.slot = self.next_slot;
            self.next_slot += 1;
        }
        for slot in 0..self.next_slot {
            self.add(slot, Change::Occupied);
        }
    }

    fn add(&mut self, slot: usize, change: Change) {
        let mut index = slot + 1;
        while index < self.sums.len() {
            match change {
                Change::Occupied => self.sums[index] += 1,
                Change::Vacated => self.sums[index] -= 1,
            }
            index += index & index.wrapping_neg();
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Occupied,
    Vacated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_stay_right_while_thousands_come_and_go() {
        let mut line = Line::default();
        let mut inside: Vec<u64> = Vec::new();
        let mut rng = fastrand::Rng::with_seed(7);
        for ticket in 0..5_000_u64 {
            line.push(Ticket(ticket), WaiterId(ticket));
            inside.push(ticket);
            while inside.len() > 200 {
                let gone = inside.remove(rng.usize(..inside.len()));
                line.remove(Ticket(gone));
            }
            let at = rng.usize(..inside.len());
            assert_eq!(line.position(Ticket(inside[at])), Some(at + 1));
        }
        assert_eq!(line.len(), inside.len());
        assert!(line.sums.len() < 1_000, "slots of those who left are freed");
    }

    #[test]
    fn whoever_rings_is_not_ready_but_keeps_the_place() {
        let mut line = Line::default();
        line.push(Ticket(1), WaiterId(10));
        line.push(Ticket(2), WaiterId(20));
        line.set_ringing(Ticket(1));
        assert_eq!(line.first_ready(), Some((Ticket(2), WaiterId(20))));
        assert_eq!(line.position(Ticket(2)), Some(2));
        line.set_ready(Ticket(1));
        assert_eq!(line.first_ready(), Some((Ticket(1), WaiterId(10))));
        line.remove(Ticket(1));
        line.set_ready(Ticket(1));
        assert_eq!(line.first_ready(), Some((Ticket(2), WaiterId(20))));
    }
}
