//! The rule of the house: imports run down. A room uses only rooms on floors below its own, and rooms on one floor do
//! not know each other. Tests inside a room keep to it as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// From the ground up.
const FLOORS: [&[&str]; 7] = [
    &["number", "sip", "media", "queue", "outage"],
    &["registrar", "channel", "dialplan"],
    &["call"],
    &["switch", "store"],
    &["io", "api"],
    &["config"],
    &["server"],
];

#[test]
fn every_import_runs_down() {
    let mut wrong = Vec::new();
    for file in rust_files(Path::new("src")) {
        let room = room_of(&file);
        let Some(here) = floor_of(&room) else {
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for used in rooms_used(line).into_iter().filter(|used| *used != room) {
                if floor_of(&used).is_none_or(|there| there >= here) {
                    wrong.push(format!("{}:{}: `{used}` is not below `{room}`", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that do not run down:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_floor_and_every_floor_its_rooms() {
    let program = ["lib", "main", "cli"].map(str::to_owned);
    let built: BTreeSet<String> = rust_files(Path::new("src")).iter().map(|file| room_of(file)).collect();
    let planned: BTreeSet<String> = FLOORS.concat().into_iter().map(str::to_owned).chain(program).collect();
    assert_eq!(built, planned);
}

/// Everything that stands after `crate::` in one line of code. A name is a room's or, for a macro, nobody's.
fn rooms_used(line: &str) -> Vec<String> {
    let code = line.trim_start();
    if code.starts_with("//") {
        return Vec::new();
    }
    let is_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    let after_crate = code.split("crate::").skip(1);
    after_crate.map(|rest| rest.chars().take_while(is_name).collect()).collect()
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// `src/sip/dialog.rs`, `src/sip/mod.rs` and `src/sip.rs` all stand in the room `sip`.
fn room_of(file: &Path) -> String {
    let first = file.components().nth(1).expect("a file under src");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("a folder of ours").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    files
}
