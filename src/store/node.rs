//! Which of several servers on one database this one is: what a server has under way is taken up again by itself alone.
//!
//! An SQLite file has one server, and its rows need no name. Beside PostgreSQL the name stands in the data folder.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;

/// Relative to the folder of the configuration.
pub(super) const FILE: &str = "data/node";

/// The name that is kept there, else a new one.
pub(super) fn load_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        Ok(_) | Err(_) => {}
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::from)?;
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    writeln!(file, "{name}")?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bench::Folder;

    #[test]
    fn a_server_keeps_its_name_and_another_has_another() {
        let (here, there) = (Folder::new(), Folder::new());
        let name = load_or_make(&here.path().join(FILE)).unwrap();
        assert_eq!(load_or_make(&here.path().join(FILE)).unwrap(), name);
        assert_ne!(load_or_make(&there.path().join(FILE)).unwrap(), name);
        fs::write(here.path().join(FILE), "\n").unwrap();
        assert_eq!(load_or_make(&here.path().join(FILE)).unwrap().len(), 16);
        assert!(load_or_make(here.path()).is_err());
    }
}
