//! What of a description nobody may guess: keys for SRTP, the name and password for ICE.
//!
//! Drawn from one key of the process by HMAC-SHA-256, so that a leg remembers no secret of its own and describes itself
//! the same way each time; the key is handed in, and no output tells another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;

use crate::media::command::LegId;
use crate::media::security::IceCredentials;
use crate::media::security::MasterKey;
use crate::media::security::Suite;

/// The key of one leg, from which all its secrets come.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets([u8; 32]);

impl Secrets {
    /// `root` is random and known to this process alone.
    pub fn of_leg(root: &[u8; 32], leg: LegId) -> Secrets {
        Secrets(draw(root, "media leg", &leg.0.to_be_bytes()))
    }

    /// What we encrypt with under this suite from this version of our description on: a key that was left is never taken
    /// up again, for its packet numbers would begin anew.
    pub(super) fn master_key(&self, suite: Suite, version: u64) -> MasterKey {
        let of = format!("{} {version}", suite.name());
        let mut material = [0; 64];
        let (first, second) = material.split_at_mut(32);
        first.copy_from_slice(&draw(&self.0, "SRTP key", of.as_bytes()));
        second.copy_from_slice(&draw(&self.0, "SRTP salt", of.as_bytes()));
        MasterKey::new(suite, &material[..suite.master_octets()]).expect("has the length of the suite")
    }

    /// Ours towards a far side that calls itself so: others after each of its restarts, as RFC 8445 §9 wants.
    /// `None`: in an offer, where it has not spoken yet.
    pub(super) fn ice(&self, far: Option<&IceCredentials>) -> IceCredentials {
        let session = far.map_or_else(String::new, |far| format!("{}:{}", far.ufrag, far.password));
        let text = |label, octets| STANDARD_NO_PAD.encode(&draw(&self.0, label, session.as_bytes())[..octets]);
        IceCredentials { ufrag: text("ICE ufrag", 6), password: text("ICE password", 18) }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

fn draw(key: &[u8; 32], label: &str, of: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(label.as_bytes());
    mac.update(&[0]);
    mac.update(of);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leg_suite_version_and_restart_has_secrets_of_its_own() {
        let secrets = |leg| Secrets::of_leg(&[7; 32], LegId(leg));
        assert_eq!(secrets(1), secrets(1));
        let keys: Vec<MasterKey> = [secrets(1), secrets(2)]
            .iter()
            .flat_map(|leg| Suite::ALL.map(|suite| [1, 2].map(|version| leg.master_key(suite, version))))
            .flatten()
            .collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|other| other.key() != key.key() && other.salt() != key.salt()));
        }
        let far = |ufrag: &str| IceCredentials { ufrag: ufrag.to_owned(), password: "x".repeat(22) };
        let ours = [None, Some(far("abcd")), Some(far("abce"))].map(|far| secrets(1).ice(far.as_ref()));
        assert!(ours[0] != ours[1] && ours[1] != ours[2]);
        assert!(ours.iter().all(|ours| ours.ufrag.len() == 8 && ours.password.len() == 24));
        assert_eq!(format!("{:?}", secrets(1)), "Secrets(..)");
    }
}
