//! Recordings that callers left. The audio is a file; here stands who left it, when, and where it is.

use sqlx::AnyConnection;

use crate::call::record::Voicemail;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::Cursor;
use crate::store::page::Page;
use crate::store::page::page;
use crate::store::page::read;

impl Store {
    /// At most `limit` voicemails that follow `cursor`, newest first; of one mailbox where it is named.
    pub async fn voicemails(
        &self,
        mailbox: Option<&str>,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Voicemail>, StoreError> {
        let Cursor { at, id } = Cursor::parse(cursor)?;
        let rows = sqlx::query_as(SELECT_PAGE)
            .bind(at)
            .bind(id)
            .bind(mailbox.unwrap_or_default())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reading)
            .await?;
        page("voicemails", rows, limit)
    }

    pub async fn voicemail(&self, id: &str) -> Result<Option<Voicemail>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM voicemails WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.reading)
            .await?;
        row.map(|(document,)| read("voicemails", &document)).transpose()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, voicemail: &Voicemail) -> Result<(), sqlx::Error> {
    let document = serde_json::to_string(voicemail).map_err(|why| sqlx::Error::Encode(why.into()))?;
    sqlx::query(INSERT)
        .bind(&voicemail.id)
        .bind(&voicemail.mailbox)
        .bind(voicemail.left.as_millisecond())
        .bind(document)
        .execute(connection)
        .await?;
    Ok(())
}

const SELECT_PAGE: &str = "SELECT left_ms, id, document FROM voicemails
    WHERE (left_ms, id) < ($1, $2) AND ($3 = '' OR mailbox = $3)
    ORDER BY left_ms DESC, id DESC LIMIT $4";

const INSERT: &str = "INSERT INTO voicemails (id, mailbox, left_ms, document)
    VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
