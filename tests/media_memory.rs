//! No packet allocates: what the pump's threads do for a call in progress is counted by the allocator itself.
//!
//! A program of its own, because it counts every allocation of the process; its tests take turns. The far sides are sockets of
//! this thread, which allocate nothing while they are used.

#![expect(clippy::disallowed_types, reason = "the far sides are sockets, and the tests of this program take turns")]

use std::alloc::System;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use desvio::io::media::pump::Pump;
use desvio::io::media::pump::Settings;
use desvio::media::clip::Clip;
use desvio::media::codec::CodecKind;
use desvio::media::command::Background;
use desvio::media::command::Command;
use desvio::media::command::Event;
use desvio::media::command::LegId;
use desvio::media::command::PlayId;
use desvio::media::command::Repeat;
use desvio::media::command::Role;
use desvio::media::command::RoomId;
use desvio::media::command::Sound;
use desvio::media::command::Stream;
use desvio::media::rtp;
use desvio::media::rtp::HEADER_LEN;
use desvio::media::rtp::Header;
use stats_alloc::INSTRUMENTED_SYSTEM;
use stats_alloc::Region;
use stats_alloc::StatsAlloc;
use tokio::sync::mpsc::UnboundedReceiver;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A packet of telephone events, whatever the codec.
const KEYS: u8 = 101;

/// The pump, and the events that nobody may miss while it runs.
struct Bench {
    pump: Pump,
    _events: UnboundedReceiver<Event>,
    legs: u64,
}

/// The far side of one leg.
struct Phone {
    leg: LegId,
    socket: UdpSocket,
    server: SocketAddr,
    stream: Stream,
    sequence: u16,
    timestamp: u32,
}

/// What a bridge does with packets.
#[derive(Clone, Copy)]
enum Way {
    Relay,
    Transcode,
}

impl Bench {
    fn start() -> Bench {
        let settings = Settings {
            ports: (20_000, 59_999),
            threads: 1,
            quiet_after: Duration::from_secs(60),
            lifeless_after: None,
            unproven_for: Duration::from_secs(15),
            codecs: Vec::new(),
        };
        let (pump, events) = Pump::start(&settings, Vec::new()).expect("threads");
        Bench { pump, _events: events, legs: 0 }
    }

    fn phone(&mut self, codec: CodecKind) -> Phone {
        self.legs += 1;
        let leg = LegId(self.legs);
        let socket = UdpSocket::bind((HERE, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time");
        let stream = Stream {
            dtmf: Some((KEYS, codec.clock_rate())),
            ..Stream::plain(socket.local_addr().expect("an address"), codec)
        };
        let opened = self.pump.carry_out(Command::Open { leg, address: HERE });
        let Some(Event::Opened { local: server, .. }) = opened else { panic!("no ports") };
        self.pump.carry_out(Command::Connect { leg, stream: stream.clone() });
        Phone { leg, socket, server, stream, sequence: 0, timestamp: 0 }
    }

    fn bridge(&mut self, a: &Phone, b: &Phone) {
        self.pump.carry_out(Command::Bridge { a: a.leg, b: b.leg });
    }

    fn play(&mut self, phone: &Phone, clip: Clip) {
        let clips = vec![Sound::Clip(Arc::new(clip))];
        self.pump.carry_out(Command::Play { leg: phone.leg, play: PlayId(1), clips, repeat: Repeat::Forever });
    }
}

impl Phone {
    fn say(&mut self, payload_type: u8, payload: &[u8]) {
        let mut packet = [0; HEADER_LEN + 160];
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        let header = Header { payload_type, marker: false, sequence, timestamp, ssrc: 9 };
        if let Some(fixed) = packet.first_chunk_mut() {
            header.write(fixed);
        }
        packet[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send_to(&packet[..HEADER_LEN + payload.len()], self.server).expect("sent");
    }

    /// 20 ms of G.711 or G.722.
    fn talk(&mut self) {
        self.say(self.stream.payload_type, &[0x55; 160]);
        self.timestamp = self.timestamp.wrapping_add(160);
    }

    /// The payload type of the next packet of audio; `None` when none comes for 100 ms.
    fn listen(&self) -> Option<u8> {
        let mut datagram = [0; 2048];
        loop {
            let (length, _) = self.socket.recv_from(&mut datagram).ok()?;
            if let Some(packet) = rtp::read(&datagram[..length]).filter(|_| !rtp::is_rtcp(&datagram[..length])) {
                return Some(packet.header.payload_type);
            }
        }
    }

    /// The payload type of the next packet of audio, which comes without a word of ours.
    fn hear(&self) -> u8 {
        (0..200).find_map(|_| self.listen()).expect("audio in 20 s")
    }

    /// Talks until the other hears something, and so goes on when a packet came too late to be heard.
    fn talk_until_heard_by(&mut self, other: &Phone) -> u8 {
        let talk = |_| {
            self.talk();
            other.listen()
        };
        (0..200).find_map(talk).expect("what passes between them")
    }

    /// So many packets it takes: one where packets are handed on as they come, few more where one may come too late.
    fn is_heard_by(&mut self, other: &Phone, way: Way) -> u16 {
        let before = self.sequence;
        let heard = match way {
            Way::Relay => {
                self.talk();
                other.hear()
            }
            Way::Transcode => self.talk_until_heard_by(other),
        };
        assert_eq!(heard, other.stream.payload_type);
        self.sequence.wrapping_sub(before)
    }

    /// Talks until the other hears it, and nothing any more: the orders have been carried out.
    fn open_the_way_to(&mut self, other: &Phone) {
        self.talk_until_heard_by(other);
        while other.listen().is_some() {}
    }
}

/// Allocations of the whole process during `work`: in the first round without any, or the quietest of three, since the
/// harness allocates as well when another test ends beside us.
fn allocations(mut work: impl FnMut()) -> usize {
    let mut least = usize::MAX;
    for _ in 0..3 {
        let region = Region::new(ALLOCATOR);
        work();
        let change = region.change();
        least = least.min(change.allocations + change.reallocations);
        if least == 0 {
            break;
        }
    }
    least
}

#[test]
fn a_relayed_packet_allocates_nothing() {
    conversation(CodecKind::Pcma, CodecKind::Pcma);
}

#[test]
fn a_transcoded_packet_allocates_nothing() {
    for (one, other) in
        [(CodecKind::Pcma, CodecKind::Pcmu), (CodecKind::Pcma, CodecKind::G722), (CodecKind::G722, CodecKind::Pcmu)]
    {
        conversation(one, other);
    }
}

/// At least three hundred packets in each direction.
fn conversation(one: CodecKind, other: CodecKind) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut bench = Bench::start();
    let (mut a, mut b) = (bench.phone(one), bench.phone(other));
    bench.bridge(&a, &b);
    a.open_the_way_to(&b);
    b.open_the_way_to(&a);
    let way = if one == other { Way::Relay } else { Way::Transcode };
    let count = allocations(|| {
        let mut said = 0;
        for _ in 0..300 {
            said += a.is_heard_by(&b, way) + b.is_heard_by(&a, way);
        }
        assert!(said <= 660, "{said} packets were needed for 600 to be heard between {one} and {other}");
    });
    assert_eq!(count, 0, "600 packets between {one} and {other}");
}

#[test]
fn a_key_allocates_nothing_after_its_first_packet() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut bench = Bench::start();
    let (mut a, mut b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bench.bridge(&a, &b);
    a.open_the_way_to(&b);
    b.open_the_way_to(&a);
    let mut press = |from: u16, to: u16| {
        for turn in from..to {
            let [high, low] = (turn * 160).to_be_bytes();
            a.say(KEYS, &[5, 10, high, low]);
            assert_eq!(b.hear(), KEYS);
        }
    };
    // The press itself is an event, which the switch is told.
    press(1, 2);
    let mut at = 2;
    let count = allocations(|| {
        press(at, at + 98);
        at += 98;
    });
    assert_eq!(count, 0, "98 packets of one press");
}

#[test]
fn an_announcement_allocates_nothing_while_it_is_heard() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for codec in [CodecKind::Pcma, CodecKind::G722] {
        let mut bench = Bench::start();
        let mut phone = bench.phone(codec);
        let samples = (0..4_000).map(|n| (n % 50) * 300).collect();
        bench.play(&phone, Clip::from_pcm("test", samples, 8_000));
        (0..30).for_each(|_| assert_eq!(phone.hear(), phone.stream.payload_type));
        phone.talk();
        phone.hear();
        // Longer than a second, so that what is looked after once a second is among it.
        let count = allocations(|| {
            for _ in 0..60 {
                phone.talk();
                phone.hear();
            }
        });
        assert_eq!(count, 0, "60 packets of {codec} out, 60 in");
    }
}

#[test]
fn a_turn_of_a_room_allocates_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut bench = Bench::start();
    let mut phones = [CodecKind::Pcma, CodecKind::G722, CodecKind::Pcmu].map(|codec| bench.phone(codec));
    for (phone, role) in phones.iter().zip([Role::Speaker, Role::Speaker, Role::Listener]) {
        let (leg, room, background) = (phone.leg, RoomId(1), Background::Heard);
        bench.pump.carry_out(Command::Join { leg, room, role, background });
    }
    let mut turns = |count: usize| {
        for _ in 0..count {
            phones.iter_mut().for_each(Phone::talk);
            phones.iter().for_each(|phone| assert_eq!(phone.hear(), phone.stream.payload_type));
        }
    };
    turns(60);
    assert_eq!(allocations(|| turns(60)), 0, "60 turns of three members");
}

#[test]
fn strangers_and_garbage_allocate_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut bench = Bench::start();
    let (mut a, mut b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bench.bridge(&a, &b);
    a.open_the_way_to(&b);
    b.open_the_way_to(&a);
    let stranger = UdpSocket::bind((HERE, 0)).expect("a socket");
    let count = allocations(|| {
        for _ in 0..200 {
            stranger.send_to(&[0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3], a.server).expect("sent");
            a.say(77, &[1; 20]);
            a.socket.send_to(b"GET / HTTP/1.1", a.server).expect("sent");
            a.talk();
            b.hear();
        }
    });
    assert_eq!(count, 0, "200 packets, each with three that are refused");
}
