//! Outages and drills. Each is written anew whenever it has grown; the one that is open at a start goes on.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::AnyConnection;

use crate::outage::incident::Incident;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::Cursor;
use crate::store::page::Page;
use crate::store::page::filter;
use crate::store::page::page;
use crate::store::page::read;
use crate::store::page::span;

/// Which incidents are wanted; what is not set does not count.
#[derive(Debug, Clone, Default)]
pub struct IncidentQuery {
    /// Incidents that began at this moment or later.
    pub from: Option<Timestamp>,
    /// Incidents that began before this moment.
    pub to: Option<Timestamp>,
    pub channel: Option<String>,
    /// Those that go on, or those that have ended.
    pub open: Option<bool>,
    /// Exercises, or the real ones.
    pub drill: Option<bool>,
}

impl Store {
    /// At most `limit` incidents that follow `cursor`, newest first.
    pub async fn incidents(
        &self,
        query: &IncidentQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Incident>, StoreError> {
        let Cursor { at, id } = Cursor::parse(cursor)?;
        let (from, to) = span(query.from, query.to);
        let rows = sqlx::query_as(SELECT_PAGE)
            .bind(from)
            .bind(to)
            .bind(at)
            .bind(id)
            .bind(filter(&query.channel))
            .bind(query.open.map_or(ANY, i64::from))
            .bind(query.drill.map_or(ANY, i64::from))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reading)
            .await?;
        page("incidents", rows, limit)
    }

    pub async fn incident(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM incidents WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.reading)
            .await?;
        row.map(|(document,)| read("incidents", &document)).transpose()
    }

    /// Those of this server whose end nobody wrote down, and those of which somebody is still to be told.
    pub async fn unfinished_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(SELECT_UNFINISHED).bind(&self.node).fetch_all(&self.reading).await?;
        rows.iter().map(|(document,)| read("incidents", document)).collect()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, incident: &Incident, node: &str) -> Result<(), sqlx::Error> {
    let document = serde_json::to_string(incident).map_err(|why| sqlx::Error::Encode(why.into()))?;
    sqlx::query(INSERT)
        .bind(&incident.id)
        .bind(&incident.channel)
        .bind(incident.started.as_millisecond())
        .bind(standing(incident))
        .bind(i64::from(incident.drill.is_some()))
        .bind(document)
        .bind(node)
        .execute(connection)
        .await?;
    Ok(())
}

/// With the end of this one, those are forgotten that began so long before it and are over.
pub(super) async fn forget_old(
    connection: &mut AnyConnection,
    incident: &Incident,
    keep: Duration,
) -> Result<(), sqlx::Error> {
    let Some(oldest) = incident.ended.and_then(|ended| ended.checked_sub(keep).ok()) else {
        return Ok(());
    };
    sqlx::query("DELETE FROM incidents WHERE open = 0 AND started_ms < $1")
        .bind(oldest.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// The column `open`.
fn standing(incident: &Incident) -> i64 {
    match (incident.is_open(), incident.is_being_told()) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    }
}

/// In a filter: whatever the column says.
const ANY: i64 = -1;

const SELECT_PAGE: &str = "SELECT started_ms, id, document FROM incidents
    WHERE started_ms >= $1 AND started_ms < $2 AND (started_ms, id) < ($3, $4)
    AND ($5 = '' OR channel = $5) AND ($6 = -1 OR (open = 1) = ($6 = 1)) AND ($7 = -1 OR drill = $7)
    ORDER BY started_ms DESC, id DESC LIMIT $8";

/// Two ways, because each has an index of its own.
const SELECT_UNFINISHED: &str = "SELECT document FROM (SELECT id, node, document FROM incidents WHERE open = 1
    UNION ALL SELECT id, node, document FROM incidents WHERE open = 2) AS unfinished
    WHERE node IN ('', $1) ORDER BY id";

const INSERT: &str =
    "INSERT INTO incidents (id, channel, started_ms, open, drill, document, node) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document, open = excluded.open";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::outage::ChannelState;
    use crate::outage::blame::Blame;
    use crate::outage::incident::Alarm;
    use crate::outage::incident::By;
    use crate::outage::incident::Outcome;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;
    use crate::store::writer::Write;
    use crate::store::writer::Writer;

    const SOON: Duration = Duration::from_secs(5);

    fn incident(id: &str, channel: &str, minute: i64) -> Incident {
        let started = at("2026-11-23T12:00:00Z") + jiff::SignedDuration::from_mins(minute);
        Incident::begin(id.to_owned(), channel, ChannelState::Down, Blame::Channel, started)
    }

    #[test]
    fn an_incident_is_written_over_until_it_has_ended() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            let mut first = incident("inc_1", "whatsapp", 0);
            writer.write(Write::Incident(Box::new(first.clone())));
            writer.write(Write::Incident(Box::new(incident("inc_2", "telegram", 5))));
            writer.flush(SOON).await.unwrap();
            assert_eq!(store.unfinished_incidents().await.unwrap().len(), 2);

            first.ended = Some(at("2026-11-23T13:00:00Z"));
            first.counts.offered = 7;
            writer.write(Write::Incident(Box::new(first.clone())));
            writer.flush(SOON).await.unwrap();
            let open: Vec<String> = store.unfinished_incidents().await.unwrap().into_iter().map(|it| it.id).collect();
            assert_eq!(open, ["inc_2"]);

            first.file_alarm(Alarm {
                id: "alm_1".into(),
                at: at("2026-11-23T13:00:00Z"),
                to: "200".into(),
                by: By::Call,
                text: String::new(),
                outcome: Outcome::Pending,
                tries: 0,
                why: None,
                via: Vec::new(),
            });
            writer.write(Write::Incident(Box::new(first.clone())));
            writer.flush(SOON).await.unwrap();
            assert_eq!(store.unfinished_incidents().await.unwrap().len(), 2, "somebody is still to be told");
            let over = IncidentQuery { open: Some(false), ..Default::default() };
            assert_eq!(store.incidents(&over, None, 9).await.unwrap().items, [first.clone()]);
            assert_eq!(store.incident("inc_1").await.unwrap(), Some(first));
            assert_eq!(store.incident("inc_9").await.unwrap(), None);
        });
    }

    #[test]
    fn what_is_over_is_forgotten_after_its_time_and_what_goes_on_is_not() {
        let folder = Folder::new();
        block_on(async {
            let mut store = folder.store().await;
            store.keep_incidents = Duration::from_mins(60);
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            for (id, minute, over) in
                [("inc_1", 0, true), ("inc_2", 1, false), ("inc_3", 30, true), ("inc_4", 80, true)]
            {
                let mut incident = incident(id, "whatsapp", minute);
                incident.ended = over.then(|| incident.started + jiff::SignedDuration::from_mins(5));
                writer.write(Write::Incident(Box::new(incident)));
            }
            writer.flush(SOON).await.unwrap();
            let kept = store.incidents(&IncidentQuery::default(), None, 9).await.unwrap().items;
            let kept: Vec<&str> = kept.iter().map(|incident| incident.id.as_str()).collect();
            assert_eq!(kept, ["inc_4", "inc_3", "inc_2"]);
        });
    }

    #[test]
    fn what_another_server_has_under_way_is_left_to_it() {
        let folder = Folder::new();
        block_on(async {
            let mut store = folder.store().await;
            for (node, id) in [("here", "inc_1"), ("there", "inc_2"), ("", "inc_3")] {
                store.node = node.to_owned();
                let (outcomes, _told) = mpsc::unbounded_channel();
                let writer = Writer::start(&store, outcomes);
                writer.write(Write::Incident(Box::new(incident(id, "whatsapp", 0))));
                writer.flush(SOON).await.unwrap();
            }
            store.node = "here".to_owned();
            let ours: Vec<String> = store.unfinished_incidents().await.unwrap().into_iter().map(|it| it.id).collect();
            assert_eq!(ours, ["inc_1", "inc_3"], "one from before servers had names is everybody's");
        });
    }

    #[test]
    fn pages_come_newest_first_and_filters_leave_out_the_rest() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            for (id, channel, minute) in [("inc_1", "whatsapp", 0), ("inc_2", "telegram", 5), ("inc_3", "whatsapp", 9)]
            {
                let mut incident = incident(id, channel, minute);
                incident.ended = (id == "inc_1").then(|| at("2026-11-23T13:00:00Z"));
                writer.write(Write::Incident(Box::new(incident)));
            }
            writer.flush(SOON).await.unwrap();
            let found = async |query: IncidentQuery, cursor: Option<String>, limit: u32| {
                let page = store.incidents(&query, cursor.as_deref(), limit).await.unwrap();
                (page.items.into_iter().map(|it| it.id).collect::<Vec<_>>(), page.next)
            };
            let (ids, next) = found(IncidentQuery::default(), None, 2).await;
            assert_eq!(ids, ["inc_3", "inc_2"]);
            assert_eq!(found(IncidentQuery::default(), next, 2).await.0, ["inc_1"]);
            let whatsapp = IncidentQuery { channel: Some("whatsapp".into()), ..Default::default() };
            assert_eq!(found(whatsapp, None, 9).await.0, ["inc_3", "inc_1"]);
            let over = IncidentQuery { open: Some(false), ..Default::default() };
            assert_eq!(found(over, None, 9).await.0, ["inc_1"]);
            let drills = IncidentQuery { drill: Some(true), ..Default::default() };
            assert_eq!(found(drills, None, 9).await.0, Vec::<String>::new());
            let later = IncidentQuery { from: Some(at("2026-11-23T12:06:00Z")), ..Default::default() };
            assert_eq!(found(later, None, 9).await.0, ["inc_3"]);
        });
    }
}
