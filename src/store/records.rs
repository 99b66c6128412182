//! Calls that ended.

use std::sync::LazyLock;

use jiff::Timestamp;
use sqlx::AnyConnection;

use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::insert::Insert;
use crate::store::page::Cursor;
use crate::store::page::Page;
use crate::store::page::filter;
use crate::store::page::page;
use crate::store::page::read;
use crate::store::page::span;

/// Which records are wanted; what is not set does not count.
#[derive(Debug, Clone, Default)]
pub struct RecordQuery {
    /// Calls that began at this moment or later.
    pub from: Option<Timestamp>,
    /// Calls that began before this moment.
    pub to: Option<Timestamp>,
    pub direction: Option<Direction>,
    pub status: Option<Status>,
    pub flow: Option<String>,
    pub queue: Option<String>,
    pub agent: Option<String>,
    /// The caller's number or the called one.
    pub number: Option<String>,
}

impl Store {
    /// At most `limit` records that follow `cursor`, newest first.
    pub async fn records(
        &self,
        query: &RecordQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Record>, StoreError> {
        let Cursor { at, id } = Cursor::parse(cursor)?;
        let (from, to) = span(query.from, query.to);
        let rows = sqlx::query_as(SELECT_PAGE)
            .bind(from)
            .bind(to)
            .bind(at)
            .bind(id)
            .bind(query.direction.map_or("", Direction::as_str))
            .bind(query.status.map_or("", Status::as_str))
            .bind(filter(&query.flow))
            .bind(filter(&query.queue))
            .bind(filter(&query.agent))
            .bind(filter(&query.number))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reading)
            .await?;
        page("records", rows, limit)
    }

    pub async fn record(&self, id: &CallId) -> Result<Option<Record>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM records WHERE id = $1")
            .bind(&id.0)
            .fetch_optional(&self.reading)
            .await?;
        row.map(|(document,)| read("records", &document)).transpose()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, records: &[&Record]) -> Result<(), sqlx::Error> {
    for (statement, portion) in INSERT.portions(records) {
        let mut query = sqlx::query(statement);
        for record in portion {
            let document = serde_json::to_string(record).map_err(|why| sqlx::Error::Encode(why.into()))?;
            query = query
                .bind(&record.id.0)
                .bind(record.started.as_millisecond())
                .bind(record.ended.as_millisecond())
                .bind(record.direction.as_str())
                .bind(record.status.as_str())
                .bind(&record.from)
                .bind(&record.to)
                .bind(record.flow.as_deref())
                .bind(record.queue.as_deref())
                .bind(record.agent.as_deref())
                .bind(document);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

const SELECT_PAGE: &str = "SELECT started_ms, id, document FROM records
    WHERE started_ms >= $1 AND started_ms < $2 AND (started_ms, id) < ($3, $4)
    AND ($5 = '' OR direction = $5) AND ($6 = '' OR status = $6) AND ($7 = '' OR flow = $7)
    AND ($8 = '' OR queue = $8) AND ($9 = '' OR agent = $9) AND ($10 = '' OR caller = $10 OR called = $10)
    ORDER BY started_ms DESC, id DESC LIMIT $11";

/// A record is never changed, so one that comes twice (a retry whose first try did arrive) is the same one.
static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    let columns = "id, started_ms, ended_ms, direction, status, caller, called, flow, queue, agent, document";
    Insert::new(&format!("INSERT INTO records ({columns})"), 11, "ON CONFLICT (id) DO NOTHING")
});

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;
    use crate::store::bench::record;
    use crate::store::writer::Write;
    use crate::store::writer::Writer;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn pages_neither_double_nor_hide_a_record_that_comes_meanwhile() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            // Three began in the same second: their ids decide.
            for (id, seconds) in [("call_a", 0), ("call_b", 0), ("call_c", 0), ("call_d", 9)] {
                writer.write(Write::Record(Arc::new(record(id, seconds))));
            }
            writer.flush(SOON).await.unwrap();
            let all = RecordQuery::default();
            let first = store.records(&all, None, 2).await.unwrap();
            writer.write(Write::Record(Arc::new(record("call_e", 20))));
            writer.flush(SOON).await.unwrap();
            let second = store.records(&all, first.next.as_deref(), 2).await.unwrap();
            let ids: Vec<_> = first.items.iter().chain(&second.items).map(|record| record.id.0.as_str()).collect();
            assert_eq!(ids, ["call_d", "call_c", "call_b", "call_a"]);
            assert_eq!(second.next, None);
        });
    }

    #[test]
    fn filters_leave_out_what_is_not_wanted() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            let mut missed = record("call_2", 60);
            missed.status = Status::NoAnswer;
            missed.agent = None;
            writer.write(Write::Record(Arc::new(record("call_1", 0))));
            writer.write(Write::Record(Arc::new(missed)));
            writer.flush(SOON).await.unwrap();
            let found = async |query: RecordQuery| {
                let page = store.records(&query, None, 10).await.unwrap();
                page.items.into_iter().map(|record| record.id.0).collect::<Vec<_>>()
            };
            let of_agent = RecordQuery { agent: Some("200".into()), ..Default::default() };
            assert_eq!(found(of_agent).await, ["call_1"]);
            let missed = RecordQuery { status: Some(Status::NoAnswer), ..Default::default() };
            assert_eq!(found(missed).await, ["call_2"]);
            let later = RecordQuery { from: Some(at("2026-11-23T12:00:30Z")), ..Default::default() };
            assert_eq!(found(later).await, ["call_2"]);
            let until = RecordQuery { to: Some(at("2026-11-23T12:01:00Z")), ..Default::default() };
            assert_eq!(found(until).await, ["call_1"]);
            let number = RecordQuery { number: Some("+551140031234".into()), ..Default::default() };
            assert_eq!(found(number).await, ["call_2", "call_1"]);
        });
    }
}
