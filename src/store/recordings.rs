//! Recordings of calls. The audio is a file; here stands whose it is, and whether it is complete.

use sqlx::AnyConnection;

use crate::call::record::TalkRecording;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::Cursor;
use crate::store::page::Page;
use crate::store::page::page;
use crate::store::page::read;

impl Store {
    /// At most `limit` recordings that follow `cursor`, newest first; of one call where it is named.
    pub async fn recordings(
        &self,
        call: Option<&str>,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<TalkRecording>, StoreError> {
        let Cursor { at, id } = Cursor::parse(cursor)?;
        let rows = sqlx::query_as(SELECT_PAGE)
            .bind(at)
            .bind(id)
            .bind(call.unwrap_or_default())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reading)
            .await?;
        page("recordings", rows, limit)
    }

    pub async fn recording(&self, id: &str) -> Result<Option<TalkRecording>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM recordings WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.reading)
            .await?;
        row.map(|(document,)| read("recordings", &document)).transpose()
    }

    /// Those of this server whose end nobody wrote down.
    pub async fn open_recordings(&self) -> Result<Vec<TalkRecording>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(SELECT_OPEN).bind(&self.node).fetch_all(&self.reading).await?;
        rows.iter().map(|(document,)| read("recordings", document)).collect()
    }
}

pub(super) async fn write(
    connection: &mut AnyConnection,
    recording: &TalkRecording,
    node: &str,
) -> Result<(), sqlx::Error> {
    let document = serde_json::to_string(recording).map_err(|why| sqlx::Error::Encode(why.into()))?;
    sqlx::query(INSERT)
        .bind(&recording.id)
        .bind(&recording.call)
        .bind(recording.started.as_millisecond())
        .bind(i64::from(!recording.is_over()))
        .bind(document)
        .bind(node)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn forget(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM recordings WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

const SELECT_PAGE: &str = "SELECT started_ms, id, document FROM recordings
    WHERE (started_ms, id) < ($1, $2) AND ($3 = '' OR call = $3)
    ORDER BY started_ms DESC, id DESC LIMIT $4";

const SELECT_OPEN: &str = "SELECT document FROM recordings WHERE open = 1 AND node IN ('', $1) ORDER BY id";

const INSERT: &str =
    "INSERT INTO recordings (id, call, started_ms, open, document, node) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document, open = excluded.open";
