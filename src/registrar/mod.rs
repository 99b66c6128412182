//! Which extension is reachable where, and until when: RFC 3261 §10.3.
//!
//! Whoever calls here has authenticated the phone already. A binding keeps two things apart: the Contact as the phone
//! wrote it, which is what a call has to name, and the hop by which the phone is really reached, which behind NAT is
//! the hop that its REGISTER came by.

mod binding;
mod desires;
mod expiry;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::registrar::binding::Kept;
use crate::registrar::desires::Desires;
use crate::registrar::desires::Refusal;
use crate::registrar::expiry::Expiries;
use crate::sip::digest::Secret;
use crate::sip::headers::Name;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::uri::Uri;

/// `[registrar]`: for how long, and how many.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a registration lasts if the phone does not say. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub expires: Duration,
    /// A phone that asks for less is told to ask for this. Default: 1 min.
    #[serde(with = "humantime_serde")]
    pub min_expires: Duration,
    /// A phone that asks for more gets this. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub max_expires: Duration,
    /// Phones that may be registered for one extension at a time. Default: 10.
    pub max_contacts: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            max_contacts: 10,
        }
    }
}

/// `[[extension]]`: somebody inside, whose phone signs in here.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// What others dial, and the name to sign in with.
    pub number: String,
    /// What callees see. Default: nothing but the number.
    #[serde(default)]
    pub name: String,
    /// Default: one is made at the first start and shown once.
    #[serde(default)]
    pub password: Option<String>,
    /// The password is the content of this file.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Instead of a password: SHA-256 of `number:domain:password`, in hexadecimal.
    #[serde(default)]
    pub ha1_sha256: Option<String>,
    /// Instead of a password: MD5 of `number:domain:password`, in hexadecimal.
    #[serde(default)]
    pub ha1_md5: Option<String>,
    /// The mailbox whose messages its phones are told of. Default: the mailbox named like the number.
    #[serde(default)]
    pub mailbox: Option<String>,
}

impl Extension {
    /// What its phones sign in with.
    pub fn secret(&self) -> Secret {
        match &self.password {
            Some(password) => Secret::Password(password.clone()),
            None => Secret::Ha1 { md5: self.ha1_md5.clone(), sha256: self.ha1_sha256.clone() },
        }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Extension {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = out.debug_struct("Extension");
        fields.field("number", &self.number).field("name", &self.name).finish_non_exhaustive()
    }
}

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
    pub user_agent: Option<String>,
}

/// A binding as it outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBinding {
    pub extension: String,
    /// The Contact's URI; with the extension, its key.
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
    pub user_agent: Option<String>,
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
    pub user_agent: Option<String>,
}

/// What others have to know of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Its first phone came.
    Reachable {
        extension: String,
    },
    /// Its last phone went.
    Unreachable {
        extension: String,
    },
    /// Write over what is kept under the same extension and contact.
    Keep(StoredBinding),
    Forget {
        extension: String,
        contact: String,
    },
}

/// See the top of this file.
#[derive(Debug)]
pub struct Registrar {
    config: Config,
    /// Every extension there is, with its phones.
    phones: BTreeMap<Arc<str>, Vec<Kept>>,
    by_connection: BTreeSet<(ConnectionId, Arc<str>)>,
    expiries: Expiries,
    effects: VecDeque<Effect>,
    bindings: usize,
    last_serial: u64,
}

impl Registrar {
    pub fn new(config: &Config, extensions: &[Extension]) -> Registrar {
        let phones = extensions.iter().map(|extension| (Arc::from(extension.number.as_str()), Vec::new()));
        Registrar {
            config: config.clone(),
            phones: phones.collect(),
            by_connection: BTreeSet::new(),
            expiries: Expiries::default(),
            effects: VecDeque::new(),
            bindings: 0,
            last_serial: 0,
        }
    }

    /// Carries out a REGISTER for an extension whose user has proved who they are: all of it or nothing.
    pub fn register(
        &mut self,
        extension: &str,
        request: &Request,
        hop: &Hop,
        now: Instant,
        wall: Timestamp,
    ) -> Response {
        let Some((extension, phones)) = self.phones.get_key_value(extension) else {
            return request.reply(404);
        };
        let extension = extension.clone();
        let desires = Desires::read(request, *hop, &self.config, now)
            .and_then(|desires| desires.check(phones, self.config.max_contacts, now).map(|()| desires));
        match desires {
            Ok(desires) => {
                self.carry_out(&extension, desires, now, wall);
                self.list(&extension, request, now, wall)
            }
            Err(refusal) => refused(request, refusal),
        }
    }

    /// Where an extension is reached: the preferred phone first, then the one that registered last.
    pub fn contacts(&self, extension: &str, now: Instant) -> Vec<Binding> {
        let phones = self.phones.get(extension).into_iter().flatten();
        let mut alive: Vec<&Kept> = phones.filter(|kept| kept.binding.expires_at > now).collect();
        alive.sort_by_key(|kept| std::cmp::Reverse((kept.binding.priority, kept.serial)));
        alive.into_iter().map(|kept| kept.binding.clone()).collect()
    }

    pub fn is_reachable(&self, extension: &str) -> bool {
        self.phones.get(extension).is_some_and(|phones| !phones.is_empty())
    }

    /// Whether a phone of this extension is registered from that address.
    pub fn is_registered_from(&self, extension: &str, source: IpAddr) -> bool {
        let mut phones = self.phones.get(extension).into_iter().flatten();
        phones.any(|kept| kept.binding.hop.remote.ip().to_canonical() == source)
    }

    /// How many phones are registered.
    pub fn len(&self) -> usize {
        self.bindings
    }

    pub fn is_empty(&self) -> bool {
        self.bindings == 0
    }

    pub fn view(&self, now: Instant, wall: Timestamp) -> Vec<BindingView> {
        let all = self.phones.iter().flat_map(|(extension, phones)| phones.iter().map(move |kept| (extension, kept)));
        all.map(|(extension, kept)| kept.view(extension, now, wall)).collect()
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Registrar::handle_timeout`] is to be called; now and then there will be nothing to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiries.next()
    }

    /// Forgets phones that did not register again in time.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((extension, serial)) = self.expiries.pop_due(now) {
            let phones = self.phones.get(&extension).into_iter().flatten();
            match phones.into_iter().find(|kept| kept.serial == serial).map(|kept| kept.binding.expires_at) {
                Some(later) if later > now => self.expiries.push(later, extension, serial),
                Some(_) => self.remove_where(&extension, |kept| kept.serial == serial),
                None => {}
            }
        }
    }

    /// RFC 5626 §5.3: a phone whose connection is gone cannot be reached until it comes back.
    pub fn connection_lost(&mut self, connection: ConnectionId, _now: Instant) {
        let first = (connection, Arc::from(""));
        let gone = self.by_connection.range(first..).take_while(|(of, _)| *of == connection);
        let extensions: Vec<Arc<str>> = gone.map(|(_, extension)| extension.clone()).collect();
        for extension in extensions {
            self.remove_where(&extension, |kept| kept.binding.hop.connection == Some(connection));
        }
    }

    /// Takes over what was kept before a restart. What cannot be reached any more is forgotten: expired bindings, those
    /// of extensions that are gone, and those over connections.
    pub fn restore(&mut self, stored: Vec<StoredBinding>, now: Instant, wall: Timestamp) {
        for binding in stored {
            self.last_serial += 1;
            let extension =
                self.phones.get_key_value(binding.extension.as_str()).map(|(extension, _)| extension.clone());
            match (extension, Kept::restored(&binding, self.last_serial, now, wall)) {
                (Some(extension), Some(kept)) => self.insert(&extension, kept),
                _ => self.effects.push_back(Effect::Forget { extension: binding.extension, contact: binding.contact }),
            }
        }
    }
}

/// How bindings come and go.
impl Registrar {
    fn carry_out(&mut self, extension: &Arc<str>, desires: Desires, now: Instant, wall: Timestamp) {
        if desires.removes_all() {
            return self.remove_where(extension, |_| true);
        }
        for mut kept in desires.into_wanted() {
            if kept.binding.expires_at <= now {
                self.remove_where(extension, |old| old.is_same_contact(&kept));
                continue;
            }
            self.last_serial += 1;
            kept.serial = self.last_serial;
            self.effects.push_back(Effect::Keep(kept.stored(extension, now, wall)));
            self.replace(extension, kept);
        }
    }

    /// Puts a binding in the place of those that are the same phone.
    fn replace(&mut self, extension: &Arc<str>, kept: Kept) {
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        let stays = |old: &&mut Kept| old.is_same_contact(&kept);
        if let Some(old) = phones.iter_mut().find(stays) {
            let was = std::mem::replace(old, kept.clone());
            old.serial = was.serial;
            let (serial, at) = (was.serial, old.binding.expires_at);
            self.unbind_connection(extension, was.binding.hop);
            self.bind_connection(extension, kept.binding.hop);
            if at < was.binding.expires_at {
                self.expiries.push(at, extension.clone(), serial);
            }
        } else {
            self.insert(extension, kept.clone());
        }
        self.remove_where(extension, |old| !old.is_same_contact(&kept) && old.is_replaced_by(&kept));
    }

    fn insert(&mut self, extension: &Arc<str>, kept: Kept) {
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        self.bindings += 1;
        self.expiries.push(kept.binding.expires_at, extension.clone(), kept.serial);
        let (hop, was_unreachable) = (kept.binding.hop, phones.is_empty());
        phones.push(kept);
        self.bind_connection(extension, hop);
        if was_unreachable {
            self.effects.push_back(Effect::Reachable { extension: extension.to_string() });
        }
    }

    fn remove_where(&mut self, extension: &Arc<str>, goes: impl Fn(&Kept) -> bool) {
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        let gone: Vec<Kept> = phones.extract_if(.., |kept| goes(kept)).collect();
        let is_last = phones.is_empty() && !gone.is_empty();
        for kept in gone {
            self.bindings -= 1;
            self.unbind_connection(extension, kept.binding.hop);
            let contact = kept.contact;
            self.effects.push_back(Effect::Forget { extension: extension.to_string(), contact });
        }
        if is_last {
            self.effects.push_back(Effect::Unreachable { extension: extension.to_string() });
        }
    }

    fn bind_connection(&mut self, extension: &Arc<str>, hop: Hop) {
        if let Some(connection) = hop.connection {
            self.by_connection.insert((connection, extension.clone()));
        }
    }

    fn unbind_connection(&mut self, extension: &Arc<str>, hop: Hop) {
        let Some(connection) = hop.connection else {
            return;
        };
        let phones = self.phones.get(extension).into_iter().flatten();
        let still_used = phones.into_iter().any(|kept| kept.binding.hop.connection == Some(connection));
        if !still_used {
            self.by_connection.remove(&(connection, extension.clone()));
        }
    }

    /// RFC 3261 §10.3 step 8: every binding, with the time it has left.
    fn list(&self, extension: &str, request: &Request, now: Instant, wall: Timestamp) -> Response {
        let mut response = request.reply(200);
        for kept in self.phones.get(extension).into_iter().flatten() {
            response.headers.push(Name::Contact, kept.contact_header(now));
        }
        response.headers.push(Name::Date, wall.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        response
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
