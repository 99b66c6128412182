//! A room: who is in it, what is announced into it, and the recording of what is heard.
//!
//! All its legs are on one thread and it has one turn on the grid for all of them, so that nobody hears a word before
//! the others do. What it says to those who are silent is encoded once for each codec.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::io::media::legs::Place;
use crate::io::media::tape::Of;
use crate::io::media::track::Tape;
use crate::io::media::track::Track;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::codec::MAX_SAMPLES;
use crate::media::codecs::pcma;
use crate::media::command::Background;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::Role;
use crate::media::command::RoomId;
use crate::media::command::Sound;
use crate::media::ear::Ear;
use crate::media::mixer;
use crate::media::mixer::Frame;
use crate::media::mixer::Gate;
use crate::media::mixer::Mixer;
use crate::media::mixer::SILENCE;
use crate::media::mouth::Mouth;

#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) slot: usize,
    /// In the order of the mixer's seats.
    members: Vec<Place>,
    pub(super) mixer: Mixer,
    /// For all who are silent, one for each codec that anybody here has spoken.
    shared: Vec<Shared>,
    announcer: Announcer,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Shared {
    mouth: Mouth,
    /// The turn for which it has spoken.
    turn: u64,
}

impl Room {
    pub(super) fn new(id: RoomId, slot: usize) -> Room {
        Room {
            id,
            slot,
            members: Vec::new(),
            mixer: Mixer::default(),
            shared: Vec::new(),
            announcer: Announcer::default(),
            recording: None,
        }
    }

    /// Takes a leg in, or gives it another role.
    pub(super) fn join(&mut self, place: Place, leg: LegId, role: Role, background: Background) {
        if let Some(seat) = self.seat_of(place) {
            return self.mixer.set_role(seat, role);
        }
        let gate = match background {
            Background::Heard => Gate::Open,
            Background::Gated => Gate::SPEECH,
        };
        self.members.push(place);
        self.mixer.join(leg, role, gate);
    }

    pub(super) fn leave(&mut self, place: Place) {
        if let Some(seat) = self.seat_of(place) {
            self.members.swap_remove(seat);
            self.mixer.leave(seat);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn member(&self, seat: usize) -> Option<Place> {
        self.members.get(seat).copied()
    }

    fn seat_of(&self, place: Place) -> Option<usize> {
        self.members.iter().position(|member| *member == place)
    }

    /// Makes ready to speak a codec, so that no turn has to.
    pub(super) fn learn(&mut self, codec: CodecKind) {
        if self.shared.iter().all(|shared| shared.mouth.codec() != codec) {
            self.shared.push(Shared { mouth: Mouth::new(codec), turn: u64::MAX });
        }
    }

    /// What all who are silent hear in this turn.
    pub(super) fn shared(&mut self, codec: CodecKind, turn: u64) -> Option<&[u8]> {
        let shared = self.shared.iter_mut().find(|shared| shared.mouth.codec() == codec)?;
        if shared.turn != turn {
            shared.turn = turn;
            let mut all = SILENCE;
            self.mixer.all(&mut all);
            shared.mouth.say(&all);
        }
        Some(shared.mouth.payload())
    }

    /// Adds up what all have said, and what is announced.
    pub(super) fn sum(&mut self, scratch: &mut [i16; MAX_SAMPLES]) {
        let mut announced = SILENCE;
        self.announcer.step(&mut announced, scratch);
        self.mixer.sum(&announced);
    }

    pub(super) fn announce(&mut self, sounds: &[Sound]) {
        self.announcer.announce(sounds);
    }

    pub(super) fn record(&mut self, path: PathBuf, longest: Duration, tape: Tape) {
        self.stop_recording(RecordEnd::Asked);
        self.recording = Some(Recording::start(self.id, path, longest, tape));
    }

    pub(super) fn stop_recording(&mut self, ended: RecordEnd) {
        if let Some(recording) = self.recording.take() {
            recording.finish(ended);
        }
    }

    /// Keeps what all hear in this turn.
    pub(super) fn keep(&mut self) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let mut all = SILENCE;
        self.mixer.all(&mut all);
        if recording.keep(&all) == Kept::Full {
            self.stop_recording(RecordEnd::Longest);
        }
    }
}

/// Sounds for everybody, one after another. They are played as they are kept for telephones, at 8 kHz.
#[derive(Debug, Default)]
struct Announcer {
    waiting: VecDeque<Arc<Clip>>,
    frame: usize,
    ear: Option<Ear>,
}

/// Whoever joins while so many still wait to be announced is not announced.
const MOST_WAITING: usize = 16;

/// Quick to encode on the spot, and most prompts are kept in it.
const ANNOUNCED_IN: CodecKind = CodecKind::Pcma;

impl Announcer {
    fn announce(&mut self, sounds: &[Sound]) {
        for sound in sounds {
            if self.waiting.len() < MOST_WAITING {
                let clip = sound.clip();
                clip.encoded(ANNOUNCED_IN);
                self.waiting.push_back(clip);
            }
        }
        self.ear.get_or_insert_with(|| Ear::new(ANNOUNCED_IN));
    }

    fn step(&mut self, frame: &mut Frame, scratch: &mut [i16; MAX_SAMPLES]) {
        let Some(ear) = &mut self.ear else { return };
        while let Some(clip) = self.waiting.front() {
            if let Some(payload) = clip.encoded(ANNOUNCED_IN).frame(self.frame) {
                self.frame += 1;
                let count = pcma::decode(payload, &mut scratch[..]).unwrap_or(0);
                ear.hear(&scratch[..count]);
                break;
            }
            self.waiting.pop_front();
            self.frame = 0;
        }
        ear.draw(frame);
    }
}

/// The mix on its way to the tape.
#[derive(Debug)]
struct Recording {
    track: Track,
    chunk: Vec<i16>,
    frames_left: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    Full,
}

/// Samples that are handed over at once: those of a second.
const CHUNK: usize = mixer::RATE as usize;

impl Recording {
    fn start(room: RoomId, path: PathBuf, longest: Duration, tape: Tape) -> Recording {
        let track = Track::begin(tape, Of::Room(room), path, mixer::RATE, 1);
        let frames_left = u64::try_from(longest.as_millis() / 20).unwrap_or(u64::MAX);
        Recording { track, chunk: Vec::with_capacity(CHUNK), frames_left }
    }

    fn keep(&mut self, frame: &Frame) -> Kept {
        if self.frames_left == 0 {
            return Kept::Full;
        }
        self.frames_left -= 1;
        self.chunk.extend_from_slice(frame);
        if self.chunk.len() + frame.len() > CHUNK {
            self.flush();
        }
        Kept::Yes
    }

    /// Once a second, so an allocation here is none for each turn.
    fn flush(&mut self) {
        let samples = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.track.write(samples);
    }

    fn finish(mut self, ended: RecordEnd) {
        self.flush();
        self.track.end(ended);
    }
}
