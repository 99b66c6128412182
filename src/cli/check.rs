//! `desvio check`, and the loading that every other command begins with.

use std::path::Path;

use desvio::config;
use desvio::config::Config;
use desvio::config::Loaded;
use desvio::dialplan::fault::Fault;
use desvio::dialplan::fault::Severity;
use serde_json::Value;
use serde_json::json;

use crate::cli::Style;
use crate::cli::exit::Exit;
use crate::cli::output;

/// What a warning means for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Warnings {
    AreShown,
    Fail,
}

pub(super) fn check(file: &Path, warnings: Warnings, style: Style) -> Exit {
    let loaded = match load_to_start(file, style) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match style {
        Style::Json => output::line(report(&loaded.warnings)),
        Style::Text => {
            print_faults(&loaded.warnings);
            output::line(format_args!("{}: {} ({})", file.display(), summary(&loaded.warnings), extent(&loaded)));
        }
    }
    match warnings {
        Warnings::Fail if !loaded.warnings.is_empty() => Exit::Failed,
        Warnings::Fail | Warnings::AreShown => Exit::Done,
    }
}

/// Loads everything, or says all that is wrong with it.
pub(super) fn load(file: &Path, style: Style) -> Result<Loaded, Exit> {
    config::load(file).map_err(|faults| refused(file, &faults, style))
}

/// The same for who starts a server, or asks whether it would start.
pub(super) fn load_to_start(file: &Path, style: Style) -> Result<Loaded, Exit> {
    config::load_to_start(file).map_err(|faults| refused(file, &faults, style))
}

/// The configuration alone: what stands in the dialplan's files is no matter of one who asks a running server.
pub(super) fn load_configuration(file: &Path, style: Style) -> Result<Config, Exit> {
    config::load_without_dialplan(file).map_err(|faults| refused(file, &faults, style))
}

fn refused(file: &Path, faults: &[Fault], style: Style) -> Exit {
    match style {
        Style::Json => output::line(report(faults)),
        Style::Text => {
            print_faults(faults);
            eprintln!("{}: {}; nothing was started", file.display(), summary(faults));
        }
    }
    Exit::Faults
}

pub(super) fn print_faults(faults: &[Fault]) {
    for fault in faults {
        eprintln!("{}", fault.in_full());
    }
}

/// For editors and scripts: faults and warnings apart, each in the order of the files.
fn report(found: &[Fault]) -> Value {
    let (faults, warnings): (Vec<&Fault>, Vec<&Fault>) =
        found.iter().partition(|fault| fault.severity == Severity::Fault);
    json!({ "version": 1, "faults": faults, "warnings": warnings })
}

/// `no faults`, `2 faults`, `1 fault and 3 warnings`
fn summary(found: &[Fault]) -> String {
    let warnings = found.iter().filter(|fault| fault.severity == Severity::Warning).count();
    let faults = match found.len() - warnings {
        0 => "no faults".to_owned(),
        count => in_words(count, "fault"),
    };
    match warnings {
        0 => faults,
        count => format!("{faults} and {}", in_words(count, "warning")),
    }
}

fn in_words(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn extent(loaded: &Loaded) -> String {
    let program = &loaded.program;
    let counted = [
        (loaded.sources.len(), "dialplan file"),
        (program.numbers().count(), "number"),
        (program.flows().count(), "flow"),
        (program.test_count(), "test"),
    ];
    counted.map(|(count, what)| in_words(count, what)).join(", ")
}

#[cfg(test)]
mod tests {
    use desvio::dialplan::rule::Rule;

    use super::*;

    fn found(rules: &[Rule]) -> Vec<Fault> {
        rules.iter().map(|rule| Fault::of_file("a.kdl", *rule, "said".to_owned(), None)).collect()
    }

    #[test]
    fn faults_and_warnings_are_counted_apart() {
        assert_eq!(summary(&[]), "no faults");
        assert_eq!(summary(&found(&[Rule::Syntax])), "1 fault");
        assert_eq!(summary(&found(&[Rule::LostStep])), "no faults and 1 warning");
        assert_eq!(summary(&found(&[Rule::Syntax, Rule::LostStep, Rule::LostFlow])), "1 fault and 2 warnings");
    }

    #[test]
    fn editors_are_told_the_same() {
        let report = report(&found(&[Rule::LostStep, Rule::Syntax]));
        assert_eq!(report["faults"][0]["code"], "syntax");
        assert_eq!(report["warnings"][0]["severity"], "warning");
        assert_eq!(report["warnings"][0]["end_column"], 1);
    }
}
