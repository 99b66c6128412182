//! A switch, its surroundings, and the tape of what reached it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use desvio::api::feed::Feed;
use desvio::channel::channels::Channels;
use desvio::channel::config::Messages;
use desvio::dialplan::config::Config as Dialplan;
use desvio::dialplan::load::load;
use desvio::dialplan::names::Names;
use desvio::dialplan::source::SourceFile;
use desvio::media::command::Command;
use desvio::media::command::Event;
use desvio::media::prompts::Prompts;
use desvio::media::recording::Format;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transmit;
use desvio::sip::hop::Transport;
use desvio::switch::effect::Effect;
use desvio::switch::input::Input;
use desvio::switch::input::Resolved;
use desvio::switch::machine::KeptState;
use desvio::switch::machine::Settings;
use desvio::switch::machine::Switch;

pub(crate) const SERVER: &str = "10.0.0.1:5060";
pub(crate) const CALLER: &str = "198.51.100.8:5060";
pub(crate) const CALLEE: &str = "198.51.100.9:5060";
pub(crate) const PHONE: &str = "10.0.1.1:5060";

const CONFIG: &str = r#"
sip = { domain = "desvio.test", listen = ["udp:10.0.0.1:5060"], limits = { requests_per_second = 0 } }
media = { address = "10.0.0.1", codecs = ["pcma", "pcmu"] }
extension = [{ number = "200", password = "segredo" }]
trunk = [{ name = "rede", host = "198.51.100.9", from = ["198.51.100.0/24"], max_calls = 5000 }]
"#;

const PLAN: &str = r#"
number "+551140031234" flow="ponte"
route "+55119*" trunk="rede"
flow "ponte" {
    dial "+5511988887777"
    hangup
}
"#;

#[derive(serde::Deserialize)]
struct Sections {
    sip: desvio::sip::config::Config,
    media: desvio::media::config::Config,
    extension: Vec<desvio::registrar::config::Extension>,
    trunk: Vec<desvio::switch::trunk::Config>,
}

/// One thing that reached the switch.
pub(crate) enum Recorded {
    Packet(Packet),
    Closed(Event),
    Resolved(String, Hop),
    Timeout,
}

pub(crate) struct World {
    switch: Switch,
    feed: Feed,
    pub(crate) now: Instant,
    tape: Vec<(Instant, Recorded)>,
    /// Sent and not yet seen by a peer.
    sent: Vec<Transmit>,
    /// What comes back a little later.
    later: Vec<Recorded>,
}

impl World {
    pub(crate) fn new(start: Instant) -> World {
        let mut world = World {
            switch: switch(start),
            feed: Feed::new(4_096),
            now: start,
            tape: Vec::new(),
            sent: Vec::new(),
            later: Vec::new(),
        };
        world.carry_out();
        world
    }

    /// One message of a peer; what the switch sends because of it.
    pub(crate) fn hears(&mut self, from: &str, text: String) -> Vec<Transmit> {
        let hop = hop(from);
        self.record(Recorded::Packet(Packet { hop, bytes: text.into() }));
        self.answer_later();
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn passes(&mut self, span: Duration) {
        let until = self.now + span;
        self.answer_later();
        while let Some(at) = self.switch.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.record(Recorded::Timeout);
            self.answer_later();
        }
        self.now = until;
    }

    /// What was recorded since the last time.
    pub(crate) fn take_tape(&mut self) -> Vec<(Instant, Recorded)> {
        self.answer_later();
        std::mem::take(&mut self.tape)
    }

    pub(crate) fn replay(&mut self, tape: &[(Instant, Recorded)]) {
        for (at, recorded) in tape {
            self.now = *at;
            self.play(recorded);
            self.sent.clear();
            self.later.clear();
        }
    }

    fn record(&mut self, recorded: Recorded) {
        self.play(&recorded);
        self.tape.push((self.now, recorded));
    }

    fn answer_later(&mut self) {
        while !self.later.is_empty() {
            for recorded in std::mem::take(&mut self.later) {
                self.record(recorded);
            }
        }
    }

    fn play(&mut self, recorded: &Recorded) {
        match recorded {
            Recorded::Packet(packet) => self.handle(Input::Packet(packet.clone())),
            Recorded::Closed(event) => self.handle(Input::Media(event.clone())),
            Recorded::Resolved(trunk, hop) => {
                let resolved = Resolved { hops: vec![*hop], lasts: Duration::from_secs(3_600) };
                self.handle(Input::Resolved { trunk: trunk.clone(), result: Ok(resolved) });
            }
            Recorded::Timeout => self.switch.handle_timeout(self.now),
        }
        self.carry_out();
        // As the event loop does before it waits.
        std::hint::black_box(self.switch.poll_timeout());
    }

    fn handle(&mut self, input: Input) {
        self.switch.handle(input, self.now);
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.switch.poll_effect() {
            match effect {
                Effect::Sip(transmit) => self.sent.push(transmit),
                Effect::Media(Command::Open { leg, address }) => {
                    let port = 10_000 + (leg.0 / 128 % 5_000) as u16 * 2;
                    self.handle(Input::Media(Event::Opened { leg, local: SocketAddr::new(address, port) }));
                }
                Effect::Media(Command::Close { leg }) => {
                    self.later.push(Recorded::Closed(Event::Closed { leg, figures: Box::default() }));
                }
                Effect::Resolve { trunk, .. } => self.later.push(Recorded::Resolved(trunk, hop(CALLEE))),
                Effect::Publish(event) => self.feed.publish(event),
                other => drop(other),
            }
        }
    }
}

fn hop(remote: &str) -> Hop {
    let address = |text: &str| text.parse().expect("an address");
    Hop { transport: Transport::Udp, local: address(SERVER), remote: address(remote), connection: None }
}

fn switch(now: Instant) -> Switch {
    let sections: Sections = toml::from_str(CONFIG).expect("a configuration");
    let names = Names {
        extensions: sections.extension.iter().map(|extension| extension.number.clone()).collect(),
        trunks: sections.trunk.iter().map(|trunk| trunk.name.clone()).collect(),
        ..Names::default()
    };
    let file = SourceFile { path: "plan.kdl".to_owned(), text: PLAN.to_owned() };
    let Ok(checked) = load(&[file], &names, &Dialplan::default()) else { panic!("the plan has faults") };
    let settings = Settings {
        sip: sections.sip,
        media: sections.media,
        // On a clock that stands still everybody comes at once.
        registrar: desvio::registrar::config::Config { max_per_second: 0, ..Default::default() },
        extensions: sections.extension,
        trunks: sections.trunk,
        queues: Vec::new(),
        kinds: Channels::open(&[]).expect("no channels").into(),
        channels: Vec::new(),
        messages: Messages::default(),
        alarm: Default::default(),
        program: checked.program,
        language: "pt-BR".to_owned(),
        prompts: Prompts::shipped(),
        home: desvio::number::Region::default(),
        digest_key: [7; 32],
        fingerprint: None,
        voicemail_folder: PathBuf::from("/nowhere/voicemail"),
        recording_folder: PathBuf::from("/nowhere/recordings"),
        recording_format: Format::Wav,
        mailboxes: Vec::new(),
        zone: jiff::tz::TimeZone::UTC,
        version: "bench",
        kept: KeptState::default(),
    };
    let wall = "2026-11-23T12:39:00-03:00".parse().expect("a time");
    Switch::new(settings, fastrand::Rng::with_seed(7), now, wall)
}
