//! Tests of the RTP packet and the line that a leg sends.

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut datagram = [0; HEADER_LEN];
    Header { payload_type: 8, marker: false, sequence, timestamp, ssrc }.write(&mut datagram);
    [&datagram[..], &[7; 160]].concat()
}

/// One tick an octet.
fn pcm(payload: &[u8]) -> Option<u32> {
    u32::try_from(payload.len()).ok()
}

fn relayed(line: &mut Restamp, ssrc: u32, sequence: u16, timestamp: u32, now: Instant) -> Option<Header> {
    let mut datagram = packet(ssrc, sequence, timestamp);
    let passage = line.relay(&mut datagram, 0, pcm, now);
    (passage == Passage::Send).then(|| read(&datagram).unwrap().header)
}

#[test]
fn a_header_is_read_as_it_was_written() {
    let header =
        Header { payload_type: 101, marker: true, sequence: 65_535, timestamp: 4_000_000_000, ssrc: 0xdead_beef };
    let mut datagram = [0; HEADER_LEN];
    header.write(&mut datagram);
    assert_eq!(read(&datagram), Some(Packet { header, payload: &[] }));
}

#[test]
fn csrc_extension_and_padding_are_no_payload() {
    let mut datagram = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    datagram.extend([0; 8]);
    datagram.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    datagram.extend([10, 20, 30]);
    datagram.extend([0, 0, 3]);
    assert_eq!(read(&datagram).unwrap().payload, [10, 20, 30]);
}

#[test]
fn lengths_that_lead_out_of_the_datagram_are_refused() {
    assert_eq!(read(&[0x80; 11]), None);
    assert_eq!(read(&[&[0x40][..], &[0; 11]].concat()), None, "version 1");
    assert_eq!(read(&[&[0x8f][..], &[0; 11]].concat()), None, "15 CSRCs that are not there");
    assert_eq!(read(&[&[0x90][..], &[0; 11]].concat()), None, "an extension that is not there");
    assert_eq!(read(&[&[0xa0][..], &[0; 11], &[200]].concat()), None, "padding longer than the packet");
}

#[test]
fn rtcp_is_told_from_rtp_on_one_port() {
    assert!(is_rtcp(&[0x80, 200, 0, 6]));
    assert!(!is_rtcp(&packet(1, 1, 1)));
}

#[test]
fn frames_of_ours_follow_each_other_whatever_the_scheduler_does() {
    let (now, mut line) = (start(), Restamp::new(1, 65_535, u32::MAX - 100, 8_000));
    let first = line.next(8, 160, now);
    let second = line.next(8, 160, now + ms(55));
    assert_eq!((first.sequence, first.marker, first.timestamp), (65_535, true, u32::MAX - 100));
    assert_eq!((second.sequence, second.marker, second.timestamp), (0, false, 59));
}

#[test]
fn a_pause_is_shown_in_the_timestamp_and_begins_a_spurt() {
    let (now, mut line) = (start(), Restamp::new(1, 0, 0, 8_000));
    line.next(8, 160, now);
    let after = line.next(8, 160, now + ms(1_000));
    assert_eq!((after.sequence, after.marker, after.timestamp), (1, true, 8_000));
}

#[test]
fn a_source_that_takes_over_goes_on_where_the_last_one_ended() {
    let (now, mut line) = (start(), Restamp::new(9, 100, 0, 8_000));
    line.next(8, 160, now);
    let first = relayed(&mut line, 77, 5_000, 123_456, now + ms(40)).unwrap();
    assert_eq!((first.ssrc, first.sequence, first.timestamp, first.marker), (9, 101, 320, true));
    assert_eq!(first.payload_type, 0);
    let second = relayed(&mut line, 77, 5_001, 123_616, now + ms(60)).unwrap();
    assert_eq!((second.sequence, second.timestamp, second.marker), (102, 480, false));
    let ours = line.next(8, 160, now + ms(62));
    assert_eq!((ours.sequence, ours.timestamp, ours.marker), (103, 640, true));
}

#[test]
fn loss_and_disorder_of_a_source_are_kept_but_nothing_falls_before_its_beginning() {
    let (now, mut line) = (start(), Restamp::new(9, 100, 0, 8_000));
    line.next(8, 160, now);
    assert_eq!(relayed(&mut line, 7, 50, 0, now + ms(20)).unwrap().sequence, 101);
    assert_eq!(relayed(&mut line, 7, 49, 0, now + ms(21)), None, "would carry the number of our own frame");
    assert_eq!(relayed(&mut line, 7, 53, 480, now + ms(80)).unwrap().sequence, 104);
    assert_eq!(relayed(&mut line, 7, 52, 320, now + ms(81)).unwrap().sequence, 103);
    assert_eq!(line.next(8, 160, now + ms(100)).sequence, 105);
}

#[test]
fn a_source_that_starts_anew_under_its_old_ssrc_is_a_new_source() {
    let (now, mut line) = (start(), Restamp::new(9, 100, 0, 8_000));
    relayed(&mut line, 7, 50, 0, now);
    let anew = relayed(&mut line, 7, 30_000, 2_000_000_000, now + ms(20)).unwrap();
    assert_eq!((anew.sequence, anew.timestamp), (101, 160));
    let leap = relayed(&mut line, 7, 30_001, 900_000_000, now + ms(40)).unwrap();
    assert_eq!((leap.sequence, leap.timestamp, leap.marker), (102, 320, true));
}

#[test]
fn a_source_may_be_silent_for_a_minute() {
    let (now, mut line) = (start(), Restamp::new(9, 100, 0, 8_000));
    relayed(&mut line, 7, 50, 1_000, now);
    let after = relayed(&mut line, 7, 51, 481_000, now + ms(60_000)).unwrap();
    assert_eq!((after.sequence, after.timestamp, after.marker), (101, 480_000, false));
}

#[test]
fn all_packets_of_a_press_carry_the_timestamp_of_its_beginning() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 8_000));
    line.next(8, 160, now);
    let begins = line.event(101, Phase::Begins, 160, now + ms(20));
    let goes_on = line.event(101, Phase::Continues, 160, now + ms(40));
    assert_eq!((begins.timestamp, begins.marker, begins.sequence), (160, true, 1));
    assert_eq!((goes_on.timestamp, goes_on.marker, goes_on.sequence), (160, false, 2));
    let audio = line.next(8, 160, now + ms(60));
    assert_eq!((audio.timestamp, audio.sequence), (480, 3));
}

#[test]
fn audio_after_a_press_is_as_late_as_audio_before_it() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 48_000));
    let press = |line: &mut Restamp, from: u64| {
        line.next(96, 960, now + ms(from));
        line.event(102, Phase::Begins, 960, now + ms(from + 20));
        for later in [40, 60, 80, 100] {
            line.event(102, Phase::Continues, 960, now + ms(from + later));
        }
    };
    for from in [0, 200, 400] {
        press(&mut line, from);
        // What follows at once may be its echo and is kept back.
        assert_eq!(line.next(96, 960, now + ms(from + 160)).timestamp, (from as u32 + 160) * 48);
        line.next(96, 960, now + ms(from + 180));
    }
    press(&mut line, 600);
    line.leave_out(960, now + ms(760));
    assert_eq!(line.next(96, 960, now + ms(780)).timestamp, 780 * 48, "a pause after it");
}

#[test]
fn what_follows_a_relayed_packet_waits_until_its_sound_is_over() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 8_000));
    let mut long = [&packet(7, 1, 0)[..HEADER_LEN], &[7; 480]].concat();
    assert_eq!(line.relay(&mut long, 0, pcm, now), Passage::Send);
    assert_eq!(line.next(8, 160, now + ms(20)).timestamp, 480);
    let held = |payload: &[u8]| Some(u32::from(payload[0]) * 160);
    for n in 1..=30_u8 {
        let mut key = [&packet(8, u16::from(n), 0)[..HEADER_LEN], &[n]].concat();
        assert_eq!(line.relay(&mut key, 101, held, now + ms(40 + 20 * u64::from(n))), Passage::Send);
    }
    let began = 480 + 320;
    assert_eq!(line.timestamp_at(now + ms(640)), began + 580 * 8, "what a report says meanwhile");
    assert_eq!(line.next(8, 160, now + ms(641)).timestamp, began + 30 * 160);
}

#[test]
fn a_key_that_is_relayed_for_longer_than_any_gap_stays_one() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 8_000));
    let held = |payload: &[u8]| Some(u32::from(u16::from_be_bytes([payload[0], payload[1]])));
    for n in 1..=1_000_u16 {
        let ticks = n.saturating_mul(160).to_be_bytes();
        let mut key = [&packet(8, n, 0)[..HEADER_LEN], &ticks[..]].concat();
        assert_eq!(line.relay(&mut key, 101, held, now + ms(20) * u32::from(n)), Passage::Send);
        let header = read(&key).unwrap().header;
        assert_eq!((header.timestamp, header.marker), (0, n == 1), "{n}");
    }
}

#[test]
fn a_key_whose_far_side_begins_a_segment_goes_on_in_one_of_ours() {
    let now = start();
    // Segments of 8 s towards a clock in which they do not fit, and of 1.36 s towards one in which they do.
    for (clock, packets) in [(48_000_u32, 400_u32), (8_000, 68)] {
        let (mut line, frame) = (Restamp::new(9, 0, 0, clock), clock / 50);
        let mut phase = Phase::Begins;
        for n in 1..=600_u32 {
            let (segment, within) = ((n - 1) / packets, (n - 1) % packets + 1);
            let held = Held { began: (segment * packets * 160).wrapping_sub(500), ticks: within * frame };
            let (header, duration) = line.held_event(102, phase, frame, held, now + ms(20) * n);
            assert_eq!(header.timestamp + u32::from(duration), n * frame, "all of it");
            assert!(u32::from(duration) >= frame && header.marker == (n == 1));
            phase = Phase::Continues;
            let straggler = Held { began: held.began.wrapping_sub(160), ticks: 20 * frame };
            assert_eq!(line.held_event(102, phase, frame, straggler, now + ms(20) * n).1, duration);
        }
    }
}

#[test]
fn a_sound_is_believed_to_last_no_longer_than_it_can() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 8_000));
    let mut key = packet(7, 1, 0);
    line.relay(&mut key, 101, |_| Some(65_535), now);
    assert_eq!(line.next(8, 160, now + ms(20)).timestamp, 1_600);
}

#[test]
fn a_key_that_is_held_for_longer_than_its_field_can_tell_goes_on_in_segments_without_a_gap() {
    let (now, mut line) = (start(), Restamp::new(9, 0, 0, 48_000));
    let mut phase = Phase::Begins;
    let mut told: Vec<(u32, u16)> = Vec::new();
    for n in 1..=200_u32 {
        let (header, duration) = line.held_event(102, phase, 960, Held { began: 7, ticks: n * 960 }, now + ms(20) * n);
        assert_eq!(header.marker, n == 1);
        assert_eq!(header.timestamp + u32::from(duration), n * 960, "all of it");
        told.push((header.timestamp, duration));
        phase = Phase::Continues;
    }
    let segments: Vec<_> = told.windows(2).filter(|pair| pair[0].0 != pair[1].0).collect();
    assert_eq!(segments.len(), 2, "3.9 s in pieces of 1.36 s at most");
    assert!(segments.iter().all(|pair| pair[0].0 + u32::from(pair[0].1) == pair[1].0));
}

/// Somebody speaks: who, how many packets, how many are lost before each, milliseconds before the first.
fn turns() -> impl Strategy<Value = Vec<(u32, u8, u16, u64)>> {
    prop::collection::vec((0..4_u32, 1..30_u8, 0..3_u16, 0..400_u64), 1..40)
}

proptest! {
    #[test]
    fn the_line_never_steps_back_and_runs_with_the_clock(turns in turns(), sequence: u16, timestamp: u32, seed: u32) {
        let (start, mut line) = (start(), Restamp::new(9, sequence, timestamp, 8_000));
        let mut now = start;
        let mut last: Option<(Header, Instant)> = None;
        for (round, (who, count, lost, pause)) in (0_u32..).zip(turns) {
            now += ms(pause);
            let (mut theirs, mut stamp) = (seed.wrapping_mul(round) as u16, seed.wrapping_add(round * 77_777));
            for index in 0..count {
                now += ms(20);
                theirs = theirs.wrapping_add(1 + lost);
                stamp = stamp.wrapping_add(160);
                let header = match who {
                    0 => line.next(0, 160, now),
                    _ => relayed(&mut line, who * 1000 + round, theirs, stamp, now).unwrap(),
                };
                if let Some((before, sent)) = last {
                    let step = header.sequence.wrapping_sub(before.sequence);
                    let expected = if who == 0 || index == 0 { 1 } else { 1 + lost };
                    prop_assert_eq!(step, expected, "sequence numbers of a turn begin without a gap");
                    let ticks = i64::from(header.timestamp.wrapping_sub(before.timestamp));
                    let passed = (now - sent).as_millis() as i64 * 8;
                    prop_assert!(ticks >= 160 && (ticks - passed).abs() <= 8 * 120, "{} ticks in {} of the clock", ticks, passed);
                }
                prop_assert_eq!(header.ssrc, 9);
                last = Some((header, now));
            }
        }
    }

    #[test]
    fn no_datagram_panics(mut datagram in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut line = Restamp::new(1, 2, 3, 8_000);
        let read_before = read(&datagram).map(|packet| packet.payload.to_vec());
        let passage = line.relay(&mut datagram, 8, pcm, start());
        prop_assert_eq!(passage == Passage::Send, read_before.is_some());
        prop_assert_eq!(read(&datagram).map(|packet| packet.payload.to_vec()), read_before);
    }
}

#[test]
fn a_frame_that_is_left_out_takes_its_time_and_no_number_and_the_next_begins_a_spurt() {
    let mut line = Restamp::new(5, 100, 1_000, 48_000);
    let (start, frame) = (start(), Duration::from_millis(20));
    line.next(111, 960, start);
    let before = line.next(111, 960, start + frame);
    for n in 2..7 {
        line.leave_out(960, start + frame * n);
    }
    let after = line.next(111, 960, start + frame * 7);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp + 6 * 960);
    assert!(after.marker && !before.marker);
    let next = line.next(111, 960, start + frame * 8);
    assert_eq!((next.timestamp, next.marker), (after.timestamp + 960, false));
}

#[test]
fn pauses_that_are_left_out_stay_with_the_clock_whatever_the_source_does() {
    let (start, frame) = (start(), Duration::from_millis(20));
    let mut line = Restamp::new(7, 1, 1_000, 48_000);
    let before = line.next(111, 960, start);
    // Early and late by turns, which is the scheduler's mood and no time that passes.
    for n in 1..=50 {
        let late = Duration::from_millis(if n % 2 == 0 { 15 } else { 0 });
        line.leave_out(960, start + frame * n + late);
    }
    let after = line.next(111, 960, start + frame * 51);
    assert_eq!(after.timestamp, before.timestamp + 51 * 960);
    // The source says nothing at all for ten seconds, and then that it is silent.
    line.leave_out(960, start + frame * 52);
    (552..560).for_each(|n| line.leave_out(960, start + frame * n));
    let at_last = line.next(111, 960, start + frame * 560);
    assert_eq!(at_last.timestamp, before.timestamp + 560 * 960);
    assert_eq!((at_last.sequence, at_last.marker), (after.sequence.wrapping_add(1), true));
}
