//! `[[trunk]]`: a carrier or another exchange that calls come from and go to.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::dialplan::names::TrunkNetwork;
use crate::media::codec::CodecKind;
use crate::media::config::Encryption;
use crate::number::Region;
use crate::number::dialling::Dialling;
use crate::number::dialling::NumberFormat;
use crate::number::dialling::OperatorCode;
use crate::sip::headers::Name;
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
    /// What lies behind it: `telephone`, `whatsapp` (calls of the one never leave by the other; Meta forbids it), or
    /// `private`. Default: telephone.
    #[serde(default)]
    pub network: TrunkNetwork,
    /// Calls at a time, in both directions; further ones are refused with 503, or go over the next trunk. Default: no limit.
    pub max_calls: Option<u32>,
    /// Whether the parties behind it may transfer calls (REFER): to extensions and flows, and out by our routes at our
    /// cost. Default: false.
    #[serde(default)]
    pub transfer: bool,
    /// Calls that may begin within a second, in both directions; further ones as for `max_calls`. Default: no limit.
    pub max_calls_per_second: Option<NonZeroU32>,
    /// How often each of its addresses is asked with OPTIONS whether it is there; `0s`: never. Default: 30 s.
    #[serde(default = "options_every", deserialize_with = "read_options_every")]
    pub options_every: Duration,
    /// How numbers are written on this trunk. Default: e164.
    #[serde(default)]
    pub number_format: NumberFormat,
    /// The long-distance operator that is dialled with numbers of Brazil, where the form has a place for it. Default: none.
    pub operator_code: Option<OperatorCode>,
    /// Where numbers of this trunk without a country code belong. Default: that of `[number]`.
    pub country_code: Option<String>,
    /// The area of numbers without one. Default: that of `[number]`.
    pub area_code: Option<String>,
    /// The number that callees see when the caller is an extension. Default: the extension's number.
    pub caller_id: Option<String>,
    /// Whether callees see the number of a caller from outside whose call is sent on; else `caller_id`. Default: true.
    #[serde(default = "yes")]
    pub caller_id_pass: bool,
    /// Where the caller's number is read from, the most trusted first. Default: all three in this order.
    #[serde(default = "IdentitySource::all")]
    pub caller_id_from: Vec<IdentitySource>,
    /// The header in which the trunk is told whom we vouch for. Default: p-asserted-identity.
    #[serde(default)]
    pub identity: IdentityHeader,
    /// Whether the trunk is told who sent a call on (RFC 5806). Default: true.
    #[serde(default = "yes")]
    pub diversion: bool,
    /// Further headers of each INVITE. Default: none.
    #[serde(default)]
    pub headers: ExtraHeaders,
    /// What is offered and taken on this trunk, best first. Default: the codecs of `[media]`.
    #[serde(default, deserialize_with = "codecs")]
    pub codecs: Option<Vec<CodecKind>>,
    /// Whether audio is encrypted. Default: as `[media]` says, but then our offers name keys only if that is `require` or
    /// `dtls`.
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// Whether a 3xx of this trunk is followed: to its own host, or over a route. Default: false.
    #[serde(default)]
    pub follow_redirects: bool,
}

impl Config {
    /// How numbers are written on this trunk, seen from `home`.
    pub fn dialling(&self, home: &Region) -> Dialling {
        let region = Region {
            country_code: self.country_code.clone().unwrap_or_else(|| home.country_code.clone()),
            area_code: self.area_code.clone().or_else(|| home.area_code.clone()),
        };
        Dialling { format: self.number_format, operator_code: self.operator_code.clone(), region }
    }
}

/// A header in which a trunk says who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySource {
    /// RFC 3325.
    PAssertedIdentity,
    /// draft-ietf-sip-privacy-04, which many carriers still speak.
    RemotePartyId,
    From,
}

impl IdentitySource {
    fn all() -> Vec<IdentitySource> {
        vec![IdentitySource::PAssertedIdentity, IdentitySource::RemotePartyId, IdentitySource::From]
    }
}

/// The header in which we say whom we vouch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityHeader {
    #[default]
    PAssertedIdentity,
    RemotePartyId,
    None,
}

/// `{ "X-Account" = "4711" }`: headers that SIP itself does not write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct ExtraHeaders(pub Vec<(Name, Bytes)>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtraHeadersError {
    #[error("`{0}` is no name of a header")]
    NotAName(String),
    #[error("`{0}` is written by Desvio itself and cannot be set")]
    Ours(Name),
    #[error("the value of `{0}` has a line break in it")]
    LineBreak(Name),
}

impl TryFrom<BTreeMap<String, String>> for ExtraHeaders {
    type Error = ExtraHeadersError;

    fn try_from(written: BTreeMap<String, String>) -> Result<ExtraHeaders, ExtraHeadersError> {
        let read = |(name, value): (String, String)| {
            let name = Name::from_text(&name).map_err(|_| ExtraHeadersError::NotAName(name))?;
            if OURS.contains(&name) {
                return Err(ExtraHeadersError::Ours(name));
            }
            if value.contains(['\r', '\n']) {
                return Err(ExtraHeadersError::LineBreak(name));
            }
            Ok((name, Bytes::from(value)))
        };
        written.into_iter().map(read).collect::<Result<_, _>>().map(ExtraHeaders)
    }
}

/// What a call cannot do without, and what other keys of a trunk decide.
const OURS: [Name; 27] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::Contact,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::ContentEncoding,
    Name::ContentDisposition,
    Name::Route,
    Name::RecordRoute,
    Name::Authorization,
    Name::ProxyAuthorization,
    Name::Allow,
    Name::Supported,
    Name::Require,
    Name::ProxyRequire,
    Name::SessionExpires,
    Name::MinSe,
    Name::Replaces,
    Name::ReferredBy,
    Name::PAssertedIdentity,
    Name::RemotePartyId,
    Name::Privacy,
    Name::Diversion,
];

fn codecs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<CodecKind>>, D::Error> {
    let codecs = Option::<Vec<CodecKind>>::deserialize(deserializer)?;
    match codecs.as_deref() {
        Some([]) => Err(D::Error::custom("a trunk needs at least one codec; leave `codecs` out for those of [media]")),
        Some(named) => match named.iter().find(|codec| !codec.is_spoken()) {
            Some(codec) => Err(D::Error::custom(format!(
                "{codec} is handed on where both legs have it; name opus, g722, pcma, pcmu"
            ))),
            None => Ok(codecs),
        },
        None => Ok(codecs),
    }
}

fn read_options_every<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let every: Duration = humantime_serde::deserialize(deserializer)?;
    match every.is_zero() || every >= SHORTEST_OPTIONS_EVERY {
        true => Ok(every),
        false => {
            Err(D::Error::custom("OPTIONS are sent once a second at most; write \"1s\" or more, or \"0s\" for none"))
        }
    }
}

const SHORTEST_OPTIONS_EVERY: Duration = Duration::from_secs(1);

fn options_every() -> Duration {
    Duration::from_secs(30)
}

fn yes() -> bool {
    true
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Config, String> {
        toml::from_str(&format!("name = \"a\"\nhost = \"sip.example\"\n{more}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_trunk_is_little_more_than_a_host() {
        let config = read("").unwrap();
        assert_eq!(config.options_every, Duration::from_secs(30));
        assert_eq!(config.caller_id_from.len(), 3);
        assert!(config.caller_id_pass && config.diversion && !config.follow_redirects);
        assert_eq!(config.dialling(&Region::default()), Dialling::default());
    }

    #[test]
    fn every_key_of_the_reference_is_understood() {
        let config = read(
            "max_calls_per_second = 10\noptions_every = \"0s\"\nnumber_format = \"brazil\"\noperator_code = \"15\"\n\
             country_code = \"55\"\narea_code = \"11\"\ncaller_id_from = [\"from\"]\nidentity = \"remote-party-id\"\n\
             headers = { X-Account = \"4711\" }\ncodecs = [\"pcma\"]\nencryption = \"off\"\nfollow_redirects = true",
        )
        .unwrap();
        assert_eq!(config.headers.0[0].0.as_str(), "X-Account");
        assert_eq!(config.dialling(&Region::default()).write("+551131234567"), "31234567");
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let faults = [
            ("headers = { \"Call-ID\" = \"x\" }", "written by Desvio itself"),
            ("headers = { \"f\" = \"x\" }", "written by Desvio itself"),
            ("headers = { \"X Y\" = \"x\" }", "no name of a header"),
            ("headers = { \"X-Y\" = \"x\\r\\nVia: y\" }", "line break"),
            ("options_every = \"10ms\"", "once a second at most"),
            ("codecs = []", "at least one codec"),
            ("operator_code = \"1\"", "two digits"),
            ("max_calls_per_second = 0", "nonzero"),
            ("number_format = \"e163\"", "unknown variant"),
        ];
        for (written, why) in faults {
            let error = read(written).unwrap_err();
            assert!(error.contains(why), "{written}: {error}");
        }
    }
}
