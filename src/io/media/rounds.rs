//! Whose turn it is to be looked after: each leg about once a second, a few at a time, so that no packet waits behind the
//! reports to a thousand far sides.

use std::ops::Range;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::legs::Place;

/// A round, which meets every place.
const ROUND: Duration = Duration::from_secs(1);

/// Places that are met one after the other; with a report to each that takes some 0.2 ms.
const AT_ONCE: usize = 32;

#[derive(Debug)]
pub(super) struct Rounds {
    next: Instant,
    /// The first place that has not been met in this round.
    from: Place,
}

impl Rounds {
    pub(super) fn new(now: Instant) -> Rounds {
        Rounds { next: now + ROUND, from: 0 }
    }

    /// When [`Rounds::due`] must be asked again.
    pub(super) fn deadline(&self) -> Instant {
        self.next
    }

    /// The places to meet now, of those before `end`; none until the deadline.
    pub(super) fn due(&mut self, end: Place, now: Instant) -> Range<Place> {
        if now < self.next {
            return 0..0;
        }
        let stops = end.div_ceil(AT_ONCE).max(1);
        self.next = now + ROUND / u32::try_from(stops).unwrap_or(u32::MAX);
        let first = if self.from < end { self.from } else { 0 };
        self.from = end.min(first + AT_ONCE);
        first..self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs for as long as is said, and tells how often each place was met and how many at once at most.
    fn walk(end: Place, span: Duration) -> (Vec<usize>, usize) {
        let start = Instant::now();
        let mut rounds = Rounds::new(start);
        let (mut met, mut most) = (vec![0; end], 0);
        while rounds.deadline() <= start + span {
            let places = rounds.due(end, rounds.deadline());
            most = most.max(places.len());
            places.for_each(|place| met[place] += 1);
        }
        (met, most)
    }

    #[test]
    fn each_place_is_met_once_a_second_and_few_at_a_time() {
        for end in [1, 31, 32, 33, 64, 1_000, 4_321] {
            let (met, most) = walk(end, Duration::from_millis(10_500));
            assert!(most <= AT_ONCE, "{most} of {end} at once");
            assert!(met.iter().all(|times| (9..=10).contains(times)), "of {end}: {met:?}");
        }
    }

    #[test]
    fn it_is_nobodys_turn_before_the_deadline_or_where_nobody_is() {
        let start = Instant::now();
        let mut rounds = Rounds::new(start);
        assert_eq!(rounds.due(10, start + ROUND - Duration::from_nanos(1)), 0..0);
        assert_eq!(rounds.due(0, start + ROUND), 0..0);
        assert_eq!(rounds.deadline(), start + ROUND * 2);
    }

    #[test]
    fn who_comes_in_the_middle_of_a_round_is_met_in_it_and_places_that_are_gone_end_it() {
        let start = Instant::now();
        let mut rounds = Rounds::new(start);
        assert_eq!(rounds.due(40, rounds.deadline()), 0..32);
        assert_eq!(rounds.due(70, rounds.deadline()), 32..64);
        assert_eq!(rounds.due(10, rounds.deadline()), 0..10);
        assert_eq!(rounds.deadline() - start, ROUND + ROUND / 2 + ROUND / 3 + ROUND);
    }
}
