//! How long to wait for packets, learned from how late they come.
//!
//! Two things are measured. The floor is the transit time of the quickest packets of the last seconds: the best that the
//! way can do. It follows the drift between the far side's clock and ours, for each few seconds it is found anew. Above
//! it, a histogram of lateness with a short memory says which wait catches all but a few packets in a hundred. A packet
//! that came too late weighs four times as much as others: the wait grows at once and shrinks over seconds.

use std::time::Duration;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Delay {
    clock_rate: u32,
    /// Where our clock begins; a tick on it is as long as one of the far side's timestamps.
    origin: Instant,
    /// Transit times carry an unknown constant and wrap around; only their differences mean something.
    floor: u32,
    /// The lowest transit since `window`, on our clock, began.
    lowest: u32,
    window: u32,
    /// Of lateness, in steps of [`STEP_MS`]; together [`WHOLE`].
    bins: [u32; BINS],
    drift: Option<Drift>,
}

/// The first floor that was measured over a whole window, and the latest.
#[derive(Debug, Clone, Copy)]
struct Drift {
    first: (u32, u32),
    last: (u32, u32),
}

const STEP_MS: u32 = 10;
const BINS: usize = 32;
const WHOLE: u32 = 1 << 24;

/// So much of the histogram may lie beyond the wait: one in forty.
const BEYOND: u32 = WHOLE / 40;

/// The longest wait, in steps: conversation suffers more from delay than from loss beyond that.
const LONGEST: usize = 24;

/// Before anything is known: 20 ms.
const FIRST: usize = 1;

/// The floor is found anew this often, in seconds.
const WINDOW: u32 = 4;

/// A transit this much longer than the floor, in parts of a second, is another line of timestamps and no lateness.
const LEAP: u32 = 2;

/// A drift is told when it was measured over this many seconds.
const DRIFT_AFTER: u32 = 20;

impl Delay {
    pub(super) fn new(clock_rate: u32, now: Instant) -> Delay {
        let mut bins = [0; BINS];
        bins[FIRST] = WHOLE;
        Delay { clock_rate: clock_rate.max(1), origin: now, floor: 0, lowest: 0, window: 0, bins, drift: None }
    }

    /// A new line of timestamps; what was learned of the way stays.
    pub(super) fn begin(&mut self, timestamp: u32, now: Instant) {
        let (clock, transit) = (self.clock(now), self.transit(timestamp, now));
        (self.floor, self.lowest, self.window) = (transit, transit, clock);
        self.drift = None;
    }

    pub(super) fn on_packet(&mut self, timestamp: u32, now: Instant) {
        let transit = self.transit(timestamp, now);
        if signed(transit, self.floor) > (self.clock_rate / LEAP).cast_signed() {
            return self.begin(timestamp, now);
        }
        self.lower_floor(transit, now);
        let late = u32::try_from(signed(transit, self.floor)).unwrap_or(0);
        let step = u64::from(late) * 1000 / u64::from(self.clock_rate * STEP_MS);
        self.note((step as usize).min(BINS - 1));
    }

    /// How long ago, in ticks, a packet of this timestamp would have come by the quickest way.
    pub(super) fn slack(&self, timestamp: u32, now: Instant) -> i32 {
        signed(self.transit(timestamp, now), self.floor)
    }

    /// The wait that catches nearly all packets, in ticks.
    pub(super) fn target(&self) -> i32 {
        (self.steps() as u32 * STEP_MS * self.clock_rate / 1000).cast_signed()
    }

    pub(super) fn target_time(&self) -> Duration {
        Duration::from_millis(self.steps() as u64 * u64::from(STEP_MS))
    }

    /// How much faster than ours the far side's clock runs, in millionths; `None` until it is known.
    pub(super) fn drift_ppm(&self) -> Option<i32> {
        let Drift { first, last } = self.drift?;
        let passed = last.0.wrapping_sub(first.0);
        let gained = i64::from(signed(first.1, last.1));
        (passed >= DRIFT_AFTER * self.clock_rate).then(|| (gained * 1_000_000 / i64::from(passed)) as i32)
    }

    fn lower_floor(&mut self, transit: u32, now: Instant) {
        let clock = self.clock(now);
        if clock.wrapping_sub(self.window) >= WINDOW * self.clock_rate {
            let measured = (clock, self.lowest);
            self.drift = Some(Drift { first: self.drift.map_or(measured, |drift| drift.first), last: measured });
            (self.floor, self.lowest, self.window) = (self.lowest, transit, clock);
        }
        if signed(transit, self.lowest) < 0 {
            self.lowest = transit;
        }
        if signed(transit, self.floor) < 0 {
            self.floor = transit;
        }
    }

    fn note(&mut self, step: usize) {
        let forget = if step >= self.steps() { 5 } else { 7 };
        for bin in &mut self.bins {
            *bin -= *bin >> forget;
        }
        self.bins[step] += WHOLE >> forget;
    }

    fn steps(&self) -> usize {
        let mut beyond = 0;
        let highest = self.bins.iter().rposition(|bin| {
            beyond += bin;
            beyond > BEYOND
        });
        highest.map_or(1, |bin| bin + 1).min(LONGEST)
    }

    fn transit(&self, timestamp: u32, now: Instant) -> u32 {
        self.clock(now).wrapping_sub(timestamp)
    }

    fn clock(&self, now: Instant) -> u32 {
        let ticks = now.saturating_duration_since(self.origin).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        // Wraps around like a timestamp.
        (ticks & u128::from(u32::MAX)) as u32
    }
}

/// How far `a` lies behind `b` on a line that wraps around.
pub(super) fn signed(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// 20 ms packets from `first` on, the n-th `late(n)` behind its time.
    fn hear(delay: &mut Delay, origin: Instant, packets: std::ops::Range<u32>, late: impl Fn(u32) -> Duration) {
        for n in packets {
            let at = origin + ms(u64::from(n) * 20) + late(n);
            delay.on_packet((n * 160).wrapping_sub(5_000), at);
        }
    }

    #[test]
    fn a_steady_way_needs_one_step_and_an_unsteady_one_as_many_as_it_is_late() {
        let origin = start();
        let mut delay = Delay::new(8_000, origin);
        delay.begin(0_u32.wrapping_sub(5_000), origin);
        assert_eq!(delay.target_time(), ms(20));
        hear(&mut delay, origin, 0..600, |_| Duration::ZERO);
        assert_eq!(delay.target_time(), ms(10));
        hear(&mut delay, origin, 600..900, |n| ms(u64::from(n % 7) * 9));
        assert_eq!(delay.target_time(), ms(60));
    }

    #[test]
    fn it_grows_within_a_packet_and_shrinks_over_seconds() {
        let origin = start();
        let mut delay = Delay::new(8_000, origin);
        delay.begin(0_u32.wrapping_sub(5_000), origin);
        hear(&mut delay, origin, 0..599, |_| Duration::ZERO);
        hear(&mut delay, origin, 599..600, |_| ms(75));
        assert_eq!(delay.target_time(), ms(80));
        hear(&mut delay, origin, 600..660, |_| Duration::ZERO);
        assert!(delay.target_time() <= ms(20), "one late packet is soon forgotten");
        hear(&mut delay, origin, 660..1_000, |_| Duration::ZERO);
        assert_eq!(delay.target_time(), ms(10));
        hear(&mut delay, origin, 1_000..1_100, |n| ms(u64::from(n % 2) * 75));
        hear(&mut delay, origin, 1_100..1_200, |_| Duration::ZERO);
        assert_eq!(delay.target_time(), ms(80), "a bad line is remembered for seconds");
        hear(&mut delay, origin, 1_200..2_000, |_| Duration::ZERO);
        assert_eq!(delay.target_time(), ms(10));
    }

    #[test]
    fn it_never_exceeds_its_bound() {
        let origin = start();
        let mut delay = Delay::new(48_000, origin);
        delay.begin(0_u32.wrapping_sub(5_000), origin);
        hear(&mut delay, origin, 0..2_000, |n| ms(u64::from(n * 7_919 % 490)));
        assert_eq!(delay.target_time(), ms(240));
    }

    #[test]
    fn a_drifting_clock_is_no_jitter_and_is_measured() {
        for ppm in [-200_i64, 200] {
            let origin = start();
            let mut delay = Delay::new(8_000, origin);
            delay.begin(0, origin);
            assert_eq!(delay.drift_ppm(), None);
            for n in 0..6_000_i64 {
                // A fast clock sends sooner.
                let at = n * 20_000_000 - n * 20 * ppm;
                delay.on_packet((n * 160) as u32, origin + Duration::from_nanos(at as u64));
            }
            let measured = delay.drift_ppm().unwrap();
            assert!((i64::from(measured) - ppm).abs() < 20, "{measured} for {ppm}");
            assert_eq!(delay.target_time(), ms(10));
            assert!(delay.slack(5_999 * 160, origin + ms(119_980)).abs() < 8 * 30);
        }
    }
}
