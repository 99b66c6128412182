//! Nonces that the server need not remember, and the little that it must: which counts were used. RFC 7616 §3.3, §5.4.
//!
//! A nonce is the time of its issue and a serial number, sealed with HMAC-SHA256: whoever asks costs us nothing until
//! the right answer comes. Only then a row is kept, until the nonce has expired. If the rows become too many, the
//! oldest goes and everything issued before it counts as stale, so no answer is ever taken twice.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;

/// How long one nonce may be used.
const LIFETIME: Duration = Duration::from_secs(300);
/// Nonces in use whose counts are remembered; about 4 MB.
const MOST_TRACKED: usize = 65_536;
/// Octets of the seal that are kept.
const SEAL: usize = 16;
const STAMP: usize = 13;

pub(super) struct Nonces {
    /// Knows the key already; copied for each seal.
    sealer: Hmac<Sha256>,
    /// The instant from which times are counted: that of the first nonce.
    origin: Option<Instant>,
    serial: u32,
    uses_by_issue: BTreeMap<Issue, Uses>,
    /// What was issued up to here is forgotten and therefore stale.
    forgotten: Option<Issue>,
}

/// Which nonce it is, in the order of issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issue {
    /// Milliseconds since the origin.
    at: u64,
    serial: u32,
}

/// What the server noted when it asked, and hears again with the answer: it remembers without a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(pub u8);

/// A window over the counts that came: late ones may still arrive, in any order, but each once.
struct Uses {
    highest: u32,
    /// Bit n: `highest - n` was used.
    used: u64,
}

/// How a proof counts the uses of its nonce.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Nc(u32),
    /// A phone without `qop` cannot count, so its nonce is good for one request.
    Once,
}

impl Nonces {
    pub(super) fn new(key: [u8; 32]) -> Nonces {
        let sealer = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
        Nonces { sealer, origin: None, serial: 0, uses_by_issue: BTreeMap::new(), forgotten: None }
    }

    pub(super) fn issue(&mut self, mark: Mark, now: Instant) -> String {
        self.serial = self.serial.wrapping_add(1);
        let stamp = Issue { at: self.millis(now), serial: self.serial }.to_bytes(mark);
        let seal = self.seal(&stamp).finalize().into_bytes();
        let mut nonce = [0; STAMP + SEAL];
        nonce[..STAMP].copy_from_slice(&stamp);
        nonce[STAMP..].copy_from_slice(&seal[..SEAL]);
        URL_SAFE_NO_PAD.encode(nonce)
    }

    /// None if it is not one of ours.
    pub(super) fn read(&self, nonce: &str) -> Option<(Issue, Mark)> {
        let mut bytes = [0; STAMP + SEAL];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (stamp, seal) = bytes.get(..length)?.split_first_chunk::<STAMP>()?;
        if seal.len() != SEAL {
            return None;
        }
        self.seal(stamp).verify_truncated_left(seal).ok()?;
        Some(Issue::from_bytes(stamp))
    }

    /// Whether the nonce is fresh and this count of it unused; from now on it is used.
    pub(super) fn spend(&mut self, issue: Issue, count: Count, now: Instant) -> bool {
        let now = self.millis(now);
        let is_expired = |issue: Issue| issue.at + LIFETIME.as_millis() as u64 <= now;
        while self.uses_by_issue.first_key_value().is_some_and(|(oldest, _)| is_expired(*oldest)) {
            self.uses_by_issue.pop_first();
        }
        if is_expired(issue) || issue.at > now || self.forgotten.is_some_and(|forgotten| issue <= forgotten) {
            return false;
        }
        let is_first = !self.uses_by_issue.contains_key(&issue);
        let uses = self.uses_by_issue.entry(issue).or_insert(Uses { highest: 0, used: 1 });
        let is_new = match count {
            Count::Nc(count) => uses.take(count),
            Count::Once => is_first && uses.take(u32::MAX),
        };
        if self.uses_by_issue.len() > MOST_TRACKED {
            self.forgotten = self.uses_by_issue.pop_first().map(|(oldest, _)| oldest);
        }
        is_new
    }

    fn millis(&mut self, now: Instant) -> u64 {
        let origin = *self.origin.get_or_insert(now);
        now.saturating_duration_since(origin).as_millis() as u64
    }

    fn seal(&self, stamp: &[u8]) -> Hmac<Sha256> {
        let mut seal = self.sealer.clone();
        seal.update(stamp);
        seal
    }
}

impl Uses {
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            self.used = self.used.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let bit = 1u64.checked_shl(self.highest - count).unwrap_or(0);
        let is_new = bit != 0 && self.used & bit == 0;
        self.used |= bit;
        is_new
    }
}

impl Issue {
    fn to_bytes(self, mark: Mark) -> [u8; STAMP] {
        let mut bytes = [mark.0; STAMP];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.serial.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; STAMP]) -> (Issue, Mark) {
        let [whole @ .., mark] = bytes;
        let whole = whole.iter().fold(0u128, |whole, byte| whole << 8 | u128::from(*byte));
        (Issue { at: (whole >> 32) as u64, serial: whole as u32 }, Mark(*mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn issued(nonces: &mut Nonces, now: Instant) -> Issue {
        let nonce = nonces.issue(Mark(7), now);
        let (issue, mark) = nonces.read(&nonce).expect("it is ours");
        assert_eq!(mark, Mark(7));
        issue
    }

    #[test]
    fn only_our_own_are_read() {
        let mut nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue(Mark(0), start());
        assert!(nonces.read(&nonce).is_some());
        assert!(Nonces::new([8; 32]).read(&nonce).is_none());
        assert_ne!(nonces.issue(Mark(0), start()), nonce);
        for foreign in ["", "abc", &nonce[1..], &format!("{nonce}AA"), "ção"] {
            assert!(nonces.read(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn each_count_once_in_any_order() {
        let mut nonces = Nonces::new([7; 32]);
        let now = start();
        let issue = issued(&mut nonces, now);
        let mut spend = |count| nonces.spend(issue, Count::Nc(count), now);
        assert!(spend(1) && spend(3) && spend(2) && spend(100) && spend(99));
        assert!(!spend(1) && !spend(3) && !spend(100) && !spend(0) && !spend(4));
        assert!(spend(u32::MAX) && !spend(u32::MAX));
    }

    #[test]
    fn without_a_count_a_nonce_serves_once() {
        let mut nonces = Nonces::new([7; 32]);
        let now = start();
        let issue = issued(&mut nonces, now);
        assert!(nonces.spend(issue, Count::Once, now));
        assert!(!nonces.spend(issue, Count::Once, now) && !nonces.spend(issue, Count::Nc(2), now));
    }

    #[test]
    fn it_expires_and_is_forgotten() {
        let mut nonces = Nonces::new([7; 32]);
        let now = start();
        let issue = issued(&mut nonces, now);
        assert!(nonces.spend(issue, Count::Nc(1), now + LIFETIME - Duration::from_millis(1)));
        assert!(!nonces.spend(issue, Count::Nc(2), now + LIFETIME));
        assert!(nonces.uses_by_issue.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_what_falls_out_is_stale() {
        let mut nonces = Nonces::new([7; 32]);
        let now = start();
        let all: Vec<_> = (0..=MOST_TRACKED).map(|_| issued(&mut nonces, now)).collect();
        for issue in &all {
            assert!(nonces.spend(*issue, Count::Nc(1), now));
        }
        assert_eq!(nonces.uses_by_issue.len(), MOST_TRACKED);
        assert!(!nonces.spend(all[0], Count::Nc(2), now) && nonces.spend(all[1], Count::Nc(2), now));
    }
}
