//! Hears keys pressed as tones in the audio (ITU-T Q.23, Q.24): two at once, one of a low and one of a high group.
//!
//! For far sides that send no telephone events. A key counts when it stands for 32 ms, so that every press of 40 ms is
//! found wherever it begins, and is over when it was not heard for 20 ms. What a voice must not be taken for is kept out by
//! four checks: both tones together make up most of the sound, neither is much louder than the other, each stands clear of
//! its neighbours, and the high one has no overtone. Blocks of 12.75 ms overlap by half. Nothing is allocated.

use crate::media::goertzel::Goertzel;
use crate::media::goertzel::energy;

#[derive(Debug)]
pub struct KeyTones {
    /// Samples that are averaged into one at 8 kHz.
    fold: usize,
    folded: (f32, usize),
    block: [f32; BLOCK],
    filled: usize,
    key: Option<char>,
    /// Blocks in a row in which `key` was heard.
    heard: u8,
    /// Blocks in a row in which the pressed key was not.
    missed: u8,
    pressed: Option<char>,
    low: [Goertzel; 4],
    high: [Goertzel; 4],
}

const RATE: u32 = 8_000;
const BLOCK: usize = 102;
const HOP: usize = BLOCK / 2;

const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Four overlapping blocks: 32 ms.
const BEGIN: u8 = 4;

/// Five in a row: what is missing for longer than 20 ms was let go.
const END: u8 = 5;

/// The softest key, as a mean square: about -36 dBm0 for both tones together.
const SOFTEST: f32 = 130.0 * 130.0;

/// What both tones have of the whole sound, at least.
const SHARE: f32 = 0.80;

/// The louder tone above the other, at most: 8 dB.
const TWIST: f32 = 6.3;

/// A tone above the others of its group, at least: 8 dB.
const CLEAR: f32 = 6.3;

/// A tone of the high group above its own first overtone, at least: 13 dB.
const PURE: f32 = 20.0;

impl KeyTones {
    /// `rate` is a whole multiple of 8 kHz.
    pub fn new(rate: u32) -> KeyTones {
        KeyTones {
            fold: (rate / RATE).max(1) as usize,
            folded: (0.0, 0),
            block: [0.0; BLOCK],
            filled: 0,
            key: None,
            heard: 0,
            missed: 0,
            pressed: None,
            low: LOW.map(|frequency| Goertzel::new(frequency, RATE)),
            high: HIGH.map(|frequency| Goertzel::new(frequency, RATE)),
        }
    }

    /// Takes in a frame; the key whose press was found in it, once for each press.
    pub fn on_frame(&mut self, samples: &[i16]) -> Option<char> {
        let mut pressed = None;
        for sample in samples {
            self.folded = (self.folded.0 + f32::from(*sample), self.folded.1 + 1);
            if self.folded.1 == self.fold {
                self.block[self.filled] = self.folded.0 / self.fold as f32;
                self.filled += 1;
                self.folded = (0.0, 0);
            }
            if self.filled == BLOCK {
                let key = self.key_in_block();
                pressed = self.step(key).or(pressed);
                self.block.copy_within(HOP.., 0);
                self.filled = BLOCK - HOP;
            }
        }
        pressed
    }

    fn step(&mut self, key: Option<char>) -> Option<char> {
        self.heard =
            if key.is_some() && key == self.key { self.heard.saturating_add(1) } else { u8::from(key.is_some()) };
        self.key = key;
        self.missed = if self.pressed == key { 0 } else { self.missed.saturating_add(1) };
        if self.missed >= END {
            self.pressed = None;
        }
        if self.heard < BEGIN || self.pressed == key {
            return None;
        }
        (self.pressed, self.missed) = (key, 0);
        key
    }

    fn key_in_block(&self) -> Option<char> {
        let whole = energy(&self.block);
        if whole < SOFTEST * BLOCK as f32 {
            return None;
        }
        let (row, low) = self.loudest(&self.low)?;
        let (column, high) = self.loudest(&self.high)?;
        let even = low < high * TWIST && high < low * TWIST;
        // Overtones of the low group fall among the high one, and are no sign of anything.
        let clean = low + high >= SHARE * whole && !self.has_overtones(HIGH[column], high);
        (even && clean).then_some(KEYS[row][column])
    }

    /// The loudest of a group, if it stands clear of the others.
    fn loudest(&self, group: &[Goertzel; 4]) -> Option<(usize, f32)> {
        let powers = group.map(|tone| tone.power(&self.block));
        let (index, loudest) = powers.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let clear = powers.iter().enumerate().all(|(other, power)| other == index || power * CLEAR < loudest);
        clear.then_some((index, loudest))
    }

    fn has_overtones(&self, frequency: f32, power: f32) -> bool {
        Goertzel::new(2.0 * frequency, RATE).power(&self.block) * PURE > power
    }
}

#[cfg(test)]
#[path = "tests/inband.rs"]
mod tests;
