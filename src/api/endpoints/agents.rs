//! `/v1/queues`, `/v1/agents`, `/v1/registrations`: who waits, who serves, which phones can be reached.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::queues::AgentDocument;
use crate::api::documents::queues::QueueDocument;
use crate::api::endpoints::listed;
use crate::api::endpoints::shown;
use crate::api::orders::NewAgentState;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::registrations::RegistrationDocument;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// List the queues.
#[utoipa::path(get, path = "/v1/queues", tag = "agents", operation_id = "list_queues",
    responses((status = 200, description = "All of them", body = List<QueueDocument>)))]
pub(in crate::api) async fn queues(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Queues).await?))
}

/// List the agents.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", operation_id = "list_agents",
    responses((status = 200, description = "All of them", body = List<AgentDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Agents).await?))
}

/// Let an agent take calls from queues, pause, or sign out.
#[utoipa::path(put, path = "/v1/agents/{number}/state", tag = "agents", operation_id = "set_agent_state",
    params(("number" = String, Path, description = "The extension")), request_body = NewAgentState,
    responses((status = 204, description = "It holds from now on; a talk goes on")))]
pub(in crate::api) async fn set_state(
    State(api): State<Arc<Api>>,
    Named(number): Named,
    body: Body<NewAgentState>,
) -> Result<Response, Problem> {
    let wish = body.value.read()?;
    Ok(shown(&api.ask(Command::SetAgent { number, wish }).await?))
}

/// List the phones that are registered.
#[utoipa::path(get, path = "/v1/registrations", tag = "agents", operation_id = "list_registrations",
    responses((status = 200, description = "All of them", body = List<RegistrationDocument>)))]
pub(in crate::api) async fn registrations(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Registrations).await?))
}
