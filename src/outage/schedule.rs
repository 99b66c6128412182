//! Which probe is due when, over all channels: spread, so that they never all fire at once, and no more often than it takes.
//!
//! Each probe has its turns: one in every interval, at the fractional part of n times the golden ratio of it. However many
//! there are, and whichever channels they belong to, neighbours stay apart, and every run has the same order. Where
//! being woken for each of many would cost more than the probe, a few come together in the calm ([`Schedule::ahead_of`]).
//!
//! A channel in perfect order is looked at calmly: a probe takes every third of its turns only, and the probes of a channel
//! share them so that one of them comes in every interval all the same. Whatever is not as it should be brings every turn of
//! every probe back at once ([`Schedule::hurry`]), control targets included, since it may be our own line. A probe with an
//! interval of its own keeps it, and questions to the API are always asked.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use std::time::Instant;

use crate::outage::Deadline;
use crate::outage::Layer;
use crate::outage::probe::Probe;

#[derive(Debug, Default)]
pub struct Schedule {
    entries: Vec<Entry>,
    by_time: BTreeSet<(Instant, usize)>,
    paces: Vec<Pace>,
    pace_by_channel: BTreeMap<String, usize>,
    /// Turns in a second while all is calm.
    per_second: f64,
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
    turns: Turns,
    /// The turn that comes next, and the last that was taken, which may lie a little ahead.
    at: Instant,
    taken: Instant,
    /// Its place in `paces`.
    pace: usize,
}

/// How often the probes of one channel come.
#[derive(Debug)]
struct Pace {
    places: Range<usize>,
    quick_until: Instant,
    quick_for: Duration,
}

/// When a probe could come: at `first`, and every interval after that.
#[derive(Debug, Clone, Copy)]
struct Turns {
    first: Instant,
    every: Duration,
    /// Of so many turns the calm pace takes one: that with this number.
    stride: usize,
    number: usize,
}

/// Where a probe stands among the others: its share of the interval, and its turn at the calm pace.
#[derive(Debug)]
struct Slot {
    share: f64,
    number: usize,
}

/// Shortest interval: whoever writes 0 s does not want a busy loop.
const SHORTEST: Duration = Duration::from_millis(10);

const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// So many probes come together, on average, with one whose time has come.
const TOGETHER: f64 = 3.0;

/// No probe comes earlier than this: where it would take longer for others to join, each comes alone.
const EARLIEST: Duration = Duration::from_millis(500);

/// Where others are so near, each comes alone too: they are close neighbours as it is.
const NEAR: Duration = Duration::from_millis(50);

/// Calm means every third turn at most.
const LONGEST_STRIDE: usize = 3;

/// Nothing must have failed for so long, and for so many turns, before the pace is calm again: what fails now and then is
/// counted in outcomes (`partial`, 30 of them), and all of these come at the quick pace.
const CALM_AFTER: Duration = Duration::from_secs(5 * 60);
const CALM_AFTER_TURNS: u32 = 30;

impl Schedule {
    /// Each probe fires once within its first interval from `now`, then every interval until all has been calm. `every` and
    /// `timeout` count for probes that have none of their own.
    pub fn add(&mut self, channel: &str, probes: &[Probe], every: Duration, timeout: Duration, now: Instant) {
        let first = self.entries.len();
        let (stride, slots) = arrange(probes, first);
        let base = every.max(SHORTEST);
        for (place, (probe, slot)) in (first..).zip(probes.iter().zip(slots)) {
            let every = probe.every.map_or(base, |own| own.max(SHORTEST));
            let stride = if slows_down(probe) { stride } else { 1 };
            let at = now + every.mul_f64(slot.share);
            let calm = every.saturating_mul(u32::try_from(stride).unwrap_or(u32::MAX));
            self.per_second += calm.as_secs_f64().recip();
            self.by_time.insert((at, place));
            let due = Due {
                channel: channel.to_owned(),
                probe: probe.clone(),
                // A probe never overtakes the one before.
                timeout: probe.timeout.unwrap_or(timeout).min(every),
            };
            let turns = Turns { first: at, every, stride, number: slot.number };
            self.entries.push(Entry { due, turns, at, taken: now, pace: self.paces.len() });
        }
        let quick_for = CALM_AFTER.max(base.saturating_mul(CALM_AFTER_TURNS));
        self.pace_by_channel.insert(channel.to_owned(), self.paces.len());
        self.paces.push(Pace { places: first..self.entries.len(), quick_until: now + quick_for, quick_for });
    }

    /// Something about this channel is not in perfect order: each of its probes takes its next turn and every one after that,
    /// until nothing has been said here for some minutes.
    pub fn hurry(&mut self, channel: &str, now: Instant) {
        let pace = self.pace_by_channel.get(channel).and_then(|place| self.paces.get_mut(*place));
        let Some(pace) = pace else {
            return;
        };
        let was_calm = pace.quick_until <= now;
        pace.quick_until = now + pace.quick_for;
        if !was_calm {
            return;
        }
        for place in pace.places.clone() {
            let entry = &mut self.entries[place];
            let soon = entry.turns.next(now.max(entry.taken));
            if soon < entry.at {
                self.by_time.remove(&(entry.at, place));
                self.by_time.insert((soon, place));
                entry.at = soon;
            }
        }
    }

    /// The next probe whose time has come. Rounds that were missed are not made up for.
    pub fn poll_due(&mut self, now: Instant) -> Option<Due> {
        let place = self.poll_place(now)?;
        let (entry, ahead) = (&self.entries[place], self.ahead_of(place, now));
        let Due { channel, probe, timeout } = entry.due.clone();
        // The next one may come early.
        Some(Due { channel, probe, timeout: timeout.min(entry.turns.every - ahead) })
    }

    /// The same by its place among all probes, in the order in which they were added.
    pub(super) fn poll_place(&mut self, now: Instant) -> Option<usize> {
        let (at, place) = *self.by_time.first()?;
        let reach = now + self.ahead_of(place, now);
        if at > reach {
            return None;
        }
        self.by_time.pop_first();
        let entry = &mut self.entries[place];
        entry.taken = at;
        entry.at = match self.paces[entry.pace].quick_until > now {
            true => entry.turns.next(now),
            false => entry.turns.next_calm(reach),
        };
        self.by_time.insert((entry.at, place));
        Some(place)
    }

    /// So much sooner than its turn this probe may come, with another one whose time has come: in the calm, and not otherwise.
    fn ahead_of(&self, place: usize, now: Instant) -> Duration {
        let entry = &self.entries[place];
        let ahead = Duration::try_from_secs_f64(TOGETHER / self.per_second).unwrap_or(Duration::MAX);
        match self.paces[entry.pace].quick_until <= now && (NEAR..=EARLIEST).contains(&ahead) {
            true => ahead.min(entry.turns.every / 4),
            false => Duration::ZERO,
        }
    }

    pub fn poll_timeout(&self) -> Option<Deadline> {
        let (at, _) = *self.by_time.first()?;
        Some(Deadline { at, why: "a probe is due" })
    }
}

impl Turns {
    /// The first turn after `now`.
    fn next(&self, now: Instant) -> Instant {
        now + self.until_next(now)
    }

    /// The first turn after `now` that the calm pace takes.
    fn next_calm(&self, now: Instant) -> Instant {
        let done =
            now.checked_duration_since(self.first).map_or(0, |since| since.as_nanos() / self.every.as_nanos() + 1);
        let done = usize::try_from(done % self.stride as u128).unwrap_or_default();
        let left_out = (self.number + self.stride - done) % self.stride;
        let left_out = u32::try_from(left_out).unwrap_or_default();
        self.next(now) + self.every.saturating_mul(left_out)
    }

    fn until_next(&self, now: Instant) -> Duration {
        let Some(since) = now.checked_duration_since(self.first) else {
            return self.first.saturating_duration_since(now);
        };
        let into = since.as_nanos() % self.every.as_nanos();
        let into = u64::try_from(into).map_or(Duration::ZERO, Duration::from_nanos);
        self.every.saturating_sub(into)
    }
}

/// The stride of a channel whose first probe has this place, and the slots of its probes.
///
/// Those that look at the channel itself share the calm turns; the others (control targets, a second path) keep step.
fn arrange(probes: &[Probe], first: usize) -> (usize, Vec<Slot>) {
    #[expect(clippy::cast_precision_loss, reason = "there are not 2^52 probes")]
    let share = |place: usize| ((first + place) as f64 * GOLDEN).fract();
    let mut slots: Vec<Slot> = (0..probes.len()).map(|place| Slot { share: share(place), number: 0 }).collect();
    let looks = |probe: &Probe| slows_down(probe) && !probe.control && probe.vantage.is_here();
    let (own, others): (Vec<usize>, Vec<usize>) = (0..probes.len()).partition(|place| looks(&probes[*place]));
    // One more than the stride: the order below then leaves no gap longer than the interval.
    let stride = own.len().saturating_sub(1).clamp(1, LONGEST_STRIDE);
    for mut group in [own, others] {
        // Turn by turn back within the interval, so that the next one always comes sooner than an interval later.
        group.sort_by(|one, other| slots[*other].share.total_cmp(&slots[*one].share));
        for (place, number) in group.into_iter().zip((0..stride).cycle()) {
            slots[place].number = number;
        }
    }
    (stride, slots)
}

/// Not with an interval of its own, and not where nothing else would see what it sees: on 25 October 2022 the API alone failed.
fn slows_down(probe: &Probe) -> bool {
    probe.every.is_none() && probe.layer != Layer::Api
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outage::Layer;
    use crate::outage::Role;
    use crate::outage::catalogue;

    #[test]
    fn probes_are_spread_over_the_interval_and_come_round() {
        let start = start();
        let (mut schedule, each) = watching(20, start);
        let count = 20 * each;
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
        let (mut schedule, each) = watching(300, start);
        let count = 300 * each;
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
    fn in_the_calm_a_few_of_many_come_together_and_each_of_them_once_in_its_turns() {
        let start = start();
        for (channels, together) in [(1, 1..=1), (20, 3..=5), (300, 1..=1)] {
            let (mut schedule, each) = watching(channels, start);
            run(&mut schedule, start, secs(330));
            let fired = run(&mut schedule, start, secs(930));
            let moments: BTreeSet<Duration> = fired.iter().map(|fired| fired.after).collect();
            let share = fired.len() / moments.len();
            assert!(together.contains(&share), "{share} of {channels} channels' at once");
            for place in 0..each {
                let longest = longest_gap(&fired, |fired| fired == place);
                assert!(longest <= secs(30) + EARLIEST, "{longest:?}");
            }
        }
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

    /// With the number of probes of each channel.
    fn watching(channels: usize, start: Instant) -> (Schedule, usize) {
        let (mut schedule, probes) = (Schedule::default(), catalogue::with_control(catalogue::WHATSAPP));
        for channel in 0..channels {
            schedule.add(&format!("channel-{channel}"), &probes, secs(10), secs(5), start);
        }
        (schedule, probes.len())
    }

    /// When each probe fires between two moments after `start`, and of which channel.
    struct Fired {
        after: Duration,
        place: usize,
    }

    fn run(schedule: &mut Schedule, start: Instant, until: Duration) -> Vec<Fired> {
        let mut fired = Vec::new();
        while let Some(deadline) = schedule.poll_timeout().filter(|deadline| deadline.at < start + until) {
            while let Some(place) = schedule.poll_place(deadline.at) {
                fired.push(Fired { after: deadline.at - start, place });
            }
        }
        fired
    }

    fn longest_gap(fired: &[Fired], counts: impl Fn(usize) -> bool) -> Duration {
        let times: Vec<Duration> = fired.iter().filter(|fired| counts(fired.place)).map(|fired| fired.after).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }

    #[test]
    fn a_calm_channel_is_looked_at_in_every_interval_and_each_probe_comes_every_third_turn() {
        for own in 1..=16_usize {
            // Of many channels, each begins elsewhere in the golden order.
            for before in 0..7 {
                let (start, mut schedule) = (start(), Schedule::default());
                let mut probes = vec![Probe::new(Layer::Tcp, "control.example", Role::Control); 3];
                probes.extend((0..own).map(|_| Probe::new(Layer::Http, "https://a.example/", Role::Channel)));
                let others = vec![Probe::new(Layer::Tcp, "other.example", Role::Channel); before];
                schedule.add("before", &others, secs(10), secs(5), start);
                schedule.add("whatsapp", &probes, secs(10), secs(5), start);
                let is_own = |place: usize| place >= before + 3;
                let begins = run(&mut schedule, start, secs(300));
                let all = before..before + probes.len();
                assert!(all.clone().all(|place| longest_gap(&begins, |fired| fired == place) == secs(10)));
                run(&mut schedule, start, secs(330));
                let calm = run(&mut schedule, start, secs(930));
                let gap = longest_gap(&calm, is_own);
                assert!(gap <= secs(10), "{own} probes: {gap:?}");
                let stride = secs(10) * (own as u32 - 1).clamp(1, 3);
                for place in all {
                    assert_eq!(longest_gap(&calm, |fired| fired == place), stride, "{own} probes");
                }
            }
        }
    }

    #[test]
    fn what_goes_wrong_brings_every_probe_within_one_interval_and_calm_comes_back_later() {
        let start = start();
        let probes = catalogue::with_control(catalogue::WHATSAPP);
        for moment in (600..640).map(|moment| secs(moment) + Duration::from_millis(1)) {
            let mut schedule = Schedule::default();
            schedule.add("whatsapp", &probes, secs(10), secs(5), start);
            schedule.add("telegram", &probes, secs(10), secs(5), start);
            run(&mut schedule, start, moment);
            schedule.hurry("whatsapp", start + moment);
            let mut hurried = run(&mut schedule, start, moment + secs(10));
            hurried.retain(|fired| fired.place < probes.len());
            let places: BTreeSet<usize> = hurried.iter().map(|fired| fired.place).collect();
            assert_eq!((hurried.len(), places.len()), (probes.len(), probes.len()), "each once, control targets too");
            let gap = hurried.windows(2).map(|pair| pair[1].after - pair[0].after).min().unwrap();
            assert!(gap >= Duration::from_millis(200), "not all at once: {gap:?}");
            assert!(longest_gap(&hurried, |_| true) <= secs(2));
            let quick = run(&mut schedule, start, moment + secs(290));
            assert_eq!(longest_gap(&quick, |place| place == 1), secs(10));
            assert_eq!(longest_gap(&quick, |place| place == 1 + probes.len()), secs(30), "of another channel");
            run(&mut schedule, start, moment + secs(340));
            let calm = run(&mut schedule, start, moment + secs(640));
            assert_eq!(longest_gap(&calm, |place| place == 1), secs(30));
        }
    }

    #[test]
    fn channels_that_are_hurried_at_the_same_moment_stay_spread() {
        let start = start();
        let (mut schedule, each) = watching(300, start);
        let moment = secs(930) + Duration::from_micros(1);
        let calm = run(&mut schedule, start, moment);
        let busiest = |fired: &[Fired], from: u64| {
            let mut hundredths = BTreeMap::new();
            for fired in fired.iter().filter(|fired| fired.after >= secs(from)) {
                *hundredths.entry(fired.after.as_millis() / 10).or_insert(0) += 1;
            }
            hundredths.into_values().max().unwrap()
        };
        assert!(busiest(&calm, 330) <= 6, "calm: {} at once", busiest(&calm, 330));
        for channel in 0..300 {
            schedule.hurry(&format!("channel-{channel}"), start + moment);
        }
        let hurried = run(&mut schedule, start, moment + secs(10));
        assert_eq!(hurried.len(), 300 * each);
        assert!(busiest(&hurried, 930) <= 8, "{} at once", busiest(&hurried, 930));
    }

    #[test]
    fn a_probe_with_its_own_time_knows_no_pace_nor_does_one_that_asks_the_api() {
        let (start, mut schedule) = (start(), Schedule::default());
        let mut probes = vec![Probe::new(Layer::Tcp, "a.example", Role::Channel); 5];
        probes[2].every = Some(secs(20));
        probes[3].layer = Layer::Api;
        schedule.add("whatsapp", &probes, secs(10), secs(5), start);
        run(&mut schedule, start, secs(330));
        schedule.hurry("whatsapp", start + secs(720));
        let fired = run(&mut schedule, start, secs(1500));
        let times: Vec<Duration> = fired.iter().filter(|fired| fired.place == 2).map(|fired| fired.after).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == secs(20)));
        assert_eq!(longest_gap(&fired, |place| place == 3), secs(10));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// However often it is hurried, and however late it is polled: no probe comes twice within its interval, none is
        /// left out for longer than three, and trouble brings it within one, give or take what it may come early.
        #[test]
        fn no_probe_overtakes_itself(seed in any::<u64>(), many in any::<bool>()) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let start = start();
            let (mut schedule, each) = watching(if many { 20 } else { 1 }, start);
            let early = if many { EARLIEST } else { Duration::ZERO };
            let (mut now, mut last, mut hurried) = (start, vec![None; each], start);
            for _ in 0..4000 {
                now += Duration::from_millis(rng.u64(0..1000));
                if rng.u16(0..1000) == 0 {
                    schedule.hurry("channel-0", now);
                    hurried = now;
                }
                while let Some(place) = schedule.poll_place(now) {
                    // Polled up to a second late.
                    let Some(last) = last.get_mut(place) else { continue };
                    let gap = last.map(|last| now - last);
                    prop_assert!(gap.is_none_or(|gap| gap > secs(9) - early && gap < secs(31) + early), "{:?}", gap);
                    *last = Some(now);
                }
                let all_came = last.iter().all(|last| last.is_some_and(|last| last >= hurried));
                prop_assert!(all_came || now - hurried < secs(10) + early, "after {:?}", now - hurried);
            }
        }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }
}
