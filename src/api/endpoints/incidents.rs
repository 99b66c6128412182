//! `/v1/incidents`: outages and drills, as pages of JSON, as a table for a spreadsheet, and each with its story.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::api::Api;
use crate::api::csv;
use crate::api::documents::Paged;
use crate::api::documents::incidents::IncidentDocument;
use crate::api::endpoints::once_written;
use crate::api::endpoints::page_size;
use crate::api::endpoints::records::Format;
use crate::api::endpoints::records::accepted;
use crate::api::endpoints::unknown;
use crate::api::reading::Named;
use crate::api::reading::Parameters;
use crate::outage::incident::Incident;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::incidents::IncidentQuery;
use crate::switch::command::Problem;

/// Which incidents are wanted, and how.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// Incidents that began at this moment or later; RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Incidents that began before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// As in `[[channel]]`, or `our-line`.
    channel: Option<String>,
    /// `true`: those that go on. `false`: those that have ended.
    open: Option<bool>,
    /// `true`: exercises only. `false`: none of them.
    drill: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Incidents on a page, 1 to 1000. Default: 50; for CSV, everything.
    limit: Option<u32>,
    /// `json` or `csv`. Default: what `Accept` names, else JSON.
    #[param(inline)]
    format: Option<Format>,
}

/// List the incidents, newest first, without their stories.
#[utoipa::path(get, path = "/v1/incidents", tag = "channels", operation_id = "list_incidents", params(Wanted),
    responses((status = 200, description = "A page of them, or all as CSV", content(
        (Paged<IncidentDocument> = "application/json"), (String = "text/csv")))))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let limit = page_size(wanted.limit)?;
    let whole = wanted.limit.is_none();
    let format = wanted.format.unwrap_or_else(|| accepted(&headers));
    let (query, cursor) = wanted.query();
    if format == Format::Csv && whole {
        return Ok(table(&everything(&api.store, &query, cursor).await?));
    }
    let page = api.store.incidents(&query, cursor.as_deref(), limit).await?;
    if format == Format::Csv {
        return Ok(table(&page.items.iter().map(csv::incident).collect::<Vec<_>>()));
    }
    let data: Vec<Value> = page.items.iter().map(Incident::summary).collect();
    Ok(Json(json!({ "data": data, "next_cursor": page.next })).into_response())
}

/// Tell one incident from its first sign to its end.
#[utoipa::path(get, path = "/v1/incidents/{id}", tag = "channels", operation_id = "show_incident",
    params(("id" = String, Path, description = "`inc_…`")),
    responses((status = 200, description = "The incident with its story", body = IncidentDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    match once_written(&api, || api.store.incident(&id)).await? {
        Some(incident) => Ok(Json(incident).into_response()),
        None => Err(unknown("incident", &id, "/v1/incidents")),
    }
}

impl Wanted {
    fn query(self) -> (IncidentQuery, Option<String>) {
        let Self { from, to, channel, open, drill, cursor, .. } = self;
        (IncidentQuery { from, to, channel, open, drill }, cursor)
    }
}

/// Only the rows are held: a story may be a hundred times as long as its row.
async fn everything(
    store: &Store,
    query: &IncidentQuery,
    mut cursor: Option<String>,
) -> Result<Vec<String>, StoreError> {
    let mut rows = Vec::new();
    loop {
        let page = store.incidents(query, cursor.as_deref(), CSV_STEP).await?;
        rows.extend(page.items.iter().map(csv::incident));
        cursor = page.next;
        if cursor.is_none() || rows.len() >= MOST_IN_A_TABLE {
            return Ok(rows);
        }
    }
}

fn table(rows: &[String]) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"incidents.csv\""),
    ];
    (headers, format!("{}{}", csv::INCIDENT_HEADING, rows.concat())).into_response()
}

/// Incidents read at a time for a table.
const CSV_STEP: u32 = 200;
/// Whoever had more asks for a span of time.
const MOST_IN_A_TABLE: usize = 10_000;
