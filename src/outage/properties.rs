//! What holds on every day, whatever happens in it.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Outcome;
use crate::outage::catalogue;
use crate::outage::config::Config;
use crate::outage::detector::Detector;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// One target after the other fails and none comes back: it only gets worse.
    #[test]
    fn while_it_only_gets_worse_no_verdict_gets_better(seed in any::<u64>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut day = Day::new();
        let mut failing = vec![false; day.probes.len()];
        day.passes(60, |_| true);
        let mut worst = 0;
        for _ in 0..day.probes.len() {
            let place = rng.usize(0..failing.len());
            failing[place] = !day.probes[place].control;
            let changed = day.changes.len();
            day.passes(rng.u64(1..200), |probe| !failing[probe]);
            for change in &day.changes[changed..] {
                prop_assert!(badness(change.to) >= worst, "{:?} after {worst}: {:?}", change.to, change.reasons);
                worst = badness(change.to);
            }
        }
    }

    /// One target after the other comes back and none fails again: it never goes down again.
    #[test]
    fn while_it_only_gets_better_it_does_not_fall_again(seed in any::<u64>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut day = Day::new();
        let mut failing: Vec<bool> = day.probes.iter().map(|probe| !probe.control).collect();
        day.passes(120, |probe| !failing[probe]);
        prop_assert_eq!(day.detector.state(), ChannelState::Down);
        let changed = day.changes.len();
        while failing.contains(&true) {
            failing[rng.usize(0..day.probes.len())] = false;
            day.passes(rng.u64(1..200), |probe| !failing[probe]);
        }
        day.passes(1200, |_| true);
        prop_assert_eq!(day.detector.state(), ChannelState::Up);
        prop_assert!(day.changes[changed..].iter().all(|change| change.to != ChannelState::Down));
    }

    /// However much of it fails, and however often: it is not called down before `down_after`.
    #[test]
    fn no_fall_comes_before_its_time(seed in any::<u64>(), loss in 1..=100_u8, well_for in 60..2000_u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut day = Day::new();
        let controls: Vec<bool> = day.probes.iter().map(|probe| probe.control).collect();
        day.passes(well_for, |_| true);
        let failed = day.now;
        day.passes(600, |probe| controls[probe] || rng.u8(0..100) >= loss);
        let fall = day.changes.iter().position(|change| change.to == ChannelState::Down);
        if let Some(fall) = fall {
            let after = day.changed_at[fall] - failed;
            prop_assert!(after >= Duration::from_secs(30), "down after {after:?}");
        }
    }

    /// No recovery is believed before `up_after`, and no calm before `calm_after`.
    #[test]
    fn no_state_comes_before_its_time(seed in any::<u64>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut day = Day::new();
        for _ in 0..40 {
            let fails = rng.bool();
            day.passes(rng.u64(5..400), |_| !fails || rng.u8(0..10) == 0);
        }
        for (place, change) in day.changes.iter().enumerate().filter(|(_, change)| change.from != change.to) {
            let before = day.changes[..place].iter().rposition(|earlier| earlier.from != earlier.to);
            let Some(before) = before else { continue };
            let held = day.changed_at[place] - day.changed_at[before];
            if change.from == ChannelState::Recovering && change.to != ChannelState::Down {
                prop_assert!(held >= Duration::from_secs(900), "{held:?}");
            }
            if change.from == ChannelState::Degraded && change.to == ChannelState::Up {
                prop_assert!(held >= Duration::from_secs(30), "{held:?}");
            }
        }
    }

    /// Somebody sets the clock, back or forth, as often as he likes: it is only shown.
    #[test]
    fn a_clock_that_jumps_changes_no_verdict(seed in any::<u64>(), loss in 0..100_u8) {
        let start = start();
        let run = |jumps: bool| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut day = Day::at(start);
            for _ in 0..20 {
                let (fails, hours) = (rng.bool(), rng.i64(-20_000..20_000));
                if jumps {
                    day.wall = day.wall.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap_or(day.wall);
                }
                day.passes(rng.u64(20..300), |_| !fails || rng.u8(0..100) >= loss);
            }
            let moved = day.changes.iter().map(|change| (change.from, change.to, change.blame)).collect::<Vec<_>>();
            (moved, day.changed_at)
        };
        prop_assert_eq!(run(true), run(false));
    }

    /// The same evidence at the same times says the same.
    #[test]
    fn a_day_that_is_replayed_is_the_same_day(seed in any::<u64>(), loss in 0..100_u8) {
        let start = start();
        let run = || {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut day = Day::at(start);
            day.passes(2400, |_| rng.u8(0..100) >= loss);
            (day.changes, day.changed_at)
        };
        prop_assert_eq!(run(), run());
    }

    /// Whenever the process is restarted: an outage stays one for as long, but for the minute that learning anew may take.
    #[test]
    fn a_restart_changes_nothing_but_the_clock_of_recovery(fails_for in 100..4000_u64, restarts_at in 1..9000_u64) {
        let (mut whole, mut broken, mut down_for) = (Day::new(), Day::new(), [0, 0]);
        for second in (0..12_000).step_by(20) {
            if (restarts_at..restarts_at + 20).contains(&second) {
                broken.restarts();
            }
            let fails = (600..600 + fails_for).contains(&second);
            for day in [&mut whole, &mut broken] {
                let controls: Vec<bool> = day.probes.iter().map(|probe| probe.control).collect();
                day.passes(20, |probe| controls[probe] || !fails);
            }
            for (day, down) in [&whole, &broken].into_iter().zip(&mut down_for) {
                *down += if day.detector.state().is_down() { 20 } else { 0 };
            }
        }
        prop_assert!(down_for[1] + 60 >= down_for[0], "{down_for:?}");
        prop_assert_eq!(whole.detector.state(), ChannelState::Up);
        prop_assert_eq!(broken.detector.state(), ChannelState::Up);
    }
}

#[test]
fn a_peer_who_invents_names_does_not_fill_the_memory() {
    let mut day = Day::new();
    for number in 0..10_000 {
        let probe = Probe::new(crate::outage::Layer::Report, &format!("peer-{number}"), crate::outage::Role::Channel);
        let evidence = probe.evidence(Outcome::Answered { took: Duration::ZERO }, day.wall);
        day.detector.on_evidence(evidence, day.now);
    }
    assert!(day.detector.evidence().len() <= 256);
}

fn badness(state: ChannelState) -> u32 {
    match state {
        ChannelState::Up => 0,
        ChannelState::Degraded => 1,
        ChannelState::Recovering => 2,
        ChannelState::Down => 3,
    }
}

/// The shipped probes of WhatsApp, each every 10 s, one a moment after the other.
struct Day {
    detector: Detector,
    probes: Vec<Probe>,
    now: Instant,
    wall: Timestamp,
    asked: u64,
    changes: Vec<Change>,
    changed_at: Vec<Instant>,
}

impl Day {
    fn new() -> Day {
        Day::at(start())
    }

    fn at(now: Instant) -> Day {
        let probes = catalogue::with_control(catalogue::WHATSAPP);
        Day {
            detector: Detector::new(&Config::default()).watching(&probes),
            probes,
            now,
            wall: "2026-11-23T12:00:00Z".parse().unwrap(),
            asked: 0,
            changes: Vec::new(),
            changed_at: Vec::new(),
        }
    }

    fn passes(&mut self, seconds: u64, mut answers: impl FnMut(usize) -> bool) {
        let (gap, end) = (Duration::from_secs(10) / self.probes.len() as u32, self.now + Duration::from_secs(seconds));
        while self.now < end {
            let place = (self.asked % self.probes.len() as u64) as usize;
            self.asked += 1;
            let outcome = match answers(place) {
                true => Outcome::Answered { took: Duration::from_millis(30) },
                false => Outcome::failed(Fault::Timeout, "timed out"),
            };
            let evidence: Evidence = self.probes[place].evidence(outcome, self.wall);
            if let Some(change) = self.detector.on_evidence(evidence, self.now) {
                self.changes.push(change);
                self.changed_at.push(self.now);
            }
            self.now += gap;
            self.wall = self.wall.checked_add(gap).unwrap();
        }
    }

    fn restarts(&mut self) {
        let kept = serde_json::to_string(&self.detector.snapshot(self.now, self.wall)).unwrap();
        self.detector = Detector::new(&Config::default()).watching(&self.probes);
        self.detector.restore(serde_json::from_str(&kept).unwrap(), self.now, self.wall);
    }
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
