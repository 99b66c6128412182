//! What is kept of what a caller says.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::Phone;
use super::bench::purity;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::RecordEnd;
use crate::media::command::RecordLimits;
use crate::media::wav;

#[test]
fn a_tone_is_a_file_with_that_tone_in_every_codec() {
    let mut bench = Bench::start();
    for codec in CodecKind::ALL {
        let mut phone = bench.phone(codec);
        let path = file(&format!("tone-{codec}"));
        record(&mut bench, &phone, &path, RecordLimits { stop_key: Some('#'), ..unlimited() });
        for _ in 0..60 {
            phone.say(600.0);
            std::thread::sleep(FRAME);
        }
        phone.hold_key(11, 0, 160);
        let Event::Recorded { leg, path: kept, length, ended, .. } = bench.event() else { panic!("no recording") };
        assert_eq!((leg, &kept, ended), (phone.leg, &path, RecordEnd::Key('#')));
        // What waits for late packets when the key comes is no part of it, and neither is what it waited for at first.
        assert!((1100..=1800).contains(&length.as_millis()), "{codec}: {length:?}");
        let bytes = fs::read(&path).unwrap();
        let wav = wav::read(&bytes).unwrap();
        let samples = wav.samples();
        assert_eq!(samples.len(), (length.as_millis() as usize * wav.rate as usize) / 1000);
        let purity = purity(&samples[samples.len() / 4..], wav.rate, 600.0);
        assert!(purity > 0.9, "{codec}: {purity}");
        fs::remove_file(path).unwrap();
        bench.close(&phone);
    }
}

#[test]
fn silence_ends_a_recording_whether_packets_come_or_not() {
    let mut bench = Bench::start();
    for packets in [true, false] {
        let mut phone = bench.phone(CodecKind::Pcma);
        let path = file(&format!("silence-{packets}"));
        record(&mut bench, &phone, &path, RecordLimits { silence: Duration::from_millis(300), ..unlimited() });
        let began = Instant::now();
        for _ in 0..10 {
            phone.say(600.0);
            std::thread::sleep(FRAME);
        }
        let spoke = began.elapsed().as_millis();
        for _ in 0..if packets { 20 } else { 0 } {
            phone.send_payload(8, &[0xd5; 160]);
            phone.pass_time(1);
            std::thread::sleep(FRAME);
        }
        let Event::Recorded { ended, length, .. } = bench.event() else { panic!("no recording") };
        assert_eq!(ended, RecordEnd::Silence);
        assert!((440..=spoke + 400).contains(&length.as_millis()), "{packets}: {length:?} of {spoke}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn the_longest_time_ends_a_recording() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    let path = file("longest");
    record(&mut bench, &phone, &path, RecordLimits { longest: Duration::from_millis(200), ..unlimited() });
    let began = Instant::now();
    phone.say(600.0);
    let late = began.elapsed().as_millis();
    for _ in 0..20 {
        phone.say(600.0);
        std::thread::sleep(FRAME);
    }
    let Event::Recorded { ended, length, .. } = bench.event() else { panic!("no recording") };
    assert_eq!(ended, RecordEnd::Longest);
    assert!((120_u128.saturating_sub(late)..=220).contains(&length.as_millis()), "{length:?}, begun {late} ms late");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_leg_that_closes_keeps_what_was_said() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    let path = file("closed");
    record(&mut bench, &phone, &path, unlimited());
    let began = Instant::now();
    for _ in 0..12 {
        phone.say(600.0);
        std::thread::sleep(FRAME);
    }
    let spoke = began.elapsed().as_millis();
    bench.order(Command::Close { leg: phone.leg });
    let events = [bench.event(), bench.event()];
    assert!(events.iter().any(|event| matches!(event, Event::Closed { .. })));
    let kept = events.iter().find_map(|event| match event {
        Event::Recorded { ended, length, .. } => Some((ended.clone(), length.as_millis())),
        _ => None,
    });
    let Some((RecordEnd::Asked, length)) = kept else { panic!("{events:?}") };
    assert!((160..=spoke + 60).contains(&length), "{length} of {spoke}");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_says_so() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcma);
    record(&mut bench, &phone, &PathBuf::from("/proc/nowhere/at-all.wav"), unlimited());
    bench.order(Command::StopRecording { leg: phone.leg });
    let Event::Recorded { ended: RecordEnd::Failed(why), .. } = bench.event() else { panic!("no fault") };
    assert!(why.contains("/proc/nowhere/at-all.wav"), "{why}");
}

const FRAME: Duration = Duration::from_millis(20);

fn record(bench: &mut Bench, phone: &Phone, path: &std::path::Path, limits: RecordLimits) {
    bench.order(Command::Record { leg: phone.leg, path: path.to_owned(), limits });
    bench.is_obeyed(phone);
}

fn unlimited() -> RecordLimits {
    RecordLimits { longest: Duration::from_secs(60), silence: Duration::from_secs(60), stop_key: None }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("desvio-{}-{name}.wav", std::process::id()))
}
