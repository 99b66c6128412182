//! The line of one queue: places by order of arrival, and how many stand in front, each in O(log n).
//!
//! Tickets are drawn from one counter for all queues; the line gives its own consecutive slots to them. A Fenwick tree
//! counts the occupied slots; it is built anew when slots have grown to twice the line, and when somebody comes back to a
//! place that he had kept.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Instant;

use crate::queue::effect::WaiterId;

/// Order of arrival over all queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    /// Since when its holder has waited.
    pub(super) since: Instant,
    /// Tells apart those who came at the same moment.
    pub(super) number: u64,
}

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

    /// At the end of the line, or at the place that the ticket says.
    pub(super) fn push(&mut self, ticket: Ticket, waiter: WaiterId) {
        if self.places.last_key_value().is_some_and(|(last, _)| *last > ticket) {
            self.places.insert(ticket, Place { waiter, slot: 0 });
            self.ready.insert(ticket);
            return self.rebuild();
        }
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

    /// Since when the first has waited.
    pub(super) fn first_since(&self) -> Option<Instant> {
        self.places.first_key_value().map(|(ticket, _)| ticket.since)
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

    fn ticket(number: u64) -> Ticket {
        static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let origin = *ORIGIN.get_or_init(Instant::now);
        Ticket { since: origin, number }
    }

    #[test]
    fn positions_stay_right_while_thousands_come_and_go() {
        let mut line = Line::default();
        let mut inside: Vec<u64> = Vec::new();
        let mut rng = fastrand::Rng::with_seed(7);
        for number in 0..5_000_u64 {
            line.push(ticket(number), WaiterId(number));
            inside.push(number);
            while inside.len() > 200 {
                let gone = inside.remove(rng.usize(..inside.len()));
                line.remove(ticket(gone));
            }
            let at = rng.usize(..inside.len());
            assert_eq!(line.position(ticket(inside[at])), Some(at + 1));
        }
        assert_eq!(line.len(), inside.len());
        assert!(line.sums.len() < 1_000, "slots of those who left are freed");
    }

    #[test]
    fn whoever_rings_is_not_ready_but_keeps_the_place() {
        let mut line = Line::default();
        line.push(ticket(1), WaiterId(10));
        line.push(ticket(2), WaiterId(20));
        line.set_ringing(ticket(1));
        assert_eq!(line.first_ready(), Some((ticket(2), WaiterId(20))));
        assert_eq!(line.position(ticket(2)), Some(2));
        line.set_ready(ticket(1));
        assert_eq!(line.first_ready(), Some((ticket(1), WaiterId(10))));
        line.remove(ticket(1));
        line.set_ready(ticket(1));
        assert_eq!(line.first_ready(), Some((ticket(2), WaiterId(20))));
    }

    #[test]
    fn whoever_kept_a_place_comes_back_to_it() {
        let mut line = Line::default();
        [1, 2, 4, 5].into_iter().for_each(|number| line.push(ticket(number), WaiterId(number)));
        line.push(ticket(3), WaiterId(3));
        assert_eq!(
            (1..=5).map(|number| line.position(ticket(number))).collect::<Option<Vec<_>>>().unwrap(),
            [1, 2, 3, 4, 5]
        );
        line.remove(ticket(1));
        line.push(ticket(6), WaiterId(6));
        assert_eq!((line.position(ticket(3)), line.position(ticket(6))), (Some(2), Some(5)));
        assert_eq!(line.iter().collect::<Vec<_>>(), [2, 3, 4, 5, 6].map(WaiterId));
    }
}
