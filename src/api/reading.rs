//! Reads requests strictly: JSON bodies, query parameters, names in the path.
//!
//! An unknown field is a fault, never silently left out: a program that writes `tto` is told so at once.

use axum::Json;
use axum::extract::FromRequest;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::Request;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use sha2::Digest;
use sha2::Sha256;

use crate::api::problem::problem;
use crate::api::suggestion;
use crate::switch::command::Problem;

/// A JSON body, and a fingerprint of the whole request for its idempotency key.
pub(super) struct Body<T> {
    pub(super) value: T,
    pub(super) fingerprint: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let place = format!("{} {}\n", request.method(), request.uri().path());
        let bytes = read(request, state).await?;
        let mut hash = Sha256::new_with_prefix(place);
        hash.update(&bytes);
        let fingerprint = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let value = Json::<T>::from_bytes(&bytes).map_err(|fault| bad_json(&fault))?.0;
        Ok(Self { value, fingerprint })
    }
}

/// A body as it came: for webhooks, whose signatures are over its bytes.
pub(super) struct RawBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state).await.map(Self)
    }
}

/// Query parameters.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(fault) => Err(bad_parameter(&fault.body_text())),
        }
    }
}

/// The one name in the path: `/v1/calls/{id}`.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(fault) => Err(problem(
                400,
                "bad-path",
                "Bad path",
                fault.body_text(),
                "Names in a path are UTF-8, percent-encoded.",
            )),
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(problem(
        415,
        "not-json",
        "Not JSON",
        match kind {
            Some(kind) => format!("The body is declared as `{kind}`."),
            None => "The body has no Content-Type.".into(),
        },
        "Send `Content-Type: application/json`.",
    ))
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|fault| {
        let status = fault.into_response().status().as_u16();
        match status {
            413 => problem(
                413,
                "too-large",
                "Too large",
                "The body is larger than 64 KiB.",
                "No request of this API needs more; check what is sent.",
            ),
            _ => problem(
                400,
                "unreadable-body",
                "Unreadable body",
                "The body ended before its time.",
                "Check Content-Length and the connection.",
            ),
        }
    })
}

/// 400 where the text is no JSON at all, 422 where it is but does not fit; RFC 9110 §15.5.21.
fn bad_json(fault: &JsonRejection) -> Problem {
    let text = fault.body_text();
    let said = text.split_once(": ").map_or(text.as_str(), |(_, said)| said);
    let hint = suggestion::for_fault(said).map(|word| format!("Did you mean `{word}`?"));
    match fault {
        JsonRejection::JsonDataError(_) => problem(
            422,
            "bad-field",
            "A field does not fit",
            said,
            hint.unwrap_or_else(|| "GET /v1/openapi.json describes every field.".into()),
        ),
        _ => problem(
            400,
            "bad-json",
            "Not JSON",
            said,
            "The body must be one JSON object; the detail names line and column.",
        ),
    }
}

fn bad_parameter(text: &str) -> Problem {
    let said = text.split_once(": ").map_or(text, |(_, said)| said);
    let hint = suggestion::for_fault(said).map(|word| format!("Did you mean `{word}`?"));
    problem(
        400,
        "bad-parameter",
        "A query parameter does not fit",
        said,
        hint.unwrap_or_else(|| {
            "GET /v1/openapi.json describes every parameter. A `+` in an address is a space: write `%2B`.".into()
        }),
    )
}
