//! `Digest realm="…", nonce="…"`: what a server asks, and the fields of which both question and answer are made.
//! RFC 7616 §3.3, §3.4.

use std::borrow::Cow;

use super::hashing::Algorithm;
use super::headers::Headers;
use super::headers::Name;
use super::syntax::items;
use super::syntax::unquote;

/// The fields of one Digest header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    list: &'a str,
}

impl<'a> Fields<'a> {
    /// None for another scheme than Digest.
    pub(super) fn parse(value: &'a str) -> Option<Fields<'a>> {
        let (scheme, list) = value.trim_ascii().split_once([' ', '\t'])?;
        scheme.eq_ignore_ascii_case("Digest").then_some(Fields { list })
    }

    /// Without its quotes; escapes stay, as RFC 7616 §3.4 hashes them.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.written(name)?;
        Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
    }

    /// Without its quotes, escapes undone.
    pub(super) fn plain(&self, name: &str) -> Option<Cow<'a, str>> {
        self.written(name).map(unquote)
    }

    fn written(&self, name: &str) -> Option<&'a str> {
        let fields = items(self.list.as_bytes()).filter_map(|field| std::str::from_utf8(field).ok());
        let mut pairs = fields.filter_map(|field| field.split_once('='));
        let (_, value) = pairs.find(|(other, _)| other.trim_ascii_end().eq_ignore_ascii_case(name))?;
        Some(value.trim_ascii_start())
    }
}

/// One challenge that we could answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Challenge<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) opaque: Option<&'a str>,
    pub(super) qop: Qop,
    pub(super) is_stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qop {
    /// The server is of RFC 2069 and knows none.
    Absent,
    Auth,
    AuthInt,
}

impl<'a> Challenge<'a> {
    /// The challenges of a response, those that we cannot answer left out.
    pub(super) fn all(headers: &'a Headers, name: &'a Name) -> impl Iterator<Item = Challenge<'a>> {
        headers.all(name).filter_map(Challenge::parse)
    }

    fn parse(value: &'a str) -> Option<Challenge<'a>> {
        let fields = Fields::parse(value)?;
        Some(Challenge {
            algorithm: Algorithm::from_text(fields.get("algorithm"))?,
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            opaque: fields.get("opaque"),
            qop: Qop::parse(fields.get("qop"))?,
            is_stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

impl Qop {
    /// The weakest of what is offered that everyone can do; none if nothing of it is known.
    fn parse(offered: Option<&str>) -> Option<Qop> {
        let Some(offered) = offered else {
            return Some(Qop::Absent);
        };
        let offers = |word: &str| offered.split(',').any(|offer| offer.trim_ascii().eq_ignore_ascii_case(word));
        match (offers("auth"), offers("auth-int")) {
            (true, _) => Some(Qop::Auth),
            (false, true) => Some(Qop::AuthInt),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_any_case_quoted_or_not() {
        let fields = Fields::parse(r#"DIGEST realm="a, b" ,NONCE = "x=y==",algorithm=MD5"#).unwrap();
        assert_eq!(fields.get("Realm"), Some("a, b"));
        assert_eq!(fields.get("nonce"), Some("x=y=="));
        assert_eq!(fields.get("algorithm"), Some("MD5"));
        assert_eq!(fields.get("qop"), None);
        assert!(Fields::parse("Basic abc").is_none() && Fields::parse("Digest").is_none());
    }

    #[test]
    fn what_cannot_be_answered_is_left_out() {
        let mut headers = Headers::new();
        headers.push(Name::WwwAuthenticate, r#"Digest realm="r", nonce="1", algorithm=SHA-512-256"#);
        headers.push(Name::WwwAuthenticate, r#"NoOneKnowsThisScheme opaque-data=here"#);
        headers.push(Name::WwwAuthenticate, r#"Digest realm="r", nonce="2", qop="auth-int,auth", stale=TRUE"#);
        let all: Vec<_> = Challenge::all(&headers, &Name::WwwAuthenticate).collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].nonce, all[0].qop, all[0].is_stale), ("2", Qop::Auth, true));
    }
}
