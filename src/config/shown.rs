//! Every fault that a configuration can have, as a person is shown it: `tests/data/config-faults.txt`.
//!
//! With `DESVIO_WRITE_EXPECTED=1` in the environment the test writes what is said now.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::load_to_start;
use crate::config::rule::RULES;
use crate::dialplan::fault::Fault;

const CASES: &str = include_str!("../../tests/data/config-faults.txt");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/config-faults.txt");
const PLAN: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" {\n    hangup\n}\n";

fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CASES.split("\n## ").skip(1).map(|case| {
        let (heading, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("=>\n").unwrap();
        (heading, text, expected.trim_end())
    })
}

/// A folder of this case's own, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn of(heading: &str, text: &str) -> Folder {
        let name = format!("desvio-faults-{}-{}", std::process::id(), fastrand::u64(..));
        let folder = Folder(std::env::temp_dir().join(name));
        folder.write("desvio.toml", text.as_bytes());
        folder.write("dialplans/a.kdl", PLAN.as_bytes());
        match heading {
            "a dialplan that is no text" => folder.write("dialplans/b.kdl", b"flow \"b\" {\n    play \"\xff\"\n}\n"),
            "a dialplan that is too large" => {
                folder.write("dialplans/b.kdl", b"");
                fs::File::options()
                    .write(true)
                    .open(folder.0.join("dialplans/b.kdl"))
                    .and_then(|file| file.set_len((16 << 20) + 1))
                    .unwrap();
            }
            "a prompt that cannot be played" => folder.write("dialplans/prompts/pt-BR/closed.wav", b"no sound"),
            _ => {}
        }
        folder
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn faults(&self) -> Vec<Fault> {
        match load_to_start(&self.0.join("desvio.toml")) {
            Ok(loaded) => loaded.warnings,
            Err(faults) => faults,
        }
    }

    /// With the folder's own name taken out.
    fn shown(&self) -> String {
        let shown: Vec<String> = self.faults().iter().map(Fault::in_full).collect();
        shown.join("\n").replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_fault_is_shown_with_its_place_its_line_and_its_mend() {
    if std::env::var_os("DESVIO_WRITE_EXPECTED").is_some() {
        return write_expected();
    }
    for (heading, text, expected) in cases() {
        assert_eq!(Folder::of(heading, text).shown(), expected, "{heading}");
    }
}

fn write_expected() {
    let (preface, _) = CASES.split_once("\n## ").unwrap();
    let mut all = preface.to_owned();
    for (heading, text, _) in cases() {
        let shown = Folder::of(heading, text).shown();
        write!(all, "\n## {heading}\n{text}=>\n{shown}\n").unwrap();
    }
    fs::write(Path::new(PATH), all).unwrap();
}

#[test]
fn no_rule_is_without_a_case() {
    let faults = cases().flat_map(|(heading, text, _)| Folder::of(heading, text).faults());
    let shown: BTreeSet<&str> = faults.map(|fault| fault.code).collect();
    let codes = RULES.iter().map(|rule| rule.code()).chain(["not-text", "too-large"]);
    let missing: Vec<&str> = codes.filter(|code| !shown.contains(code)).collect();
    assert_eq!(missing, [""; 0], "add a case to tests/data/config-faults.txt");
}

#[test]
fn every_rule_stands_in_the_docs() {
    let docs = include_str!("../../docs/configuration.md");
    for rule in RULES {
        let row = format!("| `{}` | {} |", rule.code(), rule.help());
        assert!(docs.contains(&row), "docs/configuration.md lacks:\n{row}");
    }
}

#[test]
fn a_secret_is_shown_to_nobody() {
    assert!(cases().all(|(heading, text, _)| !Folder::of(heading, text).shown().contains("segredo")));
}
