//! Carries out one HTTP request of a channel: bounded in time and in bytes, and never led elsewhere by a redirect.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Client;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio::time::timeout_at;

use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::HttpRequest;
use crate::io::trust;
use crate::io::trust::TrustError;

#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("HTTP cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// Of an answer, no more than this is read.
const LARGEST_BODY: usize = 1024 * 1024;

/// A provider who cannot even be connected to by then was certainly not reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

impl Http {
    /// `trust`: a PEM file with further authorities.
    pub fn new(trust: Option<&Path>) -> Result<Http, HttpError> {
        let mut tls = trust::client_config(trust)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("desvio/", env!("CARGO_PKG_VERSION")))
            // A redirected POST becomes a GET, and custom headers with credentials would go along.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .build()?;
        Ok(Http { client })
    }

    /// A status that arrived is an answer, even if its body breaks off or does not end.
    pub async fn carry_out(&self, request: HttpRequest, within: Duration) -> Result<HttpAnswer, HttpFailure> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpFailure::NotSent(format!("`{}` is no method", request.method)))?;
        let mut outgoing = self.client.request(method, &request.url);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        let end = Instant::now() + within;
        let answer = timeout_at(end, outgoing.body(request.body).send()).await;
        let late = || HttpFailure::NoAnswer(format!("none within {within:?}"));
        let mut response = answer.map_err(|_| late())?.map_err(failure_of)?;
        Ok(HttpAnswer {
            status: response.status().as_u16(),
            retry_after: retry_after(&response),
            body: body_of(&mut response, LARGEST_BODY, end).await,
        })
    }
}

/// What came of a question whose answer is of use only as a whole.
#[derive(Debug)]
pub(super) enum Whole {
    Body(Bytes),
    /// Another status than 2xx.
    Status(u16),
    TooLarge,
    TooSlow,
    Nothing(String),
}

impl Http {
    /// POSTs JSON and reads what comes back, of at most so many bytes.
    pub(super) async fn fetch(
        &self,
        url: &Url,
        header: Option<&(HeaderName, HeaderValue)>,
        json: Bytes,
        largest: usize,
        within: Duration,
    ) -> Whole {
        let mut request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(json);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        timeout(within, whole(request, largest)).await.unwrap_or(Whole::TooSlow)
    }
}

async fn whole(request: RequestBuilder, largest: usize) -> Whole {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Whole::Nothing(innermost(&error)),
    };
    if !response.status().is_success() {
        return Whole::Status(response.status().as_u16());
    }
    if response.content_length().is_some_and(|length| length > largest as u64) {
        return Whole::TooLarge;
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= largest => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Whole::TooLarge,
            Ok(None) => return Whole::Body(body.freeze()),
            Err(error) => return Whole::Nothing(innermost(&error)),
        }
    }
}

/// Whatever arrives of the body in time, up to `largest` bytes.
async fn body_of(response: &mut Response, largest: usize, end: Instant) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < largest {
        match timeout_at(end, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let fits = chunk.len().min(largest - body.len());
                body.extend_from_slice(&chunk[..fits]);
            }
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.freeze()
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(date.duration_since(Timestamp::now())).ok()
}

fn failure_of(error: reqwest::Error) -> HttpFailure {
    let why = innermost(&error);
    match error.is_connect() || error.is_builder() {
        true => HttpFailure::NotSent(why),
        false => HttpFailure::NoAnswer(why),
    }
}

/// The cause at the bottom, without the URL: it may hold a key.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    let end = text.find(" for url (").unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::probe::stand_ins;

    #[tokio::test]
    async fn an_answer_comes_back_with_status_body_and_the_wish_for_patience() {
        let address = stand_ins::http("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}").await;
        let answer = send(&format!("http://{address}/send")).await.unwrap();
        assert_eq!(answer.status, 429);
        assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(answer.body, "{}");
    }

    #[tokio::test]
    async fn the_request_is_sent_as_it_was_composed() {
        let (address, seen) = stand_ins::http_that_listens("HTTP/1.1 204 Done\r\n\r\n").await;
        send(&format!("http://{address}/send?a=%2B55")).await.unwrap();
        let seen = seen.await.unwrap();
        assert!(seen.starts_with("POST /send?a=%2B55 HTTP/1.1"), "{seen}");
        assert!(seen.contains("x-key: k"), "{seen}");
        assert!(seen.ends_with("\r\n\r\ntext"), "{seen}");
    }

    #[tokio::test]
    async fn a_body_without_end_is_cut_at_one_mebibyte() {
        let address = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n").await;
        let answer = send(&format!("http://{address}/")).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, LARGEST_BODY));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_not_a_journey() {
        let address = stand_ins::http("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
        let answer = send(&format!("http://{address}/")).await.unwrap();
        assert_eq!(answer.status, 302);
    }

    #[tokio::test]
    async fn not_sent_and_no_answer_are_told_apart() {
        let closed = stand_ins::closed_port().await;
        let refused = send(&format!("http://{closed}/")).await.unwrap_err();
        assert!(matches!(refused, HttpFailure::NotSent(_)), "{refused}");
        let silent = stand_ins::silent().await;
        let late = send(&format!("http://{silent}/")).await.unwrap_err();
        assert!(matches!(late, HttpFailure::NoAnswer(_)), "{late}");
        let nonsense = send("http://").await.unwrap_err();
        assert!(matches!(nonsense, HttpFailure::NotSent(_)), "{nonsense}");
    }

    async fn send(url: &str) -> Result<HttpAnswer, HttpFailure> {
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: vec![("X-Key".to_owned(), "k".to_owned())],
            body: Bytes::from_static(b"text"),
        };
        let http = Http::new(None).unwrap();
        http.carry_out(request, Duration::from_secs(2)).await
    }
}
