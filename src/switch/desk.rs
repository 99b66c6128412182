//! What running calls may look up: who is reachable where, what a number leads to, which channel is down.
//!
//! Nothing here knows a single call, so a call can be worked on while it reads from the desk.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::NoWay;
use crate::call::effect::Way;
use crate::dialplan::program::Program;
use crate::dialplan::walk::ExtensionState;
use crate::dialplan::walk::QueueGlance;
use crate::dialplan::walk::Scene;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::Sound;
use crate::media::prompts::Prompts;
use crate::media::tone::Tone;
use crate::number::PhoneNumber;
use crate::number::Region;
use crate::queue::queues::Queues;
use crate::registrar::Binding;
use crate::registrar::Registrar;
use crate::sip::advertising::Advertising;
use crate::sip::hop::Hop;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::switch::proven::Proven;
use crate::switch::trunks::Trunks;

/// More phones of one extension than this do not ring at once.
const PHONES_PER_EXTENSION: usize = 5;

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
    pub voicemail_folder: PathBuf,
    /// Extension → the name its owner is shown by.
    pub names_by_extension: BTreeMap<String, String>,
    pub music_by_queue: BTreeMap<String, String>,
    /// Channels that count as down at this moment, by themselves or by hand.
    pub channels_down: Vec<String>,
    pub queues: Queues,
    /// Extension → calls that it talks in.
    pub talks_by_extension: BTreeMap<String, u32>,
    pub clock: Clock,
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

    /// Where the pump is to bind for a peer whom we tell `advertised`.
    pub(super) fn bind_address_for(&self, advertised: IpAddr) -> IpAddr {
        match (self.bind_address, advertised) {
            (IpAddr::V4(ours), IpAddr::V6(_)) if ours.is_unspecified() => Ipv6Addr::UNSPECIFIED.into(),
            (ours, _) => ours,
        }
    }

    fn ways_to_extension(&self, number: &str, from: &str, now: Instant) -> Result<Vec<Way>, NoWay> {
        if !self.is_extension(number) {
            return Err(NoWay::Unknown);
        }
        self.ways_to_bindings(number, from, &self.registrar.contacts(number, now))
    }

    fn ways_to_bindings(&self, number: &str, from: &str, bindings: &[Binding]) -> Result<Vec<Way>, NoWay> {
        if bindings.is_empty() {
            return Err(NoWay::NotRegistered);
        }
        Ok(bindings
            .iter()
            .take(PHONES_PER_EXTENSION)
            .map(|binding| self.way_to_binding(number, from, binding))
            .collect())
    }

    /// Flows that take the same request are tried as other targets of it (RFC 3263 §4.3); those by another proxy or under
    /// another Contact need a request of their own.
    fn way_to_binding(&self, number: &str, from: &str, binding: &Binding) -> Way {
        let is_alike = |spare: &&Binding| spare.uri == binding.uri && spare.path == binding.path;
        let (alike, others): (Vec<&Binding>, Vec<&Binding>) = binding.spares.iter().partition(is_alike);
        Way {
            party: number.to_owned(),
            trunk: None,
            target: binding.uri.clone(),
            hop: binding.hop,
            alternatives: alike.iter().map(|spare| spare.hop).collect(),
            from: self.shown_as(from),
            to: NameAddr::new(Uri::sip(Some(number), &self.domain, None)),
            credentials: None,
            media_address: self.media_address(&binding.hop),
            routes: binding.routes().collect(),
            spares: others.iter().map(|spare| self.way_to_binding(number, from, spare)).collect(),
        }
    }

    fn ways_to_number(&self, number: &str, from: &str) -> Result<Vec<Way>, NoWay> {
        let number = self.normal(number);
        let route = self.program.route_for(&number).ok_or(NoWay::Unknown)?;
        let trunk = self.trunks.find(route.trunks(0)[0]).ok_or(NoWay::Unknown)?;
        let hop = trunk.hop_for_call().ok_or(NoWay::TrunkUnavailable)?;
        let config = &trunk.config;
        let target = Uri::sip(Some(&number), &config.host, config.port);
        Ok(vec![Way {
            party: number.clone(),
            trunk: Some(config.name.clone()),
            to: NameAddr::new(target.clone()),
            target,
            hop,
            alternatives: trunk.other_hops().to_vec(),
            from: self.shown_outside(from, config.caller_id.as_deref(), &config.host),
            credentials: trunk.credentials(),
            media_address: self.media_address(&hop),
            routes: Vec::new(),
            spares: VecDeque::new(),
        }])
    }

    /// A caller as our own phones see him.
    fn shown_as(&self, from: &str) -> NameAddr {
        let shown = NameAddr::new(Uri::sip(Some(from), &self.domain, None));
        match self.names_by_extension.get(from).filter(|name| !name.is_empty()) {
            Some(name) => shown.with_display(name),
            None => shown,
        }
    }

    /// A caller as a carrier sees him: an extension hides behind the trunk's own number.
    fn shown_outside(&self, from: &str, caller_id: Option<&str>, host: &str) -> NameAddr {
        let user = if self.is_extension(from) { caller_id.unwrap_or(from) } else { from };
        NameAddr::new(Uri::sip(Some(user), host, None))
    }
}

impl Around for Desk {
    fn ways_to(&self, whom: &Destination, from: &str, now: Instant) -> Result<Vec<Way>, NoWay> {
        match whom {
            Destination::Extension(number) => self.ways_to_extension(number, from, now),
            Destination::Device { extension, instance } => {
                let bindings = self.registrar.contacts_of(extension, instance, now);
                self.ways_to_bindings(extension, from, &bindings)
            }
            Destination::Number(number) => self.ways_to_number(number, from),
        }
    }

    fn prompt(&self, name: &str, language: &str) -> Option<Arc<Clip>> {
        self.prompts.find(name, language)
    }

    fn hold_music(&self, queue: &str) -> Vec<Sound> {
        let name = self.music_by_queue.get(queue).map_or("default", String::as_str);
        self.prompts.music(name).map(Sound::Clip).into_iter().collect()
    }

    fn codecs(&self) -> &[CodecKind] {
        &self.codecs
    }

    fn voicemail_path(&self, mailbox: &str, call: &str) -> PathBuf {
        self.voicemail_folder.join(mailbox).join(format!("{call}.wav"))
    }

    fn ringback(&self) -> Vec<Sound> {
        vec![Sound::Tone(Tone::RINGBACK)]
    }

    fn beep(&self) -> Vec<Sound> {
        vec![Sound::Tone(Tone::BEEP)]
    }
}

impl Scene for Desk {
    fn wall(&self, now: Instant) -> Timestamp {
        self.clock.wall(now)
    }

    fn channel_is_down(&self, name: &str) -> bool {
        self.channels_down.iter().any(|down| down == name)
    }

    fn queue(&self, name: &str) -> QueueGlance {
        self.queues.glance(name).map_or_else(QueueGlance::default, |glance| QueueGlance {
            waiting: glance.waiting,
            signed_in: glance.signed_in,
            free: glance.free,
        })
    }

    fn extension(&self, number: &str) -> ExtensionState {
        if self.talks_by_extension.contains_key(number) {
            return ExtensionState::Busy;
        }
        if self.registrar.is_reachable(number) { ExtensionState::Free } else { ExtensionState::Unreachable }
    }
}
