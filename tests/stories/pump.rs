//! A pump without sound: it knows what each leg would hear, and for how long.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use desvio::media::both_sides::Channels;
use desvio::media::command::Command;
use desvio::media::command::Event;
use desvio::media::command::LegId;
use desvio::media::command::PlayId;
use desvio::media::command::RecordEnd;
use desvio::media::command::Repeat;
use desvio::media::command::Role;
use desvio::media::command::RoomId;
use desvio::media::command::Sound;
use desvio::media::command::Steer;
use desvio::media::command::Stream;
use desvio::media::figures::Figures;

#[derive(Default)]
pub(crate) struct Pump {
    pub(crate) legs: BTreeMap<LegId, PumpLeg>,
    /// What was heard on each port since the beginning, in order.
    pub(crate) heard_on: BTreeMap<u16, Vec<String>>,
    rooms: BTreeMap<RoomId, Room>,
    pressed: BTreeMap<LegId, String>,
    next_port: u16,
    pub(crate) opened: usize,
}

#[derive(Default)]
struct Room {
    roles: BTreeMap<LegId, Role>,
    recording: Option<(PathBuf, Instant)>,
}

pub(crate) struct PumpLeg {
    pub(crate) port: u16,
    pub(crate) stream: Option<Stream>,
    pub(crate) partner: Option<LegId>,
    playing: Option<Playing>,
    recording: Option<(PathBuf, Instant)>,
    pub(crate) talk: Option<Talk>,
    pub(crate) echoes: bool,
    pub(crate) detects: bool,
}

impl PumpLeg {
    pub(crate) fn is_playing(&self) -> bool {
        self.playing.is_some()
    }
}

/// A recording of both sides.
pub(crate) struct Talk {
    pub(crate) path: PathBuf,
    pub(crate) channels: Channels,
    /// What stood on it before the last pause, and since when it runs; none: it is paused.
    before: Duration,
    since: Option<Instant>,
}

struct Playing {
    play: PlayId,
    ends: Option<Instant>,
}

impl Pump {
    pub(crate) fn carry_out(&mut self, command: Command, now: Instant) -> Vec<Event> {
        match command {
            Command::Open { leg, address } => vec![self.open(leg, address)],
            Command::Connect { leg, stream } => self.with(leg, |it| it.stream = Some(stream)),
            Command::Play { leg, play, clips, repeat } => self.play(leg, play, &clips, repeat, now),
            Command::Stop { leg } => self.with(leg, |it| (it.playing, it.echoes) = (None, false)),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Unbridge { leg } => self.unbridge(leg),
            Command::Record { leg, path, .. } => self.with(leg, |it| it.recording = Some((path, now))),
            Command::StopRecording { leg } => self.stop_recording(leg, now, RecordEnd::Asked),
            Command::RecordTalk { leg, path, channels, .. } => self.with(leg, |it| {
                it.talk = Some(Talk { path, channels, before: Duration::ZERO, since: Some(now) });
            }),
            Command::Steer { leg, order } => self.steer(leg, order, now),
            Command::Echo { leg } => self.with(leg, |it| (it.playing, it.echoes) = (None, true)),
            Command::SendDigits { leg, digits } => {
                self.pressed.entry(leg).or_default().push_str(&digits);
                Vec::new()
            }
            Command::Vouch { .. } => Vec::new(),
            Command::Measure { leg } => self.measure(leg),
            Command::Detect { leg } => self.with(leg, |it| it.detects = true),
            Command::Join { leg, room, role, .. } => self.join(leg, room, role),
            Command::Leave { leg } => self.leave(leg, now),
            Command::Announce { room, sounds } => self.announce(room, &sounds),
            Command::RecordRoom { room, path, .. } => self.record_room(room, path, now),
            Command::StopRecordingRoom { room } => self.stop_recording_room(room, now),
            Command::Close { leg } => self.close(leg, now),
        }
    }

    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.legs.values().filter_map(|leg| leg.playing.as_ref()?.ends).min()
    }

    /// What has been played to its end by now.
    pub(crate) fn finished(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        for (id, leg) in &mut self.legs {
            if let Some(Playing { play, ends: Some(ends) }) = leg.playing
                && ends <= now
            {
                leg.playing = None;
                events.push(Event::Finished { leg: *id, play });
            }
        }
        events
    }

    pub(crate) fn leg_on(&self, port: u16) -> Option<LegId> {
        self.legs.iter().find(|(_, leg)| leg.port == port).map(|(id, _)| *id)
    }

    pub(crate) fn stop_recording(&mut self, leg: LegId, now: Instant, ended: RecordEnd) -> Vec<Event> {
        let Some((path, since)) = self.legs.get_mut(&leg).and_then(|it| it.recording.take()) else {
            return Vec::new();
        };
        vec![Event::Recorded { leg, path, length: now - since, ended, cut: Duration::ZERO }]
    }

    fn steer(&mut self, leg: LegId, order: Steer, now: Instant) -> Vec<Event> {
        if order == Steer::End {
            return self.end_talk(leg, now, RecordEnd::Asked);
        }
        self.with(leg, |it| {
            let Some(talk) = &mut it.talk else { return };
            match order {
                Steer::Pause => talk.before += talk.since.take().map_or(Duration::ZERO, |since| now - since),
                _ => talk.since = talk.since.or(Some(now)),
            }
        })
    }

    pub(crate) fn end_talk(&mut self, leg: LegId, now: Instant, ended: RecordEnd) -> Vec<Event> {
        let Some(Talk { path, before, since, .. }) = self.legs.get_mut(&leg).and_then(|it| it.talk.take()) else {
            return Vec::new();
        };
        let length = before + since.map_or(Duration::ZERO, |since| now - since);
        vec![Event::Recorded { leg, path, length, ended, cut: Duration::ZERO }]
    }

    fn open(&mut self, leg: LegId, address: IpAddr) -> Event {
        self.next_port += 2;
        self.opened += 1;
        let port = 20_000 + self.next_port;
        let state = PumpLeg {
            port,
            stream: None,
            partner: None,
            playing: None,
            recording: None,
            talk: None,
            echoes: false,
            detects: false,
        };
        self.legs.insert(leg, state);
        Event::Opened { leg, local: SocketAddr::new(address, port) }
    }

    fn play(&mut self, leg: LegId, play: PlayId, clips: &[Sound], repeat: Repeat, now: Instant) -> Vec<Event> {
        let Some(it) = self.legs.get_mut(&leg) else {
            return Vec::new();
        };
        let length: Duration = clips.iter().map(length).sum();
        let ends = (repeat == Repeat::Once).then(|| now + length);
        it.playing = Some(Playing { play, ends });
        self.heard_on.entry(it.port).or_default().extend(clips.iter().map(name));
        Vec::new()
    }

    fn bridge(&mut self, a: LegId, b: LegId) -> Vec<Event> {
        for leg in [a, b] {
            self.unbridge(leg);
            self.leave_silently(leg);
        }
        for (one, other) in [(a, b), (b, a)] {
            self.with(one, |leg| {
                leg.partner = Some(other);
                leg.playing = None;
            });
        }
        Vec::new()
    }

    fn unbridge(&mut self, leg: LegId) -> Vec<Event> {
        let partner = self.legs.get_mut(&leg).and_then(|it| it.partner.take());
        if let Some(partner) = partner {
            self.with(partner, |it| it.partner = None);
        }
        Vec::new()
    }

    fn join(&mut self, leg: LegId, room: RoomId, role: Role) -> Vec<Event> {
        if self.room_of(leg) != Some(room) {
            self.unbridge(leg);
            self.leave_silently(leg);
            self.with(leg, |it| it.playing = None);
        }
        if self.legs.contains_key(&leg) {
            self.rooms.entry(room).or_default().roles.insert(leg, role);
        }
        Vec::new()
    }

    fn leave(&mut self, leg: LegId, now: Instant) -> Vec<Event> {
        let room = self.room_of(leg);
        let ends = room.is_some_and(|room| self.rooms[&room].roles.len() == 1);
        let recorded = room.filter(|_| ends).map(|room| self.stop_recording_room(room, now)).unwrap_or_default();
        self.leave_silently(leg);
        recorded
    }

    fn leave_silently(&mut self, leg: LegId) {
        self.rooms.retain(|_, room| {
            room.roles.remove(&leg);
            !room.roles.is_empty()
        });
    }

    fn room_of(&self, leg: LegId) -> Option<RoomId> {
        self.rooms.iter().find(|(_, room)| room.roles.contains_key(&leg)).map(|(id, _)| *id)
    }

    fn announce(&mut self, room: RoomId, sounds: &[Sound]) -> Vec<Event> {
        let members: Vec<LegId> =
            self.rooms.get(&room).map(|room| room.roles.keys().copied().collect()).unwrap_or_default();
        for leg in members {
            let Some(port) = self.legs.get(&leg).map(|it| it.port) else { continue };
            self.heard_on.entry(port).or_default().extend(sounds.iter().map(name));
        }
        Vec::new()
    }

    fn record_room(&mut self, room: RoomId, path: PathBuf, now: Instant) -> Vec<Event> {
        match self.rooms.get_mut(&room) {
            Some(found) => found.recording = Some((path, now)),
            None => {
                let ended = RecordEnd::Failed("nobody is in the room".to_owned());
                return vec![Event::RoomRecorded { room, path, length: Duration::ZERO, ended, cut: Duration::ZERO }];
            }
        }
        Vec::new()
    }

    fn stop_recording_room(&mut self, room: RoomId, now: Instant) -> Vec<Event> {
        let Some((path, since)) = self.rooms.get_mut(&room).and_then(|it| it.recording.take()) else {
            return Vec::new();
        };
        vec![Event::RoomRecorded { room, path, length: now - since, ended: RecordEnd::Asked, cut: Duration::ZERO }]
    }

    /// Whether what is said on one leg is heard on the other, by a bridge or in a room.
    pub(crate) fn hears(&self, listener: LegId, speaker: LegId) -> bool {
        let Some(room) = self.room_of(listener) else {
            return self.legs.get(&listener).and_then(|it| it.partner) == Some(speaker);
        };
        match self.rooms[&room].roles.get(&speaker) {
            Some(Role::Speaker) => listener != speaker,
            Some(Role::Whisperer { to }) => *to == listener,
            Some(Role::Listener) | None => false,
        }
    }

    /// The keys that we have pressed towards this leg's far side.
    pub(crate) fn pressed_to(&self, leg: LegId) -> &str {
        self.pressed.get(&leg).map_or("", String::as_str)
    }

    /// The disk is slower than the sockets: a recording is reported after the end of its leg.
    fn close(&mut self, leg: LegId, now: Instant) -> Vec<Event> {
        let mut recorded = self.stop_recording(leg, now, RecordEnd::Asked);
        recorded.extend(self.end_talk(leg, now, RecordEnd::Asked));
        self.unbridge(leg);
        let room_recorded = self.leave(leg, now);
        self.legs.remove(&leg);
        let mut events = vec![Event::Closed { leg, figures: Box::default() }];
        events.extend(recorded);
        events.extend(room_recorded);
        events
    }

    /// Everybody hears well, and has for ten seconds.
    fn measure(&self, leg: LegId) -> Vec<Event> {
        let stream = self.legs.get(&leg).and_then(|it| it.stream.as_ref());
        let figures = stream.map(|stream| Figures {
            received: 500,
            sent: 500,
            codec: stream.codec.to_string(),
            negotiated: Some(stream.remote),
            ..Figures::default()
        });
        vec![Event::Measured { leg, figures: Box::new(figures.unwrap_or_default()) }]
    }

    fn with(&mut self, leg: LegId, change: impl FnOnce(&mut PumpLeg)) -> Vec<Event> {
        if let Some(it) = self.legs.get_mut(&leg) {
            change(it);
        }
        Vec::new()
    }
}

fn name(sound: &Sound) -> String {
    match sound {
        Sound::Clip(clip) => clip.name().to_owned(),
        Sound::Tone(tone) => format!("tone {tone:?}"),
        Sound::Silence(_) => "silence".to_owned(),
    }
}

fn length(sound: &Sound) -> Duration {
    match sound {
        Sound::Clip(clip) => clip.duration(),
        Sound::Tone(_) => Duration::from_secs(1),
        Sound::Silence(length) => *length,
    }
}
