//! `/v1/callbacks`: who is to be called back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::callbacks::CallbackDocument;
use crate::api::endpoints::listed;
use crate::api::endpoints::shown;
use crate::api::reading::Named;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// List those who are to be called back, who has waited longest first.
#[utoipa::path(get, path = "/v1/callbacks", tag = "callbacks", operation_id = "list_callbacks",
    responses((status = 200, description = "All that are open", body = List<CallbackDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Callbacks).await?))
}

/// Show one that is open.
#[utoipa::path(get, path = "/v1/callbacks/{id}", tag = "callbacks", operation_id = "show_callback",
    params(("id" = String, Path, description = "`cb_…`")),
    responses((status = 200, description = "With what was tried", body = CallbackDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask(Command::Callback(id)).await?))
}

/// Call somebody back no more.
///
/// A call to him that is under way goes on.
#[utoipa::path(delete, path = "/v1/callbacks/{id}", tag = "callbacks", operation_id = "cancel_callback",
    params(("id" = String, Path, description = "`cb_…`")),
    responses((status = 204, description = "It is canceled")))]
pub(in crate::api) async fn cancel(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(shown(&api.ask_for_good(Command::CancelCallback(id)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench::Bench;
    use crate::api::bench::block_on;

    #[test]
    fn callbacks_are_listed_shown_and_canceled() {
        block_on(async {
            let bench = Bench::new().await;
            let listed = bench.get("/v1/callbacks").await.json();
            let document: CallbackDocument = serde_json::from_value(listed["data"][0].clone()).unwrap();
            assert_eq!((document.id.as_str(), document.tries[0].result.as_str()), ("cb_1", "no-answer"));
            assert_eq!(bench.get("/v1/callbacks/cb_1").await.json()["queue"], "vendas");
            assert_eq!(bench.get("/v1/callbacks/cb_2").await.rule(), "unknown-callback");
            assert_eq!(bench.delete("/v1/callbacks/cb_1").await.status, 204);
        });
    }
}
