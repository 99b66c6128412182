//! `/v1/conferences`: who is in which, who may speak, and the recording.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;

use crate::api::Api;
use crate::api::conferences::ConferenceDocument;
use crate::api::documents::List;
use crate::api::endpoints::listed;
use crate::api::endpoints::shown;
use crate::api::problem::problem;
use crate::api::reading::Named;
use crate::call::record::CallId;
use crate::dialplan::attendance::Speech;
use crate::switch::command::Command;
use crate::switch::command::Problem;
use crate::switch::command::Taping;

/// List the conferences that somebody is in.
#[utoipa::path(get, path = "/v1/conferences", tag = "conferences", operation_id = "list_conferences",
    responses((status = 200, description = "All of them", body = List<ConferenceDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Conferences).await?))
}

/// Show one conference.
#[utoipa::path(get, path = "/v1/conferences/{name}", tag = "conferences", operation_id = "show_conference",
    params(("name" = String, Path, description = "As the dialplan names it")),
    responses((status = 200, description = "Its members, in the order in which they came", body = ConferenceDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(name): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::Conference(name)).await?))
}

/// Let nobody hear a member.
#[utoipa::path(post, path = "/v1/conferences/{name}/members/{call}/mute", tag = "conferences", operation_id = "mute_member",
    params(("name" = String, Path, description = "The conference"), ("call" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The conference as it is now", body = ConferenceDocument)))]
pub(in crate::api) async fn mute(State(api): State<Arc<Api>>, of: Member) -> Result<Response, Problem> {
    set_speech(&api, of, Speech::Muted).await
}

/// Let a member be heard.
#[utoipa::path(post, path = "/v1/conferences/{name}/members/{call}/unmute", tag = "conferences", operation_id = "unmute_member",
    params(("name" = String, Path, description = "The conference"), ("call" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The conference as it is now", body = ConferenceDocument)))]
pub(in crate::api) async fn unmute(State(api): State<Arc<Api>>, of: Member) -> Result<Response, Problem> {
    set_speech(&api, of, Speech::Open).await
}

async fn set_speech(api: &Api, of: Member, speech: Speech) -> Result<Response, Problem> {
    let Member { conference, call } = of;
    Ok(shown(&api.ask(Command::SetMemberSpeech { conference, call, speech }).await?))
}

/// Send a member away; its call ends.
#[utoipa::path(delete, path = "/v1/conferences/{name}/members/{call}", tag = "conferences", operation_id = "remove_member",
    params(("name" = String, Path, description = "The conference"), ("call" = String, Path, description = "`call_…`")),
    responses((status = 204, description = "It is out")))]
pub(in crate::api) async fn remove(State(api): State<Arc<Api>>, of: Member) -> Result<Response, Problem> {
    let Member { conference, call } = of;
    Ok(shown(&api.ask(Command::SendMemberAway { conference, call }).await?))
}

/// Record what is heard in a conference.
///
/// Where all still wait for a moderator, it begins with the first who is heard.
#[utoipa::path(post, path = "/v1/conferences/{name}/recording", tag = "conferences", operation_id = "record_conference",
    params(("name" = String, Path, description = "The conference")),
    responses((status = 200, description = "It is recorded; `recording` names the file", body = ConferenceDocument)))]
pub(in crate::api) async fn record(State(api): State<Arc<Api>>, Named(name): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::TapeConference { conference: name, taping: Taping::Start }).await?))
}

/// End the recording of a conference.
///
/// `conference.recorded` among the events says when the file is complete.
#[utoipa::path(delete, path = "/v1/conferences/{name}/recording", tag = "conferences", operation_id = "stop_recording_conference",
    params(("name" = String, Path, description = "The conference")),
    responses((status = 200, description = "It is recorded no more", body = ConferenceDocument)))]
pub(in crate::api) async fn stop_recording(
    State(api): State<Arc<Api>>,
    Named(name): Named,
) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::TapeConference { conference: name, taping: Taping::Stop }).await?))
}

/// The two names in the path of a member.
pub(in crate::api) struct Member {
    conference: String,
    call: CallId,
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Member, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((conference, call)) = path.map_err(|fault| {
            problem(400, "bad-path", "The path cannot be read", fault.body_text(), "Names are URL-encoded UTF-8.")
        })?;
        Ok(Member { conference, call: CallId(call) })
    }
}
