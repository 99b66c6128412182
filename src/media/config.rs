//! `[media]`: where audio comes in and what it may be coded with.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::media::codec::CodecKind;
use crate::media::tone::Region;

/// The section `[media]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where RTP sockets are bound. Default: all addresses (IPv4).
    pub address: IpAddr,
    /// UDP ports for RTP and RTCP, two for each leg of a call. Default: `10000-19999`.
    pub ports: PortRange,
    /// What we offer and take, best first. Default: opus, g722, pcma, pcmu.
    pub codecs: Vec<CodecKind>,
    /// Default: prefer.
    pub encryption: Encryption,
    /// A side that is not heard for so long is reported. Default: 10 s.
    #[serde(with = "humantime_serde")]
    pub quiet_after: Duration,
    /// A call ends when neither RTP nor RTCP has come from one of its parties for so long. Default: never.
    #[serde(with = "humantime_serde")]
    pub end_silent_calls_after: Option<Duration>,
    /// We send audio for so long to an address from which nothing has come, unless signalling has shown that it is the
    /// far side's own. Default: 15 s.
    #[serde(with = "humantime_serde")]
    pub unproven_for: Duration,
    /// Whether addresses that only this machine reaches are named as ICE candidates: for a browser beside us. Default: false.
    pub loopback_candidates: bool,
    /// Whose exchange our tones sound like: `br`, `eu`, `uk`, `us`. Default: br.
    pub tones: Region,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ports: PortRange { first: 10_000, last: 19_999 },
            codecs: CodecKind::ALL.to_vec(),
            encryption: Encryption::Prefer,
            quiet_after: Duration::from_secs(10),
            end_silent_calls_after: None,
            unproven_for: Duration::from_secs(15),
            loopback_candidates: false,
            tones: Region::Brazil,
        }
    }
}

impl Config {
    /// Everything that is wrong though it could be read.
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.codecs.is_empty() {
            faults.push(ConfigError::NoCodec);
        }
        let handed_on = self.codecs.iter().find(|codec| !codec.is_spoken());
        faults.extend(handed_on.map(|codec| ConfigError::HandedOn { codec: *codec }));
        let repeated = self.codecs.iter().enumerate().find(|(index, codec)| self.codecs[..*index].contains(codec));
        faults.extend(repeated.map(|(_, codec)| ConfigError::CodecTwice { codec: *codec }));
        faults.extend(self.span_faults());
        faults
    }

    fn span_faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.quiet_after < SHORTEST_QUIET {
            faults.push(ConfigError::QuietAfter);
        }
        if self.end_silent_calls_after.is_some_and(|after| after < self.quiet_after) {
            faults.push(ConfigError::EndBeforeQuiet);
        }
        if !(Duration::from_secs(1)..=LONGEST_UNPROVEN).contains(&self.unproven_for) {
            faults.push(ConfigError::Unproven);
        }
        faults
    }
}

/// Whoever breathes in is not silent yet.
const SHORTEST_QUIET: Duration = Duration::from_secs(2);

/// What a forged call may make us send to a stranger must stay small.
const LONGEST_UNPROVEN: Duration = Duration::from_secs(120);

/// Whether audio travels encrypted (SRTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    Off,
    /// Where the far side can.
    Prefer,
    /// Calls without it are refused.
    Require,
    /// Calls whose keys do not come from a handshake (DTLS-SRTP) are refused.
    Dtls,
}

/// Ports from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

impl PortRange {
    /// Legs that find room: each takes an even port and the next.
    pub fn pairs(&self) -> usize {
        self.even_ports().count()
    }

    /// The ports that RTP may take, RTCP being one above (RFC 3550 §11).
    pub fn even_ports(&self) -> impl Iterator<Item = u16> + use<> {
        (self.first.next_multiple_of(2)..self.last).step_by(2)
    }
}

impl TryFrom<String> for PortRange {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<PortRange, ConfigError> {
        let bounds = text
            .split_once('-')
            .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
        let range = bounds.map(|(first, last)| PortRange { first, last });
        range
            .filter(|range| range.first >= 1024 && range.last.saturating_sub(range.first) >= 2)
            .ok_or(ConfigError::Ports { text })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "`{text}` is not a range of ports: write two numbers from 1024 to 65535 as in \"10000-19999\", at least two apart"
    )]
    Ports { text: String },
    #[error("`codecs` is empty: name at least one of opus, g722, pcma, pcmu")]
    NoCodec,
    #[error(
        "`codecs` names {codec}, which is handed on where two legs both have it and needs no entry: name opus, g722, pcma, pcmu"
    )]
    HandedOn { codec: CodecKind },
    #[error("`codecs` names {codec} twice")]
    CodecTwice { codec: CodecKind },
    #[error("`quiet_after` is below 2 s: any pause would be reported")]
    QuietAfter,
    #[error("`end_silent_calls_after` is below `quiet_after`: a call would end before its silence is reported")]
    EndBeforeQuiet,
    #[error("`unproven_for` is outside 1 s to 120 s: less mutes honest calls, more lets strangers be flooded")]
    Unproven,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config, Config::default());
        assert!(config.faults().is_empty());
    }

    #[test]
    fn every_key_is_read() {
        let text = "address = \"::1\"\nports = \"20000-20099\"\ncodecs = [\"pcma\"]\nencryption = \"off\"\nloopback_candidates = true";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.address, "::1".parse::<IpAddr>().unwrap());
        assert_eq!((config.ports.pairs(), config.ports.even_ports().last()), (50, Some(20_098)));
        assert_eq!((config.codecs, config.encryption), (vec![CodecKind::Pcma], Encryption::Off));
        assert!(config.loopback_candidates);
    }

    #[test]
    fn faults_name_what_is_wrong() {
        for text in [
            "ports = \"20000\"",
            "ports = \"9-5\"",
            "ports = \"0-5000\"",
            "ports = \"5000-5001\"",
            "codecs = [\"speex\"]",
            "port = 1",
            "tones = \"brazil\"",
        ] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
        let config: Config = toml::from_str("codecs = []\nencryption = \"dtls\"").unwrap();
        assert_eq!(config.faults(), [ConfigError::NoCodec]);
        let spans = "quiet_after = \"1s\"\nend_silent_calls_after = \"500ms\"\nunproven_for = \"5m\"";
        let config: Config = toml::from_str(spans).unwrap();
        assert_eq!(config.faults(), [ConfigError::QuietAfter, ConfigError::EndBeforeQuiet, ConfigError::Unproven]);
        let config: Config = toml::from_str("codecs = [\"gsm\"]").unwrap();
        assert_eq!(config.faults(), [ConfigError::HandedOn { codec: CodecKind::Gsm }]);
        let config: Config = toml::from_str("codecs = [\"pcma\", \"opus\", \"pcma\"]").unwrap();
        assert_eq!(config.faults(), [ConfigError::CodecTwice { codec: CodecKind::Pcma }]);
    }

    #[test]
    fn a_pair_lies_within_its_range() {
        let range = PortRange { first: 10_001, last: 10_004 };
        assert_eq!(range.even_ports().collect::<Vec<_>>(), [10_002]);
        let range = PortRange { first: 65_530, last: 65_535 };
        assert_eq!(range.even_ports().collect::<Vec<_>>(), [65_530, 65_532, 65_534]);
    }
}
