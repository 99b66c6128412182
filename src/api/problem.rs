//! How a refusal looks on the wire: RFC 9457, with the rule that was broken and a hint at what to do.

use axum::Json;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RETRY_AFTER;
use axum::http::header::WWW_AUTHENTICATE;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::api::documents::ProblemDocument;
use crate::store::error::StoreError;
use crate::switch::command::Problem;

pub(super) fn problem(
    status: u16,
    rule: &'static str,
    title: impl Into<String>,
    detail: impl Into<String>,
    hint: impl Into<String>,
) -> Problem {
    Problem { status, rule, title: title.into(), detail: detail.into(), hint: hint.into() }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = as_problem((status, Json(ProblemDocument::from(self))).into_response());
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

/// JSON that is a problem's.
pub(super) fn as_problem(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor(_) => problem(
                400,
                "bad-cursor",
                "Bad cursor",
                error.to_string(),
                "Send the `next_cursor` of the page before as it stands, or leave `cursor` out for the first page.",
            ),
            StoreError::Damaged { .. } => problem(
                500,
                "damaged-row",
                "Damaged row",
                error.to_string(),
                "A newer program may have written it; the log of the server says more.",
            ),
            other => problem(
                503,
                "storage-unavailable",
                "The storage does not answer",
                other.to_string(),
                "Calls go on. Try again in a moment; `[storage] url` names the database.",
            ),
        }
    }
}

/// Also what the framework itself refuses (an unknown path, another method) leaves as a problem.
pub(super) async fn problems_only(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_problem(&response) {
        return response;
    }
    let allowed = response.headers().get(ALLOW).cloned();
    let mut response = of_framework(status, &method, &path, allowed.as_ref()).into_response();
    if let Some(allowed) = allowed {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON)
}

fn of_framework(status: StatusCode, method: &Method, path: &str, allowed: Option<&HeaderValue>) -> Problem {
    let allowed = allowed.and_then(|methods| methods.to_str().ok()).unwrap_or_default();
    match status {
        StatusCode::NOT_FOUND => problem(
            404,
            "unknown-path",
            "Unknown path",
            format!("Nothing stands at `{path}`."),
            "GET /v1/openapi.json lists every path.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => problem(
            405,
            "method-not-allowed",
            "Method not allowed",
            format!("`{path}` does not know {method}."),
            match allowed {
                "" => "GET /v1/openapi.json says which methods it knows.".to_owned(),
                methods => format!("It knows {methods}."),
            },
        ),
        other => problem(
            other.as_u16(),
            "refused",
            other.canonical_reason().unwrap_or("Refused"),
            format!("{method} {path} was refused."),
            "GET /v1/openapi.json says what each path wants.",
        ),
    }
}

const PROBLEM_JSON: &str = "application/problem+json";
