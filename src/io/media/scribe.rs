//! Writes down both sides of what happens on a leg: what its far side says, and everything that it is made to hear.
//!
//! Both pass this leg, whoever the partner is at the moment, so a recording goes on through holds, transfers and
//! announcements. Packets are decoded here and placed on a [`Timeline`]; once a second a piece of it goes to the tape.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::tape::Of;
use crate::io::media::track::Tape;
use crate::io::media::track::Track;
use crate::media::both_sides::Channels;
use crate::media::both_sides::Side;
use crate::media::both_sides::Stamp;
use crate::media::both_sides::Timeline;
use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::codec::MAX_SAMPLES;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::resample::Resampler;
use crate::media::rtp::Packet;

/// Wide enough for speech of any codec of ours.
const HIGHEST_RATE: u32 = 16_000;

/// What came so recently may still be joined by what is late.
const OPEN: Duration = Duration::from_millis(500);

/// A piece of the recording that is worth a write.
const PIECE: Duration = Duration::from_secs(1);

/// The longest run of lost packets that is made up; longer ones are silence.
const MADE_UP: u16 = 4;

/// Further behind is not late but a count begun anew, or a pause in which the numbers went on. RFC 3550 A.1.
const MISORDERED: u16 = 100;

#[derive(Debug)]
pub(super) struct Scribe {
    timeline: Timeline,
    channels: Channels,
    rate: u32,
    longest: Duration,
    clock: Clock,
    said: Ear,
    heard: Ear,
    samples: Box<[i16; MAX_SAMPLES]>,
    resampled: Box<[i16; MAX_SAMPLES]>,
    track: Track,
}

/// The time that has been recorded: it stands still during a pause.
#[derive(Debug)]
enum Clock {
    /// As if it had run since then.
    Runs {
        since: Instant,
    },
    Stands {
        at: Duration,
    },
}

/// One side on its way from packets to samples.
#[derive(Debug, Default)]
struct Ear {
    codec: Option<CodecKind>,
    decoder: Option<Decoder>,
    resampler: Option<Resampler>,
    /// Source and number of the last packet.
    last: Option<(u32, u16)>,
}

impl Scribe {
    pub(super) fn start(
        leg: LegId,
        path: PathBuf,
        channels: Channels,
        longest: Duration,
        codec: CodecKind,
        tape: Tape,
        now: Instant,
    ) -> Scribe {
        let rate = codec.sample_rate().min(HIGHEST_RATE);
        Scribe {
            timeline: Timeline::new(rate),
            channels,
            rate,
            longest,
            clock: Clock::Runs { since: now },
            said: Ear::default(),
            heard: Ear::default(),
            samples: Box::new([0; MAX_SAMPLES]),
            resampled: Box::new([0; MAX_SAMPLES]),
            track: Track::begin(tape, Of::Leg(leg), path, rate, channels.count()),
        }
    }

    /// Takes in one packet of audio in either direction.
    pub(super) fn on_packet(&mut self, side: Side, packet: &Packet<'_>, codec: CodecKind, now: Instant) {
        if matches!(self.clock, Clock::Stands { .. }) {
            return;
        }
        let here = self.position(now);
        let ear = match side {
            Side::Said => &mut self.said,
            Side::Heard => &mut self.heard,
        };
        if ear.tune(codec, self.rate) == Tuned::Anew || ear.last.is_some_and(|(ssrc, _)| ssrc != packet.header.ssrc) {
            ear.last = None;
            self.timeline.lift_anchor(side);
        }
        let Some(missing) = ear.missing(packet) else {
            return;
        };
        for _ in 0..missing {
            let count = ear.conceal(&mut self.samples, &mut self.resampled);
            let at = self.timeline.next(side);
            put(&mut self.timeline, side, at, &self.resampled[..count], self.channels, &mut self.track);
        }
        let count = ear.decode(packet.payload, &mut self.samples, &mut self.resampled);
        if count > 0 {
            let stamp = Stamp { timestamp: packet.header.timestamp, clock_rate: codec.clock_rate() };
            let at = self.timeline.locate(side, stamp, here, count);
            put(&mut self.timeline, side, at, &self.resampled[..count], self.channels, &mut self.track);
        }
    }

    /// To be asked once a second: hands over what is complete, and says so when it is long enough.
    pub(super) fn check(&mut self, now: Instant) -> Option<RecordEnd> {
        let passed = self.passed(now);
        let closed = self.samples_in(passed.saturating_sub(OPEN));
        if closed.saturating_sub(self.timeline.start()) >= self.samples_in(PIECE) / 2 {
            self.hand_over(closed);
        }
        (passed >= self.longest).then_some(RecordEnd::Longest)
    }

    /// Nothing of what is said from here on is recorded, until [`Scribe::resume`].
    pub(super) fn pause(&mut self, now: Instant) {
        let at = self.passed(now);
        self.hand_over(self.samples_in(at));
        self.timeline.clear();
        self.clock = Clock::Stands { at };
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if let Clock::Stands { at } = self.clock {
            self.clock = Clock::Runs { since: now.checked_sub(at).unwrap_or(now) };
        }
    }

    /// Hands over the rest; `Recorded` follows when all of it is on the disk.
    pub(super) fn finish(mut self, ended: RecordEnd, now: Instant) {
        self.hand_over(self.position(now));
        self.track.end(ended);
    }

    fn passed(&self, now: Instant) -> Duration {
        match self.clock {
            Clock::Runs { since } => now.saturating_duration_since(since),
            Clock::Stands { at } => at,
        }
    }

    fn position(&self, now: Instant) -> u64 {
        self.samples_in(self.passed(now))
    }

    fn samples_in(&self, time: Duration) -> u64 {
        (time.as_micros() * u128::from(self.rate) / 1_000_000) as u64
    }

    /// Once a second, so an allocation here is none for each packet.
    fn hand_over(&mut self, until: u64) {
        self.track.write(self.timeline.take(until, self.channels));
    }
}

fn put(timeline: &mut Timeline, side: Side, at: u64, samples: &[i16], channels: Channels, track: &mut Track) {
    if let Some(until) = timeline.too_far(at + samples.len() as u64) {
        track.write(timeline.take(until, channels));
    }
    timeline.place(side, at, samples);
}

/// Whether a side goes on in the codec that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tuned {
    Already,
    Anew,
}

impl Ear {
    fn tune(&mut self, codec: CodecKind, rate: u32) -> Tuned {
        if self.codec == Some(codec) {
            return Tuned::Already;
        }
        self.codec = Some(codec);
        self.decoder = Some(Decoder::new(codec));
        self.resampler = (codec.sample_rate() != rate).then(|| Resampler::new(codec.sample_rate(), rate));
        Tuned::Anew
    }

    /// How many packets are to be made up before this one; `None` for one that cannot be decoded in its place any more.
    fn missing(&mut self, packet: &Packet<'_>) -> Option<u16> {
        let number = packet.header.sequence;
        let last = self.last.replace((packet.header.ssrc, number));
        let Some((ssrc, last)) = last else {
            return Some(0);
        };
        match number.wrapping_sub(last) {
            0 => None,
            1 => Some(0),
            further if further.wrapping_neg() <= MISORDERED => {
                // Out of order: only the laws of G.711 can be decoded in any order.
                self.last = Some((ssrc, last));
                matches!(self.codec, Some(CodecKind::Pcma | CodecKind::Pcmu)).then_some(0)
            }
            further => Some(if further - 1 <= MADE_UP { further - 1 } else { 0 }),
        }
    }

    fn conceal(&mut self, samples: &mut [i16; MAX_SAMPLES], out: &mut [i16; MAX_SAMPLES]) -> usize {
        let count = self.decoder.as_mut().and_then(|decoder| decoder.conceal(&mut samples[..]).ok()).unwrap_or(0);
        self.resample(&samples[..count], out)
    }

    /// What cannot be decoded leaves no sound.
    fn decode(&mut self, payload: &[u8], samples: &mut [i16; MAX_SAMPLES], out: &mut [i16; MAX_SAMPLES]) -> usize {
        let decoder = self.decoder.as_mut();
        let count = decoder.and_then(|decoder| decoder.decode(payload, &mut samples[..]).ok()).unwrap_or(0);
        self.resample(&samples[..count], out)
    }

    fn resample(&mut self, samples: &[i16], out: &mut [i16; MAX_SAMPLES]) -> usize {
        match &mut self.resampler {
            Some(resampler) => resampler.process(samples, &mut out[..]),
            None => {
                out[..samples.len()].copy_from_slice(samples);
                samples.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::io::media::tape::Entry;
    use crate::media::codec::Encoder;
    use crate::media::codec::MAX_PAYLOAD;
    use crate::media::rtp::Header;

    const FRAME: Duration = Duration::from_millis(20);

    struct Bench {
        scribe: Scribe,
        entries: mpsc::Receiver<Entry>,
        encoder: Encoder,
        now: Instant,
    }

    impl Bench {
        fn start() -> Bench {
            let (tape, entries) = Tape::new(tokio::sync::mpsc::unbounded_channel().0);
            let (now, codec, longest) = (Instant::now(), CodecKind::G722, Duration::from_hours(1));
            let scribe = Scribe::start(LegId(1), "talk.wav".into(), Channels::Mono, longest, codec, tape, now);
            Bench { scribe, entries, encoder: Encoder::new(codec), now }
        }

        /// A loud packet of this number, 20 ms after what was before.
        fn hears(&mut self, sequence: u16) {
            self.now += FRAME;
            let samples: Vec<i16> = (0..320).map(|n| if n % 20 < 10 { 9_000 } else { -9_000 }).collect();
            let mut octets = [0; MAX_PAYLOAD];
            let length = self.encoder.encode(&samples, &mut octets).unwrap();
            let timestamp = u32::from(sequence) * 160;
            let header = Header { payload_type: 9, marker: false, sequence, timestamp, ssrc: 7 };
            let packet = Packet { header, payload: &octets[..length] };
            self.scribe.on_packet(Side::Said, &packet, CodecKind::G722, self.now);
        }

        /// How long it is loud in the file.
        fn loud(self) -> Duration {
            self.scribe.finish(RecordEnd::Asked, self.now);
            let samples = self.entries.iter().filter_map(|entry| match entry {
                Entry::Samples { samples, .. } => Some(samples),
                _ => None,
            });
            let loud = samples.flatten().filter(|sample| sample.unsigned_abs() > 2_000).count();
            Duration::from_micros(loud as u64 * 1_000 / 16)
        }
    }

    #[test]
    fn a_voice_is_recorded_again_after_a_pause_of_many_minutes() {
        let mut bench = Bench::start();
        (0..10).for_each(|number| bench.hears(number));
        bench.scribe.pause(bench.now);
        bench.now += FRAME * 39_990;
        bench.scribe.resume(bench.now);
        (40_000..40_010).for_each(|number| bench.hears(number));
        let loud = bench.loud();
        assert!((FRAME * 14..=FRAME * 20).contains(&loud), "{loud:?}");
    }

    #[test]
    fn a_phone_that_counts_anew_is_recorded_on_and_what_is_late_is_not_decoded_out_of_turn() {
        let mut bench = Bench::start();
        (1_000..1_010).chain(1_000..1_010).chain(900..910).for_each(|number| bench.hears(number));
        let loud = bench.loud();
        assert!((FRAME * 14..=FRAME * 20).contains(&loud), "{loud:?}");
    }
}
