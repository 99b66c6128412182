//! `/v1/parking`: who waits in which slot.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::documents::List;
use crate::api::documents::parking::ParkedDocument;
use crate::api::endpoints::listed;
use crate::switch::command::Command;
use crate::switch::command::Problem;

/// List the callers who are parked, by their slots.
#[utoipa::path(get, path = "/v1/parking", tag = "calls", operation_id = "list_parking",
    responses((status = 200, description = "The slots that are taken", body = List<ParkedDocument>)))]
pub(in crate::api) async fn list(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    Ok(listed(&api.ask(Command::Parking).await?))
}

#[cfg(test)]
pub(in crate::api) mod tests {
    use super::*;
    use crate::api::bench::Bench;
    use crate::api::bench::at;
    use crate::api::bench::block_on;
    use crate::call::record::CallId;
    use crate::switch::command::ParkedView;

    pub(in crate::api) fn parked() -> ParkedView {
        ParkedView {
            slot: 701,
            call: CallId("call_live".to_owned()),
            caller: "+5511999998888".to_owned(),
            parked_by: Some("200".to_owned()),
            since: at("2026-11-23T12:39:00Z"),
            until: at("2026-11-23T12:41:00Z"),
        }
    }

    #[test]
    fn those_who_are_parked_are_listed_with_slot_and_times() {
        block_on(async {
            let bench = Bench::new().await;
            let listed = bench.get("/v1/parking").await.json();
            let document: ParkedDocument = serde_json::from_value(listed["data"][0].clone()).unwrap();
            assert_eq!((document.slot, document.parked_by.as_deref()), (701, Some("200")));
            assert!(document.since < document.until);
        });
    }
}
