//! Hands an event to another program as Standard Webhooks have it: with its id, the time and a signature over both and the
//! body, so that the receiver can tell ours from others' and a repetition from a new one.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use reqwest::Client;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::Deserialize;
use sha2::Sha256;

use crate::io::http::HttpError;
use crate::io::http::innermost;
use crate::io::secret;
use crate::io::trust;

/// `[[webhook]]`: a program that is told of events.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// `https://…`, or `http://…` inside one's own network.
    pub url: String,
    /// `whsec_` and base64, or any other text of at least 16 signs.
    pub secret: Option<String>,
    /// A file whose first line is the secret; used in place of `secret`.
    pub secret_file: Option<PathBuf>,
    /// Kinds of events, `call.*` for all that begin so. Default: all.
    #[serde(default)]
    pub events: Vec<String>,
    /// For the connection and the answer. Default: 15 s.
    #[serde(default = "timeout", with = "humantime_serde")]
    pub timeout: Duration,
}

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// It answered 2xx.
    Taken,
    Again {
        why: String,
    },
    /// It answered 410: it wants no more of this.
    Gone,
}

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the `url` of [[webhook]] `{0}` is no address that begins with https:// or http://")]
    Url(String),
    #[error("[[webhook]] `{0}` needs a `secret` of at least 16 signs, or a `secret_file`")]
    Secret(String),
    #[error("the `secret_file` of [[webhook]] `{name}` cannot be read: {}: {why}", path.display())]
    Unreadable { name: String, path: PathBuf, why: io::Error },
}

/// The way to one program.
#[derive(Clone)]
pub struct Webhook {
    pub name: String,
    events: Vec<String>,
    url: Url,
    key: Hmac<Sha256>,
    timeout: Duration,
    client: Client,
}

const SHORTEST_SECRET: usize = 16;

impl Webhook {
    /// The file of the secret starts at `base`; `trust`: a PEM file with further authorities.
    pub fn open(config: &Config, base: &Path, trust: Option<&Path>) -> Result<Webhook, WebhookError> {
        let url = Url::parse(&config.url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        Ok(Webhook {
            name: config.name.clone(),
            events: config.events.clone(),
            url: url.ok_or_else(|| WebhookError::Url(config.name.clone()))?,
            key: key(&secret(config, base)?).ok_or_else(|| WebhookError::Secret(config.name.clone()))?,
            timeout: config.timeout,
            client: client(trust)?,
        })
    }

    /// Without what may be a key: before the host, or in its query.
    pub fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        let _ = url.set_password(None);
        let _ = url.set_username("");
        url.to_string()
    }

    pub fn events(&self) -> &[String] {
        &self.events
    }

    pub fn wants(&self, kind: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|wanted| fits(wanted, kind))
    }

    /// `at`: seconds since 1970, of this try.
    pub async fn hand_over(&self, id: &str, at: i64, body: String) -> Handed {
        let sent = self
            .client
            .post(self.url.clone())
            .timeout(self.timeout)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", self.signature(id, at, &body))
            .body(body)
            .send()
            .await;
        match sent.map(|answer| answer.status().as_u16()) {
            Ok(200..=299) => Handed::Taken,
            Ok(410) => Handed::Gone,
            Ok(status) => Handed::Again { why: format!("it answered {status}") },
            Err(error) if error.is_timeout() => Handed::Again { why: format!("no answer within {:?}", self.timeout) },
            Err(error) => Handed::Again { why: innermost(&error) },
        }
    }

    fn signature(&self, id: &str, at: i64, body: &str) -> String {
        let mut signing = self.key.clone();
        signing.update(format!("{id}.{at}.").as_bytes());
        signing.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(signing.finalize().into_bytes()))
    }
}

pub(super) fn client(trust: Option<&Path>) -> Result<Client, HttpError> {
    let mut tls = trust::client_config(trust)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    // Before the other side closes it: another Desvio does after 60 s, which is when the next word comes.
    let builder = builder.pool_idle_timeout(Duration::from_secs(30));
    Ok(builder.user_agent(concat!("desvio/", env!("CARGO_PKG_VERSION"))).build()?)
}

fn secret(config: &Config, base: &Path) -> Result<String, WebhookError> {
    let Some(file) = &config.secret_file else {
        return config.secret.clone().ok_or_else(|| WebhookError::Secret(config.name.clone()));
    };
    let path = base.join(file);
    secret::read(&path).map_err(|why| WebhookError::Unreadable { name: config.name.clone(), path, why })
}

fn key(secret: &str) -> Option<Hmac<Sha256>> {
    let bytes = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    let is_long = bytes.len() >= SHORTEST_SECRET;
    is_long.then(|| Hmac::<Sha256>::new_from_slice(&bytes).expect("HMAC takes keys of any length"))
}

/// `call` and `call.*` stand for every kind that begins with `call.`.
fn fits(wanted: &str, kind: &str) -> bool {
    let family = wanted.strip_suffix(".*").unwrap_or(wanted);
    let rest = kind.strip_prefix(family);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn timeout() -> Duration {
    Duration::from_secs(15)
}

/// Never shows the secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook `{}`", self.name)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook `{}`", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::probe::stand_ins;

    fn webhook(url: &str) -> Webhook {
        let text = format!(
            "name = \"crm\"\nurl = \"{url}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\nevents = [\"call.*\", \"callback.booked\"]\ntimeout = \"300ms\""
        );
        let config: Config = toml::from_str(&text).unwrap();
        assert!(!format!("{config:?}").contains("whsec"));
        Webhook::open(&config, Path::new(""), None).unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let signed = webhook("https://crm.example/").signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_wanted_kinds_are_handed_over() {
        let webhook = webhook("https://chave:senha@crm.example/?key=1");
        assert!(webhook.wants("call.completed") && webhook.wants("callback.booked"));
        assert!(!webhook.wants("callback.failed") && !webhook.wants("message.received"));
        assert_eq!(webhook.shown_url(), "https://crm.example/");
    }

    #[tokio::test]
    async fn it_arrives_with_id_time_and_signature() {
        let (address, seen) = stand_ins::http_that_listens("HTTP/1.1 204 Done\r\n\r\n").await;
        let handed = webhook(&format!("http://{address}/in")).hand_over("evt_1", 7, "{}".to_owned()).await;
        assert_eq!(handed, Handed::Taken);
        let seen = seen.await.unwrap();
        for part in
            ["POST /in HTTP/1.1", "webhook-id: evt_1", "webhook-timestamp: 7", "webhook-signature: v1,", "\r\n\r\n{}"]
        {
            assert!(seen.contains(part), "{part} in {seen}");
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_is_tried_again_and_who_is_gone_is_left_alone() {
        let handed = async |answer: &'static str| {
            let address = stand_ins::http(answer).await;
            webhook(&format!("http://{address}/")).hand_over("evt_1", 7, "{}".to_owned()).await
        };
        let again = |why: &str| Handed::Again { why: why.to_owned() };
        assert_eq!(handed("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await, again("it answered 503"));
        assert_eq!(
            handed("HTTP/1.1 302 On\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await,
            again("it answered 302")
        );
        assert_eq!(handed("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n").await, Handed::Gone);
        let silent = stand_ins::silent().await;
        let late = webhook(&format!("http://{silent}/")).hand_over("evt_1", 7, "{}".to_owned()).await;
        assert_eq!(late, again("no answer within 300ms"));
    }

    #[test]
    fn a_webhook_that_cannot_work_is_a_fault() {
        let fault = |text: &str| {
            let config: Config = toml::from_str(text).unwrap();
            Webhook::open(&config, Path::new(""), None).unwrap_err().to_string()
        };
        assert!(fault("name = \"a\"\nurl = \"crm.example\"\nsecret = \"0123456789abcdef\"").contains("https://"));
        assert!(fault("name = \"a\"\nurl = \"https://crm.example\"").contains("needs a `secret`"));
        let short = fault("name = \"a\"\nurl = \"https://crm.example\"\nsecret = \"segredo\"");
        assert!(short.contains("16 signs") && !short.contains("segredo"), "{short}");
        let file = fault("name = \"a\"\nurl = \"https://crm.example\"\nsecret_file = \"/nowhere/x\"");
        assert!(file.contains("/nowhere/x"), "{file}");
    }
}
