//! When the next packets of our own are due: one clock for each thread, counted from its start.
//!
//! A frame is 20 ms and the legs of a thread are spread over four slots 5 ms apart, so that a thousand announcements do
//! not leave in one burst. Every instant is computed from the origin, never from the one before: no error adds up.

use std::time::Duration;
use std::time::Instant;

/// A leg belongs to one of these.
pub(super) const SLOTS: usize = 4;

/// From one slot's turn to that of the next.
pub(super) const STEP: Duration = Duration::from_millis(5);

/// A thread that fell further behind (a suspended machine) lets go of what it missed: nobody wants a second of
/// speech in one burst.
const GIVE_UP: u64 = 40;

/// The turn of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick {
    /// Counts steps from the origin.
    pub(super) number: u64,
    pub(super) slot: usize,
    /// When it was due.
    pub(super) at: Instant,
}

/// The clock of a thread and the number of legs in each slot.
#[derive(Debug)]
pub(super) struct Grid {
    origin: Instant,
    /// The first step that has not been served.
    next: u64,
    occupied: [usize; SLOTS],
}

impl Grid {
    pub(super) fn new(origin: Instant) -> Grid {
        Grid { origin, next: 0, occupied: [0; SLOTS] }
    }

    /// Gives a leg the emptiest slot.
    pub(super) fn join(&mut self, now: Instant) -> usize {
        if self.occupied.iter().all(|legs| *legs == 0) {
            self.next = self.first_from(now);
        }
        let slot = (0..SLOTS).min_by_key(|slot| self.occupied[*slot]).unwrap_or(0);
        self.occupied[slot] += 1;
        slot
    }

    pub(super) fn leave(&mut self, slot: usize) {
        self.occupied[slot] -= 1;
    }

    /// The next turn that is due; call until `None`.
    pub(super) fn due(&mut self, now: Instant) -> Option<Tick> {
        let first_ahead = self.first_from(now);
        if self.next + GIVE_UP < first_ahead {
            self.next = first_ahead - GIVE_UP;
        }
        let number = self.next_occupied()?;
        if self.instant(number) > now {
            return None;
        }
        self.next = number + 1;
        Some(Tick { number, slot: slot_of(number), at: self.instant(number) })
    }

    /// When [`Grid::due`] must be asked again; `None` while no leg is in a slot.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next_occupied().map(|number| self.instant(number))
    }

    fn next_occupied(&self) -> Option<u64> {
        (self.next..self.next + SLOTS as u64).find(|number| self.occupied[slot_of(*number)] > 0)
    }

    fn instant(&self, number: u64) -> Instant {
        self.origin + Duration::from_nanos(number * STEP.as_nanos() as u64)
    }

    /// The first step that lies strictly after `now`.
    fn first_from(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.origin).as_nanos() / STEP.as_nanos()) as u64 + 1
    }
}

fn slot_of(number: u64) -> usize {
    (number % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_are_spread_and_each_slot_comes_every_twenty_milliseconds() {
        let start = Instant::now();
        let mut grid = Grid::new(start);
        let slots: Vec<usize> = (0..4).map(|_| grid.join(start)).collect();
        assert_eq!(slots, [0, 1, 2, 3]);
        let served: Vec<Tick> = std::iter::from_fn(|| grid.due(start + Duration::from_millis(42))).collect();
        let at: Vec<u64> = served.iter().map(|tick| (tick.at - start).as_millis() as u64).collect();
        assert_eq!(at, [5, 10, 15, 20, 25, 30, 35, 40]);
        assert_eq!(served[0].slot, served[4].slot);
        assert_eq!(grid.deadline(), Some(start + Duration::from_millis(45)));
    }

    #[test]
    fn an_hour_later_the_grid_has_not_moved() {
        let start = Instant::now();
        let mut grid = Grid::new(start);
        let slot = grid.join(start);
        let mut last = start;
        for late_by in (0..180_000_u64).map(|n| n * 7 % 19) {
            let now = last + Duration::from_millis(20) + Duration::from_micros(late_by * 100);
            while let Some(tick) = grid.due(now) {
                last = tick.at;
                assert_eq!(tick.slot, slot);
            }
        }
        let off_grid = (last - start).as_nanos() % Duration::from_millis(20).as_nanos();
        assert_eq!(off_grid, 0, "slot 0 lies on whole multiples of 20 ms");
    }

    #[test]
    fn empty_slots_wake_nobody_and_a_long_sleep_is_let_go() {
        let start = Instant::now();
        let mut grid = Grid::new(start);
        assert_eq!(grid.deadline(), None);
        let late = start + Duration::from_secs(60);
        let slot = grid.join(late);
        assert_eq!(grid.due(late), None);
        let woken = late + Duration::from_secs(5);
        let missed = std::iter::from_fn(|| grid.due(woken)).count();
        assert_eq!(missed, GIVE_UP as usize / SLOTS);
        grid.leave(slot);
        assert_eq!(grid.deadline(), None);
    }
}
