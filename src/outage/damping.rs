//! A channel that falls again and again is believed later each time.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::outage::config::Config;

/// When the channel went down lately, oldest first.
#[derive(Debug, Default)]
pub(super) struct Falls {
    at: VecDeque<Instant>,
}

/// More falls than these make no difference to any wait.
const REMEMBERED: usize = 32;

/// The first fall and one relapse wait the ordinary time.
const ORDINARY: u32 = 2;

impl Falls {
    pub(super) fn push(&mut self, now: Instant) {
        self.at.push_back(now);
        while self.at.len() > REMEMBERED {
            self.at.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Instant> {
        self.at.iter().copied()
    }

    /// How long every layer must be good from now on before `up` is believed.
    pub(super) fn wait(&self, config: &Config, now: Instant) -> Duration {
        let lately = |fall: &&Instant| now.saturating_duration_since(**fall) <= config.flaps_within;
        let falls = u32::try_from(self.at.iter().filter(lately).count()).unwrap_or(u32::MAX);
        let doublings = falls.saturating_sub(ORDINARY).min(20);
        let longest = config.longest_up_after.max(config.up_after);
        config.up_after.saturating_mul(1 << doublings).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_third_fall_on_the_wait_doubles_up_to_its_limit() {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let start = Instant::now();
        let (config, mut falls) = (Config::default(), Falls::default());
        let mut waits = Vec::new();
        for fall in 0..6 {
            let now = start + Duration::from_secs(fall * 60);
            falls.push(now);
            waits.push(falls.wait(&config, now).as_secs() / 60);
        }
        assert_eq!(waits, [15, 15, 30, 60, 60, 60]);
        let next_day = start + Duration::from_secs(24 * 3600);
        assert_eq!(falls.wait(&config, next_day), config.up_after);
    }
}
