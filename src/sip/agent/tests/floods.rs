//! Peers that ask for too much: what they can fill is bounded, calls that stand go on, and all of it comes back.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::agent::Event;
use crate::sip::agent::UserAgent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::inside;
use crate::sip::agent::tests::bench::invite;
use crate::sip::agent::tests::bench::outside;
use crate::sip::config::Config;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::limits::Limits;
use crate::sip::transaction::testing::first_line;
use crate::sip::transaction::testing::ms;
use crate::sip::transaction::testing::secs;

/// As many as there is patience for in a debug build; `tests/memory.rs` sends more.
const INVITES: u32 = 20_000;

const BUSY: &str = "SIP/2.0 503 Service Unavailable: overloaded, try again later";

fn bench(limits: Limits) -> Bench {
    let mut bench = Bench::new();
    bench.agent = UserAgent::new(&Config { limits, ..Config::default() }, fastrand::Rng::with_seed(7));
    bench
}

/// A request that belongs to nothing that came before.
fn fresh(method: &str, number: u32) -> String {
    let text =
        if method == "INVITE" { invite(&number.to_string(), "") } else { outside(method, &number.to_string(), "") };
    text.replace("Call-ID: one", &format!("Call-ID: {number}"))
}

impl Bench {
    fn receive_from(&mut self, remote: SocketAddr, bytes: Bytes) {
        let hop = Hop { remote, ..self.hop };
        self.agent.receive(Packet { hop, bytes }, self.now);
    }

    /// The PBX refuses every call and request at once, and nobody sends an ACK.
    fn refuses_all(&mut self) {
        for event in self.events() {
            let (transaction, refusal) = match event {
                Event::Invite { transaction, request, .. } => (transaction, request.reply(401)),
                Event::Request { transaction, request, .. } => (transaction, request.reply(401)),
                _ => continue,
            };
            self.agent.respond(transaction, refusal, self.now);
        }
    }
}

#[test]
fn invites_that_nobody_acknowledges_fill_no_more_than_one_source_may() {
    let limits = Limits { invites_per_source: 50, requests_per_second: 0, ..Limits::default() };
    let mut bench = bench(limits);
    for number in 0..INVITES {
        bench.receive(&fresh("INVITE", number));
        bench.refuses_all();
        bench.sent();
        assert!(bench.counts().transactions <= 50);
    }
    assert_eq!(bench.counts().shed.invites_of_source, u64::from(INVITES) - 50);
    let other = "192.0.2.77:5060".parse().unwrap();
    bench.receive_from(other, fresh("INVITE", INVITES + 1).into());
    assert_eq!(bench.lines(), ["SIP/2.0 100 Trying"], "another source pays for nothing");
    bench.refuses_all();
    bench.nothing_is_left();
    assert_eq!(bench.ask(&fresh("INVITE", INVITES + 2)), ["SIP/2.0 100 Trying"], "and it wears off");
}

#[test]
fn invites_of_those_who_proved_nothing_take_no_place_and_are_answered_once() {
    let mut bench = bench(Limits { invites: 10, invites_per_source: 5, requests_per_second: 0, ..Limits::default() });
    for number in 0..100 {
        bench.receive(&fresh("INVITE", number));
        for event in bench.events() {
            let Event::Invite { transaction, request, .. } = event else { panic!("{event:?}") };
            bench.agent.turn_away(transaction, request.reply(401), bench.now);
        }
        assert_eq!(bench.lines(), ["SIP/2.0 401 Unauthorized"], "and no 100, after which nobody would ask again");
        assert_eq!(bench.counts().transactions, 0);
    }
    assert!(bench.advance(secs(40)).is_empty(), "who forged his address has us send nothing more");
    bench.nothing_is_left();
}

#[test]
fn a_flood_from_one_source_is_dropped_unread_and_responses_still_come_through() {
    let mut bench = bench(Limits { requests_per_second: 100, burst: 500, ..Limits::default() });
    for number in 0..10_000 {
        bench.receive(&fresh("OPTIONS", number));
        bench.refuses_all();
    }
    assert_eq!((bench.counts().transactions, bench.counts().shed.rate), (500, 9_500));
    bench.sent();
    bench.advance(ms(100));
    let session = bench.calls(None);
    let ours = bench.texts().remove(0);
    bench.receive(&crate::sip::agent::tests::bench::accepting(&ours, "theirs"));
    assert_eq!(bench.session_events().len(), 1);
    bench.agent.hang_up(session, None, bench.now);
}

#[test]
fn large_messages_from_everywhere_fill_a_bounded_share_of_memory_that_comes_back() {
    let limits = Limits { transactions: 4_000, invites: 200, ..Limits::default() };
    let mut bench = bench(limits);
    let long = "x".repeat(15_000);
    let mut octets = 0;
    for number in 0..10_000_u32 {
        let method = if number % 2 == 0 { "INVITE" } else { "OPTIONS" };
        let text = fresh(method, number).replace("tag=peer", &format!("tag={long}"));
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0b00_0000 + number), 5060));
        bench.receive_from(source, text.into());
        bench.refuses_all();
        bench.sent();
        octets = octets.max(bench.agent.core.layer.weight() * 2_048);
    }
    assert!(octets < 4_100 * 2_048, "{octets} octets");
    assert!(bench.counts().shed.transactions > 0 && bench.counts().shed.invites > 0, "{:?}", bench.counts().shed);
    bench.nothing_is_left();
    assert_eq!(bench.agent.core.layer.weight(), 0);
}

#[test]
fn new_calls_hear_when_to_come_back_and_calls_that_stand_go_on() {
    let mut bench = bench(Limits { calls: 1, ..Limits::default() });
    let (_, tag) = bench.talking();
    bench.receive(&fresh("INVITE", 2));
    let refusal = bench.texts().remove(0);
    assert_eq!(first_line(&Bytes::from(refusal.clone())), BUSY);
    let after: u32 = header(&refusal, "Retry-After").parse().unwrap();
    assert!((5..=20).contains(&after));
    assert!(bench.ask(&fresh("OPTIONS", 3)).is_empty(), "no call: passed on");
    bench.events();
    let offer =
        inside("INVITE", 2, "4", &tag, "Contact: <sip:200@192.0.2.2:5060>\r\nContent-Type: application/sdp\r\n");
    assert_eq!(bench.ask(&offer), ["SIP/2.0 100 Trying"], "a re-INVITE is no new call");
    assert!(bench.ask(&inside("BYE", 3, "5", &tag, "")).contains(&"SIP/2.0 200 OK".to_owned()));
    assert_eq!(bench.ask(&fresh("INVITE", 6)), ["SIP/2.0 100 Trying"], "there is room again");
    assert_eq!(bench.counts().shed.calls, 1);
}

#[test]
fn a_server_that_lags_behind_takes_no_new_calls_until_it_has_caught_up() {
    let mut bench = bench(Limits::default());
    bench.agent.on_lag(secs(2));
    assert_eq!(bench.ask(&fresh("INVITE", 1)), [BUSY]);
    assert!(bench.ask(&fresh("OPTIONS", 2)).is_empty());
    bench.agent.on_lag(ms(10));
    assert_eq!(bench.ask(&fresh("INVITE", 3)), ["SIP/2.0 100 Trying"]);
    assert_eq!(bench.counts().shed.behind, 1);
}

#[test]
fn trunks_are_held_to_no_limit_for_single_sources() {
    let mut bench = bench(Limits { requests_per_second: 1, burst: 1, invites_per_source: 1, ..Limits::default() });
    bench.agent.exempt(vec!["192.0.2.0/24".parse().unwrap()]);
    for number in 0..50 {
        assert_eq!(bench.ask(&fresh("INVITE", number)), ["SIP/2.0 100 Trying"]);
    }
}
