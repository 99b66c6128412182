//! Asks other programs what a dialplan wants to know: bounded in time, in bytes and in redirects, and only where it may.

pub mod config;
mod door;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use reqwest::Client;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::redirect::Attempt;
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

use crate::dialplan::lookup;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::lookup::Query;
use crate::io::http::HttpError;
use crate::io::lookup::config::Config;
use crate::io::lookup::config::Credential;
use crate::io::lookup::config::CredentialError;
use crate::io::lookup::door::Door;
use crate::io::lookup::door::Forbidden;
use crate::io::trust;
use crate::io::trust::TrustError;

/// Shared by all questions.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Follows redirects on the same host.
    following: Client,
    /// Anything but a GET is not repeated elsewhere.
    staying: Client,
    door: Door,
    largest: usize,
    headers_by_credential: Arc<BTreeMap<String, (HeaderName, HeaderValue)>>,
    turns: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
pub enum AskerError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

impl Asker {
    /// `trust`: a PEM file with further authorities. The files of credentials start at `base`.
    pub fn new(
        config: &Config,
        credentials: &[Credential],
        base: &Path,
        trust: Option<&Path>,
    ) -> Result<Asker, AskerError> {
        let door = Door::new(Arc::new(config.clone()));
        let most = config.redirects;
        let following = Policy::custom(move |attempt| follow(attempt, most));
        let headers = credentials.iter().map(|credential| Ok((credential.name.clone(), credential.header(base)?)));
        Ok(Asker {
            following: client(&door, following, trust)?,
            staying: client(&door, Policy::none(), trust)?,
            largest: config.largest_answer,
            headers_by_credential: Arc::new(headers.collect::<Result<_, CredentialError>>()?),
            turns: Arc::new(Semaphore::new(config.at_once)),
            door,
        })
    }

    pub async fn ask(&self, query: &Query) -> Findings {
        let findings = timeout(query.within, self.converse(query)).await.unwrap_or(Err(LookUpFailure::TimedOut));
        debug!(?query, failure = ?findings.as_ref().err(), "a dialplan asked");
        findings
    }

    async fn converse(&self, query: &Query) -> Findings {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let request = self.request(query).ok_or(LookUpFailure::Forbidden)?;
        let response = request.send().await.map_err(|error| failure_of(&error))?;
        match response.status().as_u16() {
            200..=299 => {}
            300..=399 => return Err(LookUpFailure::Redirected),
            status => return Err(LookUpFailure::Status(status)),
        }
        let body = self.body_of(response).await?;
        lookup::read(&body, &query.wanted)
    }

    /// None for an address that may not be asked.
    fn request(&self, query: &Query) -> Option<RequestBuilder> {
        let method = Method::from_bytes(query.method.as_bytes()).ok()?;
        let url = Url::parse(&query.url).ok().filter(|url| self.door.lets_through(url))?;
        let client = if method == Method::GET { &self.following } else { &self.staying };
        let mut request = client.request(method, url);
        for (name, value) in &query.headers {
            request = request.header(name, value);
        }
        if let Some(name) = &query.credentials {
            let (header, secret) = self.headers_by_credential.get(name)?;
            request = request.header(header, secret);
        }
        Some(match &query.body {
            Some(body) => request.header(CONTENT_TYPE, body.content_type).body(body.text.clone()),
            None => request,
        })
    }

    async fn body_of(&self, mut response: Response) -> Result<BytesMut, LookUpFailure> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure_of(&error))? {
            if body.len() + chunk.len() > self.largest {
                return Err(LookUpFailure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn client(door: &Door, redirects: Policy, trust: Option<&Path>) -> Result<Client, HttpError> {
    let mut tls = trust::client_config(trust).map_err(|error: TrustError| HttpError::Trust(error))?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("desvio/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .referer(false)
        // A proxy would resolve the name itself, and nobody would know where the question went.
        .no_proxy()
        .dns_resolver(Arc::new(door.clone()))
        .build()?;
    Ok(client)
}

/// Credentials and customers' data go along: nowhere but to whom they were meant for.
fn follow(attempt: Attempt<'_>, most: usize) -> reqwest::redirect::Action {
    let same_place = attempt.previous().first().is_some_and(|first| {
        let place =
            |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
        place(first) == place(attempt.url())
    });
    match same_place && attempt.previous().len() <= most {
        true => attempt.follow(),
        false => attempt.stop(),
    }
}

fn failure_of(error: &reqwest::Error) -> LookUpFailure {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(deeper) = cause {
        if deeper.is::<Forbidden>() {
            return LookUpFailure::Forbidden;
        }
        cause = deeper.source();
    }
    LookUpFailure::Unreachable
}
