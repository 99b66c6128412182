//! `/v1/dialplan`: which one runs; to take up the files, to compare them, to go back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::api::Api;
use crate::api::documents::ProblemDocument;
use crate::api::documents::dialplan::DialplanDocument;
use crate::api::endpoints::shown;
use crate::api::endpoints::value;
use crate::api::problem::as_problem;
use crate::api::problem::problem;
use crate::api::reading::Parameters;
use crate::dialplan::fault::Fault;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::DialplanWish;
use crate::switch::command::Problem;

/// Show which dialplan new calls walk.
#[utoipa::path(get, path = "/v1/dialplan", tag = "dialplan", operation_id = "show_dialplan",
    responses((status = 200, description = "The dialplan, without changes", body = DialplanDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    ask(&api, DialplanWish::Show).await
}

/// Take up the dialplan's files.
///
/// They are checked first: with a fault, all faults are answered with 422 and the dialplan before goes on. Calls in
/// progress keep the dialplan they began with.
#[utoipa::path(post, path = "/v1/dialplan/reload", tag = "dialplan", operation_id = "reload_dialplan",
    responses((status = 200, description = "It is walked by new calls; with what changed", body = DialplanDocument)))]
pub(in crate::api) async fn reload(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    ask(&api, DialplanWish::Reload).await
}

/// Say what a reload would change.
#[utoipa::path(get, path = "/v1/dialplan/diff", tag = "dialplan", operation_id = "compare_dialplan",
    responses((status = 200, description = "The running one, with what the files change", body = DialplanDocument)))]
pub(in crate::api) async fn compare(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    ask(&api, DialplanWish::Compare).await
}

/// Go back to the dialplan before.
///
/// The files stay as they are, and are taken up again once they have changed or a reload is asked for here.
#[utoipa::path(post, path = "/v1/dialplan/rollback", tag = "dialplan", operation_id = "roll_back_dialplan",
    responses((status = 200, description = "It is walked by new calls; with what changed", body = DialplanDocument)))]
pub(in crate::api) async fn roll_back(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    ask(&api, DialplanWish::RollBack).await
}

/// Draw the dialplan with the callers of this moment.
#[utoipa::path(get, path = "/v1/dialplan/graph", tag = "dialplan", operation_id = "draw_dialplan", params(Drawn),
    responses((status = 200, description = "An SVG", content((String = "image/svg+xml")))))]
pub(in crate::api) async fn draw(
    State(api): State<Arc<Api>>,
    Parameters(drawn): Parameters<Drawn>,
) -> Result<Response, Problem> {
    match api.ask(Command::Dialplan(DialplanWish::Draw { flow: drawn.flow })).await? {
        Answer::Drawing(picture) => {
            // A large dialplan takes a while, and few threads answer everybody.
            let svg = spawn_blocking(move || picture.svg()).await.map_err(|_| not_drawn())?;
            Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
        }
        answer => Ok(shown(&answer)),
    }
}

fn not_drawn() -> Problem {
    problem(
        500,
        "not-drawn",
        "The dialplan could not be drawn",
        "Drawing it failed; the log says where.",
        "Draw one flow.",
    )
}

/// What is drawn.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Drawn {
    /// Only this flow and those that it leads to.
    flow: Option<String>,
}

async fn ask(api: &Api, wish: DialplanWish) -> Result<Response, Problem> {
    match api.ask(Command::Dialplan(wish)).await? {
        Answer::DialplanRefused(faults) => Ok(refused(&faults)),
        answer => Ok(shown(&answer)),
    }
}

fn refused(faults: &[Fault]) -> Response {
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let problem = problem(
        422,
        "faulty-dialplan",
        "The dialplan has faults",
        told.join("\n"),
        "The dialplan before goes on. Mend the files and reload them.",
    );
    let faults = faults.iter().map(value).collect();
    let document = ProblemDocument { faults, ..ProblemDocument::from(problem) };
    as_problem((StatusCode::UNPROCESSABLE_ENTITY, Json(document)).into_response())
}
