//! Checks of our own, towards a far side that is lite: we try its candidates and choose. RFC 8445 §6.1.4 and §8.1.
//!
//! One socket and one component, so a pair is one candidate of theirs. After the choice the same requests ask every few
//! seconds whether the far side still wants to hear us (RFC 7675).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::media::ice::agent::Verdict;
use crate::media::security::Candidate;
use crate::media::security::Ice;
use crate::media::security::IceCredentials;
use crate::media::security::MAX_CANDIDATES;
use crate::media::stun::Claim;
use crate::media::stun::Class;
use crate::media::stun::Message;
use crate::media::stun::Transaction;
use crate::media::stun::Writer;

#[derive(Debug)]
pub(super) struct Checks {
    username: String,
    theirs: IceCredentials,
    lot: u64,
    rng: fastrand::Rng,
    /// The best first.
    pairs: Vec<Pair>,
    /// No two requests leave closer together than [`PACE`].
    next: Instant,
    /// When the first path was found to work.
    found: Option<Instant>,
    chosen: Option<Chosen>,
}

#[derive(Debug)]
struct Pair {
    candidate: Candidate,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    /// Asked so often, the last time with this transaction; asked again then.
    Asked {
        transaction: Transaction,
        times: u32,
        again: Instant,
    },
    Works,
    Failed,
}

#[derive(Debug, Clone, Copy)]
struct Chosen {
    address: SocketAddr,
    transaction: Transaction,
    confirmed: Option<Instant>,
    again: Instant,
}

/// RFC 8445 §14.2: Ta.
const PACE: Duration = Duration::from_millis(50);

/// RFC 8445 §14.3; doubled with each repetition.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// RFC 8489 §6.2.1: Rc.
const MOST_TIMES: u32 = 7;

/// How long a better path may still prove itself before one that works is chosen.
const CHOICE_AFTER: Duration = Duration::from_millis(300);

/// RFC 7675 §5.1.
const CONSENT_EVERY: Duration = Duration::from_secs(5);
const CONSENT_LASTS: Duration = Duration::from_secs(30);

/// Our only candidate is of the kind host: type preference 126, local preference 65535, component 1. RFC 8445 §5.1.2.
const OUR_PRIORITY: u32 = 126 << 24 | 0xffff << 8 | 255;

/// What a request from our address would say, were it learnt by the far side: type preference 110.
const LEARNT_PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 255;

impl Checks {
    pub(super) fn new(terms: &Ice, lot: u64, rng: fastrand::Rng, now: Instant) -> Checks {
        let mut checks = Checks {
            username: format!("{}:{}", terms.theirs.ufrag, terms.ours.ufrag),
            theirs: terms.theirs.clone(),
            lot,
            rng,
            pairs: Vec::new(),
            next: now,
            found: None,
            chosen: None,
        };
        checks.add(&terms.candidates);
        checks
    }

    pub(super) fn add(&mut self, candidates: &[Candidate]) {
        for candidate in candidates {
            let is_known = self.pairs.iter().any(|pair| pair.candidate.address == candidate.address);
            if !is_known && self.pairs.len() < MAX_CANDIDATES {
                self.pairs.push(Pair { candidate: *candidate, state: State::Waiting });
            }
        }
        self.pairs.sort_by_key(|pair| std::cmp::Reverse(pair_priority(pair.candidate.priority)));
    }

    pub(super) fn path(&self) -> Option<SocketAddr> {
        self.chosen.filter(|chosen| chosen.confirmed.is_some()).map(|chosen| chosen.address)
    }

    pub(super) fn is_searching(&self) -> bool {
        self.path().is_none()
    }

    /// The far side is lite and says that it chooses, or checks at all: the higher lot chooses. RFC 8445 §7.3.1.1.
    pub(super) fn quarrels(&self, claim: Claim, lot: u64) -> bool {
        matches!(claim, Claim::Controlling(theirs) if lot >= theirs)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, outbox: &mut VecDeque<(SocketAddr, Vec<u8>)>) {
        self.lapse(now);
        self.choose(now);
        if let Some(transmit) = self.confirm(now) {
            outbox.push_back(transmit);
        }
        if self.chosen.is_none() && now >= self.next {
            outbox.extend(self.ask(now));
        }
    }

    pub(super) fn on_response(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Verdict {
        if !message.is_proven(&self.theirs.password) {
            return Verdict::Refused;
        }
        let works = message.class == Class::Success;
        if let Some(chosen) = self.chosen.as_mut().filter(|chosen| chosen.transaction == message.transaction)
            && chosen.address == from
        {
            if works {
                chosen.confirmed = Some(now);
            }
            return Verdict::Understood;
        }
        let asked = |pair: &&mut Pair| {
            let transaction = message.transaction;
            // RFC 8445 §7.2.5.2.1: an answer from elsewhere than was asked proves nothing.
            matches!(pair.state, State::Asked { transaction: ours, .. } if ours == transaction)
                && pair.candidate.address == from
        };
        let Some(pair) = self.pairs.iter_mut().find(asked) else {
            return Verdict::Refused;
        };
        pair.state = if works { State::Works } else { State::Failed };
        if works {
            self.found.get_or_insert(now);
        }
        Verdict::Understood
    }

    /// Without consent nothing may be sent; the search begins anew. RFC 7675 §5.1.
    fn lapse(&mut self, now: Instant) {
        let lapsed =
            |chosen: &Chosen| chosen.confirmed.is_some_and(|at| now.saturating_duration_since(at) >= CONSENT_LASTS);
        if self.chosen.as_ref().is_some_and(lapsed) {
            (self.chosen, self.found) = (None, None);
            self.pairs.iter_mut().for_each(|pair| pair.state = State::Waiting);
        }
    }

    /// The best that works, once no better one can be waited for.
    fn choose(&mut self, now: Instant) {
        if self.chosen.is_some() || self.found.is_none() {
            return;
        }
        let waited = self.found.is_some_and(|found| now.saturating_duration_since(found) >= CHOICE_AFTER);
        let is_open = |pair: &&Pair| matches!(pair.state, State::Waiting | State::Asked { .. });
        let best = self.pairs.iter().find(|pair| pair.state == State::Works);
        let better_is_open = self.pairs.iter().take_while(|pair| pair.state != State::Works).any(|pair| is_open(&pair));
        if let Some(best) = best.filter(|_| waited || !better_is_open) {
            let address = best.candidate.address;
            self.chosen = Some(Chosen { address, transaction: [0; 12], confirmed: None, again: now });
        }
    }

    /// Asks along the chosen path, with the nomination: until it is confirmed quickly, then for consent.
    fn confirm(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let transaction = self.transaction();
        let chosen = self.chosen.as_mut().filter(|chosen| now >= chosen.again)?;
        chosen.transaction = transaction;
        chosen.again = now + if chosen.confirmed.is_some() { CONSENT_EVERY } else { FIRST_WAIT };
        let address = chosen.address;
        Some((address, self.request(transaction).nominate().finish(&self.theirs.password)))
    }

    fn ask(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let transaction = self.transaction();
        let due = |pair: &&mut Pair| match pair.state {
            State::Waiting => true,
            State::Asked { again, .. } => now >= again,
            State::Works | State::Failed => false,
        };
        let pair = self.pairs.iter_mut().find(due)?;
        let times = match pair.state {
            State::Asked { times, .. } => times + 1,
            _ => 1,
        };
        self.next = now + PACE;
        if times > MOST_TIMES {
            pair.state = State::Failed;
            return None;
        }
        pair.state = State::Asked { transaction, times, again: now + FIRST_WAIT * (1 << (times - 1)) };
        let address = pair.candidate.address;
        Some((address, self.request(transaction).finish(&self.theirs.password)))
    }

    fn request(&self, transaction: Transaction) -> Writer {
        Writer::new(Class::Request, transaction)
            .username(&self.username)
            .priority(LEARNT_PRIORITY)
            .claim(Claim::Controlling(self.lot))
    }

    fn transaction(&mut self) -> Transaction {
        let mut transaction = [0; 12];
        self.rng.fill(&mut transaction);
        transaction
    }
}

/// RFC 8445 §6.1.2.3, we being the controlling side.
fn pair_priority(theirs: u32) -> u64 {
    let (ours, theirs) = (u64::from(OUR_PRIORITY), u64::from(theirs));
    (ours.min(theirs) << 32) + 2 * ours.max(theirs) + u64::from(ours > theirs)
}
