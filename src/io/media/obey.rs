//! What a thread does with its orders. Leaves packets to the files beside it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::leg::Bridge;
use crate::io::media::leg::Doing;
use crate::io::media::leg::Spoken;
use crate::io::media::leg::Way;
use crate::io::media::legs::Place;
use crate::io::media::order::Order;
use crate::io::media::player::Player;
use crate::io::media::recorder::Recorder;
use crate::io::media::scribe::Scribe;
use crate::io::media::studio::Job;
use crate::io::media::thread::Turn;
use crate::io::media::thread::Worker;
use crate::io::media::transport::Transport;
use crate::media::answering::Answering;
use crate::media::both_sides::Channels;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::PlayId;
use crate::media::command::RecordEnd;
use crate::media::command::RecordLimits;
use crate::media::command::Steer;
use crate::media::command::Stream;
use crate::media::dtmf;
use crate::media::transcode::Rewriter;
use crate::media::transcode::Transcoder;

impl Worker {
    pub(super) fn read_orders(&mut self) -> Turn {
        self.post.answer_bell();
        while let Some(order) = self.post.next() {
            match order {
                Order::Take(leg) => self.take_in(leg),
                Order::Obey(command) => self.obey(command),
                Order::HandOver { leg, to } => self.hand_over(leg, to),
                Order::Encoded { leg, play, codec } => self.on_encoded(leg, play, codec),
                Order::Expect(_) | Order::Gone(_) => {}
                Order::Stop => {
                    (0..self.legs.end()).for_each(|place| self.end_recordings(place));
                    self.end_room_recordings();
                    return Turn::Last;
                }
            }
        }
        Turn::Again
    }

    fn obey(&mut self, command: Command) {
        let Some(leg) = about(&command) else {
            return self.obey_about_room(command);
        };
        let Some(place) = self.legs.find(leg) else {
            return self.answer_for_nobody(&command);
        };
        let now = Instant::now();
        match command {
            // The sockets were bound before the leg came here.
            Command::Open { .. } => {}
            Command::Connect { stream, .. } => self.connect(place, stream, now),
            play @ Command::Play { .. } => self.play(place, play),
            Command::Stop { .. } => self.stop(place),
            Command::Bridge { b, .. } => self.bridge(place, b),
            Command::Unbridge { .. } => self.part(place),
            Command::Record { path, limits, .. } => self.record(place, path, limits, now),
            Command::StopRecording { .. } => self.end_recording(place, RecordEnd::Asked),
            Command::RecordTalk { path, channels, longest, .. } => {
                self.record_talk(place, path, channels, longest, now)
            }
            Command::Steer { order, .. } => self.steer(place, order, now),
            Command::Echo { .. } => self.echo(place),
            Command::Detect { .. } => self.detect(place),
            Command::SendDigits { digits, .. } => self.press(place, &digits),
            Command::Vouch { address, .. } => return self.vouch(place, address),
            Command::Measure { .. } => return self.measure(place, now),
            Command::Join { room, role, background, .. } => self.join(place, room, role, background),
            Command::Leave { .. } => self.leave(place),
            Command::Close { .. } => return self.close(place, now),
            Command::Announce { .. } | Command::RecordRoom { .. } | Command::StopRecordingRoom { .. } => {}
        }
        self.settle(place);
    }

    fn obey_about_room(&mut self, command: Command) {
        match command {
            Command::Announce { room, sounds } => self.announce(room, &sounds),
            Command::RecordRoom { room, path, longest } => self.record_room(room, path, longest),
            Command::StopRecordingRoom { room } => self.stop_recording_room(room),
            _ => {}
        }
    }

    /// Whoever measures waits for an answer.
    fn answer_for_nobody(&self, command: &Command) {
        if let Command::Measure { leg } = command {
            self.report(Event::Measured { leg: *leg, figures: Box::default() });
        }
    }

    fn vouch(&mut self, place: Place, address: IpAddr) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        leg.vouched = Some(address);
        if let Some(session) = &mut leg.session {
            session.source.vouch(address);
        }
    }

    fn measure(&mut self, place: Place, now: Instant) {
        if let Some(leg) = self.legs.at(place) {
            let measured = Event::Measured { leg: leg.id, figures: Box::new(leg.figures(now)) };
            self.report(measured);
        }
    }

    fn connect(&mut self, place: Place, stream: Stream, now: Instant) {
        let codec = stream.codec;
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        // What shakes hands or looks for a path has sent no sound yet, and would wait long before it asks again.
        let is_first = leg.session.is_none();
        if is_first && !stream.shakes_hands() {
            leg.discard(&mut self.datagram[..]);
        }
        leg.transport = Transport::renew(leg.transport.take(), &stream, &self.links.identity, &mut self.rng, now);
        leg.connect(stream, &mut self.rng, now);
        leg.set_allowance(self.links.unproven_for);
        if let Some(recorder) = &mut leg.recorder {
            recorder.set_codec(codec);
        }
        match std::mem::replace(&mut leg.doing, Doing::Nothing) {
            Doing::WillPlay(play) => self.play(place, play),
            Doing::Playing(player) => self.begin(place, player),
            Doing::Echoing => self.echo(place),
            Doing::Nothing => {}
        }
        if is_first {
            self.watch_control(place);
        }
        self.tune(place);
        self.tune_seat(place);
        self.attend(place, now);
    }

    fn play(&mut self, place: Place, order: Command) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        match order {
            Command::Play { play, clips, repeat, .. } if leg.session.is_some() => {
                let player = Player::new(play, &clips, repeat);
                self.begin(place, Box::new(player));
            }
            early => leg.doing = Doing::WillPlay(early),
        }
    }

    /// Lets the studio encode what needs it; the leg is silent meanwhile.
    fn begin(&mut self, place: Place, mut player: Box<Player>) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some(codec) = leg.session.as_ref().map(|session| session.stream.codec) else {
            return;
        };
        if player.needs_studio(codec) {
            let (clips, play) = (player.clips().to_vec(), player.play);
            let thread = self.links.threads[self.links.number].clone();
            // The studio ends only with the pump itself.
            let _ = self.links.studio.send(Job::Encode { clips, codec, leg: leg.id, play, thread });
        } else {
            player.on_ready(codec);
        }
        leg.doing = Doing::Playing(player);
    }

    fn on_encoded(&mut self, leg: LegId, play: PlayId, codec: CodecKind) {
        let Some(leg) = self.legs.find(leg).and_then(|place| self.legs.at(place)) else {
            return;
        };
        if let Doing::Playing(player) = &mut leg.doing
            && player.play == play
        {
            player.on_ready(codec);
        }
    }

    fn stop(&mut self, place: Place) {
        if let Some(leg) = self.legs.at(place) {
            leg.doing = Doing::Nothing;
        }
    }

    fn bridge(&mut self, place: Place, other: LegId) {
        let Some(partner) = self.legs.find(other).filter(|partner| *partner != place) else {
            return;
        };
        for (one, its_partner) in [(place, partner), (partner, place)] {
            self.part(one);
            self.leave(one);
            if let Some(leg) = self.legs.at(one) {
                leg.doing = Doing::Nothing;
                leg.bridge = Some(Bridge::to(its_partner));
            }
        }
        self.tune(place);
    }

    /// Gives both halves of a bridge the ways that their codecs ask for.
    fn tune(&mut self, place: Place) {
        let Some(partner) = self.partner(place) else {
            return;
        };
        let Some((one, other)) = self.legs.both(place, partner) else {
            return;
        };
        let (first, second) = (one.spoken(), other.spoken());
        for (leg, from, to) in [(one, first, second), (other, second, first)] {
            if let Some(bridge) = &mut leg.bridge {
                bridge.way = way(from, to);
            }
        }
        self.settle(partner);
    }

    pub(super) fn partner(&mut self, place: Place) -> Option<Place> {
        self.legs.at(place)?.bridge.as_ref().map(|bridge| bridge.partner)
    }

    /// Parts a leg from its partner, if it has one.
    pub(super) fn part(&mut self, place: Place) {
        let Some(bridge) = self.legs.at(place).and_then(|leg| leg.bridge.take()) else {
            return;
        };
        if let Some(partner) = self.legs.at(bridge.partner) {
            partner.bridge = None;
        }
        self.settle(place);
        self.settle(bridge.partner);
    }

    fn record(&mut self, place: Place, path: PathBuf, limits: RecordLimits, now: Instant) {
        self.end_recording(place, RecordEnd::Asked);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let codec = leg.codec().unwrap_or(CodecKind::Pcma);
        let recorder = Recorder::start(leg.id, path, limits, codec, self.links.tape.clone(), now);
        leg.recorder = Some(Box::new(recorder));
    }

    pub(super) fn end_recording(&mut self, place: Place, ended: RecordEnd) {
        if let Some(recorder) = self.legs.at(place).and_then(|leg| leg.recorder.take()) {
            recorder.finish(ended);
            self.unsettled.push(place);
        }
    }

    fn record_talk(&mut self, place: Place, path: PathBuf, channels: Channels, longest: Duration, now: Instant) {
        self.end_scribe(place, RecordEnd::Asked, now);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let codec = leg.codec().unwrap_or(CodecKind::Pcma);
        let scribe = Scribe::start(leg.id, path, channels, longest, codec, self.links.tape.clone(), now);
        leg.scribe = Some(Box::new(scribe));
    }

    fn steer(&mut self, place: Place, order: Steer, now: Instant) {
        let scribe = self.legs.at(place).and_then(|leg| leg.scribe.as_mut());
        match (scribe, order) {
            (Some(scribe), Steer::Pause) => scribe.pause(now),
            (Some(scribe), Steer::Resume) => scribe.resume(now),
            (Some(_), Steer::End) => self.end_scribe(place, RecordEnd::Asked, now),
            (None, _) => {}
        }
    }

    pub(super) fn end_scribe(&mut self, place: Place, ended: RecordEnd, now: Instant) {
        if let Some(scribe) = self.legs.at(place).and_then(|leg| leg.scribe.take()) {
            scribe.finish(ended, now);
        }
    }

    fn end_recordings(&mut self, place: Place) {
        self.end_recording(place, RecordEnd::Asked);
        self.end_scribe(place, RecordEnd::Asked, Instant::now());
    }

    fn echo(&mut self, place: Place) {
        if let Some(leg) = self.legs.at(place) {
            leg.doing = Doing::Echoing;
        }
    }

    fn detect(&mut self, place: Place) {
        if let Some(leg) = self.legs.at(place) {
            let rate = leg.codec().unwrap_or(CodecKind::Pcma).sample_rate();
            leg.answering = Some(Box::new(Answering::new(rate)));
        }
    }

    /// A far side that cannot take keys is not sent any.
    fn press(&mut self, place: Place, digits: &str) {
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some((_, clock_rate)) = leg.session.as_ref().and_then(|session| session.stream.dtmf) else {
            return;
        };
        leg.keys.get_or_insert_with(|| dtmf::Sender::new(clock_rate)).press(digits);
    }

    fn close(&mut self, place: Place, now: Instant) {
        self.end_recordings(place);
        let Some(leg) = self.take_out(place) else {
            return;
        };
        let figures = Box::new(leg.figures(now));
        self.links.counters.lost.add(figures.lost);
        let id = leg.id;
        // The ports are free again before anybody hears that they are.
        drop(leg);
        self.report(Event::Closed { leg: id, figures });
    }

    fn hand_over(&mut self, leg: LegId, to: usize) {
        let order = match self.legs.find(leg).and_then(|place| self.let_go(place)) {
            Some(leg) => Order::Take(leg),
            None => Order::Gone(leg),
        };
        self.links.threads[to].send(order);
    }
}

/// Of two far sides, by what each of them speaks and asks for.
fn way(from: Option<Spoken>, to: Option<Spoken>) -> Way {
    let (Some((from, _)), Some((to, terms))) = (from, to) else {
        return Way::Relay;
    };
    match Rewriter::between(from, to) {
        _ if from == to => Way::Relay,
        Some(rewriter) => Way::Rewrite(rewriter),
        None => {
            let mut transcoder = Box::new(Transcoder::new(from.sample_rate(), to));
            transcoder.set_terms(terms);
            Way::Transcode(transcoder)
        }
    }
}

/// The leg that an order is about; of a bridge, the one that stays where it is. `None` when it is about a room.
pub(super) fn about(command: &Command) -> Option<LegId> {
    match command {
        Command::Announce { .. } | Command::RecordRoom { .. } | Command::StopRecordingRoom { .. } => None,
        Command::Bridge { a, .. } => Some(*a),
        Command::Open { leg, .. }
        | Command::Connect { leg, .. }
        | Command::Play { leg, .. }
        | Command::Stop { leg }
        | Command::Unbridge { leg }
        | Command::Record { leg, .. }
        | Command::StopRecording { leg }
        | Command::RecordTalk { leg, .. }
        | Command::Steer { leg, .. }
        | Command::Echo { leg }
        | Command::SendDigits { leg, .. }
        | Command::Detect { leg }
        | Command::Join { leg, .. }
        | Command::Leave { leg }
        | Command::Vouch { leg, .. }
        | Command::Measure { leg }
        | Command::Close { leg } => Some(*leg),
    }
}
