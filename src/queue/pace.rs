//! How fast a queue takes care of its callers, and so how long whoever joins will probably wait.

use std::time::Duration;

/// A mean over the last callers, of whom the latest counts for an eighth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// Talk and wrap-up of one caller; none before the first.
    each: Option<Duration>,
}

/// The share of the latest.
const WEIGHT: u32 = 8;

impl Pace {
    /// A talk is over: with its wrap-up it takes so long.
    pub(super) fn on_taken_care_of(&mut self, time: Duration) {
        self.each = Some(match self.each {
            None => time,
            Some(each) => (each * (WEIGHT - 1) + time) / WEIGHT,
        });
    }

    /// The wait of whoever joins behind so many: the line moves on by one caller for each agent in the time of one caller.
    pub(super) fn estimate(self, waiting: usize, signed_in: usize, free: usize) -> Option<Duration> {
        if free > waiting {
            return Some(Duration::ZERO);
        }
        let agents = u32::try_from(signed_in).ok().filter(|agents| *agents > 0)?;
        let ahead = u32::try_from(waiting - free + 1).unwrap_or(u32::MAX);
        Some(self.each?.saturating_mul(ahead) / agents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_free_agent_means_no_wait_and_nobody_signed_in_means_that_nobody_can_tell() {
        let mut pace = Pace::default();
        assert_eq!(pace.estimate(0, 1, 1), Some(Duration::ZERO));
        assert_eq!(pace.estimate(0, 1, 0), None, "no talk was ever seen");
        pace.on_taken_care_of(4 * MINUTE);
        assert_eq!(pace.estimate(0, 2, 0), Some(2 * MINUTE));
        assert_eq!(pace.estimate(4, 2, 0), Some(10 * MINUTE));
        assert_eq!(pace.estimate(4, 0, 0), None);
    }

    #[test]
    fn the_mean_follows_slowly() {
        let mut pace = Pace::default();
        pace.on_taken_care_of(4 * MINUTE);
        pace.on_taken_care_of(12 * MINUTE);
        assert_eq!(pace.estimate(0, 1, 0), Some(5 * MINUTE));
    }
}
