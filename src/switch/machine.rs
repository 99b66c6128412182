//! The four methods of the switch: inputs go to the part that they belong to, effects come out in order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::call::effect::Input as CallInput;
use crate::call::record::Mailbox;
use crate::call::record::TalkRecording;
use crate::channel;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::channel::outbox::Outbox;
use crate::dialplan::program::Program;
use crate::media::prompts::Prompts;
use crate::media::recording::Format;
use crate::media::security::Fingerprint;
use crate::number::Region;
use crate::outage::incident::Incident;
use crate::queue::callbacks::Callback;
use crate::queue::callbacks::Callbacks;
use crate::queue::queues::Queues;
use crate::registrar::Registrar;
use crate::registrar::StoredBinding;
use crate::registrar::config::Extension;
use crate::sip::advertising::Advertising;
use crate::sip::agent::RequestId;
use crate::sip::agent::UserAgent;
use crate::sip::digest::Guard;
use crate::switch::alarm;
use crate::switch::alarm::Alarms;
use crate::switch::calls::Calls;
use crate::switch::channels::Channels;
use crate::switch::conferences::Conferences;
use crate::switch::desk::Clock;
use crate::switch::desk::Desk;
use crate::switch::desk::Loopback;
use crate::switch::desk::Redirects;
use crate::switch::doorman::Doorman;
use crate::switch::drills::Drills;
use crate::switch::effect::Effect;
use crate::switch::effect::PublicEvent;
use crate::switch::effect::Subject;
use crate::switch::gauges::Tally;
use crate::switch::incidents::Incidents;
use crate::switch::input::Input;
use crate::switch::input::Ticket;
use crate::switch::lamps::Lamps;
use crate::switch::lot::Lot;
use crate::switch::mailboxes::Mailboxes;
use crate::switch::measuring::Measuring;
use crate::switch::messages::Handed;
use crate::switch::messages::Waiting;
use crate::switch::pins;
use crate::switch::pins::Guesses;
use crate::switch::pins::Pins;
use crate::switch::proven::Proven;
use crate::switch::trunk;
use crate::switch::trunks::Trunks;

/// All that the switch is made of. Nothing in it changes later but the dialplan.
pub struct Settings {
    pub sip: crate::sip::config::Config,
    pub media: crate::media::config::Config,
    pub registrar: crate::registrar::config::Config,
    pub extensions: Vec<Extension>,
    pub trunks: Vec<trunk::Config>,
    pub queues: Vec<crate::queue::config::Config>,
    pub channels: Vec<channel::config::Config>,
    /// The same channels, opened: their templates and pointers have been found to be right.
    pub kinds: Arc<channel::channels::Channels>,
    pub messages: channel::config::Messages,
    pub alarm: alarm::config::Config,
    pub program: Arc<Program>,
    pub language: String,
    pub prompts: Prompts,
    pub home: Region,
    /// Makes the nonces of digest authentication and the secrets of media; new at each start.
    pub digest_key: [u8; 32],
    /// Of the certificate by which the pump shows itself in DTLS-SRTP. `None`: it does not encrypt, whatever `[media]` says.
    pub fingerprint: Option<Fingerprint>,
    pub voicemail_folder: PathBuf,
    pub recording_folder: PathBuf,
    pub recording_format: Format,
    pub mailboxes: Vec<pins::Config>,
    /// Whose clock is read to callers.
    pub zone: TimeZone,
    pub version: &'static str,
    pub kept: KeptState,
}

/// What an earlier run left in the store.
#[derive(Debug, Clone, Default)]
pub struct KeptState {
    pub bindings: Vec<StoredBinding>,
    /// Outgoing texts whose outcome is not known.
    pub messages: Vec<Message>,
    /// Channel → what `Keep::Channel` wrote.
    pub channels: BTreeMap<String, Value>,
    /// Mailbox → its messages.
    pub mailboxes: BTreeMap<String, Mailbox>,
    /// Recordings that an earlier run had not ended, with their mended files.
    pub recordings: Vec<TalkRecording>,
    /// Incidents that had not ended.
    pub incidents: Vec<Incident>,
    /// Mailboxes with a greeting of their own.
    pub greetings: BTreeSet<String>,
    /// Those who are to be called back.
    pub callbacks: Vec<Callback>,
}

pub struct Switch {
    pub(super) agent: UserAgent,
    pub(super) guard: Guard,
    pub(super) doorman: Doorman,
    pub(super) desk: Desk,
    pub(super) calls: Calls,
    pub(super) conferences: Conferences,
    pub(super) channels: Channels,
    pub(super) incidents: Incidents,
    pub(super) alarms: Alarms,
    pub(super) drills: Drills,
    pub(super) lamps: Lamps,
    pub(super) lot: Lot,
    /// REFERs of ours that were not answered: the calls whose callers they are for.
    pub(super) calls_by_refer: HashMap<RequestId, u64>,
    pub(super) measuring: Measuring,
    pub(super) mailboxes: Mailboxes,
    pub(super) callbacks: Callbacks,
    /// The bookings of calls that call somebody back.
    pub(super) callback_by_call: BTreeMap<u64, String>,
    /// Somebody may be due.
    pub(super) callbacks_touched: bool,
    /// When it was last looked who is due.
    pub(super) callbacks_seen: Instant,
    pub(super) outbox: Outbox,
    /// Texts that reached us and are not on disk yet: who waits for the 200 or the API's answer.
    pub(super) unkept: BTreeMap<MessageId, Waiting>,
    pub(super) kinds: Arc<channel::channels::Channels>,
    pub(super) texts_by_request: HashMap<RequestId, MessageId>,
    /// Phones that have not answered yet.
    pub(super) phones_by_text: BTreeMap<MessageId, u32>,
    /// Webhooks with so many texts that are not on disk yet.
    pub(super) webhooks: HashMap<Ticket, usize>,
    pub(super) texts_by_ticket: HashMap<Ticket, Handed>,
    pub(super) rng: fastrand::Rng,
    pub(super) effects: VecDeque<Effect>,
    pub(super) started: Timestamp,
    pub(super) version: &'static str,
    pub(super) draining: bool,
    pub(super) tally: Tally,
    /// Since when new calls walk the desk's dialplan.
    pub(super) program_since: Timestamp,
    next_ticket: u64,
    next_event: u64,
}

impl Switch {
    pub fn new(settings: Settings, mut rng: fastrand::Rng, now: Instant, wall: Timestamp) -> Self {
        let guard = guard(&settings);
        let doorman = Doorman::new(settings.sip.auth_failures_per_minute);
        let agent = UserAgent::new(&settings.sip, rng.fork());
        let channels = Channels::new(&settings.channels, &settings.kinds, &settings.kept.channels, now, wall);
        let kinds = Arc::clone(&settings.kinds);
        let outbox = Outbox::new(Arc::clone(&settings.kinds), settings.messages.clone());
        let kept = settings.kept.clone();
        let alarms = Alarms::new(settings.alarm.clone());
        let lamps = Lamps::new(&settings.sip.subscriptions);
        let mailboxes = Mailboxes::new(&settings.extensions, settings.kept.mailboxes.clone());
        let callbacks = Callbacks::new(&settings.queues, settings.kept.callbacks.clone(), now, wall);
        let (version, recording_format) = (settings.version, settings.recording_format);
        let trunk_dice = rng.fork();
        let mut switch = Self {
            agent,
            guard,
            doorman,
            desk: desk(settings, rng.fork(), trunk_dice, now, wall),
            calls: Calls::default(),
            conferences: Conferences::new(recording_format),
            channels,
            incidents: Incidents::default(),
            alarms,
            drills: Drills::default(),
            lamps,
            lot: Lot::default(),
            calls_by_refer: HashMap::new(),
            measuring: Measuring::default(),
            mailboxes,
            callbacks,
            callback_by_call: BTreeMap::new(),
            callbacks_touched: true,
            callbacks_seen: now,
            outbox,
            unkept: BTreeMap::new(),
            kinds,
            texts_by_request: HashMap::new(),
            phones_by_text: BTreeMap::new(),
            webhooks: HashMap::new(),
            texts_by_ticket: HashMap::new(),
            rng,
            effects: VecDeque::new(),
            started: wall,
            version,
            draining: false,
            tally: Tally::default(),
            program_since: wall,
            next_ticket: 0,
            next_event: 0,
        };
        switch.agent.exempt(switch.desk.trunks.sources());
        switch.desk.registrar.restore(kept.bindings, now, wall);
        switch.outbox.restore(kept.messages, wall);
        switch.resume_incidents(kept.incidents, now);
        switch.see_channels_down(now);
        for recording in kept.recordings {
            switch.keep_recording("recording.completed", recording, now);
        }
        switch.settle(now);
        switch
    }

    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Packet(packet) => self.agent.receive(packet, now),
            Input::Unsent(transmit) => self.agent.unsent(transmit, now),
            Input::PeerProved { connection, names } => self.desk.proven.on_proved(connection, &names),
            Input::ConnectionLost(connection) => {
                self.desk.proven.on_connection_lost(connection);
                self.agent.connection_lost(connection, now);
                self.desk.registrar.connection_lost(connection, now);
            }
            Input::Media(event) => self.on_media(event, now),
            Input::Command { ticket, command } => self.on_command(ticket, command, now),
            Input::Evidence { channel, evidence } => self.on_evidence(&channel, evidence, now),
            Input::HttpAnswered { ticket, result } => self.on_http_answer(ticket, result, now),
            Input::Resolved { trunk, result } => self.desk.trunks.on_resolved(&trunk, result, now),
            Input::MessageKept(id) => self.on_message_kept(&id, now),
            Input::MessageNotKept { id, why } => self.on_message_not_kept(&id, &why, now),
            Input::Spoken { ticket, result } => self.on_spoken(ticket, result, now),
            Input::LookedUp { ticket, findings } => self.on_looked_up(ticket, findings, now),
            Input::Loaded { ticket, result } => self.on_loaded(ticket, result, now),
            Input::Voicemails { ticket, messages } => self.on_voicemails(ticket, messages, now),
            Input::Notified { voicemail, result } => self.on_notified(*voicemail, result, now),
            Input::ReloadDialplan(trigger) => self.reload_dialplan(trigger),
            Input::DialplanRead { ticket, errand, result } => self.on_dialplan_read(ticket, errand, result, now),
            Input::Clock(wall) => self.desk.clock = Clock::new(now, wall),
            Input::Drain => self.drain(now),
        }
        self.settle(now);
    }

    /// How long messages wait at present until they are handled: behind `[sip.limits] behind`, no new calls are taken.
    pub fn on_lag(&mut self, lag: Duration) {
        self.agent.on_lag(lag);
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub fn poll_timeout(&mut self) -> Option<Instant> {
        [
            self.agent.poll_timeout(),
            self.calls.poll_timeout(),
            self.desk.queues.poll_timeout().map(|deadline| deadline.at),
            self.desk.registrar.poll_timeout(),
            self.desk.trunks.poll_timeout(),
            self.channels.poll_timeout(),
            self.incidents.poll_timeout(),
            self.alarms.poll_timeout(),
            self.drills.poll_timeout(),
            self.outbox.poll_timeout().map(|deadline| deadline.at),
            self.doorman.poll_timeout(),
            self.measuring.poll_timeout(),
            self.callbacks.poll_timeout(self.callbacks_seen),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        self.desk.queues.handle_timeout(now);
        self.desk.registrar.handle_timeout(now);
        let wall = self.wall(now);
        self.outbox.handle_timeout(now, wall);
        self.run_trunk_errands(now);
        self.run_channels(now);
        self.run_drills(now);
        self.run_alarms(now);
        self.run_incidents(now);
        self.run_due_calls(now);
        self.answer_measured(now);
        self.tell_wrong_passwords(now);
        self.settle(now);
    }

    /// No call is left and nothing is about to be sent: the process may end.
    pub fn is_empty(&self) -> bool {
        let quiet = self.calls.is_empty() && self.agent.counts().sessions == 0 && self.effects.is_empty();
        quiet && !self.desk.trunks.is_leaving() && self.incidents.is_kept()
    }

    /// What one part hands to another, until nothing moves any more.
    fn settle(&mut self, now: Instant) {
        loop {
            let before = self.effects.len();
            let mut moved = false;
            while let Some(event) = self.agent.poll_event() {
                moved = true;
                self.on_agent_event(event, now);
            }
            moved |= self.settle_queues(now);
            moved |= self.settle_registrar(now);
            moved |= self.settle_outbox(now);
            moved |= self.settle_lamps(now);
            moved |= self.settle_trunks(now);
            moved |= self.settle_callbacks(now);
            while let Some(transmit) = self.agent.poll_transmit() {
                self.effects.push_back(Effect::Sip(transmit));
            }
            if !moved && before == self.effects.len() {
                return;
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        self.draining = true;
        self.leave_trunks(now);
        for number in self.calls.numbers() {
            self.with_call(number, now, |call, desk, now| {
                call.handle(CallInput::HangUp { why: "the server is shutting down" }, desk, now);
            });
        }
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        // Tickets of the shell are odd, ours are even: neither side meets the other's.
        Ticket(self.next_ticket * 2)
    }

    pub(super) fn wall(&self, now: Instant) -> Timestamp {
        self.desk.clock.wall(now)
    }

    pub(super) fn publish(&mut self, kind: &'static str, data: impl Into<Subject>, now: Instant) {
        self.next_event += 1;
        let at = self.wall(now);
        let data = data.into();
        self.shadow(kind, &data, now);
        self.incidents.on_event(kind, &data, now);
        self.alarms.on_event(kind, &data, now);
        let id = format!("evt_{:013x}{:06x}", at.as_millisecond(), self.next_event);
        self.effects.push_back(Effect::Publish(PublicEvent { id, kind, at, data }));
    }

    /// `call_`, `msg_`, `vm_` and 20 characters that nobody can guess from the last one.
    pub(super) fn fresh_id(&mut self, prefix: &str) -> String {
        let random: String = std::iter::repeat_with(|| self.rng.alphanumeric().to_ascii_lowercase()).take(20).collect();
        format!("{prefix}{random}")
    }
}

/// Every password is hashed here, once: what a request costs does not depend on whom it names.
fn guard(settings: &Settings) -> Guard {
    let guard = Guard::new(&settings.sip.domain, settings.digest_key);
    let mut guard = guard.with_algorithms(&settings.sip.digest_algorithms);
    for extension in &settings.extensions {
        guard.admit(&extension.number, &extension.secret());
    }
    guard
}

fn desk(settings: Settings, rng: fastrand::Rng, dice: fastrand::Rng, now: Instant, wall: Timestamp) -> Desk {
    let (sip, key) = (&settings.sip, &settings.digest_key);
    let registrar = Registrar::new(&settings.registrar, &settings.extensions, &sip.domain, key, rng);
    let advertising = Advertising::new(&settings.sip);
    let names = settings.extensions.iter().map(|extension| (extension.number.clone(), extension.name.clone()));
    let boxes = settings.extensions.iter().filter_map(|it| Some((it.number.clone(), it.mailbox.clone()?)));
    let mailbox_by_extension = boxes.collect();
    let recorded = settings.queues.iter().filter(|queue| queue.record).map(|queue| queue.name.clone());
    let recorded_queues = recorded.collect();
    let own = |extension: &Extension| Some((extension.number.clone(), extension.encryption?));
    let encryption = settings.extensions.iter().filter_map(own);
    let music = settings.queues.iter().map(|queue| (queue.name.clone(), queue.hold_music.clone()));
    Desk {
        names_by_extension: names.collect(),
        music_by_queue: music.collect(),
        registrar,
        proven: Proven::new(&settings.trunks),
        trunks: Trunks::new(settings.trunks, &settings.home, dice, now),
        program: settings.program,
        prompts: settings.prompts,
        language: settings.language,
        home: settings.home,
        domain: settings.sip.domain,
        advertising,
        bind_address: settings.media.address,
        codecs: settings.media.codecs,
        encryption: settings.media.encryption,
        encryption_by_extension: encryption.collect(),
        fingerprint: settings.fingerprint,
        media_key: settings.digest_key,
        loopback: if settings.media.loopback_candidates { Loopback::Named } else { Loopback::LeftOut },
        tones: settings.media.tones,
        redirects: if settings.registrar.follow_redirects { Redirects::Followed } else { Redirects::Refused },
        voicemail_folder: settings.voicemail_folder,
        recording_folder: settings.recording_folder,
        recording_format: settings.recording_format,
        recorded_queues,
        mailbox_by_extension,
        pins: Pins::new(&settings.mailboxes),
        guesses: Guesses::default(),
        greetings: settings.kept.greetings,
        zone: settings.zone,
        channels_down: Vec::new(),
        channels: BTreeMap::new(),
        calls: 0,
        queues: Queues::new(settings.queues),
        talks_by_extension: BTreeMap::new(),
        clock: Clock::new(now, wall),
    }
}
