//! What is done with the sound of a leg: waited for, carried over, and listened to.

use std::time::Duration;

use super::bench::Bench;
use super::bench::Got;
use super::bench::Phone;
use super::bench::purity;
use super::play::decode;
use crate::media::answering::AnsweredBy;
use crate::media::codec::CodecKind;
use crate::media::codecs::pcma;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::Stream;

const FRAME: Duration = Duration::from_millis(20);

/// 20 ms of A-law by a function of time in seconds.
fn say(phone: &mut Phone, from: usize, wave: impl Fn(f64) -> f64) {
    let payload: Vec<u8> = (0..160).map(|n| pcma::compress(wave((from * 160 + n) as f64 / 8_000.0) as i16)).collect();
    phone.send_payload(8, &payload);
    phone.pass_time(1);
    std::thread::sleep(FRAME);
}

fn five(time: f64) -> f64 {
    let wave = |frequency: f64| (time * frequency * std::f64::consts::TAU).sin() * 5_000.0;
    wave(770.0) + wave(1_336.0)
}

fn silent(_: f64) -> f64 {
    0.0
}

/// No telephone events on this leg.
fn without_events(bench: &mut Bench, phone: &Phone) {
    bench.connect(phone, Stream { dtmf: None, ..phone.stream.clone() });
    bench.is_obeyed(phone);
}

#[test]
fn a_phone_without_telephone_events_presses_keys_by_their_tones() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    without_events(&mut bench, &phone);
    for press in 0..2 {
        (0..6).for_each(|n| say(&mut phone, n, five));
        assert_eq!(bench.event(), Event::Digit { leg: phone.leg, digit: '5' }, "{press}");
        (0..6).for_each(|n| say(&mut phone, n, silent));
    }
    bench.nothing_happened();
}

#[test]
fn whoever_comes_after_a_phone_with_telephone_events_may_have_tones_only() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    phone.hold_key(1, 0, 160);
    assert_eq!(bench.event(), Event::Digit { leg: phone.leg, digit: '1' });
    without_events(&mut bench, &phone);
    (0..6).for_each(|n| say(&mut phone, n, five));
    assert_eq!(bench.event(), Event::Digit { leg: phone.leg, digit: '5' });
    bench.nothing_happened();
}

#[test]
fn a_press_that_is_sent_as_event_and_as_tone_is_heard_once() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    // Decoded for another reason.
    bench.order(Command::Detect { leg: phone.leg });
    (0..3).for_each(|n| say(&mut phone, n, silent));
    for n in 0..8 {
        phone.hold_key(5, 0, 160 * (n + 1));
        say(&mut phone, usize::from(n), five);
    }
    (0..8).for_each(|n| say(&mut phone, n, silent));
    assert_eq!(bench.event(), Event::Digit { leg: phone.leg, digit: '5' });
    bench.nothing_happened();
}

#[test]
fn a_short_word_and_silence_is_told_to_be_a_person() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    bench.order(Command::Detect { leg: phone.leg });
    (0..15).for_each(|n| say(&mut phone, n, silent));
    let word = |time: f64| ((time * 9_173.0).sin() * 43_758.547).fract() * 6_000.0;
    (0..20).for_each(|n| say(&mut phone, n, word));
    (0..60).for_each(|n| say(&mut phone, n, silent));
    let Event::Greeted { leg, verdict } = bench.event() else { panic!("nobody was heard") };
    assert_eq!((leg, verdict.by), (phone.leg, AnsweredBy::Human));
    bench.nothing_happened();
}

#[test]
fn what_a_bad_line_loses_and_swaps_is_made_good_on_the_way_to_another_codec() {
    let mut bench = Bench::start();
    let (mut from, to) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::G722));
    bench.order(Command::Bridge { a: from.leg, b: to.leg });
    bench.is_obeyed(&from);
    let mut kept: Option<Vec<u8>> = None;
    for n in 0..100_usize {
        let samples: Vec<u8> = (0..160)
            .map(|k| ((n * 160 + k) as f64 * 700.0 * std::f64::consts::TAU / 8_000.0).sin() * 9_000.0)
            .map(|sample| pcma::compress(sample as i16))
            .collect();
        let packet = from.packet(8, &samples);
        from.pass_time(1);
        match n % 10 {
            3 => {}
            // This one is overtaken.
            6 => kept = Some(packet),
            _ => {
                from.socket.send_to(&packet, from.server).unwrap();
                if let Some(late) = kept.take() {
                    from.socket.send_to(&late, from.server).unwrap();
                }
            }
        }
        std::thread::sleep(FRAME);
    }
    let got: Vec<Got> = (0..90).map(|_| to.get().unwrap()).collect();
    for pair in got.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
        assert_eq!(pair[1].header.timestamp, pair[0].header.timestamp.wrapping_add(160), "an even line");
    }
    let heard = decode(&got, CodecKind::G722);
    let pieces: Vec<f64> = heard[3_200..].chunks_exact(800).map(|piece| purity(piece, 16_000, 700.0)).collect();
    let clear = pieces.iter().filter(|purity| **purity > 0.9).count();
    assert!(clear * 10 >= pieces.len() * 7, "{pieces:?}");
}
