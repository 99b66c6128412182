use std::f64::consts::TAU;

use super::*;
use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::codec::Encoder;
use crate::media::resample::convert;

/// A press as a telephone makes it: frequencies in Hz, amplitudes, milliseconds.
fn press(key: char, low: f64, high: f64, ms: usize, detune: f64) -> Vec<i16> {
    let (row, column) =
        (0..4).flat_map(|row| (0..4).map(move |column| (row, column))).find(|(r, c)| KEYS[*r][*c] == key).unwrap();
    let wave = |frequency: f32, index: usize| (index as f64 * TAU * f64::from(frequency) * detune / 8_000.0).sin();
    (0..ms * 8).map(|n| (wave(LOW[row], n) * low + wave(HIGH[column], n) * high) as i16).collect()
}

fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 8]
}

fn heard(samples: &[i16], rate: u32) -> String {
    let mut tones = KeyTones::new(rate);
    samples.chunks(rate as usize / 50).filter_map(|frame| tones.on_frame(frame)).collect()
}

const ALL: &str = "123A456B789C*0#D";

/// Every key, each followed by a pause.
fn keys(low: f64, high: f64, ms: usize, pause: usize) -> Vec<i16> {
    ALL.chars().flat_map(|key| [press(key, low, high, ms, 1.0), silence(pause)].concat()).collect()
}

#[test]
fn all_sixteen_keys_are_heard_loud_and_soft() {
    for amplitude in [15_000.0, 5_000.0, 1_000.0, 200.0] {
        assert_eq!(heard(&keys(amplitude, amplitude, 60, 60), 8_000), ALL, "{amplitude}");
    }
    assert_eq!(heard(&keys(60.0, 60.0, 60, 60), 8_000), "", "too soft to be a key");
}

#[test]
fn forty_milliseconds_are_enough_wherever_they_begin_and_twenty_are_not() {
    for shift in 0..60 {
        let row = [vec![0; shift], keys(3_000.0, 3_000.0, 40, 40)].concat();
        assert_eq!(heard(&row, 8_000), ALL, "{shift}");
        let short = [vec![0; shift], keys(3_000.0, 3_000.0, 20, 80)].concat();
        assert_eq!(heard(&short, 8_000), "", "{shift}");
    }
}

#[test]
fn one_tone_may_be_louder_by_six_decibels_and_not_by_twelve() {
    let factor = |decibels: f64| 10_f64.powf(decibels / 20.0);
    for (low, high) in [(1.0, factor(6.0)), (factor(6.0), 1.0)] {
        assert_eq!(heard(&keys(1_000.0 * low, 1_000.0 * high, 60, 60), 8_000), ALL, "{low} {high}");
    }
    for (low, high) in [(1.0, factor(12.0)), (factor(12.0), 1.0)] {
        assert_eq!(heard(&keys(1_000.0 * low, 1_000.0 * high, 60, 60), 8_000), "", "{low} {high}");
    }
}

#[test]
fn a_key_that_is_a_bit_out_of_tune_is_heard_and_a_wrong_one_is_not() {
    for detune in [0.985, 1.015] {
        for key in ALL.chars() {
            assert_eq!(heard(&press(key, 3_000.0, 3_000.0, 80, detune), 8_000), key.to_string(), "{detune}");
        }
    }
    assert_eq!(heard(&press('5', 3_000.0, 3_000.0, 80, 1.05), 8_000), "");
}

#[test]
fn keys_are_heard_through_noise_and_through_every_codec_at_its_rate() {
    let mut random = fastrand::Rng::with_seed(5);
    let noisy: Vec<i16> = keys(3_000.0, 3_000.0, 80, 80).iter().map(|sample| sample + random.i16(-900..900)).collect();
    assert_eq!(heard(&noisy, 8_000), ALL);
    for codec in CodecKind::ALL {
        let rate = codec.sample_rate();
        let wide = convert(&noisy, 8_000, rate);
        let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
        let (mut payload, mut samples, mut out) = ([0; 1_276], [0; 5_760], Vec::new());
        for frame in wide.chunks_exact(codec.frame_samples()) {
            let length = encoder.encode(frame, &mut payload).unwrap();
            let count = decoder.decode(&payload[..length], &mut samples).unwrap();
            out.extend_from_slice(&samples[..count]);
        }
        let heard = heard(&out, rate);
        // Opus is made for voices: nobody should send it keys as tones.
        assert!(heard == ALL || codec == CodecKind::Opus && heard.len() >= 12, "{codec}: {heard}");
    }
}

#[test]
fn a_held_key_is_one_press_and_the_same_key_again_another() {
    let hold = press('7', 3_000.0, 3_000.0, 3_000, 1.0);
    assert_eq!(heard(&hold, 8_000), "7");
    let dropped = [&hold[..8_000], &silence(10), &hold[..8_000]].concat();
    assert_eq!(heard(&dropped, 8_000), "7", "a gap of 10 ms is a bad line");
    let again = [&hold[..800], &silence(45), &hold[..800]].concat();
    assert_eq!(heard(&again, 8_000), "77");
}

#[test]
fn tones_of_the_exchange_and_music_are_no_keys() {
    for pair in [[350.0, 440.0], [425.0, 425.0], [480.0, 620.0], [1_400.0, 2_060.0], [941.0, 1_400.0], [697.0, 770.0]] {
        let wave = |n: usize| pair.iter().map(|f: &f64| (n as f64 * TAU * f / 8_000.0).sin() * 5_000.0).sum::<f64>();
        assert_eq!(heard(&(0..8_000).map(|n| wave(n) as i16).collect::<Vec<_>>(), 8_000), "", "{pair:?}");
    }
}

/// Talk-off: hours of speech should give no key; these are some minutes of it.
#[test]
fn no_shipped_prompt_presses_a_key() {
    let mut seconds = 0;
    for file in wav_files(std::path::Path::new("dialplans/prompts")) {
        let octets = std::fs::read(&file).unwrap();
        let wav = crate::media::wav::read(&octets).unwrap();
        let rate = if wav.rate.is_multiple_of(8_000) { wav.rate } else { 16_000 };
        let samples = convert(&wav.samples(), wav.rate, rate);
        seconds += samples.len() / rate as usize;
        for loudness in [1, 4] {
            let samples: Vec<i16> = samples.iter().map(|sample| sample / loudness).collect();
            assert_eq!(heard(&samples, rate), "", "{}", file.display());
        }
    }
    assert!(seconds > 60, "{seconds} s of speech");
}

fn wav_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(wav_files(&path)),
            false if path.extension().is_some_and(|kind| kind == "wav") => files.push(path),
            false => {}
        }
    }
    files
}
