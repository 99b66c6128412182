//! Hundreds of random calls over bad networks: whatever happens, each ends once at both ends and leaves nothing.

use crate::sip::agent::Event;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::tests::net::CALLEE;
use crate::sip::agent::tests::net::CALLER;
use crate::sip::agent::tests::net::Net;
use crate::sip::agent::tests::net::Weather;
use crate::sip::agent::tests::net::nowhere;
use crate::sip::agent::tests::net::sdp;
use crate::sip::config::Config;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use std::collections::BTreeMap;
use std::time::Duration;

/// What each side does by itself in a random call.
#[derive(Debug)]
struct Script {
    /// Hops before the right one at which nobody answers.
    dead_hops: usize,
    rings_after: Option<Duration>,
    rings: Rings,
    answers_after: Option<Duration>,
    refuses: bool,
    offers_at: [Option<Duration>; 2],
    hangs_up_at: [Option<Duration>; 2],
}

/// How the called side shows that it rings.
#[derive(Debug, Clone, Copy)]
enum Rings {
    Silently,
    /// With media of its own, which the caller confirms: RFC 3262.
    Aloud,
    /// Both, one after the other.
    Twice,
}

impl Script {
    fn random(rng: &mut fastrand::Rng) -> Script {
        let dead_hops = if rng.u8(0..4) == 0 { rng.usize(1..3) } else { 0 };
        let mut sometime = |most: u64| rng.bool().then(|| ms(rng.u64(0..most)));
        Script {
            dead_hops,
            rings_after: sometime(4_000),
            answers_after: sometime(8_000),
            offers_at: [sometime(20_000), sometime(20_000)],
            hangs_up_at: [sometime(30_000), sometime(30_000)],
            refuses: rng.u8(0..5) == 0,
            rings: [Rings::Silently, Rings::Aloud, Rings::Twice][rng.usize(0..3)],
        }
    }
}

/// One random call over a bad network; returns the last event of each side.
fn random_call(seed: u64) -> [Option<SessionEvent>; 2] {
    let mut rng = fastrand::Rng::with_seed(seed);
    let script = Script::random(&mut rng);
    let lost = if seed.is_multiple_of(8) { rng.u8(70..100) } else { rng.u8(0..40) };
    let weather = Weather { lost, doubled: rng.u8(0..40), delay: ms(rng.u64(1..1500)) };
    // Half of it passes between two refreshes, so that a call sees one or two of them.
    let config = Config { session_expires: secs(90), ..Config::default() };
    let mut net = Net::with(&config, seed, weather);
    net.trace.push(format!("{script:?} {weather:?}"));
    let ours = net.call_by(CALLER, &vec![nowhere(); script.dead_hops]);
    let mut story =
        Story { script, sessions: [Some(ours), None], rang_at: None, last: [None, None], ended: BTreeMap::new() };
    for _ in 0..1_400 {
        net.advance(ms(50));
        story.listen(&mut net);
        story.act(&mut net);
    }
    story.finish(&mut net);
    net.nothing_is_left();
    story.listen(&mut net);
    for who in 0..2 {
        let ends = story.ended.get(&who).copied().unwrap_or(0);
        let begun = usize::from(story.sessions[who].is_some());
        assert_eq!(ends, begun, "each session ends once, and only once: {:#?}", net.trace);
    }
    story.last
}

struct Story {
    script: Script,
    sessions: [Option<SessionId>; 2],
    rang_at: Option<Duration>,
    last: [Option<SessionEvent>; 2],
    ended: BTreeMap<usize, usize>,
}

impl Story {
    fn listen(&mut self, net: &mut Net) {
        for who in 0..2 {
            for event in net.heard(who) {
                match event {
                    Event::Invite { transaction, .. } => {
                        assert!(self.sessions[who].is_none(), "one call, one INVITE: {:#?}", net.trace);
                        self.sessions[who] = net.act(who, |agent, now| agent.take(transaction, now));
                        self.rang_at = Some(net.now - net.start);
                    }
                    Event::Session { session, event } => self.on_event(net, who, session, event),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn on_event(&mut self, net: &mut Net, who: usize, session: SessionId, event: SessionEvent) {
        assert_eq!(Some(session), self.sessions[who]);
        assert!(!self.ended.contains_key(&who), "nothing is heard of a session that is gone: {:#?}", net.trace);
        if matches!(event, SessionEvent::Offered { .. }) {
            net.act(who, |agent, now| agent.answer(session, sdp("fine"), now));
        }
        let ends = matches!(
            event,
            SessionEvent::Refused { .. }
                | SessionEvent::Cancelled { .. }
                | SessionEvent::HungUp { .. }
                | SessionEvent::Lost
                | SessionEvent::HangUpDone
        );
        *self.ended.entry(who).or_default() += usize::from(ends);
        if !ends {
            self.ended.remove(&who);
        }
        self.last[who] = Some(event);
    }

    fn act(&mut self, net: &mut Net) {
        let elapsed = net.now - net.start;
        self.ring(net, elapsed);
        self.pick_up(net, elapsed);
        for who in 0..2 {
            let Some(session) = self.sessions[who] else {
                continue;
            };
            if self.script.offers_at[who].take_if(|at| *at <= elapsed).is_some() {
                net.act(who, |agent, now| agent.offer(session, sdp("more"), now));
            }
            if self.script.hangs_up_at[who].take_if(|at| *at <= elapsed).is_some() {
                net.act(who, |agent, now| agent.hang_up(session, None, now));
            }
        }
    }

    fn ring(&mut self, net: &mut Net, elapsed: Duration) {
        let (Some(session), Some(rang_at)) = (self.sessions[CALLEE], self.rang_at) else {
            return;
        };
        if self.script.rings_after.take_if(|after| rang_at + *after <= elapsed).is_none() {
            return;
        }
        let rings = self.script.rings;
        net.act(CALLEE, |agent, now| {
            if !matches!(rings, Rings::Aloud) {
                agent.progress(session, 180, None, now);
            }
            if !matches!(rings, Rings::Silently) {
                agent.progress(session, 183, Some(sdp("early")), now);
            }
        });
    }

    fn pick_up(&mut self, net: &mut Net, elapsed: Duration) {
        let (Some(session), Some(rang_at)) = (self.sessions[CALLEE], self.rang_at) else {
            return;
        };
        let due = |after: &mut Duration| rang_at + *after <= elapsed;
        if self.script.answers_after.take_if(due).is_none() {
            return;
        }
        match self.script.refuses {
            // A refusal that we order is no event.
            true => {
                self.ended.entry(CALLEE).or_insert(1);
                net.act(CALLEE, |agent, now| agent.reject(session, 486, None, now));
            }
            false => net.act(CALLEE, |agent, now| agent.accept(session, sdp("answer"), now)),
        }
    }

    /// Whoever still has the call ends it.
    fn finish(&mut self, net: &mut Net) {
        for who in 0..2 {
            if let Some(session) = self.sessions[who] {
                net.act(who, |agent, now| agent.hang_up(session, None, now));
            }
        }
    }
}

#[test]
fn every_call_over_a_bad_network_ends_once_at_both_ends_and_leaves_nothing() {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..600 {
        let last = random_call(seed);
        for event in last.into_iter().flatten() {
            let name = format!("{event:?}").split([' ', '{']).next().unwrap_or_default().to_owned();
            *ends.entry(name).or_default() += 1;
        }
    }
    for expected in ["HangUpDone", "HungUp", "Cancelled", "Refused", "Lost"] {
        assert!(ends.contains_key(expected), "600 calls tried every end: {ends:?}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    assert_eq!(random_call(42), random_call(42));
}
