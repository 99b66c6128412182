//! A pump without sound: it knows what each leg would hear, and for how long.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use desvio::media::command::Command;
use desvio::media::command::Event;
use desvio::media::command::Figures;
use desvio::media::command::LegId;
use desvio::media::command::PlayId;
use desvio::media::command::RecordEnd;
use desvio::media::command::Repeat;
use desvio::media::command::Sound;
use desvio::media::command::Stream;

#[derive(Default)]
pub(crate) struct Pump {
    pub(crate) legs: BTreeMap<LegId, PumpLeg>,
    /// What was heard on each port since the beginning, in order.
    pub(crate) heard_on: BTreeMap<u16, Vec<String>>,
    next_port: u16,
    pub(crate) opened: usize,
}

pub(crate) struct PumpLeg {
    pub(crate) port: u16,
    pub(crate) stream: Option<Stream>,
    pub(crate) partner: Option<LegId>,
    playing: Option<Playing>,
    recording: Option<(PathBuf, Instant)>,
}

impl PumpLeg {
    pub(crate) fn is_playing(&self) -> bool {
        self.playing.is_some()
    }
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
            Command::Stop { leg } => self.with(leg, |it| it.playing = None),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Unbridge { leg } => self.unbridge(leg),
            Command::Record { leg, path, .. } => self.with(leg, |it| it.recording = Some((path, now))),
            Command::StopRecording { leg } => self.stop_recording(leg, now, RecordEnd::Asked),
            Command::SendDigits { .. } => Vec::new(),
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
        vec![Event::Recorded { leg, path, length: now - since, ended }]
    }

    fn open(&mut self, leg: LegId, address: IpAddr) -> Event {
        self.next_port += 2;
        self.opened += 1;
        let port = 20_000 + self.next_port;
        let state = PumpLeg { port, stream: None, partner: None, playing: None, recording: None };
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
        self.unbridge(a);
        self.unbridge(b);
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

    /// The disk is slower than the sockets: a recording is reported after the end of its leg.
    fn close(&mut self, leg: LegId, now: Instant) -> Vec<Event> {
        let recorded = self.stop_recording(leg, now, RecordEnd::Asked);
        self.unbridge(leg);
        self.legs.remove(&leg);
        let mut events = vec![Event::Closed { leg, figures: Figures::default() }];
        events.extend(recorded);
        events
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
