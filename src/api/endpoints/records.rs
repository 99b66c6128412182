//! `/v1/records`: calls that ended, as pages of JSON or as one table for a spreadsheet.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as Stream;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::csv;
use crate::api::documents::Paged;
use crate::api::documents::calls::ExplanationDocument;
use crate::api::documents::calls::RecordDocument;
use crate::api::endpoints::once_written;
use crate::api::endpoints::page_size;
use crate::api::endpoints::unknown;
use crate::api::reading::Named;
use crate::api::reading::Parameters;
use crate::call::explain;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::Page;
use crate::store::records::RecordQuery;
use crate::switch::command::Problem;

/// Which records are wanted, and how.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct Wanted {
    /// Calls that began at this moment or later; RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Calls that began before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `inbound`, `outbound` or `internal`.
    #[param(value_type = Option<String>)]
    direction: Option<Direction>,
    /// `completed`, `busy`, `failed`, `no-answer` or `canceled`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// The flow of the dialplan that was walked.
    flow: Option<String>,
    /// The queue that was waited in.
    queue: Option<String>,
    /// The extension that was talked to.
    agent: Option<String>,
    /// The caller's or the called number, with its plus written as `%2B`.
    number: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Records on a page, 1 to 1000. Default: 50; for CSV, everything.
    limit: Option<u32>,
    /// `json` or `csv`. Default: what `Accept` names, else JSON.
    #[param(inline)]
    format: Option<Format>,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::api) enum Format {
    Json,
    Csv,
}

/// List the calls that ended, newest first.
///
/// As CSV they come in one piece, however many there are, unless `limit` is given.
#[utoipa::path(get, path = "/v1/records", tag = "calls", operation_id = "list_records", params(Wanted),
    responses((status = 200, description = "A page of them, or all as CSV", content(
        (Paged<RecordDocument> = "application/json"), (String = "text/csv")))))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let format = wanted.format.unwrap_or_else(|| accepted(&headers));
    let limit = page_size(wanted.limit)?;
    let whole = wanted.limit.is_none();
    let (query, cursor) = wanted.query();
    match format {
        Format::Csv if whole => everything(api.store.clone(), query, cursor).await,
        Format::Csv => {
            let page = api.store.records(&query, cursor.as_deref(), limit).await?;
            Ok(table(Stream::from(format!("{}{}", csv::HEADING, rows(&page)))))
        }
        Format::Json => {
            let page = api.store.records(&query, cursor.as_deref(), limit).await?;
            Ok(Json(json!({ "data": page.items, "next_cursor": page.next })).into_response())
        }
    }
}

/// Show one call that ended.
#[utoipa::path(get, path = "/v1/records/{id}", tag = "calls", operation_id = "show_record",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "The record", body = RecordDocument)))]
pub(in crate::api) async fn show(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let id = CallId(id);
    match api.store.record(&id).await? {
        Some(record) => Ok(Json(record).into_response()),
        None => Err(unknown("record", &id.0, "/v1/records")),
    }
}

/// Explain why a call went where it went.
#[utoipa::path(get, path = "/v1/records/{id}/explanation", tag = "calls", operation_id = "explain_record",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, description = "Sentences, in the order of what happened", body = ExplanationDocument)))]
pub(in crate::api) async fn explain(State(api): State<Arc<Api>>, Named(id): Named) -> Result<Response, Problem> {
    let id = CallId(id);
    match once_written(&api, || api.store.record(&id)).await? {
        Some(record) => Ok(Json(json!({ "id": id, "sentences": explain::explain(&record) })).into_response()),
        None => Err(unknown("record", &id.0, "/v1/records")),
    }
}

impl Wanted {
    fn query(self) -> (RecordQuery, Option<String>) {
        let query = RecordQuery {
            from: self.from,
            to: self.to,
            direction: self.direction,
            status: self.status,
            flow: self.flow,
            queue: self.queue,
            agent: self.agent,
            number: self.number,
        };
        (query, self.cursor)
    }
}

pub(super) fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    match accept.is_some_and(|accept| accept.contains("text/csv")) {
        true => Format::Csv,
        false => Format::Json,
    }
}

/// Every page, one after another as the client takes them. The first is asked for here, so that a fault is a problem and
/// not half a table.
async fn everything(store: Store, query: RecordQuery, cursor: Option<String>) -> Result<Response, Problem> {
    let first = store.records(&query, cursor.as_deref(), CSV_STEP).await?;
    let start = Bytes::from(format!("{}{}", csv::HEADING, rows(&first)));
    let rest = stream::unfold((store, query, first.next), |(store, query, cursor)| async {
        let cursor = cursor?;
        match store.records(&query, Some(&cursor), CSV_STEP).await {
            Ok(page) => Some((Ok(Bytes::from(rows(&page))), (store, query, page.next))),
            Err(error) => Some((Err(error), (store, query, None))),
        }
    });
    let start = stream::iter([Ok::<Bytes, StoreError>(start)]);
    Ok(table(Stream::from_stream(futures_util::StreamExt::chain(start, rest))))
}

fn rows(page: &Page<Record>) -> String {
    page.items.iter().map(csv::row).collect()
}

fn table(body: Stream) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"records.csv\""),
    ];
    (headers, body).into_response()
}

/// Records read at a time for a table.
const CSV_STEP: u32 = 500;
