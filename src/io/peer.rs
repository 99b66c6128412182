//! Tells another Desvio server how we see our channels: as reports, which it weighs beside its own evidence.
//!
//! A word that does not arrive is not sent again: the next one follows, and an old one would tell of another moment.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Client;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use crate::io::http::HttpError;
use crate::io::http::innermost;
use crate::io::secret;
use crate::io::webhook::client;
use crate::outage::reports::Says;

/// `[[peer]]`: another server that is told how we see our channels.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// Where its API is: `https://…`, or `http://…` inside one's own network.
    pub url: String,
    /// The token of its API.
    pub token: Option<String>,
    /// A file whose first line is the token; used in place of `token`.
    pub token_file: Option<PathBuf>,
    /// How we are called there. Default: the `domain` of `[sip]`.
    pub known_as: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the `url` of [[peer]] `{0}` is no address that begins with https:// or http://")]
    Url(String),
    #[error("[[peer]] `{0}` needs the `token` of its API, or a `token_file`")]
    Token(String),
    #[error("the `token_file` of [[peer]] `{name}` cannot be read: {}: {why}", path.display())]
    Unreadable { name: String, path: PathBuf, why: io::Error },
}

/// The way to one server.
#[derive(Clone)]
pub struct Peer {
    pub name: String,
    url: Url,
    token: String,
    known_as: String,
    client: Client,
}

/// Shorter than the time between two words.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

impl Peer {
    /// The file of the token starts at `base`; `trust`: a PEM file with further authorities; `domain`: our own.
    pub fn open(config: &Config, base: &Path, trust: Option<&Path>, domain: &str) -> Result<Peer, PeerError> {
        let url = Url::parse(&config.url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        Ok(Peer {
            name: config.name.clone(),
            url: url.ok_or_else(|| PeerError::Url(config.name.clone()))?,
            token: token(config, base)?,
            known_as: config.known_as.clone().unwrap_or_else(|| domain.to_owned()),
            client: client(trust)?,
        })
    }

    pub async fn tell(&self, channel: &str, says: Says, reason: &str) -> Result<(), String> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "channels", channel, "reports"]);
        }
        let state = match says {
            Says::Up => "up",
            Says::Down => "down",
        };
        let report = json!({ "from": self.known_as, "state": state, "reason": reason });
        let sent = self.client.post(url).timeout(ANSWERED_WITHIN).bearer_auth(&self.token).json(&report).send().await;
        match sent.map(|answer| answer.status().as_u16()) {
            Ok(200..=299) => Ok(()),
            Ok(401) => Err("it does not know our `token` (401)".to_owned()),
            Ok(422) => Err(format!("it has no channel `{channel}` (422)")),
            Ok(status) => Err(format!("it answered {status}")),
            Err(error) if error.is_timeout() => Err(format!("no answer within {ANSWERED_WITHIN:?}")),
            Err(error) => Err(innermost(&error)),
        }
    }
}

fn token(config: &Config, base: &Path) -> Result<String, PeerError> {
    let Some(file) = &config.token_file else {
        return config.token.clone().ok_or_else(|| PeerError::Token(config.name.clone()));
    };
    let path = base.join(file);
    secret::read(&path).map_err(|why| PeerError::Unreadable { name: config.name.clone(), path, why })
}

/// Never shows the token.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer `{}`", self.name)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer `{}`", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::probe::stand_ins;

    fn peer(url: &str) -> Peer {
        let config: Config =
            toml::from_str(&format!("name = \"recife\"\nurl = \"{url}\"\ntoken = \"segredo-da-outra\"")).unwrap();
        assert!(!format!("{config:?}").contains("segredo"));
        Peer::open(&config, Path::new(""), None, "sp.loja.example").unwrap()
    }

    #[tokio::test]
    async fn a_word_arrives_as_a_report_with_the_other_servers_token() {
        let (address, seen) = stand_ins::http_that_listens("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
        let told = peer(&format!("http://{address}/desvio/")).tell("whats app", Says::Down, "tcp: 5 of 5").await;
        assert_eq!(told, Ok(()));
        let seen = seen.await.unwrap();
        let body = r#"{"from":"sp.loja.example","reason":"tcp: 5 of 5","state":"down"}"#;
        for part in
            ["POST /desvio/v1/channels/whats%20app/reports HTTP/1.1", "authorization: Bearer segredo-da-outra", body]
        {
            assert!(seen.contains(part), "{part} in {seen}");
        }
    }

    #[tokio::test]
    async fn who_does_not_take_it_says_why() {
        let told = async |answer: &'static str| {
            let address = stand_ins::http(answer).await;
            peer(&format!("http://{address}")).tell("whatsapp", Says::Up, "").await.unwrap_err()
        };
        assert!(told("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await.contains("`token`"));
        assert!(told("HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n").await.contains("no channel `whatsapp`"));
        assert_eq!(told("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await, "it answered 503");
    }

    #[test]
    fn a_peer_that_cannot_be_told_is_a_fault() {
        let fault = |text: &str| {
            let config: Config = toml::from_str(&format!("name = \"a\"\n{text}")).unwrap();
            Peer::open(&config, Path::new(""), None, "x").unwrap_err().to_string()
        };
        assert!(fault("url = \"recife\"\ntoken = \"x\"").contains("https://"));
        assert!(fault("url = \"https://recife.example\"").contains("needs the `token`"));
        assert!(fault("url = \"https://recife.example\"\ntoken_file = \"/nowhere/x\"").contains("/nowhere/x"));
    }
}
