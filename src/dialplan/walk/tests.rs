//! The rules of a walk, each shown by what it orders.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::dialplan::dial_order::Acceptance;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::example::DESIGN;
use crate::dialplan::example::program;
use crate::dialplan::example::secs;
use crate::dialplan::example::start;
use crate::dialplan::example::with_steps;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::order::DialTarget;
use crate::dialplan::scene::ChannelGlance;
use crate::dialplan::scene::ExtensionState;
use crate::dialplan::scene::QueueGlance;
use crate::outage::ChannelState;

/// A Monday morning on which WhatsApp works, an agent is free and 200 is registered.
struct Calm {
    down: bool,
}

impl Scene for Calm {
    fn wall(&self, _now: Instant) -> Timestamp {
        "2026-11-23T10:00:00-03:00".parse().unwrap()
    }

    fn channel(&self, _name: &str, _now: Instant) -> ChannelGlance {
        let state = if self.down { ChannelState::Down } else { ChannelState::Up };
        ChannelGlance { state, since: None }
    }

    fn queue(&self, _name: &str, _now: Instant) -> QueueGlance {
        QueueGlance { signed_in: 2, free: 1, ..QueueGlance::default() }
    }

    fn extension(&self, number: &str) -> ExtensionState {
        match number {
            "200" => ExtensionState::Free,
            _ => ExtensionState::Unreachable,
        }
    }

    fn calls(&self) -> usize {
        1
    }

    fn calls_over(&self, _trunk: &str) -> usize {
        0
    }
}

struct Bench {
    walk: Walk,
    start: Instant,
    now: Instant,
    scene: Calm,
}

impl Bench {
    fn of(text: &str) -> Bench {
        let program = program(text);
        let flow = program.flow_for("+551140031234").unwrap();
        let caller = Caller::new("+5511999998888", "+551140031234", None);
        let start = start();
        Bench { walk: Walk::new(program, flow, caller, "pt-BR", 7), start, now: start, scene: Calm { down: false } }
    }

    /// These steps, begun and answered.
    fn at(steps: &str) -> Bench {
        let mut bench = Bench::of(&with_steps(steps));
        bench.tell(Happening::Answered);
        bench
    }

    /// What is ordered because of it.
    fn tell(&mut self, happening: Happening) -> Vec<Order> {
        self.walk.handle(happening, &self.scene, self.now);
        self.orders()
    }

    fn press(&mut self, key: char) -> Vec<Order> {
        self.tell(Happening::Digit(key))
    }

    /// Lets so much time pass that the walk's own deadline is over.
    fn wait(&mut self, seconds: u64) -> Vec<Order> {
        self.now += secs(seconds);
        self.walk.handle_timeout(&self.scene, self.now);
        self.orders()
    }

    fn orders(&mut self) -> Vec<Order> {
        std::iter::from_fn(|| self.walk.poll_order()).collect()
    }

    fn wakes_after(&self) -> Option<Duration> {
        self.walk.poll_timeout().map(|deadline| deadline.at - self.start)
    }
}

fn play(prompt: &str) -> Order {
    Order::Play { prompts: vec![prompt.to_owned()], language: "pt-BR".to_owned() }
}

fn hangup(cause: HangupCause) -> Order {
    Order::Hangup { cause }
}

fn join() -> Order {
    Order::JoinQueue { queue: "vendas".to_owned() }
}

fn dial(target: DialTarget, seconds: u64) -> Order {
    Order::Dial(Box::new(DialOrder::plain(target, secs(seconds))))
}

fn ana() -> DialTarget {
    DialTarget::Extension("200".to_owned())
}

const MENU: &str = "menu \"main-menu\" wait=\"5s\" tries=2 {\nkey \"1\" { play \"closed\" }\nkey \"2\" { menu \"main-menu\" { key \"3\" { play \"holiday\" } } }\notherwise { play \"all-busy\" }\n}";

#[test]
fn the_sample_during_an_outage() {
    let mut bench = Bench::of(DESIGN);
    bench.scene.down = true;
    assert_eq!(bench.tell(Happening::Started), [Order::Answer]);
    assert_eq!(bench.tell(Happening::Answered), [play("whatsapp-down")]);
    let text = Order::Message {
        to: "+5511999998888".to_owned(),
        text: "O WhatsApp esta fora do ar. Voce ja esta falando conosco.".to_owned(),
    };
    assert_eq!(bench.tell(Happening::PlayFinished), [text, play("main-menu")]);
    assert_eq!(bench.press('1'), [Order::StopPlaying, join()]);
    assert_eq!(bench.wakes_after(), Some(secs(90)));
    let voicemail = Order::Voicemail { mailbox: "geral".to_owned(), language: "pt-BR".to_owned() };
    assert_eq!(bench.wait(90), [Order::LeaveQueue, voicemail]);
    assert_eq!(bench.tell(Happening::VoicemailDone), [hangup(HangupCause::Normal)]);
    assert!(bench.walk.is_over());
    assert_eq!(bench.tell(Happening::CallerHungUp), []);
}

#[test]
fn the_call_is_answered_before_the_first_step_that_must_be_heard_and_not_before() {
    let mut bench = Bench::of(&with_steps("ringing\nwait \"2s\"\nplay \"closed\"\nanswer\nplay \"holiday\""));
    assert_eq!(bench.tell(Happening::Started), [Order::Ringing]);
    assert_eq!(bench.wait(2), [Order::Answer]);
    assert_eq!(bench.tell(Happening::Answered), [play("closed")]);
    assert_eq!(bench.tell(Happening::PlayFinished), [play("holiday")]);
}

#[test]
fn early_media_costs_the_caller_nothing() {
    let mut bench = Bench::of(&with_steps("progress\nplay \"closed\"\nreject \"busy\""));
    assert_eq!(bench.tell(Happening::Started), [Order::Progress, play("closed")]);
    assert_eq!(bench.tell(Happening::PlayFinished), [hangup(HangupCause::Busy)]);
}

#[test]
fn a_key_stops_the_prompt_and_a_pause_plays_it_again() {
    let mut bench = Bench::at(MENU);
    assert_eq!(bench.tell(Happening::Started), [play("main-menu")]);
    assert_eq!(bench.wakes_after(), None);
    assert_eq!(bench.tell(Happening::PlayFinished), []);
    assert_eq!(bench.wakes_after(), Some(secs(5)));
    assert_eq!(bench.wait(5), [play("main-menu")]);
    assert_eq!(bench.press('1'), [Order::StopPlaying, play("closed")]);
    assert_eq!(bench.wakes_after(), None);
}

#[test]
fn keys_typed_ahead_choose_in_menus_to_come() {
    let mut bench = Bench::at(&format!("play \"welcome\"\n{MENU}"));
    bench.tell(Happening::Started);
    assert_eq!(bench.press('2'), []);
    assert_eq!(bench.press('3'), []);
    assert_eq!(bench.tell(Happening::PlayFinished), [play("holiday")]);
}

#[test]
fn a_wrong_key_is_named_as_such_and_uses_up_a_try() {
    let mut bench = Bench::at(MENU);
    bench.tell(Happening::Started);
    assert_eq!(bench.press('9'), [Order::StopPlaying, play("invalid-key")]);
    assert_eq!(bench.tell(Happening::PlayFinished), [play("main-menu")]);
    assert_eq!(bench.press('9'), [Order::StopPlaying, play("all-busy")]);
}

#[test]
fn a_menu_without_a_way_out_for_silence_says_goodbye() {
    let mut bench = Bench::at("menu \"main-menu\" tries=1 { key \"1\" { hangup } }");
    bench.tell(Happening::Started);
    bench.tell(Happening::PlayFinished);
    assert_eq!(bench.wait(5), [play("goodbye")]);
    assert_eq!(bench.tell(Happening::PlayFinished), [hangup(HangupCause::Normal)]);
}

#[test]
fn timeout_is_for_silence_and_otherwise_for_wrong_keys() {
    let menu = "menu \"main-menu\" tries=1 {\nkey \"1\" { hangup }\ntimeout { play \"closed\" }\notherwise { play \"all-busy\" }\n}";
    let mut silent = Bench::at(menu);
    silent.tell(Happening::Started);
    silent.tell(Happening::PlayFinished);
    assert_eq!(silent.wait(5), [play("closed")]);
    let mut wrong = Bench::at(menu);
    wrong.tell(Happening::Started);
    assert_eq!(wrong.press('7'), [Order::StopPlaying, play("all-busy")]);
}

#[test]
fn digits_are_gathered_until_there_are_enough_or_hash_is_pressed() {
    let steps = "gather \"main-menu\" into=\"code\" digits=4\ntag \"code\" \"<{code}>\"\nmenu \"main-menu\" { key \"5\" { hangup } }";
    let tag = |value: &str| Order::Tag { name: "code".to_owned(), value: value.to_owned() };
    let mut full = Bench::at(steps);
    full.tell(Happening::Started);
    assert_eq!(full.press('1'), [Order::StopPlaying]);
    full.press('2');
    full.press('3');
    assert_eq!(full.press('4'), [tag("<1234>"), play("main-menu")]);
    let mut short = Bench::at(steps);
    short.tell(Happening::Started);
    short.press('1');
    assert_eq!(short.press('#'), [tag("<1>"), play("main-menu")]);
    let mut paused = Bench::at(steps);
    paused.tell(Happening::Started);
    paused.press('1');
    assert_eq!(paused.wait(5), [tag("<1>"), play("main-menu")]);
}

#[test]
fn what_is_typed_beyond_an_entry_is_for_the_next_step() {
    let steps = "play \"closed\"\ngather \"main-menu\" into=\"code\" digits=2\nmenu \"main-menu\" { key \"5\" { play \"holiday\" } }";
    let mut bench = Bench::at(steps);
    bench.tell(Happening::Started);
    for key in ['1', '2', '#', '5'] {
        bench.press(key);
    }
    assert_eq!(bench.tell(Happening::PlayFinished), [play("holiday")]);
}

#[test]
fn an_agent_who_answers_stops_the_clock_of_the_queue() {
    let mut bench = Bench::at("queue \"vendas\" up-to=\"90s\" { timeout { play \"closed\" } }");
    assert_eq!(bench.tell(Happening::Started), [join()]);
    assert_eq!(bench.tell(Happening::TalkStarted), []);
    assert_eq!(bench.wakes_after(), None);
    assert_eq!(bench.wait(500), []);
    assert_eq!(bench.tell(Happening::TalkEnded), [hangup(HangupCause::Normal)]);
}

#[test]
fn a_full_or_empty_queue_takes_its_branch_or_that_of_timeout() {
    let steps = "queue \"vendas\" up-to=\"90s\" {\ntimeout { play \"closed\" }\nfull { play \"all-busy\" }\n}";
    let left = |outcome| {
        let mut bench = Bench::at(steps);
        bench.tell(Happening::Started);
        bench.tell(Happening::QueueLeft(outcome))
    };
    assert_eq!(left(QueueOutcome::Full), [play("all-busy")]);
    assert_eq!(left(QueueOutcome::NobodySignedIn), [play("closed")]);
}

#[test]
fn phones_ring_one_after_the_other_and_the_last_decides() {
    let steps =
        "dial \"200\" \"+551140031234\" ring-for=\"20s\" { busy { play \"all-busy\" }; no-answer { play \"closed\" } }";
    let mut bench = Bench::at(steps);
    assert_eq!(bench.tell(Happening::Started), [dial(ana(), 20)]);
    let outside = DialTarget::Number("+551140031234".to_owned());
    assert_eq!(bench.wait(20), [Order::StopDialling, dial(outside, 20)]);
    assert_eq!(bench.tell(Happening::DialEnded(DialOutcome::Busy)), [play("all-busy")]);
}

#[test]
fn an_outcome_without_a_branch_goes_on_below() {
    let mut bench = Bench::at("dial \"200\"\nplay \"closed\"");
    bench.tell(Happening::Started);
    assert_eq!(bench.wakes_after(), Some(secs(30)));
    assert_eq!(bench.tell(Happening::DialEnded(DialOutcome::Declined)), [play("closed")]);
}

#[test]
fn what_is_kept_for_the_end_runs_whoever_ends_the_call() {
    let steps = "on-hangup {\nif channel=\"whatsapp\" is=\"up\" { message to=\"200\" \"{caller} ligou\" }\n}\nplay \"closed\"\nhangup";
    let text = Order::Message { to: "200".to_owned(), text: "+5511999998888 ligou".to_owned() };
    let mut gone = Bench::at(steps);
    gone.tell(Happening::Started);
    assert_eq!(gone.tell(Happening::CallerHungUp), std::slice::from_ref(&text));
    assert_eq!(gone.tell(Happening::PlayFinished), []);
    let mut ended = Bench::at(steps);
    ended.tell(Happening::Started);
    assert_eq!(ended.tell(Happening::PlayFinished), [hangup(HangupCause::Normal), text]);
    assert_eq!(ended.tell(Happening::CallerHungUp), []);
}

#[test]
fn a_caller_without_a_number_gets_no_text() {
    let mut bench = Bench::at("message to=\"caller\" \"oi\"\nplay \"closed\"");
    bench.walk.memory.caller.from = "anonymous".to_owned();
    assert_eq!(bench.tell(Happening::Started), [play("closed")]);
    assert_eq!(bench.walk.trail()[0].reason, "not sent: the caller shows no number");
}

#[test]
fn conditions_see_the_world_of_the_moment() {
    for (condition, holds) in [
        ("channel=\"whatsapp\" is=\"up\"", true),
        ("channel=\"whatsapp\" is=\"down\"", false),
        ("hours=\"comercial\" is=\"open\"", true),
        ("hours=\"comercial\" is=\"closed\"", false),
        ("queue=\"vendas\" is=\"free\"", true),
        ("queue=\"vendas\" is=\"staffed\"", true),
        ("queue=\"vendas\" is=\"waiting\"", false),
        ("queue=\"vendas\" is=\"nobody\"", false),
        ("extension=\"200\" is=\"free\"", true),
        ("extension=\"200\" is=\"busy\"", false),
        ("extension=\"201\" is=\"reachable\"", false),
        ("extension=\"201\" is=\"unreachable\"", true),
    ] {
        let steps = format!("if {condition} {{ play \"closed\" }}\nelse {{ play \"holiday\" }}");
        let heard = if holds { "closed" } else { "holiday" };
        assert_eq!(Bench::at(&steps).tell(Happening::Started), [play(heard)], "{condition}");
    }
}

#[test]
fn the_language_holds_from_its_step_on_and_may_be_another_for_one_prompt() {
    let mut bench = Bench::at("language \"en\"\nplay \"closed\" language=\"pt-BR\"\nvoicemail \"geral\"");
    assert_eq!(bench.tell(Happening::Started), [play("closed")]);
    let voicemail = Order::Voicemail { mailbox: "geral".to_owned(), language: "en".to_owned() };
    assert_eq!(bench.tell(Happening::PlayFinished), [voicemail]);
}

#[test]
fn a_call_that_takes_too_many_steps_ends_politely() {
    let mut bench = Bench::at("wait \"1s\"\ngo \"entrada\"");
    bench.tell(Happening::Started);
    let mut ended = Vec::new();
    while ended.is_empty() {
        ended = bench.wait(1);
    }
    assert_eq!(ended, [play("goodbye")]);
    assert_eq!(bench.walk.steps, MOST_STEPS);
    assert_eq!(bench.walk.trail().last().unwrap().reason, "too many steps: the call is ended");
}

#[test]
fn steps_that_take_no_time_cannot_hold_up_everybody_else() {
    let tags = "tag \"a\" \"b\"\n".repeat(1_000);
    let mut bench = Bench::at(&tags);
    let orders = bench.tell(Happening::Started);
    assert_eq!(orders.len(), MOST_STEPS_AT_ONCE as usize + 1);
    assert_eq!(orders.last(), Some(&play("goodbye")));
}

#[test]
fn happenings_that_nobody_waits_for_change_nothing() {
    let mut bench = Bench::of(&with_steps("wait \"5s\"\nplay \"closed\""));
    for stray in [
        Happening::PlayFinished,
        Happening::TalkEnded,
        Happening::QueueLeft(QueueOutcome::Full),
        Happening::DialEnded(DialOutcome::Busy),
        Happening::VoicemailDone,
    ] {
        assert_eq!(bench.tell(stray), []);
    }
    bench.tell(Happening::Started);
    for stray in [Happening::Started, Happening::PlayFinished, Happening::VoicemailDone] {
        assert_eq!(bench.tell(stray), []);
    }
    assert_eq!(bench.wakes_after(), Some(secs(5)));
}

#[test]
fn a_walk_is_small() {
    assert!(size_of::<Walk>() <= 384, "{}", size_of::<Walk>());
}

const TOGETHER: &str = "dial \"200\" \"201\" ring=\"together\" ring-for=\"20s\" announce=\"welcome\" accept-key=\"1\" up-to=\"60s\" {\nno-answer { play \"closed\" }\ntoo-long { play \"goodbye\" }\n}";

#[test]
fn phones_that_ring_together_are_one_order_with_what_they_hear_first() {
    let mut bench = Bench::at(TOGETHER);
    let orders = bench.tell(Happening::Started);
    let [Order::Dial(order)] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(order.targets, [ana(), DialTarget::Extension("201".to_owned())]);
    let announcement = order.announcement.as_ref().unwrap();
    assert_eq!((announcement.prompt.as_str(), announcement.acceptance), ("welcome", Acceptance::ByKey('1')));
    assert_eq!(bench.wait(20), [Order::StopDialling, play("closed")]);
}

#[test]
fn who_hears_an_announcement_is_not_cut_off_by_ring_for() {
    let mut bench = Bench::at(TOGETHER);
    bench.tell(Happening::Started);
    bench.tell(Happening::CalleeListens);
    bench.tell(Happening::CalleeListens);
    assert_eq!(bench.wait(20), []);
    assert_eq!(bench.tell(Happening::CalleeLeft), [], "the other still listens");
    assert_eq!(bench.tell(Happening::CalleeLeft), [Order::StopDialling, play("closed")]);
    let reasons: Vec<String> = bench.walk.trail().into_iter().map(|told| told.reason).collect();
    assert!(reasons.contains(&"whoever answered did not take the call; others still ring".to_owned()), "{reasons:?}");
}

#[test]
fn a_talk_is_ended_after_so_long_as_it_may_last() {
    let mut bench = Bench::at(TOGETHER);
    bench.tell(Happening::Started);
    bench.tell(Happening::CalleeListens);
    bench.tell(Happening::TalkStarted);
    assert_eq!(bench.wait(60), [Order::EndTalk, play("goodbye")]);
    let mut bench = Bench::at("dial \"200\" up-to=\"5s\"\nplay \"closed\"");
    bench.tell(Happening::Started);
    bench.tell(Happening::TalkStarted);
    assert_eq!(bench.wait(5), [Order::EndTalk, hangup(HangupCause::Normal)]);
}

#[test]
fn a_name_on_a_display_is_one_line_of_64_letters() {
    let mut bench = Bench::at("dial \"200\" caller-name=\"{caller}\"");
    bench.walk.memory.caller.from = format!("a\r\nb{}", "x".repeat(100));
    let orders = bench.tell(Happening::Started);
    let [Order::Dial(order)] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(order.shown.name.as_deref(), Some(format!("ab{}", "x".repeat(62)).as_str()));
}
