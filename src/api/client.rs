//! The command line's way to a running server: its own API, with words for what goes wrong.

use std::time::Duration;

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::config::Config;
use crate::api::documents::List;
use crate::api::documents::Paged;
use crate::api::documents::ProblemDocument;
use crate::api::documents::calls::CallDocument;
use crate::api::documents::calls::ExplanationDocument;
use crate::api::documents::channels::ChannelDocument;
use crate::api::documents::dialplan::DialplanDocument;
use crate::api::documents::incidents::IncidentDocument;
use crate::api::documents::messages::MessageDocument;
use crate::api::documents::status::StatusDocument;
use crate::api::orders::NewCall;
use crate::api::orders::NewDrill;
use crate::api::orders::NewMessage;
use crate::api::orders::NewOverride;
use crate::api::registrations::RegistrationDocument;
use crate::api::token::Token;

/// One server and what lets us in.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    token: Token,
    http: reqwest::Client,
}

/// What the server said: read, and as it stands for `--json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Said<T> {
    pub document: T,
    pub json: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("`{0}` is no address of a server\n    write it as `http://127.0.0.1:8080`")]
    Address(String),
    #[error(
        "no server answers at {base}\n    start it with `desvio serve`; [api] listen in config/desvio.toml says where it stands"
    )]
    NotRunning { base: Url },
    #[error("the server at {base} did not answer within {} s\n    `desvio status` shows whether it lives; its log says more", PATIENCE.as_secs())]
    TooSlow { base: Url },
    #[error("{}: {}\n    {}", .0.title, .0.detail, .0.hint)]
    Refused(Box<ProblemDocument>),
    #[error(
        "what answers at {base} is not desvio ({status})\n    [api] listen in config/desvio.toml says where the server stands"
    )]
    Stranger { base: Url, status: StatusCode },
    #[error("the server at {base} is of another version: {why}\n    use the same desvio for both")]
    OtherVersion { base: Url, why: serde_json::Error },
    #[error("the connection to {base} broke: {why}\n    try again")]
    Broken { base: Url, why: reqwest::Error },
}

impl Client {
    /// `base` is `http://127.0.0.1:8080`.
    pub fn new(base: &str, token: Token) -> Result<Self, ClientError> {
        let url = base.parse::<Url>().ok().filter(Url::has_host);
        let base = url.ok_or_else(|| ClientError::Address(base.to_owned()))?;
        // The TLS library has no default of its own; a second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
        Ok(Self { http: http.map_err(|why| ClientError::Broken { base: base.clone(), why })?, base, token })
    }

    /// The server that this configuration describes, on this machine.
    pub fn of(config: &Config, token: Token) -> Result<Self, ClientError> {
        let mut listen = config.listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(match listen.is_ipv4() {
                true => std::net::Ipv4Addr::LOCALHOST.into(),
                false => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        Self::new(&format!("http://{listen}"), token)
    }

    pub async fn place_call(&self, call: &NewCall) -> Result<Said<CallDocument>, ClientError> {
        self.ask(Method::POST, &["calls"], Some(call)).await
    }

    pub async fn send_message(&self, message: &NewMessage) -> Result<Said<MessageDocument>, ClientError> {
        self.ask(Method::POST, &["messages"], Some(message)).await
    }

    pub async fn status(&self) -> Result<Said<StatusDocument>, ClientError> {
        self.ask(Method::GET, &["status"], NOTHING).await
    }

    pub async fn registrations(&self) -> Result<Said<List<RegistrationDocument>>, ClientError> {
        self.ask(Method::GET, &["registrations"], NOTHING).await
    }

    pub async fn channels(&self) -> Result<Said<List<ChannelDocument>>, ClientError> {
        self.ask(Method::GET, &["channels"], NOTHING).await
    }

    pub async fn channel(&self, name: &str) -> Result<Said<ChannelDocument>, ClientError> {
        self.ask(Method::GET, &["channels", name], NOTHING).await
    }

    pub async fn reload_dialplan(&self) -> Result<Said<DialplanDocument>, ClientError> {
        self.ask(Method::POST, &["dialplan", "reload"], NOTHING).await
    }

    pub async fn roll_back_dialplan(&self) -> Result<Said<DialplanDocument>, ClientError> {
        self.ask(Method::POST, &["dialplan", "rollback"], NOTHING).await
    }

    /// What a reload would change.
    pub async fn compare_dialplan(&self) -> Result<Said<DialplanDocument>, ClientError> {
        self.ask(Method::GET, &["dialplan", "diff"], NOTHING).await
    }

    /// Why a call that has ended went where it went.
    pub async fn explain(&self, call: &str) -> Result<Said<ExplanationDocument>, ClientError> {
        self.ask(Method::GET, &["records", call, "explanation"], NOTHING).await
    }

    /// The newest; `desvio incidents`
    pub async fn incidents(&self) -> Result<Said<Paged<IncidentDocument>>, ClientError> {
        self.ask(Method::GET, &["incidents"], NOTHING).await
    }

    pub async fn incident(&self, id: &str) -> Result<Said<IncidentDocument>, ClientError> {
        self.ask(Method::GET, &["incidents", id], NOTHING).await
    }

    pub async fn begin_drill(&self, drill: &NewDrill) -> Result<Said<IncidentDocument>, ClientError> {
        self.ask(Method::POST, &["drills"], Some(drill)).await
    }

    /// Those that go on.
    pub async fn drills(&self) -> Result<Said<List<IncidentDocument>>, ClientError> {
        self.ask(Method::GET, &["drills"], NOTHING).await
    }

    pub async fn end_drill(&self, id: &str) -> Result<Said<IncidentDocument>, ClientError> {
        self.ask(Method::DELETE, &["drills", id], NOTHING).await
    }

    /// `desvio channels NAME down|up|degraded`
    pub async fn override_channel(&self, name: &str, wish: &NewOverride) -> Result<Said<ChannelDocument>, ClientError> {
        let path = ["channels", name, "override"];
        self.ask(Method::PUT, &path, Some(wish)).await
    }

    /// `desvio channels NAME auto`
    pub async fn lift_override(&self, name: &str) -> Result<Said<ChannelDocument>, ClientError> {
        let path = ["channels", name, "override"];
        self.ask(Method::DELETE, &path, NOTHING).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&impl Serialize>,
    ) -> Result<Said<T>, ClientError> {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(self.token.reveal());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|why| self.broken(why))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|why| self.broken(why))?;
        if !status.is_success() {
            return Err(self.refused(status, &bytes));
        }
        let read = |why| ClientError::OtherVersion { base: self.base.clone(), why };
        let json: Value = serde_json::from_slice(&bytes).map_err(read)?;
        let document = serde_json::from_value(json.clone()).map_err(read)?;
        Ok(Said { document, json })
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("checked when it was made").pop_if_empty().push("v1").extend(path);
        url
    }

    fn broken(&self, why: reqwest::Error) -> ClientError {
        let base = self.base.clone();
        match () {
            () if why.is_connect() => ClientError::NotRunning { base },
            () if why.is_timeout() => ClientError::TooSlow { base },
            () => ClientError::Broken { base, why },
        }
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> ClientError {
        match serde_json::from_slice(bytes) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(_) => ClientError::Stranger { base: self.base.clone(), status },
        }
    }
}

const NOTHING: Option<&Value> = None;
/// Longer than the server itself waits.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::api::bench::Bench;
    use crate::api::bench::TOKEN;
    use crate::api::bench::block_on;
    use crate::api::orders::DeclaredState;

    #[test]
    fn the_command_line_reads_what_the_server_says() {
        block_on(async {
            let bench = Bench::new().await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = axum::serve(listener, bench.router.clone());
            tokio::spawn(async move { server.await });
            let client = Client::new(&format!("http://{address}"), Token::new(TOKEN).unwrap()).unwrap();
            let call = NewCall { to: "200".into(), connect: Some("+5511999998888".into()), ..NewCall::default() };
            assert_eq!(client.place_call(&call).await.unwrap().document.id, "call_1");
            assert_eq!(client.status().await.unwrap().document.calls, 3);
            assert_eq!(client.channels().await.unwrap().json["data"][0]["name"], "whatsapp");
            let down = NewOverride { state: DeclaredState::Down, reason: None, author: None, lasts: None };
            let channel = client.override_channel("whats app/2", &down).await.unwrap().document;
            assert_eq!(channel.name, "whats app/2");
            let unknown = NewCall { to: "999".into(), flow: Some("x".into()), ..NewCall::default() };
            let refused = client.place_call(&unknown).await.unwrap_err();
            assert_eq!(refused.to_string(), "Unknown: There is none.\n    Look at the list.");
        });
    }

    #[test]
    fn a_server_that_does_not_run_is_missed_by_name() {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            let client = Client::new(&format!("http://{address}"), Token::new(TOKEN).unwrap()).unwrap();
            let error = client.status().await.unwrap_err();
            assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
            assert!(error.to_string().contains(&address.to_string()), "{error}");
            assert!(error.to_string().contains("desvio serve"), "{error}");
        });
    }
}
