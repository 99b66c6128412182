//! Listens along on one leg and hands what it hears to the tape; decides when the recording has its end.
//!
//! It is given the frames of the leg's playout, where lost packets are filled in, so a recording is as long as what was said.
//! The tape writes; nothing here waits for a disk.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::tape::Of;
use crate::io::media::track::Tape;
use crate::io::media::track::Track;
use crate::media::codec::CodecKind;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::RecordLimits;
use crate::media::level::Silence;
use crate::media::resample::Resampler;

/// Wide enough for speech of any codec of ours.
const HIGHEST_RATE: u32 = 16_000;

/// No packet for this long counts as silence: longer than the packets of any phone.
const GAP: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Recorder {
    limits: RecordLimits,
    codec: CodecKind,
    /// `None` when the codec's rate is that of the file.
    resampler: Option<Resampler>,
    rate: u32,
    chunk: Vec<i16>,
    recorded: u64,
    silence: Silence,
    began: Instant,
    last_heard: Instant,
    track: Track,
}

impl Recorder {
    pub(super) fn start(
        leg: LegId,
        path: PathBuf,
        limits: RecordLimits,
        codec: CodecKind,
        tape: Tape,
        now: Instant,
    ) -> Recorder {
        let rate = codec.sample_rate().min(HIGHEST_RATE);
        Recorder {
            limits,
            codec,
            resampler: resampler(codec, rate),
            rate,
            chunk: Vec::new(),
            recorded: 0,
            silence: Silence::default(),
            began: now,
            last_heard: now,
            track: Track::begin(tape, Of::Leg(leg), path, rate, 1),
        }
    }

    pub(super) fn stop_key(&self) -> Option<char> {
        self.limits.stop_key
    }

    /// A re-INVITE has changed the codec; the file keeps its rate.
    pub(super) fn set_codec(&mut self, codec: CodecKind) {
        if codec != self.codec {
            self.codec = codec;
            self.resampler = resampler(codec, self.rate);
        }
    }

    /// Takes in a frame of what the far side says; says so when it was the last.
    pub(super) fn on_frame(&mut self, samples: &[i16], now: Instant) -> Option<RecordEnd> {
        self.last_heard = now;
        let silent = self.silence.on_frame(samples, self.lasts(samples.len()));
        self.keep(samples);
        self.end(silent, now)
    }

    /// To be asked from time to time, for a far side that sends nothing.
    pub(super) fn check(&mut self, now: Instant) -> Option<RecordEnd> {
        let gap = now.saturating_duration_since(self.last_heard);
        let silent = if gap >= GAP {
            self.last_heard = now;
            self.silence.on_nothing(gap)
        } else {
            Duration::ZERO
        };
        self.end(silent, now)
    }

    /// Hands over the rest; `Recorded` follows when all of it is on the disk.
    pub(super) fn finish(mut self, ended: RecordEnd) {
        self.flush();
        self.track.end(ended);
    }

    fn end(&self, silent: Duration, now: Instant) -> Option<RecordEnd> {
        if silent >= self.limits.silence {
            return Some(RecordEnd::Silence);
        }
        let length = Duration::from_micros(self.recorded * 1_000_000 / u64::from(self.rate));
        let passed = now.saturating_duration_since(self.began);
        (length.max(passed) >= self.limits.longest).then_some(RecordEnd::Longest)
    }

    fn keep(&mut self, samples: &[i16]) {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve_exact(self.rate as usize + HIGHEST_RATE as usize / 5);
        }
        let before = self.chunk.len();
        match &mut self.resampler {
            None => self.chunk.extend_from_slice(samples),
            Some(resampler) => {
                self.chunk.resize(before + resampler.room_for(samples.len()), 0);
                let written = resampler.process(samples, &mut self.chunk[before..]);
                self.chunk.truncate(before + written);
            }
        }
        self.recorded += (self.chunk.len() - before) as u64;
        if self.chunk.len() >= self.rate as usize {
            self.flush();
        }
    }

    /// Once a second, so an allocation here is none for each packet.
    fn flush(&mut self) {
        self.track.write(std::mem::take(&mut self.chunk));
    }

    fn lasts(&self, samples: usize) -> Duration {
        Duration::from_micros(samples as u64 * 1_000_000 / u64::from(self.codec.sample_rate()))
    }
}

fn resampler(codec: CodecKind, rate: u32) -> Option<Resampler> {
    (codec.sample_rate() != rate).then(|| Resampler::new(codec.sample_rate(), rate))
}
