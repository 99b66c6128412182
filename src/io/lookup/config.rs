//! `[http]` and `[[credential]]`: whom a dialplan may ask, how much it may bring home, and what opens the door there.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde::Deserializer;

use crate::io::secret;
use crate::sip::network::Network;

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Hosts and networks that may be asked although they are not public: `"crm.local"`, `"10.0.0.0/8"`. Default: none.
    pub allow: Vec<Allowed>,
    /// Bytes of an answer; a longer one is a failure. At most 1 MiB. Default: 64 KiB.
    #[serde(deserialize_with = "at_most_a_mebibyte")]
    pub largest_answer: usize,
    /// How often a GET is led on, on the same host only. Default: 3.
    pub redirects: usize,
    /// Questions under way; further ones wait, within their own time-out. At least 1. Default: 64.
    #[serde(deserialize_with = "at_least_one")]
    pub at_once: usize,
}

/// A host by its name, or addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    Host(String),
    Network(Network),
}

/// `[[credential]]`: a header with a secret, for one host.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub name: String,
    /// The only host that it is sent to.
    pub host: String,
    /// Default: `Authorization`.
    #[serde(default = "authorization")]
    pub header: String,
    /// The header's whole value, such as `Bearer …`.
    pub value: Option<String>,
    /// A file whose first line is the value; used in place of `value`.
    pub value_file: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("[[credential]] `{0}` has neither `value` nor `value_file`")]
    NoValue(String),
    #[error("the `value_file` of [[credential]] `{name}` cannot be read: {}: {why}", path.display())]
    Unreadable { name: String, path: PathBuf, why: io::Error },
    #[error("[[credential]] `{0}` does not fit into a header")]
    NoHeader(String),
}

impl Default for Config {
    fn default() -> Config {
        Config { allow: Vec::new(), largest_answer: 64 * 1024, redirects: 3, at_once: 64 }
    }
}

impl Config {
    pub(super) fn allows_host(&self, host: &str) -> bool {
        self.allow.iter().any(|allowed| matches!(allowed, Allowed::Host(name) if name.eq_ignore_ascii_case(host)))
    }

    pub(super) fn allows_address(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|allowed| matches!(allowed, Allowed::Network(network) if network.contains(address)))
    }
}

impl Credential {
    /// What is sent along, kept out of every log. Paths start at `base`.
    pub(in crate::io) fn header(&self, base: &Path) -> Result<(HeaderName, HeaderValue), CredentialError> {
        let secret = self.secret(base)?;
        let unfit = || CredentialError::NoHeader(self.name.clone());
        let name = HeaderName::from_bytes(self.header.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(&secret).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// Whether it is there and can be sent.
    pub fn check(&self, base: &Path) -> Result<(), CredentialError> {
        self.header(base).map(drop)
    }

    /// The secret itself.
    fn secret(&self, base: &Path) -> Result<String, CredentialError> {
        let Some(file) = &self.value_file else {
            return self.value.clone().ok_or_else(|| CredentialError::NoValue(self.name.clone()));
        };
        let path = base.join(file);
        secret::read(&path).map_err(|why| CredentialError::Unreadable { name: self.name.clone(), path, why })
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Allowed, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().map_or(Allowed::Host(text), Allowed::Network))
    }
}

fn at_most_a_mebibyte<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let bytes = usize::deserialize(deserializer)?;
    if (1..=1024 * 1024).contains(&bytes) {
        return Ok(bytes);
    }
    Err(serde::de::Error::custom("`largest_answer` lies between 1 and 1048576 bytes"))
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    if (1..=10_000).contains(&count) {
        return Ok(count);
    }
    Err(serde::de::Error::custom("`at_once` lies between 1 and 10000"))
}

fn authorization() -> String {
    "Authorization".to_owned()
}

/// Never shows the value.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credential { name, host, header, .. } = self;
        write!(f, "credential `{name}`: {header} for {host}")
    }
}
