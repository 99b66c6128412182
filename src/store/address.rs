//! Reads `[storage] url` and says why a database cannot be opened.

use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::store::config::without_password;
use crate::store::error::BUSY;
use crate::store::error::CANNOT_OPEN;
use crate::store::error::CORRUPT;
use crate::store::error::FULL;
use crate::store::error::LOCKED;
use crate::store::error::NOT_A_DATABASE;
use crate::store::error::READ_ONLY;
use crate::store::error::StoreError;
use crate::store::error::in_words;
use crate::store::error::sqlite_code;

/// Where the database stands.
#[derive(Debug)]
pub(super) enum Address {
    Sqlite { path: PathBuf },
    Postgres { url: String },
}

impl Address {
    pub(super) fn parse(url: &str, base_folder: &Path) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: url.into() });
        }
        let path = url.strip_prefix("sqlite:").map(|rest| {
            // `sqlite:data/x.db`, `sqlite://data/x.db` and `sqlite:///srv/x.db` are all in use.
            rest.strip_prefix("//").unwrap_or(rest)
        });
        match path {
            Some(path) if !path.is_empty() && !path.contains(['?', ':']) => {
                Ok(Self::Sqlite { path: base_folder.join(path) })
            }
            _ => Err(StoreError::Url { url: without_password(url) }),
        }
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Only we may look into a folder that we make: it will hold what customers said and wrote.
    pub(super) fn make_folder(&self) -> Result<(), StoreError> {
        let Self::Sqlite { path } = self else {
            return Ok(());
        };
        let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) else {
            return Ok(());
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|why| StoreError::Folder { path: folder.into(), why })
    }

    /// Nor into the file, wherever it stands. What cannot be made here is explained by the database, which tries too.
    pub(super) fn make_file(&self) {
        let Self::Sqlite { path } = self else {
            return;
        };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Err(why) if why.kind() != ErrorKind::AlreadyExists => {
                tracing::debug!(path = %path.display(), %why, "no new database file");
            }
            _ => {}
        }
    }

    pub(super) fn connect_url(&self) -> String {
        match self {
            Self::Sqlite { path } => {
                let path = path.display().to_string();
                let path = path.replace('%', "%25").replace('#', "%23");
                format!("sqlite://{path}?mode=rwc")
            }
            Self::Postgres { url } => url.clone(),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Sqlite { path } => path.display().to_string(),
            Self::Postgres { url } => without_password(url),
        }
    }

    /// Place, fault and mend of a failure to open.
    pub(super) fn explain(&self, error: &sqlx::Error) -> StoreError {
        let mend = match (self, sqlite_code(error)) {
            (Self::Postgres { .. }, _) => {
                "[storage] url must name a PostgreSQL server that runs, with a user who may make tables in that database"
            }
            (_, Some(BUSY | LOCKED)) => {
                "end the other program that uses this file; two servers cannot share an SQLite file"
            }
            (_, Some(FULL)) => "make room on this disk, or let [storage] url name a file on another",
            (_, Some(NOT_A_DATABASE | CORRUPT)) => {
                "move the file away or put back a copy; without it a new one is made"
            }
            (_, Some(READ_ONLY | CANNOT_OPEN)) => {
                "the user that runs desvio must be allowed to write this file and its folder"
            }
            _ => "[storage] url decides which database is used",
        };
        StoreError::Open { place: self.shown(), fault: in_words(error), mend }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::bench::Folder;

    #[test]
    fn a_relative_path_counts_from_the_base_folder() {
        let urls = ["sqlite:data/x.db", "sqlite://data/x.db"];
        for url in urls {
            let address = Address::parse(url, Path::new("/srv/pbx")).unwrap();
            assert_eq!(address.shown(), "/srv/pbx/data/x.db");
        }
        let absolute = Address::parse("sqlite:///var/lib/x.db", Path::new("/srv")).unwrap();
        assert_eq!(absolute.shown(), "/var/lib/x.db");
    }

    #[test]
    fn only_its_owner_may_read_the_file() {
        let folder = Folder::new();
        let address = Address::parse("sqlite:x.db", folder.path()).unwrap();
        address.make_file();
        address.make_file();
        let mode = std::fs::metadata(folder.path().join("x.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn signs_that_mean_something_in_addresses_may_stand_in_a_path() {
        let address = Address::parse("sqlite:100%#1.db", Path::new("/srv")).unwrap();
        assert_eq!(address.connect_url(), "sqlite:///srv/100%25%231.db?mode=rwc");
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for url in ["mysql://x/y", "data/desvio.db", "sqlite:", "sqlite::memory:"] {
            let said = Address::parse(url, Path::new("/srv")).unwrap_err().to_string();
            assert!(said.contains("sqlite:data/desvio.db"), "{said}");
        }
    }
}
