//! What makes a request the same request: RFC 3261 §17.2.3 (repeats) and §8.2.2.2 (the same by another way).
//!
//! The texts that have to be equal are hashed with a secret of this process and only the hash is kept. A peer that does
//! not know the secret cannot aim for a collision; by accident two of n live requests collide once in 2^64 / n² tries.

use std::hash::BuildHasherDefault;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::via::ViaView;
use crate::sip::via::is_rfc3261_branch;

/// Stands for the texts that make two requests the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::sip) struct Fingerprint(u64);

impl Fingerprint {
    /// A To tag for an answer without state: the same for every repeat of the request (RFC 3261 §8.2.7).
    pub(in crate::sip) fn as_tag(self) -> u64 {
        self.0
    }
}

/// Makes fingerprints with the secret of this process.
#[derive(Debug, Clone)]
pub(in crate::sip) struct Fingerprints {
    secret: u64,
}

impl Fingerprints {
    pub(in crate::sip) fn new(secret: u64) -> Fingerprints {
        Fingerprints { secret }
    }

    /// The key of the server transaction of `method` that a request belongs to: an ACK or CANCEL is looked up as the
    /// INVITE that it stands for.
    pub(in crate::sip) fn of_transaction(&self, request: &Request, via: ViaView<'_>, method: &Method) -> Fingerprint {
        let mut hasher = self.hasher();
        method.as_str().hash(&mut hasher);
        via.sent_by.to_host().hash(&mut hasher);
        via.sent_by.port.hash(&mut hasher);
        match via.branch().filter(|branch| is_rfc3261_branch(branch)) {
            Some(branch) => branch.hash(&mut hasher),
            None => hash_as_2543(request, &mut hasher),
        }
        Fingerprint(hasher.finish())
    }

    /// The key under which a request that came by two ways is recognised.
    pub(in crate::sip) fn of_merge(&self, request: &Request) -> Fingerprint {
        let mut hasher = self.hasher();
        request.headers.call_id().ok().hash(&mut hasher);
        request.headers.from_tag().hash(&mut hasher);
        hash_cseq(request, &mut hasher);
        request.method.as_str().hash(&mut hasher);
        Fingerprint(hasher.finish())
    }

    fn hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        hasher
    }
}

/// Peers of RFC 2543 have no unique branch: everything but the To tag counts, which an INVITE lacks and its ACK has.
fn hash_as_2543(request: &Request, hasher: &mut DefaultHasher) {
    request.uri.to_string().hash(hasher);
    request.headers.call_id().ok().hash(hasher);
    request.headers.from_tag().hash(hasher);
    hash_cseq(request, hasher);
}

fn hash_cseq(request: &Request, hasher: &mut DefaultHasher) {
    request.headers.cseq().ok().map(|cseq| cseq.number).hash(hasher);
}

/// Spreads keys that are random or consecutive numbers already; nothing that a peer chooses goes through it.
pub(in crate::sip) type NumberHashing = BuildHasherDefault<NumberHasher>;

/// See [`NumberHashing`].
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::sip) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(SPREAD);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// 2^64 divided by the golden ratio, made odd.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::headers::Name;
    use crate::sip::transaction::testing::request;

    #[test]
    fn the_branch_decides_and_without_one_everything_but_the_to_tag() {
        let prints = Fingerprints::new(1);
        let key = |request: &Request| {
            let via = request.headers.via_view().unwrap();
            prints.of_transaction(request, via, &Method::Invite)
        };
        let invite = request("INVITE");
        let mut other = invite.clone();
        other.headers.set(Name::CallId, "2");
        assert_eq!(key(&invite), key(&other));
        let old = |request: &Request| {
            let mut old = request.clone();
            old.headers.set(Name::Via, "SIP/2.0/UDP 192.0.2.1:5060");
            old
        };
        assert_ne!(key(&old(&invite)), key(&old(&other)));
        let mut ack = old(&invite);
        ack.headers.set(Name::To, "<sip:b@192.0.2.2>;tag=9");
        assert_eq!(key(&old(&invite)), key(&ack));
    }

    #[test]
    fn another_secret_gives_other_prints() {
        let invite = request("INVITE");
        assert_ne!(Fingerprints::new(1).of_merge(&invite), Fingerprints::new(2).of_merge(&invite));
    }
}
