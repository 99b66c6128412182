//! The NTP time of our reports (RFC 3550 §4).
//!
//! Read from the wall once and counted on from there: a clock that is set in mid-call would tear every round trip that is
//! being measured.

use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

#[derive(Debug, Clone, Copy)]
pub(super) struct NtpClock {
    origin: Instant,
    /// Seconds since 1900 in the upper half, 1/2^32 s in the lower.
    ntp: u64,
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

impl NtpClock {
    pub(super) fn new(origin: Instant) -> NtpClock {
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        NtpClock { origin, ntp: (passed.as_secs() + NTP_TO_UNIX) << 32 | fraction }
    }

    pub(super) fn at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.origin);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        self.ntp.wrapping_add(passed.as_secs() << 32).wrapping_add(fraction)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_is_two_to_the_thirty_second() {
        let start = Instant::now();
        let clock = NtpClock::new(start);
        let passed = clock.at(start + Duration::from_millis(1_500)) - clock.at(start);
        assert_eq!(passed >> 16, 3 << 15);
        assert!(clock.at(start) >> 32 > 3_900_000_000, "after 2023");
    }
}
