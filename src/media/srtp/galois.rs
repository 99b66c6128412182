//! AES in Galois/counter mode: hides and signs at once. RFC 7714.

use ring::aead::AES_128_GCM;
use ring::aead::AES_256_GCM;
use ring::aead::Aad;
use ring::aead::LessSafeKey;
use ring::aead::Nonce;
use ring::aead::Tag;
use ring::aead::UnboundKey;

use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::derivation::Label;
use crate::media::srtp::derivation::Usage;
use crate::media::srtp::derivation::derive;

/// RFC 7714 §13.2.
pub(super) const TAG: usize = 16;

/// The keys of one kind of packets under one master key.
pub(super) struct Galois {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Galois {
    pub(super) fn new(suite: Suite, master: &MasterKey, usage: Usage) -> Galois {
        let mut key = [0; 32];
        let key = &mut key[..suite.key_octets()];
        derive(master, Label::Encryption, usage, key);
        let mut salt = [0; 12];
        derive(master, Label::Salt, usage, &mut salt);
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the key has the length of its algorithm");
        Galois { key: LessSafeKey::new(key), salt }
    }

    /// Hides `body` and gives the tag that goes behind it.
    pub(super) fn seal(&self, ssrc: u32, index: u64, signed: &[u8], body: &mut [u8]) -> Result<[u8; TAG], Refusal> {
        let sealed = self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(signed), body);
        let tag: Tag = sealed.map_err(|_| Refusal::Exhausted)?;
        tag.as_ref().try_into().map_err(|_| Refusal::Exhausted)
    }

    /// Shows what `sealed` hides, which ends with its tag.
    pub(super) fn open(&self, ssrc: u32, index: u64, signed: &[u8], sealed: &mut [u8]) -> Result<(), Refusal> {
        let opened = self.key.open_in_place(self.nonce(ssrc, index), Aad::from(signed), sealed);
        opened.map(|_| ()).map_err(|_| Refusal::Forged)
    }

    /// RFC 7714 §8.1 and §9.1: the index has 48 bits, those of a report being its 31 at the right.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        for (octet, bits) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
            *octet ^= bits;
        }
        for (octet, bits) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *octet ^= bits;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}
