//! Where the trunks are at this moment: addresses, calls carried, and our registration with those that want one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use std::time::Instant;

use crate::sip::agent::RequestId;
use crate::sip::digest::Credentials;
use crate::sip::digest::Secret;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::network::Network;
use crate::sip::uri::Uri;
use crate::switch::command::TrunkView;
use crate::switch::input::Resolved;
use crate::switch::trunk::Config;

/// Names are looked up again this often; calls use what was found last.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);
/// After a failed lookup or registration, doubled up to `RESOLVE_EVERY`.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// What we ask for when we register, in seconds.
const REGISTER_FOR: u32 = 300;

#[derive(Debug)]
pub(super) struct Trunk {
    pub config: Config,
    /// Best first.
    hops: Vec<Hop>,
    calls: u32,
    state: String,
    resolve_at: Instant,
    register_at: Option<Instant>,
    retry: Duration,
}

/// What a trunk wants done.
pub(super) enum Errand {
    Resolve(String),
    Register { trunk: String, request: Box<Request>, hop: Hop, credentials: Option<Credentials> },
}

#[derive(Debug)]
pub(super) struct Trunks {
    by_name: BTreeMap<String, Trunk>,
    asked: BTreeMap<RequestId, String>,
}

impl Trunks {
    pub(super) fn new(configs: Vec<Config>, now: Instant) -> Self {
        let by_name = configs.into_iter().map(|config| (config.name.clone(), Trunk::new(config, now))).collect();
        Self { by_name, asked: BTreeMap::new() }
    }

    /// The trunk that may send us calls from this address.
    pub(super) fn of_source(&self, source: IpAddr) -> Option<&str> {
        let trunk =
            self.by_name.values().find(|trunk| trunk.config.from.iter().any(|network| network.contains(source)))?;
        Some(&trunk.config.name)
    }

    /// Where all of them send from.
    pub(super) fn sources(&self) -> Vec<Network> {
        let networks = self.by_name.values().flat_map(|trunk| &trunk.config.from);
        networks.copied().collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Trunk> {
        self.by_name.get(name)
    }

    /// Whether its parties may hand calls over to others.
    pub(super) fn may_transfer(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|trunk| trunk.config.transfer)
    }

    pub(super) fn on_call_begun(&mut self, name: &str) {
        if let Some(trunk) = self.by_name.get_mut(name) {
            trunk.calls += 1;
        }
    }

    pub(super) fn on_call_ended(&mut self, name: &str) {
        if let Some(trunk) = self.by_name.get_mut(name) {
            trunk.calls = trunk.calls.saturating_sub(1);
        }
    }

    pub(super) fn on_resolved(&mut self, name: &str, result: Result<Resolved, String>, now: Instant) {
        if let Some(trunk) = self.by_name.get_mut(name) {
            trunk.on_resolved(result, now);
        }
    }

    pub(super) fn on_asked(&mut self, request: RequestId, trunk: String) {
        self.asked.insert(request, trunk);
    }

    /// The answer to a REGISTER of ours; none: it was not answered. False: it was not ours.
    pub(super) fn on_registered(&mut self, request: RequestId, response: Option<&Response>, now: Instant) -> bool {
        let Some(name) = self.asked.remove(&request) else {
            return false;
        };
        if let Some(trunk) = self.by_name.get_mut(&name) {
            trunk.on_registered(response, now);
        }
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_name.values().map(Trunk::due).min()
    }

    pub(super) fn handle_timeout(&mut self, domain: &str, now: Instant) -> Vec<Errand> {
        let due = self.by_name.values_mut().filter(|trunk| trunk.due() <= now);
        due.filter_map(|trunk| trunk.errand(domain, now)).collect()
    }

    pub(super) fn view(&self) -> Vec<TrunkView> {
        let view = |trunk: &Trunk| TrunkView {
            name: trunk.config.name.clone(),
            state: trunk.state.clone(),
            calls: trunk.calls,
            max_calls: trunk.config.max_calls,
        };
        self.by_name.values().map(view).collect()
    }
}

impl Trunk {
    fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            hops: Vec::new(),
            calls: 0,
            state: "resolving".to_owned(),
            resolve_at: now,
            register_at: None,
            retry: RETRY_FIRST,
        }
    }

    /// Where a call goes now; none when it must not or cannot go.
    pub(super) fn hop_for_call(&self) -> Option<Hop> {
        if self.config.max_calls.is_some_and(|most| self.calls >= most) {
            return None;
        }
        self.hops.first().copied()
    }

    /// Where a call goes when the first hop fails it.
    pub(super) fn other_hops(&self) -> &[Hop] {
        self.hops.get(1..).unwrap_or_default()
    }

    pub(super) fn has_room(&self) -> bool {
        self.config.max_calls.is_none_or(|most| self.calls < most)
    }

    pub(super) fn credentials(&self) -> Option<Credentials> {
        let username = self.config.username.clone()?;
        let password = self.config.password.clone()?;
        Some(Credentials { username, secret: Secret::Password(password) })
    }

    fn due(&self) -> Instant {
        self.register_at.map_or(self.resolve_at, |at| at.min(self.resolve_at))
    }

    fn on_resolved(&mut self, result: Result<Resolved, String>, now: Instant) {
        match result {
            Ok(Resolved { hops, lasts }) if !hops.is_empty() => {
                self.resolve_at = now + lasts;
                if self.hops.is_empty() {
                    self.register_at = self.config.register.then_some(now);
                    self.state = if self.config.register { "registering" } else { "ready" }.to_owned();
                }
                self.hops = hops;
                self.retry = RETRY_FIRST;
            }
            Ok(_) => self.back_off("no address".to_owned(), now),
            Err(why) => self.back_off(why, now),
        }
    }

    /// What was found before is kept: an old address is better than none.
    fn back_off(&mut self, why: String, now: Instant) {
        if self.hops.is_empty() {
            self.state = format!("unreachable: {why}");
        }
        self.resolve_at = now + self.retry;
        self.retry = (self.retry * 2).min(RESOLVE_EVERY);
    }

    fn errand(&mut self, domain: &str, now: Instant) -> Option<Errand> {
        if self.resolve_at <= now {
            self.resolve_at = now + RESOLVE_EVERY;
            return Some(Errand::Resolve(self.config.name.clone()));
        }
        self.register_at = None;
        let hop = *self.hops.first()?;
        Some(Errand::Register {
            trunk: self.config.name.clone(),
            request: Box::new(self.register_request(domain, hop)),
            hop,
            credentials: self.credentials(),
        })
    }

    /// RFC 3261 §10.2.
    fn register_request(&self, domain: &str, hop: Hop) -> Request {
        let user = self.config.username.clone().unwrap_or_else(|| domain.to_owned());
        let registrar = Uri::sip(None, &self.config.host, self.config.port);
        let us = NameAddr::new(Uri::sip(Some(&user), &self.config.host, None));
        let contact = NameAddr::new(Uri::sip(Some(&user), &hop.local.ip().to_string(), Some(hop.local.port())));
        let mut request = Request::new(Method::Register, registrar);
        request.headers.push(Name::From, us.to_string());
        request.headers.push(Name::To, us.to_string());
        request.headers.push(Name::Contact, contact.to_string());
        request.headers.push(Name::Expires, REGISTER_FOR.to_string());
        request
    }

    fn on_registered(&mut self, response: Option<&Response>, now: Instant) {
        match response {
            Some(response) if response.is_success() => {
                let granted = granted_expires(response).unwrap_or(REGISTER_FOR);
                // RFC 3261 §10.2.4 leaves the time open; nine tenths is early enough for two tries.
                let refresh = Duration::from_secs(u64::from(granted)) * 9 / 10;
                self.register_at = Some(now + refresh.max(Duration::from_secs(1)));
                self.state = "ready".to_owned();
                self.retry = RETRY_FIRST;
            }
            Some(response) => self.retry_registering(format!("register refused: {}", response.status), now),
            None => self.retry_registering("register unanswered".to_owned(), now),
        }
    }

    fn retry_registering(&mut self, why: String, now: Instant) {
        self.state = format!("unreachable: {why}");
        self.register_at = Some(now + self.retry);
        self.retry = (self.retry * 2).min(RESOLVE_EVERY);
    }
}

/// The registrar may shorten what we asked for: in the Contact, or in Expires. RFC 3261 §10.2.4.
fn granted_expires(response: &Response) -> Option<u32> {
    let contacts = response.headers.contacts().ok()?;
    let in_contact = contacts.iter().find_map(|contact| contact.params.get("expires")?.parse().ok());
    in_contact.or_else(|| response.headers.expires())
}
