//! AES in counter mode with HMAC-SHA1. RFC 3711 §4.1.1 and §4.2.1, RFC 6188 §2.

use aes::Aes128Enc;
use aes::Aes256Enc;
use aes::cipher::InnerIvInit;
use aes::cipher::KeyInit as _;
use aes::cipher::StreamCipher;
use aes::cipher::StreamCipherCoreWrapper;
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::derivation::Label;
use crate::media::srtp::derivation::Usage;
use crate::media::srtp::derivation::derive;

/// An expanded key.
pub(super) enum Keystream {
    Aes128(Box<Aes128Enc>),
    Aes256(Box<Aes256Enc>),
}

impl Keystream {
    /// Of 16 or 32 octets.
    pub(super) fn new(key: &[u8]) -> Keystream {
        match <&[u8; 32]>::try_from(key) {
            Ok(key) => Keystream::Aes256(Box::new(Aes256Enc::new(key.into()))),
            Err(_) => {
                let mut short = [0; 16];
                let length = key.len().min(16);
                short[..length].copy_from_slice(&key[..length]);
                Keystream::Aes128(Box::new(Aes128Enc::new(&short.into())))
            }
        }
    }

    /// Hides what is plain, and shows what was hidden.
    pub(super) fn apply(&self, vector: &[u8; 16], octets: &mut [u8]) {
        match self {
            Keystream::Aes128(cipher) => {
                let core = CtrCore::<_, Ctr128BE>::inner_iv_init(&**cipher, vector.into());
                StreamCipherCoreWrapper::from_core(core).apply_keystream(octets);
            }
            Keystream::Aes256(cipher) => {
                let core = CtrCore::<_, Ctr128BE>::inner_iv_init(&**cipher, vector.into());
                StreamCipherCoreWrapper::from_core(core).apply_keystream(octets);
            }
        }
    }
}

/// The keys of one kind of packets under one master key.
pub(super) struct Counter {
    keystream: Keystream,
    salt: [u8; 14],
    signature: Hmac<Sha1>,
    tag: usize,
}

impl Counter {
    pub(super) fn new(suite: Suite, master: &MasterKey, usage: Usage) -> Counter {
        let mut key = [0; 32];
        let key = &mut key[..suite.key_octets()];
        derive(master, Label::Encryption, usage, key);
        let mut salt = [0; 14];
        derive(master, Label::Salt, usage, &mut salt);
        let mut authentication = [0; 20];
        derive(master, Label::Authentication, usage, &mut authentication);
        // RFC 4568 §6.2.2: reports are signed with 80 bits even where packets are with 32.
        let tag = match (suite, usage) {
            (Suite::AesCm128HmacSha1Tag32, Usage::Packets) => 4,
            _ => 10,
        };
        let signature = Hmac::new_from_slice(&authentication).expect("HMAC takes keys of every length");
        Counter { keystream: Keystream::new(key), salt, signature, tag }
    }

    pub(super) fn tag_octets(&self) -> usize {
        self.tag
    }

    pub(super) fn apply(&self, ssrc: u32, index: u64, octets: &mut [u8]) {
        let mut vector = [0; 16];
        vector[..14].copy_from_slice(&self.salt);
        for (octet, bits) in vector[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *octet ^= bits;
        }
        for (octet, bits) in vector[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *octet ^= bits;
        }
        self.keystream.apply(&vector, octets);
    }

    /// Of the octets and, of an RTP packet, its rollover counter behind them.
    pub(super) fn sign(&self, octets: &[u8], rollover: &[u8]) -> [u8; 20] {
        let mut signature = self.signature.clone();
        signature.update(octets);
        signature.update(rollover);
        signature.finalize().into_bytes().into()
    }

    pub(super) fn verify(&self, octets: &[u8], rollover: &[u8], tag: &[u8]) -> Result<(), Refusal> {
        let expected = self.sign(octets, rollover);
        match bool::from(expected[..self.tag].ct_eq(tag)) {
            true => Ok(()),
            false => Err(Refusal::Forged),
        }
    }
}
