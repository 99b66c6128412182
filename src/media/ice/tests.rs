//! A lite agent meets a full one, strangers and garbage; time is handed in.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::media::ice::agent::Agent;
use crate::media::ice::agent::Verdict;
use crate::media::security::Candidate;
use crate::media::security::CandidateKind;
use crate::media::security::Ice;
use crate::media::security::IceCredentials;
use crate::media::security::IceKind;
use crate::media::security::IceRole;
use crate::media::stun;
use crate::media::stun::Claim;
use crate::media::stun::Class;
use crate::media::stun::Writer;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: name.to_owned(), password: format!("{name}-knows-a-long-password") }
}

fn terms(far: IceKind, candidates: &[(&str, u32)]) -> Ice {
    let candidate = |(at, priority): &(&str, u32)| Candidate {
        address: address(at),
        priority: *priority,
        kind: CandidateKind::Host,
    };
    Ice {
        ours: credentials("ours"),
        theirs: credentials("theirs"),
        role: if far == IceKind::Full { IceRole::Controlled } else { IceRole::Controlling },
        far,
        candidates: candidates.iter().map(candidate).collect(),
        end_of_candidates: true,
    }
}

fn lite() -> Agent {
    Agent::new(terms(IceKind::Full, &[]), fastrand::Rng::with_seed(1), start())
}

fn check(number: u8) -> Writer {
    Writer::new(Class::Request, [number; 12]).username("ours:theirs").priority(100).claim(Claim::Controlling(4))
}

const PASSWORD: &str = "ours-knows-a-long-password";

#[test]
fn a_check_with_proof_is_answered_and_its_address_becomes_the_path() {
    let mut agent = lite();
    assert_eq!(agent.path(), None);
    let (browser, now) = (address("203.0.113.9:61000"), start());
    let request = check(1).finish(PASSWORD);
    assert_eq!(agent.on_datagram(&request, browser, now), Verdict::Understood);
    let (to, answer) = agent.poll_transmit().unwrap();
    let read = stun::read(&answer).unwrap();
    assert_eq!((to, read.class, read.mapped), (browser, Class::Success, Some(browser)));
    assert!(read.is_proven(PASSWORD));
    assert!(answer.len() <= request.len(), "{} for {}", answer.len(), request.len());
    assert_eq!(agent.path(), Some(browser), "before a choice the first that proved itself");
    let other = address("203.0.113.9:61001");
    agent.on_datagram(&check(2).nominate().finish(PASSWORD), other, now);
    assert_eq!(agent.path(), Some(other), "what was chosen");
    assert!(agent.has_proven(browser) && agent.has_proven(other));
}

#[test]
fn strangers_get_no_answer_and_no_packet() {
    let mut agent = lite();
    let stranger = address("198.51.100.1:9");
    let wrong = [
        check(1).finish("another password"),
        Writer::new(Class::Request, [1; 12]).username("nobody:theirs").finish(PASSWORD),
        Writer::new(Class::Request, [1; 12]).finish(PASSWORD),
        Writer::new(Class::Success, [1; 12]).mapped(stranger).finish(PASSWORD),
        vec![0; 20],
        check(1).finish(PASSWORD)[..60].to_vec(),
    ];
    for datagram in wrong {
        assert_eq!(agent.on_datagram(&datagram, stranger, start()), Verdict::Refused);
    }
    assert!(agent.poll_transmit().is_none() && agent.path().is_none());
}

#[test]
fn a_far_side_that_would_be_chosen_for_is_told_to_choose() {
    let mut agent = lite();
    let request = Writer::new(Class::Request, [1; 12]).username("ours:theirs").claim(Claim::Controlled(9));
    agent.on_datagram(&request.finish(PASSWORD), address("203.0.113.9:1"), start());
    let (_, answer) = agent.poll_transmit().unwrap();
    assert_eq!(stun::read(&answer).unwrap().error, Some(487));
    assert_eq!(agent.path(), None);
}

#[test]
fn of_all_that_are_nominated_the_best_that_lives_is_the_path() {
    let (mut agent, now) = (lite(), start());
    let nominate = |number, priority| {
        let writer = Writer::new(Class::Request, [number; 12]).username("ours:theirs").priority(priority).nominate();
        writer.finish(PASSWORD)
    };
    let (best, worse) = (address("192.0.2.1:1"), address("192.0.2.2:2"));
    agent.on_datagram(&nominate(1, 10), worse, now);
    agent.on_datagram(&nominate(2, 20), best, now);
    agent.on_datagram(&nominate(3, 10), worse, now);
    assert_eq!(agent.path(), Some(best));
    agent.on_datagram(&nominate(4, 10), worse, now + Duration::from_secs(9));
    assert_eq!(agent.path(), Some(worse), "the best is gone");
}

#[test]
fn a_worse_path_that_is_nominated_again_while_the_best_is_not_takes_its_place() {
    let (mut agent, began) = (lite(), start());
    let (best, worse) = (address("192.0.2.1:1"), address("192.0.2.2:2"));
    let mut nominated = |number, at, priority, ms| {
        let writer = Writer::new(Class::Request, [number; 12]).username("ours:theirs").priority(priority).nominate();
        agent.on_datagram(&writer.finish(PASSWORD), at, began + Duration::from_millis(ms));
        agent.path()
    };
    // Who nominates as he goes checks both.
    for round in 0..5_u8 {
        let at = u64::from(round) * 2_500;
        assert_eq!(nominated(round, best, 20, at), Some(best));
        assert_eq!(nominated(100 + round, worse, 10, at + 20), Some(best));
        assert_eq!(nominated(100 + round, worse, 10, at + 520), Some(best), "its answer was lost");
    }
    // Then the best dies, and the worse alone is chosen.
    assert_eq!(nominated(200, worse, 10, 12_600), Some(worse));
    assert_eq!(nominated(201, best, 20, 12_700), Some(best), "it is back");
    assert_eq!(nominated(202, worse, 10, 12_800), Some(best));
    assert_eq!(nominated(203, worse, 10, 13_300), Some(worse));
}

#[test]
fn a_restart_keeps_the_path_until_another_is_chosen() {
    let (mut agent, now) = (lite(), start());
    let (old, new) = (address("192.0.2.1:1"), address("192.0.2.2:2"));
    agent.on_datagram(&check(1).nominate().finish(PASSWORD), old, now);
    let again = Ice { ours: credentials("again"), ..terms(IceKind::Full, &[]) };
    agent.reconnect(again, fastrand::Rng::with_seed(2), now);
    assert_eq!(agent.path(), Some(old));
    assert_eq!(agent.on_datagram(&check(2).finish(PASSWORD), new, now), Verdict::Refused, "the old password");
    let request = Writer::new(Class::Request, [3; 12]).username("again:theirs").priority(1).nominate();
    agent.on_datagram(&request.finish("again-knows-a-long-password"), new, now);
    assert_eq!(agent.path(), Some(new));
}

/// A far side that is lite and lives at some of its candidates only.
struct Far {
    agent: Agent,
    at: Vec<SocketAddr>,
}

impl Far {
    fn new(at: &[&str], now: Instant) -> Far {
        let mirrored = Ice { ours: credentials("theirs"), theirs: credentials("ours"), ..terms(IceKind::Full, &[]) };
        let agent = Agent::new(mirrored, fastrand::Rng::with_seed(3), now);
        Far { agent, at: at.iter().map(|at| address(at)).collect() }
    }

    /// Carries everything to and fro, as a network does.
    fn meets(&mut self, full: &mut Agent, us: SocketAddr, now: Instant) -> usize {
        full.handle_timeout(now);
        let mut asked = 0;
        while let Some((to, request)) = full.poll_transmit() {
            asked += 1;
            if !self.at.contains(&to) {
                continue;
            }
            self.agent.on_datagram(&request, us, now);
            while let Some((back, answer)) = self.agent.poll_transmit() {
                assert_eq!(back, us);
                full.on_datagram(&answer, to, now);
            }
        }
        asked
    }
}

#[test]
fn towards_a_far_side_that_is_lite_we_check_choose_and_ask_for_consent() {
    let (us, began) = (address("192.0.2.7:7000"), start());
    let candidates = [("10.0.0.1:1", 300), ("203.0.113.1:2", 200), ("203.0.113.2:3", 100)];
    let mut full = Agent::new(terms(IceKind::Lite, &candidates), fastrand::Rng::with_seed(5), began);
    let mut far = Far::new(&["203.0.113.1:2", "203.0.113.2:3"], began);
    let mut now = began;
    assert!(full.is_searching());
    while full.path().is_none() {
        assert!(far.meets(&mut full, us, now) <= 2);
        now += Duration::from_millis(20);
        assert!(now < began + Duration::from_secs(2), "{full:?}");
    }
    assert_eq!(full.path(), Some(address("203.0.113.1:2")), "the best that answers");
    assert_eq!(far.agent.path(), Some(us), "nominated there as well");
    assert!(!full.is_searching());
    // One request for consent every five seconds, and none is answered any more after a while.
    let asked: usize = (0..20).map(|second| far.meets(&mut full, us, now + Duration::from_secs(second))).sum();
    assert!((3..=5).contains(&asked), "{asked}");
    assert_eq!(full.path(), Some(address("203.0.113.1:2")));
    far.at.clear();
    (20..60).for_each(|second| {
        far.meets(&mut full, us, now + Duration::from_secs(second));
    });
    assert_eq!(full.path(), None, "without consent nothing is sent");
}

#[test]
fn a_far_side_that_is_lite_and_restarts_is_not_left_in_silence_until_a_check_has_passed() {
    let (us, began) = (address("192.0.2.7:7000"), start());
    let mut full = Agent::new(terms(IceKind::Lite, &[("203.0.113.1:2", 200)]), fastrand::Rng::with_seed(5), began);
    let mut far = Far::new(&["203.0.113.1:2"], began);
    let turn = Duration::from_millis(20);
    let mut now = began;
    while full.path().is_none() {
        far.meets(&mut full, us, now);
        now += turn;
    }
    let old = full.path();
    // It moves to another address, and names itself anew.
    let again = Ice { theirs: credentials("again"), ..terms(IceKind::Lite, &[("203.0.113.9:9", 200)]) };
    full.reconnect(again, fastrand::Rng::with_seed(6), now);
    assert_eq!(full.path(), old, "at once");
    full.handle_timeout(now);
    let (to, _) = full.poll_transmit().expect("a check at once");
    assert_eq!((to, full.path()), (address("203.0.113.9:9"), old));
    let mirrored = Ice { ours: credentials("again"), theirs: credentials("ours"), ..terms(IceKind::Full, &[]) };
    let moved = Agent::new(mirrored, fastrand::Rng::with_seed(7), now);
    let mut far = Far { agent: moved, at: vec![address("203.0.113.9:9")] };
    let restarted = now;
    while full.path() == old {
        now += turn;
        far.meets(&mut full, us, now);
        assert!(now < restarted + Duration::from_secs(2), "{full:?}");
    }
    assert_eq!(full.path(), Some(address("203.0.113.9:9")));
}

#[test]
fn a_path_from_before_a_restart_lasts_no_longer_than_consent() {
    let (us, began) = (address("192.0.2.7:7000"), start());
    let mut full = Agent::new(terms(IceKind::Lite, &[("203.0.113.1:2", 200)]), fastrand::Rng::with_seed(5), began);
    let mut far = Far::new(&["203.0.113.1:2"], began);
    (0..100).for_each(|turn| {
        far.meets(&mut full, us, began + turn * Duration::from_millis(20));
    });
    let now = began + Duration::from_secs(2);
    let again = Ice { theirs: credentials("again"), ..terms(IceKind::Lite, &[("203.0.113.9:9", 200)]) };
    full.reconnect(again, fastrand::Rng::with_seed(6), now);
    far.at.clear();
    for second in 0..40 {
        far.meets(&mut full, us, now + Duration::from_secs(second));
        assert_eq!(full.path().is_some(), second < 30, "{second}");
    }
}

#[test]
fn a_far_side_that_never_answers_is_asked_seven_times() {
    let began = start();
    let mut full = Agent::new(terms(IceKind::Lite, &[("10.0.0.1:1", 3)]), fastrand::Rng::with_seed(5), began);
    let mut far = Far::new(&[], began);
    let asked: usize = (0..6000)
        .map(|turn| far.meets(&mut full, address("192.0.2.7:1"), began + turn * Duration::from_millis(20)))
        .sum();
    assert_eq!(asked, 7);
}
