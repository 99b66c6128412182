//! Stories of callers and agents, told on virtual time.

use std::time::Duration;
use std::time::Instant;

use crate::queue::agent::AgentError;
use crate::queue::agent::AgentId;
use crate::queue::agent::Reachability;
use crate::queue::agent::Wish;
use crate::queue::config::Config;
use crate::queue::config::StrategyName;
use crate::queue::effect::Answer;
use crate::queue::effect::Effect;
use crate::queue::effect::JoinError;
use crate::queue::effect::Refusal;
use crate::queue::effect::WaiterId;
use crate::queue::queues::Queues;

#[test]
fn a_caller_reaches_the_only_agent() {
    let mut desk = Desk::with(Config::named("vendas", &["200"]));
    desk.arrives("200");
    assert_eq!(desk.joins("vendas", 1), Ok(1));
    desk.hears(&["ring 200 for 1"]);
    assert_eq!(desk.answers(1, "200"), Answer::Taken);
    desk.hears(&[]);
    assert_eq!(desk.queues.waiting("vendas"), Some(0));
    assert_eq!(desk.state_of("200"), "talking");
    desk.ends("200");
    assert_eq!(desk.state_of("200"), "wrap-up");
    desk.after(secs(10));
    assert_eq!(desk.state_of("200"), "available");
}

#[test]
fn who_does_not_answer_in_time_is_left_in_peace_and_the_next_is_tried() {
    let mut desk =
        Desk::with(Config { strategy: StrategyName::InOrder, ..Config::named("vendas", &["200", "201", "202"]) });
    for agent in ["200", "201", "202"] {
        desk.arrives(agent);
    }
    desk.joins("vendas", 1).unwrap();
    desk.hears(&["ring 200 for 1"]);
    desk.after(secs(20));
    desk.hears(&["stop 200 for 1", "ring 201 for 1"]);
    desk.refuses(1, "201", Refusal::Declined);
    desk.hears(&["ring 202 for 1"]);
    // 200 and 201 are at peace again, but this round has not yet heard 202.
    desk.after(secs(10));
    desk.hears(&[]);
    desk.refuses(1, "202", Refusal::Busy);
    desk.hears(&["ring 200 for 1"]);
}

#[test]
fn when_the_only_agent_declines_the_phone_rings_again_after_a_pause() {
    let mut desk = Desk::with(Config { retry_after: Duration::ZERO, ..Config::named("vendas", &["200"]) });
    desk.arrives("200");
    desk.joins("vendas", 1).unwrap();
    desk.refuses(1, "200", Refusal::Declined);
    desk.hears(&["ring 200 for 1"]);
    assert_eq!(desk.queues.poll_timeout().unwrap().why, "agent may be tried again");
    desk.after(millis(999));
    desk.hears(&[]);
    desk.after(millis(1));
    desk.hears(&["ring 200 for 1"]);
}

#[test]
fn an_agent_of_two_queues_serves_who_has_waited_longest() {
    let mut desk = Desk::of(vec![Config::named("vendas", &["200"]), Config::named("suporte", &["200"])]);
    desk.arrives("200");
    desk.joins("vendas", 1).unwrap();
    desk.joins("suporte", 2).unwrap();
    desk.joins("vendas", 3).unwrap();
    desk.hears(&["ring 200 for 1"]);
    desk.answers(1, "200");
    desk.ends("200");
    desk.after(secs(10));
    desk.hears(&["position 3 is 1", "ring 200 for 2"]);
    desk.leaves(2);
    desk.hears(&["stop 200 for 2", "ring 200 for 3"]);
}

#[test]
fn a_caller_who_gives_up_while_the_phone_rings_silences_it() {
    let mut desk = Desk::with(Config::named("vendas", &["200"]));
    desk.arrives("200");
    desk.joins("vendas", 1).unwrap();
    desk.leaves(1);
    desk.hears(&["ring 200 for 1", "stop 200 for 1"]);
    assert_eq!(desk.answers(1, "200"), Answer::TooLate);
    assert_eq!(desk.state_of("200"), "available");
    assert!(desk.queues.poll_timeout().is_none());
}

#[test]
fn everybody_rings_and_the_first_to_pick_up_gets_the_caller() {
    let mut desk =
        Desk::with(Config { strategy: StrategyName::RingAll, ..Config::named("vendas", &["200", "201", "202"]) });
    desk.arrives("200");
    desk.arrives("201");
    desk.joins("vendas", 1).unwrap();
    desk.hears(&["ring 200 for 1", "ring 201 for 1"]);
    desk.arrives("202");
    desk.hears(&["ring 202 for 1"]);
    desk.joins("vendas", 2).unwrap();
    desk.refuses(1, "200", Refusal::Declined);
    desk.hears(&[]);
    desk.answers(1, "201");
    desk.hears(&["stop 202 for 1", "position 2 is 1", "ring 202 for 2"]);
    desk.after(secs(5));
    desk.hears(&["ring 200 for 2"]);
}

#[test]
fn positions_are_told_to_the_first_ten_as_they_move_up() {
    let mut desk = Desk::with(Config::named("vendas", &["200"]));
    desk.arrives("200");
    for caller in 1..=13 {
        assert_eq!(desk.joins("vendas", caller), Ok(caller as usize));
    }
    desk.drain();
    desk.leaves(9);
    desk.hears(&["position 10 is 9", "position 11 is 10"]);
    assert_eq!(desk.queues.position(WaiterId(13)), Some(12));
}

#[test]
fn nobody_is_let_in_where_nobody_can_ever_answer() {
    let mut desk = Desk::with(Config { max_waiting: 1, ..Config::named("vendas", &["200"]) });
    let unknown = JoinError::Unknown { queue: "compras".to_owned() };
    assert_eq!(desk.joins("compras", 1), Err(unknown));
    assert_eq!(desk.joins("vendas", 1), Err(JoinError::NobodySignedIn));
    desk.arrives("200");
    desk.wishes("200", Wish::SignedOut);
    assert_eq!(desk.joins("vendas", 1), Err(JoinError::NobodySignedIn));
    desk.wishes("200", Wish::Paused { reason: "café".to_owned() });
    assert_eq!(desk.joins("vendas", 1), Ok(1));
    assert_eq!(desk.joins("vendas", 2), Err(JoinError::Full { waiting: 1 }));
    desk.hears(&[]);
    desk.wishes("200", Wish::Available);
    desk.hears(&["ring 200 for 1"]);
}

#[test]
fn a_busy_agent_counts_as_signed_in_even_when_the_registration_lapses() {
    let mut desk = Desk::with(Config::named("vendas", &["200"]));
    desk.arrives("200");
    desk.joins("vendas", 1).unwrap();
    desk.answers(1, "200");
    desk.goes("200");
    assert_eq!(desk.joins("vendas", 2), Ok(1));
    desk.ends("200");
    desk.after(secs(10));
    desk.hears(&["ring 200 for 1"]);
    assert_eq!(desk.joins("vendas", 3), Err(JoinError::NobodySignedIn));
}

#[test]
fn an_agent_who_takes_another_call_goes_on_a_break_or_vanishes_stops_ringing() {
    let mut desk = Desk::with(Config { strategy: StrategyName::InOrder, ..Config::named("vendas", &["200", "201"]) });
    desk.arrives("200");
    desk.arrives("201");
    desk.joins("vendas", 1).unwrap();
    desk.drain();
    desk.queues.on_engaged(&id("200"), desk.now);
    desk.hears(&["stop 200 for 1", "ring 201 for 1"]);
    desk.goes("201");
    desk.hears(&["stop 201 for 1"]);
    desk.queues.on_free(&id("200"), desk.now);
    desk.hears(&["ring 200 for 1"]);
    desk.wishes("200", Wish::SignedOut);
    desk.hears(&["stop 200 for 1"]);
    assert_eq!(desk.queues.waiting("vendas"), Some(1));
}

#[test]
fn work_is_shared_out_evenly_by_every_strategy_that_promises_it() {
    for strategy in [StrategyName::LongestIdle, StrategyName::RoundRobin, StrategyName::FewestCalls] {
        let mut desk = Desk::with(Config {
            strategy,
            wrap_up: Duration::ZERO,
            ..Config::named("vendas", &["200", "201", "202", "203"])
        });
        for agent in ["200", "201", "202", "203"] {
            desk.arrives(agent);
        }
        for caller in 0..400 {
            desk.after(secs(1));
            desk.joins("vendas", caller).unwrap();
            let agent = desk.rung_agent();
            desk.answers(caller, &agent);
            desk.ends(&agent);
        }
        for agent in desk.queues.agents(desk.now) {
            assert_eq!(agent.calls, 100, "{strategy:?} {}", agent.number);
        }
    }
}

#[test]
fn callers_are_served_in_the_order_of_their_arrival() {
    let mut desk =
        Desk::with(Config { wrap_up: Duration::ZERO, max_waiting: 5_000, ..Config::named("vendas", &["200"]) });
    desk.arrives("200");
    for caller in 0..5_000 {
        desk.joins("vendas", caller).unwrap();
    }
    for caller in 0..5_000 {
        assert_eq!(desk.answers(caller, "200"), Answer::Taken);
        desk.ends("200");
        desk.drain();
    }
    assert_eq!(desk.queues.view(desk.now)[0].answered, 5_000);
}

#[test]
fn an_agent_nobody_knows_has_no_state() {
    let mut desk = Desk::with(Config::named("vendas", &["200"]));
    let refused = desk.queues.set_state(&id("999"), Wish::Available, desk.now);
    assert_eq!(refused, Err(AgentError::Unknown { agent: "999".to_owned() }));
}

/// The queues on a table, with a clock that is moved by hand.
struct Desk {
    queues: Queues,
    now: Instant,
}

impl Desk {
    fn with(config: Config) -> Desk {
        Desk::of(vec![config])
    }

    fn of(configs: Vec<Config>) -> Desk {
        Desk { queues: Queues::new(configs), now: start() }
    }

    fn arrives(&mut self, agent: &str) {
        self.queues.on_reachable(&id(agent), Reachability::Registered, self.now);
    }

    fn goes(&mut self, agent: &str) {
        self.queues.on_reachable(&id(agent), Reachability::Unregistered, self.now);
    }

    fn wishes(&mut self, agent: &str, wish: Wish) {
        self.queues.set_state(&id(agent), wish, self.now).unwrap();
    }

    fn joins(&mut self, queue: &str, caller: u64) -> Result<usize, JoinError> {
        self.queues.join(queue, WaiterId(caller), self.now)
    }

    fn leaves(&mut self, caller: u64) {
        self.queues.leave(WaiterId(caller), self.now);
    }

    fn answers(&mut self, caller: u64, agent: &str) -> Answer {
        self.queues.on_answered(WaiterId(caller), &id(agent), self.now)
    }

    fn refuses(&mut self, caller: u64, agent: &str, refusal: Refusal) {
        self.queues.on_refused(WaiterId(caller), &id(agent), refusal, self.now);
    }

    fn ends(&mut self, agent: &str) {
        self.queues.on_talk_ended(&id(agent), self.now);
    }

    /// Moves the clock and wakes the queues at each of their deadlines on the way.
    fn after(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.queues.poll_timeout().filter(|due| due.at <= end) {
            self.now = deadline.at;
            self.queues.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn state_of(&self, agent: &str) -> &'static str {
        let mut agents = self.queues.agents(self.now).into_iter();
        agents.find(|view| view.number.0 == agent).map(|view| view.state).unwrap()
    }

    /// The agent of the newest ringing.
    fn rung_agent(&mut self) -> String {
        match self.queues.poll_effect() {
            Some(Effect::Ring { agent, .. }) => agent.0,
            other => panic!("nobody rings: {other:?}"),
        }
    }

    fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.queues.poll_effect())
            .map(|effect| match effect {
                Effect::Ring { waiter, agent, .. } => format!("ring {agent} for {}", waiter.0),
                Effect::StopRinging { waiter, agent, .. } => format!("stop {agent} for {}", waiter.0),
                Effect::Position { waiter, position } => {
                    format!("position {} is {position}", waiter.0)
                }
            })
            .collect()
    }

    /// Exactly this, since the last time.
    fn hears(&mut self, expected: &[&str]) {
        assert_eq!(self.drain(), expected);
    }
}

fn id(agent: &str) -> AgentId {
    AgentId(agent.to_owned())
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
