//! The description of the API, made from the very functions that serve it.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::Value;
use serde_json::json;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;
use crate::api::documents::EventDocument;
use crate::api::documents::ProblemDocument;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Desvio",
        description = "Places calls, sends texts, and tells what the telephone system does. JSON in snake_case, numbers in E.164, times in RFC 3339 UTC. Every refusal is an RFC 9457 problem with `rule` and `hint`."
    ),
    tags(
        (name = "calls", description = "Calls now, and calls that ended"),
        (name = "messages", description = "Texts in both directions"),
        (name = "channels", description = "Chat and text channels, and whether they work"),
        (name = "agents", description = "Queues, who serves them, and which phones are registered"),
        (name = "recordings", description = "Recordings of calls"),
        (name = "conferences", description = "Who talks with whom in which, and who may be heard"),
        (name = "voicemails", description = "Recordings that callers left"),
        (name = "dialplan", description = "What callers walk through: which one, and another"),
        (name = "events", description = "What happens, as it happens"),
        (name = "server", description = "The server itself"),
    ),
    components(schemas(ProblemDocument, EventDocument))
)]
struct Description;

pub(super) fn start() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(Description::openapi())
}

/// `GET /v1/openapi.json`
pub(super) fn route(document: utoipa::openapi::OpenApi) -> Router<Arc<Api>> {
    let document = serde_json::to_value(document).expect("the description is plain JSON");
    let text: Arc<str> = finished(document).to_string().into();
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], text.to_string()) };
    Router::new().route("/v1/openapi.json", get(answer))
}

/// What holds for every operation is said here once: how it is refused, and what lets a program in.
fn finished(mut document: Value) -> Value {
    document["components"]["securitySchemes"]["token"] = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "`[api] token`, or the file `api-token` in the data folder.",
    });
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for operation in item.as_object_mut().into_iter().flatten().map(|(_, operation)| operation) {
            operation["responses"]["default"] = json!({
                "description": "Refused; RFC 9457.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            });
            if path.starts_with("/v1/") && !path.ends_with("/webhook") {
                operation["security"] = json!([{ "token": [] }]);
            }
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench::Bench;
    use crate::api::bench::block_on;

    #[test]
    fn the_description_names_every_path_and_describes_every_field() {
        block_on(async {
            let bench = Bench::new().await;
            let document = bench.get("/v1/openapi.json").await.json();
            let paths = document["paths"].as_object().unwrap();
            assert_eq!(paths.len(), PATHS.len(), "{:?}", paths.keys());
            for path in PATHS {
                let item = paths.get(*path).unwrap_or_else(|| panic!("{path}"));
                for (method, operation) in item.as_object().unwrap() {
                    let place = format!("{method} {path}");
                    assert!(operation["summary"].is_string(), "{place}");
                    assert!(operation["responses"]["default"].is_object(), "{place}");
                    let open = !path.starts_with("/v1/") || path.ends_with("/webhook");
                    assert_eq!(operation["security"].is_null(), open, "{place}");
                }
            }
            for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
                for (field, property) in schema["properties"].as_object().into_iter().flatten() {
                    let nested = property.pointer("/oneOf/0/description").or(property.pointer("/oneOf/1/description"));
                    let described = property.get("description").or(nested);
                    assert!(described.is_some(), "{name}.{field}: {property}");
                }
            }
            every_reference_leads_somewhere(&document, &document);
        });
    }

    const PATHS: &[&str] = &[
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v1/agents",
        "/v1/agents/{number}/state",
        "/v1/callbacks",
        "/v1/callbacks/{id}",
        "/v1/calls",
        "/v1/calls/{id}",
        "/v1/calls/{id}/recording",
        "/v1/calls/{id}/supervise",
        "/v1/channels",
        "/v1/channels/{name}",
        "/v1/channels/{name}/override",
        "/v1/channels/{name}/reports",
        "/v1/channels/{name}/webhook",
        "/v1/conferences",
        "/v1/conferences/{name}",
        "/v1/conferences/{name}/members/{call}",
        "/v1/conferences/{name}/members/{call}/mute",
        "/v1/conferences/{name}/members/{call}/unmute",
        "/v1/conferences/{name}/recording",
        "/v1/dialplan",
        "/v1/dialplan/diff",
        "/v1/dialplan/graph",
        "/v1/dialplan/reload",
        "/v1/dialplan/rollback",
        "/v1/drills",
        "/v1/drills/{id}",
        "/v1/events",
        "/v1/incidents",
        "/v1/incidents/{id}",
        "/v1/messages",
        "/v1/messages/{id}",
        "/v1/parking",
        "/v1/queues",
        "/v1/recordings",
        "/v1/recordings/{id}",
        "/v1/recordings/{id}/audio",
        "/v1/records",
        "/v1/records/{id}",
        "/v1/records/{id}/explanation",
        "/v1/registrations",
        "/v1/status",
        "/v1/voicemails",
        "/v1/voicemails/{id}",
        "/v1/voicemails/{id}/audio",
        "/v1/webhooks",
        "/v1/webhooks/{name}/replay",
    ];

    fn every_reference_leads_somewhere(part: &Value, document: &Value) {
        match part {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let place = reference.trim_start_matches('#');
                    assert!(document.pointer(place).is_some(), "{reference}");
                }
                fields.values().for_each(|part| every_reference_leads_somewhere(part, document));
            }
            Value::Array(parts) => parts.iter().for_each(|part| every_reference_leads_somewhere(part, document)),
            _ => {}
        }
    }
}
