//! Those who are to be called back. What is settled is forgotten here: the records and events tell of it.

use sqlx::AnyConnection;

use crate::queue::callbacks::Callback;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::read;

impl Store {
    /// All that were booked here, in the order of their booking.
    pub async fn callbacks(&self) -> Result<Vec<Callback>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(SELECT).bind(&self.node).fetch_all(&self.reading).await?;
        rows.iter().map(|(document,)| read("callbacks", document)).collect()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, callback: &Callback, node: &str) -> Result<(), sqlx::Error> {
    let document = serde_json::to_string(callback).map_err(|why| sqlx::Error::Encode(why.into()))?;
    sqlx::query(INSERT)
        .bind(&callback.id)
        .bind(callback.booked.as_millisecond())
        .bind(document)
        .bind(node)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn forget(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM callbacks WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

const SELECT: &str = "SELECT document FROM callbacks WHERE node IN ('', $1) ORDER BY booked_ms, id";

const INSERT: &str = "INSERT INTO callbacks (id, booked_ms, document, node) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document";
