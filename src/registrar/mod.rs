//! Which extension is reachable where, and until when: RFC 3261 §10.3.
//!
//! Whoever calls here has authenticated the phone already. A binding keeps two things apart: the Contact as the phone
//! wrote it, which is what a call has to name, and the hop by which the phone is really reached, which behind NAT is
//! the hop that its REGISTER came by.
//!
//! | file | decides |
//! |---|---|
//! | `config` | for how long, how many, and whose phones |
//! | `gate` | who is sent away when everybody comes at once |
//! | `desires` | what a REGISTER asks for, and whether it may |
//! | `binding` | what is kept of a phone, and when two are the same |
//! | `table` | how bindings come and go |
//! | `gruu` | names that reach exactly one device |
//! | `translation` | whether a NAT or a SIP ALG stands between |

mod binding;
pub mod config;
mod desires;
mod expiry;
pub mod gate;
mod gruu;
mod hosts;
mod table;
mod translation;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::Deserialize;
use serde::Serialize;

use crate::registrar::binding::Kept;
use crate::registrar::config::Config;
use crate::registrar::config::Extension;
use crate::registrar::desires::Desires;
use crate::registrar::desires::Refusal;
use crate::registrar::desires::Terms;
use crate::registrar::gate::Gate;
use crate::registrar::gate::Stage;
use crate::registrar::gruu::Gruus;
use crate::registrar::gruu::NotOurs;
use crate::registrar::hosts::Hosts;
use crate::registrar::table::Table;
use crate::registrar::translation::Translation;
use crate::sip::headers::Name;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::nonce::Mark;
use crate::sip::uri::Uri;

/// One phone of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The Request-URI of a call to it: its Contact, as it wrote it.
    pub uri: Uri,
    /// The way to it.
    pub hop: Hop,
    pub expires_at: Instant,
    /// Its preference, 0 to 1000: higher comes first. RFC 3261 §20.10 writes 0.0 to 1.0.
    pub priority: u16,
    pub user_agent: Option<Arc<str>>,
    /// The proxies in front of it, the nearest to us first, as a Route names them. RFC 3327.
    pub path: Vec<Box<str>>,
    /// Other flows of the same device, to be tried when this one fails, one after the other. RFC 5626 §5.3.
    pub spares: Vec<Binding>,
}

impl Binding {
    /// The Route that every request outside of a dialog needs to reach it. RFC 3327 §5.3.
    pub fn routes(&self) -> impl Iterator<Item = (Name, Bytes)> {
        self.path.iter().map(|proxy| (Name::Route, Bytes::copy_from_slice(proxy.as_bytes())))
    }
}

/// A binding as it outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBinding {
    pub extension: String,
    /// With the extension, what tells it from others; of old versions empty, then the Contact does.
    #[serde(default)]
    pub key: String,
    /// The Contact's URI.
    pub contact: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub expires: Timestamp,
    pub priority: u16,
    pub call_id: String,
    pub cseq: u32,
    pub instance: Option<String>,
    #[serde(default)]
    pub reg_id: Option<u32>,
    #[serde(default)]
    pub path: Vec<String>,
    pub user_agent: Option<String>,
    #[serde(default)]
    pub translation: Translation,
    /// The name under which the phone knows us, where that is not our domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl StoredBinding {
    pub fn key(&self) -> &str {
        if self.key.is_empty() { &self.contact } else { &self.key }
    }
}

/// A binding for the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindingView {
    pub extension: String,
    pub contact: String,
    pub transport: String,
    /// Where the phone is reached.
    pub address: SocketAddr,
    pub expires: Timestamp,
    /// 0 to 1000.
    pub priority: u16,
    pub user_agent: Option<String>,
    /// `<urn:uuid:…>`: the device, whatever its address.
    pub instance: Option<String>,
    /// The number of this flow of the device. RFC 5626.
    pub flow: Option<u32>,
    /// The proxies in front of it, the nearest to us first.
    pub path: Vec<String>,
    pub push: Option<Push>,
    /// `none`, `nat`, or `alg`: something on the way writes in the messages.
    pub nat: &'static str,
    pub nat_evidence: Vec<&'static str>,
}

/// How a phone that sleeps wants to be woken. RFC 8599 §4.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    pub provider: String,
    pub prid: Option<String>,
    pub param: Option<String>,
}

impl Push {
    fn of(contact: &Uri) -> Option<Push> {
        let text = |name| contact.param(name).map(str::to_owned);
        Some(Push { provider: text("pn-provider")?, prid: text("pn-prid"), param: text("pn-param") })
    }
}

/// What others have to know of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Its first phone came.
    Reachable { extension: String },
    /// Its last phone went.
    Unreachable { extension: String },
    /// Write over what is kept under the same extension and key.
    Keep(Box<StoredBinding>),
    Forget {
        extension: String,
        /// The binding's key.
        contact: String,
    },
    /// Something between this phone and us writes in the messages. Told once a day.
    Rewritten { extension: String, evidence: Vec<&'static str> },
}

/// Whom a Request-URI with `gr` means. RFC 5627 §5.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// Not one of ours: 404.
    Unknown,
    /// One of ours that is not registered now: 480.
    Away,
    Here {
        extension: String,
        instance: String,
    },
}

/// See the top of this file.
#[derive(Debug)]
pub struct Registrar {
    config: Config,
    table: Table,
    gate: Gate,
    gruus: Gruus,
    /// Few different ones are in use; each is in memory once.
    user_agents: BTreeSet<Arc<str>>,
    /// When it was told last that something rewrites the messages of an extension.
    rewriting_told: BTreeMap<Arc<str>, Instant>,
    hosts: Hosts,
    rng: fastrand::Rng,
}

/// The same warning is not told sooner again.
const TELL_AGAIN: Duration = Duration::from_secs(24 * 3600);
const LONGEST_USER_AGENT: usize = 128;
/// Beyond these each phone keeps its own copy: somebody writes something new each time.
const MOST_USER_AGENTS: usize = 1024;
/// What we understand of a REGISTER beyond RFC 3261.
const SUPPORTED: &str = "path, outbound, gruu";

impl Registrar {
    /// `key` seals temporary GRUUs; they die with it.
    pub fn new(
        config: &Config,
        extensions: &[Extension],
        domain: &str,
        key: &[u8; 32],
        rng: fastrand::Rng,
    ) -> Registrar {
        Registrar {
            config: config.clone(),
            table: Table::new(extensions.iter().map(|extension| extension.number.as_str())),
            gate: Gate::new(config.max_per_second),
            gruus: Gruus::new(domain, key),
            user_agents: BTreeSet::new(),
            rewriting_told: BTreeMap::new(),
            hosts: Hosts::new(domain),
            rng,
        }
    }

    /// Whether that is our domain, or a name under which phones that signed in know us.
    pub fn is_known_as(&self, host: &str) -> bool {
        self.hosts.has(host)
    }

    /// Asked before anything else, and before a password is: the answer to a REGISTER that there is no time for now. `stage`
    /// is asked for only where it decides.
    pub fn turn_away(&mut self, request: &Request, stage: impl FnOnce() -> Stage, now: Instant) -> Option<Response> {
        let wait = self.gate.admit(stage, &mut self.rng, now).err()?;
        let mut response = request.reply(503).with_reason("Too many phones at once");
        response.headers.push(Name::RetryAfter, wait.as_secs().to_string());
        Some(response)
    }

    /// REGISTERs that were sent away since the start.
    pub fn turned_away(&self) -> u64 {
        self.gate.sent_away()
    }

    /// What a REGISTER without credentials shows; it goes into the challenge and comes back with [`Registrar::register`].
    pub fn first_look(&self, request: &Request, hop: &Hop) -> Mark {
        let extension = request.headers.to_user().unwrap_or_default();
        // A phone that is registered from there may know its public address from us.
        match self.is_registered_from(&extension, hop.remote.ip().to_canonical()) {
            true => Mark::default(),
            false => translation::first_look(request, hop),
        }
    }

    /// Carries out a REGISTER for an extension whose user has proved who they are: all of it or nothing.
    pub fn register(
        &mut self,
        extension: &str,
        request: &Request,
        hop: &Hop,
        mark: Mark,
        now: Instant,
        wall: Timestamp,
    ) -> Response {
        let Some(extension) = self.table.extension(extension) else {
            return request.reply(404);
        };
        let translation = Translation::of(request, hop, mark);
        let user_agent = self.user_agent(request);
        let cut_per_mille = self.rng.u32(0..=self.config.jitter.per_mille());
        let config = &self.config;
        let terms = Terms { config, hop: *hop, translation, user_agent, cut_per_mille, now };
        let desires = Desires::read(request, &terms)
            .and_then(|desires| desires.check(self.table.of(&extension), config.max_contacts, now).map(|()| desires));
        match desires {
            Ok(desires) => {
                let makes_flow = desires.makes_flow(now);
                let host = self.hosts.learn(&request.uri.host_text());
                self.carry_out(&extension, desires, host.as_deref(), now, wall);
                let mut response = self.list(&extension, request, now, wall);
                if makes_flow {
                    // RFC 5626 §6 and §5.4.
                    response.headers.push(Name::Require, "outbound");
                    response.headers.push(Name::FlowTimer, self.config.flow_timer.as_secs().to_string());
                }
                response
            }
            Err(refusal) => refused(request, refusal),
        }
    }

    /// Where an extension is reached: the preferred phone first, then the one that registered last. Each device once, with
    /// its other flows as spares.
    pub fn contacts(&self, extension: &str, now: Instant) -> Vec<Binding> {
        self.bindings(extension, now, |_| true)
    }

    /// Where one device of an extension is reached, as [`Device::Here`] names it.
    pub fn contacts_of(&self, extension: &str, instance: &str, now: Instant) -> Vec<Binding> {
        self.bindings(extension, now, |kept| kept.instance() == Some(instance))
    }

    fn bindings(&self, extension: &str, now: Instant, is_meant: impl Fn(&Kept) -> bool) -> Vec<Binding> {
        let phones = self.table.of(extension).iter();
        let mut alive: Vec<&Kept> = phones.filter(|kept| kept.expires_at > now && is_meant(kept)).collect();
        alive.sort_by_key(|kept| std::cmp::Reverse((kept.priority, kept.serial)));
        let mut devices: Vec<(&Kept, Binding)> = Vec::with_capacity(alive.len());
        for kept in alive {
            let Some(binding) = kept.binding() else {
                continue;
            };
            match devices.iter_mut().find(|(first, _)| first.is_another_flow_of(kept)) {
                Some((_, first)) => first.spares.push(binding),
                None => devices.push((kept, binding)),
            }
        }
        devices.into_iter().map(|(_, binding)| binding).collect()
    }

    /// Whom a Request-URI means that is a GRUU; `None` for one that is none, or not of an extension.
    pub fn device(&self, uri: &Uri, now: Instant) -> Option<Device> {
        let meant = match self.gruus.read(uri)? {
            Ok(meant) => meant,
            Err(NotOurs) => return Some(Device::Unknown),
        };
        let extension = self.table.extension(&meant.extension)?;
        let alive = self.table.of(&extension).iter().filter(|kept| kept.expires_at > now);
        let here = alive.into_iter().find(|kept| self.gruus.is_meant(&meant, kept)).and_then(Kept::instance);
        Some(here.map_or(Device::Away, |instance| Device::Here {
            extension: extension.to_string(),
            instance: instance.to_owned(),
        }))
    }

    pub fn is_reachable(&self, extension: &str) -> bool {
        !self.table.of(extension).is_empty()
    }

    /// Whether a phone of this extension is registered from that address.
    pub fn is_registered_from(&self, extension: &str, source: IpAddr) -> bool {
        self.table.of(extension).iter().any(|kept| kept.hop.remote.ip().to_canonical() == source)
    }

    /// How many phones are registered.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    pub fn view(&self, now: Instant, wall: Timestamp) -> Vec<BindingView> {
        self.table.all().map(|(extension, kept)| kept.view(extension, now, wall)).collect()
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.table.next_effect()
    }

    /// When [`Registrar::handle_timeout`] is to be called; now and then there will be nothing to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_expiry()
    }

    /// Forgets phones that did not register again in time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.table.expire(now);
    }

    /// RFC 5626 §5.3: a phone whose connection is gone cannot be reached over it until it comes back.
    pub fn connection_lost(&mut self, connection: ConnectionId, _now: Instant) {
        self.table.connection_lost(connection);
    }

    /// Takes over what was kept before a restart. What cannot be reached any more is forgotten: expired bindings, those
    /// of extensions that are gone, and those over connections.
    pub fn restore(&mut self, stored: Vec<StoredBinding>, now: Instant, wall: Timestamp) {
        for binding in stored {
            let serial = self.table.next_serial();
            let extension = self.table.extension(&binding.extension);
            match (extension, Kept::restored(&binding, serial, now, wall)) {
                (Some(extension), Some(mut kept)) => {
                    kept.user_agent = binding.user_agent.as_deref().map(|text| self.interned(text));
                    let _ = binding.host.as_deref().and_then(|host| self.hosts.learn(host));
                    self.table.insert(&extension, kept);
                }
                _ => {
                    let contact = binding.key().to_owned();
                    self.table.effects.push_back(Effect::Forget { extension: binding.extension, contact });
                }
            }
        }
    }

    fn carry_out(&mut self, extension: &Arc<str>, desires: Desires, host: Option<&str>, now: Instant, wall: Timestamp) {
        if desires.removes_all() {
            return self.table.remove_where(extension, |_| true);
        }
        for mut kept in desires.into_wanted() {
            if kept.expires_at <= now {
                self.table.remove_where(extension, |old| old.is_same_contact(&kept));
                continue;
            }
            kept.serial = self.table.next_serial();
            self.tell_of_rewriting(extension, kept.translation, now);
            kept.translation = self.table.translation_of(extension, &kept);
            self.keep(extension, &kept, host, now, wall);
            self.table.put(extension, kept);
        }
    }

    /// What can be reached after a restart goes to disk; what was there and cannot be any more leaves it.
    fn keep(&mut self, extension: &Arc<str>, kept: &Kept, host: Option<&str>, now: Instant, wall: Timestamp) {
        if kept.outlives_us() {
            return self.table.effects.push_back(Effect::Keep(Box::new(kept.stored(extension, host, now, wall))));
        }
        let is_former = |old: &&Kept| old.is_same_contact(kept) && old.outlives_us() && old.key() == kept.key();
        let before = self.table.of(extension).iter().find(is_former);
        let forget = before.map(|old| Effect::Forget { extension: extension.to_string(), contact: old.key() });
        self.table.effects.extend(forget);
    }

    fn tell_of_rewriting(&mut self, extension: &Arc<str>, translation: Translation, now: Instant) {
        let told = self.rewriting_told.get(extension);
        if !translation.is_rewritten() || told.is_some_and(|told| now.saturating_duration_since(*told) < TELL_AGAIN) {
            return;
        }
        self.rewriting_told.insert(extension.clone(), now);
        let (extension, evidence) = (extension.to_string(), translation.evidence());
        self.table.effects.push_back(Effect::Rewritten { extension, evidence });
    }

    /// RFC 3261 §10.3 step 8: every binding, with the time it has left.
    fn list(&self, extension: &str, request: &Request, now: Instant, wall: Timestamp) -> Response {
        let mut response = request.reply(200);
        let wants_gruus = request.headers.lists(&Name::Supported, "gruu");
        for kept in self.table.of(extension) {
            let mut contact = kept.contact_header(now);
            if wants_gruus {
                contact.push_str(&self.gruus.params(extension, kept));
            }
            response.headers.push(Name::Contact, contact);
        }
        if request.headers.lists(&Name::Supported, "path") {
            // RFC 3327 §5.3: the phone learns which way its calls will come.
            response.headers.copy_from(&request.headers, &Name::Path);
        }
        response.headers.push(Name::Supported, SUPPORTED);
        // RFC 3261 §20.17: the date of RFC 1123, which HTTP has too. Years before the first cannot be written so.
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&wall) {
            response.headers.push(Name::Date, date);
        }
        response
    }

    fn user_agent(&mut self, request: &Request) -> Option<Arc<str>> {
        let text = request.headers.first(&Name::UserAgent)?;
        let end = text.floor_char_boundary(LONGEST_USER_AGENT);
        Some(self.interned(&text[..end]))
    }

    fn interned(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.user_agents.get(text) {
            return known.clone();
        }
        let new: Arc<str> = Arc::from(text);
        if self.user_agents.len() < MOST_USER_AGENTS {
            self.user_agents.insert(new.clone());
        }
        new
    }
}

fn refused(request: &Request, refusal: Refusal) -> Response {
    let mut response = request.reply(refusal.status()).with_reason(&refusal.to_string());
    if let Refusal::TooBrief { least } = refusal {
        response.headers.push(Name::MinExpires, least.as_secs().to_string());
    }
    response
}

#[cfg(test)]
mod tests;
