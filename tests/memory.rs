//! What a message and a packet cost in allocations, and that hostile peers get back nothing but bounded, passing memory.
//!
//! A program of its own, because it counts every allocation of the process; its tests take turns.

use std::alloc::System;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use desvio::dialplan::happening::Happening;
use desvio::dialplan::load::load;
use desvio::dialplan::names::Names;
use desvio::dialplan::scene::ChannelGlance;
use desvio::dialplan::scene::ExtensionState;
use desvio::dialplan::scene::QueueGlance;
use desvio::dialplan::scene::Scene;
use desvio::dialplan::source::SourceFile;
use desvio::dialplan::walk::Caller;
use desvio::dialplan::walk::Walk;
use desvio::media::answering::Answering;
use desvio::media::codec::CodecKind;
use desvio::media::inband::KeyTones;
use desvio::media::playout::Playout;
use desvio::media::rtp::Header;
use desvio::media::security::MasterKey;
use desvio::media::security::Suite;
use desvio::media::srtp;
use desvio::media::srtp::receiver::Receiver;
use desvio::media::srtp::sender::Sender;
use desvio::media::transcode::Transcoder;
use desvio::sip::agent::Event;
use desvio::sip::agent::UserAgent;
use desvio::sip::config::Config;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transport;
use desvio::sip::message::Message;
use jiff::Timestamp;
use stats_alloc::INSTRUMENTED_SYSTEM;
use stats_alloc::Region;
use stats_alloc::StatsAlloc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[expect(clippy::disallowed_types, reason = "the tests of this program take turns")]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// 17 headers and SDP, as a trunk sends it.
const INVITE: &str = include_str!("data/invite.sip");
/// The figure: parse, route and answer with fewer.
const FEWER_THAN: usize = 15;
/// What the whole user agent needs for a call that is refused: transaction, 100, event for the PBX, 486.
const MOST_FOR_A_CALL: f64 = 15.0;

fn hop(remote: SocketAddr) -> Hop {
    let local = "192.0.2.1:5060".parse().expect("an address");
    Hop { transport: Transport::Udp, local, remote, connection: None }
}

fn trunk() -> SocketAddr {
    "203.0.113.7:5060".parse().expect("an address")
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn agent() -> UserAgent {
    let mut agent = UserAgent::new(&Config::default(), fastrand::Rng::with_seed(7));
    agent.exempt(vec!["203.0.113.0/24".parse().expect("a network")]);
    agent
}

/// The same INVITE as another call.
fn numbered(number: usize) -> Bytes {
    let text = INVITE.replace("z9hG4bKnashds8.1", &format!("z9hG4bK{number:09}"));
    text.replace("3848276298220188511", &format!("{number:019}")).into()
}

/// Receives one INVITE, passes it on, and refuses it later; returns what was sent.
fn receive_and_answer(agent: &mut UserAgent, bytes: Bytes, now: Instant) -> usize {
    agent.receive(Packet { hop: hop(trunk()), bytes }, now);
    let Some(Event::Invite { transaction, request, .. }) = agent.poll_event() else { panic!("a new call is an event") };
    let at_once = std::iter::from_fn(|| agent.poll_transmit()).count();
    agent.respond(transaction, request.reply(486), now);
    at_once + std::iter::from_fn(|| agent.poll_transmit()).count()
}

#[test]
fn an_invite_is_read_and_answered_with_fewer_than_15_allocations() {
    let _turn = turn();
    // The harness allocates as well when another test ends beside us, but not in each of five rounds.
    let least = (0..5).map(read_and_answer).min().expect("five rounds");
    assert!(least < FEWER_THAN, "{least} allocations");
}

/// Allocations for one INVITE that is parsed, looked into and answered.
fn read_and_answer(number: usize) -> usize {
    let datagram = numbered(number);
    let region = Region::new(ALLOCATOR);
    let Ok(Message::Request(request)) = Message::parse(datagram) else { panic!("a request") };
    let headers = &request.headers;
    let typed = (headers.via(), headers.from_header(), headers.to_header(), headers.call_id(), headers.cseq());
    let answer = request.reply(180).write();
    let count = allocations(&region);
    assert!(typed.0.is_ok() && !answer.is_empty());
    count
}

#[test]
fn a_call_costs_the_user_agent_few_allocations_more() {
    let _turn = turn();
    let (mut agent, now) = (agent(), start());
    let warm = 1_000;
    for number in 0..warm {
        assert_eq!(receive_and_answer(&mut agent, numbered(number), now), 2, "100 and 486");
    }
    let round = |round: usize| {
        let first = warm + round * 500;
        let measured: Vec<Bytes> = (first..first + 500).map(numbered).collect();
        let region = Region::new(ALLOCATOR);
        for bytes in measured {
            receive_and_answer(&mut agent, bytes, now);
        }
        allocations(&region) as f64 / 500.0
    };
    let each = (0..3).map(round).min_by(f64::total_cmp).expect("three rounds");
    assert!(each <= MOST_FOR_A_CALL, "{each} allocations for one INVITE with a transaction, an event and two answers");
}

#[test]
fn a_packet_is_sealed_and_opened_without_a_single_allocation() {
    let _turn = turn();
    for suite in Suite::ALL {
        let master = MasterKey::new(suite, &[7; MasterKey::MAX][..suite.master_octets()]).expect("a key");
        let (mut sender, mut receiver) = (Sender::new(suite, &master), Receiver::new(suite, &master));
        // The harness allocates as well when another test ends beside us, but not in each of five rounds.
        let least = (0..5).map(|round| seal_and_open(&mut sender, &mut receiver, round * 1000)).min();
        assert_eq!(least, Some(0), "{}", suite.name());
    }
}

/// Allocations of a thousand packets from `first` on.
fn seal_and_open(sender: &mut Sender, receiver: &mut Receiver, first: u16) -> usize {
    let mut buffer = [0; 12 + 160 + srtp::OVERHEAD];
    let region = Region::new(ALLOCATOR);
    for sequence in first..first + 1000 {
        buffer[..4].copy_from_slice(&[0x80, 8, sequence.to_be_bytes()[0], sequence.to_be_bytes()[1]]);
        let sealed = sender.seal(&mut buffer, 172).expect("it is sealed");
        assert_eq!(receiver.open(&mut buffer[..sealed]), Ok(172));
        // A stranger's costs none either.
        assert!(receiver.open(&mut buffer[..sealed]).is_err());
    }
    allocations(&region)
}

fn allocations(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn a_hundred_thousand_invites_that_nobody_acknowledges_leave_no_memory_behind() {
    let _turn = turn();
    let region = Region::new(ALLOCATOR);
    let held = || region.change().bytes_allocated.saturating_sub(region.change().bytes_deallocated);
    let (mut agent, mut now) = (agent(), start());
    let mut most = 0;
    for number in 0..100_000_u32 {
        let source = SocketAddr::from((std::net::Ipv4Addr::from(0x0b00_0000 + number), 5060));
        let bytes = numbered(number as usize);
        agent.receive(Packet { hop: hop(source), bytes }, now);
        while let Some(event) = agent.poll_event() {
            if let Event::Invite { transaction, request, .. } = event {
                agent.respond(transaction, request.reply(401), now);
            }
        }
        while agent.poll_transmit().is_some() {}
        most = most.max(held());
        now += Duration::from_micros(100);
        agent.handle_timeout(now);
        while agent.poll_transmit().is_some() {}
    }
    assert!(most < 60 << 20, "at most {} MB", most >> 20);
    while let Some(at) = agent.poll_timeout() {
        now = now.max(at);
        agent.handle_timeout(now);
        while agent.poll_transmit().is_some() {}
    }
    assert_eq!(agent.counts().transactions, 0);
    drop(agent);
    assert!(held() < 64 << 10, "{} octets are left", held());
}

/// Losses included. Opus is left out: its decoder allocates where it makes up for one.
#[test]
fn a_leg_that_is_heard_carried_over_and_listened_to_allocates_nothing_for_a_packet() {
    let _turn = turn();
    for (codec, to) in [(CodecKind::Pcma, CodecKind::G722), (CodecKind::G722, CodecKind::Pcmu)] {
        let least = (0..5).map(|_| hear_and_carry_over(codec, to)).min();
        assert_eq!(least, Some(0), "{codec}");
    }
}

/// Allocations of ten seconds, of which a tenth is lost.
fn hear_and_carry_over(codec: CodecKind, to: CodecKind) -> usize {
    let origin = start();
    let mut playout = Playout::new(codec, origin);
    let mut tones = KeyTones::new(codec.sample_rate());
    let mut answering = Answering::new(codec.sample_rate());
    let mut transcoder = Transcoder::new(codec.sample_rate(), to);
    let (mut samples, mut frames) = ([0; 960], 0);
    let region = Region::new(ALLOCATOR);
    for n in 0..500_u16 {
        let now = origin + Duration::from_millis(u64::from(n) * 20);
        if n % 10 != 3 {
            let timestamp = u32::from(n) * codec.frame_ticks();
            let header = Header { payload_type: 8, marker: false, sequence: n, timestamp, ssrc: 1 };
            playout.on_audio(&header, &[0x5a; 160], now);
        }
        let count = playout.listen(&mut samples, now);
        tones.on_frame(&samples[..count]);
        answering.on_frame(&samples[..count]);
        transcoder.push(&samples[..count]).expect("there is room for a frame");
        frames += std::iter::from_fn(|| transcoder.pull().map(drop)).count();
    }
    let count = allocations(&region);
    assert!(frames > 480, "{codec}: {frames}");
    count
}

/// A greeting, an `if`, a menu and a queue: what most callers of a bad day have behind them.
const BAD_DAY: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" {\nplay \"welcome\"\nif channel=\"whatsapp\" is=\"up\" { play \"whatsapp-down\" }\nset \"kind\" \"sale\"\ncall \"b\"\nhangup\n}\nflow \"b\" {\ntag \"kind\" \"{kind}\"\nmenu \"main-menu\" { key \"1\" { queue \"vendas\" } }\n}\n";

struct Calm;

impl Scene for Calm {
    fn wall(&self, _now: Instant) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn channel(&self, _name: &str, _now: Instant) -> ChannelGlance {
        ChannelGlance::UP
    }

    fn queue(&self, _name: &str, _now: Instant) -> QueueGlance {
        QueueGlance::default()
    }

    fn extension(&self, _number: &str) -> ExtensionState {
        ExtensionState::Free
    }

    fn calls(&self) -> usize {
        1
    }

    fn calls_over(&self, _trunk: &str) -> usize {
        0
    }
}

#[test]
fn a_hundred_thousand_callers_in_a_queue_walk_within_100_mb() {
    let _turn = turn();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let prompts = ["welcome", "whatsapp-down", "main-menu"].map(|name| (name.to_owned(), set(&["pt-BR"])));
    let names = Names {
        queues: set(&["vendas"]),
        channels: set(&["whatsapp"]),
        prompts: prompts.into(),
        agents: [("vendas".to_owned(), vec!["200".to_owned()])].into(),
        ..Names::default()
    };
    let file = SourceFile { path: "a.kdl".to_owned(), text: BAD_DAY.to_owned() };
    let program = load(&[file], &names, &Default::default()).expect("a sound dialplan").program;
    let flow = program.flow_for("+551140031234").expect("our number");
    let now = start();
    let region = Region::new(ALLOCATOR);
    let walks: Vec<Box<Walk>> = (0..100_000)
        .map(|number| {
            let shown = Caller::new(format!("+55119{number:08}"), "+551140031234", Some("operadora".to_owned()));
            let caller = Caller { name: "Dona Maria".to_owned(), call_id: format!("call_{number:026}"), ..shown };
            let mut walk = Box::new(Walk::new(program.clone(), flow, caller, "pt-BR", number));
            for happening in [
                Happening::Started,
                Happening::Answered,
                Happening::PlayFinished,
                Happening::PlayFinished,
                Happening::Digit('1'),
            ] {
                walk.handle(happening, &Calm, now);
                while walk.poll_order().is_some() {}
            }
            walk
        })
        .collect();
    assert!(walks.iter().all(|walk| walk.verb() == Some("queue")));
    let change = region.change();
    let held = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
    assert!(held < 100_000_000, "{} octets each", held / walks.len());
}
