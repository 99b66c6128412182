//! What is asked, of whom, how often and by which way: data only. The asking is done by `io`.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::reading::Reading;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;
use crate::outage::weight::Weight;

/// One entry of a channel's `probes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub layer: Layer,
    /// dns: a host name. tcp and tls: `host` or `host:port`, port 443 by default. http, api and feed: a URL, in which
    /// `{token}` stands for the credential.
    pub target: String,
    /// An unrelated target that tells whether our own line works. Default: false.
    #[serde(default)]
    pub control: bool,
    /// Over which line: `here` or `path:NAME`. Default: here, or the path that `via` is.
    #[serde(default)]
    pub vantage: Vantage,
    /// dns: whom to ask: `ours`, `other:ADDRESS`, `authoritative`. Default: each of the channel's `resolvers`.
    #[serde(default)]
    pub resolver: Option<Resolver>,
    /// Default: the channel's `every`.
    #[serde(default, with = "humantime_serde::option")]
    pub every: Option<Duration>,
    /// Default: the channel's `timeout`.
    #[serde(default, with = "humantime_serde::option")]
    pub timeout: Option<Duration>,
    /// A second way out: an address of ours to send from, or a proxy such as `http://198.51.100.7:3128`. Default: none.
    #[serde(default)]
    pub via: Option<Via>,
    /// http and api: what the page must contain. Default: anything.
    #[serde(default)]
    pub contains: Option<String>,
    /// http and api: the statuses that count as an answer. Default: every one below 500.
    #[serde(default)]
    pub status: Vec<u16>,
    /// api and feed: how the answer is understood. Default: only status and `contains` count.
    #[serde(default)]
    pub reads: Option<Reading>,
    /// feed: the service on a status page that lists several, such as `iMessage`. Default: all of them.
    #[serde(default)]
    pub service: Option<String>,
    /// api and feed: sent as `Authorization: Bearer`, unless the target has a place for it. Default: none.
    #[serde(default)]
    pub token: Option<Credential>,
    /// Its part among the targets of its layer. Default: 1.
    #[serde(default)]
    pub weight: Weight,
}

/// A way into the world other than the usual one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Via {
    /// An address of this machine: that of the second uplink.
    Address(IpAddr),
    /// `host:port` of an HTTP proxy that can `CONNECT` (RFC 9110 §9.3.6).
    Proxy(String),
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Credential(pub String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeFault {
    #[error("`{0}` is no way out: write an address of this machine, or a proxy such as `http://198.51.100.7:3128`")]
    Via(String),
    #[error("`{0}` is no URL: it begins with https:// or http://")]
    Url(String),
    #[error("`{0}` is no host name: a URL belongs to `layer = \"http\"`")]
    Host(String),
    #[error("`{0}` names no address: write `other:1.1.1.1` or `other:1.1.1.1:53`")]
    NameServer(Resolver),
    #[error("evidence of the layer `{0}` comes from our own traffic and from reports, not from a probe")]
    NotAsked(Layer),
    #[error("a proxy cannot look up names for us: give a dns probe an address of this machine instead")]
    NamesByProxy,
    #[error("what others see comes as a report: a probe's `vantage` is `here` or `path:NAME`")]
    Outside,
    #[error("`{key}` means nothing to a probe of the layer `{layer}`")]
    Foreign { key: &'static str, layer: Layer },
    #[error("the target has a place for `{{token}}`, but there is none: say `token`")]
    NoToken,
    #[error("`every` and `timeout` must be longer than nothing")]
    NoTime,
}

const DNS: u16 = 53;

const TOKEN: &str = "{token}";

impl Probe {
    pub fn new(layer: Layer, target: &str, role: Role) -> Probe {
        Probe {
            layer,
            target: target.to_owned(),
            control: role == Role::Control,
            vantage: Vantage::Here,
            resolver: None,
            every: None,
            timeout: None,
            via: None,
            contains: None,
            status: Vec::new(),
            reads: None,
            service: None,
            token: None,
            weight: Weight::ONE,
        }
    }

    pub fn role(&self) -> Role {
        match self.control {
            true => Role::Control,
            false => Role::Channel,
        }
    }

    /// What came of it, as the detector wants it.
    pub fn evidence(&self, outcome: Outcome, at: Timestamp) -> Evidence {
        Evidence {
            layer: self.layer,
            target: self.target.clone(),
            vantage: self.vantage.clone(),
            resolver: self.resolver.clone(),
            role: self.role(),
            outcome,
            at,
        }
    }

    /// One probe for each resolver where none was chosen, each with the vantage of its way out.
    pub fn settled(&self, resolvers: &[Resolver]) -> Vec<Probe> {
        let mut probe = self.clone();
        if let (Some(via), Vantage::Here) = (&self.via, &self.vantage) {
            probe.vantage = Vantage::Path(via.to_string());
        }
        match (probe.layer, &probe.resolver) {
            (Layer::Dns, None) if !resolvers.is_empty() => {
                let by = |resolver: &Resolver| Probe { resolver: Some(resolver.clone()), ..probe.clone() };
                resolvers.iter().map(by).collect()
            }
            _ => vec![probe],
        }
    }

    /// The first thing that an operator has to mend.
    pub fn check(&self) -> Result<(), ProbeFault> {
        self.check_target()?;
        self.check_way()?;
        if self.target.contains(TOKEN) && self.token.is_none() {
            return Err(ProbeFault::NoToken);
        }
        if self.every == Some(Duration::ZERO) || self.timeout == Some(Duration::ZERO) {
            return Err(ProbeFault::NoTime);
        }
        self.foreign_key().map_or(Ok(()), |key| Err(ProbeFault::Foreign { key, layer: self.layer }))
    }

    fn check_target(&self) -> Result<(), ProbeFault> {
        let is_url = ["http://", "https://"].iter().any(|scheme| self.target.starts_with(scheme));
        match self.layer {
            Layer::Dns | Layer::Tcp | Layer::Tls if self.target.contains('/') || self.target.is_empty() => {
                Err(ProbeFault::Host(self.target.clone()))
            }
            Layer::Http | Layer::Api | Layer::Feed if !is_url => Err(ProbeFault::Url(self.target.clone())),
            Layer::Traffic | Layer::Report | Layer::Person => Err(ProbeFault::NotAsked(self.layer)),
            _ => Ok(()),
        }
    }

    fn check_way(&self) -> Result<(), ProbeFault> {
        if let Some(resolver) = &self.resolver {
            check_resolver(resolver)?;
        }
        if self.layer == Layer::Dns && matches!(self.via, Some(Via::Proxy(_))) {
            return Err(ProbeFault::NamesByProxy);
        }
        match self.vantage {
            Vantage::Outside(_) => Err(ProbeFault::Outside),
            Vantage::Here | Vantage::Path(_) => Ok(()),
        }
    }

    fn foreign_key(&self) -> Option<&'static str> {
        let has_page = matches!(self.layer, Layer::Http | Layer::Api | Layer::Feed);
        let reads = matches!(self.layer, Layer::Api | Layer::Feed);
        let keys = [
            ("resolver", self.resolver.is_some() && self.layer != Layer::Dns),
            ("contains", self.contains.is_some() && !has_page),
            ("status", !self.status.is_empty() && !has_page),
            ("reads", self.reads.is_some() && !reads),
            ("service", self.service.is_some() && !reads),
            ("token", self.token.is_some() && !reads),
        ];
        keys.into_iter().find(|(_, wrong)| *wrong).map(|(key, _)| key)
    }

    /// The target with the credential in its place; never to be shown.
    pub fn filled_target(&self) -> String {
        match &self.token {
            Some(token) => self.target.replace(TOKEN, &token.0),
            None => self.target.clone(),
        }
    }

    /// The credential, where the target has no place for it.
    pub fn bearer(&self) -> Option<&Credential> {
        self.token.as_ref().filter(|_| !self.target.contains(TOKEN))
    }
}

/// Of a resolver's name: `1.1.1.1`, `1.1.1.1:53`, `2606:4700::1111`.
pub fn server_address(name: &str) -> Option<SocketAddr> {
    let alone = name.parse().map(|ip| SocketAddr::new(ip, DNS));
    alone.or_else(|_| name.parse()).ok()
}

/// A name that is no address is nobody to ask.
pub fn check_resolver(resolver: &Resolver) -> Result<(), ProbeFault> {
    let known = match resolver {
        Resolver::Ours(name) | Resolver::Authoritative(name) => name.is_empty() || server_address(name).is_some(),
        Resolver::Other(name) => server_address(name).is_some(),
    };
    match known {
        true => Ok(()),
        false => Err(ProbeFault::NameServer(resolver.clone())),
    }
}

impl FromStr for Via {
    type Err = ProbeFault;

    fn from_str(text: &str) -> Result<Via, ProbeFault> {
        if let Ok(address) = text.parse() {
            return Ok(Via::Address(address));
        }
        let place = text.strip_prefix("http://").map(|place| place.trim_end_matches('/'));
        let has_port = |place: &&str| place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match place.filter(has_port) {
            Some(place) if !place.contains('/') => Ok(Via::Proxy(place.to_owned())),
            _ => Err(ProbeFault::Via(text.to_owned())),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Via::Address(address) => write!(f, "{address}"),
            Via::Proxy(place) => f.write_str(place),
        }
    }
}

impl TryFrom<String> for Via {
    type Error = ProbeFault;

    fn try_from(text: String) -> Result<Via, ProbeFault> {
        text.parse()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_are_addresses_and_proxies() {
        assert_eq!("192.0.2.7".parse(), Ok(Via::Address([192, 0, 2, 7].into())));
        assert_eq!("http://proxy.example:3128/".parse(), Ok(Via::Proxy("proxy.example:3128".to_owned())));
        for wrong in ["proxy", "http://proxy", "socks://a:1", "http://proxy:99999"] {
            assert!(wrong.parse::<Via>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn name_servers_are_written_with_or_without_a_port() {
        for (name, address) in [
            ("1.1.1.1", "1.1.1.1:53"),
            ("127.0.0.1:5300", "127.0.0.1:5300"),
            ("2606:4700::1111", "[2606:4700::1111]:53"),
            ("[::1]:5300", "[::1]:5300"),
        ] {
            assert_eq!(server_address(name), Some(address.parse().unwrap()));
        }
        assert_eq!(server_address("cloudflare"), None);
    }

    #[test]
    fn a_lookup_is_asked_of_every_resolver_unless_one_is_chosen() {
        let resolvers = ["ours", "other:1.1.1.1", "authoritative"].map(|resolver| resolver.parse().unwrap());
        let settled = probe("layer = 'dns'\ntarget = 'a.example'\nvia = '192.0.2.7'").settled(&resolvers);
        assert_eq!(settled.len(), 3);
        assert_eq!(settled[1].resolver, Some(Resolver::Other("1.1.1.1".to_owned())));
        assert_eq!(settled[1].vantage, Vantage::Path("192.0.2.7".to_owned()));
        let chosen = probe("layer = 'dns'\ntarget = 'a.example'\nresolver = 'authoritative'");
        assert_eq!(chosen.settled(&resolvers).len(), 1);
        assert_eq!(probe("layer = 'tcp'\ntarget = 'a.example'").settled(&resolvers).len(), 1);
    }

    #[test]
    fn what_an_operator_wrote_wrongly_is_named() {
        for (wrong, fault) in [
            ("layer = 'http'\ntarget = 'a.example'", "`a.example` is no URL"),
            ("layer = 'tls'\ntarget = 'https://a.example'", "`https://a.example` is no host name"),
            ("layer = 'dns'\ntarget = ''", "`` is no host name"),
            ("layer = 'dns'\ntarget = 'a'\nvia = 'http://a:1'", "a proxy cannot look up names"),
            ("layer = 'dns'\ntarget = 'a'\nresolver = 'other:cloudflare'", "`other:cloudflare` names no address"),
            (
                "layer = 'tcp'\ntarget = 'a'\nresolver = 'ours'",
                "`resolver` means nothing to a probe of the layer `tcp`",
            ),
            (
                "layer = 'http'\ntarget = 'http://a'\ntoken = 'x'",
                "`token` means nothing to a probe of the layer `http`",
            ),
            ("layer = 'api'\ntarget = 'http://a/{token}/me'", "the target has a place for `{token}`"),
            ("layer = 'traffic'\ntarget = 'sent'", "evidence of the layer `traffic` comes from our own"),
            ("layer = 'tcp'\ntarget = 'a'\nvantage = 'outside:x'", "what others see comes as a report"),
            ("layer = 'tcp'\ntarget = 'a'\nevery = '0s'", "`every` and `timeout` must be longer"),
        ] {
            let told = probe(wrong).check().unwrap_err().to_string();
            assert!(told.starts_with(fault), "{told}");
        }
    }

    #[test]
    fn a_credential_goes_into_its_place_and_into_no_log() {
        let in_target = probe("layer = 'api'\ntarget = 'https://a.example/bot{token}/getMe'\ntoken = '1:x'");
        assert_eq!(in_target.check(), Ok(()));
        assert_eq!(in_target.filled_target(), "https://a.example/bot1:x/getMe");
        assert_eq!(in_target.bearer(), None);
        let in_header = probe("layer = 'api'\ntarget = 'https://a.example/me'\ntoken = '1:x'");
        assert!(in_header.bearer().is_some());
        assert!(!format!("{in_header:?}").contains("1:x"));
    }

    fn probe(text: &str) -> Probe {
        toml::from_str(text).unwrap()
    }
}
