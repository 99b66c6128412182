//! One file for each family of paths. A handler reads, asks, and writes the answer down; it decides nothing.

pub(super) mod agents;
pub(super) mod callbacks;
pub(super) mod calls;
pub(super) mod channels;
pub(super) mod conferences;
pub(super) mod dialplan;
pub(super) mod drills;
pub(super) mod events;
pub(super) mod health;
pub(super) mod incidents;
pub(super) mod messages;
pub(super) mod parking;
pub(super) mod recordings;
pub(super) mod records;
pub(super) mod supervisions;
pub(super) mod voicemails;
pub(super) mod webhooks;

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use tokio::time::sleep;

use crate::api::Api;
use crate::api::problem::problem;
use crate::store::error::StoreError;
use crate::switch::command::Answer;
use crate::switch::command::Problem;

/// The answer as it stands; 204 where there is nothing to say.
fn shown(answer: &Answer) -> Response {
    match answer {
        Answer::Done {} => StatusCode::NO_CONTENT.into_response(),
        other => Json(other).into_response(),
    }
}

/// A list from the switch, all of it.
fn listed(answer: &Answer) -> Response {
    Json(json!({ "data": answer })).into_response()
}

/// For an answer that is kept beside its idempotency key.
fn value(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).expect("answers are plain JSON")
}

/// `limit` where none is given, and the most that is taken.
fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(USUAL_PAGE),
        Some(limit) if (1..=LARGEST_PAGE).contains(&limit) => Ok(limit),
        Some(limit) => Err(problem(
            400,
            "bad-parameter",
            "A query parameter does not fit",
            format!("`limit` is {limit}."),
            format!("From 1 to {LARGEST_PAGE}; `next_cursor` leads to the rest."),
        )),
    }
}

fn unknown(kind: &str, id: &str, list: &str) -> Problem {
    problem(
        404,
        "unknown-id",
        format!("Unknown {kind}"),
        format!("There is no {kind} `{id}`."),
        format!("GET {list} lists those that there are."),
    )
}

/// Where a file is; none for a path that leads out of its folder.
fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| folder.join(path))
}

/// What `look` finds. What has just happened gathers for a moment before it is written, and who has heard of it by an event
/// may ask before that, or before it was even handed on to be written: he waits for it. While nothing can be written, what
/// is not on the disk is not found.
async fn once_written<T, Looked>(api: &Api, look: impl Fn() -> Looked) -> Result<Option<T>, StoreError>
where
    Looked: Future<Output = Result<Option<T>, StoreError>>,
{
    for _ in 0..LOOKS {
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        let figures = api.writer.figures();
        if figures.waiting > 0 && !figures.in_trouble {
            let _ = api.writer.flush(WRITTEN_WITHIN).await;
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
        }
        sleep(BETWEEN_LOOKS).await;
    }
    look().await
}

const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 1_000;
