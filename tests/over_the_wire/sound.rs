//! Tones into files, and whether a tone is in a file: the proof that sound arrived, not merely packets.

use std::f64::consts::TAU;
use std::path::Path;

/// 40 ms.
const FRAME: usize = 320;

/// A steady tone, 8 kHz mono, 16 bit.
pub(crate) fn write_tone(path: &Path, hertz: f64, seconds: u32) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec).expect("a file for the tone");
    for n in 0..seconds * 8000 {
        let sample = (f64::from(n) * hertz * TAU / 8000.0).sin() * 12_000.0;
        file.write_sample(sample as i16).expect("a sample");
    }
    file.finalize().expect("a closed file");
}

/// Seconds of the recording in which this tone rules the frame.
pub(crate) fn seconds_of(path: &Path, hertz: f64) -> f64 {
    let (rate, samples) = read(path);
    let frames = samples.chunks_exact(FRAME * rate / 8000);
    let hits = frames.filter(|frame| rules(frame, hertz, rate as f64)).count();
    hits as f64 * 0.04
}

/// Seconds of the recording in which this tone is a good part of the frame, among others.
pub(crate) fn seconds_with(path: &Path, hertz: f64) -> f64 {
    let (rate, samples) = read(path);
    let frames = samples.chunks_exact(FRAME * rate / 8000);
    let has_part = |frame: &&[f64]| level(frame) > 150.0 && share(frame, hertz, rate as f64) > 0.35;
    frames.filter(has_part).count() as f64 * 0.04
}

/// Seconds that are louder than a whisper.
pub(crate) fn seconds_of_sound(path: &Path) -> f64 {
    let (rate, samples) = read(path);
    let frames = samples.chunks_exact(FRAME * rate / 8000);
    frames.filter(|frame| level(frame) > 150.0).count() as f64 * 0.04
}

/// Segmental signal-to-noise ratio against the tone of [`write_tone`], in decibels.
///
/// Of each 20 ms, from the first to the last in which the tone rules: the tone as it was sent is the signal, and whatever else
/// is there, or is missing of it, is the noise. The phase is left free (a jitter buffer shifts it), and so is the level of the
/// whole (PJSIP's G.722 is twice as loud as others'). Each frame counts from -10 to 35 dB, as is the custom; a frame of silence
/// is 0 dB, and G.711 on a good line is at the upper end.
pub(crate) fn segmental_snr(path: &Path, hertz: f64) -> f64 {
    let (rate, samples) = read(path);
    let rate = rate as f64;
    let frames: Vec<&[f64]> = samples.chunks_exact(rate as usize / 50).collect();
    let first = frames.iter().position(|frame| rules(frame, hertz, rate)).unwrap_or(0);
    let last = frames.iter().rposition(|frame| rules(frame, hertz, rate)).unwrap_or(0);
    let heard = &frames[first..=last.min(frames.len().saturating_sub(1))];
    let mut levels: Vec<f64> = heard.iter().map(|frame| fitted(frame, hertz, rate).0).collect();
    levels.sort_by(f64::total_cmp);
    let level = levels[levels.len() / 2];
    heard.iter().map(|frame| snr(frame, level, hertz, rate)).sum::<f64>() / heard.len() as f64
}

/// The highest sample and the phase of the tone in a frame.
fn fitted(frame: &[f64], hertz: f64, rate: f64) -> (f64, f64) {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in frame.iter().enumerate() {
        let angle = n as f64 * hertz * TAU / rate;
        re += sample * angle.cos();
        im += sample * angle.sin();
    }
    (re.hypot(im) * 2.0 / frame.len() as f64, im.atan2(re))
}

fn snr(frame: &[f64], level: f64, hertz: f64, rate: f64) -> f64 {
    let (_, phase) = fitted(frame, hertz, rate);
    let tone = |n: usize| level * (n as f64 * hertz * TAU / rate - phase).cos();
    let noise = frame.iter().enumerate().map(|(n, sample)| (sample - tone(n)).powi(2));
    let signal = level.powi(2) / 2.0 * frame.len() as f64;
    (10.0 * (signal / noise.sum::<f64>().max(1.0)).log10()).clamp(-10.0, 35.0)
}

fn rules(frame: &[f64], hertz: f64, rate: f64) -> bool {
    level(frame) >= 150.0 && share(frame, hertz, rate) > 0.7
}

/// Of the frame's level: 1 for a pure tone.
fn share(frame: &[f64], hertz: f64, rate: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in frame.iter().enumerate() {
        let angle = n as f64 * hertz * TAU / rate;
        re += sample * angle.cos();
        im += sample * angle.sin();
    }
    let tone = re.hypot(im) / frame.len() as f64 * std::f64::consts::SQRT_2;
    tone / level(frame).max(1.0)
}

fn level(frame: &[f64]) -> f64 {
    (frame.iter().map(|sample| sample * sample).sum::<f64>() / frame.len() as f64).sqrt()
}

/// Rate and first channel. A recorder that was killed leaves sizes of zero in its header: the data runs to the end of the file.
fn read(path: &Path) -> (usize, Vec<f64>) {
    let bytes = std::fs::read(path).unwrap_or_default();
    let Some(at) = bytes.windows(4).position(|word| word == b"data") else {
        return (8000, Vec::new());
    };
    let word = |from: usize| u16::from_le_bytes([bytes[from], bytes[from + 1]]);
    let channels = usize::from(word(22)).max(1);
    let rate = usize::from(word(24)) + (usize::from(word(26)) << 16);
    let data = &bytes[(at + 8).min(bytes.len())..];
    let samples = data.chunks_exact(2 * channels).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])));
    (rate, samples.collect())
}
