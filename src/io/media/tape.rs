//! Writes recordings, on a thread that may wait for the disk.
//!
//! The header of a file is brought up to date with every second that is written, so a crash leaves a file that can be
//! read. `Recorded` is reported when the disk says that it has everything.

use std::collections::HashMap;
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

use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::RoomId;
use crate::media::wav;
use crate::media::wav::Encoding;

/// One recording; no two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reel(u64);

impl Reel {
    pub(super) fn next() -> Reel {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Reel(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whose voice is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Leg(LegId),
    Room(RoomId),
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
        samples: Vec<i16>,
    },
    End {
        reel: Reel,
        ended: RecordEnd,
    },
    Stop,
}

/// Starts the thread; it ends at [`Entry::Stop`], when everything before it is written.
pub(super) fn start(events: UnboundedSender<Event>) -> io::Result<(mpsc::Sender<Entry>, thread::JoinHandle<()>)> {
    let (sender, entries) = mpsc::channel();
    let thread = thread::Builder::new().name("desvio-tape".to_owned()).spawn(move || write(&entries, &events))?;
    Ok((sender, thread))
}

fn write(entries: &mpsc::Receiver<Entry>, events: &UnboundedSender<Event>) {
    let mut recordings: HashMap<Reel, Recording> = HashMap::new();
    while let Ok(entry) = entries.recv() {
        let written = match entry {
            Entry::Begin { reel, of, path, rate, channels } => {
                recordings.insert(reel, Recording::begin(of, path, rate, channels));
                reel
            }
            Entry::Samples { reel, samples } => {
                if let Some(recording) = recordings.get_mut(&reel) {
                    recording.append(&samples);
                }
                reel
            }
            Entry::End { reel, ended } => {
                if let Some(recording) = recordings.remove(&reel) {
                    // The switch may have ended before us.
                    let _ = events.send(recording.end(ended));
                }
                continue;
            }
            Entry::Stop => return,
        };
        // A full disk is told at once; whatever is recorded after it is let go.
        if recordings.get(&written).is_some_and(Recording::has_failed)
            && let Some(failed) = recordings.remove(&written)
        {
            let _ = events.send(failed.end(RecordEnd::Asked));
        }
    }
}

struct Recording {
    of: Of,
    path: PathBuf,
    writer: wav::Writer,
    written: u64,
    state: State,
}

enum State {
    Open(fs::File),
    /// The first fault; what comes after it is let go.
    Failed(io::Error),
}

impl Recording {
    fn begin(of: Of, path: PathBuf, rate: u32, channels: u16) -> Recording {
        let writer = wav::Writer::new(Encoding::Linear16, rate).with_channels(channels);
        let state = create(&path, &writer).map_or_else(State::Failed, State::Open);
        Recording { of, path, writer, written: wav::HEADER_LEN as u64, state }
    }

    fn append(&mut self, samples: &[i16]) {
        let State::Open(file) = &self.state else {
            return;
        };
        let mut octets = Vec::with_capacity(samples.len() * Encoding::Linear16.width());
        self.writer.samples(samples, &mut octets);
        let appended =
            file.write_all_at(&octets, self.written).and_then(|()| file.write_all_at(&self.writer.header(), 0));
        self.written += octets.len() as u64;
        if let Err(fault) = appended {
            self.state = State::Failed(fault);
        }
    }

    fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    fn end(self, ended: RecordEnd) -> Event {
        let kept = match self.state {
            State::Open(file) => file.sync_all(),
            State::Failed(fault) => Err(fault),
        };
        let length: Duration = self.writer.duration();
        let ended = match kept {
            Ok(()) => ended,
            Err(fault) => RecordEnd::Failed(format!("cannot write {}: {fault}", self.path.display())),
        };
        let path = self.path;
        match self.of {
            Of::Leg(leg) => Event::Recorded { leg, path, length, ended },
            Of::Room(room) => Event::RoomRecorded { room, path, length, ended },
        }
    }
}

fn create(path: &Path, writer: &wav::Writer) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = fs::File::create(path)?;
    file.write_all_at(&writer.header(), 0)?;
    Ok(file)
}
