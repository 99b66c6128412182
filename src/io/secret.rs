//! Secrets that stand in files of their own.

use std::fs;
use std::io;
use std::path::Path;

/// The first line of the file, without blanks around it; where that is empty there is no secret.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    match text.lines().next().map(str::trim) {
        Some(secret) if !secret.is_empty() => Ok(secret.to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "its first line is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_secret_and_an_empty_one_is_none() {
        let file = std::env::temp_dir().join(format!("desvio-secret-{}", std::process::id()));
        fs::write(&file, "  segredo \nnota\n").unwrap();
        assert_eq!(read(&file).unwrap(), "segredo");
        for nothing in ["", "\n", "  \nsegredo\n"] {
            fs::write(&file, nothing).unwrap();
            assert_eq!(read(&file).unwrap_err().to_string(), "its first line is empty", "{nothing:?}");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(read(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
