//! Who hears which of several tones in a room.

use std::fs;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::Got;
use super::bench::PATIENCE;
use super::bench::Phone;
use super::bench::purity;
use super::play::clip;
use super::play::decode;
use super::play::play;
use crate::media::codec::CodecKind;
use crate::media::command::Background;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::Repeat;
use crate::media::command::Role;
use crate::media::command::RoomId;
use crate::media::wav;

const ROOM: RoomId = RoomId(1);

/// Far enough apart that a quarter of a second tells them from each other.
const TONES: [f64; 4] = [600.0, 1000.0, 1400.0, 1900.0];

#[test]
fn each_hears_all_others_and_never_himself_in_every_codec() {
    let mut bench = Bench::start();
    let mut phones: Vec<Phone> = CodecKind::ALL.into_iter().map(|codec| bench.phone(codec)).collect();
    let began = Instant::now();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    let heard = all_say_their_tones(&mut phones, 60);
    for (listener, heard) in heard.iter().enumerate() {
        let expected: Vec<usize> = (0..phones.len()).filter(|speaker| *speaker != listener).collect();
        assert_eq!(tones_in(heard, &phones[listener]), expected, "listener {listener}");
        assert_one_line(heard, phones[listener].stream.codec, began, BEHIND + 1);
    }
}

#[test]
fn a_muted_member_hears_and_is_not_heard_until_he_may_speak_again() {
    let mut bench = Bench::start();
    let mut phones: Vec<Phone> = (0..3).map(|_| bench.phone(CodecKind::Pcma)).collect();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    join(&mut bench, phones[1].leg, Role::Listener);
    assert_eq!(who_hears_whom(&mut phones), [vec![2], vec![0, 2], vec![0]]);
    join(&mut bench, phones[1].leg, Role::Speaker);
    assert_eq!(who_hears_whom(&mut phones), [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn a_supervisor_is_heard_by_nobody_then_by_the_agent_then_by_both() {
    let mut bench = Bench::start();
    let mut phones = [CodecKind::Pcmu, CodecKind::Pcma, CodecKind::G722].map(|codec| bench.phone(codec));
    let (agent, supervisor) = (phones[0].leg, phones[2].leg);
    bench.order(Command::Bridge { a: agent, b: phones[1].leg });
    phones[..2].iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    join(&mut bench, supervisor, Role::Listener);
    assert_eq!(who_hears_whom(&mut phones), [vec![1], vec![0], vec![0, 1]]);
    join(&mut bench, supervisor, Role::Whisperer { to: agent });
    assert_eq!(who_hears_whom(&mut phones), [vec![1, 2], vec![0], vec![0, 1]]);
    join(&mut bench, supervisor, Role::Speaker);
    assert_eq!(who_hears_whom(&mut phones), [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn from_a_prompt_to_a_room_to_a_bridge_the_line_never_breaks() {
    let mut bench = Bench::start();
    let mut phones: Vec<Phone> = (0..3).map(|_| bench.phone(CodecKind::Pcma)).collect();
    let began = Instant::now();
    play(&mut bench, &phones[0], &[clip(2000)], Repeat::Forever);
    let mut heard: Vec<Got> = (0..5).map(|_| phones[0].get().unwrap()).collect();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    heard.extend(until_the_first_hears(&mut phones, &[TONES[0], TONES[1], TONES[2]], TONES[1]));
    bench.order(Command::Bridge { a: phones[0].leg, b: phones[1].leg });
    let bridged = until_the_first_hears(&mut phones[..2], &[TONES[0], 700.0], 700.0);
    // Packets that waited for a thread without time leave together: each takes the line its own length ahead of the clock.
    let ahead = BEHIND + SWITCHES + bridged.len() as u32;
    heard.extend(bridged);
    bench.order(Command::Unbridge { leg: phones[0].leg });
    join(&mut bench, phones[0].leg, Role::Speaker);
    bench.order(Command::Leave { leg: phones[0].leg });
    play(&mut bench, &phones[0], &[clip(100)], Repeat::Once);
    while bench.event() != (Event::Finished { leg: phones[0].leg, play: crate::media::command::PlayId(1) }) {}
    heard.extend(waiting(&phones[0]));
    assert!(heard.len() > 25);
    assert_one_line(&heard, CodecKind::Pcma, began, ahead);
}

#[test]
fn an_announcement_is_heard_by_all_and_a_prompt_to_one_by_him_alone() {
    let mut bench = Bench::start();
    let phones: Vec<Phone> = (0..2).map(|_| bench.phone(CodecKind::Pcma)).collect();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Listener));
    bench.order(Command::Announce { room: ROOM, sounds: vec![clip(400)] });
    for phone in &phones {
        let heard: Vec<Got> = (0..20).map(|_| phone.get().unwrap()).collect();
        assert!(loudness(&heard, 440.0) > 1000.0);
    }
    std::thread::sleep(Duration::from_millis(300));
    phones.iter().for_each(Phone::discard);
    play(&mut bench, &phones[0], &[clip(200)], Repeat::Once);
    let heard: Vec<Vec<Got>> = phones.iter().map(|phone| (0..12).map(|_| phone.get().unwrap()).collect()).collect();
    assert!(loudness(&heard[0], 440.0) > 1000.0);
    assert!(loudness(&heard[1], 440.0) < 10.0);
}

#[test]
fn the_recording_of_a_room_holds_every_voice() {
    let mut bench = Bench::start();
    let mut phones: Vec<Phone> = (0..2).map(|_| bench.phone(CodecKind::Pcma)).collect();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    let path = std::env::temp_dir().join(format!("desvio-{}-room.wav", std::process::id()));
    bench.order(Command::RecordRoom { room: ROOM, path: path.clone(), longest: Duration::from_secs(60) });
    all_say_their_tones(&mut phones, 60);
    phones.iter().for_each(|phone| bench.order(Command::Leave { leg: phone.leg }));
    let Event::RoomRecorded { room, length, ended, .. } = bench.event() else { panic!("no recording") };
    assert_eq!((room, ended), (ROOM, RecordEnd::Asked));
    let file = fs::read(&path).unwrap();
    let wav = wav::read(&file).unwrap();
    let samples = wav.samples();
    assert!(length > Duration::from_millis(1000), "{length:?}");
    let middle = &samples[8_000..12_000];
    for tone in &TONES[..2] {
        let purity = purity(middle, wav.rate, *tone);
        assert!(purity > 0.4, "{tone}: {purity}");
    }
    fs::remove_file(path).unwrap();
    bench.order(Command::RecordRoom { room: ROOM, path: "nowhere.wav".into(), longest: Duration::from_secs(1) });
    let Event::RoomRecorded { ended: RecordEnd::Failed(why), .. } = bench.event() else { panic!("no fault") };
    assert_eq!(why, "nobody is in the room");
}

#[test]
fn a_member_whose_codec_changes_or_who_hangs_up_disturbs_nobody() {
    let mut bench = Bench::start();
    let mut phones: Vec<Phone> = (0..3).map(|_| bench.phone(CodecKind::Pcma)).collect();
    phones.iter().for_each(|phone| join(&mut bench, phone.leg, Role::Speaker));
    assert_eq!(who_hears_whom(&mut phones), [vec![1, 2], vec![0, 2], vec![0, 1]]);
    let gone = phones.remove(0);
    assert!(bench.close(&gone).sent > 0);
    let stream = super::bench::stream(phones[0].socket.local_addr().unwrap(), CodecKind::Pcmu);
    bench.connect(&phones[0], stream);
    phones[0].speak(CodecKind::Pcmu);
    // A third order: what was numbered 1 and 2 says the first two tones now.
    assert_eq!(who_hears_whom(&mut phones), [vec![1], vec![0]]);
}

fn join(bench: &mut Bench, leg: LegId, role: Role) {
    bench.order(Command::Join { leg, room: ROOM, role, background: Background::Gated });
}

/// Everybody talks for a second; by number, whom each has heard in its second half.
fn who_hears_whom(phones: &mut [Phone]) -> Vec<Vec<usize>> {
    let heard = all_say_their_tones(phones, 60);
    heard.iter().zip(phones).map(|(heard, phone)| tones_in(&heard[heard.len() / 2..], phone)).collect()
}

/// Each says his tone in real time until the first has heard one of them for 200 ms; all that the first has heard meanwhile.
fn until_the_first_hears(phones: &mut [Phone], tones: &[f64], awaited: f64) -> Vec<Got> {
    let (start, mut heard) = (Instant::now(), Vec::new());
    for frame in 1.. {
        phones.iter_mut().zip(tones).for_each(|(phone, tone)| phone.say(*tone));
        let next = start + Duration::from_millis(20) * frame;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        heard.extend(waiting(&phones[0]));
        if let Some(last) = heard.last_chunk::<10>()
            && amplitude(&decode(last, CodecKind::Pcma), 8_000, awaited) > 2_000.0
        {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{awaited} Hz is never heard");
    }
    heard
}

/// Everybody says a tone of his own in real time; what each has heard.
fn all_say_their_tones(phones: &mut [Phone], frames: u32) -> Vec<Vec<Got>> {
    phones.iter().for_each(Phone::discard);
    let start = Instant::now();
    let mut heard: Vec<Vec<Got>> = phones.iter().map(|_| Vec::new()).collect();
    for frame in 0..frames {
        for (phone, tone) in phones.iter_mut().zip(TONES) {
            phone.say(tone);
        }
        let next = start + Duration::from_millis(20) * (frame + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        for (phone, heard) in phones.iter().zip(&mut heard) {
            heard.extend(waiting(phone));
        }
    }
    heard
}

fn waiting(phone: &Phone) -> Vec<Got> {
    phone.socket.set_nonblocking(true).unwrap();
    let waiting = std::iter::from_fn(|| phone.get()).collect();
    phone.socket.set_nonblocking(false).unwrap();
    waiting
}

/// Which of the tones are heard in the last quarter of a second.
fn tones_in(heard: &[Got], phone: &Phone) -> Vec<usize> {
    let codec = phone.codec();
    let samples = decode(heard, codec);
    let last = &samples[samples.len().saturating_sub(codec.sample_rate() as usize / 4)..];
    let heard = |tone: &f64| amplitude(last, codec.sample_rate(), *tone) > 2_000.0;
    (0..TONES.len()).filter(|number| heard(&TONES[*number])).collect()
}

fn loudness(heard: &[Got], tone: f64) -> f64 {
    let samples = decode(heard, CodecKind::Pcma);
    amplitude(&samples[samples.len() / 4..], 8_000, tone)
}

/// Of one frequency in the samples.
fn amplitude(samples: &[i16], rate: u32, frequency: f64) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (purity(samples, rate, frequency) * 2.0 * energy / samples.len().max(1) as f64).sqrt()
}

/// A thread without time for a while sends what was due up to 200 ms ago, as of then.
const BEHIND: u32 = 10;

/// From one source to another: each waits for the end of a frame.
const SWITCHES: u32 = 5;

/// One source, numbers without a gap, and a timestamp that never goes back and never leaps: since `began`, before the
/// first was sent, it has run no more than so many frames ahead of the clock. Whoever reads late, or is served late, sees
/// more time pass and no other numbers.
fn assert_one_line(heard: &[Got], codec: CodecKind, began: Instant, ahead: u32) {
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!((after.ssrc, after.sequence), (before.ssrc, before.sequence.wrapping_add(1)));
        let step = after.timestamp.wrapping_sub(before.timestamp);
        assert!((codec.frame_ticks()..codec.clock_rate()).contains(&step), "{step}");
        let passed = (pair[1].at - began).as_secs_f64() * f64::from(codec.clock_rate());
        let line = after.timestamp.wrapping_sub(heard[0].header.timestamp);
        assert!(f64::from(line) <= passed + f64::from(ahead * codec.frame_ticks()), "{line} ticks in {passed}");
    }
}
