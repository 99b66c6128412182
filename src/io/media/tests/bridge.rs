//! Two far sides that hear each other.

use std::time::Duration;

use super::bench::Bench;
use super::bench::Got;
use super::bench::Phone;
use super::bench::purity;
use super::play::clip;
use super::play::decode;
use super::play::play;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::HeardAs;
use crate::media::command::Repeat;
use crate::media::command::Stream;
use crate::media::sdp::Direction;

#[test]
fn like_codecs_pass_octet_for_octet_in_both_directions() {
    let mut bench = Bench::start();
    let (mut a, mut b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bridge(&mut bench, &a, &b);
    converse(&mut a, &b, &(0..20).collect::<Vec<u8>>());
    converse(&mut b, &a, &(100..120).collect::<Vec<u8>>());
    let figures = bench.close(&a);
    assert_eq!((figures.received, figures.sent, figures.lost, figures.dropped), (20, 20, 0, 0));
    assert_eq!(figures.source, Some(a.socket.local_addr().unwrap()));
}

/// Sends packets that are marked by their first octet, one after another, and expects them on the other side.
fn converse(from: &mut Phone, to: &Phone, marks: &[u8]) {
    let mut got: Vec<Got> = Vec::new();
    for mark in marks {
        let payload_type = from.stream.payload_type;
        from.send_payload(payload_type, &[*mark; 160]);
        from.pass_time(1);
        got.push(to.get().unwrap());
    }
    assert!(got.iter().zip(marks).all(|(got, mark)| got.payload == [*mark; 160]));
    let first = got[0].header;
    for (n, got) in got.iter().enumerate() {
        let n = u16::try_from(n).unwrap();
        assert_eq!(got.header.sequence, first.sequence.wrapping_add(n));
        assert_eq!(got.header.timestamp, first.timestamp.wrapping_add(u32::from(n) * 160));
        assert_eq!((got.header.ssrc, got.header.payload_type), (first.ssrc, to.stream.payload_type));
    }
}

#[test]
fn what_is_not_sent_to_a_side_on_hold_is_no_loss_to_it() {
    let mut bench = Bench::start();
    let (mut a, b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bridge(&mut bench, &a, &b);
    let says = |a: &mut Phone, mark| {
        a.send_payload(8, &[mark; 160]);
        a.pass_time(1);
    };
    says(&mut a, 1);
    let before = b.get().unwrap();
    bench.connect(&b, Stream { direction: Direction::Inactive, ..b.stream.clone() });
    bench.is_obeyed(&b);
    (0..5).for_each(|_| says(&mut a, 2));
    bench.until(&a, |figures| figures.received == 6);
    bench.connect(&b, b.stream.clone());
    bench.is_obeyed(&b);
    says(&mut a, 3);
    let after = b.get().unwrap();
    assert_eq!(after.payload[0], 3);
    assert_eq!(after.header.sequence, before.header.sequence.wrapping_add(1));
    assert!(after.header.marker);
}

#[test]
fn noise_and_keys_that_a_partner_does_not_get_are_no_loss_to_it() {
    let mut bench = Bench::start();
    let (mut a, b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bench.connect(&b, Stream { dtmf: None, ..b.stream.clone() });
    bench.connect(&a, Stream { comfort_noise: Some(97), ..a.stream.clone() });
    bridge(&mut bench, &a, &b);
    let mut got = Vec::new();
    // RFC 3389: unasked, and as agreed on.
    let noise = |a: &mut Phone| a.send_payload(13, &[40]);
    let agreed = |a: &mut Phone| a.send_payload(97, &[40]);
    for passed_over in [|_: &mut Phone| (), noise, agreed, |a: &mut Phone| press(a, 7)] {
        passed_over(&mut a);
        a.pass_time(10);
        a.send_payload(8, &[1; 160]);
        a.pass_time(1);
        got.push(b.get().unwrap());
    }
    let first = got[0].header;
    for (n, got) in (0..).zip(&got) {
        assert_eq!(got.header.sequence, first.sequence.wrapping_add(n));
        assert!(got.payload == [1; 160] && got.header.marker);
    }
    assert_eq!(bench.close(&a).dropped, 0);
}

#[test]
fn unlike_codecs_are_carried_over() {
    let codecs = [CodecKind::Pcmu, CodecKind::G722, CodecKind::Opus];
    let mut bench = Bench::start();
    for codec in codecs {
        for (from, to) in [(CodecKind::Pcma, codec), (codec, CodecKind::Pcma)] {
            let (mut a, b) = (bench.phone(from), bench.phone(to));
            bridge(&mut bench, &a, &b);
            let got: Vec<Got> = talk(&mut a, &b, 1000.0, 30);
            let heard = decode(&got, to);
            let purity = purity(&heard[heard.len() / 2..], to.sample_rate(), 1000.0);
            assert!(purity > 0.9, "{from} to {to}: {purity}");
            for pair in got.windows(2) {
                assert_eq!(pair[1].header.timestamp, pair[0].header.timestamp.wrapping_add(to.frame_ticks()));
            }
        }
    }
}

/// Speaks in real time, as a phone does; what the other side heard.
fn talk(from: &mut Phone, to: &Phone, frequency: f64, frames: usize) -> Vec<Got> {
    let mut got = Vec::new();
    for frame in 0..frames {
        from.say(frequency);
        // The first frame may still be in the filter.
        if frame > 0 {
            got.push(to.get().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    got
}

#[test]
fn a_key_is_reported_once_and_passed_on_under_the_partners_number() {
    let mut bench = Bench::start();
    let (mut a, b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    let stream = Stream { dtmf: Some((96, 8000)), ..b.stream.clone() };
    bench.connect(&b, stream);
    bridge(&mut bench, &a, &b);
    press(&mut a, 7);
    let got: Vec<Got> = (0..7).map(|_| b.get().unwrap()).collect();
    assert!(got.iter().all(|got| got.header.payload_type == 96 && got.payload[0] == 7));
    assert!(got.iter().all(|packet| packet.header.timestamp == got[0].header.timestamp));
    assert_eq!(bench.event(), Event::Digit { leg: a.leg, digit: '7' });
    press(&mut a, 11);
    assert_eq!(bench.event(), Event::Digit { leg: a.leg, digit: '#' });
    bench.nothing_happened();
}

#[test]
fn a_far_side_is_heard_under_the_numbers_of_our_offer_and_of_its_answer() {
    let mut bench = Bench::start();
    let (mut a, b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    let heard_as = HeardAs { audio: Some(8), events: Some(101) };
    bench.connect(&a, Stream { payload_type: 118, dtmf: Some((97, 8000)), heard_as, ..a.stream.clone() });
    bridge(&mut bench, &a, &b);
    for (number, mark) in [(8, 1), (118, 2)] {
        a.send_payload(number, &[mark; 160]);
        a.pass_time(1);
        let got = b.get().unwrap();
        assert_eq!((got.header.payload_type, got.payload[0]), (8, mark));
    }
    for (number, digit) in [(101, '7'), (97, '8')] {
        a.stream.dtmf = Some((number, 8000));
        press(&mut a, digit as u8 - b'0');
        assert!((0..7).all(|_| b.get().unwrap().header.payload_type == 101));
        assert_eq!(bench.event(), Event::Digit { leg: a.leg, digit });
    }
    assert_eq!(bench.close(&a).dropped, 0);
}

#[test]
fn a_key_keeps_its_length_when_the_clocks_differ() {
    let mut bench = Bench::start();
    let (mut a, b) = (bench.phone(CodecKind::Opus), bench.phone(CodecKind::Pcma));
    bridge(&mut bench, &a, &b);
    press(&mut a, 3);
    let got: Vec<Got> = (0..7).map(|_| b.get().unwrap()).collect();
    assert!(got.iter().all(|got| got.header.payload_type == 101 && got.payload[0] == 3));
    assert_eq!(got[6].payload[1] & 0x80, 0x80);
    assert_eq!(u16::from_be_bytes([got[6].payload[2], got[6].payload[3]]), 4 * 160);
    assert_eq!(bench.event(), Event::Digit { leg: a.leg, digit: '3' });
}

/// Four packets of a held key and three ends.
fn press(phone: &mut Phone, event: u8) {
    let ticks = u16::try_from(phone.stream.codec.frame_ticks()).unwrap();
    (1..=4).for_each(|n| phone.hold_key(event, 0, ticks * n));
    (0..3).for_each(|_| phone.hold_key(event, 0x80, ticks * 4));
    phone.pass_time(20);
}

#[test]
fn from_music_to_an_agent_and_back_the_line_never_breaks() {
    let mut bench = Bench::start();
    let (caller, mut agent) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    play(&mut bench, &caller, &[clip(200)], Repeat::Forever);
    let mut heard: Vec<Got> = (0..5).map(|_| caller.get().unwrap()).collect();
    bench.order(Command::Bridge { a: caller.leg, b: agent.leg });
    bench.is_obeyed(&caller);
    for _ in 0..5 {
        agent.say(700.0);
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.order(Command::Unbridge { leg: agent.leg });
    play(&mut bench, &caller, &[clip(200)], Repeat::Forever);
    while heard.len() < 18 {
        heard.push(caller.get().unwrap());
    }
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!((after.sequence, after.ssrc), (before.sequence.wrapping_add(1), before.ssrc));
        let step = after.timestamp.wrapping_sub(before.timestamp);
        assert!((160..8000).contains(&step), "{step}");
    }
    let markers = heard.iter().filter(|got| got.header.marker).count();
    assert!((2..=3).contains(&markers), "a mark at each change: {markers}");
}

#[test]
fn a_prompt_to_one_side_of_a_bridge_is_followed_by_the_partner_again() {
    let mut bench = Bench::start();
    let (caller, mut agent) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bridge(&mut bench, &caller, &agent);
    play(&mut bench, &caller, &[clip(100)], Repeat::Once);
    let prompt: Vec<Got> = (0..5).map(|_| caller.get().unwrap()).collect();
    assert!(matches!(bench.event(), Event::Finished { .. }));
    agent.send_payload(8, &[0x11; 160]);
    let after = caller.get().unwrap();
    assert_eq!(after.payload, [0x11; 160]);
    assert_eq!(after.header.sequence, prompt[4].header.sequence.wrapping_add(1));
}

fn bridge(bench: &mut Bench, a: &Phone, b: &Phone) {
    bench.order(Command::Bridge { a: a.leg, b: b.leg });
    bench.is_obeyed(a);
    // What came before the bridge stood is not missed.
    a.discard();
    b.discard();
}
