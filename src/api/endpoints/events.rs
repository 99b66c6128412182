//! `/v1/events`: what happens, as it happens; the event stream of HTML's Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::Event;
use axum::response::sse::KeepAlive;
use axum::response::sse::Sse;
use futures_util::stream;
use serde::Deserialize;

use crate::api::Api;
use crate::api::documents::EventDocument;
use crate::api::feed::Kinds;
use crate::api::feed::Listener;
use crate::api::feed::Next;
use crate::api::reading::Parameters;
use crate::switch::command::Problem;

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// Kinds, parted by commas: `call.*,message.received`. Default: all.
    r#type: Option<String>,
    /// As the header `Last-Event-ID`, for clients that cannot set it.
    after: Option<String>,
}

/// Listen to events.
///
/// Each has its `id`, its kind as `event`, and its JSON as `data`. With `Last-Event-ID` those come first that happened
/// since; where some of them are no longer kept, `events.missed` says so. A comment comes every 15 seconds of silence.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "listen_to_events",
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, description = "Until either side ends it", body = EventDocument, content_type = "text/event-stream")))]
pub(in crate::api) async fn stream(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last_seen = header.or(wanted.after.as_deref());
    let kinds = Kinds::parse(wanted.r#type.as_deref().unwrap_or_default());
    let listener = api.feed.listen(last_seen, kinds);
    let events = stream::unfold(listener, |mut listener: Listener| async {
        let next = listener.next().await?;
        Some((Ok::<Event, Infallible>(written(&next)), listener))
    });
    let quiet = KeepAlive::new().interval(SILENCE);
    Ok(Sse::new(events).keep_alive(quiet).into_response())
}

fn written(next: &Next) -> Event {
    match next {
        Next::Line(line) => Event::default().id(line.id()).event(line.kind()).data(line.json()),
        Next::Missed => Event::default().event("events.missed").data("{}"),
    }
}

/// Proxies close what is silent for longer, often after 30 or 60 s.
const SILENCE: Duration = Duration::from_secs(15);
