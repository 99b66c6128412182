//! `/health/…`, `/metrics` and `/v1/status`: how the server itself does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::api::Api;
use crate::api::Readiness;
use crate::api::documents::status::HealthDocument;
use crate::api::documents::status::StatusDocument;
use crate::api::endpoints::shown;
use crate::api::problem::problem;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Whether the process runs.
#[utoipa::path(get, path = "/health/live", tag = "server", operation_id = "is_live",
    responses((status = 200, description = "It does", body = HealthDocument)))]
pub(in crate::api) async fn live() -> Json<HealthDocument> {
    Json(HealthDocument { status: "live".into() })
}

/// Whether new calls should be sent here.
#[utoipa::path(get, path = "/health/ready", tag = "server", operation_id = "is_ready",
    responses((status = 200, description = "Yes; 503 says why not", body = HealthDocument)))]
pub(in crate::api) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<HealthDocument>, Problem> {
    match (api.readiness)() {
        Readiness::Ready => Ok(Json(HealthDocument { status: "ready".into() })),
        Readiness::NotReady(reasons) => Err(problem(
            503,
            "not-ready",
            "Not ready",
            reasons.join("; "),
            "Calls that run go on; send new ones elsewhere until this is 200 again.",
        )),
    }
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", operation_id = "metrics",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain")))]
pub(in crate::api) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], (api.metrics)()).into_response()
}

/// The server at a glance.
#[utoipa::path(get, path = "/v1/status", tag = "server", operation_id = "status",
    responses((status = 200, description = "Now", body = StatusDocument)))]
pub(in crate::api) async fn status(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::Status).await?))
}
