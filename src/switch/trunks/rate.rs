//! How many calls may begin in a second.

use std::time::Duration;
use std::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A bucket that holds one second's calls and fills evenly, told as the time at which it will be full again.
#[derive(Debug)]
pub(super) struct Rate {
    /// Between two calls at full rate.
    gap: Duration,
    full_at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, now: Instant) -> Rate {
        Rate { gap: SECOND / per_second.max(1), full_at: now }
    }

    pub(super) fn has_room(&self, now: Instant) -> bool {
        self.full_at.saturating_duration_since(now) + self.gap <= SECOND
    }

    /// One more call begins; false if none may.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let room = self.has_room(now);
        if room {
            self.full_at = self.full_at.max(now) + self.gap;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_second_s_calls_may_come_at_once_and_then_one_after_the_other() {
        let start = start();
        let mut rate = Rate::new(5, start);
        assert_eq!((0..20).filter(|_| rate.take(start)).count(), 5);
        assert!(!rate.take(start + Duration::from_millis(199)));
        assert!(rate.take(start + Duration::from_millis(200)));
        assert!(!rate.take(start + Duration::from_millis(201)));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..20).filter(|_| rate.take(later)).count(), 5, "what was not used is not saved up");
    }

    #[test]
    fn over_a_long_time_no_more_than_the_rate_begins() {
        let start = start();
        let mut rate = Rate::new(10, start);
        let begun = (0..10_000).filter(|millisecond| rate.take(start + Duration::from_millis(*millisecond))).count();
        assert!((100..=110).contains(&begun), "{begun}");
    }
}
