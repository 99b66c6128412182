//! What can go wrong between us and the database, in sentences that name the place and the mend.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "[storage] url `{url}` is no database that is known here\n    write `sqlite:data/desvio.db` or `postgres://USER:PASSWORD@HOST/DATABASE`"
    )]
    Url { url: String },
    #[error("{}: the folder cannot be made: {why}\n    [storage] url decides where it stands; the user that runs desvio must be allowed to write there", path.display())]
    Folder { path: PathBuf, why: io::Error },
    #[error("{}: the name of this server cannot be kept: {why}\n    beside PostgreSQL it stands there; the user that runs desvio must be allowed to write it", path.display())]
    Node { path: PathBuf, why: io::Error },
    #[error("{place}: {fault}\n    {mend}")]
    Open { place: String, fault: String, mend: &'static str },
    #[error(
        "{place}: its tables are version {found}, and this program knows versions up to {known}\n    start the newer program again, or put back a copy from before the upgrade"
    )]
    Newer { place: String, found: i64, known: i64 },
    /// The database stopped answering; later it may again.
    #[error("the storage does not answer: {0}")]
    Unavailable(String),
    /// A row that this program cannot read back.
    #[error("a row of {table} cannot be read: {why}")]
    Damaged { table: &'static str, why: String },
    /// Not one that a page of ours named as the next.
    #[error("the cursor `{0}` is none of ours")]
    Cursor(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(in_words(&error))
    }
}

/// The cause as an operator would say it.
pub(super) fn in_words(error: &sqlx::Error) -> String {
    match (sqlite_code(error), error) {
        (Some(BUSY | LOCKED), _) => "another program holds a lock on the database".into(),
        (Some(FULL), _) => "the disk is full".into(),
        (Some(READ_ONLY), _) => "the file may only be read".into(),
        (Some(IO), _) => "the disk reports an error".into(),
        (Some(CORRUPT), _) => "the file is damaged".into(),
        (Some(NOT_A_DATABASE), _) => "the file is not an SQLite database".into(),
        (Some(CANNOT_OPEN), _) => "the file cannot be opened".into(),
        (_, sqlx::Error::PoolTimedOut) => "no connection became free in time".into(),
        (_, sqlx::Error::Database(fault)) => fault.message().to_owned(),
        (_, other) => other.to_string(),
    }
}

/// Whether this row can never be written, however often it is tried: too big, a NUL byte in a text, a broken constraint.
pub(super) fn is_for_ever(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } => true,
        sqlx::Error::Database(fault) => match sqlite_code(error) {
            Some(code) => matches!(code, TOO_BIG | CONSTRAINT | MISMATCH),
            // PostgreSQL: class 22 is a data exception, 23 a broken constraint.
            None => fault.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23")),
        },
        _ => false,
    }
}

/// The primary result code of SQLite; none where the fault is not SQLite's. Its own codes are short numbers, those of
/// PostgreSQL have five characters.
pub(super) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    if code.len() >= 5 {
        return None;
    }
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

pub(super) const BUSY: u32 = 5;
pub(super) const LOCKED: u32 = 6;
pub(super) const READ_ONLY: u32 = 8;
const IO: u32 = 10;
pub(super) const CORRUPT: u32 = 11;
pub(super) const FULL: u32 = 13;
pub(super) const CANNOT_OPEN: u32 = 14;
const TOO_BIG: u32 = 18;
const CONSTRAINT: u32 = 19;
const MISMATCH: u32 = 20;
pub(super) const NOT_A_DATABASE: u32 = 26;
