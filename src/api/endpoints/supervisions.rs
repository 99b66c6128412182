//! `/v1/calls/{id}/supervise`: a supervisor listens to a talk, whispers to the agent, or barges in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::calls::CallDocument;
use crate::api::endpoints::shown;
use crate::api::orders::NewSupervision;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::call::record::CallId;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Bring a supervisor into a talk, or change what he is heard by.
///
/// His phone rings; once he picks up he hears both. Sent again for the same extension with another `mode`, it changes that.
#[utoipa::path(post, path = "/v1/calls/{id}/supervise", tag = "calls", operation_id = "supervise_call",
    params(("id" = String, Path, description = "`call_…`")), request_body = NewSupervision,
    responses((status = 200, description = "The call; `supervisor` says how far he has come", body = CallDocument)))]
pub(in crate::api) async fn begin(
    State(api): State<Arc<Api>>,
    Named(id): Named,
    body: Body<NewSupervision>,
) -> Result<Response, Problem> {
    let (extension, mode) = body.value.read();
    Ok(shown(&api.ask(Command::Supervise { call: CallId(id), extension, mode }).await?))
}

/// Send the supervisor away; the talk goes on.
#[utoipa::path(delete, path = "/v1/calls/{id}/supervise", tag = "calls", operation_id = "end_supervision",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 204, description = "He hears nothing any more")))]
pub(in crate::api) async fn end(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::EndSupervision(CallId(id))).await?))
}
