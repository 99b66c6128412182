//! Bad days, told on virtual time: the shipped probes at their shipped pace, a world that fails, and what is said of it.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::blame::Blame;
use crate::outage::catalogue;
use crate::outage::config::Config;
use crate::outage::detector::Detector;
use crate::outage::fault::Fault;
use crate::outage::overriding::Override;
use crate::outage::probe::Probe;
use crate::outage::schedule::Schedule;

#[test]
fn a_total_failure_is_called_down_within_a_minute_and_back_after_a_quarter_of_an_hour() {
    let mut day = Day::new();
    day.passes(secs(60), |_| Ok(()));
    assert_eq!(day.state(), ChannelState::Up);

    let failed = day.now;
    day.passes(secs(600), whatsapp_is_silent);
    let down = day.moment_of(ChannelState::Down);
    assert!(down - failed <= secs(60), "took {:?}", down - failed);
    let reasons = day.change_to(ChannelState::Down).reasons.join("\n");
    assert!(
        reasons.contains("dns: 4 of 5 lookups of graph.facebook.com failed since 15:41 UTC: SERVFAIL"),
        "{reasons}"
    );

    let mended = day.now;
    day.passes(secs(1200), |_| Ok(()));
    let up = day.moment_of(ChannelState::Up) - mended;
    assert!(up >= secs(900) && up <= secs(960), "took {up:?}");
    assert_eq!(day.states(), ["degraded", "down", "recovering", "up"]);
}

#[test]
fn after_hours_of_calm_an_outage_is_seen_as_soon() {
    for later in 0..30 {
        let mut day = Day::new();
        day.passes(secs(3600 + later), |_| Ok(()));
        let failed = day.now;
        day.passes(secs(120), whatsapp_is_silent);
        let took = day.moment_of(ChannelState::Down) - failed;
        assert!(took <= secs(50), "took {took:?}");

        let mut day = Day::new();
        day.passes(secs(3600 + later), |_| Ok(()));
        day.passes(secs(120), |_| Err("network is unreachable"));
        assert!(!day.changes_to(ChannelState::Down), "our line died in the calm");
        assert_eq!(day.detector.blame(), Blame::OurLine);
    }
}

#[test]
fn a_single_failure_a_persons_word_and_doubts_about_our_line_end_the_calm() {
    let mut day = Day::new();
    day.passes(secs(60), |_| Ok(()));
    assert!(day.detector.is_calm());
    let mut failed = false;
    day.passes(secs(10), |probe| match !failed && probe.layer == Layer::Tcp {
        true => {
            failed = true;
            Err("timed out")
        }
        false => Ok(()),
    });
    assert_eq!(day.state(), ChannelState::Up);
    assert!(!day.detector.is_calm(), "one target has failed its newest probe");
    day.passes(secs(10), |_| Ok(()));
    assert!(day.detector.is_calm());

    let slow = Outcome::Answered { took: secs(5) };
    let probe = &probes()[0];
    day.detector.on_evidence(probe.evidence(slow, day.wall), day.now);
    assert!(!day.detector.is_calm(), "an answer that comes too late is a failure");
    day.passes(secs(10), |_| Ok(()));

    let word = Override { state: ChannelState::Up, reason: String::new(), author: "ana".to_owned(), until: None };
    day.detector.set_override(word, day.now);
    assert!(!day.detector.is_calm());
    day.detector.clear_override(day.now);
    assert!(day.detector.is_calm());

    // A word that is stale keeps nobody awake.
    let word = Probe::new(Layer::Report, "filial", Role::Channel);
    day.detector.on_evidence(word.evidence(Outcome::failed(Fault::Reported, "nothing"), day.wall), day.now);
    assert!(!day.detector.is_calm());
    day.passes(secs(2400), |_| Ok(()));
    day.detector.handle_timeout(day.now);
    assert!(day.detector.is_calm());
}

#[test]
fn names_that_resolve_again_do_not_make_a_service() {
    let mut day = Day::new();
    day.passes(secs(120), whatsapp_is_silent);
    assert_eq!(day.state(), ChannelState::Down);
    day.passes(secs(3600), |probe| match probe.layer {
        Layer::Dns => Ok(()),
        _ => whatsapp_is_silent(probe),
    });
    assert_eq!(day.state(), ChannelState::Down);
    day.passes(secs(3600), |probe| match probe.layer {
        Layer::Http if !probe.control => Err("status 503"),
        _ => Ok(()),
    });
    assert_eq!(day.state(), ChannelState::Down);
}

#[test]
fn servers_that_answer_503_are_down_although_all_else_is_well() {
    let mut day = Day::new();
    day.passes(secs(60), |probe| match probe.layer {
        Layer::Http => Err("status 503"),
        _ => Ok(()),
    });
    assert_eq!(day.state(), ChannelState::Down);
}

#[test]
fn our_own_dead_line_says_nothing_of_the_channel() {
    let mut day = Day::new();
    day.passes(secs(60), |_| Ok(()));
    day.passes(secs(3600), |_| Err("network is unreachable"));
    assert!(!day.changes_to(ChannelState::Down));
    let reason = day.detector.reasons().remove(0);
    assert!(reason.starts_with("our line: 5 of 5 control targets fail since 15:41 UTC"), "{reason}");
    assert!(day.detector.view(day.now, day.wall).frozen);

    day.passes(secs(3600), |_| Ok(()));
    assert!(!day.changes_to(ChannelState::Down));
    assert_eq!(day.state(), ChannelState::Up);
    assert_eq!(day.detector.reasons(), ["all probes answer"]);
}

#[test]
fn a_flapping_own_line_never_takes_the_channel_down() {
    let mut day = Day::new();
    for minutes in 1..40 {
        day.passes(secs(17 + minutes * 3), |_| Err("network is unreachable"));
        day.passes(secs(11 + minutes), |_| Ok(()));
    }
    assert!(!day.changes_to(ChannelState::Down), "{:?}", day.changes);
}

#[test]
fn an_outage_that_was_known_before_our_line_died_stays_known() {
    let mut day = Day::new();
    day.passes(secs(120), whatsapp_is_silent);
    day.passes(secs(300), |_| Err("network is unreachable"));
    day.passes(secs(300), whatsapp_is_silent);
    assert_eq!(day.states(), ["degraded", "down"]);
}

#[test]
fn a_relapse_begins_the_wait_anew() {
    let mut day = Day::new();
    day.passes(secs(120), whatsapp_is_silent);
    day.passes(secs(600), |_| Ok(()));
    assert_eq!(day.state(), ChannelState::Recovering);
    assert!(day.state().is_down());
    day.passes(secs(60), whatsapp_is_silent);
    assert_eq!(day.state(), ChannelState::Down);
    let mended = day.now;
    day.passes(secs(1200), |_| Ok(()));
    assert!(day.moment_of(ChannelState::Up) - mended >= secs(900));
}

#[test]
fn whoever_sees_the_end_of_an_outage_first_does_not_make_a_block_of_it() {
    let mut day = Day::new();
    let seen_from_outside = |day: &mut Day, outcome: Outcome| {
        let mut word = Probe::new(Layer::Report, "filial", Role::Channel).evidence(outcome, day.wall);
        word.vantage = "outside:filial".parse().unwrap();
        let change = day.detector.on_evidence(word, day.now);
        day.changes.extend(change.map(|change| (day.now, change)));
    };
    seen_from_outside(&mut day, Outcome::failed(Fault::Reported, "nothing arrives"));
    day.passes(secs(600), whatsapp_is_silent);
    assert_eq!((day.state(), day.detector.blame()), (ChannelState::Down, Blame::Channel));
    seen_from_outside(&mut day, Outcome::Answered { took: Duration::ZERO });
    day.passes(secs(60), whatsapp_is_silent);
    day.passes(secs(1200), |_| Ok(()));
    assert_eq!(day.state(), ChannelState::Up);
    assert!(day.changes.iter().all(|(_, change)| change.blame != Blame::BlockedHere), "{:?}", day.changes);

    day.passes(secs(600), whatsapp_is_silent);
    seen_from_outside(&mut day, Outcome::Answered { took: Duration::ZERO });
    day.passes(secs(180), whatsapp_is_silent);
    assert_eq!((day.state(), day.detector.blame()), (ChannelState::Degraded, Blame::BlockedHere), "and here it is one");
}

/// Most of them are asked over TCP.
fn most_control_targets_too(probe: &Probe) -> Result<(), &'static str> {
    match probe.layer {
        Layer::Tcp => Err("timed out"),
        _ => whatsapp_is_silent(probe),
    }
}

#[test]
fn what_fails_together_with_most_control_targets_counts_from_when_they_answer_again() {
    let mut day = Day::new();
    day.passes(secs(600), |_| Ok(()));
    // Long enough for every control target to answer once more.
    day.passes(secs(12), whatsapp_is_silent);
    day.passes(secs(300), most_control_targets_too);
    assert!(!day.changes_to(ChannelState::Down), "{:?}", day.changes);
    day.passes(secs(25), whatsapp_is_silent);
    assert!(!day.changes_to(ChannelState::Down), "our line has only just come back");
    day.passes(secs(90), whatsapp_is_silent);
    assert_eq!((day.state(), day.detector.blame()), (ChannelState::Down, Blame::Channel));
}

#[test]
fn a_single_control_target_that_is_gone_hides_no_outage() {
    let mut day = Day::new();
    let one_is_gone = |probe: &Probe| probe.control && probe.target.contains("registro.br");
    day.passes(secs(600), |probe| if one_is_gone(probe) { Err("timed out") } else { Ok(()) });
    let failed = day.now;
    day.passes(secs(120), |probe| if one_is_gone(probe) { Err("timed out") } else { whatsapp_is_silent(probe) });
    let took = day.moment_of(ChannelState::Down) - failed;
    assert!(took <= secs(60), "took {took:?}");
}

#[test]
fn a_block_stays_one_while_our_line_is_not_seen_working() {
    let mut day = Day::new();
    day.passes(secs(60), |_| Ok(()));
    day.passes(secs(300), whatsapp_is_silent);
    let mut word = Probe::new(Layer::Report, "filial", Role::Channel)
        .evidence(Outcome::Answered { took: Duration::ZERO }, day.wall);
    word.vantage = "outside:filial".parse().unwrap();
    day.detector.on_evidence(word, day.now);
    day.passes(secs(180), whatsapp_is_silent);
    assert_eq!((day.state(), day.detector.blame()), (ChannelState::Degraded, Blame::BlockedHere));
    let told = day.changes.len();
    day.passes(secs(15), most_control_targets_too);
    day.passes(secs(180), whatsapp_is_silent);
    let since = &day.changes[told..];
    assert!(since.iter().all(|(_, change)| change.blame != Blame::Channel), "{since:?}");
    assert_eq!((day.state(), day.detector.blame()), (ChannelState::Degraded, Blame::BlockedHere));
}

#[test]
fn one_lost_host_of_two_only_degrades() {
    let mut day = Day::new();
    day.passes(secs(600), |probe| match probe.target.contains("web.whatsapp.com") {
        true => Err("timed out"),
        false => Ok(()),
    });
    assert_eq!(day.states(), ["degraded"]);
    day.passes(secs(90), |_| Ok(()));
    assert_eq!(day.state(), ChannelState::Up);
}

#[test]
fn a_persons_word_stands_until_it_expires() {
    let mut day = Day::new();
    day.passes(secs(30), |_| Ok(()));
    let word = Override {
        state: ChannelState::Down,
        reason: "maintenance".to_owned(),
        author: "ana".to_owned(),
        until: Some(day.now + secs(600)),
    };
    let change = day.detector.set_override(word, day.now).unwrap();
    assert_eq!((change.from, change.to), (ChannelState::Up, ChannelState::Down));
    assert_eq!(change.reasons, ["set to down by ana: maintenance"]);
    day.passes(secs(300), |_| Ok(()));
    assert_eq!(day.state(), ChannelState::Down);
    assert_eq!(day.detector.probed_state(), ChannelState::Up);

    let deadline = day.detector.poll_timeout().unwrap();
    assert_eq!(deadline.why, "override expires");
    assert!(day.detector.handle_timeout(day.now).is_none());
    let change = day.detector.handle_timeout(deadline.at).unwrap();
    assert_eq!(change.to, ChannelState::Up);
    assert!(day.detector.poll_timeout().is_none());
}

#[test]
fn a_restart_forgets_neither_the_outage_nor_a_persons_word() {
    let mut day = Day::new();
    day.passes(secs(120), whatsapp_is_silent);
    let word = Override {
        state: ChannelState::Up,
        reason: String::new(),
        author: "ana".to_owned(),
        until: Some(day.now + secs(600)),
    };
    day.detector.set_override(word, day.now);
    let stored = serde_json::to_string(&day.detector.snapshot(day.now, day.wall)).unwrap();

    // The process is away for five minutes; its monotonic clock means nothing afterwards.
    let (now, wall) = (start(), day.wall + jiff::Span::new().minutes(5));
    let mut again = Detector::new(&Config::default()).watching(&probes());
    let restored = again.restore(serde_json::from_str(&stored).unwrap(), now, wall);
    assert!(restored.is_none_or(|change| change.from == change.to), "up as before");
    assert_eq!(again.since(), Some(now - secs(300)), "people are told since when it is so");
    assert_eq!(again.poll_timeout().unwrap().at, now + secs(300));
    let change = again.handle_timeout(now + secs(300)).unwrap();
    assert_eq!(change.to, ChannelState::Down);

    let mut too_late = Detector::new(&Config::default());
    let change = too_late.restore(serde_json::from_str(&stored).unwrap(), now, wall + jiff::Span::new().hours(1));
    assert_eq!(change.unwrap().to, ChannelState::Down);
    assert_eq!(too_late.since(), Some(now), "the word ended meanwhile");
}

#[test]
fn with_short_times_a_test_sees_it_within_seconds() {
    let config: Config = toml::from_str("failures = \"1 of 1\"\ndown_after = \"0s\"\nup_after = \"1s\"").unwrap();
    let mut detector = Detector::new(&config);
    let now = start();
    let mut sees = |outcome: Result<(), &'static str>, after| {
        let probe = Probe::new(Layer::Tcp, "127.0.0.1:9", Role::Channel);
        let evidence = evidence(&probe, outcome, "2026-11-23T12:39:00Z".parse().unwrap());
        detector.on_evidence(evidence, now + after).map(|change| change.to)
    };
    assert_eq!(sees(Ok(()), secs(0)), None);
    assert_eq!(sees(Err("connection refused"), secs(1)), Some(ChannelState::Down));
    assert_eq!(sees(Ok(()), secs(2)), Some(ChannelState::Recovering));
    assert_eq!(sees(Ok(()), secs(3)), Some(ChannelState::Up));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails at random, no state is left before its time, and a dead line of our own changes nothing.
    #[test]
    fn no_state_without_its_hold_time(seed in any::<u64>(), loss in 0.0..1.0_f64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut day = Day::new();
        for _ in 0..6 {
            let loss = if rng.bool() { loss } else { 0.0 };
            day.passes(secs(rng.u64(30..1500)), |probe| {
                match !probe.control && rng.f64() < loss {
                    true => Err("timed out"),
                    false => Ok(()),
                }
            });
            let before = day.detector.probed_state();
            // One interval until the first look, and another for all control targets.
            day.passes(secs(20), |_| Err("network is unreachable"));
            let changed = day.changes.len();
            day.passes(secs(rng.u64(1..300)), |_| Err("network is unreachable"));
            prop_assert_eq!(changed, day.changes.len(), "frozen since {:?}", before);
        }
        let moved: Vec<_> = day.changes.iter().filter(|(_, change)| change.from != change.to).collect();
        for pair in moved.windows(2) {
            let ((at, change), (later, next)) = (&pair[0], &pair[1]);
            prop_assert_eq!(change.to, next.from);
            if next.from == ChannelState::Recovering && next.to != ChannelState::Down {
                prop_assert!(*later - *at >= secs(900));
            }
        }
    }
}

/// A world in which the shipped probes run on a virtual clock.
struct Day {
    detector: Detector,
    schedule: Schedule,
    now: Instant,
    wall: Timestamp,
    changes: Vec<(Instant, Change)>,
}

impl Day {
    fn new() -> Day {
        let now = start();
        let mut schedule = Schedule::default();
        schedule.add("whatsapp", &probes(), secs(10), secs(5), now);
        Day {
            detector: Detector::new(&Config::default()).watching(&probes()),
            schedule,
            now,
            wall: "2021-10-04T15:40:30Z".parse().unwrap(),
            changes: Vec::new(),
        }
    }

    fn passes(&mut self, span: Duration, mut world: impl FnMut(&Probe) -> Result<(), &'static str>) {
        let end = self.now + span;
        while let Some(next) = self.schedule.poll_timeout().filter(|deadline| deadline.at < end) {
            self.moves_to(next.at);
            while let Some(due) = self.schedule.poll_due(self.now) {
                let evidence = evidence(&due.probe, world(&due.probe), self.wall);
                let change = self.detector.on_evidence(evidence, self.now);
                self.changes.extend(change.map(|change| (self.now, change)));
                if !self.detector.is_calm() {
                    self.schedule.hurry("whatsapp", self.now);
                }
            }
        }
        self.moves_to(end);
    }

    fn moves_to(&mut self, moment: Instant) {
        self.wall = self.wall.checked_add(moment - self.now).unwrap();
        self.now = moment;
    }

    fn state(&self) -> ChannelState {
        self.detector.state()
    }

    fn states(&self) -> Vec<&'static str> {
        let moved = self.changes.iter().filter(|(_, change)| change.from != change.to);
        moved.map(|(_, change)| change.to.as_str()).collect()
    }

    fn changes_to(&self, state: ChannelState) -> bool {
        self.changes.iter().any(|(_, change)| change.to == state)
    }

    fn moment_of(&self, state: ChannelState) -> Instant {
        let mut latest = self.changes.iter().rev();
        latest.find(|(_, change)| change.to == state).unwrap().0
    }

    fn change_to(&self, state: ChannelState) -> &Change {
        let mut latest = self.changes.iter().rev();
        &latest.find(|(_, change)| change.to == state).unwrap().1
    }
}

fn whatsapp_is_silent(probe: &Probe) -> Result<(), &'static str> {
    match (probe.control, probe.layer) {
        (true, _) => Ok(()),
        (false, Layer::Dns) => Err("SERVFAIL"),
        (false, _) => Err("timed out"),
    }
}

fn evidence(probe: &Probe, answer: Result<(), &'static str>, at: Timestamp) -> Evidence {
    let outcome = match answer {
        Ok(()) => Outcome::Answered { took: Duration::from_millis(30) },
        Err(why) => Outcome::failed(Fault::Timeout, why),
    };
    probe.evidence(outcome, at)
}

fn probes() -> Vec<Probe> {
    catalogue::with_control(catalogue::WHATSAPP)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
