//! What a room hears when somebody comes in or goes out: two short notes, up or down, softer than a voice.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::LazyLock;

use crate::media::clip::Clip;

/// Somebody has come in.
pub fn joined() -> Arc<Clip> {
    static CLIP: LazyLock<Arc<Clip>> = LazyLock::new(|| render("conference-joined", [523.25, 659.25]));
    Arc::clone(&CLIP)
}

/// Somebody has gone.
pub fn left() -> Arc<Clip> {
    static CLIP: LazyLock<Arc<Clip>> = LazyLock::new(|| render("conference-left", [659.25, 523.25]));
    Arc::clone(&CLIP)
}

const RATE: u32 = 8_000;

/// 120 ms.
const NOTE: u32 = RATE * 12 / 100;

/// 10 ms, in and out.
const FADE: u32 = RATE / 100;

/// About -17 dBm0.
const LOUDNESS: f64 = 4_500.0;

fn render(name: &str, notes: [f64; 2]) -> Arc<Clip> {
    let samples = notes.into_iter().flat_map(|frequency| (0..NOTE).map(move |index| sample(frequency, index)));
    Arc::new(Clip::from_pcm(name, samples.collect(), RATE))
}

fn sample(frequency: f64, index: u32) -> i16 {
    let edge = f64::from(index.min(NOTE - 1 - index).min(FADE)) / f64::from(FADE);
    ((frequency * TAU * f64::from(index) / f64::from(RATE)).sin() * edge * LOUDNESS) as i16
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn coming_and_going_differ_and_begin_and_end_softly() {
        let (joined, left) = (joined(), left());
        assert_eq!((joined.duration(), left.duration()), (Duration::from_millis(240), Duration::from_millis(240)));
        assert_ne!(joined.samples(), left.samples());
        for clip in [joined, left] {
            let samples = clip.samples();
            assert!(samples.first().is_some_and(|sample| *sample == 0) && samples.iter().any(|sample| *sample > 4_000));
        }
    }
}
