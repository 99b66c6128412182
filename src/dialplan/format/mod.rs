//! A dialplan's text → the same dialplan in the form that we all write: one step a line, four blanks for each block.
//!
//! Only blanks and line breaks change. Words, texts in quotes and comments stay as they were written, and so does the
//! owner's choice between a block on one line and one on several; a line that would be too long is opened up.

mod layout;
mod reading;
#[cfg(test)]
mod tests;

use crate::dialplan::document;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::Faults;
use crate::dialplan::source::SourceFile;

/// The file in its proper form; a file that cannot be read is left alone, and its faults are returned.
pub fn format(file: &SourceFile) -> Result<String, Vec<Fault>> {
    let mut faults = Faults::new(std::slice::from_ref(file));
    match document::read(file, 0, &mut faults) {
        Some(_) => Ok(layout::written(&reading::lines(&file.text))),
        None => Err(faults.into_sorted()),
    }
}

/// One line of the result, unless a block in it is opened up.
#[derive(Debug, Default)]
struct Line {
    pieces: Vec<Piece>,
    /// Whether an empty line stands above it.
    parted: bool,
}

#[derive(Debug)]
enum Piece {
    /// A word, a value or a `key="value"`, with the `/-` that hides it.
    Word(String),
    /// `/* … */`
    Comment(String),
    /// `// …`: nothing follows it on its line.
    LastComment(String),
    /// A backslash: the step goes on in the next line. With the comment behind it.
    Fold(Option<String>),
    Block(Block),
}

#[derive(Debug)]
struct Block {
    /// `/-`, or nothing.
    prefix: String,
    /// Comments behind the opening brace.
    head: Vec<String>,
    lines: Vec<Line>,
    shape: Shape,
}

/// How the owner wrote a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    OneLine,
    Open,
}
