//! `[[channel]]` in the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::outage;
use crate::outage::catalogue;
use crate::outage::probe::Credential;
use crate::outage::probe::Probe;
use crate::outage::vantage::Resolver;

/// `[[channel]]`: a way to reach customers other than the telephone, watched and perhaps written to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// whatsapp, messenger, instagram, telegram, wechat, imessage, teams, sms, x, softphone, generic.
    pub kind: String,
    /// Replaces the kind's own probes and its control targets. `[]`: the channel is not watched. Default: those of the kind.
    #[serde(default)]
    pub probes: Option<Vec<Probe>>,
    /// Whom every dns probe asks that names no resolver itself. Default: ours, 1.1.1.1, 8.8.8.8, and the zone's own servers.
    #[serde(default = "resolvers")]
    pub resolvers: Vec<Resolver>,
    /// The business's own access, with which the kind's API is asked as well. Default: nobody asks it.
    #[serde(default)]
    pub account: Option<Account>,
    /// How often each target is probed that says nothing else; by turns, every third time, while all is calm. Default: 10 s.
    #[serde(default = "every", with = "humantime_serde")]
    pub every: Duration,
    /// A probe without an answer by then has failed; never longer than `every`. Default: 5 s.
    #[serde(default = "timeout", with = "humantime_serde")]
    pub timeout: Duration,
    #[serde(default)]
    pub detector: outage::config::Config,
    /// How texts are sent. Default: this channel sends none.
    #[serde(default)]
    pub send: Option<HttpProvider>,
    /// How texts and receipts arrive. Default: this channel receives none.
    #[serde(default)]
    pub webhook: Option<Webhook>,
}

/// `[channel.account]`: the access that the channel's own API is asked with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// whatsapp: the id of the phone number. Others need none.
    #[serde(default)]
    pub id: Option<String>,
    pub token: Credential,
    /// Where the API lives, with its version. Default: where the kind's API is.
    #[serde(default)]
    pub base: Option<String>,
}

/// `[channel.send]`: one HTTP request for each text. `url`, `headers` and `body` may hold `{to}`, `{from}`, `{text}`, `{id}`,
/// `{to_digits}`, `{from_digits}` (without the plus) and the names of `variables`; each is quoted for its place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpProvider {
    /// Default: POST.
    #[serde(default = "method")]
    pub method: String,
    pub url: Secret,
    /// A `Content-Type` decides how the body is quoted: JSON, form, or plain text.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Default: no body.
    #[serde(default)]
    pub body: Option<String>,
    /// The sender that the provider knows us by; stands above the message's own.
    #[serde(default)]
    pub from: Option<String>,
    /// JSON pointer (RFC 6901) to the provider's id in the answer, such as `/messages/0/id`.
    #[serde(default)]
    pub id: Option<String>,
    /// JSON pointer to a word in the answer that says what became of it, for providers that answer 200 to everything.
    #[serde(default)]
    pub status: Option<String>,
    /// With `status`: the words that mean taken.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// With `status`: the words that mean not now. Every other word is a refusal.
    #[serde(default)]
    pub try_again: Vec<String>,
    /// The header by which the provider knows a repetition. Without it, a text is repeated at most once when in doubt.
    #[serde(default)]
    pub idempotency_header: Option<String>,
    /// Further names for the templates: tokens, account numbers.
    #[serde(default)]
    pub variables: BTreeMap<String, Secret>,
}

/// `[channel.webhook]`: where things stand in what the provider sends us. A field is a JSON pointer or the name of a form
/// or query field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub from: String,
    #[serde(default)]
    pub to: Option<String>,
    pub text: String,
    #[serde(default)]
    pub id: Option<String>,
    /// JSON pointer to a list of messages; the other pointers count from each of them. Default: one message.
    #[serde(default)]
    pub each: Option<String>,
    /// The header in which the provider must send `secret`. Default: anybody may.
    #[serde(default)]
    pub secret_header: Option<String>,
    #[serde(default)]
    pub secret: Option<Secret>,
    #[serde(default)]
    pub receipt: Option<Receipt>,
}

/// `[channel.webhook.receipt]`: how a delivery report looks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The id that the provider gave when it took the text.
    pub id: String,
    pub status: String,
    /// Words that mean: on the customer's phone.
    pub delivered: Vec<String>,
    /// Words that mean: never will be. Every other word is ignored.
    pub failed: Vec<String>,
}

/// `[messages]`: how hard we try.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Messages {
    /// How often a text is handed to its provider before it has failed. Default: 20, which is more than an hour.
    pub attempts: u32,
    /// The first pause; each further one is twice as long. Default: 2 s.
    #[serde(with = "humantime_serde")]
    pub first_pause: Duration,
    /// No pause is longer, whatever a provider asks for. Default: 5 min.
    #[serde(with = "humantime_serde")]
    pub longest_pause: Duration,
    /// A provider that has not answered by then may or may not have taken the text. Default: 60 s.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
    /// Texts of one channel that are with the provider at the same time. Default: 16.
    pub at_once: usize,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

/// One thing that an operator has to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("channel `{channel}`: {key}: {fault}")]
pub struct ConfigFault {
    pub channel: String,
    pub key: String,
    pub fault: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn resolvers() -> Vec<Resolver> {
    let other = |address: &str| Resolver::Other(address.to_owned());
    let nameless = String::new;
    vec![Resolver::Ours(nameless()), other("1.1.1.1"), other("8.8.8.8"), Resolver::Authoritative(nameless())]
}

fn every() -> Duration {
    Duration::from_secs(10)
}

fn timeout() -> Duration {
    Duration::from_secs(5)
}

fn method() -> String {
    "POST".to_owned()
}

impl Config {
    /// A channel with every default.
    pub fn named(name: &str, kind: &str) -> Config {
        Config {
            name: name.to_owned(),
            kind: kind.to_owned(),
            probes: None,
            resolvers: resolvers(),
            account: None,
            every: every(),
            timeout: timeout(),
            detector: outage::config::Config::default(),
            send: None,
            webhook: None,
        }
    }

    pub(super) fn fault(&self, key: &str, fault: impl fmt::Display) -> ConfigFault {
        ConfigFault { channel: self.name.clone(), key: key.to_owned(), fault: fault.to_string() }
    }
}

impl Account {
    pub(super) fn for_catalogue(&self) -> catalogue::Account<'_> {
        catalogue::Account { id: self.id.as_deref(), token: &self.token, base: self.base.as_deref() }
    }
}

impl Messages {
    pub(super) fn pause(&self, attempts: u32, asked: Option<Duration>) -> Duration {
        let doublings = attempts.saturating_sub(1).min(20);
        let own = self.first_pause.saturating_mul(1 << doublings);
        own.max(asked.unwrap_or_default()).min(self.longest_pause)
    }
}

impl Default for Messages {
    fn default() -> Messages {
        Messages {
            attempts: 20,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(300),
            answer_within: Duration::from_secs(60),
            at_once: 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_needs_only_a_name_and_a_kind() {
        let config: Config = toml::from_str("name = \"whatsapp\"\nkind = \"whatsapp\"").unwrap();
        assert_eq!(config.every, Duration::from_secs(10));
        assert!(config.probes.is_none() && config.send.is_none());
    }

    #[test]
    fn probes_and_times_are_written_in_the_owners_words() {
        let config: Config = toml::from_str(
            r#"
            name = "whatsapp"
            kind = "whatsapp"
            every = "200ms"
            probes = [
                { layer = "tcp", target = "127.0.0.1:4443" },
                { layer = "http", target = "http://127.0.0.1:8000/", control = true },
            ]
            detector = { failures = "2 of 3", down_after = "1s", up_after = "2s" }
            "#,
        )
        .unwrap();
        assert_eq!(config.probes.unwrap().len(), 2);
        assert_eq!(config.detector.up_after, Duration::from_secs(2));
    }

    #[test]
    fn no_log_shows_a_token() {
        let config: Config = toml::from_str(
            r#"
            name = "sms"
            kind = "sms"
            [send]
            url = "https://sms.example/send?key=hidden"
            headers = { Authorization = "Bearer hidden" }
            "#,
        )
        .unwrap();
        assert!(!format!("{config:?}").contains("hidden"));
    }
}
