//! `/v1/voicemails`: what callers left, and their voices.

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
use crate::api::documents::recordings::VoicemailDocument;
use crate::api::endpoints::below;
use crate::api::endpoints::once_written;
use crate::api::endpoints::page_size;
use crate::api::endpoints::shown;
use crate::api::endpoints::unknown;
use crate::api::orders::VoicemailMark;
use crate::api::problem::problem;
use crate::api::reading::Body;
use crate::api::reading::Named;
use crate::api::reading::Parameters;
use crate::call::record::Voicemail;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Mark;
use crate::switch::command::Problem;

/// Which voicemails are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// As the dialplan names it.
    mailbox: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Voicemails on a page, 1 to 1000. Default: 50.
    limit: Option<u32>,
}

/// List voicemails, newest first.
#[utoipa::path(get, path = "/v1/voicemails", tag = "voicemails", operation_id = "list_voicemails", params(Wanted),
    responses((status = 200, description = "A page of them", body = Paged<VoicemailDocument>)))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let limit = page_size(wanted.limit)?;
    let mailbox = wanted.mailbox.as_deref();
    let page = api.store.voicemails(mailbox, wanted.cursor.as_deref(), limit).await?;
    let data: Vec<VoicemailDocument> = page.items.into_iter().map(document).collect();
    Ok(Json(json!({ "data": data, "next_cursor": page.next })).into_response())
}

/// Show one voicemail.
#[utoipa::path(get, path = "/v1/voicemails/{id}", tag = "voicemails", operation_id = "show_voicemail",
    params(("id" = String, Path, description = "`vm_…`")),
    responses((status = 200, description = "The voicemail", body = VoicemailDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(Json(document(find(&api, &id).await?)).into_response())
}

/// Say that it was listened to, or that it counts as new again. Lamps follow at once.
#[utoipa::path(patch, path = "/v1/voicemails/{id}", tag = "voicemails", operation_id = "mark_voicemail",
    params(("id" = String, Path, description = "`vm_…`")), request_body = VoicemailMark,
    responses((status = 200, description = "The voicemail", body = VoicemailDocument)))]
pub(in crate::api) async fn mark(
    State(api): State<Arc<Api>>,
    Named(id): Named,
    body: Body<VoicemailMark>,
) -> Result<Response, Problem> {
    let voicemail = Box::new(find(&api, &id).await?);
    let mark = if body.value.heard { Mark::Heard } else { Mark::New };
    match api.ask(Command::MarkVoicemail { voicemail, mark }).await? {
        Answer::Voicemail(voicemail) => Ok(Json(document(*voicemail)).into_response()),
        other => Ok(shown(&other)),
    }
}

/// Delete it, with its recording.
#[utoipa::path(delete, path = "/v1/voicemails/{id}", tag = "voicemails", operation_id = "delete_voicemail",
    params(("id" = String, Path, description = "`vm_…`")),
    responses((status = 204, description = "It is gone")))]
pub(in crate::api) async fn delete(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let voicemail = find(&api, &id).await?;
    let file = recording(&api, &voicemail);
    let answer = api.ask(Command::DeleteVoicemail { voicemail: Box::new(voicemail) }).await?;
    if let Some(file) = file
        && let Err(why) = tokio::fs::remove_file(file).await
    {
        tracing::warn!(%why, id, "the recording of a deleted voicemail cannot be removed");
    }
    Ok(shown(&answer))
}

/// Fetch the recording, or a `Range` of it.
#[utoipa::path(get, path = "/v1/voicemails/{id}/audio", tag = "voicemails", operation_id = "fetch_voicemail",
    params(("id" = String, Path, description = "`vm_…`")),
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
    let voicemail = find(&api, &id).await?;
    let file = recording(&api, &voicemail).ok_or_else(|| gone(&id))?;
    audio::send(&file, request).await.map_err(|why| {
        tracing::warn!(%why, id, "a recording cannot be read");
        gone(&id)
    })
}

async fn find(api: &Api, id: &str) -> Result<Voicemail, Problem> {
    let found = once_written(api, || api.store.voicemail(id)).await?;
    found.ok_or_else(|| unknown("voicemail", id, "/v1/voicemails"))
}

/// Where its file is; none for a path that leads out of the folder.
fn recording(api: &Api, voicemail: &Voicemail) -> Option<PathBuf> {
    below(&api.voicemail_folder, Path::new(&voicemail.path))
}

/// Programs fetch the audio over HTTP; where the file stands is nobody's business.
fn document(voicemail: Voicemail) -> VoicemailDocument {
    VoicemailDocument {
        audio: format!("/v1/voicemails/{}/audio", voicemail.id),
        id: voicemail.id,
        mailbox: voicemail.mailbox,
        call: voicemail.call,
        from: voicemail.from,
        left: voicemail.left,
        length_ms: voicemail.length_ms,
        heard: voicemail.heard,
        notified: voicemail.notified,
    }
}

fn gone(id: &str) -> Problem {
    problem(
        410,
        "recording-gone",
        "The recording is gone",
        format!("The file of `{id}` is not in the voicemail folder any more."),
        "Somebody removed it, or the data folder was moved; the log of the server says more.",
    )
}
