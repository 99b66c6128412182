//! `/v1/calls`: calls now. One that is over is answered from its record.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::calls::CallDocument;
use crate::api::documents::calls::RecordDocument;
use crate::api::endpoints::listed;
use crate::api::endpoints::once_written;
use crate::api::endpoints::shown;
use crate::api::endpoints::value;
use crate::api::orders::NewCall;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::repeat::Key;
use crate::api::repeat::Made;
use crate::api::repeat::once;
use crate::call::record::CallId;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Place a call.
///
/// It rings when the answer comes: `GET /v1/calls/{id}` and `/v1/events` tell how it goes on.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", operation_id = "place_call", request_body = NewCall,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the call is placed once; kept for 24 hours")),
    responses((status = 201, description = "It is being placed", body = CallDocument)))]
pub(in crate::api) async fn place(
    State(api): State<Arc<Api>>,
    key: Key,
    body: Body<NewCall>,
) -> Result<Response, Problem> {
    let order = body.value.read(&api.home)?;
    let switch = api.clone();
    let work = async move {
        let answer = switch.ask(Command::PlaceCall(order)).await?;
        let id = match &answer {
            Answer::Call(call) => call.id.to_string(),
            _ => String::new(),
        };
        Ok(Made { status: 201, location: format!("/v1/calls/{id}"), body: value(&answer) })
    };
    once(&api, key, body.fingerprint, work).await
}

/// List the calls that are not over.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", operation_id = "list_calls",
    responses((status = 200, description = "All of them", body = List<CallDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Calls).await?))
}

/// Show one call.
///
/// Once it is over, its record is shown in its place.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", operation_id = "show_call",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The call, or its record (it has `ended`)", body = CallOrRecord)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let id = CallId(id);
    match api.ask(Command::Call(id.clone())).await {
        Err(refusal) if refusal.status == 404 => match once_written(&api, || api.store.record(&id)).await? {
            Some(record) => Ok(Json(record).into_response()),
            None => Err(refusal),
        },
        answer => answer.map(|answer| shown(&answer)),
    }
}

/// Hang up.
#[utoipa::path(delete, path = "/v1/calls/{id}", tag = "calls", operation_id = "hang_up_call",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 204, description = "Every party is being told")))]
pub(in crate::api) async fn hang_up(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::HangUp(CallId(id))).await?))
}

/// A call, or what is left of it.
#[derive(utoipa::ToSchema)]
#[schema(as = CallOrRecord)]
#[serde(untagged)]
#[expect(dead_code, reason = "stands in the description only")]
enum CallOrRecord {
    Call(CallDocument),
    Record(RecordDocument),
}
