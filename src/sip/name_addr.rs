//! `"Ana" <sip:200@example.com>;tag=1`: who a message comes from, goes to, or may be reached at. RFC 3261 §20.10.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use super::params;
use super::params::Params;
use super::syntax::Quoted;
use super::syntax::SyntaxError;
use super::syntax::cut;
use super::syntax::part_at;
use super::syntax::quoted_length;
use super::syntax::strict_text;
use super::syntax::text_of;
use super::syntax::unquote;
use super::uri::Uri;
use super::uri::UriView;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// What people read, without quotes and escapes. Latin-1 is read as such.
    pub display: Option<String>,
    pub uri: Uri,
    /// Parameters of the header, not those of the URI.
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: Uri) -> NameAddr {
        NameAddr { display: None, uri, params: Params::new() }
    }

    /// Reads one value, with or without angle brackets.
    pub fn parse(value: &[u8]) -> Result<NameAddr, SyntaxError> {
        NameAddrView::parse(value).map(NameAddrView::to_name_addr)
    }

    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// As it is written, in room enough from the start: every request of ours has several.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(USUAL_TEXT);
        write!(text, "{self}").expect("a String takes all that is written");
        text
    }

    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", tag);
        self
    }

    #[must_use]
    pub fn with_display(mut self, display: &str) -> NameAddr {
        self.display = Some(display.to_owned());
        self
    }
}

/// Octets of an address; a longer one costs an allocation more.
const USUAL_TEXT: usize = 96;

/// The pieces of one value, checked against the grammar, borrowed from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameAddrView<'a> {
    display: &'a [u8],
    pub(super) uri: UriView<'a>,
    params: &'a str,
}

impl<'a> NameAddrView<'a> {
    pub(super) fn parse(value: &'a [u8]) -> Result<NameAddrView<'a>, SyntaxError> {
        let value = value.trim_ascii();
        let (display, address) = split_display(value)?;
        match address.strip_prefix(b"<") {
            Some(inside) => NameAddrView::of_brackets(display, inside),
            None => NameAddrView::of_bare(address),
        }
    }

    fn of_brackets(display: &'a [u8], inside: &'a [u8]) -> Result<NameAddrView<'a>, SyntaxError> {
        let inside = strict_text(inside)?;
        let (uri, params) = cut(inside, b'>').ok_or(SyntaxError("an address ends with >"))?;
        let params = params.trim_ascii_start();
        params::check(params)?;
        Ok(NameAddrView { display, uri: UriView::parse(uri)?, params })
    }

    /// Without brackets the parameters belong to the header, and a question mark may not stand. RFC 3261 §20.10.
    fn of_bare(address: &'a [u8]) -> Result<NameAddrView<'a>, SyntaxError> {
        let address = strict_text(address)?;
        let (uri, params) = part_at(address, b';');
        if uri.contains(['?', ',']) {
            return Err(SyntaxError("a URI with a comma or a question mark stands in angle brackets"));
        }
        params::check(params)?;
        Ok(NameAddrView { display: b"", uri: UriView::parse(uri.trim_ascii_end())?, params })
    }

    pub(super) fn to_name_addr(self) -> NameAddr {
        let display = text_of(self.display);
        NameAddr {
            display: (!display.is_empty()).then(|| unquoted(display)),
            uri: self.uri.to_uri(),
            params: Params::from_checked(self.params),
        }
    }
}

/// The tag of an address, without a look at the rest of it: every message is asked for both of its tags more than once.
pub(super) fn tag_in(value: &[u8]) -> Option<&str> {
    let (_, address) = split_display(value.trim_ascii()).ok()?;
    let end_of_uri = if address.starts_with(b"<") { b'>' } else { b';' };
    let uri = address.iter().position(|byte| *byte == end_of_uri)?;
    let after = address[uri..].strip_prefix(b">").unwrap_or(&address[uri..]);
    params::value_of(strict_text(after).ok()?, "tag")
}

fn unquoted(display: Cow<'_, str>) -> String {
    unquote(&display).into_owned()
}

/// Parts the display name, if there is one, from what begins with `<` or is a bare URI.
fn split_display(value: &[u8]) -> Result<(&[u8], &[u8]), SyntaxError> {
    if value.starts_with(b"\"") {
        let length = quoted_length(value).ok_or(SyntaxError("a quoted string ends with its quote"))?;
        let (display, address) = value.split_at(length);
        let address = address.trim_ascii_start();
        return if address.starts_with(b"<") {
            Ok((display, address))
        } else {
            Err(SyntaxError("after a display name the address stands in angle brackets"))
        };
    }
    let Some(bracket) = value.iter().position(|byte| *byte == b'<') else {
        return Ok((b"", value));
    };
    let (display, address) = value.split_at(bracket);
    // Wider than the grammar, which wants tokens: people are called `João (Vendas)`. RFC 4475 §3.1.2.15 refuses the comma.
    if display.iter().any(|byte| matches!(byte, b',' | b';' | b'"' | b'>' | b'\\')) {
        return Err(SyntaxError("a display name with separators stands in quotes"));
    }
    Ok((display.trim_ascii_end(), address))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(out, "{} ", Quoted(display))?;
        }
        write!(out, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> NameAddr {
        NameAddr::parse(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
    }

    #[test]
    fn all_ways_to_write_an_address() {
        let quoted = read(r#""J Rosenberg \\\""       <sip:jdrosen@example.com>  ;  tag = 98asjd8"#);
        assert_eq!(quoted.display.as_deref(), Some(r#"J Rosenberg \""#));
        assert_eq!(quoted.tag(), Some("98asjd8"));
        assert_eq!(quoted.to_string(), r#""J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8"#);
        assert_eq!(read("caller<sip:a@x>").display.as_deref(), Some("caller"));
        assert_eq!(read("<sip:a@x;p=1>;q=2").to_string(), "<sip:a@x;p=1>;q=2");
    }

    #[test]
    fn without_brackets_parameters_are_the_headers() {
        let bare = read("sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n");
        assert_eq!(bare.tag(), Some("1918181833n"));
        assert!(bare.uri.params.is_empty());
        assert!(NameAddr::parse(b"sip:user@example.com?Route=%3Csip:x%3E").is_err());
    }

    #[test]
    fn the_tag_is_found_without_reading_the_rest() {
        for (value, tag) in [
            ("<sip:a@x;tag=no>;p=1;TAG=2", Some("2")),
            ("\"a <b>;tag=no\" <sip:a@x>", None),
            ("sip:a@x;tag=3", Some("3")),
            ("sip:a@x", None),
            ("<sip:a@x", None),
        ] {
            assert_eq!(tag_in(value.as_bytes()), tag, "{value}");
        }
    }

    #[test]
    fn a_latin_1_display_name_is_read() {
        let joao = NameAddr::parse(b"\"Jo\xe3o\" <sip:a@x>;tag=1").unwrap();
        assert_eq!(joao.display.as_deref(), Some("João"));
        assert_eq!(joao.with_tag("2").to_string(), "\"João\" <sip:a@x>;tag=2");
    }

    #[test]
    fn broken_ones_are_refused() {
        for bad in [
            "",
            "\"Ana <sip:a@x>",
            "Bell, Alexander <sip:a@x>",
            "<sip:a@x",
            "< sip:a@x>",
            "\"Ana\" sip:a@x",
            "<sip:a@x> x",
            "<sip:a@x>;;;;x y",
        ] {
            assert!(NameAddr::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
