//! Looks over a file before the parser does: size, nesting, and what is closed but was never opened, or the reverse.
//!
//! The parser calls itself for every brace, for every comment within a comment, and once more for each `}` too many, so
//! all of this is bounded here and not by the stack. A quote without its partner would make nonsense of all that follows: it
//! is reported where it begins and blanked out, byte for byte, so that the parser finds the other faults in their places.

/// The largest file that is read. Ten thousand flows of a dozen steps fit in.
pub(super) const MOST_BYTES: usize = 4 << 20;
/// How deep braces, or comments within comments, may stand in each other.
pub(super) const MOST_DEPTH: usize = 32;
/// How many words a file may have; a word costs the parser far more memory than it has letters.
const MOST_WORDS: usize = 500_000;

/// More open quotes than this are one slip, not many.
const MOST_FINDINGS: usize = 50;

/// What was found, and the text as the parser may see it; none where it must not see it at all.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) findings: Vec<Finding>,
    pub(super) patched: Option<Vec<u8>>,
    pub(super) readable: Readable,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Readable {
    #[default]
    Yes,
    No,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) help: &'static str,
}

pub(super) fn look(text: &str) -> Look {
    let bytes = text.as_bytes();
    let mut reader = Reader {
        bytes,
        at: 0,
        depth: 0,
        words: 0,
        look: Look::default(),
    };
    if bytes.len() > MOST_BYTES {
        let message = format!("this file has {} bytes, more than {MOST_BYTES}", bytes.len());
        reader.refuse(0, 0, message, "Split it into several files.");
        return reader.look;
    }
    while reader.at < bytes.len() && reader.look.readable == Readable::Yes {
        reader.step();
    }
    reader.look
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    words: usize,
    look: Look,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = &self.bytes[self.at..];
        match rest[0] {
            b'/' if rest.starts_with(b"//") => self.at += line_length(rest),
            b'/' if rest.starts_with(b"/*") => self.comment(),
            b'"' => self.quoted(),
            b'#' => self.hash(),
            b'{' => self.open(),
            b'}' => self.shut(),
            byte if byte.is_ascii_whitespace() => self.at += 1,
            _ => self.word(),
        }
    }

    fn open(&mut self) {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            let message = format!("more than {MOST_DEPTH} blocks stand in each other here");
            let help = "Move the inner ones to a flow of their own and `go` there.";
            self.refuse(self.at, self.at + 1, message, help);
        }
        self.at += 1;
    }

    fn shut(&mut self) {
        if self.depth == 0 {
            let message = "this `}` closes nothing".to_owned();
            self.find(self.at, self.at + 1, message, "Each `}` needs a `{` before it.");
            self.blank(self.at, self.at + 1);
        }
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
    }

    fn word(&mut self) {
        let rest = &self.bytes[self.at..];
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"{}\"#/;=()".contains(byte);
        self.at += 1 + rest[1..].iter().position(ends).unwrap_or(rest.len() - 1);
        self.count_word();
    }

    fn count_word(&mut self) {
        self.words += 1;
        if self.words > MOST_WORDS {
            let message = format!("this file has more than {MOST_WORDS} words");
            self.refuse(self.at, self.at, message, "Split it into several files.");
        }
    }

    /// `#true` is a word; `#"…"#` is a raw string, which ends at a quote followed by as many `#`.
    fn hash(&mut self) {
        let rest = &self.bytes[self.at..];
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        if rest.get(hashes) != Some(&b'"') {
            return self.word();
        }
        let triple = rest[hashes..].starts_with(b"\"\"\"");
        let quotes = if triple { 3 } else { 1 };
        let mut end = vec![b'"'; quotes];
        end.resize(quotes + hashes, b'#');
        let mut at = hashes + quotes;
        while at < rest.len() {
            if rest[at..].starts_with(&end) {
                return self.close(Some(at + end.len()), 0);
            }
            if !triple && matches!(rest[at], b'\n' | b'\r') {
                break;
            }
            at += 1;
        }
        self.close(None, at.min(rest.len()));
    }

    fn quoted(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"\"\"\"") {
            let length = closing(&rest[3..], b"\"\"\"").map(|length| 3 + length);
            return self.close(length, rest.len());
        }
        // A line break inside quotes is allowed only after a backslash.
        let mut at = 1;
        loop {
            match rest.get(at) {
                Some(b'"') => return self.close(Some(at + 1), 0),
                Some(b'\\') => at += escape_length(&rest[at..]),
                Some(b'\n' | b'\r') | None => return self.close(None, at.min(rest.len())),
                Some(_) => at += 1,
            }
        }
    }

    /// Goes past a string, or reports and blanks one that does not end before `within`.
    fn close(&mut self, length: Option<usize>, within: usize) {
        self.count_word();
        if let Some(length) = length {
            self.at += length;
            return;
        }
        let message = "this quote is never closed".to_owned();
        let help = "A text begins and ends with `\"`, on one line.";
        self.find(self.at, self.at + 1, message, help);
        self.blank(self.at, self.at + within);
        self.at += within;
    }

    fn comment(&mut self) {
        let start = self.at;
        let mut depth = 0;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
            if depth == 0 {
                return;
            }
            if depth > MOST_DEPTH {
                let message = format!("more than {MOST_DEPTH} comments stand in each other here");
                return self.refuse(start, start + 2, message, "Remove the inner ones.");
            }
        }
        let message = "this comment is never closed".to_owned();
        self.find(start, start + 2, message, "It ends with `*/`.");
        self.blank(start, self.bytes.len());
    }

    fn find(&mut self, start: usize, end: usize, message: String, help: &'static str) {
        if self.look.findings.len() >= MOST_FINDINGS {
            return;
        }
        self.look.findings.push(Finding {
            start,
            end,
            message,
            help,
        });
    }

    fn refuse(&mut self, start: usize, end: usize, message: String, help: &'static str) {
        self.find(start, end, message, help);
        self.look.readable = Readable::No;
    }

    fn blank(&mut self, start: usize, end: usize) {
        let patched = self.look.patched.get_or_insert_with(|| self.bytes.to_vec());
        for byte in &mut patched[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
}

fn line_length(rest: &[u8]) -> usize {
    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    end.unwrap_or(rest.len())
}

/// The length up to and with the closing mark; a backslash protects what follows it.
fn closing(rest: &[u8], mark: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(mark) {
            return Some(at + mark.len());
        }
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    None
}

/// KDL 2: a backslash before white space swallows all of it, line breaks included.
fn escape_length(rest: &[u8]) -> usize {
    let blanks = rest[1..].iter().take_while(|byte| byte.is_ascii_whitespace());
    1 + blanks.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        let findings = look(text).findings.into_iter();
        findings.map(|it| (it.start, it.message)).collect()
    }

    #[test]
    fn a_quote_without_its_partner_is_blanked_and_the_rest_is_still_seen() {
        let text = "play \"á {\nanswer\nsay \"x";
        let look = look(text);
        let patched = String::from_utf8(look.patched.unwrap()).unwrap();
        assert_eq!(patched, "play      \nanswer\nsay   ");
        assert_eq!(look.findings.len(), 2);
        assert_eq!(look.readable, Readable::Yes);
    }

    #[test]
    fn braces_in_texts_and_comments_are_no_blocks() {
        let braces = "{".repeat(100);
        let text = format!(
            "a \"{braces} \\\" {braces}\" #\"{braces}\"# /* {braces} /* */ */ \"\"\"\n{braces}\n\"\"\" // {braces}\nb"
        );
        assert_eq!(found(&text), []);
    }

    #[test]
    fn nesting_is_refused_before_the_parser_sees_it() {
        let look = look(&"a {".repeat(1_000));
        assert_eq!(look.readable, Readable::No);
        assert_eq!(look.findings[0].start, 3 * MOST_DEPTH + 2);
        assert!(found(&"/*".repeat(1_000))[0].1.contains("comments"));
    }

    #[test]
    fn size_is_refused() {
        let long = "x".repeat(MOST_BYTES + 1);
        assert_eq!(found(&long)[0].1, "this file has 4194305 bytes, more than 4194304");
        let words = "a ".repeat(MOST_WORDS + 1);
        assert_eq!(found(&words)[0].1, "this file has more than 500000 words");
    }

    #[test]
    fn a_comment_that_is_never_closed_is_found_where_it_begins() {
        assert_eq!(
            found("a\n/* b { "),
            [(2, "this comment is never closed".to_owned())]
        );
    }
}
