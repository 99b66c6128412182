//! The `[sip]` section: who we are, where we listen, and the timers of RFC 3261.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use crate::sip::advertising::Advertised;
use crate::sip::hashing::Algorithm;
use crate::sip::hop::Transport;
use crate::sip::limits::Limits;
use crate::sip::network::Network;
use crate::sip::network::private_networks;
use crate::sip::subscription;

/// `[sip]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our realm, and the host part of our extensions. Default: `desvio.local`.
    #[serde(default = "domain")]
    pub domain: String,
    /// `udp:`, `tcp:`, `tls:`, `ws:` or `wss:`, then address and port. Default: UDP and TCP on port 5060 of every IPv4 address.
    #[serde(default = "listen")]
    pub listen: Vec<Listener>,
    /// What we tell peers outside when we stand behind NAT. Default: the address at which the peer reached us.
    #[serde(default)]
    pub external_address: Option<IpAddr>,
    /// The UDP and TCP port at which the outside reaches us, if the router maps another one. Default: the listener's.
    #[serde(default)]
    pub external_port: Option<u16>,
    /// Peers in these networks reach us without NAT and hear our inner address. Default: every private network.
    #[serde(default = "private_networks")]
    pub local_networks: Vec<Network>,
    /// Networks whose peers reach us at an address of its own, as over a VPN; the first that fits counts. Default: none.
    #[serde(default)]
    pub advertise: Vec<Advertised>,
    /// The certificate chain of the `tls:` and `wss:` listeners, PEM. Default: none.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate, PEM. Default: none.
    #[serde(default)]
    pub certificate_key: Option<PathBuf>,
    /// `[[sip.certificates]]`: further ones, for other names of ours; the name that the client asks for chooses. Default: none.
    #[serde(default)]
    pub certificates: Vec<CertificateFiles>,
    /// Authorities beyond the public ones that we believe as a TLS client, PEM. Default: none.
    #[serde(default)]
    pub trust: Option<PathBuf>,
    /// Whether TLS clients have to show a certificate: `no`, `ask` or `require`. Default: `no`.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// Whose client certificates we believe, PEM; `ask` and `require` need it. Default: none.
    #[serde(default)]
    pub client_trust: Option<PathBuf>,
    /// Web pages that may open a WebSocket, as `https://phone.example`. Default: all.
    #[serde(default)]
    pub ws_origins: Vec<String>,
    /// Requests of ours above this many octets go over TCP where the peer takes it. Default: 1300. RFC 3261 §18.1.1.
    #[serde(default = "udp_limit")]
    pub udp_limit: usize,
    /// Streams open at a time, in all. Default: 10,000.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// Streams open at a time from one IPv4 address or one IPv6 network of 64 bits. Default: 512.
    #[serde(default = "max_connections_per_address")]
    pub max_connections_per_address: usize,
    /// TLS and WebSocket handshakes under way at a time. Default: 256.
    #[serde(default = "max_handshakes")]
    pub max_handshakes: usize,
    /// How long a peer may take to accept a stream of ours. Default: 5 s.
    #[serde(default = "connect_timeout", with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a peer may take for its TLS and WebSocket handshakes. Default: 10 s.
    #[serde(default = "handshake_timeout", with = "humantime_serde")]
    pub handshake_timeout: Duration,
    /// How long a peer may take from its connection to its first whole message. Default: 30 s.
    #[serde(default = "first_message_within", with = "humantime_serde")]
    pub first_message_within: Duration,
    /// A stream on which nothing comes for this long is closed: longer than a registration lasts. Default: 2 h.
    #[serde(default = "idle_timeout", with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// How long a peer may take to accept one message of ours. Default: 10 s.
    #[serde(default = "write_timeout", with = "humantime_serde")]
    pub write_timeout: Duration,
    /// The `User-Agent` and `Server` that we send. Default: `Desvio`.
    #[serde(default = "user_agent")]
    pub user_agent: String,
    /// What phones may sign in with, the strongest first: `md5`, `sha-256`, `sha-512-256`. Default: SHA-256 and MD5. RFC 8760.
    #[serde(default = "digest_algorithms")]
    pub digest_algorithms: Vec<Algorithm>,
    /// After so many wrong passwords within a minute a source is not listened to for a minute; 0: never. Default: 30.
    #[serde(default = "auth_failures_per_minute")]
    pub auth_failures_per_minute: u32,
    /// T1: estimate of the round trip; repeats begin after it, waits end after 64 times of it. Default: 500 ms. RFC 3261 §17.1.1.1.
    #[serde(default = "t1", with = "humantime_serde")]
    pub t1: Duration,
    /// T2: longest gap between repeats of a non-INVITE request or of a final INVITE response. Default: 4 s. RFC 3261 §17.1.2.2.
    #[serde(default = "t2", with = "humantime_serde")]
    pub t2: Duration,
    /// T4: longest time that a message remains in the network. Default: 5 s. RFC 3261 §17.1.2.2.
    #[serde(default = "t4", with = "humantime_serde")]
    pub t4: Duration,
    /// A request that has another target left goes there when nothing at all was heard for so long; `0s`: only when 64*T1
    /// are over. Default: 4 s. RFC 3263 §4.3.
    #[serde(default = "failover_after", with = "humantime_serde")]
    pub failover_after: Duration,
    /// Sizes, rates, and what is refused when there is too much of it. Default: see [`Limits`].
    #[serde(default, deserialize_with = "limits")]
    pub limits: Limits,
    /// How long a call stands without a sign of life of the far end; half of it passes between two questions. `0s`: we ask
    /// for no such timer. Default: 30 min. RFC 4028.
    #[serde(default = "session_expires", with = "humantime_serde")]
    pub session_expires: Duration,
    /// The shortest such interval that a peer may ask for. Default: 90 s. RFC 4028 §5.
    #[serde(default = "min_se", with = "humantime_serde")]
    pub min_se: Duration,
    /// `[sip.subscriptions]`: how long lamps are told of changes, and how many of them.
    #[serde(default)]
    pub subscriptions: subscription::config::Config,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            domain: domain(),
            listen: listen(),
            external_address: None,
            external_port: None,
            local_networks: private_networks(),
            advertise: Vec::new(),
            certificate: None,
            certificate_key: None,
            certificates: Vec::new(),
            trust: None,
            client_certificates: ClientCertificates::No,
            client_trust: None,
            ws_origins: Vec::new(),
            udp_limit: udp_limit(),
            max_connections: max_connections(),
            max_connections_per_address: max_connections_per_address(),
            max_handshakes: max_handshakes(),
            connect_timeout: connect_timeout(),
            handshake_timeout: handshake_timeout(),
            first_message_within: first_message_within(),
            idle_timeout: idle_timeout(),
            write_timeout: write_timeout(),
            user_agent: user_agent(),
            digest_algorithms: digest_algorithms(),
            auth_failures_per_minute: auth_failures_per_minute(),
            t1: t1(),
            t2: t2(),
            t4: t4(),
            failover_after: failover_after(),
            limits: Limits::default(),
            session_expires: session_expires(),
            min_se: min_se(),
            subscriptions: subscription::config::Config::default(),
        }
    }
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub certificate_key: PathBuf,
}

/// What we want to see of a TLS client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    #[default]
    No,
    /// One without is let in; one that we do not believe is not.
    Ask,
    Require,
}

fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    let limits = Limits::deserialize(deserializer)?;
    let faults: Vec<String> = limits.faults().iter().map(|(key, mend)| format!("`{key}`: {mend}")).collect();
    if faults.is_empty() { Ok(limits) } else { Err(D::Error::custom(faults.join("; "))) }
}

fn domain() -> String {
    "desvio.local".to_owned()
}

fn listen() -> Vec<Listener> {
    let address = SocketAddr::from(([0, 0, 0, 0], 5060));
    [Transport::Udp, Transport::Tcp].map(|transport| Listener { transport, address }).to_vec()
}

fn user_agent() -> String {
    "Desvio".to_owned()
}

fn digest_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Sha256, Algorithm::Md5]
}

fn auth_failures_per_minute() -> u32 {
    30
}

/// RFC 3261 §18.1.1: what fits through any path whose limit is not known.
fn udp_limit() -> usize {
    1_300
}

fn max_connections() -> usize {
    10_000
}

/// A phone needs one, a carrier a few, an office behind NAT some dozens.
fn max_connections_per_address() -> usize {
    512
}

fn max_handshakes() -> usize {
    256
}

fn connect_timeout() -> Duration {
    Duration::from_secs(5)
}

fn handshake_timeout() -> Duration {
    Duration::from_secs(10)
}

fn first_message_within() -> Duration {
    Duration::from_secs(30)
}

fn idle_timeout() -> Duration {
    Duration::from_secs(2 * 3_600)
}

fn write_timeout() -> Duration {
    Duration::from_secs(10)
}

fn t1() -> Duration {
    Duration::from_millis(500)
}

fn t2() -> Duration {
    Duration::from_secs(4)
}

fn t4() -> Duration {
    Duration::from_secs(5)
}

fn failover_after() -> Duration {
    Duration::from_secs(4)
}

fn session_expires() -> Duration {
    Duration::from_secs(1800)
}

fn min_se() -> Duration {
    Duration::from_secs(90)
}

/// One socket on which we are reachable, written `udp:0.0.0.0:5060`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Listener {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// What is wrong with a listener's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenerError {
    #[error("`{0}` names no transport: write udp:, tcp:, tls:, ws: or wss: in front of the address")]
    NoTransport(String),
    #[error("`{0}` is no transport; there are udp, tcp, tls, ws and wss")]
    UnknownTransport(String),
    #[error("`{0}` is no address with a port, as in 0.0.0.0:5060 or [::]:5060")]
    BadAddress(String),
}

impl FromStr for Listener {
    type Err = ListenerError;

    fn from_str(text: &str) -> Result<Listener, ListenerError> {
        let (transport, address) = text.split_once(':').ok_or_else(|| ListenerError::NoTransport(text.to_owned()))?;
        if transport.is_empty() || transport.starts_with(|c: char| c.is_ascii_digit() || c == '[') {
            return Err(ListenerError::NoTransport(text.to_owned()));
        }
        let known = Transport::from_text(transport);
        let transport = known.ok_or_else(|| ListenerError::UnknownTransport(transport.to_owned()))?;
        let address = address.parse().map_err(|_| ListenerError::BadAddress(address.to_owned()))?;
        Ok(Listener { transport, address })
    }
}

impl TryFrom<String> for Listener {
    type Error = ListenerError;

    fn try_from(text: String) -> Result<Listener, ListenerError> {
        text.parse()
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.transport.uri_text(), self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_of_the_sample_is_understood() {
        let text = r#"
            domain = "desvio.local"
            listen = ["udp:0.0.0.0:5060", "wss:[::]:8443"]
            external_address = "203.0.113.7"
            t1 = "250ms"
        "#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.listen[0].to_string(), "udp:0.0.0.0:5060");
        assert_eq!(config.listen[1].transport, Transport::Wss);
        assert_eq!(config.external_address, Some([203, 0, 113, 7].into()));
        assert_eq!(config.t1, Duration::from_millis(250));
        assert_eq!(config.t2, Duration::from_secs(4));
    }

    #[test]
    fn an_empty_section_is_the_default() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
        assert_eq!(config.listen.len(), 2);
    }

    #[test]
    fn unknown_keys_and_odd_listeners_are_faults() {
        assert!(toml::from_str::<Config>("domian = \"x\"").is_err());
        let narrow = toml::from_str::<Config>("[limits]\nline = 1").unwrap_err().to_string();
        assert!(narrow.contains("`line`: write 512 or more"), "{narrow}");
        let fault = |text: &str| text.parse::<Listener>().unwrap_err().to_string();
        assert!(fault("0.0.0.0:5060").contains("names no transport"));
        assert!(fault("sctp:0.0.0.0:5060").contains("`sctp` is no transport"));
        assert!(fault("udp:0.0.0.0").contains("no address with a port"));
        assert!(fault("udp").contains("names no transport"));
    }
}
