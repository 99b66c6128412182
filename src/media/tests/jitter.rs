use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const TICKS: u32 = 160;

/// A far side whose n-th packet carries `n` and whose numbers are about to wrap.
#[derive(Clone, Copy)]
struct Packet {
    header: Header,
    n: u32,
}

fn packet(n: u32) -> Packet {
    let sequence = 65_500_u16.wrapping_add(n as u16);
    let timestamp = (u32::MAX - 4_000).wrapping_add(n * TICKS);
    Packet { header: Header { payload_type: 8, marker: false, sequence, timestamp, ssrc: 7 }, n }
}

fn put(jitter: &mut Jitter, packet: Packet, now: Instant) -> Placed {
    jitter.push(&packet.header, Content::Audio, &packet.n.to_be_bytes(), TICKS, now)
}

/// What came out, as the numbers of packets and what stood between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    Packet(u32),
    Lost,
    Pause,
    Nothing,
}

fn pull(jitter: &mut Jitter, now: Instant) -> Out {
    let mut out = [0; LONGEST];
    match jitter.pull(&mut out, now) {
        Pull::Packet { length: 4, .. } => Out::Packet(u32::from_be_bytes(*out.first_chunk().unwrap())),
        Pull::Packet { length, .. } => panic!("a packet of {length}"),
        Pull::Lost { .. } => Out::Lost,
        Pull::Pause { .. } => Out::Pause,
        Pull::Nothing => Out::Nothing,
    }
}

/// Plays arrivals, sorted by time, against a pull every 20 ms.
fn play(jitter: &mut Jitter, origin: Instant, arrivals: &[(u64, Packet)], frames: u64) -> Vec<Out> {
    let mut next = arrivals.iter().peekable();
    let mut heard = Vec::new();
    for frame in 0..frames {
        let now = frame * 20 + 7;
        while let Some((at, packet)) = next.next_if(|(at, _)| *at <= now) {
            put(jitter, *packet, origin + ms(*at));
        }
        heard.push(pull(jitter, origin + ms(now)));
    }
    heard
}

fn packets(heard: &[Out]) -> Vec<u32> {
    heard.iter().filter_map(|out| if let Out::Packet(n) = out { Some(*n) } else { None }).collect()
}

#[test]
fn on_a_quiet_line_everything_comes_out_within_two_frames() {
    let (origin, arrivals): (_, Vec<_>) = (start(), (0..200).map(|n| (u64::from(n) * 20, packet(n))).collect());
    let mut jitter = Jitter::new(8_000, origin);
    let heard = play(&mut jitter, origin, &arrivals, 200);
    let first = heard.iter().position(|out| *out == Out::Packet(0)).unwrap();
    assert!(first <= 2, "{first}");
    assert_eq!(packets(&heard), (0..200 - first as u32).collect::<Vec<_>>());
    assert_eq!(jitter.counts(), Counts { kept: 200, ..Counts::default() });
}

#[test]
fn packets_that_overtake_each_other_come_out_in_order() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    let order = |n: u32| if n.is_multiple_of(2) { n + 1 } else { n - 1 };
    let arrivals: Vec<_> = (0..200).map(|n| (u64::from(n) * 20, packet(order(n)))).collect();
    let heard = packets(&play(&mut jitter, origin, &arrivals, 200));
    assert!(heard.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(heard.len() > 190, "{}", heard.len());
    assert!(heard.windows(2).skip(20).all(|pair| pair[0] + 1 == pair[1]), "{heard:?}");
}

#[test]
fn a_lost_packet_is_a_hole_and_the_packet_behind_it_is_shown() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    for n in [0, 1, 3] {
        put(&mut jitter, packet(n), origin + ms(u64::from(n) * 20));
    }
    let mut out = [0; LONGEST];
    let pulls: Vec<Pull> = (0..4).map(|n| jitter.pull(&mut out, origin + ms(20 + n * 20))).collect();
    assert!(matches!(pulls[..2], [Pull::Packet { .. }, Pull::Packet { .. }]), "{pulls:?}");
    assert_eq!(pulls[2], Pull::Lost { ticks: TICKS, following: Some(4) });
    assert!(matches!(pulls[3], Pull::Packet { skip: 0, .. }));
    assert_eq!(out[..4], 3_u32.to_be_bytes());
}

#[test]
fn a_pause_of_the_far_side_is_no_loss_and_neither_is_a_key_press() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    let later = |n: u32, frames: u32| {
        let mut late = packet(n);
        late.header.timestamp = late.header.timestamp.wrapping_add(frames * TICKS);
        late
    };
    put(&mut jitter, packet(0), origin);
    put(&mut jitter, packet(1), origin + ms(20));
    let mut heard: Vec<Out> = (1..3).map(|n| pull(&mut jitter, origin + ms(n * 20))).collect();
    jitter.pass(packet(2).header.sequence);
    put(&mut jitter, later(3, 10), origin + ms(60));
    heard.push(pull(&mut jitter, origin + ms(60)));
    assert_eq!(heard, [Out::Packet(0), Out::Packet(1), Out::Pause]);
    assert_eq!(jitter.counts().lost, 0);
}

#[test]
fn a_new_source_begins_anew_and_so_does_one_whose_timestamps_leap() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    put(&mut jitter, packet(0), origin);
    for (n, change) in [(1, 1_u32), (2, 0)] {
        let mut other = packet(n + 30_000 * (1 - change));
        other.header.ssrc += change;
        other.n = n;
        assert_eq!(put(&mut jitter, other, origin + ms(40)), Placed::Kept);
        assert_eq!(jitter.depth(), 1);
        assert_eq!(pull(&mut jitter, origin + ms(60)), Out::Packet(n));
    }
    assert_eq!(jitter.counts().discarded, 1);
}

#[test]
fn a_far_side_whose_clock_stood_still_is_heard_again_after_a_few_packets() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    let pause = |n: u64| if n < 50 { n * 20 } else { n * 20 + 700 };
    let arrivals: Vec<_> = (0..150).map(|n| (pause(u64::from(n)), packet(n))).collect();
    let heard = packets(&play(&mut jitter, origin, &arrivals, 190));
    assert!(heard.len() > 140, "{}", heard.len());
    assert_eq!(heard.last(), Some(&149));
}

#[test]
fn after_a_stall_of_the_network_talk_goes_on_without_its_delay() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    let stall = |n: u64| if (100..150).contains(&n) { 3_000 } else { n * 20 };
    let arrivals: Vec<_> = (0..600).map(|n| (stall(u64::from(n)), packet(n))).collect();
    let heard = play(&mut jitter, origin, &arrivals, 600);
    let behind = heard.iter().rev().find_map(|out| if let Out::Packet(n) = out { Some(599 - n) } else { None });
    // Nobody here obeys the tempo; it can only have been kept.
    assert!(behind.unwrap() <= 13, "{behind:?}");
    assert_eq!(heard[599], Out::Packet(599 - behind.unwrap()));
}

#[test]
fn silence_for_a_second_is_the_end_of_talk_until_somebody_speaks_again() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    assert_eq!(pull(&mut jitter, origin), Out::Nothing);
    put(&mut jitter, packet(0), origin);
    let heard: Vec<Out> = (1..80).map(|n| pull(&mut jitter, origin + ms(n * 20))).collect();
    let count = |wanted| heard.iter().filter(|out| **out == wanted).count();
    assert_eq!(heard[0], Out::Packet(0));
    assert_eq!((count(Out::Lost), count(Out::Pause), count(Out::Nothing)), (5, 45, 28));
    put(&mut jitter, packet(1), origin + ms(2_000));
    assert_eq!(pull(&mut jitter, origin + ms(2_020)), Out::Packet(1));
}

#[test]
fn the_wait_grows_with_jitter_and_its_user_is_told() {
    let origin = start();
    let mut jitter = Jitter::new(8_000, origin);
    let late = |n: u64| if (500..1_000).contains(&n) { n % 4 * 15 } else { 0 };
    let mut arrivals: Vec<_> = (0..2_000).map(|n| (u64::from(n) * 20 + late(u64::from(n)), packet(n))).collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let (mut arrivals, mut tempos, mut out) = (arrivals.into_iter().peekable(), Vec::new(), [0; LONGEST]);
    for n in 0..2_000_u64 {
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= n * 20) {
            put(&mut jitter, packet, origin + ms(at));
        }
        if let Pull::Packet { tempo, .. } = jitter.pull(&mut out, origin + ms(n * 20)) {
            tempos.push((n, tempo));
        }
        if n == 999 {
            assert_eq!(jitter.target(), ms(50));
        }
    }
    assert_eq!(jitter.target(), ms(10));
    assert!(tempos.iter().any(|(n, tempo)| *n > 500 && *n < 1_000 && *tempo == Tempo::Linger));
    assert!(tempos.iter().any(|(n, tempo)| *n > 1_000 && *tempo == Tempo::Hurry));
}

#[test]
fn a_buffer_is_small() {
    let octets = size_of::<Jitter>() + BLOCKS * 160;
    assert!(octets < 10_000, "{octets}");
}

/// What the network does to one packet.
#[derive(Debug, Clone)]
struct Fate {
    late: u64,
    copies: u8,
}

fn fate() -> impl Strategy<Value = Fate> {
    (
        prop_oneof![4 => 0..10_u64, 2 => 0..120_u64, 1 => 0..900_u64],
        prop_oneof![1 => Just(0_u8), 9 => Just(1), 1 => Just(2)],
    )
        .prop_map(|(late, copies)| Fate { late, copies })
}

proptest! {
    #[test]
    fn nothing_goes_backwards_and_what_was_kept_comes_out_once(
        fates in prop::collection::vec(fate(), 1..400),
    ) {
        let origin = start();
        let mut jitter = Jitter::new(8_000, origin);
        let mut arrivals: Vec<(u64, Packet)> = Vec::new();
        for (n, fate) in fates.iter().enumerate() {
            let at = n as u64 * 20 + fate.late;
            arrivals.extend((0..fate.copies).map(|copy| (at + u64::from(copy) * 3, packet(n as u32))));
        }
        arrivals.sort_by_key(|(at, packet)| (*at, packet.n));
        let heard = play(&mut jitter, origin, &arrivals, fates.len() as u64 + 100);
        let numbers = packets(&heard);
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", numbers);
        let counts = jitter.counts();
        prop_assert_eq!(counts.kept, numbers.len() as u64 + counts.discarded);
        prop_assert_eq!(jitter.depth(), 0);
        prop_assert_eq!(counts.kept + counts.late + counts.duplicates, arrivals.len() as u64);
    }

    #[test]
    fn whatever_comes_it_stays_within_its_bounds(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0..3_u32, 0..1_500_usize, 0..2_000_u32, 0..60_u64), 1..300),
    ) {
        let origin = start();
        let mut jitter = Jitter::new(8_000, origin);
        let (mut now, mut out) = (origin, [0; LONGEST]);
        for (sequence, timestamp, ssrc, length, ticks, passed) in packets {
            now += ms(passed);
            let header = Header { payload_type: 0, marker: false, sequence: sequence % 300, timestamp: timestamp % 900_000, ssrc };
            jitter.push(&header, Content::Audio, &vec![1; length], ticks, now);
            prop_assert!(jitter.depth() <= BLOCKS);
            prop_assert!(jitter.target() <= ms(240));
            if let Pull::Packet { length, .. } = jitter.pull(&mut out, now) {
                prop_assert!(length <= LONGEST);
            }
        }
    }

    #[test]
    fn once_it_knows_the_line_hardly_anything_is_late(seed in any::<u64>(), spread in 1..150_u64) {
        let late = late_of_1500(seed, spread);
        // What the wait leaves out: one in forty.
        prop_assert!(late <= 1_500 / 40, "{}", late);
    }
}

#[test]
fn a_packet_that_was_overtaken_is_waited_for_as_long_as_the_line_makes_necessary() {
    // Found by the property above: a tenth came too late, though the wait had long been known.
    assert!(late_of_1500(2_462_060_355_097_604_349, 139) <= 1_500 / 40);
}

/// Packets of 1,500 that came too late, on a line that delays each by less than `spread` milliseconds.
fn late_of_1500(seed: u64, spread: u64) -> u64 {
    let origin = start();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut jitter = Jitter::new(8_000, origin);
    let mut arrivals: Vec<_> = (0..1_500).map(|n| (u64::from(n) * 20 + random.u64(0..spread), packet(n))).collect();
    arrivals.sort_by_key(|(at, _)| *at);
    play(&mut jitter, origin, &arrivals, 1_500);
    // Nobody here obeys the tempo: the wait is what it has come to by itself.
    jitter.counts().late
}
