//! The tables, as steps that are taken in order and once. A step that was released is never changed: a new one follows.
//!
//! Only what SQLite and PostgreSQL read alike: TEXT and BIGINT, times in milliseconds since 1970 (UTC), `document` the
//! whole thing as JSON.

use jiff::Timestamp;
use sqlx::AnyConnection;
use sqlx::Connection;

use crate::store::address::Address;
use crate::store::error::StoreError;

/// Takes the steps that this database has not taken yet, all of them or none.
pub(super) async fn bring_up_to_date(connection: &mut AnyConnection, address: &Address) -> Result<(), StoreError> {
    let explain = |error: sqlx::Error| address.explain(&error);
    // Nodes that start together take turns.
    let begin = if address.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut turn = connection.begin_with(begin).await.map_err(explain)?;
    if !address.is_sqlite() {
        let lock = sqlx::query("SELECT pg_advisory_xact_lock(5060)");
        lock.execute(&mut *turn).await.map_err(explain)?;
    }
    let found = version(&mut turn).await.map_err(explain)?;
    let known = i64::try_from(STEPS.len()).expect("a handful of steps");
    if found > known {
        let place = address.shown();
        return Err(StoreError::Newer { place, found, known });
    }
    for step in (found + 1)..=known {
        take(&mut turn, step).await.map_err(explain)?;
    }
    turn.commit().await.map_err(explain)
}

async fn version(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query(VERSIONS).execute(&mut *connection).await?;
    let highest: (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(version), 0) FROM schema_versions").fetch_one(&mut *connection).await?;
    Ok(highest.0)
}

async fn take(connection: &mut AnyConnection, step: i64) -> Result<(), sqlx::Error> {
    let index = usize::try_from(step - 1).expect("steps count from 1");
    for statement in STEPS[index] {
        sqlx::query(*statement).execute(&mut *connection).await?;
    }
    sqlx::query("INSERT INTO schema_versions (version, applied_ms) VALUES ($1, $2)")
        .bind(step)
        .bind(Timestamp::now().as_millisecond())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version BIGINT PRIMARY KEY,
    applied_ms BIGINT NOT NULL
)";

const STEPS: &[&[&str]] = &[
    &[
        "CREATE TABLE records (
        id TEXT NOT NULL PRIMARY KEY,
        started_ms BIGINT NOT NULL,
        ended_ms BIGINT NOT NULL,
        direction TEXT NOT NULL,
        status TEXT NOT NULL,
        caller TEXT NOT NULL,
        called TEXT NOT NULL,
        flow TEXT,
        queue TEXT,
        agent TEXT,
        document TEXT NOT NULL
    )",
        "CREATE INDEX records_in_time ON records (started_ms, id)",
        "CREATE TABLE messages (
        id TEXT NOT NULL PRIMARY KEY,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        direction TEXT NOT NULL,
        status TEXT NOT NULL,
        sender TEXT NOT NULL,
        recipient TEXT NOT NULL,
        channel TEXT NOT NULL,
        provider_id TEXT,
        document TEXT NOT NULL
    )",
        "CREATE INDEX messages_at_provider ON messages (channel, provider_id) WHERE provider_id IS NOT NULL",
        "CREATE INDEX messages_in_time ON messages (created_ms, id)",
        // Only a handful is ever unfinished; the start must not read through years of texts to find them.
        "CREATE INDEX messages_unfinished ON messages (created_ms, id) WHERE status IN ('queued', 'sending')",
        "CREATE TABLE bindings (
        extension TEXT NOT NULL,
        contact TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (extension, contact)
    )",
        "CREATE TABLE channels (
        name TEXT NOT NULL PRIMARY KEY,
        document TEXT NOT NULL
    )",
        "CREATE TABLE voicemails (
        id TEXT NOT NULL PRIMARY KEY,
        mailbox TEXT NOT NULL,
        left_ms BIGINT NOT NULL,
        document TEXT NOT NULL
    )",
        "CREATE INDEX voicemails_in_time ON voicemails (left_ms, id)",
        "CREATE TABLE idempotency_keys (
        idempotency_key TEXT NOT NULL PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        answer TEXT
    )",
        "CREATE INDEX idempotency_keys_in_time ON idempotency_keys (created_ms)",
    ],
    &[
        "ALTER TABLE voicemails ADD COLUMN heard_ms BIGINT",
        // The start counts what is new; most messages of a year are not.
        "CREATE INDEX voicemails_unheard ON voicemails (mailbox, id) WHERE heard_ms IS NULL",
    ],
    &[
        // `open` is 1 until the file is complete: a start mends those that it finds.
        "CREATE TABLE recordings (
        id TEXT NOT NULL PRIMARY KEY,
        call TEXT NOT NULL,
        started_ms BIGINT NOT NULL,
        open BIGINT NOT NULL,
        document TEXT NOT NULL
    )",
        "CREATE INDEX recordings_in_time ON recordings (started_ms, id)",
        "CREATE INDEX recordings_of_call ON recordings (call)",
        "CREATE INDEX recordings_open ON recordings (id) WHERE open = 1",
    ],
    &["CREATE TABLE callbacks (
        id TEXT NOT NULL PRIMARY KEY,
        booked_ms BIGINT NOT NULL,
        document TEXT NOT NULL
    )"],
    &[
        "CREATE TABLE deliveries (
        webhook TEXT NOT NULL,
        event TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        next_ms BIGINT NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (webhook, event)
    )",
        "CREATE INDEX deliveries_due ON deliveries (webhook, next_ms) WHERE state = 'pending'",
        "CREATE INDEX deliveries_in_time ON deliveries (webhook, at_ms)",
    ],
    &[
        // `open` is 1 until it has ended: a start goes on with those that it finds. `drill` is 1 for an exercise.
        "CREATE TABLE incidents (
        id TEXT NOT NULL PRIMARY KEY,
        channel TEXT NOT NULL,
        started_ms BIGINT NOT NULL,
        open BIGINT NOT NULL,
        drill BIGINT NOT NULL,
        document TEXT NOT NULL
    )",
        "CREATE INDEX incidents_in_time ON incidents (started_ms, id)",
        "CREATE INDEX incidents_open ON incidents (id) WHERE open = 1",
    ],
    // From here on `open` is 2 of an incident that has ended while somebody was still to be told of it.
    &["CREATE INDEX incidents_untold ON incidents (id) WHERE open = 2"],
    // Whose it is while it is under way: one server of several does not take up what another has in hand.
    &[
        "ALTER TABLE messages ADD COLUMN node TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE recordings ADD COLUMN node TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE callbacks ADD COLUMN node TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE incidents ADD COLUMN node TEXT NOT NULL DEFAULT ''",
    ],
];

#[cfg(test)]
mod tests {
    use crate::store::bench::Folder;
    use crate::store::bench::block_on;

    /// Callbacks, deliveries and incidents came after the first release.
    const AS_RELEASED: [&str; 6] = [
        "ALTER TABLE messages DROP COLUMN node",
        "ALTER TABLE recordings DROP COLUMN node",
        "DROP TABLE callbacks",
        "DROP TABLE deliveries",
        "DROP TABLE incidents",
        "DELETE FROM schema_versions WHERE version > 3",
    ];

    #[test]
    fn a_database_of_an_earlier_program_gets_what_it_lacks() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            for statement in AS_RELEASED {
                sqlx::query(statement).execute(&store.writing).await.unwrap();
            }
            store.close().await;
            let store = folder.store().await;
            assert!(store.callbacks().await.unwrap().is_empty());
            assert!(store.unfinished_incidents().await.unwrap().is_empty());
            assert_eq!(store.delivery_counts("crm").await.unwrap(), Default::default());
        });
    }
}
