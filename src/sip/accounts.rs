//! Who may sign in, as hashes that were computed once: a request costs the same whether its user exists or not.

use std::collections::HashMap;

use subtle::Choice;

use crate::sip::digest::Secret;
use crate::sip::hashing::Algorithm;
use crate::sip::hashing::Hex;

/// The HA1 of every user, for one realm. RFC 7616 §3.4.2.
pub(super) struct Accounts {
    hashes_by_username: HashMap<Box<str>, Hashes>,
    /// Stands in for whoever does not exist, and for a hash that was not stored.
    nobody: Hashes,
}

#[derive(Clone, Copy, Default)]
struct Hashes {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    sha512_256: Option<[u8; 32]>,
}

impl Accounts {
    /// Nobody yet.
    pub(super) fn new() -> Accounts {
        let nobody = Hashes { md5: Some([0; 16]), sha256: Some([0; 32]), sha512_256: Some([0; 32]) };
        Accounts { hashes_by_username: HashMap::new(), nobody }
    }

    pub(super) fn insert(&mut self, username: &str, realm: &str, secret: &Secret) {
        let octets = |algorithm| secret.ha1(algorithm, username, realm);
        let hashes = Hashes {
            md5: octets(Algorithm::Md5).and_then(|ha1| ha1.octets()),
            sha256: octets(Algorithm::Sha256).and_then(|ha1| ha1.octets()),
            sha512_256: octets(Algorithm::Sha512_256).and_then(|ha1| ha1.octets()),
        };
        self.hashes_by_username.insert(username.into(), hashes);
    }

    /// The HA1 to compute with, and whether it is this user's.
    pub(super) fn ha1(&self, username: &str, algorithm: Algorithm) -> (Hex, Choice) {
        let own = self.hashes_by_username.get(username).and_then(|hashes| hashes.of(algorithm));
        let exists = Choice::from(u8::from(own.is_some()));
        (own.or_else(|| self.nobody.of(algorithm)).unwrap_or_else(|| Hex::of(&[])), exists)
    }
}

impl Hashes {
    fn of(&self, algorithm: Algorithm) -> Option<Hex> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_ref().map(|octets| Hex::of(octets)),
            Algorithm::Sha256 => self.sha256.as_ref().map(|octets| Hex::of(octets)),
            Algorithm::Sha512_256 => self.sha512_256.as_ref().map(|octets| Hex::of(octets)),
        }
    }
}
