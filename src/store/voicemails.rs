//! Recordings that callers left. The audio is a file; here stands who left it, when, and where it is.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use crate::call::record::Mailbox;
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

    /// Every mailbox that has messages.
    pub async fn mailboxes(&self) -> Result<BTreeMap<String, Mailbox>, StoreError> {
        let mut mailboxes: BTreeMap<String, Mailbox> = BTreeMap::new();
        let new: Vec<(String, String)> = sqlx::query_as(SELECT_NEW).fetch_all(&self.reading).await?;
        for (mailbox, id) in new {
            mailboxes.entry(mailbox).or_default().new.insert(id);
        }
        let old: Vec<(String, i64)> = sqlx::query_as(COUNT_OLD).fetch_all(&self.reading).await?;
        for (mailbox, count) in old {
            mailboxes.entry(mailbox).or_default().old = usize::try_from(count).unwrap_or_default();
        }
        Ok(mailboxes)
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
        .bind(voicemail.heard.map(|heard| heard.as_millisecond()))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn forget(connection: &mut AnyConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM voicemails WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

const SELECT_PAGE: &str = "SELECT left_ms, id, document FROM voicemails
    WHERE (left_ms, id) < ($1, $2) AND ($3 = '' OR mailbox = $3)
    ORDER BY left_ms DESC, id DESC LIMIT $4";

const SELECT_NEW: &str = "SELECT mailbox, id FROM voicemails WHERE heard_ms IS NULL";

const COUNT_OLD: &str = "SELECT mailbox, COUNT(*) FROM voicemails WHERE heard_ms IS NOT NULL GROUP BY mailbox";

const INSERT: &str = "INSERT INTO voicemails (id, mailbox, left_ms, document, heard_ms) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document, heard_ms = excluded.heard_ms";
