//! One leg's end of ICE.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::media::ice::checks::Checks;
use crate::media::security::Ice;
use crate::media::security::IceKind;
use crate::media::stun;
use crate::media::stun::Claim;
use crate::media::stun::Class;
use crate::media::stun::Message;
use crate::media::stun::Transaction;
use crate::media::stun::Writer;

#[derive(Debug)]
pub struct Agent {
    terms: Ice,
    /// Our lot where both sides want to choose. RFC 8445 §7.3.1.1.
    lot: u64,
    /// Towards a far side that is lite.
    checks: Option<Checks>,
    /// Whoever has proven to know our password; the first is where we send before a path is chosen.
    proven: Vec<SocketAddr>,
    nominated: Option<Nominated>,
    /// The best that was nominated last and has not become the path.
    challenger: Option<Nominated>,
    /// Where packets went before a restart, until a check of ours has found where they go.
    former: Option<Former>,
    outbox: VecDeque<(SocketAddr, Vec<u8>)>,
}

#[derive(Debug, Clone, Copy)]
struct Nominated {
    address: SocketAddr,
    priority: u32,
    /// The last check that nominated it.
    transaction: Transaction,
    checked: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Former {
    address: SocketAddr,
    until: Instant,
}

/// As long as its consent may have lasted. RFC 7675 §5.1.
const FORMER_LASTS: Duration = Duration::from_secs(30);

/// What a datagram was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Understood,
    /// Faulty, or of somebody who does not know the password. It gets no answer.
    Refused,
}

/// Addresses of one far side that may prove themselves; a machine with more interfaces keeps its first.
const MOST_PROVEN: usize = 8;

/// A far side that nominates as it goes checks its chosen path more often than this. RFC 7675 §5.1: every 5 s.
const NOMINATION_LASTS: Duration = Duration::from_secs(8);

impl Agent {
    pub fn new(terms: Ice, mut rng: fastrand::Rng, now: Instant) -> Agent {
        let lot = rng.u64(..);
        let checks = (terms.far == IceKind::Lite).then(|| Checks::new(&terms, lot, rng, now));
        Agent {
            terms,
            lot,
            checks,
            proven: Vec::new(),
            nominated: None,
            challenger: None,
            former: None,
            outbox: VecDeque::new(),
        }
    }

    /// New terms: the same password with more candidates, or a new beginning. RFC 8445 §9.
    pub fn reconnect(&mut self, terms: Ice, rng: fastrand::Rng, now: Instant) {
        let restarts = terms.ours != self.terms.ours || terms.theirs != self.terms.theirs;
        if restarts {
            // The path that was chosen carries the call until there is another.
            let (path, nominated) = (self.path(), self.nominated);
            // A second restart before a check has passed proves nothing anew.
            let same = self.former.filter(|former| Some(former.address) == path);
            let until = same.map_or(now + FORMER_LASTS, |former| former.until);
            *self = Agent::new(terms, rng, now);
            self.proven.extend(path);
            self.nominated = nominated.map(|nominated| Nominated { priority: 0, ..nominated });
            self.former = path.map(|address| Former { address, until });
            return;
        }
        if let Some(checks) = &mut self.checks {
            checks.add(&terms.candidates);
        }
        self.terms = terms;
    }

    pub fn is_same(&self, terms: &Ice) -> bool {
        self.terms == *terms
    }

    /// Where packets go; nowhere before somebody has proven itself.
    pub fn path(&self) -> Option<SocketAddr> {
        match &self.checks {
            Some(checks) => checks.path().or(self.former.map(|former| former.address)),
            None => self.nominated.map(|nominated| nominated.address).or(self.proven.first().copied()),
        }
    }

    /// Whether this address has proven to know the password.
    pub fn has_proven(&self, address: SocketAddr) -> bool {
        self.proven.contains(&address) || self.path() == Some(address)
    }

    /// Whether [`Agent::handle_timeout`] should be called every 20 ms, not only every second.
    pub fn is_searching(&self) -> bool {
        self.path().is_none() || self.checks.as_ref().is_some_and(Checks::is_searching)
    }

    pub fn on_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> Verdict {
        let Some(message) = stun::read(datagram) else {
            return Verdict::Refused;
        };
        match message.class {
            Class::Request => self.on_request(&message, from, now),
            // RFC 8445 §11: keeps a NAT open.
            Class::Indication => Verdict::Understood,
            Class::Success | Class::Error => match &mut self.checks {
                Some(checks) => checks.on_response(&message, from, now),
                None => Verdict::Refused,
            },
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(checks) = &mut self.checks {
            checks.handle_timeout(now, &mut self.outbox);
            self.former = self.former.filter(|former| checks.is_searching() && now < former.until);
        }
    }

    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.outbox.pop_front()
    }

    // Not as RFC 8489 §9.1.3: a request without proof gets no 400 and no 401. Nobody who knows the signalling sends one, and
    // all others need not know that somebody is here.
    fn on_request(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Verdict {
        let named = message.username.and_then(|name| name.split_once(':'));
        let for_us = named.is_some_and(|(ours, _)| ours == self.terms.ours.ufrag);
        if !for_us || !message.is_proven(&self.terms.ours.password) {
            return Verdict::Refused;
        }
        let answer = match (message.unknown, self.quarrels(message.claim)) {
            (Some(_), _) => Writer::new(Class::Error, message.transaction).error(420),
            (None, true) => Writer::new(Class::Error, message.transaction).error(487),
            (None, false) => {
                self.on_proof(message, from, now);
                Writer::new(Class::Success, message.transaction).mapped(from)
            }
        };
        self.outbox.push_back((from, answer.finish(&self.terms.ours.password)));
        Verdict::Understood
    }

    /// Whether both sides would take the same part, and it is theirs that has to change. RFC 8445 §7.3.1.1.
    fn quarrels(&mut self, claim: Option<Claim>) -> bool {
        match (claim, &mut self.checks) {
            // We are lite: we choose nothing. RFC 8445 §6.1.1.
            (Some(Claim::Controlled(_)), None) => true,
            (Some(Claim::Controlling(_)) | None, None) => false,
            (Some(claim), Some(checks)) => checks.quarrels(claim, self.lot),
            (None, Some(_)) => false,
        }
    }

    fn on_proof(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) {
        if !self.proven.contains(&from) && self.proven.len() < MOST_PROVEN {
            self.proven.push(from);
        }
        let priority = message.priority.unwrap_or(0);
        if message.nominates {
            self.nominate(Nominated { address: from, priority, transaction: message.transaction, checked: now });
        }
    }

    /// Some nominate every path that works, the best last or first: the best is kept while it works. It does not where a worse
    /// one is nominated again and the best was not in between.
    fn nominate(&mut self, nominated: Nominated) {
        let before = self.challenger.filter(|before| before.address == nominated.address);
        // The answer was lost, and the same check comes again.
        if before.is_some_and(|before| before.transaction == nominated.transaction) {
            return;
        }
        let stays = self.nominated.is_some_and(|current| {
            let is_alive = nominated.checked.saturating_duration_since(current.checked) < NOMINATION_LASTS
                && before.is_none_or(|before| current.checked >= before.checked);
            current.address != nominated.address && current.priority > nominated.priority && is_alive
        });
        if !stays {
            let is_other = self.nominated.is_some_and(|current| current.address != nominated.address);
            (self.nominated, self.challenger) = (Some(nominated), self.challenger.filter(|_| !is_other));
        } else if self.challenger.is_none_or(|other| other.priority <= nominated.priority) {
            self.challenger = Some(nominated);
        }
    }
}
