//! Writes recordings, on a thread that may wait for the disk.
//!
//! What is written each second makes a file that can be read, so a crash loses no more than that. `Recorded` is
//! reported when the disk says that it has everything.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::io::media::track::Load;
use crate::io::media::track::Tape;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::RoomId;
use crate::media::recording::Format;
use crate::media::recording::Writer;

/// One recording; no two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reel(u64);

impl Reel {
    pub(super) fn next() -> Reel {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Reel(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for Reel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose voice is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Leg(LegId),
    Room(RoomId),
}

impl Of {
    pub(super) fn recorded(self, path: PathBuf, length: Duration, ended: RecordEnd, cut: Duration) -> Event {
        match self {
            Of::Leg(leg) => Event::Recorded { leg, path, length, ended, cut },
            Of::Room(room) => Event::RoomRecorded { room, path, length, ended, cut },
        }
    }
}

#[derive(Debug)]
pub(super) enum Entry {
    Begin {
        reel: Reel,
        of: Of,
        path: PathBuf,
        rate: u32,
        channels: u16,
    },
    /// Of all channels, in turn.
    Samples {
        reel: Reel,
        /// Silence that goes before them.
        missing: usize,
        samples: Vec<i16>,
    },
    End {
        reel: Reel,
        missing: usize,
        ended: RecordEnd,
        /// How much of its sound is silence because the disk did not keep up.
        cut: Duration,
    },
    Stop,
}

/// Starts the thread; it ends at [`Entry::Stop`], when everything before it is written.
pub(super) fn start(events: UnboundedSender<Event>) -> io::Result<(Tape, thread::JoinHandle<()>)> {
    let (tape, entries) = Tape::new(events.clone());
    let load = tape.load();
    let thread =
        thread::Builder::new().name("desvio-tape".to_owned()).spawn(move || write(&entries, &load, &events))?;
    Ok((tape, thread))
}

pub(super) fn write(entries: &mpsc::Receiver<Entry>, load: &Load, events: &UnboundedSender<Event>) {
    let mut recordings: HashMap<Reel, Recording> = HashMap::new();
    while let Ok(entry) = entries.recv() {
        let written = match entry {
            Entry::Begin { reel, of, path, rate, channels } => {
                recordings.insert(reel, Recording::begin(reel, of, path, rate, channels));
                reel
            }
            Entry::Samples { reel, missing, samples } => {
                if let Some(recording) = recordings.get_mut(&reel) {
                    recording.append_silence(missing);
                    recording.append(&samples);
                }
                load.take_off(samples.len());
                reel
            }
            Entry::End { reel, missing, ended, cut } => {
                if let Some(mut recording) = recordings.remove(&reel) {
                    recording.append_silence(missing);
                    // The switch may have ended before us.
                    let _ = events.send(recording.end(ended, cut));
                }
                load.end();
                continue;
            }
            Entry::Stop => return,
        };
        // A full disk is told at once; whatever is recorded after it is let go.
        if recordings.get(&written).is_some_and(Recording::has_failed)
            && let Some(failed) = recordings.remove(&written)
        {
            let _ = events.send(failed.end(RecordEnd::Asked, Duration::ZERO));
        }
    }
}

struct Recording {
    of: Of,
    path: PathBuf,
    writer: Writer,
    written: u64,
    state: State,
}

enum State {
    Open(fs::File),
    /// The first fault; what comes after it is let go.
    Failed(io::Error),
}

/// Silence that is written at once.
static SILENCE: [i16; 16_000] = [0; 16_000];

impl Recording {
    fn begin(reel: Reel, of: Of, path: PathBuf, rate: u32, channels: u16) -> Recording {
        // Serial numbers tell the streams of one file apart, and there is one in each.
        let writer = Writer::new(Format::of(&path), rate, channels, reel.0 as u32);
        let header = writer.header();
        let state = create(&path, &header).map_or_else(State::Failed, State::Open);
        Recording { of, path, writer, written: header.len() as u64, state }
    }

    fn append(&mut self, samples: &[i16]) {
        let mut octets = Vec::with_capacity(samples.len() * 2);
        if let State::Open(_) = &self.state {
            self.writer.samples(samples, &mut octets);
        }
        self.put(&octets);
    }

    fn append_silence(&mut self, mut samples: usize) {
        while samples > 0 && !self.has_failed() {
            let now = samples.min(SILENCE.len());
            self.append(&SILENCE[..now]);
            samples -= now;
        }
    }

    fn put(&mut self, octets: &[u8]) {
        let State::Open(file) = &self.state else {
            return;
        };
        let put = file.write_all_at(octets, self.written).and_then(|()| file.write_all_at(&self.writer.header(), 0));
        self.written += octets.len() as u64;
        if let Err(fault) = put {
            self.state = State::Failed(fault);
        }
    }

    fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    fn end(mut self, ended: RecordEnd, cut: Duration) -> Event {
        let mut last = Vec::new();
        self.writer.finish(&mut last);
        self.put(&last);
        let kept = match self.state {
            State::Open(file) => file.sync_all(),
            State::Failed(fault) => Err(fault),
        };
        let ended = match kept {
            Ok(()) => ended,
            Err(fault) => RecordEnd::Failed(format!("cannot write {}: {fault}", self.path.display())),
        };
        self.of.recorded(self.path, self.writer.duration(), ended, cut)
    }
}

fn create(path: &Path, header: &[u8]) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = fs::File::create(path)?;
    file.write_all_at(header, 0)?;
    Ok(file)
}
