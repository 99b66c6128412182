//! `desvio check`, and the loading that every other command begins with.

use std::path::Path;

use desvio::config;
use desvio::config::Loaded;
use desvio::dialplan::fault::Fault;
use serde_json::json;

use crate::cli::Style;
use crate::cli::exit::Exit;

pub(super) fn check(file: &Path, style: Style) -> Exit {
    let loaded = match load(file, style) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match style {
        Style::Json => println!("{}", json!({ "faults": [], "warnings": loaded.warnings })),
        Style::Text => {
            print_faults(&loaded.warnings);
            println!("{}: no faults ({})", file.display(), extent(&loaded));
        }
    }
    Exit::Done
}

/// Loads everything, or says all that is wrong with it.
pub(super) fn load(file: &Path, style: Style) -> Result<Loaded, Exit> {
    config::load(file).map_err(|faults| {
        match style {
            Style::Json => println!("{}", json!({ "faults": faults, "warnings": [] })),
            Style::Text => {
                print_faults(&faults);
                eprintln!("{}; nothing was started", in_words(faults.len()));
            }
        }
        Exit::Faults
    })
}

pub(super) fn print_faults(faults: &[Fault]) {
    for fault in faults {
        eprintln!("{fault}");
    }
}

fn in_words(faults: usize) -> String {
    match faults {
        1 => "1 fault".to_owned(),
        many => format!("{many} faults"),
    }
}

fn extent(loaded: &Loaded) -> String {
    let program = &loaded.program;
    let counted = [
        (loaded.sources.len(), "dialplan file"),
        (program.numbers().count(), "number"),
        (program.flows().count(), "flow"),
        (program.test_count(), "test"),
    ];
    let words = counted.map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    words.join(", ")
}
