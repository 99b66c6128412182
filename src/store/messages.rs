//! Texts in both directions, with where each one stands.

use jiff::Timestamp;
use sqlx::AnyConnection;

use crate::channel::Delivery;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::page::Cursor;
use crate::store::page::Page;
use crate::store::page::filter;
use crate::store::page::page;
use crate::store::page::read;
use crate::store::page::span;
use crate::store::word;

/// Which messages are wanted; what is not set does not count.
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    /// Messages that were made at this moment or later.
    pub from: Option<Timestamp>,
    /// Messages that were made before this moment.
    pub to: Option<Timestamp>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// `queued`, `sending`, `sent`, `delivered`, `failed`, `received`.
    pub status: Option<String>,
    pub channel: Option<String>,
    /// The sender's number or the recipient's.
    pub number: Option<String>,
}

impl Store {
    /// At most `limit` messages that follow `cursor`, newest first.
    pub async fn messages(
        &self,
        query: &MessageQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<Message>, StoreError> {
        let Cursor { at, id } = Cursor::parse(cursor)?;
        let (from, to) = span(query.from, query.to);
        let rows = sqlx::query_as(SELECT_PAGE)
            .bind(from)
            .bind(to)
            .bind(at)
            .bind(id)
            .bind(filter(&query.direction))
            .bind(filter(&query.status))
            .bind(filter(&query.channel))
            .bind(filter(&query.number))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reading)
            .await?;
        page("messages", rows, limit)
    }

    pub async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM messages WHERE id = $1")
            .bind(&id.0)
            .fetch_optional(&self.reading)
            .await?;
        row.map(|(document,)| read("messages", &document)).transpose()
    }

    /// Accepted here, but without a known outcome: what the outbox takes up again after a restart, oldest first.
    pub async fn unfinished_messages(&self) -> Result<Vec<Message>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(SELECT_UNFINISHED).bind(&self.node).fetch_all(&self.reading).await?;
        rows.iter().map(|(document,)| read("messages", document)).collect()
    }
}

pub(super) async fn write(connection: &mut AnyConnection, message: &Message, node: &str) -> Result<(), sqlx::Error> {
    let document = serde_json::to_string(message).map_err(|why| sqlx::Error::Encode(why.into()))?;
    sqlx::query(UPSERT)
        .bind(&message.id.0)
        .bind(message.created.as_millisecond())
        .bind(message.updated.as_millisecond())
        .bind(word(&message.direction))
        .bind(word(&message.status))
        .bind(&message.from)
        .bind(&message.to)
        .bind(&message.channel)
        .bind(&message.provider_id)
        .bind(document)
        .bind(node)
        .execute(connection)
        .await?;
    Ok(())
}

/// A provider says what became of a text of ours. One that we do not know is nobody's, and passed over.
pub(super) async fn receipt(
    connection: &mut AnyConnection,
    channel: &str,
    provider_id: &str,
    delivery: &Delivery,
) -> Result<(), sqlx::Error> {
    let row: Option<(String,)> =
        sqlx::query_as(SELECT_AT_PROVIDER).bind(channel).bind(provider_id).fetch_optional(&mut *connection).await?;
    let Some((document,)) = row else {
        tracing::debug!(channel, "a receipt for a text that we did not send");
        return Ok(());
    };
    let mut message: Message = serde_json::from_str(&document).map_err(|why| sqlx::Error::Decode(why.into()))?;
    message.on_delivery(delivery.clone(), Timestamp::now());
    // The row is there, and stays whose it is.
    write(connection, &message, "").await
}

const SELECT_PAGE: &str = "SELECT created_ms, id, document FROM messages
    WHERE created_ms >= $1 AND created_ms < $2 AND (created_ms, id) < ($3, $4)
    AND ($5 = '' OR direction = $5) AND ($6 = '' OR status = $6) AND ($7 = '' OR channel = $7)
    AND ($8 = '' OR sender = $8 OR recipient = $8)
    ORDER BY created_ms DESC, id DESC LIMIT $9";

/// The words stand here, and not in a parameter, so that the small index serves.
const SELECT_UNFINISHED: &str = "SELECT document FROM messages
    WHERE status IN ('queued', 'sending') AND node IN ('', $1) ORDER BY created_ms, id";

const UPSERT: &str = "INSERT INTO messages
    (id, created_ms, updated_ms, direction, status, sender, recipient, channel, provider_id, document, node)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (id) DO UPDATE SET updated_ms = excluded.updated_ms, status = excluded.status,
    channel = excluded.channel, provider_id = excluded.provider_id, document = excluded.document";

const SELECT_AT_PROVIDER: &str =
    "SELECT document FROM messages WHERE channel = $1 AND provider_id = $2 AND direction = 'outbound'";
