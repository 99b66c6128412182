//! The line that a fault is about, as a person sees it: tabs as blanks, a long line as the stretch around its fault.

use std::fmt;

/// A stretch of one line of a file, and where in it the meant characters stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    pub text: String,
    /// Characters before the first one that is meant.
    pub before: usize,
    /// How many are meant, at least one.
    pub meant: usize,
}

/// So many characters of a line are shown.
const MOST: usize = 120;
/// So many of them before what is meant, where not all have room.
const BEFORE: usize = 60;

/// Words beside which a secret may stand. Such a line is not repeated anywhere.
const SECRET: &[&str] = &["password", "secret", "token", "authorization", "bearer"];

impl Excerpt {
    /// The characters from `start` on, in bytes of the text; none where the line may hold a secret.
    pub fn of(text: &str, start: usize, end: usize) -> Option<Excerpt> {
        let start = floor(text, start);
        let end = floor(text, end).max(start);
        let line_start = text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        // A line of ten megabytes is looked at no further than it is shown.
        let from = floor(text, line_start.max(start.saturating_sub(BEFORE * 4)));
        let until = floor(text, text.len().min(start + MOST * 4));
        let line = text[from..until].split(['\n', '\r']).next().unwrap_or_default();
        if may_hold_a_secret(line) {
            return None;
        }
        let skipped = line[..start - from].chars().count().saturating_sub(BEFORE);
        let cut = skipped > 0 || from > line_start;
        let before = line[..start - from].chars().count() - skipped + usize::from(cut);
        let shown: String = line.chars().skip(skipped).take(MOST).map(visible).collect();
        let rest = shown.chars().count().saturating_sub(before - usize::from(cut));
        let meant = text[start..end.min(until)].split(['\n', '\r']).next().unwrap_or_default().chars().count();
        let text = if cut { format!("…{shown}") } else { shown };
        Some(Excerpt { text: text.trim_end().to_owned(), before, meant: meant.clamp(1, rest.max(1)) })
    }
}

fn may_hold_a_secret(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    SECRET.iter().any(|word| line.contains(word))
}

/// Nothing that moves the cursor or cannot be seen.
fn visible(letter: char) -> char {
    match letter {
        '\t' => ' ',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Excerpt {
    /// The line, and carets below what is meant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blanks, carets) = (" ".repeat(self.before), "^".repeat(self.meant));
        write!(f, "    | {}\n    | {blanks}{carets}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, what: &str) -> Excerpt {
        let start = text.find(what).unwrap();
        Excerpt::of(text, start, start + what.len()).unwrap()
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        let excerpt = excerpt("um\n\tplay \"não\" x\r\nfim", "\"não\"");
        assert_eq!(excerpt, Excerpt { text: " play \"não\" x".to_owned(), before: 6, meant: 5 });
    }

    #[test]
    fn of_a_long_line_the_stretch_around_the_fault_is_shown() {
        let text = format!("{}HERE{}", "é".repeat(1_000), "b".repeat(1_000_000));
        let excerpt = excerpt(&text, "HERE");
        assert_eq!(excerpt.text.chars().count(), 1 + MOST);
        assert_eq!(excerpt.text.chars().skip(excerpt.before).take(excerpt.meant).collect::<String>(), "HERE");
    }

    #[test]
    fn what_is_meant_ends_with_its_line() {
        let text = "flow {\n}\n";
        assert_eq!(Excerpt::of(text, 5, text.len()).unwrap().meant, 1);
        assert_eq!(Excerpt::of("", 0, 0), Some(Excerpt { text: String::new(), before: 0, meant: 1 }));
        assert_eq!(Excerpt::of("a\r", 2, 9).unwrap().meant, 1);
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_not_repeated() {
        assert_eq!(Excerpt::of("http \"x\" Authorization=\"Bearer 1\"", 0, 4), None);
    }
}
