//! Each channel's state and override: an outage that a person declared is not forgotten in a restart.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::AnyConnection;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::read;

impl Store {
    /// What the outage engine last wrote down, by channel.
    pub async fn channel_snapshots(&self) -> Result<BTreeMap<String, Value>, StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT name, document FROM channels").fetch_all(&self.reading).await?;
        rows.into_iter().map(|(name, document)| Ok((name, read("channels", &document)?))).collect()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, name: &str, snapshot: &Value) -> Result<(), sqlx::Error> {
    sqlx::query(UPSERT).bind(name).bind(snapshot.to_string()).execute(connection).await?;
    Ok(())
}

const UPSERT: &str = "INSERT INTO channels (name, document) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET document = excluded.document";
