//! A file's letters → words, texts, numbers and braces, by the rules of KDL 2.
//!
//! Why not the `kdl` crate: it calls itself once for each fault at the top of a file, so that a few thousand of them end the
//! process, and it takes 0.7 µs for each byte. It stays as the judge in our tests, which read what it reads.

use crate::dialplan::strings;

/// The smallest part of a file that means something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lexeme {
    /// A bare word, or a text in quotes.
    Text(String),
    Integer(i128),
    /// A value of KDL that no dialplan needs: `1.5`, `#true`.
    Other,
    Open,
    Close,
    Equals,
    /// `(` and `)`, which stand around a type in KDL.
    Left,
    Right,
    /// `/-`, which hides what follows.
    Hide,
    NewLine,
    Semicolon,
    EndOfFile,
    Wrong(Slip),
}

/// What is wrong with a part of a file, and the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl Slip {
    pub(super) fn new(message: impl Into<String>, help: &'static str) -> Slip {
        Slip { message: message.into(), help }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) lexeme: Lexeme,
    /// In bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) before: Before,
}

/// What stands before a token on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Blank,
    Nothing,
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Lexer { text, at }
    }

    /// The next token; at the end of the file, the end again and again.
    pub(super) fn next(&mut self) -> Token {
        let begin = self.at;
        let unclosed = self.skip_blanks();
        let before = match self.at > begin {
            true => Before::Blank,
            false => Before::Nothing,
        };
        let start = unclosed.unwrap_or(self.at);
        let lexeme = match unclosed {
            Some(_) => {
                let slip = Slip::new("this comment is never closed", "It ends with `*/`.");
                Lexeme::Wrong(slip)
            }
            None => self.lexeme(),
        };
        Token { lexeme, start, end: self.at, before }
    }

    /// Takes a `=` that stands next, and leaves everything else to be read.
    pub(super) fn take_equals(&mut self) -> bool {
        let begin = self.at;
        let taken = self.skip_blanks().is_none() && self.rest().starts_with('=');
        self.at = if taken { self.at + 1 } else { begin };
        taken
    }

    /// Reads again from this byte, where a token began.
    pub(super) fn back_to(&mut self, start: usize) {
        self.at = start;
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Goes past blanks, comments, and line breaks after a backslash. Returns where a comment began that never ends.
    fn skip_blanks(&mut self) -> Option<usize> {
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                let start = self.at;
                if !self.skip_comment() {
                    return Some(start);
                }
            } else if rest.starts_with("//") {
                self.at += rest.find(is_newline).unwrap_or(rest.len());
            } else if let Some(length) = continued_line(rest) {
                self.at += length;
            } else if let Some(blank) = rest.chars().next().filter(|letter| is_blank(*letter)) {
                self.at += blank.len_utf8();
            } else {
                return None;
            }
        }
    }

    /// Comments may stand in each other. False: the last one never ends.
    fn skip_comment(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        while self.at < bytes.len() {
            let rest = &bytes[self.at..];
            let opens = rest.starts_with(b"/*");
            let closes = rest.starts_with(b"*/");
            depth = depth + usize::from(opens) - usize::from(closes);
            self.at += if opens || closes { 2 } else { 1 };
            if depth == 0 {
                return true;
            }
        }
        false
    }

    fn lexeme(&mut self) -> Lexeme {
        let rest = self.rest();
        let Some(letter) = rest.chars().next() else {
            return Lexeme::EndOfFile;
        };
        if rest.starts_with("/-") {
            self.at += 2;
            return Lexeme::Hide;
        }
        let simple = match letter {
            '{' => Lexeme::Open,
            '}' => Lexeme::Close,
            '=' => Lexeme::Equals,
            '(' => Lexeme::Left,
            ')' => Lexeme::Right,
            ';' => Lexeme::Semicolon,
            '"' => return self.string(strings::quoted(rest)),
            '#' => return self.hash(),
            '\r' if rest.starts_with("\r\n") => {
                self.at += 1;
                Lexeme::NewLine
            }
            letter if is_newline(letter) => Lexeme::NewLine,
            letter if is_word(letter) => return self.word(),
            letter => {
                let message = format!("`{}` cannot stand here", letter.escape_debug());
                Lexeme::Wrong(Slip::new(message, "Texts stand in quotes."))
            }
        };
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
        simple
    }

    fn string(&mut self, (result, length): (Result<String, Slip>, usize)) -> Lexeme {
        self.at += length;
        match result {
            Ok(text) => Lexeme::Text(text),
            Err(slip) => Lexeme::Wrong(slip),
        }
    }

    fn hash(&mut self) -> Lexeme {
        let rest = self.rest();
        if rest.trim_start_matches('#').starts_with('"') {
            return self.string(strings::raw(rest));
        }
        let word = rest.trim_start_matches('#');
        let hashes = rest.len() - word.len();
        let length = hashes + word.find(|letter| !is_word(letter)).unwrap_or(word.len());
        self.at += length;
        match &rest[..length] {
            "#true" | "#false" | "#null" | "#inf" | "#-inf" | "#nan" => Lexeme::Other,
            unknown => {
                let message = format!("`{unknown}` is no value");
                Lexeme::Wrong(Slip::new(message, "Texts stand in quotes."))
            }
        }
    }

    fn word(&mut self) -> Lexeme {
        let rest = self.rest();
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        if looks_like_a_number(word) {
            return number(word);
        }
        match word {
            "true" | "false" | "null" | "inf" | "-inf" | "nan" => {
                let message = format!("`{word}` must stand in quotes");
                Lexeme::Wrong(Slip::new(message, "Bare, KDL keeps this word for itself."))
            }
            word => Lexeme::Text(word.to_owned()),
        }
    }
}

/// A backslash at the end of a line: the step goes on in the next.
fn continued_line(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('\\')?.trim_start_matches(is_blank);
    let after = match after.strip_prefix("//") {
        Some(comment) => &comment[comment.find(is_newline).unwrap_or(comment.len())..],
        None => after,
    };
    let newline = match after.chars().next() {
        None => 0,
        Some('\r') if after.starts_with("\r\n") => 2,
        Some(letter) if is_newline(letter) => letter.len_utf8(),
        Some(_) => return None,
    };
    Some(rest.len() - after.len() + newline)
}

/// KDL 2 §3.17.
pub(super) fn is_blank(letter: char) -> bool {
    matches!(
        letter,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// KDL 2 §3.18.
pub(super) fn is_newline(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Letters that KDL 2 §3.20 allows nowhere, not even in a text.
pub(super) fn is_forbidden(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// Letters of a bare word. KDL 2 §3.10.
fn is_word(letter: char) -> bool {
    let sign = matches!(letter, '\\' | '/' | '(' | ')' | '{' | '}' | ';' | '[' | ']' | '"' | '#' | '=');
    !sign && !is_blank(letter) && !is_newline(letter) && !is_forbidden(letter)
}

fn looks_like_a_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    digits.starts_with(|letter: char| letter.is_ascii_digit())
}

/// `12`, `1_000`, `-3`, `0x1f`, `0o17`, `0b11`; `1.5` and `1e3` are numbers that no dialplan needs.
fn number(word: &str) -> Lexeme {
    let (sign, unsigned) = match word.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let (radix, digits) = match unsigned.get(..2) {
        Some("0x") => (16, &unsigned[2..]),
        Some("0o") => (8, &unsigned[2..]),
        Some("0b") => (2, &unsigned[2..]),
        _ => (10, unsigned),
    };
    if are_digits(digits, radix) {
        let plain = format!("{sign}{}", digits.replace('_', ""));
        return i128::from_str_radix(&plain, radix).map_or(Lexeme::Other, Lexeme::Integer);
    }
    if radix == 10 && is_decimal(digits) {
        return Lexeme::Other;
    }
    let message = format!("`{word}` is neither a number nor a word");
    Lexeme::Wrong(Slip::new(message, "Texts stand in quotes."))
}

/// Digits, and `_` between them.
fn are_digits(text: &str, radix: u32) -> bool {
    text.starts_with(|letter: char| letter.is_digit(radix))
        && text.chars().all(|letter| letter.is_digit(radix) || letter == '_')
}

/// `1.5`, `1e3`, `1.5E-3`
fn is_decimal(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    are_digits(whole, 10)
        && fraction.is_none_or(|fraction| are_digits(fraction, 10))
        && exponent.is_none_or(|exponent| are_digits(exponent, 10))
}
