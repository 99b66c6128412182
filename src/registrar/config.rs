//! The `[registrar]` section, and the `[[extension]]` tables: whose phones may register.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::media::config::Encryption;
use crate::sip::digest::Secret;

/// `[registrar]`: for how long, and how many.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a registration lasts if the phone does not say. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub expires: Duration,
    /// A phone that asks for less is told to ask for this. Default: 1 min.
    #[serde(with = "humantime_serde")]
    pub min_expires: Duration,
    /// A phone that asks for more gets this. Default: 1 h.
    #[serde(with = "humantime_serde")]
    pub max_expires: Duration,
    /// Up to so many percent are taken off what is granted, by chance: phones that came together do not come back together.
    /// Default: 10.
    pub jitter: Percent,
    /// Phones that may be registered for one extension at a time. Default: 10.
    pub max_contacts: usize,
    /// Whether a phone that answers 3xx sends its calls on: to extensions and over routes. Default: false.
    pub follow_redirects: bool,
    /// Further REGISTERs within a second are sent away with 503 and a time to come back; 0: never. Default: 2000.
    pub max_per_second: u32,
    /// How often a phone with flows of its own (RFC 5626) is asked to show that it is alive. Default: 2 min.
    #[serde(with = "humantime_serde")]
    pub flow_timer: Duration,
    /// Push services (`pn-provider` of RFC 8599) that phones may name; empty: any. Default: empty.
    pub push_providers: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            expires: Duration::from_secs(3600),
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            jitter: Percent(10),
            max_contacts: 10,
            follow_redirects: false,
            max_per_second: 2000,
            flow_timer: Duration::from_secs(120),
            push_providers: Vec::new(),
        }
    }
}

/// 0 to 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Percent(pub(super) u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no share that may be taken off: 0 to 50 percent")]
pub struct PercentError(u32);

impl Percent {
    pub(super) fn per_mille(self) -> u32 {
        self.0 * 10
    }
}

impl TryFrom<u32> for Percent {
    type Error = PercentError;

    fn try_from(percent: u32) -> Result<Percent, PercentError> {
        if percent <= 50 { Ok(Percent(percent)) } else { Err(PercentError(percent)) }
    }
}

/// `[[extension]]`: somebody inside, whose phone signs in here.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// What others dial, and the name to sign in with.
    pub number: String,
    /// What callees see. Default: nothing but the number.
    #[serde(default)]
    pub name: String,
    /// Default: one is made at the first start and shown once.
    #[serde(default)]
    pub password: Option<String>,
    /// The password is the content of this file.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Instead of a password: SHA-256 of `number:domain:password`, in hexadecimal.
    #[serde(default)]
    pub ha1_sha256: Option<String>,
    /// Instead of a password: MD5 of `number:domain:password`, in hexadecimal.
    #[serde(default)]
    pub ha1_md5: Option<String>,
    /// The mailbox whose messages its phones are told of. Default: the mailbox named like the number.
    #[serde(default)]
    pub mailbox: Option<String>,
    /// Whether audio of its phones is encrypted. Default: as `[media]` says.
    #[serde(default)]
    pub encryption: Option<Encryption>,
}

impl Extension {
    /// What its phones sign in with.
    pub fn secret(&self) -> Secret {
        match &self.password {
            Some(password) => Secret::Password(password.clone()),
            None => Secret::Ha1 { md5: self.ha1_md5.clone(), sha256: self.ha1_sha256.clone() },
        }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Extension {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = out.debug_struct("Extension");
        fields.field("number", &self.number).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_nobody_means_is_a_fault() {
        let config: Config = toml::from_str("jitter = 0").unwrap();
        assert_eq!((config.jitter, config.max_per_second), (Percent(0), 2000));
        let fault = toml::from_str::<Config>("jitter = 51").unwrap_err().to_string();
        assert!(fault.contains("0 to 50 percent"), "{fault}");
    }
}
