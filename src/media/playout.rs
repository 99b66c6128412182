//! What a leg says, as even frames of samples: packets wait in the jitter buffer, are decoded, and their holes filled.
//!
//! For whoever needs samples: transcoding, recording, mixing, listening for keys. One [`Playout`] for each leg that is
//! decoded; a plain relay has none. Give it every packet with [`Playout::on_audio`] and the like, and take a frame every
//! 20 ms with [`Playout::listen`]. It also sets the pace right: where the wait is too long or too short, or the far side's
//! clock runs faster or slower than ours, a period of the voice is left out or put in.
//! Nothing is allocated after [`Playout::new`] (a loss in Opus apart, where its decoder does).

use std::time::Duration;
use std::time::Instant;

use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::codec::MAX_SAMPLES;
use crate::media::jitter::Content;
use crate::media::jitter::Counts;
use crate::media::jitter::Jitter;
use crate::media::jitter::Pull;
use crate::media::jitter::Tempo;
use crate::media::noise::ComfortNoise;
use crate::media::rtp::Header;
use crate::media::shelf::LONGEST;
use crate::media::stretch;

#[derive(Debug)]
pub struct Playout {
    codec: CodecKind,
    jitter: Jitter,
    decoder: Decoder,
    noise: ComfortNoise,
    /// The first `waiting` are to be heard.
    samples: Box<[i16]>,
    waiting: usize,
    /// Corrections in a row for which the sound was not even enough.
    put_off: u8,
    /// Something was lost not long ago: it pays to wait for what the next packet says of it.
    lossy_until: Option<Instant>,
    stretched: Stretched,
}

/// What was done to hold the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretched {
    /// Periods left out.
    pub shorter: u64,
    /// Periods put in.
    pub longer: u64,
}

/// More turns than this bring no frame: ten packets of 2.5 ms, and some that hold nothing.
const MOST_PULLS: usize = 16;

/// How alike two periods must be, and how much less for each time that it was put off.
const ALIKE: f32 = 0.7;
const ALIKE_LESS: f32 = 0.02;

/// A line that has lost a packet may lose another.
const LOSSY_FOR: Duration = Duration::from_secs(10);

impl Playout {
    pub fn new(codec: CodecKind, now: Instant) -> Playout {
        // The longest packet, and what is put into it, behind a frame that is not full.
        let room = longest_packet(codec) + codec.frame_samples() + codec.sample_rate() as usize / 100;
        Playout {
            codec,
            jitter: Jitter::new(codec.clock_rate(), now),
            decoder: Decoder::new(codec),
            noise: ComfortNoise::default(),
            samples: vec![0; room].into(),
            waiting: 0,
            put_off: 0,
            lossy_until: None,
            stretched: Stretched::default(),
        }
    }

    pub fn codec(&self) -> CodecKind {
        self.codec
    }

    /// Takes in a packet of the leg's codec.
    pub fn on_audio(&mut self, header: &Header, payload: &[u8], now: Instant) {
        if let Some(ticks) = self.codec.ticks_of(payload) {
            // RFC 7587 §3.1.3: a packet without a frame, or nearly so, says that the far side pauses.
            let pauses = self.codec == CodecKind::Opus && payload.len() <= 2;
            let content = if pauses { Content::Noise } else { Content::Audio };
            self.jitter.push(header, content, payload, ticks, now);
        }
    }

    /// Takes in a packet of comfort noise (RFC 3389).
    pub fn on_noise(&mut self, header: &Header, payload: &[u8], now: Instant) {
        self.jitter.push(header, Content::Noise, payload, 0, now);
    }

    /// A packet of this leg that is no sound (a key press).
    pub fn on_other(&mut self, sequence: u16) {
        self.jitter.pass(sequence);
    }

    /// Writes the next 20 ms to `out`, which has room for [`CodecKind::frame_samples`], and returns how many samples these
    /// are; 0 while the far side sends nothing.
    pub fn listen(&mut self, out: &mut [i16], now: Instant) -> usize {
        let frame = self.codec.frame_samples();
        let Some(out) = out.get_mut(..frame) else {
            return 0;
        };
        for _ in 0..MOST_PULLS {
            if self.waiting >= frame || self.fill(now) == Filled::Nothing {
                break;
            }
        }
        if self.waiting == 0 {
            return 0;
        }
        let count = self.waiting.min(frame);
        out[..count].copy_from_slice(&self.samples[..count]);
        out[count..].fill(0);
        self.samples.copy_within(count..self.waiting, 0);
        self.waiting -= count;
        frame
    }

    pub fn counts(&self) -> Counts {
        self.jitter.counts()
    }

    pub fn stretched(&self) -> Stretched {
        self.stretched
    }

    /// How old packets are when they are heard.
    pub fn delay(&self) -> Duration {
        self.jitter.target()
    }

    /// How much faster than ours the far side's clock runs, in millionths; `None` until it is known.
    pub fn drift_ppm(&self) -> Option<i32> {
        self.jitter.drift_ppm()
    }

    fn fill(&mut self, now: Instant) -> Filled {
        let mut payload = [0; LONGEST];
        if self.codec == CodecKind::Opus {
            let lossy = self.lossy_until.is_some_and(|until| now < until);
            self.jitter.look_ahead(if lossy { self.codec.frame_ticks() } else { 0 });
        }
        match self.jitter.pull(&mut payload, now) {
            Pull::Packet { length, content: Content::Noise, .. } if self.codec != CodecKind::Opus => {
                self.noise.on_packet(&payload[..length]);
            }
            Pull::Packet { length, skip, tempo, .. } => {
                let fresh = self.decode(&payload[..length], skip);
                self.correct(fresh, tempo);
            }
            Pull::Lost { ticks, following } => {
                self.lossy_until = Some(now + LOSSY_FOR);
                self.conceal(ticks, following.map(|length| &payload[..length]));
            }
            Pull::Pause { ticks } => self.conceal(ticks, None),
            Pull::Nothing => return Filled::Nothing,
        }
        Filled::Something
    }

    /// Returns the samples that a packet has brought; they stand last.
    fn decode(&mut self, payload: &[u8], skip: u32) -> usize {
        self.noise.stop();
        let skip = self.samples_in(skip);
        let room = &mut self.samples[self.waiting..];
        // What cannot be decoded leaves a hole, and holes are filled.
        let count = match self.decoder.decode(payload, room) {
            Ok(count) => count,
            Err(_) => self.decoder.conceal(room).unwrap_or(0),
        };
        let skip = skip.min(count);
        room.copy_within(skip..count, 0);
        self.waiting += count - skip;
        count - skip
    }

    fn correct(&mut self, fresh: usize, tempo: Tempo) {
        let (rate, first) = (self.codec.sample_rate(), self.waiting - fresh);
        let enough = ALIKE - ALIKE_LESS * f32::from(self.put_off);
        let now = match tempo {
            Tempo::Keep => return,
            Tempo::Hurry => stretch::shorten(&mut self.samples[first..self.waiting], rate, enough),
            Tempo::Linger => stretch::lengthen(&mut self.samples[first..], fresh, rate, enough),
        };
        self.waiting = first + now;
        self.put_off = if now == fresh { self.put_off.saturating_add(1) } else { 0 };
        self.stretched.shorter += u64::from(now < fresh);
        self.stretched.longer += u64::from(now > fresh);
    }

    fn conceal(&mut self, ticks: u32, following: Option<&[u8]>) {
        let count = self.samples_in(ticks).min(self.codec.frame_samples());
        let room = &mut self.samples[self.waiting..];
        self.waiting += match following {
            _ if self.noise.is_on() => {
                self.noise.fill(&mut room[..count]);
                count
            }
            Some(following) => self.decoder.recover(following, count, room).unwrap_or(0),
            None => self.decoder.conceal_part(count, room).unwrap_or(0),
        };
    }

    fn samples_in(&self, ticks: u32) -> usize {
        (u64::from(ticks) * u64::from(self.codec.sample_rate()) / u64::from(self.codec.clock_rate())) as usize
    }
}

/// Whether samples, or what is known of them, have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    Something,
    Nothing,
}

/// The samples of the longest packet that the buffer takes.
fn longest_packet(codec: CodecKind) -> usize {
    match codec {
        CodecKind::Pcma | CodecKind::Pcmu | CodecKind::G729 | CodecKind::Gsm | CodecKind::Ilbc => LONGEST,
        CodecKind::G722 | CodecKind::L16 => 2 * LONGEST,
        CodecKind::Opus => MAX_SAMPLES,
    }
}

#[cfg(test)]
#[path = "tests/playout.rs"]
mod tests;
