//! `/v1/messages`: texts in both directions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::api::Api;
use crate::api::documents::Paged;
use crate::api::documents::messages::MessageDocument;
use crate::api::endpoints::page_size;
use crate::api::endpoints::unknown;
use crate::api::endpoints::value;
use crate::api::orders::NewMessage;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::reading::Parameters;
use crate::api::repeat::Key;
use crate::api::repeat::Made;
use crate::api::repeat::once;
use crate::channel::message::Direction;
use crate::channel::message::MessageId;
use crate::channel::message::MessageStatus;
use crate::store::messages::MessageQuery;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Which messages are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// Made at this moment or later; RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Made before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `inbound` or `outbound`.
    #[param(value_type = Option<String>)]
    direction: Option<Direction>,
    /// `queued`, `sending`, `sent`, `delivered`, `failed` or `received`.
    #[param(value_type = Option<String>)]
    status: Option<MessageStatus>,
    /// The channel that carried it.
    channel: Option<String>,
    /// The sender's or the recipient's number, with its plus written as `%2B`.
    number: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Messages on a page, 1 to 1000. Default: 50.
    limit: Option<u32>,
}

/// Send a text.
///
/// The answer comes once it is on the disk: it will be sent even if the server ends right after.
#[utoipa::path(post, path = "/v1/messages", tag = "messages", operation_id = "send_message", request_body = NewMessage,
    params(("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key and body, the text goes out once; kept for 24 hours")),
    responses((status = 202, description = "Accepted and on the disk", body = MessageDocument)))]
pub(in crate::api) async fn send(
    State(api): State<Arc<Api>>,
    key: Key,
    body: Body<NewMessage>,
) -> Result<Response, Problem> {
    let order = body.value.read(&api.home)?;
    let switch = api.clone();
    let work = async move {
        let answer = switch.ask(Command::SendMessage(order)).await?;
        let id = match &answer {
            Answer::Message(message) => message.id.0.clone(),
            _ => String::new(),
        };
        Ok(Made { status: 202, location: format!("/v1/messages/{id}"), body: value(&answer) })
    };
    once(&api, key, body.fingerprint, work).await
}

/// List messages, newest first.
#[utoipa::path(get, path = "/v1/messages", tag = "messages", operation_id = "list_messages", params(Wanted),
    responses((status = 200, description = "A page of them", body = Paged<MessageDocument>)))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let limit = page_size(wanted.limit)?;
    let query = MessageQuery {
        from: wanted.from,
        to: wanted.to,
        direction: wanted.direction.map(|direction| direction.word().to_owned()),
        status: wanted.status.map(|status| status.word().to_owned()),
        channel: wanted.channel,
        number: wanted.number,
    };
    let page = api.store.messages(&query, wanted.cursor.as_deref(), limit).await?;
    Ok(Json(json!({ "data": page.items, "next_cursor": page.next })).into_response())
}

/// Show one message, and where it stands.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", operation_id = "show_message",
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "As it was last written", body = MessageDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let id = MessageId(id);
    match api.store.message(&id).await? {
        Some(message) => Ok(Json(message).into_response()),
        None => Err(unknown("message", &id.0, "/v1/messages")),
    }
}
