//! `%HH` in URIs: what it means, where it is needless, and when it is needed. RFC 3261 §19.1.2, §19.1.4.

use std::borrow::Cow;

use super::syntax::SyntaxError;
use super::syntax::place_of;

/// Undoes every escape; a lone `%` stays.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if place_of(text, b'%').is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = if *first == b'%' { hex_pair(after) } else { None };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn check_escapes(text: &str) -> Result<(), SyntaxError> {
    let mut rest = text;
    while let Some(at) = place_of(rest, b'%') {
        if hex_pair(&rest.as_bytes()[at + 1..]).is_none() {
            return Err(SyntaxError("a % is followed by two hexadecimal digits"));
        }
        rest = &rest[at + 3..];
    }
    Ok(())
}

/// Letters, digits and marks mean the same escaped or not (RFC 3261 §19.1.4); so does the plus of a number to everyone
/// who dials, though the RFC calls it reserved.
pub(super) fn without_needless_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = place_of(rest, b'%') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        match hex_pair(&escape.as_bytes()[1..]).filter(|byte| is_unreserved(*byte) || *byte == b'+') {
            Some(byte) => plain.push(char::from(byte)),
            None => plain.push_str(&escape[..3]),
        }
        rest = &escape[3..];
    }
    plain.push_str(rest);
    plain
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

pub(super) fn escaped_user(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        if is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_checked_and_made() {
        assert_eq!(unescape("a%20b%c3%a9"), "a bé");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(without_needless_escapes("%61%2B%40%00"), "a+%40%00");
        assert_eq!(escaped_user("a b@é"), "a%20b%40%C3%A9");
        assert!(check_escapes("a%2fb").is_ok());
        for bad in ["%", "%2", "%2g", "a%%41"] {
            assert!(check_escapes(bad).is_err(), "{bad}");
        }
    }
}
