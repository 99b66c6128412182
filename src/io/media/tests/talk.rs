//! Both sides of a talk in one file: by their content, in time with one another.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::Phone;
use super::bench::purity;
use crate::media::both_sides::Channels;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::RecordEnd;
use crate::media::command::Steer;

/// The channels of a file, and its rate.
fn channels(path: &Path) -> (Vec<Vec<i16>>, u32) {
    let bytes = fs::read(path).unwrap();
    let reader = hound::WavReader::new(&bytes[..]).unwrap();
    let spec = reader.spec();
    let mut sides = vec![Vec::new(); usize::from(spec.channels)];
    for (at, sample) in reader.into_samples::<i16>().enumerate() {
        sides[at % usize::from(spec.channels)].push(sample.unwrap());
    }
    (sides, spec.sample_rate)
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("desvio-{}-talk-{name}.wav", std::process::id()))
}

/// Two phones in a talk, the first one's leg recorded.
fn talk(bench: &mut Bench, codecs: [CodecKind; 2], path: &Path, kind: Channels) -> (Phone, Phone) {
    let (one, other) = (bench.phone(codecs[0]), bench.phone(codecs[1]));
    bench.order(Command::Bridge { a: one.leg, b: other.leg });
    let longest = Duration::from_secs(60);
    bench.order(Command::RecordTalk { leg: one.leg, path: path.to_owned(), channels: kind, longest });
    bench.is_obeyed(&one);
    (one, other)
}

/// Both speak, in step with the clock.
fn speak(one: &mut Phone, other: &mut Phone, tones: [f64; 2], frames: u32) {
    let began = Instant::now();
    for frame in 0..frames {
        one.say(tones[0]);
        other.say(tones[1]);
        let next = began + Duration::from_millis(20) * (frame + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn end(bench: &mut Bench, phone: &Phone) -> (Duration, RecordEnd) {
    bench.order(Command::Steer { leg: phone.leg, order: Steer::End });
    match bench.event() {
        Event::Recorded { length, ended, .. } => (length, ended),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_side_has_a_channel_of_its_own_in_every_pair_of_codecs() {
    let mut bench = Bench::start();
    for codecs in [
        [CodecKind::Pcma, CodecKind::Pcma],
        [CodecKind::Pcmu, CodecKind::G722],
        [CodecKind::Opus, CodecKind::Pcma],
        [CodecKind::G722, CodecKind::G722],
    ] {
        let path = file(&format!("{}-{}", codecs[0], codecs[1]));
        let (mut one, mut other) = talk(&mut bench, codecs, &path, Channels::Stereo);
        speak(&mut one, &mut other, [600.0, 1000.0], 50);
        let (length, ended) = end(&mut bench, &one);
        assert_eq!(ended, RecordEnd::Asked);
        assert!(length >= Duration::from_millis(990), "{length:?}");
        let (sides, rate) = channels(&path);
        assert_eq!(sides.len(), 2);
        assert_eq!(sides[0].len(), sides[1].len());
        for (side, tone) in sides.iter().zip([600.0, 1000.0]) {
            let first = side.iter().position(|sample| sample.unsigned_abs() > 3_000).unwrap();
            let heard = &side[first + rate as usize / 10..][..rate as usize / 2];
            assert!(purity(heard, rate, tone) > 0.85, "{codecs:?}: {tone} Hz is {}", purity(heard, rate, tone));
        }
        fs::remove_file(path).unwrap();
        bench.close(&one);
        bench.close(&other);
    }
}

#[test]
fn a_mixed_file_has_both_and_what_an_announcement_says_is_in_it() {
    let mut bench = Bench::start();
    let path = file("mixed");
    let (mut one, mut other) = talk(&mut bench, [CodecKind::Pcma; 2], &path, Channels::Mono);
    speak(&mut one, &mut other, [600.0, 1000.0], 30);
    end(&mut bench, &one);
    let (sides, rate) = channels(&path);
    let heard = &sides[0][rate as usize / 5..][..rate as usize / 5];
    for tone in [600.0, 1000.0] {
        assert!((0.3..0.7).contains(&purity(heard, rate, tone)), "{tone}: {}", purity(heard, rate, tone));
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_said_during_a_pause_is_not_in_the_file_and_leaves_no_gap() {
    let mut bench = Bench::start();
    let path = file("pause");
    let (mut one, mut other) = talk(&mut bench, [CodecKind::Pcma; 2], &path, Channels::Stereo);
    speak(&mut one, &mut other, [600.0, 1000.0], 20);
    bench.order(Command::Steer { leg: one.leg, order: Steer::Pause });
    bench.is_obeyed(&one);
    speak(&mut one, &mut other, [2000.0, 2400.0], 40);
    bench.order(Command::Steer { leg: one.leg, order: Steer::Resume });
    bench.is_obeyed(&one);
    speak(&mut one, &mut other, [600.0, 1000.0], 20);
    let (length, _) = end(&mut bench, &one);
    assert!(length < Duration::from_millis(1_400), "the pause is cut out: {length:?}");
    let (sides, rate) = channels(&path);
    for (side, secret) in sides.iter().zip([2000.0, 2400.0]) {
        assert!(purity(side, rate, secret) < 0.01, "{secret}");
        let loud = side.iter().filter(|sample| sample.unsigned_abs() > 3_000).count();
        assert!(loud > rate as usize / 5, "what was said before and after is there");
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn packets_that_are_lost_leave_the_sides_in_time() {
    let mut bench = Bench::start();
    let path = file("lost");
    let began = Instant::now();
    let (mut one, mut other) = talk(&mut bench, [CodecKind::Pcma; 2], &path, Channels::Stereo);
    speak(&mut one, &mut other, [600.0, 1000.0], 5);
    // 400 ms of one side are lost on the way; the other goes on.
    for _ in 0..20 {
        one.pass_time(1);
        other.say(1000.0);
        std::thread::sleep(Duration::from_millis(20));
    }
    speak(&mut one, &mut other, [600.0, 1000.0], 20);
    end(&mut bench, &one);
    let most = began.elapsed().as_millis() as u64 / 20 - 25 + 5;
    let (sides, rate) = channels(&path);
    assert_eq!(sides[0].len(), sides[1].len());
    let per_frame = rate as usize / 50;
    let silent = sides[0].chunks(per_frame).filter(|frame| frame.iter().all(|sample| *sample == 0)).count() as u64;
    assert!((15..=most).contains(&silent), "{silent} silent frames of {most}");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_full_disk_ends_the_recording_with_a_reason_and_not_the_talk() {
    let mut bench = Bench::start();
    let (mut one, mut other) = talk(&mut bench, [CodecKind::Pcma; 2], Path::new("/dev/full"), Channels::Stereo);
    let Event::Recorded { ended: RecordEnd::Failed(why), .. } = bench.event() else { panic!("no fault") };
    assert!(why.contains("/dev/full"), "{why}");
    other.discard();
    speak(&mut one, &mut other, [600.0, 1000.0], 5);
    assert!(other.get().is_some(), "they still hear each other");
    bench.close(&one);
}

#[test]
fn a_call_that_ends_before_its_thread_woke_reports_its_recording_all_the_same() {
    let mut bench = Bench::start();
    let socket = std::net::UdpSocket::bind((super::bench::HERE, 0)).unwrap();
    let stream = super::bench::stream(socket.local_addr().unwrap(), CodecKind::Pcma);
    let phone = bench.open(socket, stream.clone());
    let path = file("at-once");
    bench.pump.tell(Command::Connect { leg: phone.leg, stream });
    let longest = Duration::from_secs(60);
    bench.pump.tell(Command::RecordTalk { leg: phone.leg, path: path.clone(), channels: Channels::Mono, longest });
    assert_eq!(bench.pump.tell(Command::Close { leg: phone.leg }), None);
    bench.pump.dispatch();
    let events = [bench.event(), bench.event()];
    assert!(events.iter().any(|event| matches!(event, Event::Recorded { .. })), "{events:?}");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_caller_who_is_echoed_hears_himself_on_one_line_of_packets() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    bench.order(Command::Echo { leg: phone.leg });
    bench.is_obeyed(&phone);
    let mut last: Option<(u16, u32)> = None;
    for _ in 0..10 {
        phone.say(600.0);
        let got = phone.get().unwrap();
        assert_eq!(got.payload.len(), 160);
        if let Some((sequence, timestamp)) = last {
            assert_eq!(got.header.sequence, sequence.wrapping_add(1));
            assert_eq!(got.header.timestamp, timestamp.wrapping_add(160));
        }
        last = Some((got.header.sequence, got.header.timestamp));
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.order(Command::Stop { leg: phone.leg });
    bench.is_obeyed(&phone);
    phone.discard();
    phone.say(600.0);
    phone.hears_nothing_for(Duration::from_millis(100));
}
