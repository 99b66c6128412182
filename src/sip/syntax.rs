//! The words that all SIP headers are made of: tokens, quoted strings, comma lists. RFC 3261 §25.1.
//!
//! Works on bytes where free text may stand (a display name in latin-1 is not a reason to refuse a call), on `str`
//! where the grammar leaves only ASCII or UTF-8.

use std::borrow::Cow;
use std::fmt;

/// A value that breaks its grammar; the text names the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub &'static str);

/// `token` of RFC 3261 §25.1: at least one of the letters, digits and ``-.!%*_+`'~``.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| TOKEN[*byte as usize])
}

const TOKEN: [bool; 256] = token_table();

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = matches!(byte,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
            | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        byte += 1;
    }
    table
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As `str::find` for one ASCII letter: the texts of SIP are shorter than what the general search takes to begin.
pub(super) fn place_of(text: &str, letter: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == letter)
}

/// As `str::split_once` for one ASCII letter.
pub(super) fn cut(text: &str, letter: u8) -> Option<(&str, &str)> {
    place_of(text, letter).map(|at| (&text[..at], &text[at + 1..]))
}

/// What stands in front of the first such ASCII letter, and the rest from it on, which may be empty.
pub(super) fn part_at(text: &str, letter: u8) -> (&str, &str) {
    text.split_at(place_of(text, letter).unwrap_or(text.len()))
}

/// The values of a comma list; commas inside quotes or angle brackets do not part. RFC 3261 §7.3.1.
pub fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let (item, after) = part(rest?, b',');
        rest = after;
        Some(item.trim_ascii())
    })
}

/// Parts at the first `separator` that stands outside quotes and angle brackets.
pub(super) fn part(value: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    // Most values have neither quotes nor brackets; what stands in front of the first needs no care.
    let special = |byte: &u8| *byte == separator || matches!(*byte, b'"' | b'<' | b'>');
    let Some(mut at) = value.iter().position(special) else {
        return (value, None);
    };
    let mut inside_angles = false;
    while at < value.len() {
        match value[at] {
            b'"' if !inside_angles => at += quoted_length(&value[at..]).unwrap_or(value.len() - at) - 1,
            b'<' => inside_angles = true,
            b'>' => inside_angles = false,
            byte if byte == separator && !inside_angles => {
                return (&value[..at], Some(&value[at + 1..]));
            }
            _ => {}
        }
        at += 1;
    }
    (value, None)
}

/// How long the quoted string is with which `value` begins, both quotes included; none if it never ends.
pub(super) fn quoted_length(value: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < value.len() {
        match value[at] {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// What a quoted string says: without its quotes, escapes undone. Anything else is returned as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut plain = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    Cow::Owned(plain)
}

/// Writes `text` as a quoted string; line breaks become spaces, so that nothing can be smuggled into a new header.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        out.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(out, "\\{letter}")?,
                '\r' | '\n' => out.write_char(' ')?,
                _ => out.write_char(letter)?,
            }
        }
        out.write_char('"')
    }
}

/// Text of unknown encoding: UTF-8 if it is that, else latin-1, as old gateways write it.
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The bytes as text, where the grammar allows no other encoding than UTF-8.
pub(super) fn strict_text(bytes: &[u8]) -> Result<&str, SyntaxError> {
    std::str::from_utf8(bytes).map_err(|_| SyntaxError("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: &str) -> Vec<&str> {
        items(value.as_bytes()).map(|item| std::str::from_utf8(item).unwrap()).collect()
    }

    #[test]
    fn commas_part_only_outside_quotes_and_brackets() {
        assert_eq!(list("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(
            list(r#""Silva, Ana" <sip:a,b@x>;q=1, <sip:c@x>"#),
            [r#""Silva, Ana" <sip:a,b@x>;q=1"#, "<sip:c@x>"]
        );
        assert_eq!(list(r#""a\",b", c"#), [r#""a\",b""#, "c"]);
        assert_eq!(list(r#""never closed, b"#), [r#""never closed, b"#]);
        assert_eq!(list(""), [""]);
    }

    #[test]
    fn quoting_and_unquoting_are_inverse() {
        let said = r#"Ana "a \ b" Silva"#;
        assert_eq!(unquote(&Quoted(said).to_string()), said);
        assert_eq!(unquote(r#""J Rosenberg \\\"""#), r#"J Rosenberg \""#);
        assert_eq!(Quoted("a\r\nb").to_string(), "\"a  b\"");
    }

    #[test]
    fn latin_1_is_understood_where_it_is_not_utf_8() {
        assert_eq!(text_of(b"Jo\xe3o"), "João");
        assert_eq!(text_of("João".as_bytes()), "João");
    }
}
