//! What may be shown of a line of the configuration: the line, the line without its values, or nothing.
//!
//! A slip of the keys must not bring to a screen, a log or an answer what is kept from them when it is written right.

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::document::Span;
use crate::config::rule::Rule;
use crate::dialplan::excerpt::Excerpt;

/// In keys with these words stand secrets, or addresses that hold some: such a line is not shown at all.
const SECRET_WORDS: [&str; 7] = ["ha1_", "pin", "url", "key", "sid", "auth", "value"];
/// Of lines in these tables no value is shown: a key that is misspelt there may be a password's.
const SECRET_TABLES: [&str; 6] = ["credential", "mailbox", "extension", "trunk", "peer", "webhook"];
/// And what stands under these keys, wherever that is.
const SECRET_KEYS: [&str; 3] = ["account", "headers", "variables"];

/// Whether values there are for nobody's eyes.
pub(super) fn is_secret(text: &str, root: &DeTable<'_>, span: &Span) -> bool {
    let header = header_above(text, span.start);
    let parts: Vec<&str> = header.split('.').map(str::trim).collect();
    SECRET_TABLES.contains(&parts[0])
        || parts.iter().any(|part| SECRET_KEYS.contains(part))
        || stands_under_secret_key(root, span)
}

/// Of the excerpt what this rule may show.
pub(super) fn shown(excerpt: Excerpt, rule: Rule, in_secret: bool) -> Option<Excerpt> {
    if SECRET_WORDS.iter().any(|word| excerpt.text.contains(word)) {
        return None;
    }
    match (rule, in_secret) {
        // Where quotes are missing nothing tells a value from its surroundings.
        (Rule::NotToml, true) => None,
        // A word that can be chosen is no secret.
        (Rule::UnknownChoice, _) => Some(excerpt),
        (Rule::UnknownKey | Rule::MissingKey, _) | (_, true) => without_values(&excerpt),
        _ => Some(excerpt),
    }
}

/// The name in the brackets of the last header before `at`; empty above the first.
fn header_above(text: &str, at: usize) -> &str {
    let line_end = text[at.min(text.len())..].find('\n').map_or(text.len(), |end| at + end);
    text[..line_end].lines().rev().find_map(header).unwrap_or_default()
}

/// `[channel.send]`, `[[extension]] # …`; no list that goes over several lines.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let name = name.trim_start_matches('[').trim();
    let is_bare = name.starts_with(|first: char| first.is_ascii_alphabetic());
    (is_bare && !name.contains(['"', '\'', ','])).then_some(name)
}

fn stands_under_secret_key(table: &DeTable<'_>, span: &Span) -> bool {
    table.iter().any(|(key, value)| match SECRET_KEYS.contains(&key.get_ref().as_ref()) {
        true => value.span().start <= span.start && span.start < value.span().end,
        false => goes_on_under_secret_key(value, span),
    })
}

fn goes_on_under_secret_key(value: &Spanned<DeValue<'_>>, span: &Span) -> bool {
    match value.get_ref() {
        DeValue::Table(table) => stands_under_secret_key(table, span),
        DeValue::Array(array) => array.iter().any(|item| goes_on_under_secret_key(item, span)),
        _ => false,
    }
}

/// Each text in quotes and each value without them becomes `…`. None for a stretch of a line, where it begins nobody knows, and
/// for one whose quotes stand where none can: nothing tells what is inside of them.
fn without_values(excerpt: &Excerpt) -> Option<Excerpt> {
    if excerpt.text.starts_with('…') {
        return None;
    }
    let mut reading = Reading::Key;
    let mut shown = String::new();
    // Where each letter has come to stand.
    let mut places = Vec::new();
    let mut before = ' ';
    for (at, letter) in excerpt.text.char_indices() {
        if reading.is_broken_by(letter, before) {
            return None;
        }
        let (next, written) = match reading {
            // In a list that goes over several lines, or after a comma in one: a number is no key.
            Reading::Key if letter.is_ascii_digit() && !is_of_word(before) => (Reading::Bare, "…".to_owned()),
            Reading::Value if is_truth(&excerpt.text[at..]) => (Reading::Key, letter.to_string()),
            _ => reading.step(letter),
        };
        before = letter;
        places.push(shown.chars().count());
        shown.push_str(&written);
        reading = next;
    }
    let end = shown.chars().count();
    let place = |at: usize| places.get(at).copied().unwrap_or(end);
    let (before, after) = (place(excerpt.before), place(excerpt.before + excerpt.meant));
    Some(Excerpt { text: shown, before, meant: after.saturating_sub(before).max(1) })
}

/// `true` and `false` tell nobody anything.
fn is_truth(rest: &str) -> bool {
    let after = rest.strip_prefix("true").or_else(|| rest.strip_prefix("false"));
    after.is_some_and(|after| !after.starts_with(is_of_word))
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}

/// What the next letter of a line is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Key,
    /// After `=`: whatever comes is a value.
    Value,
    Bare,
    Quoted {
        by: char,
    },
    /// After a backslash.
    Escaped {
        by: char,
    },
    /// After the second of two quotes.
    Closed,
    Comment,
}

impl Reading {
    fn is_broken_by(self, letter: char, before: char) -> bool {
        match (self, letter) {
            (Reading::Closed, _) => !letter.is_whitespace() && !",]}=#.".contains(letter),
            (Reading::Key, '"' | '\'') => !before.is_whitespace() && !"{[,.".contains(before),
            _ => false,
        }
    }

    fn step(self, letter: char) -> (Reading, String) {
        let as_it_is = |next| (next, letter.to_string());
        match (self, letter) {
            (Reading::Quoted { by }, '\\') if by == '"' => (Reading::Escaped { by }, String::new()),
            (Reading::Quoted { by }, letter) if letter == by => as_it_is(Reading::Closed),
            (Reading::Quoted { .. } | Reading::Comment, _) => (self, String::new()),
            (Reading::Escaped { by }, _) => (Reading::Quoted { by }, String::new()),
            (_, '"' | '\'') => (Reading::Quoted { by: letter }, format!("{letter}…")),
            (_, '#') => (Reading::Comment, "# …".to_owned()),
            (_, '=') | (Reading::Value, '[') => as_it_is(Reading::Value),
            (_, ',' | '{' | '}' | '[' | ']') | (Reading::Closed, '.') => as_it_is(Reading::Key),
            (Reading::Value, letter) if !letter.is_whitespace() => (Reading::Bare, "…".to_owned()),
            (Reading::Bare, _) => (Reading::Bare, String::new()),
            (Reading::Key | Reading::Value | Reading::Closed, _) => as_it_is(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str, meant: &str) -> (String, String) {
        let at = line.find(meant).unwrap();
        let excerpt =
            Excerpt { text: line.to_owned(), before: line[..at].chars().count(), meant: meant.chars().count() };
        let shown = without_values(&excerpt).unwrap();
        let meant = shown.text.chars().skip(shown.before).take(shown.meant).collect();
        (shown.text, meant)
    }

    #[test]
    fn of_a_line_keys_are_shown_and_no_value() {
        let shown = |text: &str, meant: &str| (text.to_owned(), meant.to_owned());
        assert_eq!(masked("passwort = \"geheim\"", "passwort"), shown("passwort = \"…\"", "passwort"));
        assert_eq!(masked("a = { tokn = \"gehe\\\"im\", b = 4711 }", "b"), shown("a = { tokn = \"…\", b = …}", "b"));
        assert_eq!(masked("h = { \"X Account\" = 'geheim' }", "\"X Account\""), shown("h = { \"…\" = '…' }", "\"…\""));
        assert_eq!(masked("passwort = tgeheim99", "passwort").0, "passwort = …");
        assert_eq!(masked("passwort = truegeheim", "passwort").0, "passwort = …");
        assert_eq!(masked("register = true, b = false", "register").0, "register = true, b = false");
        assert!(!masked("passwort = tr\"geheim\"", "passwort").0.contains("geheim"));
        assert_eq!(masked("pins = [471147, 2, \"x\"]", "pins").0, "pins = […, …, \"…\"]");
        assert_eq!(masked("471147, 2", "4").0, "…, …");
        assert_eq!(masked("line-2 = { a1 = 3 }", "a1").0, "line-2 = { a1 = …}");
        assert_eq!(masked("account = \"EAAG\"", "\"EAAG\""), shown("account = \"…\"", "\"…\""));
        assert_eq!(masked("passwort = geheim # auch geheim", "passwort").0, "passwort = …# …");
        assert_eq!(masked("passwort = \"geheim", "passwort").0, "passwort = \"…");
    }

    #[test]
    fn a_line_whose_quotes_stand_where_none_can_is_not_shown() {
        for line in ["passwort = \"ab\"geheim\"", "pasword\" = \"geheim\"", "a = \"\"\"geheim\""] {
            assert_eq!(without_values(&Excerpt { text: line.to_owned(), before: 0, meant: 1 }), None, "{line}");
        }
        assert_eq!(
            masked("\"a\".'b' = [\"x\", \"y\"] # z", "="),
            ("\"…\".'…' = [\"…\", \"…\"] # …".to_owned(), "=".to_owned())
        );
    }

    #[test]
    fn a_stretch_of_a_long_line_is_not_shown() {
        assert_eq!(without_values(&Excerpt { text: "…eheim\" x".to_owned(), before: 8, meant: 1 }), None);
    }
}
