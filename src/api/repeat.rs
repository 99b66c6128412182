//! `Idempotency-Key`: a POST that is sent again, because its answer was lost, is carried out once.

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::api::Api;
use crate::api::ask::OUTCOME_UNKNOWN;
use crate::api::problem::problem;
use crate::store::error::StoreError;
use crate::store::keys::Claim;
use crate::switch::command::Problem;

/// The header's value; most requests have none.
pub(super) struct Key(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        match value.to_str() {
            Ok(key) if (1..=LONGEST).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(problem(
                400,
                "bad-idempotency-key",
                "Bad Idempotency-Key",
                format!("A key has 1 to {LONGEST} printable ASCII characters."),
                "A UUID, new for each thing that you want done, is a good one.",
            )),
        }
    }
}

/// What a POST made; kept as it stands for whoever repeats it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) body: Value,
}

impl IntoResponse for Made {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Json(self.body)).into_response();
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// Carries out `work`, unless the same request with the same key was carried out before: then its answer is given again.
pub(super) async fn once<F>(api: &Arc<Api>, key: Key, fingerprint: String, work: F) -> Result<Response, Problem>
where
    F: Future<Output = Result<Made, Problem>> + Send + 'static,
{
    let Some(key) = key.0 else {
        return work.await.map(IntoResponse::into_response);
    };
    match api.store.claim(&key, &fingerprint, Timestamp::now()).await? {
        Claim::Fresh => {
            // A task of its own: a client that hangs up now must find the outcome when it comes back.
            let carried_out = tokio::spawn(carry_out(api.clone(), key, work)).await;
            let made = carried_out.unwrap_or_else(|_| Err(unanswered()))?;
            Ok(made.into_response())
        }
        Claim::Answered(answer) => again(&answer),
        Claim::Unanswered => Err(unanswered()),
        Claim::OtherRequest => Err(problem(
            422,
            "idempotency-key-reused",
            "Idempotency-Key used for something else",
            "A request with another path or body had this key within the last 24 hours.",
            "Use a new key for each thing that you want done.",
        )),
    }
}

async fn carry_out<F>(api: Arc<Api>, key: String, work: F) -> Result<Made, Problem>
where
    F: Future<Output = Result<Made, Problem>>,
{
    let result = work.await;
    let noted = match &result {
        Ok(made) => note(&api, &key, made).await,
        Err(refusal) if refusal.rule == OUTCOME_UNKNOWN => Ok(()),
        Err(_) => api.store.release(&key).await,
    };
    if let Err(error) = noted {
        tracing::error!(%error, "an idempotency key's answer could not be kept");
    }
    result
}

async fn note(api: &Api, key: &str, made: &Made) -> Result<(), StoreError> {
    let answer = serde_json::to_string(made).expect("plain JSON");
    api.store.keep_answer(key, &answer).await
}

fn again(answer: &str) -> Result<Response, Problem> {
    let made: Made = serde_json::from_str(answer)
        .map_err(|why| StoreError::Damaged { table: "idempotency_keys", why: why.to_string() })?;
    let mut response = made.into_response();
    let replayed = HeaderValue::from_static("true");
    response.headers_mut().insert("idempotency-replayed", replayed);
    Ok(response)
}

fn unanswered() -> Problem {
    problem(
        409,
        "idempotency-key-unanswered",
        "The first request has no outcome yet",
        "A request with this key is under way, or the server ended before its outcome was known.",
        "Try again in a moment. If this stays, look whether it was done (GET /v1/calls, GET /v1/messages) and use a new key.",
    )
}

/// Characters in a key.
const LONGEST: usize = 255;
