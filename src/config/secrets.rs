//! Extensions whose password nobody wrote down: read from its file, or made at the first start and shown once.
//!
//! Each password that is made stands in a file of its own that only the server's user can read. Nothing here is ever logged.

use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Config;
use crate::registrar::config::Extension;

/// A password that was made just now, to be shown once.
pub struct Made {
    pub extension: String,
    pub password: String,
    pub path: PathBuf,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("extension", &self.extension).field("path", &self.path).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{}: the password of extension {extension} cannot be read: {why}\n    {SETTING}", path.display())]
    Unreadable { path: PathBuf, extension: String, why: io::Error },
    #[error("{}: the password of extension {extension} is empty\n    write it into the file, or remove the file to have one made", path.display())]
    Empty { path: PathBuf, extension: String },
    #[error("{}: the password of extension {extension} cannot be kept: {why}\n    {FOLDER}", path.display())]
    Unwritable { path: PathBuf, extension: String, why: io::Error },
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

const SETTING: &str = "`password_file` of an [[extension]] names this file, or it was made at an earlier start";
const FOLDER: &str =
    "passwords are kept beside the database of `[storage] url`; the user that runs desvio must be able to write there";

/// Fills in the password of every extension that has neither one nor a hash of one; returns those that were made.
pub fn furnish(config: &mut Config) -> Result<Vec<Made>, SecretError> {
    let kept = config.data_folder().join("secrets");
    let base = config.base.clone();
    let mut made = Vec::new();
    for extension in &mut config.extensions {
        if extension.password.is_some() || extension.ha1_sha256.is_some() || extension.ha1_md5.is_some() {
            continue;
        }
        match &extension.password_file {
            Some(file) => extension.password = Some(read(&base.join(file), &extension.number)?),
            None => made.extend(keep_or_make(extension, &kept)?),
        }
    }
    Ok(made)
}

/// Whether the file that holds the password can be read; nothing is made.
pub(super) fn check(extension: &Extension, base: &Path) -> Result<(), SecretError> {
    match &extension.password_file {
        Some(file) => read(&base.join(file), &extension.number).map(drop),
        None => Ok(()),
    }
}

fn keep_or_make(extension: &mut Extension, folder: &Path) -> Result<Option<Made>, SecretError> {
    let number = extension.number.clone();
    let path = folder.join(format!("extension-{number}"));
    match read(&path, &number) {
        Ok(password) => {
            extension.password = Some(password);
            Ok(None)
        }
        Err(SecretError::Unreadable { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
            let password = make(&path, &number)?;
            extension.password = Some(password.clone());
            Ok(Some(Made { extension: number, password, path }))
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path, extension: &str) -> Result<String, SecretError> {
    let (file, extension) = (path.to_owned(), extension.to_owned());
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(SecretError::Empty { path: file, extension }),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(why) => Err(SecretError::Unreadable { path: file, extension, why }),
    }
}

fn make(path: &Path, extension: &str) -> Result<String, SecretError> {
    let password = random_text()?;
    let unwritable = |why| SecretError::Unwritable { path: path.to_owned(), extension: extension.to_owned(), why };
    write(path, &password).map_err(unwritable)?;
    Ok(password)
}

/// Readable by our user alone from its first byte on, and never in the place of a file that is there.
fn write(path: &Path, password: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{password}")?;
    file.sync_all()
}

/// 80 bits: nobody guesses it, and somebody types it once.
fn random_text() -> Result<String, SecretError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(SecretError::NoRandomness)?;
    // 32 divides 256: every letter is as likely as any other.
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// Letters and digits that are not taken for one another when they are read aloud or typed into a phone.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_kept_for_its_owner_alone() {
        let folder = std::env::temp_dir().join(format!("desvio-secrets-{}", std::process::id()));
        let path = folder.join("secrets/extension-200");
        let made = make(&path, "200").unwrap();
        assert_eq!(made.len(), 16);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path, "200").unwrap(), made);
        assert!(matches!(make(&path, "200"), Err(SecretError::Unwritable { .. })));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_was_made_never_shows_in_a_log() {
        let made = Made { extension: "200".into(), password: "geheim".into(), path: "x".into() };
        assert!(!format!("{made:?}").contains("geheim"));
    }

    #[test]
    fn a_missing_file_names_the_setting() {
        let said = read(Path::new("/nowhere/secret"), "200").unwrap_err().to_string();
        assert!(said.contains("/nowhere/secret") && said.contains("`password_file`"), "{said}");
    }
}
