//! `/v1/recordings`: recordings of calls, and orders to those that run.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::api::Api;
use crate::api::audio;
use crate::api::documents::Paged;
use crate::api::documents::recordings::RecordingDocument;
use crate::api::endpoints::below;
use crate::api::endpoints::once_written;
use crate::api::endpoints::page_size;
use crate::api::endpoints::shown;
use crate::api::endpoints::unknown;
use crate::api::orders::RecordingOrder;
use crate::api::problem::problem;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::reading::Parameters;
use crate::call::record::CallId;
use crate::call::record::TalkRecording;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// Which recordings are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// Of this call only: `call_…`.
    call: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Recordings on a page, 1 to 1000. Default: 50.
    limit: Option<u32>,
}

/// Begin, pause, resume or end the recording of a call.
#[utoipa::path(post, path = "/v1/calls/{id}/recording", tag = "recordings", operation_id = "record_call",
    params(("id" = String, Path, description = "`call_…`")), request_body = RecordingOrder,
    responses((status = 200, description = "The recording", body = RecordingDocument)))]
pub(in crate::api) async fn order(
    State(api): State<Arc<Api>>,
    Named(id): Named,
    body: Body<RecordingOrder>,
) -> Result<Response, Problem> {
    let order = body.value.read()?;
    match api.ask(Command::RecordCall { call: CallId(id), order }).await? {
        Answer::Recording(recording) => Ok(Json(document(*recording)).into_response()),
        other => Ok(shown(&other)),
    }
}

/// List recordings, newest first.
#[utoipa::path(get, path = "/v1/recordings", tag = "recordings", operation_id = "list_recordings", params(Wanted),
    responses((status = 200, description = "A page of them", body = Paged<RecordingDocument>)))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let limit = page_size(wanted.limit)?;
    let page = api.store.recordings(wanted.call.as_deref(), wanted.cursor.as_deref(), limit).await?;
    let data: Vec<RecordingDocument> = page.items.into_iter().map(document).collect();
    Ok(Json(json!({ "data": data, "next_cursor": page.next })).into_response())
}

/// Show one recording.
#[utoipa::path(get, path = "/v1/recordings/{id}", tag = "recordings", operation_id = "show_recording",
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 200, description = "The recording", body = RecordingDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(Json(document(find(&api, &id).await?)).into_response())
}

/// Delete it, with its file.
#[utoipa::path(delete, path = "/v1/recordings/{id}", tag = "recordings", operation_id = "delete_recording",
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 204, description = "It is gone")))]
pub(in crate::api) async fn delete(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let recording = find(&api, &id).await?;
    let file = file(&api, &recording);
    let answer = api.ask(Command::DeleteRecording { recording: Box::new(recording) }).await?;
    if let Some(file) = file
        && let Err(why) = tokio::fs::remove_file(file).await
    {
        tracing::warn!(%why, id, "the file of a deleted recording cannot be removed");
    }
    Ok(shown(&answer))
}

/// Fetch its audio, or a `Range` of it. Of one that runs, what has been written so far.
#[utoipa::path(get, path = "/v1/recordings/{id}/audio", tag = "recordings", operation_id = "fetch_recording",
    params(("id" = String, Path, description = "`rec_…`")),
    responses(
        (status = 200, description = "A WAV file, or Opus in Ogg", content(
            (String = "audio/wav"), (String = "audio/ogg; codecs=opus")
        )),
        (status = 206, description = "The range that was asked for", content(
            (String = "audio/wav"), (String = "audio/ogg; codecs=opus")
        ))
    ))]
pub(in crate::api) async fn audio(
    State(api): State<Arc<Api>>,
    Named(id): Named,
    request: Request,
) -> Result<Response, Problem> {
    let recording = find(&api, &id).await?;
    let file = file(&api, &recording).ok_or_else(|| gone(&id))?;
    audio::send(&file, request).await.map_err(|why| {
        tracing::warn!(%why, id, "a recording cannot be read");
        gone(&id)
    })
}

async fn find(api: &Api, id: &str) -> Result<TalkRecording, Problem> {
    let found = once_written(api, || api.store.recording(id)).await?;
    found.ok_or_else(|| unknown("recording", id, "/v1/recordings"))
}

fn file(api: &Api, recording: &TalkRecording) -> Option<PathBuf> {
    below(&api.recording_folder, Path::new(&recording.path))
}

fn document(recording: TalkRecording) -> RecordingDocument {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    RecordingDocument {
        audio: format!("/v1/recordings/{}/audio", recording.id),
        id: recording.id,
        call: recording.call,
        name: recording.name,
        channels: word(json!(recording.channels)),
        started: recording.started,
        length_ms: recording.length_ms,
        cut_ms: recording.cut_ms,
        state: word(json!(recording.state)),
        why: recording.why,
    }
}

fn gone(id: &str) -> Problem {
    problem(
        410,
        "recording-gone",
        "The recording is gone",
        format!("The file of `{id}` is not in the folder of recordings any more."),
        "Somebody removed it, or the data folder was moved; the log of the server says more.",
    )
}
