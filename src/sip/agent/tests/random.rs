//! Random calls over bad networks, as many as wanted: whatever happens, each ends once at both ends and leaves nothing.
//!
//! `DESVIO_CALLS` sets how many there are (default 2,000), `DESVIO_SEED` the first seed. A call that fails prints its seed
//! and all that was sent and heard.

use crate::sip::agent::Event;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::agent::tests::hostile::setting;
use crate::sip::agent::tests::net::CALLEE;
use crate::sip::agent::tests::net::CALLER;
use crate::sip::agent::tests::net::Net;
use crate::sip::agent::tests::net::nowhere;
use crate::sip::agent::tests::net::sdp;
use crate::sip::agent::tests::weather::Weather;
use crate::sip::config::Config;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;
use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

/// What each side does by itself in a random call.
#[derive(Debug)]
struct Script {
    /// Hops before the right one at which nobody answers.
    dead_hops: usize,
    rings_after: Option<Duration>,
    rings: Rings,
    answers_after: Option<Duration>,
    refuses: bool,
    offers_at: [Vec<Duration>; 2],
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
        let rings = [Rings::Silently, Rings::Aloud, Rings::Twice][rng.usize(0..3)];
        let mut sometime = |most: u64| rng.bool().then(|| ms(rng.u64(0..most)));
        let (rings_after, answers_after) = (sometime(4_000), sometime(8_000));
        let hangs_up_at = [sometime(30_000), sometime(30_000)];
        let mut offers = || {
            let mut offers: Vec<Duration> = (0..rng.u64(0..4)).map(|_| ms(rng.u64(0..20_000))).collect();
            offers.sort_by(|one, other| other.cmp(one));
            offers
        };
        let offers_at = [offers(), offers()];
        let refuses = rng.u8(0..5) == 0;
        Script { dead_hops, rings_after, rings, answers_after, refuses, offers_at, hangs_up_at }
    }

    /// When somebody does something next.
    fn next(&self) -> Option<Duration> {
        let offers = self.offers_at.iter().filter_map(|offers| offers.last().copied());
        offers.chain(self.hangs_up_at.iter().flatten().copied()).min()
    }
}

/// From bad to dreadful; one time in eight so bad that hardly anything comes through.
fn random_weather(rng: &mut fastrand::Rng) -> Weather {
    let lost = if rng.u8(0..8) == 0 { rng.u8(70..100) } else { rng.u8(0..40) };
    let delay = ms(rng.u64(1..1_500));
    Weather { lost, doubled: rng.u8(0..40), delay, failures: rng.u16(0..20) }
}

/// Whether calls can be expected to work out in the end.
fn is_bearable(weather: Weather) -> bool {
    weather.lost < 40 && weather.failures == 0
}

/// How one random call went.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The last event of each side.
    last: [Option<SessionEvent>; 2],
    /// Both sides talked when the network had calmed down.
    talked: bool,
}

/// The scripts are played out, and what is repeated has been given up.
const PLAYED_OUT: Duration = Duration::from_secs(70);

fn random_call(seed: u64) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(seed);
    let script = Script::random(&mut rng);
    let weather = random_weather(&mut rng);
    // Half of it passes between two refreshes, so that a call sees some of them.
    let config = Config { session_expires: secs(90), ..Config::default() };
    let mut net = Net::with(&config, seed, weather);
    net.trace.push(format!("{script:?} {weather:?}"));
    let ours = net.call_by(CALLER, &vec![nowhere(); script.dead_hops]);
    let mut story = Story {
        script,
        sessions: [Some(ours), None],
        rang_at: None,
        stands: [false; 2],
        last: [None, None],
        ended: BTreeMap::new(),
    };
    story.plays_until(PLAYED_OUT, &mut net);
    net.calms_down();
    story.plays_until(PLAYED_OUT + secs(150), &mut net);
    let talk = [CALLER, CALLEE].map(|who| story.is_talking(who));
    if is_bearable(weather) {
        assert_eq!(talk[CALLER], talk[CALLEE], "both sides end in the same state: {:#?}", net.trace);
    }
    story.finish(&mut net);
    net.nothing_is_left();
    story.listen(&mut net);
    for who in 0..2 {
        let ends = story.ended.get(&who).copied().unwrap_or(0);
        let begun = usize::from(story.sessions[who].is_some());
        assert_eq!(ends, begun, "each session ends once, and only once: {:#?}", net.trace);
    }
    Outcome { last: story.last, talked: talk == [true, true] }
}

struct Story {
    script: Script,
    sessions: [Option<SessionId>; 2],
    rang_at: Option<Duration>,
    /// Whose side has heard that the call is answered.
    stands: [bool; 2],
    last: [Option<SessionEvent>; 2],
    ended: BTreeMap<usize, usize>,
}

impl Story {
    /// Time moves from one thing that happens to the next.
    fn plays_until(&mut self, end: Duration, net: &mut Net) {
        let end = net.start + end;
        while let Some(at) = self.next(net).filter(|at| *at <= end) {
            net.advance(at.saturating_duration_since(net.now));
            self.listen(net);
            self.act(net);
        }
        net.advance(end.saturating_duration_since(net.now));
        self.listen(net);
    }

    fn next(&self, net: &mut Net) -> Option<Instant> {
        let since_rang = |after: Option<Duration>| self.rang_at.zip(after).map(|(rang_at, after)| rang_at + after);
        let (rings, picks_up) = (since_rang(self.script.rings_after), since_rang(self.script.answers_after));
        let deeds = [self.script.next(), rings, picks_up].map(|deed| deed.map(|deed| net.start + deed));
        deeds.into_iter().chain([net.next()]).flatten().min()
    }

    fn is_talking(&self, who: usize) -> bool {
        self.stands[who] && !self.ended.contains_key(&who)
    }

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
        self.stands[who] |= matches!(event, SessionEvent::Accepted { .. } | SessionEvent::Confirmed { .. });
        let ends = matches!(
            event,
            SessionEvent::Refused { .. }
                | SessionEvent::Cancelled { .. }
                | SessionEvent::HungUp { .. }
                | SessionEvent::Lost
                | SessionEvent::HangUpDone
        );
        if ends {
            *self.ended.entry(who).or_default() += 1;
        }
        self.last[who] = Some(event);
    }

    fn act(&mut self, net: &mut Net) {
        let elapsed = net.now - net.start;
        self.ring(net, elapsed);
        self.pick_up(net, elapsed);
        for who in 0..2 {
            let offers = &mut self.script.offers_at[who];
            let offers = offers.pop_if(|at| *at <= elapsed).is_some();
            let hangs_up = self.script.hangs_up_at[who].take_if(|at| *at <= elapsed).is_some();
            let Some(session) = self.sessions[who] else {
                continue;
            };
            if offers {
                net.act(who, |agent, now| agent.offer(session, sdp("more"), now));
            }
            if hangs_up {
                net.act(who, |agent, now| agent.hang_up(session, None, now));
            }
        }
    }

    fn ring(&mut self, net: &mut Net, elapsed: Duration) {
        let Some(rang_at) = self.rang_at else {
            return;
        };
        let is_due = self.script.rings_after.take_if(|after| rang_at + *after <= elapsed).is_some();
        let Some(session) = self.sessions[CALLEE].filter(|_| is_due) else {
            return;
        };
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
        let Some(rang_at) = self.rang_at else {
            return;
        };
        let is_due = self.script.answers_after.take_if(|after| rang_at + *after <= elapsed).is_some();
        let Some(session) = self.sessions[CALLEE].filter(|_| is_due) else {
            return;
        };
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
    let (first, calls) = (setting("DESVIO_SEED", 0), setting("DESVIO_CALLS", 2_000));
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + calls {
        let outcome = random_call(seed);
        *ends.entry("talked".to_owned()).or_default() += u64::from(outcome.talked);
        for event in outcome.last.into_iter().flatten() {
            let name = format!("{event:?}").split([' ', '{']).next().unwrap_or_default().to_owned();
            *ends.entry(name).or_default() += 1;
        }
    }
    for expected in ["talked", "HangUpDone", "HungUp", "Cancelled", "Refused", "Lost"] {
        assert!(ends.get(expected).is_some_and(|count| count * 100 > calls), "every end was tried: {ends:?}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    assert_eq!(random_call(42), random_call(42));
}
