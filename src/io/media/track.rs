//! The pump's end of the tape: a [`Track`] for each recording, which never waits for the disk.
//!
//! What may lie before a disk that hangs is bounded, for all recordings together. Beyond that sound is let go: it is
//! silence in the file, so that what follows stays at its time, and it is counted and said.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::io::media::tape::Entry;
use crate::io::media::tape::Of;
use crate::io::media::tape::Reel;
use crate::media::command::Event;
use crate::media::command::RecordEnd;

/// Samples that may wait to be written, 64 MB: 20 s of a hundred talks in mono at 16 kHz, twice that at 8 kHz.
const MOST_SAMPLES: usize = 32 << 20;

/// Recordings whose ends may wait to be written; a further one fails at once.
const MOST_REELS: usize = 4_096;

/// Where all recordings go.
#[derive(Debug, Clone)]
pub(super) struct Tape {
    entries: mpsc::Sender<Entry>,
    load: Arc<Load>,
    events: UnboundedSender<Event>,
}

/// What lies before the disk.
#[derive(Debug)]
pub(super) struct Load {
    most_samples: usize,
    most_reels: usize,
    samples: AtomicUsize,
    reels: AtomicUsize,
    /// Microseconds of sound that were let go, of all recordings since the start.
    cut: AtomicU64,
}

impl Load {
    /// So many were written, or will not be.
    pub(super) fn take_off(&self, samples: usize) {
        self.samples.fetch_sub(samples, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.reels.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether there was room: then they are counted.
    fn put_on(count: &AtomicUsize, more: usize, most: usize) -> bool {
        // Several threads that ask at the same time may each find the same room: the bound is not sharp, and need not be.
        let fits = count.load(Ordering::Relaxed) + more <= most;
        if fits {
            count.fetch_add(more, Ordering::Relaxed);
        }
        fits
    }
}

impl Tape {
    /// With its other end. Refused recordings are reported to `events`.
    pub(super) fn new(events: UnboundedSender<Event>) -> (Tape, mpsc::Receiver<Entry>) {
        Tape::with_room(events, MOST_SAMPLES, MOST_REELS)
    }

    fn with_room(
        events: UnboundedSender<Event>,
        most_samples: usize,
        most_reels: usize,
    ) -> (Tape, mpsc::Receiver<Entry>) {
        let (entries, receiver) = mpsc::channel();
        let (samples, reels, cut) = Default::default();
        let load = Arc::new(Load { most_samples, most_reels, samples, reels, cut });
        (Tape { entries, load, events }, receiver)
    }

    pub(super) fn load(&self) -> Arc<Load> {
        self.load.clone()
    }

    /// Sound that was let go since the start, of all recordings.
    pub(super) fn cut(&self) -> Duration {
        Duration::from_micros(self.load.cut.load(Ordering::Relaxed))
    }

    /// After what was put in before, the thread ends.
    pub(super) fn stop(&self) {
        self.put(Entry::Stop);
    }

    /// The thread ends only with the pump itself.
    fn put(&self, entry: Entry) {
        let _ = self.entries.send(entry);
    }
}

/// One recording on its way to the tape.
#[derive(Debug)]
pub(super) struct Track {
    tape: Tape,
    /// `None` for one that was refused.
    reel: Option<Reel>,
    rate: u32,
    channels: u16,
    /// Samples that were let go since the last that were taken.
    missing: usize,
    /// All that were let go.
    cut: u64,
}

impl Track {
    pub(super) fn begin(tape: Tape, of: Of, path: PathBuf, rate: u32, channels: u16) -> Track {
        let reel = Load::put_on(&tape.load.reels, 1, tape.load.most_reels).then(Reel::next);
        match reel {
            Some(reel) => tape.put(Entry::Begin { reel, of, path, rate, channels }),
            None => {
                let ended = RecordEnd::Failed("the disk does not answer: too many recordings wait for it".to_owned());
                // The switch may have ended before us.
                let _ = tape.events.send(of.recorded(path, Duration::ZERO, ended, Duration::ZERO));
            }
        }
        Track { tape, reel, rate, channels, missing: 0, cut: 0 }
    }

    /// Hands over samples of all channels, in turn.
    pub(super) fn write(&mut self, samples: Vec<i16>) {
        let Some(reel) = self.reel.filter(|_| !samples.is_empty()) else {
            return;
        };
        let load = &self.tape.load;
        if Load::put_on(&load.samples, samples.len(), load.most_samples) {
            let missing = std::mem::take(&mut self.missing);
            self.tape.put(Entry::Samples { reel, missing, samples });
            return;
        }
        if self.missing == 0 {
            tracing::warn!(recording = %reel, "the disk does not keep up: a recording has a gap from here on");
        }
        self.missing += samples.len();
        self.cut += samples.len() as u64;
        let lasts = self.lasts(samples.len() as u64);
        load.cut.fetch_add(u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// `Recorded` follows when all of it is on the disk.
    pub(super) fn end(self, ended: RecordEnd) {
        if let Some(reel) = self.reel {
            let cut = self.lasts(self.cut);
            self.tape.put(Entry::End { reel, missing: self.missing, ended, cut });
        }
    }

    fn lasts(&self, samples: u64) -> Duration {
        let frames = samples / u64::from(self.channels.max(1));
        Duration::from_micros(frames * 1_000_000 / u64::from(self.rate.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::media::tape;
    use crate::media::command::LegId;
    use crate::media::wav;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("desvio-{}-track-{name}.wav", std::process::id()))
    }

    #[test]
    fn a_disk_that_hangs_costs_a_bounded_gap_that_is_silence_in_the_file_and_is_told() {
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (tape, entries) = Tape::with_room(events.clone(), 3 * 8_000, 2);
        let path = path("gap");
        let mut track = Track::begin(tape.clone(), Of::Leg(LegId(1)), path.clone(), 8_000, 1);
        // Nobody writes meanwhile.
        for second in 1..=10 {
            track.write(vec![second; 8_000]);
        }
        assert_eq!(tape.cut(), Duration::from_secs(7));
        let writer = std::thread::spawn({
            let load = tape.load();
            move || tape::write(&entries, &load, &events)
        });
        while tape.load.samples.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        track.write(vec![11; 8_000]);
        track.end(RecordEnd::Asked);
        tape.stop();
        writer.join().unwrap();
        let Some(Event::Recorded { length, cut, ended, .. }) = heard.blocking_recv() else { panic!("no recording") };
        assert_eq!((length, cut, ended), (Duration::from_secs(11), Duration::from_secs(7), RecordEnd::Asked));
        let file = std::fs::read(&path).unwrap();
        let samples = wav::read(&file).unwrap().samples();
        let seconds: Vec<i16> = samples.chunks(8_000).map(|second| second[4_000]).collect();
        assert_eq!(seconds, [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 11]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_recording_that_finds_no_room_before_the_disk_fails_at_once_and_the_next_after_it_does_not() {
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (tape, entries) = Tape::with_room(events.clone(), 8_000, 1);
        let begin = |name: &str| Track::begin(tape.clone(), Of::Leg(LegId(1)), path(name), 8_000, 1);
        let first = begin("first");
        let mut refused = begin("refused");
        let Ok(Event::Recorded { ended: RecordEnd::Failed(why), .. }) = heard.try_recv() else { panic!("not refused") };
        assert!(why.contains("disk"), "{why}");
        refused.write(vec![1; 100]);
        refused.end(RecordEnd::Asked);
        first.end(RecordEnd::Asked);
        tape.stop();
        tape::write(&entries, &tape.load(), &events);
        let Ok(Event::Recorded { path: written, .. }) = heard.try_recv() else { panic!("not written") };
        assert_eq!(written, path("first"));
        assert!(heard.try_recv().is_err());
        let _again = begin("again");
        assert!(heard.try_recv().is_err());
        std::fs::remove_file(written).unwrap();
    }

    #[test]
    fn what_was_let_go_last_is_silence_at_the_end() {
        let (events, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (tape, entries) = Tape::with_room(events.clone(), 100, 1);
        let mut track = Track::begin(tape.clone(), Of::Leg(LegId(1)), path("end"), 8_000, 2);
        track.write(vec![9; 16_000]);
        track.end(RecordEnd::Longest);
        tape.stop();
        tape::write(&entries, &tape.load(), &events);
        let Ok(Event::Recorded { length, cut, .. }) = heard.try_recv() else { panic!("no recording") };
        assert_eq!((length, cut), (Duration::from_secs(1), Duration::from_secs(1)));
        std::fs::remove_file(path("end")).unwrap();
    }
}
