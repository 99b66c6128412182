//! `/v1/webhooks`: who is told of events, and telling it once more.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::webhooks::ReplayDocument;
use crate::api::documents::webhooks::ReplayedDocument;
use crate::api::documents::webhooks::WebhookDocument;
use crate::api::endpoints::unknown;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::switch::command::Problem;

/// List the programs that are told of events.
#[utoipa::path(get, path = "/v1/webhooks", tag = "events", operation_id = "list_webhooks",
    responses((status = 200, description = "All of them", body = List<WebhookDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let mut data = Vec::with_capacity(api.webhooks.len());
    for webhook in &api.webhooks {
        let counts = api.store.delivery_counts(&webhook.name).await?;
        data.push(WebhookDocument {
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            events: webhook.events.clone(),
            pending: counts.pending,
            delivered: counts.delivered,
            failed: counts.failed,
            last_failure: counts.last_failure,
        });
    }
    Ok(Json(json!({ "data": data })).into_response())
}

/// Tell a program of past events once more.
///
/// They keep their ids: a receiver that knows them already can leave them out.
#[utoipa::path(post, path = "/v1/webhooks/{name}/replay", tag = "events", operation_id = "replay_webhook",
    params(("name" = String, Path, description = "As in `[[webhook]]`")), request_body = ReplayDocument,
    responses((status = 202, description = "They are on their way", body = ReplayedDocument)))]
pub(in crate::api) async fn replay(
    State(api): State<Arc<Api>>,
    Named(name): Named,
    body: Body<ReplayDocument>,
) -> Result<Response, Problem> {
    if !api.webhooks.iter().any(|webhook| webhook.name == name) {
        return Err(unknown("webhook", &name, "/v1/webhooks"));
    }
    let events = api.store.replay_deliveries(&name, body.value.since, Timestamp::now()).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayedDocument { events })).into_response())
}

#[cfg(test)]
mod tests {
    use crate::api::bench::Bench;
    use crate::api::bench::block_on;

    #[test]
    fn webhooks_are_listed_and_told_once_more() {
        block_on(async {
            let bench = Bench::new().await;
            let listed = bench.get("/v1/webhooks").await.json();
            assert_eq!(listed["data"][0]["name"], "crm");
            assert_eq!(listed["data"][0]["pending"], 0);
            let reply = bench.post("/v1/webhooks/crm/replay", "{\"since\":\"2026-11-23T12:00:00Z\"}").await;
            assert_eq!((reply.status, reply.json()["events"].as_u64()), (202, Some(0)));
            let unknown = bench.post("/v1/webhooks/erp/replay", "{\"since\":\"2026-11-23T12:00:00Z\"}").await;
            assert_eq!(unknown.status, 404);
            assert_eq!(bench.post("/v1/webhooks/crm/replay", "{\"since\":\"soon\"}").await.status, 422);
        });
    }
}
