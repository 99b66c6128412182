//! What running calls may look up: who is reachable where, what a number leads to, which channel is down.
//!
//! Nothing here knows a single call, so a call can be worked on while it reads from the desk.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::Identity;
use crate::call::effect::NoWay;
use crate::call::effect::Redirecting;
use crate::call::effect::Ways;
use crate::dialplan::mailbox_name;
use crate::dialplan::program::Program;
use crate::dialplan::scene::ChannelGlance;
use crate::dialplan::scene::ExtensionState;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::scene::Scene;
use crate::media::both_sides::Channels;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::LegId;
use crate::media::command::Sound;
use crate::media::config::Encryption;
use crate::media::negotiation::protection::Form;
use crate::media::negotiation::secrets::Secrets;
use crate::media::prompts::Prompts;
use crate::media::recording::Format;
use crate::media::security::Fingerprint;
use crate::media::tone::Region as ToneRegion;
use crate::media::tone::Signal;
use crate::media::tone::Tone;
use crate::number::PhoneNumber;
use crate::number::Region;
use crate::queue::queues::Queues;
use crate::registrar::Registrar;
use crate::sip::advertising::Advertising;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::switch::pins::Guesses;
use crate::switch::pins::Pins;
use crate::switch::proven::Proven;
use crate::switch::trunk;
use crate::switch::trunks::Trunks;

#[derive(Debug)]
pub(super) struct Desk {
    pub registrar: Registrar,
    pub trunks: Trunks,
    pub proven: Proven,
    pub program: Arc<Program>,
    pub prompts: Prompts,
    pub language: String,
    pub home: Region,
    pub domain: String,
    pub advertising: Advertising,
    pub bind_address: IpAddr,
    pub codecs: Vec<CodecKind>,
    pub encryption: Encryption,
    /// Of extensions that have a rule of their own.
    pub encryption_by_extension: BTreeMap<String, Encryption>,
    /// Of the pump's certificate; none where the pump does not encrypt.
    pub fingerprint: Option<Fingerprint>,
    /// From which the secrets of every leg come.
    pub media_key: [u8; 32],
    pub loopback: Loopback,
    /// Whose exchange our ringback sounds like.
    pub tones: ToneRegion,
    /// Whether a phone that answers 3xx may send its calls on.
    pub redirects: Redirects,
    pub voicemail_folder: PathBuf,
    pub recording_folder: PathBuf,
    /// Of calls, conferences and messages.
    pub recording_format: Format,
    pub mailbox_by_extension: BTreeMap<String, String>,
    pub pins: Pins,
    /// At the PINs of conferences.
    pub guesses: Guesses,
    /// Mailboxes with a greeting of their own.
    pub greetings: BTreeSet<String>,
    /// Whose clock is read to callers.
    pub zone: TimeZone,
    /// Queues whose talks are recorded.
    pub recorded_queues: BTreeSet<String>,
    /// Extension → the name its owner is shown by.
    pub names_by_extension: BTreeMap<String, String>,
    pub music_by_queue: BTreeMap<String, String>,
    /// Channels that count as down at this moment, by themselves or by hand.
    pub channels_down: Vec<String>,
    /// Channel → what conditions and texts see of it.
    pub channels: BTreeMap<String, ChannelGlance>,
    /// Calls that are there at this moment.
    pub calls: usize,
    pub queues: Queues,
    /// Extension → calls that it talks in.
    pub talks_by_extension: BTreeMap<String, u32>,
    pub clock: Clock,
}

/// Its file in the folder of a mailbox.
pub const GREETING: &str = "greeting.wav";

/// Whether addresses of this machine alone are named as ICE candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loopback {
    Named,
    LeftOut,
}

/// What becomes of a 3xx of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirects {
    Followed,
    /// It counts as a refusal.
    Refused,
}

/// Tells wall time from the monotonic clock; corrected now and then, so that a jump of the wall clock moves no timer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    at: Instant,
    wall: Timestamp,
}

impl Clock {
    pub(super) fn new(at: Instant, wall: Timestamp) -> Self {
        Self { at, wall }
    }

    pub(super) fn wall(&self, now: Instant) -> Timestamp {
        let passed = now.saturating_duration_since(self.at);
        self.wall.checked_add(passed).unwrap_or(self.wall)
    }
}

impl Desk {
    pub(super) fn is_extension(&self, number: &str) -> bool {
        self.names_by_extension.contains_key(number)
    }

    /// Who is called by a name instead of a number: `ana`, `ana.silva`. Empty for a name that nobody has.
    pub(super) fn extensions_named(&self, called: &str) -> Vec<&str> {
        let called = called.replace(['.', '_', '-'], " ");
        let has_it = |name: &str| !name.is_empty() && name.to_lowercase() == called.to_lowercase();
        self.names_by_extension.iter().filter(|(_, name)| has_it(name)).map(|(number, _)| number.as_str()).collect()
    }

    /// As the dialplan writes it: E.164 where it can be understood as such, else as it came.
    pub(super) fn normal(&self, number: &str) -> String {
        PhoneNumber::parse(number, &self.home).map_or_else(|_| number.to_owned(), |number| number.as_str().to_owned())
    }

    pub(super) fn media_address(&self, hop: &Hop) -> IpAddr {
        self.advertising.address(*hop)
    }

    /// How calls with a phone of this extension are protected.
    pub(super) fn encryption_of(&self, extension: Option<&str>) -> Encryption {
        let asked = extension.and_then(|number| self.encryption_by_extension.get(number)).copied();
        self.as_the_pump_can(asked)
    }

    /// How calls over this trunk are protected.
    pub(super) fn encryption_over(&self, trunk: &trunk::Config) -> Encryption {
        self.as_the_pump_can(trunk.encryption)
    }

    fn as_the_pump_can(&self, asked: Option<Encryption>) -> Encryption {
        if self.fingerprint.is_some() { asked.unwrap_or(self.encryption) } else { Encryption::Off }
    }

    /// For whom our offers over this hop are made. A trunk hears of keys where its own section says so: what carriers make
    /// of lines that they do not expect is not for us to find out on a bad day.
    pub(super) fn form(hop: &Hop, trunk: Option<&trunk::Config>) -> Form {
        match (trunk, hop.transport) {
            (Some(trunk), _) if trunk.encryption.is_none() => Form::Plain,
            (Some(_), _) => Form::Phone,
            (None, Transport::Ws | Transport::Wss) => Form::Browser,
            (None, _) => Form::Phone,
        }
    }

    /// Where the pump is to bind for a peer whom we tell `advertised`.
    pub(super) fn bind_address_for(&self, advertised: IpAddr) -> IpAddr {
        match (self.bind_address, advertised) {
            (IpAddr::V4(ours), IpAddr::V6(_)) if ours.is_unspecified() => Ipv6Addr::UNSPECIFIED.into(),
            (ours, _) => ours,
        }
    }

    /// Inside the folder of messages, whatever the mailbox is called.
    fn mailbox_folder(&self, mailbox: &str) -> PathBuf {
        self.voicemail_folder.join(mailbox_name::folder(mailbox))
    }
}

impl Around for Desk {
    fn ways_to(&self, whom: &Destination, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, NoWay> {
        match whom {
            Destination::Extension(number) => self.ways_to_extension(number, facts, now),
            Destination::Device { extension, instance } => {
                let bindings = self.registrar.contacts_of(extension, instance, now);
                self.ways_to_bindings(extension, facts, &bindings)
            }
            Destination::Number(number) => self.ways_to_number(number, facts, dice, now),
            Destination::Address { uri, trunks } => self.ways_to_address(uri, trunks, facts, now),
        }
    }

    fn ways_on(&self, by: &Redirecting<'_>, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, NoWay> {
        self.ways_by_redirect(by, facts, dice, now)
    }

    fn prompt(&self, name: &str, language: &str) -> Option<Arc<Clip>> {
        self.prompts.find(name, language)
    }

    fn hold_music(&self, queue: &str) -> Vec<Sound> {
        let name = self.music_by_queue.get(queue).map_or("default", String::as_str);
        self.music(name)
    }

    fn music(&self, name: &str) -> Vec<Sound> {
        self.prompts.pieces(name).into_iter().map(Sound::Clip).collect()
    }

    fn voicemail_file(&self, path: &str) -> PathBuf {
        self.voicemail_folder.join(path)
    }

    fn greeting_path(&self, mailbox: &str) -> PathBuf {
        self.mailbox_folder(mailbox).join(GREETING)
    }

    fn greeting(&self, mailbox: &str) -> Option<PathBuf> {
        self.greetings.contains(mailbox).then(|| self.greeting_path(mailbox))
    }

    fn mailbox_of<'a>(&'a self, extension: &'a str) -> &'a str {
        self.mailbox_by_extension.get(extension).map_or(extension, String::as_str)
    }

    fn pin_fits(&self, mailbox: &str, pin: &str, now: Instant) -> Option<bool> {
        self.pins.fits(mailbox, pin, now)
    }

    fn time_of_day(&self, at: Timestamp) -> (u8, u8) {
        let clock = at.to_zoned(self.zone.clone());
        (clock.hour().unsigned_abs(), clock.minute().unsigned_abs())
    }

    fn tone(&self, signal: Signal) -> Vec<Sound> {
        vec![Sound::Tone(Tone { signal, region: self.tones })]
    }

    fn records(&self, queue: &str) -> Option<Channels> {
        self.recorded_queues.contains(queue).then_some(Channels::Stereo)
    }

    fn recording_format(&self) -> Format {
        self.recording_format
    }

    fn recording_path(&self, path: &str) -> PathBuf {
        self.recording_folder.join(path)
    }

    fn codecs(&self) -> &[CodecKind] {
        &self.codecs
    }

    fn identity(&self, leg: LegId, advertised: SocketAddr, bound: SocketAddr) -> Identity {
        if self.fingerprint.is_none() {
            return Identity::default();
        }
        let is_ours = |address: &SocketAddr| {
            let ip = address.ip();
            let named = !ip.is_loopback() || self.loopback == Loopback::Named;
            named && !ip.is_unspecified() && ip.is_ipv4() == advertised.is_ipv4()
        };
        let mut candidates: Vec<SocketAddr> = [advertised, bound].into_iter().filter(is_ours).collect();
        candidates.dedup();
        let secrets = Some(Secrets::of_leg(&self.media_key, leg));
        Identity { secrets, fingerprint: self.fingerprint, candidates }
    }

    fn voicemail_path(&self, mailbox: &str, file: &str) -> PathBuf {
        self.mailbox_folder(mailbox).join(format!("{file}.{}", self.recording_format.extension()))
    }

    fn ringback(&self) -> Vec<Sound> {
        vec![Sound::Tone(Tone { region: self.tones, ..Tone::RINGBACK })]
    }

    fn beep(&self) -> Vec<Sound> {
        vec![Sound::Tone(Tone::BEEP)]
    }
}

impl Scene for Desk {
    fn wall(&self, now: Instant) -> Timestamp {
        self.clock.wall(now)
    }

    fn refuses_pins(&self, conference: &str, now: Instant) -> bool {
        self.guesses.are_too_many(conference, now)
    }

    fn channel(&self, name: &str, _now: Instant) -> ChannelGlance {
        self.channels.get(name).copied().unwrap_or(ChannelGlance::UP)
    }

    fn queue(&self, name: &str, now: Instant) -> QueueGlance {
        self.queues.glance(name, now).map_or_else(QueueGlance::default, |glance| QueueGlance {
            waiting: glance.waiting,
            signed_in: glance.signed_in,
            free: glance.free,
            longest_wait: glance.longest_wait,
            estimated_wait: glance.estimated_wait,
        })
    }

    fn extension(&self, number: &str) -> ExtensionState {
        if self.talks_by_extension.contains_key(number) {
            return ExtensionState::Busy;
        }
        if self.registrar.is_reachable(number) { ExtensionState::Free } else { ExtensionState::Unreachable }
    }

    fn calls(&self) -> usize {
        self.calls
    }

    fn calls_over(&self, trunk: &str) -> usize {
        self.trunks.find(trunk).map_or(0, |trunk| trunk.calls_carried() as usize)
    }
}
