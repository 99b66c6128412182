//! Files as they were written, and where in them a byte stands.

use crate::dialplan::fault::Fault;
use crate::dialplan::rule::Rule;

/// One file of the dialplan. The path is shown in faults as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// Takes a file's bytes, or says where they stop being UTF-8.
    pub fn from_bytes(path: &str, bytes: Vec<u8>) -> Result<SourceFile, Fault> {
        String::from_utf8(bytes)
            .map(|text| SourceFile { path: path.to_owned(), text })
            .map_err(|error| not_utf8(path, &error))
    }
}

fn not_utf8(path: &str, error: &std::string::FromUtf8Error) -> Fault {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let good = String::from_utf8_lossy(good);
    let (line, column) = Lines::of(&good).locate(&good, good.len());
    let message = "this byte is not UTF-8 text".to_owned();
    let fault = Fault::of_file(path, Rule::NotText, message, Some("Save the file as UTF-8.".to_owned()));
    Fault { line, column, end_line: line, end_column: column + 1, ..fault }
}

/// A stretch of one file, in bytes. The file is its index in the list that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) file: u16,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(file: u16, start: usize, end: usize) -> Span {
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { file, start: small(start), end: small(end.max(start)) }
    }

    pub(super) fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// Where the lines of a text begin.
#[derive(Debug)]
pub(super) struct Lines(Vec<u32>);

impl Lines {
    pub(super) fn of(text: &str) -> Lines {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = after_breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
        Lines(std::iter::once(0).chain(starts).collect())
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> u32 {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let line = self.0.partition_point(|start| *start <= offset);
        u32::try_from(line.max(1)).unwrap_or(u32::MAX)
    }

    /// Line and column of a byte, both counted from 1; columns count characters, as editors do.
    pub(super) fn locate(&self, text: &str, offset: usize) -> (u32, u32) {
        let offset = offset.min(text.len());
        let line = self.line(offset);
        let start = self.0[line as usize - 1] as usize;
        let before = text.get(start..offset).unwrap_or_default();
        let column = before.chars().count() + 1;
        (line, u32::try_from(column).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "um\nflow \"não\" x";
        let lines = Lines::of(text);
        let x = text.len() - 1;
        assert_eq!(lines.locate(text, x), (2, 12));
        assert_eq!(lines.locate(text, 0), (1, 1));
        assert_eq!(lines.locate(text, 9_999), (2, 13));
    }

    #[test]
    fn a_file_that_is_not_utf8_is_a_fault_at_the_first_bad_byte() {
        let fault = SourceFile::from_bytes("a.kdl", b"flow\n  \xff".to_vec()).unwrap_err();
        assert_eq!(fault.to_string(), "a.kdl:2:3: this byte is not UTF-8 text\n    Save the file as UTF-8.");
    }
}
