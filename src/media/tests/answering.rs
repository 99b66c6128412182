use super::*;
use crate::media::resample::convert;
use crate::media::wav;

/// A shipped prompt, which is somebody speaking, at 8 kHz.
fn prompt(name: &str) -> Vec<i16> {
    let octets = std::fs::read(format!("dialplans/prompts/{name}.wav")).unwrap();
    let wav = wav::read(&octets).unwrap();
    convert(&wav.samples(), wav.rate, 8_000)
}

fn silence(ms: usize) -> Vec<i16> {
    let mut random = fastrand::Rng::with_seed(9);
    (0..ms * 8).map(|_| random.i16(-12..12)).collect()
}

fn tone(frequency: f64, ms: usize) -> Vec<i16> {
    (0..ms * 8).map(|n| ((n as f64 * std::f64::consts::TAU * frequency / 8_000.0).sin() * 6_000.0) as i16).collect()
}

fn speech(ms: usize) -> Vec<i16> {
    let mut speech = Vec::new();
    for name in ["pt-BR/callback-greeting", "pt-BR/callback-offer", "pt-BR/all-busy"] {
        speech.extend(prompt(name));
    }
    speech.truncate(ms * 8);
    speech
}

/// What is found, and when in milliseconds.
fn listen(pieces: &[Vec<i16>]) -> Vec<(usize, Found)> {
    let mut answering = Answering::new(8_000);
    let whole = pieces.concat();
    let frames = whole.chunks(160).enumerate();
    frames.filter_map(|(index, frame)| Some(((index + 1) * 20, answering.on_frame(frame)?))).collect()
}

fn first(found: &[(usize, Found)]) -> Verdict {
    match found.first() {
        Some((_, Found::Verdict(verdict))) => *verdict,
        other => panic!("no verdict: {other:?}"),
    }
}

#[test]
fn a_short_word_and_silence_is_a_person() {
    for word in ["pt-BR/digit-1", "pt-BR/digit-7", "en/digit-5", "es/digit-2"] {
        let found = listen(&[silence(600), prompt(word), silence(3_000)]);
        let verdict = first(&found);
        assert_eq!(verdict.by, AnsweredBy::Human, "{word}: {found:?}");
        assert!(verdict.confidence >= 75, "{word}: {verdict:?}");
        assert_eq!(found.len(), 1, "{word}");
    }
}

#[test]
fn a_long_greeting_is_a_machine_and_its_beep_is_found() {
    for frequency in [440.0, 850.0, 1_000.0, 1_400.0, 2_000.0] {
        let found = listen(&[silence(400), speech(6_000), silence(300), tone(frequency, 400), silence(2_000)]);
        assert_eq!(first(&found).by, AnsweredBy::Machine, "{frequency}: {found:?}");
        assert!(first(&found).confidence >= 85);
        let beeps: Vec<usize> = found.iter().filter(|(_, found)| *found == Found::Beep).map(|(at, _)| *at).collect();
        assert_eq!(beeps.len(), 1, "{frequency}: {found:?}");
        assert!((6_800..7_100).contains(&beeps[0]), "{frequency}: {beeps:?}");
    }
}

#[test]
fn a_beep_behind_a_short_greeting_is_a_machine() {
    let found = listen(&[silence(300), prompt("pt-BR/digit-1"), silence(200), tone(1_000.0, 300), silence(1_000)]);
    assert_eq!(first(&found), Verdict { by: AnsweredBy::Machine, confidence: 98 }, "{found:?}");
    assert!(matches!(found[1..], [(_, Found::Beep)]), "{found:?}");
}

#[test]
fn silence_tells_nothing() {
    assert_eq!(first(&listen(&[silence(8_000)])), Verdict { by: AnsweredBy::Unknown, confidence: 0 });
    let mut answering = Answering::new(8_000);
    let found: Vec<Found> = (0..300).filter_map(|_| answering.on_frame(&[])).collect();
    assert_eq!(found, [Found::Verdict(Verdict { by: AnsweredBy::Unknown, confidence: 0 })]);
}

#[test]
fn speech_does_not_beep() {
    for name in ["pt-BR/callback-greeting", "en/callback-greeting", "es/callback-greeting", "pt-BR/all-busy"] {
        let found = listen(&[prompt(name), silence(2_000)]);
        assert!(found.iter().all(|(_, found)| *found != Found::Beep), "{name}: {found:?}");
        assert_ne!(first(&found).confidence, 98, "{name}");
    }
}
