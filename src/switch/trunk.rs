//! `[[trunk]]`: a carrier or another exchange that calls come from and go to.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::sip::hop::Transport;
use crate::sip::network::Network;

/// `[[trunk]]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// Where our calls go: a name (SRV, then A/AAAA) or an address.
    pub host: String,
    /// Default: from SRV, else 5060 (5061 for TLS).
    pub port: Option<u16>,
    /// `udp`, `tcp` or `tls`. Default: udp.
    #[serde(default, deserialize_with = "transport")]
    pub transport: Option<Transport>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// Whether we register there, as a phone would. Default: false.
    #[serde(default)]
    pub register: bool,
    /// Addresses and networks that may send us calls as this trunk without a password. Default: none.
    #[serde(default)]
    pub from: Vec<Network>,
    /// Over TLS, whoever proves this name by a certificate is this trunk; see `[sip] client_certificates`. Default: none.
    pub tls_name: Option<String>,
    /// The certificate chain that we show to this trunk over TLS, PEM. Default: none.
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, PEM. Default: none.
    pub certificate_key: Option<PathBuf>,
    /// Certificates or authorities that alone are believed when we call this trunk over TLS, PEM. Default: the public
    /// authorities and `[sip] trust`.
    pub trust: Option<PathBuf>,
    /// Further calls over this trunk are refused with 503. Default: no limit.
    pub max_calls: Option<u32>,
    /// Whether the parties behind it may transfer calls (REFER): to extensions and flows, and out by our routes at our
    /// cost. Default: false.
    #[serde(default)]
    pub transfer: bool,
    /// The number that callees see when the caller is an extension. Default: the extension's number.
    pub caller_id: Option<String>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trunk").field("name", &self.name).field("host", &self.host).finish_non_exhaustive()
    }
}

fn transport<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Transport>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match text.as_str() {
        "udp" => Ok(Some(Transport::Udp)),
        "tcp" => Ok(Some(Transport::Tcp)),
        "tls" => Ok(Some(Transport::Tls)),
        other => Err(D::Error::custom(format!("`{other}` is no transport of a trunk: udp, tcp or tls"))),
    }
}
