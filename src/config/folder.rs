//! Where the paths of a configuration lead.
//!
//! Paths in a configuration are relative to its file. A file that stands in a folder named `config`, as the shipped one
//! does, speaks for the folder around it: there `dialplans/*.kdl` is the `dialplans` beside `config`, not one inside it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// The folder that a configuration's relative paths start from, written as the file was: relative stays relative.
pub(super) fn base_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let name = absolute.parent().and_then(Path::file_name);
    if name != Some(OsStr::new("config")) {
        return folder.to_owned();
    }
    // `desvio.toml` alone, given from within `config`, has no written parent: one step up is `..`.
    match folder.file_name() {
        Some(_) => folder.parent().unwrap_or(Path::new("")).to_owned(),
        None => folder.join(".."),
    }
}

/// Every file that `pattern` means, sorted; `*` and `?` stand for letters of one name, never for a `/`.
pub(super) fn matching(base: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![match pattern.starts_with('/') {
        true => PathBuf::from("/"),
        false => base.to_owned(),
    }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in &found {
            next.extend(step(folder, part)?);
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}

fn step(folder: &Path, part: &str) -> io::Result<Vec<PathBuf>> {
    if !part.contains(['*', '?']) {
        return Ok(vec![folder.join(part)]);
    }
    let here = if folder == Path::new("") { Path::new(".") } else { folder };
    if !here.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in here.read_dir()? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| fits(name.as_bytes(), part.as_bytes())) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

/// Whether a file's name fits a pattern. A leading dot must be written: hidden files are an editor's, not the owner's.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    fits_from(name, pattern)
}

/// Goes back to the last `*` when a later letter does not fit, so that the time stays within name × pattern.
fn fits_from(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut want) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(want) {
            Some(b'*') => {
                star = Some((at, want));
                want += 1;
            }
            Some(&letter) if letter == b'?' || letter == name[at] => {
                at += 1;
                want += 1;
            }
            _ => {
                let Some((from, again)) = star else {
                    return false;
                };
                star = Some((from + 1, again));
                (at, want) = (from + 1, again + 1);
            }
        }
    }
    pattern[want..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_file_and_at_the_checkout_for_the_shipped_one() {
        assert_eq!(base_of(Path::new("config/desvio.toml")), Path::new(""));
        assert_eq!(base_of(Path::new("/etc/desvio/desvio.toml")), Path::new("/etc/desvio"));
        assert_eq!(base_of(Path::new("/srv/loja/config/desvio.toml")), Path::new("/srv/loja"));
        assert_eq!(base_of(Path::new("loja/desvio.toml")), Path::new("loja"));
    }

    #[test]
    fn a_star_means_any_letters_of_one_name() {
        let fits = |name: &str, pattern: &str| fits(name.as_bytes(), pattern.as_bytes());
        assert!(fits("loja.kdl", "*.kdl"));
        assert!(fits("loja.kdl", "l?j*"));
        assert!(fits("a.b.kdl", "*.b.*"));
        assert!(!fits("loja.kdl~", "*.kdl"));
        assert!(!fits(".loja.kdl", "*.kdl"));
        assert!(!fits("loja", "loj"));
    }
}
