//! Events on their way to webhooks: written before they are handed over, kept for a while after, so that they can be
//! handed over once more.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::AnyConnection;

use crate::store::Store;
use crate::store::error::StoreError;

/// An event for one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDelivery {
    pub webhook: String,
    /// `evt_…`
    pub event: String,
    pub at: Timestamp,
    /// The event as JSON.
    pub body: String,
    /// Tries so far.
    pub attempts: u32,
}

/// What is next for a delivery that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    Delivered,
    TryAt { at: Timestamp, why: String },
    GivenUp { why: String },
}

/// How the deliveries of one webhook stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryCounts {
    pub pending: u64,
    pub delivered: u64,
    pub failed: u64,
    /// Why the last one that is still pending, or failed, was not taken.
    pub last_failure: Option<String>,
}

impl Store {
    /// Those that are due, oldest first.
    pub async fn due_deliveries(
        &self,
        webhook: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let rows: Vec<(String, i64, String, i64)> = sqlx::query_as(SELECT_DUE)
            .bind(webhook)
            .bind(now.as_millisecond())
            .bind(i64::from(limit))
            .fetch_all(&self.reading)
            .await?;
        let delivery = |(event, at, body, attempts)| EventDelivery {
            webhook: webhook.to_owned(),
            event,
            at: Timestamp::from_millisecond(at).unwrap_or_default(),
            body,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        };
        Ok(rows.into_iter().map(delivery).collect())
    }

    /// What was tried together is written down together: one disk flush for all of it.
    pub async fn settle_deliveries(&self, tried: &[(EventDelivery, Settled)]) -> Result<(), StoreError> {
        let mut transaction = self.writing.begin().await?;
        for (delivery, settled) in tried {
            let (state, next, why) = match settled {
                Settled::Delivered => ("delivered", i64::MAX, ""),
                Settled::TryAt { at, why } => ("pending", at.as_millisecond(), why.as_str()),
                Settled::GivenUp { why } => ("failed", i64::MAX, why.as_str()),
            };
            sqlx::query(UPDATE)
                .bind(&delivery.webhook)
                .bind(&delivery.event)
                .bind(state)
                .bind(i64::from(delivery.attempts) + 1)
                .bind(next)
                .bind(why)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// All events since then are handed over once more, whatever became of them; how many.
    pub async fn replay_deliveries(&self, webhook: &str, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query(REPLAY)
            .bind(webhook)
            .bind(since.as_millisecond())
            .bind(now.as_millisecond())
            .execute(&self.writing)
            .await?;
        Ok(done.rows_affected())
    }

    /// What was settled before then is forgotten.
    pub async fn forget_deliveries(&self, webhook: &str, before: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM deliveries WHERE webhook = $1 AND at_ms < $2 AND state <> 'pending'")
            .bind(webhook)
            .bind(before.as_millisecond())
            .execute(&self.writing)
            .await?;
        Ok(done.rows_affected())
    }

    pub async fn delivery_counts(&self, webhook: &str) -> Result<DeliveryCounts, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, COUNT(*) FROM deliveries WHERE webhook = $1 GROUP BY state")
                .bind(webhook)
                .fetch_all(&self.reading)
                .await?;
        let last: Option<(String,)> = sqlx::query_as(LAST_FAILURE).bind(webhook).fetch_optional(&self.reading).await?;
        let mut counts = DeliveryCounts { last_failure: last.map(|(why,)| why), ..DeliveryCounts::default() };
        for (state, count) in rows {
            let count = u64::try_from(count).unwrap_or_default();
            match state.as_str() {
                "pending" => counts.pending = count,
                "delivered" => counts.delivered = count,
                _ => counts.failed = count,
            }
        }
        Ok(counts)
    }
}

pub(super) async fn write(connection: &mut AnyConnection, delivery: &EventDelivery) -> Result<(), sqlx::Error> {
    sqlx::query(INSERT)
        .bind(&delivery.webhook)
        .bind(&delivery.event)
        .bind(delivery.at.as_millisecond())
        .bind(&delivery.body)
        .execute(connection)
        .await?;
    Ok(())
}

const INSERT: &str = "INSERT INTO deliveries (webhook, event, at_ms, body, state, attempts, next_ms, why)
    VALUES ($1, $2, $3, $4, 'pending', 0, 0, '') ON CONFLICT (webhook, event) DO NOTHING";

const SELECT_DUE: &str = "SELECT event, at_ms, body, attempts FROM deliveries
    WHERE webhook = $1 AND state = 'pending' AND next_ms <= $2 ORDER BY at_ms, event LIMIT $3";

const UPDATE: &str = "UPDATE deliveries SET state = $3, attempts = $4, next_ms = $5, why = $6
    WHERE webhook = $1 AND event = $2";

const REPLAY: &str = "UPDATE deliveries SET state = 'pending', attempts = 0, next_ms = $3
    WHERE webhook = $1 AND at_ms >= $2";

const LAST_FAILURE: &str = "SELECT why FROM deliveries WHERE webhook = $1 AND why <> '' AND state <> 'delivered'
    ORDER BY at_ms DESC, event DESC LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;

    fn delivery(event: &str, when: &str) -> EventDelivery {
        let body = format!("{{\"id\":\"{event}\"}}");
        EventDelivery { webhook: "crm".into(), event: event.into(), at: at(when), body, attempts: 0 }
    }

    async fn due(store: &Store, now: &str) -> Vec<(String, u32)> {
        let due = store.due_deliveries("crm", at(now), 10).await.unwrap();
        due.into_iter().map(|it| (it.event, it.attempts)).collect()
    }

    #[test]
    fn deliveries_are_due_until_they_are_settled_and_can_be_asked_for_again() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (one, two) = (delivery("evt_1", "2026-11-23T12:00:00Z"), delivery("evt_2", "2026-11-23T12:01:00Z"));
            let mut connection = store.writing.acquire().await.unwrap();
            for it in [&one, &two, &one] {
                write(&mut connection, it).await.unwrap();
            }
            drop(connection);
            let noon = "2026-11-23T12:02:00Z";
            assert_eq!(due(&store, noon).await, [("evt_1".into(), 0), ("evt_2".into(), 0)]);
            let later = Settled::TryAt { at: at("2026-11-23T12:07:00Z"), why: "it answered 503".into() };
            let tried = [(one.clone(), Settled::Delivered), (two, later)];
            store.settle_deliveries(&tried).await.unwrap();
            assert_eq!(due(&store, noon).await, []);
            assert_eq!(due(&store, "2026-11-23T12:07:00Z").await, [("evt_2".into(), 1)]);
            let counts = store.delivery_counts("crm").await.unwrap();
            assert_eq!((counts.pending, counts.delivered, counts.failed), (1, 1, 0));
            assert_eq!(counts.last_failure.as_deref(), Some("it answered 503"));

            assert_eq!(store.replay_deliveries("crm", at("2026-11-23T12:00:00Z"), at(noon)).await.unwrap(), 2);
            assert_eq!(due(&store, noon).await, [("evt_1".into(), 0), ("evt_2".into(), 0)]);
            store.settle_deliveries(&[(one, Settled::GivenUp { why: "gone".into() })]).await.unwrap();
            let next_day = at("2026-11-24T12:00:00Z");
            assert_eq!(store.forget_deliveries("erp", next_day).await.unwrap(), 0, "each looks after its own");
            assert_eq!(store.forget_deliveries("crm", next_day).await.unwrap(), 1);
            assert_eq!(due(&store, noon).await, [("evt_2".into(), 0)], "what is pending stays");
        });
    }
}
