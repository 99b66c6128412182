//! All bindings, and how they come and go. Whatever happens to one costs the logarithm of their number, never the number.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::registrar::Effect;
use crate::registrar::binding::Kept;
use crate::registrar::expiry::Expiries;
use crate::registrar::translation::Translation;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;

#[derive(Debug)]
pub(super) struct Table {
    /// Every extension there is, with its phones.
    phones: BTreeMap<Arc<str>, Vec<Kept>>,
    by_connection: BTreeSet<(ConnectionId, Arc<str>)>,
    expiries: Expiries,
    bindings: usize,
    last_serial: u64,
    pub(super) effects: VecDeque<Effect>,
}

/// Room that is kept for effects; when everybody goes at once it is more for a moment.
const USUAL_EFFECTS: usize = 256;

/// Entries of the heap for each binding, and in all, before those that count no more are swept out.
const STALE_PER_BINDING: usize = 4;
const STALE_AT_LEAST: usize = 1_024;

impl Table {
    pub(super) fn new<'a>(extensions: impl Iterator<Item = &'a str>) -> Table {
        Table {
            phones: extensions.map(|extension| (Arc::from(extension), Vec::new())).collect(),
            by_connection: BTreeSet::new(),
            expiries: Expiries::default(),
            bindings: 0,
            last_serial: 0,
            effects: VecDeque::new(),
        }
    }

    /// The extension's name as it is kept, if it exists.
    pub(super) fn extension(&self, name: &str) -> Option<Arc<str>> {
        self.phones.get_key_value(name).map(|(extension, _)| extension.clone())
    }

    pub(super) fn of(&self, extension: &str) -> &[Kept] {
        self.phones.get(extension).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Kept)> {
        self.phones.iter().flat_map(|(extension, phones)| phones.iter().map(move |kept| (&**extension, kept)))
    }

    /// How many phones are registered.
    pub(super) fn len(&self) -> usize {
        self.bindings
    }

    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        if effect.is_none() && self.effects.capacity() > USUAL_EFFECTS {
            self.effects.shrink_to(USUAL_EFFECTS);
        }
        effect
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// Puts a binding in the place of those that are the same phone.
    pub(super) fn put(&mut self, extension: &Arc<str>, kept: Kept) {
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        let goes = |old: &Kept| !old.is_same_contact(&kept) && old.is_replaced_by(&kept);
        let replaces = phones.iter().any(goes);
        let replaced = replaces.then(|| kept.clone());
        match phones.iter_mut().position(|old| old.is_same_contact(&kept)) {
            Some(place) => self.refresh(extension, place, kept),
            None => self.insert(extension, kept),
        }
        if let Some(kept) = replaced {
            self.remove_where(extension, |old| !old.is_same_contact(&kept) && old.is_replaced_by(&kept));
        }
    }

    fn refresh(&mut self, extension: &Arc<str>, place: usize, mut kept: Kept) {
        let Some(old) = self.phones.get_mut(extension).and_then(|phones| phones.get_mut(place)) else {
            return;
        };
        kept.serial = old.serial;
        kept.armed_at = old.armed_at.min(kept.expires_at);
        if kept.armed_at < old.armed_at {
            self.expiries.push(kept.armed_at, extension.clone(), kept.serial);
        }
        let (hop, key) = (kept.hop, kept.key());
        let was = std::mem::replace(old, kept);
        // The same phone in other words, or one that numbers its flows from now on: it stands on disk under another key.
        if was.outlives_us() && was.key() != key {
            self.effects.push_back(Effect::Forget { extension: extension.to_string(), contact: was.key() });
        }
        if was.hop.connection != hop.connection {
            self.unbind_connection(extension, was.hop);
            self.bind_connection(extension, hop);
        }
    }

    pub(super) fn insert(&mut self, extension: &Arc<str>, kept: Kept) {
        if !self.phones.contains_key(extension) {
            return;
        }
        self.bindings += 1;
        self.sweep();
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        self.expiries.push(kept.armed_at, extension.clone(), kept.serial);
        let (hop, was_unreachable) = (kept.hop, phones.is_empty());
        // Most extensions have one phone, and a Vec that grows by itself begins with room for four.
        phones.reserve_exact(1);
        phones.push(kept);
        self.bind_connection(extension, hop);
        if was_unreachable {
            self.effects.push_back(Effect::Reachable { extension: extension.to_string() });
        }
    }

    /// What is known of the way to this phone, with what was noticed of it before: signs of the first REGISTER do not come again.
    pub(super) fn translation_of(&self, extension: &str, kept: &Kept) -> Translation {
        let before = self.of(extension).iter().find(|old| old.is_same_contact(kept));
        let before = before.filter(|old| old.hop.remote.ip() == kept.hop.remote.ip());
        before.map_or(kept.translation, |before| kept.translation.and_before(before.translation))
    }

    /// Phones that come and go leave entries behind that are not due for an hour.
    fn sweep(&mut self) {
        if self.expiries.len() <= STALE_PER_BINDING * self.bindings + STALE_AT_LEAST {
            return;
        }
        let Self { phones, expiries, .. } = self;
        expiries.retain(|at, extension, serial| {
            let phones = phones.get(extension).into_iter().flatten();
            phones.into_iter().any(|kept| kept.serial == serial && kept.armed_at == at)
        });
    }

    pub(super) fn remove_where(&mut self, extension: &Arc<str>, goes: impl Fn(&Kept) -> bool) {
        let Some(phones) = self.phones.get_mut(extension) else {
            return;
        };
        let gone: Vec<Kept> = phones.extract_if(.., |kept| goes(kept)).collect();
        let is_last = phones.is_empty() && !gone.is_empty();
        if is_last {
            *phones = Vec::new();
        }
        for kept in gone {
            self.bindings -= 1;
            self.unbind_connection(extension, kept.hop);
            if kept.outlives_us() {
                self.effects.push_back(Effect::Forget { extension: extension.to_string(), contact: kept.key() });
            }
        }
        if is_last {
            self.effects.push_back(Effect::Unreachable { extension: extension.to_string() });
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.next()
    }

    /// Forgets phones that did not register again in time.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((at, extension, serial)) = self.expiries.pop_due(now) {
            let phones = self.phones.get_mut(&extension).into_iter().flatten();
            let Some(kept) = phones.into_iter().find(|kept| kept.serial == serial && kept.armed_at == at) else {
                continue;
            };
            if kept.expires_at > now {
                kept.armed_at = kept.expires_at;
                self.expiries.push(kept.expires_at, extension, serial);
            } else {
                self.remove_where(&extension, |kept| kept.serial == serial);
            }
        }
    }

    /// RFC 5626 §5.3: a phone whose connection is gone cannot be reached over it until it comes back.
    pub(super) fn connection_lost(&mut self, connection: ConnectionId) {
        let first = (connection, Arc::from(""));
        let gone = self.by_connection.range(first..).take_while(|(of, _)| *of == connection);
        let extensions: Vec<Arc<str>> = gone.map(|(_, extension)| extension.clone()).collect();
        for extension in extensions {
            self.remove_where(&extension, |kept| kept.hop.connection == Some(connection));
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
        if !self.of(extension).iter().any(|kept| kept.hop.connection == Some(connection)) {
            self.by_connection.remove(&(connection, extension.clone()));
        }
    }

    /// Nothing is left of connections that carry no phone.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.by_connection.len()
    }

    #[cfg(test)]
    pub(super) fn expiries(&self) -> usize {
        self.expiries.len()
    }
}
