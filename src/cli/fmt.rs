//! `desvio fmt`: dialplans in the form that we all write.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use desvio::config;
use desvio::dialplan::fault::Fault;
use desvio::dialplan::format::format;
use desvio::dialplan::source::SourceFile;
use serde_json::Value;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check::print_faults;
use crate::cli::exit::Exit;
use crate::cli::output;

#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Changes nothing; says which files are not in form, with exit code 1.
    #[arg(long)]
    check: bool,
    /// Default: the files of `[dialplan]`.
    files: Vec<PathBuf>,
}

/// What became of the files.
#[derive(Debug, Default)]
struct Report {
    /// With the text that each ought to have.
    differing: Vec<(String, String)>,
    in_form: Vec<String>,
    /// Out of form and left so, with the reason.
    unwritten: Vec<(String, io::Error)>,
    faults: Vec<Fault>,
}

pub(super) fn fmt(configuration: &Path, order: &Fmt, style: Style) -> Exit {
    let report = carry_out(configuration, order);
    print(&report, order, style);
    match report.faults.is_empty() {
        false => Exit::Faults,
        true if !report.unwritten.is_empty() || (order.check && !report.differing.is_empty()) => Exit::Failed,
        true => Exit::Done,
    }
}

fn carry_out(configuration: &Path, order: &Fmt) -> Report {
    let mut report = Report::default();
    for source in sources(configuration, &order.files, &mut report.faults) {
        match format(&source) {
            Ok(text) if text == source.text => report.in_form.push(source.path),
            Ok(text) => report.differing.push((source.path, text)),
            Err(faults) => report.faults.extend(faults),
        }
    }
    if !order.check {
        let Report { differing, unwritten, .. } = &mut report;
        differing.retain(|(path, text)| match replace(Path::new(path), text) {
            Ok(()) => true,
            Err(error) => {
                unwritten.push((path.clone(), error));
                false
            }
        });
    }
    report
}

fn sources(configuration: &Path, files: &[PathBuf], faults: &mut Vec<Fault>) -> Vec<SourceFile> {
    if files.is_empty() {
        return config::sources(configuration).unwrap_or_else(|found| {
            faults.extend(found);
            Vec::new()
        });
    }
    let read = files.iter().map(|file| config::source(file));
    read.filter_map(|source| source.map_err(|fault| faults.push(fault)).ok()).collect()
}

/// All or nothing: a full disk must not cost the owner his dialplan.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = fs::write(&new, text)
        .and_then(|()| fs::set_permissions(&new, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn print(report: &Report, order: &Fmt, style: Style) {
    let differing = report.differing.iter().map(|(path, _)| path);
    if style == Style::Json {
        let differing: Vec<&String> = differing.collect();
        let done = if order.check { "differing" } else { "formatted" };
        let unwritten = report.unwritten.iter();
        let unwritten: Vec<Value> =
            unwritten.map(|(path, error)| json!({ "path": path, "error": error.to_string() })).collect();
        let Report { in_form, faults, .. } = report;
        return output::line(json!({ done: differing, "in_form": in_form, "unwritten": unwritten, "faults": faults }));
    }
    for (path, error) in &report.unwritten {
        eprintln!("{path} cannot be written: {error}");
    }
    print_faults(&report.faults);
    for path in differing {
        match order.check {
            true => output::line(format_args!("{path} is not in form; `desvio fmt` mends it")),
            false => output::line(format_args!("{path} is in form now")),
        }
    }
    if report.differing.is_empty() && report.unwritten.is_empty() && report.faults.is_empty() {
        output::line(format_args!("{} in form", if report.in_form.len() == 1 { "1 file is" } else { "all files are" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, check: bool) -> Exit {
        let order = Fmt { check, files: vec![folder.join("a.kdl"), folder.join("b.kdl")] };
        fmt(Path::new("no configuration is needed"), &order, Style::Text)
    }

    #[test]
    fn a_file_that_cannot_be_written_is_not_said_to_be_in_form() {
        let folder = std::env::temp_dir().join(format!("desvio-fmt-unwritten-{}", std::process::id()));
        // Where the new text would be written first.
        fs::create_dir_all(folder.join("a.kdl.new")).unwrap();
        let (a, b) = (folder.join("a.kdl"), folder.join("b.kdl"));
        for file in [&a, &b] {
            fs::write(file, "flow  \"x\" { hangup }\n").unwrap();
        }
        let report = carry_out(Path::new(""), &Fmt { check: false, files: vec![a.clone(), b.clone()] });
        assert_eq!(report.unwritten.iter().map(|(path, _)| Path::new(path)).collect::<Vec<_>>(), [a.as_path()]);
        assert_eq!(report.differing.iter().map(|(path, _)| Path::new(path)).collect::<Vec<_>>(), [b.as_path()]);
        assert_eq!(fs::read_to_string(&a).unwrap(), "flow  \"x\" { hangup }\n");
        assert_eq!(run(&folder, false), Exit::Failed);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_check_changes_nothing_and_a_file_with_slips_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("desvio-fmt-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (a, b) = (folder.join("a.kdl"), folder.join("b.kdl"));
        fs::write(&a, "flow  \"x\" {\nhangup }\n").unwrap();
        fs::write(&b, "flow \"y\" {\n").unwrap();
        assert_eq!(run(&folder, true), Exit::Faults);
        fs::write(&b, "flow \"y\" { hangup }\n").unwrap();
        assert_eq!(run(&folder, true), Exit::Failed);
        assert_eq!(fs::read_to_string(&a).unwrap(), "flow  \"x\" {\nhangup }\n");
        assert_eq!(run(&folder, false), Exit::Done);
        assert_eq!(fs::read_to_string(&a).unwrap(), "flow \"x\" {\n    hangup\n}\n");
        assert_eq!(run(&folder, true), Exit::Done);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
