//! `/v1/drills`: exercises. What comes of one is told by its incident.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::incidents::IncidentDocument;
use crate::api::endpoints::listed;
use crate::api::endpoints::shown;
use crate::api::orders::NewDrill;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Begin a drill: as if a channel had fallen.
///
/// It ends by itself, at its time or when the channel really falls. `Location` is the incident that tells its story; what was
/// found stands in its `drill.findings`.
#[utoipa::path(post, path = "/v1/drills", tag = "channels", operation_id = "begin_drill", request_body = NewDrill,
    responses((status = 201, description = "It has begun", body = IncidentDocument)))]
pub(in crate::api) async fn begin(State(api): State<Arc<Api>>, body: Body<NewDrill>) -> Result<Response, Problem> {
    let answer = api.ask_for_good(Command::StartDrill(body.value.read()?)).await?;
    let place = match &answer {
        Answer::Incident(incident) => format!("/v1/incidents/{}", incident.id),
        _ => "/v1/incidents".to_owned(),
    };
    Ok((StatusCode::CREATED, [(LOCATION, place)], Json(answer)).into_response())
}

/// List the drills that go on.
#[utoipa::path(get, path = "/v1/drills", tag = "channels", operation_id = "list_drills",
    responses((status = 200, description = "All of them", body = List<IncidentDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Drills).await?))
}

/// End a drill now.
#[utoipa::path(delete, path = "/v1/drills/{id}", tag = "channels", operation_id = "end_drill",
    params(("id" = String, Path, description = "`inc_…`")),
    responses((status = 200, description = "The incident with its report", body = IncidentDocument)))]
pub(in crate::api) async fn end(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask_for_good(Command::EndDrill(id)).await?))
}
