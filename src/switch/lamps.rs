//! Lamps of softphones: who is told of which extension's calls, presence, or waiting messages.
//!
//! A change only marks what it concerns; once everything has settled, each marked thing is described once and told to
//! all who watch it. What nobody watches costs a look into a map.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tracing::debug;
use tracing::warn;

use crate::sip::agent::SessionId;
use crate::sip::agent::SubscriptionId;
use crate::sip::agent::TransactionId;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::subscription::config::Config;
use crate::sip::subscription::dialog_info::DialogEntry;
use crate::sip::subscription::dialog_info::DialogInfo;
use crate::sip::subscription::dialog_info::Direction;
use crate::sip::subscription::dialog_info::Remote;
use crate::sip::subscription::dialog_info::State;
use crate::sip::subscription::document::Document;
use crate::sip::subscription::message_summary::MessageSummary;
use crate::sip::subscription::package::Package;
use crate::sip::subscription::presence::Presence;
use crate::sip::subscription::presence::Reach;
use crate::sip::subscription::wish::Wish;
use crate::sip::uri::Uri;
use crate::switch::machine::Switch;
use crate::switch::senders::Sender;

#[derive(Debug)]
pub(super) struct Lamps {
    config: Config,
    by_id: BTreeMap<SubscriptionId, Lamp>,
    watched: BTreeMap<Package, BTreeMap<String, BTreeSet<SubscriptionId>>>,
    by_watcher: BTreeMap<String, usize>,
    changed: BTreeSet<(Package, String)>,
}

#[derive(Debug)]
struct Lamp {
    watcher: String,
    package: Package,
    /// An extension, a mailbox, or a slot where callers are parked.
    of: String,
}

impl Lamps {
    pub(super) fn new(config: &Config) -> Lamps {
        Lamps {
            config: config.clone(),
            by_id: BTreeMap::new(),
            watched: BTreeMap::new(),
            by_watcher: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Something of this changed that its lamps may have to show.
    pub(super) fn touch(&mut self, package: Package, of: &str) {
        if self.watched.get(&package).is_some_and(|watched| watched.contains_key(of)) {
            self.changed.insert((package, of.to_owned()));
        }
    }

    pub(super) fn touch_extension(&mut self, extension: &str) {
        self.touch(Package::Dialog, extension);
        self.touch(Package::Presence, extension);
    }

    /// Package → subscriptions that are alive.
    pub(super) fn counts(&self) -> Vec<(&'static str, usize)> {
        let count = |package: Package| self.by_id.values().filter(|lamp| lamp.package == package).count();
        Package::SUBSCRIBABLE.map(|package| (package.name(), count(package))).to_vec()
    }

    /// The status that says no to one more.
    fn refusal(&self, watcher: &str) -> Option<u16> {
        if self.by_id.len() >= self.config.max_total {
            return Some(503);
        }
        let has = self.by_watcher.get(watcher).copied().unwrap_or_default();
        (has >= self.config.max_per_extension).then_some(403)
    }

    fn insert(&mut self, id: SubscriptionId, lamp: Lamp) {
        let watched = self.watched.entry(lamp.package).or_default();
        watched.entry(lamp.of.clone()).or_default().insert(id);
        *self.by_watcher.entry(lamp.watcher.clone()).or_default() += 1;
        self.by_id.insert(id, lamp);
    }

    fn remove(&mut self, id: SubscriptionId) {
        let Some(Lamp { watcher, package, of }) = self.by_id.remove(&id) else {
            return;
        };
        if let Some(watched) = self.watched.get_mut(&package)
            && let Some(ids) = watched.get_mut(&of)
        {
            ids.remove(&id);
            if ids.is_empty() {
                watched.remove(&of);
            }
        }
        if let Some(count) = self.by_watcher.get_mut(&watcher) {
            *count -= 1;
            if *count == 0 {
                self.by_watcher.remove(&watcher);
            }
        }
    }

    fn take_changed(&mut self) -> Option<(Package, String, Vec<SubscriptionId>)> {
        let (package, of) = self.changed.pop_first()?;
        let ids = self.watched.get(&package).and_then(|watched| watched.get(&of));
        let ids = ids.into_iter().flatten().copied().collect();
        Some((package, of, ids))
    }
}

/// Calls of one extension in one NOTIFY: a lamp has but one light, and a datagram its limits.
const MOST_SHOWN: usize = 8;

impl Switch {
    /// RFC 6665 §4.2.1.
    pub(super) fn on_subscribe(&mut self, transaction: TransactionId, request: &Request, hop: &Hop, now: Instant) {
        let Some(sender) = self.sender(transaction, request, hop, now) else {
            return;
        };
        let Sender::Extension(watcher) = sender else {
            return self.refuse(transaction, request.reply(403).with_reason("Only extensions may subscribe"), now);
        };
        let wish = match Wish::read(request, &self.lamps.config) {
            Ok(wish) => wish,
            Err(refusal) => return self.refuse(transaction, refusal.response(request), now),
        };
        let package = wish.event.package;
        let of = match self.watchable(&watcher, package, request) {
            Ok(of) => of,
            Err(status) => return self.refuse(transaction, request.reply(status), now),
        };
        if let Some(status) = self.lamps.refusal(&watcher) {
            warn!(%watcher, "has as many subscriptions as it may");
            let mut response = request.reply(status).with_reason("Too many subscriptions");
            response.headers.push(Name::RetryAfter, "300");
            return self.refuse(transaction, response, now);
        }
        debug!(%watcher, event = %wish.event, %of, "subscribes");
        let document = Arc::new(self.document(package, &of));
        let lamp = Lamp { watcher, package, of };
        match self.agent.subscribe(transaction, request, *hop, wish, document, now) {
            Some(id) => self.lamps.insert(id, lamp),
            None => self.refuse(transaction, request.reply(400), now),
        }
    }

    /// Everybody may watch everybody's phone, and who is parked; messages are watched by those whose they are. Else the status that says no.
    fn watchable(&self, watcher: &str, package: Package, request: &Request) -> Result<String, u16> {
        let of = request.uri.user_text().unwrap_or_default().into_owned();
        if package == Package::MessageSummary {
            let own = self.mailboxes.of_extension(watcher);
            return if of == watcher || of == own { Ok(own.to_owned()) } else { Err(403) };
        }
        let is_slot = || package == Package::Dialog && self.is_slot(&of);
        if self.desk.is_extension(&of) || is_slot() { Ok(of) } else { Err(404) }
    }

    pub(super) fn on_subscription_ended(&mut self, id: SubscriptionId) {
        self.lamps.remove(id);
    }

    /// Tells what changed. True: there was something.
    pub(super) fn settle_lamps(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some((package, of, ids)) = self.lamps.take_changed() {
            moved = true;
            let document = Arc::new(self.document(package, &of));
            for id in ids {
                self.agent.notify(id, Arc::clone(&document), now);
            }
        }
        moved
    }

    fn document(&self, package: Package, of: &str) -> Document {
        let entity = Uri::sip(Some(of), &self.desk.domain, None).to_string();
        match package {
            Package::MessageSummary => {
                let (new, old) = self.mailboxes.counts(of);
                Document::Summary(MessageSummary { account: entity, new, old })
            }
            Package::Presence => Document::Presence(Presence { entity, reach: self.reach_of(of) }),
            Package::Dialog if !self.desk.is_extension(of) => {
                Document::Dialogs(DialogInfo { entity, dialogs: self.dialog_of_slot(of).into_iter().collect() })
            }
            Package::Dialog | Package::Refer => {
                let sessions = self.calls.sessions.of_extension(of);
                let dialogs =
                    sessions.iter().filter_map(|session| self.dialog_entry(*session)).take(MOST_SHOWN).collect();
                Document::Dialogs(DialogInfo { entity, dialogs })
            }
        }
    }

    fn reach_of(&self, extension: &str) -> Reach {
        let talks = |session: &SessionId| {
            let known = self.calls.sessions.get(*session);
            known.is_some_and(|known| known.state == State::Confirmed || known.direction == Direction::Initiator)
        };
        match self.calls.sessions.of_extension(extension).iter().any(talks) {
            true => Reach::OnThePhone,
            false if self.desk.registrar.is_reachable(extension) => Reach::Free,
            false => Reach::Away,
        }
    }

    fn dialog_entry(&self, session: SessionId) -> Option<DialogEntry> {
        let known = self.calls.sessions.get(session)?;
        let names = self.agent.dialog_names(session)?;
        let call = self.calls.call(self.calls.sessions.owner(known.leg))?;
        let remote = call.remote_of(known.leg);
        Some(DialogEntry {
            id: session.0.to_string(),
            call_id: names.call_id,
            // The watched phone's own are our far ones.
            local_tag: names.remote_tag,
            remote_tag: Some(names.local_tag),
            direction: known.direction,
            state: known.state,
            remote: Remote {
                display: self.desk.names_by_extension.get(&remote).cloned(),
                uri: Uri::sip(Some(&remote), &self.desk.domain, None).to_string(),
            },
        })
    }
}
