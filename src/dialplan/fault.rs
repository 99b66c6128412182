//! What is wrong with a dialplan, where, and how to mend it.

use std::fmt;

use serde::Serialize;

use crate::dialplan::excerpt::Excerpt;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Lines;
use crate::dialplan::source::SourceFile;
use crate::dialplan::source::Span;

/// One thing that is wrong, or doubtful, in a dialplan or in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// How many characters are meant, as far as they stand on that line.
    pub length: u32,
    /// Where what is meant ends: behind its last character.
    pub end_line: u32,
    pub end_column: u32,
    pub severity: Severity,
    /// The name of the rule, which stays the same in all versions.
    pub code: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line; none where it may hold a secret, or cannot be shown.
    #[serde(skip)]
    pub excerpt: Option<Box<Excerpt>>,
}

/// A fault keeps a dialplan from being loaded; a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Fault,
    Warning,
}

impl Fault {
    /// Of a file as a whole: it cannot be read.
    pub fn of_file(path: &str, rule: Rule, message: String, help: Option<String>) -> Fault {
        Fault {
            path: path.to_owned(),
            line: 1,
            column: 1,
            length: 1,
            end_line: 1,
            end_column: 1,
            severity: rule.severity(),
            code: rule.code(),
            message,
            help,
            excerpt: None,
        }
    }

    /// As `check` shows it: place, reason, the line with carets below what is meant, and the mend.
    pub fn in_full(&self) -> String {
        let mut text = self.head() + &format!(" [{}]", self.code);
        if let Some(excerpt) = &self.excerpt {
            text = format!("{text}\n{excerpt}");
        }
        match &self.help {
            Some(help) => format!("{text}\n    {help}"),
            None => text,
        }
    }

    fn head(&self) -> String {
        let severity = match self.severity {
            Severity::Fault => "",
            Severity::Warning => "warning: ",
        };
        format!("{}:{}:{}: {severity}{}", self.path, self.line, self.column, self.message)
    }
}

impl fmt::Display for Fault {
    /// Without the line, for logs and answers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        match &self.help {
            Some(help) => write!(f, "\n    {help}"),
            None => Ok(()),
        }
    }
}

/// Gathers faults while files are read; keeps the first [`MOST_FAULTS`] faults, as many warnings, and counts the rest.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    files: &'a [SourceFile],
    lines: Vec<Lines>,
    found: Vec<(Span, Fault)>,
    faults: usize,
    warnings: usize,
}

/// More faults than a person reads at once; what comes after is only counted.
const MOST_FAULTS: usize = 200;

impl<'a> Faults<'a> {
    pub(super) fn new(files: &'a [SourceFile]) -> Faults<'a> {
        Faults {
            files,
            lines: files.iter().map(|file| Lines::of(&file.text)).collect(),
            found: Vec::new(),
            faults: 0,
            warnings: 0,
        }
    }

    /// Notes a fault or a warning, as the rule says.
    pub(super) fn fault(&mut self, rule: Rule, span: Span, message: String, help: Option<String>) {
        let count = match rule.severity() {
            Severity::Fault => &mut self.faults,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count > MOST_FAULTS {
            return;
        }
        let file = usize::from(span.file);
        let text = &self.files[file].text;
        let (start, end) = (span.start as usize, span.end as usize);
        let (line, column) = self.lines[file].locate(text, start);
        let (end_line, end_column) = self.lines[file].locate(text, end);
        let length = self.text(span).lines().next().unwrap_or_default();
        let fault = Fault {
            path: self.path(span).to_owned(),
            line,
            column,
            length: u32::try_from(length.chars().count().max(1)).unwrap_or(u32::MAX),
            end_line,
            end_column,
            severity: rule.severity(),
            code: rule.code(),
            message: shortened(message),
            help: help.map(shortened),
            excerpt: Excerpt::of(text, start, end).map(Box::new),
        };
        self.found.push((span, fault));
    }

    /// As many faults as anybody reads are there: a hint need no longer be worked out.
    pub(super) fn is_full(&self) -> bool {
        self.faults >= MOST_FAULTS
    }

    pub(super) fn count(&self) -> usize {
        self.faults + self.warnings
    }

    pub(super) fn fault_count(&self) -> usize {
        self.faults
    }

    pub(super) fn has_faults(&self) -> bool {
        self.faults > 0
    }

    /// Whether this one was found, or so many that it may have been.
    pub(super) fn has(&self, rule: Rule) -> bool {
        self.is_full() || self.found.iter().any(|(_, fault)| fault.code == rule.code())
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

    /// All of them in the order of the files and lines.
    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        let left_out = self.count() - self.found.len();
        self.found.sort_by_key(|(span, _)| *span);
        let mut faults: Vec<Fault> = self.found.into_iter().map(|(_, fault)| fault).collect();
        faults.dedup();
        if let (Some(last), true) = (faults.last_mut(), left_out > 0) {
            let more = format!("{left_out} more were found.");
            let help = last.help.take().map(|help| format!("{help} "));
            last.help = Some(help.unwrap_or_default() + &more);
        }
        faults
    }
}

/// A name in a file may have a million letters; nobody reads them.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

const MOST_LETTERS: usize = 1_000;

/// The hint under an unknown name: what there is, and what was probably meant.
pub fn choices<'n>(what: &str, known: impl Iterator<Item = &'n str> + Clone, wanted: &str) -> String {
    let listed: Vec<String> = known.clone().take(LISTED + 1).map(|name| name.chars().take(LONGEST).collect()).collect();
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
    let wanted: Vec<char> = lower(wanted);
    let most = (wanted.len() / 3).clamp(1, MOST_SLIPS);
    known
        .take(MOST_COMPARED)
        .filter_map(|name| {
            let letters = lower(name);
            let apart = letters.len().abs_diff(wanted.len());
            let distance = (apart <= most).then(|| distance_between(&wanted, &letters, most))?;
            (distance <= most).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn lower(name: &str) -> Vec<char> {
    name.chars().take(LONGEST).flat_map(char::to_lowercase).take(LONGEST).collect()
}

/// Names longer than this are compared by their beginning.
const LONGEST: usize = 64;
/// Whoever makes more slips in a name meant another.
const MOST_SLIPS: usize = 5;
/// So many names are looked at for one hint: a file may hold a hundred thousand.
const MOST_COMPARED: usize = 5_000;

/// What two names have in common at their ends costs nothing, and is not looked at.
fn distance_between(a: &[char], b: &[char], most: usize) -> usize {
    let begin = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[begin..], &b[begin..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    distance(&a[..a.len() - end], &b[..b.len() - end], most)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour (optimal string alignment). What is
/// further apart than `most` is only told to be so: no more of the table is worked out than the band around its diagonal.
fn distance(a: &[char], b: &[char], most: usize) -> usize {
    let far = most + 1;
    let mut before_last = vec![far; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).map(|at| at.min(far)).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![far; b.len() + 1];
        row[0] = (i + 1).min(far);
        let band = i.saturating_sub(most)..b.len().min(i + most + 1);
        for j in band {
            let y = b[j];
            let replaced = last[j] + usize::from(*x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == y {
                best = best.min(before_last[j - 1] + 1);
            }
            row[j + 1] = best.min(far);
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
        faults.fault(Rule::UnknownFlow, span, "`go \"menue\"` leads nowhere".to_owned(), help);
        let shown = faults.into_sorted()[0].clone();
        assert_eq!(shown.to_string(), "dialplans/loja.kdl:2:9: `go \"menue\"` leads nowhere\n    Did you mean `menu`?");
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"path":"dialplans/loja.kdl","line":2,"column":9,"length":10,"end_line":2,"end_column":19,"severity":"fault","code":"unknown-flow","message":"`go \"menue\"` leads nowhere","help":"Did you mean `menu`?"}"#
        );
        assert_eq!(
            shown.in_full(),
            "dialplans/loja.kdl:2:9: `go \"menue\"` leads nowhere [unknown-flow]\n    |         go \"menue\"\n    |         ^^^^^^^^^^\n    Did you mean `menu`?"
        );
    }
}
