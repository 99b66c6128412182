//! What is wrong with a dialplan, where, and how to mend it.

use std::fmt;

use serde::Serialize;

use crate::dialplan::source::Lines;
use crate::dialplan::source::SourceFile;
use crate::dialplan::source::Span;

/// One thing that is wrong, or doubtful, in a dialplan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// How many characters are meant.
    pub length: u32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    pub severity: Severity,
}

/// A fault keeps a dialplan from being loaded; a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Fault,
    Warning,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.path, self.line, self.column)?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n    {help}"),
            None => Ok(()),
        }
    }
}

/// Gathers faults while files are read; keeps the first [`MOST_FAULTS`] and counts the rest.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    files: &'a [SourceFile],
    lines: Vec<Lines>,
    found: Vec<(Span, Fault)>,
    left_out: usize,
}

/// More faults than a person reads at once; what comes after is only counted.
const MOST_FAULTS: usize = 200;

impl<'a> Faults<'a> {
    pub(super) fn new(files: &'a [SourceFile]) -> Faults<'a> {
        Faults {
            files,
            lines: files.iter().map(|file| Lines::of(&file.text)).collect(),
            found: Vec::new(),
            left_out: 0,
        }
    }

    pub(super) fn fault(&mut self, span: Span, message: String, help: Option<String>) {
        self.add(span, message, help, Severity::Fault);
    }

    pub(super) fn warn(&mut self, span: Span, message: String, help: Option<String>) {
        self.add(span, message, help, Severity::Warning);
    }

    /// As many faults as anybody reads are there: a hint need no longer be worked out.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST_FAULTS
    }

    pub(super) fn count(&self) -> usize {
        self.found.len() + self.left_out
    }

    pub(super) fn has_faults(&self) -> bool {
        let mut found = self.found.iter();
        found.any(|(_, fault)| fault.severity == Severity::Fault)
    }

    /// `path:line` of a place.
    pub(super) fn place(&self, span: Span) -> String {
        format!("{}:{}", self.path(span), self.line(span))
    }

    pub(super) fn line(&self, span: Span) -> u32 {
        self.lines[usize::from(span.file)].line(span.start as usize)
    }

    pub(super) fn path(&self, span: Span) -> &'a str {
        &self.files[usize::from(span.file)].path
    }

    /// The words as they were written.
    pub(super) fn text(&self, span: Span) -> &'a str {
        let text = &self.files[usize::from(span.file)].text;
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// All of them in the order of the files and lines; a warning is dropped where there are faults to mend first.
    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(span, _)| *span);
        let mut faults: Vec<Fault> = self.found.into_iter().map(|(_, fault)| fault).collect();
        faults.dedup();
        if let (Some(last), true) = (faults.last_mut(), self.left_out > 0) {
            let more = format!("{} more were found.", self.left_out);
            let help = last.help.take().map(|help| format!("{help} "));
            last.help = Some(help.unwrap_or_default() + &more);
        }
        faults
    }

    fn add(&mut self, span: Span, message: String, help: Option<String>, severity: Severity) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let text = &self.files[usize::from(span.file)].text;
        let (line, column) = self.lines[usize::from(span.file)].locate(text, span.start as usize);
        let length = self.text(span).lines().next().unwrap_or_default();
        let fault = Fault {
            path: self.path(span).to_owned(),
            line,
            column,
            length: u32::try_from(length.chars().count().max(1)).unwrap_or(u32::MAX),
            message,
            help,
            severity,
        };
        self.found.push((span, fault));
    }
}

/// The hint under an unknown name: what there is, and what was probably meant.
pub fn choices<'n>(what: &str, known: impl Iterator<Item = &'n str> + Clone, wanted: &str) -> String {
    let listed: Vec<&str> = known.clone().take(LISTED + 1).collect();
    let list = match listed.len() {
        0 => return format!("There are no {what} yet."),
        count if count > LISTED => format!("{}, …", listed[..LISTED].join(", ")),
        _ => listed.join(", "),
    };
    match closest(wanted, known) {
        Some(near) => format!("{what}: {list}. Did you mean `{near}`?"),
        None => format!("{what}: {list}."),
    }
}

/// So many names are listed in a hint.
const LISTED: usize = 20;

/// The known name that differs least from the one written, if it is near enough to be a slip.
pub fn closest<'n>(wanted: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().take(LONGEST).collect();
    let most = (wanted.len() / 3).max(1);
    known
        .filter_map(|name| {
            let letters: Vec<char> = name.to_lowercase().chars().take(LONGEST).collect();
            let apart = letters.len().abs_diff(wanted.len());
            let distance = (apart <= most).then(|| distance(&wanted, &letters))?;
            (distance <= most).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Names longer than this are compared by their beginning.
const LONGEST: usize = 64;

/// How many letters must be changed, added, dropped or swapped with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["greeting", "menu", "voicemail"];
        let near = |wanted| closest(wanted, known.into_iter());
        assert_eq!(near("menue"), Some("menu"));
        assert_eq!(near("mneu"), Some("menu"));
        assert_eq!(near("VoiceMail"), Some("voicemail"));
        assert_eq!(near("queue"), None);
        assert_eq!(near(""), None);
    }

    #[test]
    fn a_hint_lists_what_there_is() {
        let known = ["greeting", "menu", "voicemail"];
        assert_eq!(
            choices("flows", known.into_iter(), "menue"),
            "flows: greeting, menu, voicemail. Did you mean `menu`?"
        );
        assert_eq!(choices("queues", [].into_iter(), "x"), "There are no queues yet.");
    }

    #[test]
    fn a_fault_is_shown_as_a_compiler_would() {
        let files = [SourceFile {
            path: "dialplans/loja.kdl".to_owned(),
            text: "flow \"a\" {\n        go \"menue\"\n}\n".to_owned(),
        }];
        let mut faults = Faults::new(&files);
        let help = Some("Did you mean `menu`?".to_owned());
        let span = Span::new(0, 19, 29);
        faults.fault(span, "`go \"menue\"` leads nowhere".to_owned(), help);
        let shown = faults.into_sorted()[0].clone();
        assert_eq!(shown.to_string(), "dialplans/loja.kdl:2:9: `go \"menue\"` leads nowhere\n    Did you mean `menu`?");
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"path":"dialplans/loja.kdl","line":2,"column":9,"length":10,"message":"`go \"menue\"` leads nowhere","help":"Did you mean `menu`?","severity":"fault"}"#
        );
    }
}
