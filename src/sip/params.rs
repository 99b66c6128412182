//! The `;name=value` parameters of a URI or of a header.
//!
//! Kept as the text in which they came, without the blanks between: most are passed on and never looked at, and
//! unknown ones must survive in their order. RFC 3261 §7.3.1, §19.1.1.

use std::borrow::Cow;
use std::fmt;

use super::syntax::Quoted;
use super::syntax::SyntaxError;
use super::syntax::cut;
use super::syntax::is_token;
use super::syntax::part;
use super::syntax::quoted_length;
use super::syntax::unquote;

/// Names are found in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Params {
    /// `;a=b;c`: every parameter with its semicolon in front, no blanks outside quotes.
    text: String,
}

impl Params {
    pub fn new() -> Params {
        Params::default()
    }

    /// Reads `;a=b;c` with blanks as RFC 3261 §25.1 allows them; empty parameters are left out.
    pub fn parse(text: &str) -> Result<Params, SyntaxError> {
        let text = text.trim_ascii();
        check(text)?;
        Ok(Params::from_checked(text))
    }

    pub(super) fn from_checked(text: &str) -> Params {
        if is_compact(text) {
            return Params { text: text.to_owned() };
        }
        let mut params = Params::default();
        for (name, value) in pairs(text) {
            params.append(name, value);
        }
        params
    }

    /// The value as it is written, without the quotes of a quoted string; none if absent or without a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        value_of(&self.text, name)
    }

    /// The value with the escapes of a quoted string undone.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        find(&self.text, name)?.map(unquote)
    }

    pub fn has(&self, name: &str) -> bool {
        find(&self.text, name).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Names and values in order, values as they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        pairs(&self.text)
    }

    /// Gives the parameter this value, quoted where it needs to be; it keeps its place if it was there.
    pub fn set(&mut self, name: &str, value: &str) {
        if is_plain_value(value) {
            self.replace(name, Some(value));
        } else {
            self.replace(name, Some(&Quoted(value).to_string()));
        }
    }

    /// Puts in the parameter without a value, as in `;lr`.
    pub fn set_flag(&mut self, name: &str) {
        self.replace(name, None);
    }

    pub fn remove(&mut self, name: &str) {
        let mut left = Params::default();
        for (other, value) in self.iter().filter(|(other, _)| !other.eq_ignore_ascii_case(name)) {
            left.append(other, value);
        }
        *self = left;
    }

    fn replace(&mut self, name: &str, value: Option<&str>) {
        if !self.has(name) {
            return self.append(name, value);
        }
        let mut changed = Params::default();
        for (other, old) in self.iter() {
            let is_it = other.eq_ignore_ascii_case(name);
            changed.append(other, if is_it { value } else { old });
        }
        *self = changed;
    }

    fn append(&mut self, name: &str, value: Option<&str>) {
        self.text.push(';');
        self.text.push_str(name);
        if let Some(value) = value {
            self.text.push('=');
            self.text.push_str(value);
        }
    }
}

impl fmt::Display for Params {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Whether the text is already as [`Params`] keeps it.
fn is_compact(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.contains(&b' ')
        && !bytes.contains(&b'\t')
        && !bytes.ends_with(b";")
        && !bytes.windows(2).any(|pair| pair == b";;")
}

/// Parameters of checked text, blanks trimmed, empty ones left out.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    pieces(text).filter(|piece| !piece.is_empty()).map(|piece| match cut(piece, b'=') {
        Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start())),
        None => (piece, None),
    })
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let length = part(text.as_bytes(), b';').0.len();
        rest = text.get(length + 1..);
        Some(text[..length].trim_ascii())
    })
}

/// As [`Params::get`], from text that was checked but not copied.
pub(super) fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = find(text, name)??;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

pub(super) fn has(text: &str, name: &str) -> bool {
    find(text, name).is_some()
}

fn find<'a>(text: &'a str, name: &str) -> Option<Option<&'a str>> {
    pairs(text).find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Text behind an address or a Via: empty, or a semicolon and what follows it.
pub(super) fn check(text: &str) -> Result<(), SyntaxError> {
    if !text.is_empty() && !text.starts_with(';') {
        return Err(SyntaxError("parameters begin with a semicolon"));
    }
    for piece in pieces(text).filter(|piece| !piece.is_empty()) {
        let (name, value) = cut(piece, b'=').map_or((piece, None), |(name, value)| (name, Some(value)));
        check_name(name.trim_ascii_end())?;
        value.map_or(Ok(()), |value| check_value(value.trim_ascii_start()))?;
    }
    Ok(())
}

/// Brackets and the like are legal in the parameters of a URI. RFC 3261 §25.1 `paramchar`.
fn check_name(name: &str) -> Result<(), SyntaxError> {
    let legal = |byte: &u8| is_token(&[*byte]) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'$' | b'(' | b')');
    if name.is_empty() || !name.as_bytes().iter().all(legal) {
        return Err(SyntaxError("a parameter's name is a token"));
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), SyntaxError> {
    match value.as_bytes() {
        quoted @ [b'"', ..] if quoted_length(quoted) == Some(quoted.len()) => Ok(()),
        [b'"', ..] => Err(SyntaxError("a quoted string ends with its quote")),
        plain if plain.iter().all(|byte| is_value_byte(*byte)) => Ok(()),
        _ => Err(SyntaxError("a parameter's value is a token, a host or a quoted string")),
    }
}

/// Wider than the grammar: base64 tags end in `=`, and some gateways write UTF-8 or `@` without quotes.
fn is_value_byte(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'"' | b',' | b';' | b'<' | b'>' | b'\\' | 0x7f)
}

fn is_plain_value(value: &str) -> bool {
    let legal = |byte: &u8| is_token(&[*byte]) || matches!(byte, b'[' | b']' | b':');
    !value.is_empty() && value.as_bytes().iter().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Params {
        Params::parse(text).unwrap()
    }

    #[test]
    fn found_in_any_case_and_kept_in_order() {
        let params = parse(" ; Branch = z9hG4bK1 ;lr; x=\"a;\\\"b\" ;;");
        assert_eq!(params.to_string(), ";Branch=z9hG4bK1;lr;x=\"a;\\\"b\"");
        assert_eq!(params.get("branch"), Some("z9hG4bK1"));
        assert_eq!(params.unquoted("x").unwrap(), "a;\"b");
        assert!(params.has("LR") && params.get("lr").is_none() && !params.has("z"));
    }

    #[test]
    fn set_keeps_the_place_and_quotes_where_it_must() {
        let mut params = parse(";a=1;rport;b=2");
        params.set("rport", "5060");
        params.set("text", "two words");
        params.set_flag("lr");
        params.remove("A");
        assert_eq!(params.to_string(), ";rport=5060;b=2;text=\"two words\";lr");
    }

    #[test]
    fn broken_ones_are_refused() {
        for bad in ["a=b", ";a b", ";a=b c", ";a=\"b", ";a=b,c", ";=x", ";a=<b>", ";a=\"b\"c"] {
            assert!(Params::parse(bad).is_err(), "{bad}");
        }
        for good in
            ["", ";", ";a=", ";received=2001:db8::9:255", ";received=[2001:db8::1]", ";tag=abc==", ";p=\"работающий\""]
        {
            assert!(Params::parse(good).is_ok(), "{good}");
        }
    }
}
