//! Who has answered a call that we placed: a person, or a machine that asks for a message.
//!
//! By the timing of the greeting. A person says a word or two and waits; a machine speaks for seconds and then beeps. Nothing
//! is understood of what is said, so an answer is a guess with a confidence, and a long-winded person is taken for a machine.
//! [`Answering::on_frame`] is given every 20 ms of what the far side says, from the answer on. It gives a verdict once, and for
//! a machine later the beep, so that a message can be left behind it.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::media::goertzel::Goertzel;
use crate::media::goertzel::energy;
use crate::media::level::Activity;
use crate::media::level::Voice;

/// Listens to the greeting of one call.
#[derive(Debug)]
pub struct Answering {
    rate: u32,
    activity: Activity,
    beep: Beep,
    passed: Duration,
    /// Speech so far, its pauses not counted.
    spoken: Duration,
    /// Pieces of speech that were parted by [`PAUSE`].
    pieces: u32,
    /// Silence since the last speech.
    silent: Duration,
    verdict: Option<Verdict>,
    beeped: bool,
}

/// Who it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnsweredBy {
    Human,
    Machine,
    /// Nothing was heard that tells.
    Unknown,
}

impl AnsweredBy {
    /// As the API says it.
    pub fn name(self) -> &'static str {
        match self {
            AnsweredBy::Human => "human",
            AnsweredBy::Machine => "machine",
            AnsweredBy::Unknown => "unknown",
        }
    }
}

/// A guess, and how often such a guess should be right, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub by: AnsweredBy,
    pub confidence: u8,
}

/// What a frame has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Verdict(Verdict),
    /// The machine waits for a message.
    Beep,
}

/// Shorter silences belong to one piece of speech.
const PAUSE: Duration = Duration::from_millis(250);

/// After so much silence behind his greeting, a person waits for ours.
const WAITS: Duration = Duration::from_millis(900);

/// A person's greeting is seldom longer than this, a machine's seldom shorter than twice as much.
const GREETING: Duration = Duration::from_millis(1_700);

/// Nobody who speaks for so long waits for an answer.
const SPEECH: Duration = Duration::from_millis(3_200);

/// Nothing was said: nobody can tell.
const NOTHING_SAID: Duration = Duration::from_millis(5_000);

/// Whatever was heard, by then it is decided.
const DECIDED: Duration = Duration::from_millis(8_000);

/// A machine that has not beeped by then does not.
const LONGEST_GREETING: Duration = Duration::from_secs(60);

impl Answering {
    pub fn new(rate: u32) -> Answering {
        Answering {
            rate,
            activity: Activity::default(),
            beep: Beep::new(rate),
            passed: Duration::ZERO,
            spoken: Duration::ZERO,
            pieces: 0,
            silent: Duration::ZERO,
            verdict: None,
            beeped: false,
        }
    }

    /// Takes in a frame of what the far side says; an empty one stands for 20 ms in which it said nothing.
    pub fn on_frame(&mut self, samples: &[i16]) -> Option<Found> {
        let lasted = match samples.len() {
            0 => Duration::from_millis(20),
            count => Duration::from_micros(count as u64 * 1_000_000 / u64::from(self.rate)),
        };
        self.passed += lasted;
        let beeps = self.beep.on_frame(samples, lasted);
        self.listen(samples, lasted);
        if beeps && !self.beeped && self.spoken >= PAUSE {
            if self.verdict.is_some() {
                self.beeped = true;
                return Some(Found::Beep);
            }
            // Nothing but a machine beeps behind a greeting.
            return self.decide(AnsweredBy::Machine, 98);
        }
        if self.verdict.is_some() { None } else { self.judge() }
    }

    /// Nothing more will be found.
    pub fn is_over(&self) -> bool {
        let machine = self.verdict.is_none_or(|verdict| verdict.by == AnsweredBy::Machine);
        self.beeped || !machine || self.passed >= LONGEST_GREETING
    }

    fn listen(&mut self, samples: &[i16], lasted: Duration) {
        match self.activity.on_frame(samples) {
            // A steady tone is no speech.
            Voice::Speech if !self.beep.is_on() => {
                if self.pieces == 0 || self.silent >= PAUSE {
                    self.pieces += 1;
                }
                self.spoken += lasted;
                self.silent = Duration::ZERO;
            }
            _ => self.silent += lasted,
        }
    }

    fn judge(&mut self) -> Option<Found> {
        let waits = self.pieces > 0 && self.silent >= WAITS;
        match (self.spoken, self.pieces) {
            (spoken, _) if spoken >= SPEECH => self.decide(AnsweredBy::Machine, 90),
            (_, 0) if self.passed >= NOTHING_SAID => self.decide(AnsweredBy::Unknown, 0),
            (spoken, 1..=2) if waits && spoken < GREETING => self.decide(AnsweredBy::Human, sure_of_human(spoken)),
            (spoken, _) if waits && spoken < GREETING => self.decide(AnsweredBy::Human, 60),
            (_, _) if waits => self.decide(AnsweredBy::Machine, 65),
            _ if self.passed >= DECIDED => self.decide(AnsweredBy::Machine, 60),
            _ => None,
        }
    }

    fn decide(&mut self, by: AnsweredBy, confidence: u8) -> Option<Found> {
        let verdict = Verdict { by, confidence };
        self.verdict = Some(verdict);
        Some(Found::Verdict(verdict))
    }
}

/// "Alô?" is surer than "Padaria Central, bom dia".
fn sure_of_human(spoken: Duration) -> u8 {
    if spoken < Duration::from_millis(1_000) { 90 } else { 75 }
}

/// Finds a steady tone of 350-2100 Hz that lasts.
#[derive(Debug)]
struct Beep {
    rate: u32,
    /// Zero crossings of the frame before, in Hz.
    pitch: f32,
    lasted: Duration,
}

/// Speech holds no single tone for so long.
const BEEP: Duration = Duration::from_millis(120);

/// From one frame to the next a tone keeps its pitch, within 3 %.
const STEADY: f32 = 0.03;

/// What the tone has of the sound.
const SHARE: f32 = 0.88;

/// Root mean square of the softest beep.
const SOFTEST: f32 = 150.0;

/// A frame of 20 ms at 48 kHz, and a bit.
const LONGEST: usize = 1_024;

impl Beep {
    fn new(rate: u32) -> Beep {
        Beep { rate, pitch: 0.0, lasted: Duration::ZERO }
    }

    /// Whether a tone is standing in for speech.
    fn is_on(&self) -> bool {
        self.lasted >= Duration::from_millis(60)
    }

    /// True from the frame on in which it has lasted long enough.
    fn on_frame(&mut self, samples: &[i16], lasted: Duration) -> bool {
        let pitch = self.pitch_of(samples).unwrap_or(0.0);
        let steady = pitch > 0.0 && (pitch - self.pitch).abs() <= self.pitch * STEADY;
        self.lasted = match (pitch > 0.0, steady) {
            (true, true) => self.lasted + lasted,
            (true, false) => lasted,
            (false, _) => Duration::ZERO,
        };
        self.pitch = pitch;
        self.lasted >= BEEP
    }

    /// The frequency of which nearly all of a frame consists.
    fn pitch_of(&self, samples: &[i16]) -> Option<f32> {
        let mut wide = [0.0; LONGEST];
        let wide = wide.get_mut(..samples.len())?;
        for (wide, sample) in wide.iter_mut().zip(samples) {
            *wide = f32::from(*sample);
        }
        let whole = energy(wide);
        if samples.is_empty() || whole < SOFTEST * SOFTEST * samples.len() as f32 {
            return None;
        }
        let pitch = self.crossings(samples)?;
        let in_band = (350.0..=2_100.0).contains(&pitch);
        (in_band && Goertzel::new(pitch, self.rate).power(wide) > SHARE * whole).then_some(pitch)
    }

    /// By the time between the first and the last rise through zero.
    fn crossings(&self, samples: &[i16]) -> Option<f32> {
        let mut rises =
            samples.windows(2).enumerate().filter(|(_, pair)| pair[0] < 0 && pair[1] >= 0).map(|(at, pair)| {
                let (before, after) = (f32::from(pair[0]), f32::from(pair[1]));
                at as f32 + before / (before - after)
            });
        let first = rises.next()?;
        let (mut last, mut count) = (first, 0);
        for rise in rises {
            (last, count) = (rise, count + 1);
        }
        (count > 0).then(|| count as f32 * self.rate as f32 / (last - first))
    }
}

#[cfg(test)]
#[path = "tests/answering.rs"]
mod tests;
