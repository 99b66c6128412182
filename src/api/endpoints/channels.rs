//! `/v1/channels`: whether the chat works, a person's word on it, and the door for a provider's webhooks.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::channels::ChannelDocument;
use crate::api::endpoints::listed;
use crate::api::endpoints::shown;
use crate::api::orders::NewOverride;
use crate::api::orders::NewReport;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::reading::RawBody;
use crate::channel::Webhook;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// List the channels.
#[utoipa::path(get, path = "/v1/channels", tag = "channels", operation_id = "list_channels",
    responses((status = 200, description = "All of them", body = List<ChannelDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Channels).await?))
}

/// Show one channel, with the reasons for its state.
#[utoipa::path(get, path = "/v1/channels/{name}", tag = "channels", operation_id = "show_channel",
    params(("name" = String, Path, description = "As in `[[channel]]`")),
    responses((status = 200, description = "The channel", body = ChannelDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(name): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::Channel(name)).await?))
}

/// Declare a channel's state by hand.
///
/// It stands above every probe until it is lifted or its time is up, also over a restart.
#[utoipa::path(put, path = "/v1/channels/{name}/override", tag = "channels", operation_id = "override_channel",
    params(("name" = String, Path, description = "As in `[[channel]]`")), request_body = NewOverride,
    responses((status = 200, description = "The channel as it is now", body = ChannelDocument)))]
pub(in crate::api) async fn set_override(
    State(api): State<Arc<Api>>,
    Named(channel): Named,
    body: Body<NewOverride>,
) -> Result<Response, Problem> {
    let wish = body.value.read()?;
    Ok(shown(&api.ask_for_good(Command::Override { channel, wish }).await?))
}

/// Let the probes decide again.
#[utoipa::path(delete, path = "/v1/channels/{name}/override", tag = "channels", operation_id = "lift_override",
    params(("name" = String, Path, description = "As in `[[channel]]`")),
    responses((status = 200, description = "The channel as it is now", body = ChannelDocument)))]
pub(in crate::api) async fn clear_override(
    State(api): State<Arc<Api>>,
    Named(channel): Named,
) -> Result<Response, Problem> {
    Ok(shown(&api.ask_for_good(Command::ClearOverride { channel }).await?))
}

/// Report what you see of a channel from where you are.
///
/// Evidence among other evidence: it tells an outage from a block that only our own line meets. At most 60 reports of one
/// channel a minute, by at most 32 peers.
#[utoipa::path(post, path = "/v1/channels/{name}/reports", tag = "channels", operation_id = "report_channel",
    params(("name" = String, Path, description = "As in `[[channel]]`")), request_body = NewReport,
    responses((status = 200, description = "The channel as it is now", body = ChannelDocument)))]
pub(in crate::api) async fn report(
    State(api): State<Arc<Api>>,
    Named(channel): Named,
    body: Body<NewReport>,
) -> Result<Response, Problem> {
    let report = body.value.read();
    Ok(shown(&api.ask(Command::ReportChannel { channel, report }).await?))
}

/// Take in what a provider reports.
///
/// For texts and delivery reports. It brings the secret of `[[channel]]`, not our token. The answer comes once
/// everything in it is on the disk; any other answer than 200 asks the provider to send it again.
#[utoipa::path(post, path = "/v1/channels/{name}/webhook", tag = "channels", operation_id = "channel_webhook",
    params(("name" = String, Path, description = "As in `[[channel]]`")),
    request_body(content = String, content_type = "*/*", description = "Whatever the provider sends; `[[channel]]` says where the fields stand"),
    responses((status = 200, description = "Taken in")))]
pub(in crate::api) async fn webhook(
    State(api): State<Arc<Api>>,
    Named(channel): Named,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Problem> {
    let webhook = Webhook { headers: readable(&headers), query: query.unwrap_or_default(), body };
    api.ask(Command::Webhook { channel, webhook }).await?;
    Ok(StatusCode::OK.into_response())
}

/// Names in lower case; a value that is not text is left out.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}
