//! What must outlive the process: records, messages, registrations, channel states, voicemails and idempotency keys.
//!
//! One database, SQLite by default and PostgreSQL where several nodes share it, through one set of plain SQL. Writing
//! goes through the one task of [`writer`], so that a busy night costs one disk flush for many calls; reading has
//! connections of its own and never waits for it. Every row keeps its whole document as JSON beside the columns that
//! are searched, so a new field needs no new column.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::AnyPool;
use sqlx::AssertSqlSafe;
use sqlx::ConnectOptions;
use sqlx::Connection;
use sqlx::any::AnyConnectOptions;
use sqlx::any::AnyPoolOptions;

use crate::store::address::Address;
use crate::store::config::Config;
use crate::store::error::StoreError;

mod address;
pub mod bindings;
pub mod callbacks;
pub mod channels;
mod clerk;
pub mod config;
pub mod deliveries;
pub mod error;
pub mod incidents;
mod insert;
pub mod keys;
pub mod messages;
mod node;
pub mod page;
pub mod recordings;
pub mod records;
mod schema;
pub mod voicemails;
pub mod writer;

#[cfg(test)]
mod bench;

/// The open database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    reading: AnyPool,
    /// A single connection: SQLite has one writer at a time, and so nobody of ours waits for a lock of ours.
    writing: AnyPool,
    shown: String,
    /// Which of the servers on this database we are; empty where there can be no other.
    node: String,
    keep_incidents: Duration,
}

impl Store {
    /// Opens the database that `[storage]` names, makes its folder and brings its tables up to date.
    ///
    /// A relative path of an SQLite file counts from `base_folder`.
    pub async fn open(config: &Config, base_folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(config, base_folder, LOCK_PATIENCE).await
    }

    async fn open_with(config: &Config, base_folder: &Path, patience: Duration) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let address = Address::parse(&config.url, base_folder)?;
        address.make_folder()?;
        address.make_file();
        let options = address
            .connect_url()
            .parse::<AnyConnectOptions>()
            .map_err(|error| address.explain(&error))?
            .disable_statement_logging();
        set_up(&address, &options, patience).await?;
        let node = match address.is_sqlite() {
            true => String::new(),
            false => {
                let path = base_folder.join(node::FILE);
                node::load_or_make(&path).map_err(|why| StoreError::Node { path, why })?
            }
        };
        Ok(Self {
            node,
            keep_incidents: config.keep_incidents,
            reading: pool(&address, &options, patience, READERS),
            writing: pool(&address, &options, patience, 1),
            shown: address.shown(),
        })
    }

    /// The file, or the server without its password: for the log and for faults.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether the database answers now: for `/health/ready`.
    pub async fn answers(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reading).await?;
        Ok(())
    }

    /// Gives the connections back; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        self.reading.close().await;
        self.writing.close().await;
    }
}

/// One connection first, outside the pools: a pool would try again in silence and lose the reason.
async fn set_up(address: &Address, options: &AnyConnectOptions, patience: Duration) -> Result<(), StoreError> {
    let explain = |error: sqlx::Error| address.explain(&error);
    let mut connection = options.connect().await.map_err(explain)?;
    if address.is_sqlite() {
        set_pragmas(&mut connection, patience).await.map_err(explain)?;
    }
    schema::bring_up_to_date(&mut connection, address).await?;
    connection.close().await.map_err(explain)
}

fn pool(address: &Address, options: &AnyConnectOptions, patience: Duration, connections: u32) -> AnyPool {
    let is_sqlite = address.is_sqlite();
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_PATIENCE)
        // A file does not go away as a server does, and asking costs the way to its thread and back.
        .test_before_acquire(!is_sqlite)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if is_sqlite {
                    set_pragmas(connection, patience).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

/// `synchronous = FULL`, because a commit then is on the disk before it returns: a text that the API accepted survives
/// the loss of power. With `NORMAL` the last commits of a write-ahead log may be lost. The cost, one flush for each
/// transaction, is shared by everything that the writer batches.
async fn set_pragmas(connection: &mut AnyConnection, patience: Duration) -> Result<(), sqlx::Error> {
    let busy = format!("PRAGMA busy_timeout = {}", patience.as_millis());
    sqlx::query(AssertSqlSafe(busy)).execute(&mut *connection).await?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
    sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
    Ok(())
}

/// A status or direction as it stands in JSON: `no-answer`.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// How long a statement waits for another program's lock on the SQLite file.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(8);
const READERS: u32 = 4;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::block_on;

    #[test]
    fn the_folder_and_the_file_are_made_and_open_again() {
        let folder = Folder::new();
        block_on(async {
            for _ in 0..2 {
                let store = Store::open(&Config::default(), folder.path()).await.unwrap();
                store.answers().await.unwrap();
                store.close().await;
            }
        });
        assert!(folder.path().join("data/desvio.db").exists());
    }

    #[test]
    fn a_file_that_is_no_database_is_named_with_the_mend() {
        let folder = Folder::new();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/desvio.db"), "shopping list ".repeat(99)).unwrap();
        let fault = block_on(Store::open(&Config::default(), folder.path())).unwrap_err();
        let said = fault.to_string();
        assert!(said.contains("data/desvio.db"), "{said}");
        assert!(said.contains("is not an SQLite database"), "{said}");
        assert!(said.contains("\n    "), "{said}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = Folder::new();
        fs::write(folder.path().join("data"), "a file in the way").unwrap();
        let said = block_on(Store::open(&Config::default(), folder.path())).unwrap_err().to_string();
        assert!(said.contains("the folder cannot be made"), "{said}");
    }

    #[test]
    fn tables_of_a_newer_program_are_left_alone() {
        let folder = Folder::new();
        let said = block_on(async {
            let store = Store::open(&Config::default(), folder.path()).await.unwrap();
            sqlx::query("INSERT INTO schema_versions (version, applied_ms) VALUES (99, 0)")
                .execute(&store.writing)
                .await
                .unwrap();
            store.close().await;
            let fault = Store::open(&Config::default(), folder.path()).await;
            fault.unwrap_err().to_string()
        });
        assert!(said.contains("version 99"), "{said}");
    }

    #[test]
    fn every_commit_waits_for_the_disk() {
        let folder = Folder::new();
        let (journal, synchronous) = block_on(async {
            let store = Store::open(&Config::default(), folder.path()).await.unwrap();
            let journal: (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(&store.writing).await.unwrap();
            let synchronous: (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(&store.writing).await.unwrap();
            (journal.0, synchronous.0)
        });
        assert_eq!((journal.as_str(), synchronous), ("wal", 2));
    }
}
