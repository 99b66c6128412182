//! Which probe is due when, over all channels: spread, so that they never all fire at once.
//!
//! The n-th probe starts at the fractional part of n times the golden ratio of its interval: however many there are, and
//! whichever channels they belong to, neighbours stay apart, and every run has the same order.

use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use crate::outage::Deadline;
use crate::outage::probe::Probe;

#[derive(Debug, Default)]
pub struct Schedule {
    entries: Vec<Entry>,
    by_time: BTreeSet<(Instant, usize)>,
}

/// A probe to be carried out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub channel: String,
    pub probe: Probe,
    /// The probe has failed when it has not answered by then.
    pub timeout: Duration,
}

#[derive(Debug)]
struct Entry {
    due: Due,
    every: Duration,
}

/// Shortest interval: whoever writes 0 s does not want a busy loop.
const SHORTEST: Duration = Duration::from_millis(10);

const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl Schedule {
    /// Each probe fires once within its first interval from `now`, then every interval. `every` and `timeout` count for
    /// probes that have none of their own.
    pub fn add(&mut self, channel: &str, probes: &[Probe], every: Duration, timeout: Duration, now: Instant) {
        for probe in probes {
            let every = probe.every.unwrap_or(every).max(SHORTEST);
            let timeout = probe.timeout.unwrap_or(timeout);
            let place = self.entries.len();
            let offset = every.mul_f64((place as f64 * GOLDEN).fract());
            self.by_time.insert((now + offset, place));
            let due = Due {
                channel: channel.to_owned(),
                probe: probe.clone(),
                // A probe never overtakes the one before.
                timeout: timeout.min(every),
            };
            self.entries.push(Entry { due, every });
        }
    }

    /// The next probe whose time has come. Rounds that were missed are not made up for.
    pub fn poll_due(&mut self, now: Instant) -> Option<Due> {
        let (at, place) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        let entry = &self.entries[place];
        let on_time = at + entry.every;
        let next = match on_time > now {
            true => on_time,
            false => now + entry.every,
        };
        self.by_time.insert((next, place));
        Some(entry.due.clone())
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        let (at, _) = *self.by_time.first()?;
        Some(Deadline { at, why: "a probe is due" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::Layer;
    use crate::outage::Role;
    use crate::outage::catalogue;

    #[test]
    fn probes_are_spread_over_the_interval_and_come_round() {
        let start = start();
        let mut schedule = Schedule::default();
        let probes = catalogue::with_control(catalogue::WHATSAPP);
        for channel in 0..20 {
            let name = format!("channel-{channel}");
            schedule.add(&name, &probes, secs(10), secs(5), start);
        }
        let count = 20 * probes.len();
        let mut fired = vec![0; 200];
        while let Some(deadline) = schedule.poll_timeout() {
            if deadline.at >= start + secs(20) {
                break;
            }
            while schedule.poll_due(deadline.at).is_some() {
                fired[((deadline.at - start).as_millis() / 100) as usize] += 1;
            }
        }
        assert_eq!(fired.iter().sum::<usize>(), 2 * count);
        let busiest = fired.iter().max().unwrap();
        assert!(*busiest <= 2 * count / 100, "{busiest} of {count} in a tenth of a second");
    }

    #[test]
    fn hundreds_of_channels_never_fire_all_at_once() {
        let start = start();
        let mut schedule = Schedule::default();
        let probes = catalogue::with_control(catalogue::WHATSAPP);
        for channel in 0..300 {
            schedule.add(&format!("channel-{channel}"), &probes, secs(10), secs(5), start);
        }
        let count = 300 * probes.len();
        let mut fired = vec![0; 1000];
        while let Some(deadline) = schedule.poll_timeout().filter(|deadline| deadline.at < start + secs(10)) {
            while schedule.poll_due(deadline.at).is_some() {
                fired[((deadline.at - start).as_millis() / 10) as usize] += 1;
            }
        }
        assert_eq!(fired.iter().sum::<usize>(), count);
        // On average four in a hundredth of a second.
        assert!(fired.iter().all(|fired| *fired <= 8), "{:?} at once", fired.iter().max());
    }

    #[test]
    fn a_long_pause_does_not_end_in_a_burst_of_the_same_probe() {
        let start = start();
        let mut schedule = Schedule::default();
        let probes = &catalogue::with_control(catalogue::WHATSAPP)[..1];
        schedule.add("whatsapp", probes, secs(10), secs(60), start);
        assert_eq!(schedule.poll_due(start).unwrap().timeout, secs(10));
        let later = start + secs(3600);
        assert!(schedule.poll_due(later).is_some());
        assert!(schedule.poll_due(later).is_none());
        assert_eq!(schedule.poll_timeout().unwrap().at, later + secs(10));
    }

    #[test]
    fn a_probe_keeps_its_own_time() {
        let start = start();
        let mut schedule = Schedule::default();
        let mut slow = Probe::new(Layer::Feed, "https://a.example/", Role::Channel);
        (slow.every, slow.timeout) = (Some(secs(120)), Some(secs(30)));
        let quick = Probe::new(Layer::Tcp, "a.example", Role::Channel);
        schedule.add("whatsapp", &[slow, quick], secs(10), secs(5), start);
        let mut fired = [0, 0];
        while let Some(deadline) = schedule.poll_timeout().filter(|deadline| deadline.at < start + secs(240)) {
            let due = schedule.poll_due(deadline.at).unwrap();
            match due.probe.layer {
                Layer::Feed => {
                    assert_eq!(due.timeout, secs(30));
                    fired[0] += 1;
                }
                _ => fired[1] += 1,
            }
        }
        assert_eq!(fired, [2, 24]);
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }
}
