//! `Digest realm="…", nonce="…"`: what a server asks, and the fields of which both question and answer are made.
//! RFC 7616 §3.3, §3.4.

use std::borrow::Cow;

use super::hashing::Algorithm;
use super::headers::Headers;
use super::headers::Name;
use super::syntax::items;
use super::syntax::unquote;

/// The fields of one Digest header, as they are written, quotes included; of repeated ones the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    username: Option<&'a str>,
    realm: Option<&'a str>,
    nonce: Option<&'a str>,
    uri: Option<&'a str>,
    response: Option<&'a str>,
    algorithm: Option<&'a str>,
    cnonce: Option<&'a str>,
    opaque: Option<&'a str>,
    qop: Option<&'a str>,
    nc: Option<&'a str>,
    stale: Option<&'a str>,
}

/// Longer than every name in [`Fields`].
const LONGEST_NAME: usize = 9;

impl<'a> Fields<'a> {
    /// None for another scheme than Digest.
    pub(super) fn parse(value: &'a str) -> Option<Fields<'a>> {
        let (scheme, list) = value.trim_ascii().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields = Fields::default();
        let written = items(list.as_bytes()).filter_map(|field| std::str::from_utf8(field).ok());
        for (name, value) in written.filter_map(|field| field.split_once('=')) {
            if let Some(field) = fields.of_name(name.trim_ascii_end()) {
                field.get_or_insert(value.trim_ascii_start());
            }
        }
        Some(fields)
    }

    fn of_name(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        let mut lower = [0; LONGEST_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"username" => Some(&mut self.username),
            b"realm" => Some(&mut self.realm),
            b"nonce" => Some(&mut self.nonce),
            b"uri" => Some(&mut self.uri),
            b"response" => Some(&mut self.response),
            b"algorithm" => Some(&mut self.algorithm),
            b"cnonce" => Some(&mut self.cnonce),
            b"opaque" => Some(&mut self.opaque),
            b"qop" => Some(&mut self.qop),
            b"nc" => Some(&mut self.nc),
            b"stale" => Some(&mut self.stale),
            _ => None,
        }
    }

    /// With escapes undone.
    pub(super) fn username(&self) -> Option<Cow<'a, str>> {
        self.username.map(unquote)
    }

    /// With escapes undone.
    pub(super) fn realm_text(&self) -> Option<Cow<'a, str>> {
        self.realm.map(unquote)
    }

    /// With its escapes, as RFC 7616 §3.4 hashes it; so are the others.
    pub(super) fn realm(&self) -> Option<&'a str> {
        self.realm.map(bare)
    }

    pub(super) fn nonce(&self) -> Option<&'a str> {
        self.nonce.map(bare)
    }

    pub(super) fn uri(&self) -> Option<&'a str> {
        self.uri.map(bare)
    }

    pub(super) fn response(&self) -> Option<&'a str> {
        self.response.map(bare)
    }

    pub(super) fn algorithm(&self) -> Option<&'a str> {
        self.algorithm.map(bare)
    }

    pub(super) fn cnonce(&self) -> Option<&'a str> {
        self.cnonce.map(bare)
    }

    pub(super) fn opaque(&self) -> Option<&'a str> {
        self.opaque.map(bare)
    }

    pub(super) fn qop(&self) -> Option<&'a str> {
        self.qop.map(bare)
    }

    pub(super) fn nc(&self) -> Option<&'a str> {
        self.nc.map(bare)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale.map(bare).is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }
}

/// Without its quotes.
fn bare(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// One challenge that we could answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Challenge<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) scope: Scope,
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) opaque: Option<&'a str>,
    pub(super) qop: Qop,
    pub(super) is_stale: bool,
}

/// What HA1 is good for: `MD5` or `MD5-sess`. RFC 7616 §3.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Realm,
    Session,
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
        let (algorithm, scope) = split_scope(fields.algorithm());
        Some(Challenge {
            algorithm: Algorithm::from_text(algorithm)?,
            scope,
            realm: fields.realm()?,
            nonce: fields.nonce()?,
            opaque: fields.opaque(),
            qop: Qop::parse(fields.qop())?,
            is_stale: fields.is_stale(),
        })
    }

    /// As it stands in the answer: `SHA-256-sess`.
    pub(super) fn algorithm_text(&self) -> String {
        let suffix = if self.scope == Scope::Session { SESSION } else { "" };
        format!("{}{suffix}", self.algorithm.as_str())
    }
}

const SESSION: &str = "-sess";

fn split_scope(algorithm: Option<&str>) -> (Option<&str>, Scope) {
    let Some(text) = algorithm else {
        return (None, Scope::Realm);
    };
    match text.len().checked_sub(SESSION.len()).and_then(|at| text.split_at_checked(at)) {
        Some((kind, suffix)) if suffix.eq_ignore_ascii_case(SESSION) => (Some(kind), Scope::Session),
        _ => (Some(text), Scope::Realm),
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
        let fields = Fields::parse(r#"DIGEST realm="a, b" ,NONCE = "x=y==",algorithm=MD5,nonce=later,x=1"#).unwrap();
        assert_eq!(fields.realm(), Some("a, b"));
        assert_eq!(fields.nonce(), Some("x=y=="));
        assert_eq!(fields.algorithm(), Some("MD5"));
        assert_eq!(fields.qop(), None);
        assert!(Fields::parse("Basic abc").is_none() && Fields::parse("Digest").is_none());
    }

    #[test]
    fn the_session_variants_are_known_in_any_case() {
        assert_eq!(split_scope(Some("md5-SESS")), (Some("md5"), Scope::Session));
        assert_eq!(split_scope(Some("SHA-256")), (Some("SHA-256"), Scope::Realm));
        assert_eq!(split_scope(Some("-sess")), (Some(""), Scope::Session));
        assert_eq!(split_scope(Some("é")), (Some("é"), Scope::Realm));
        assert_eq!(split_scope(None), (None, Scope::Realm));
    }

    #[test]
    fn what_cannot_be_answered_is_left_out() {
        let mut headers = Headers::new();
        headers.push(Name::WwwAuthenticate, r#"Digest realm="r", nonce="1", algorithm=SHA-1024"#);
        headers.push(Name::WwwAuthenticate, r#"NoOneKnowsThisScheme opaque-data=here"#);
        headers.push(Name::WwwAuthenticate, r#"Digest realm="r", nonce="2", qop="auth-int,auth", stale=TRUE"#);
        let all: Vec<_> = Challenge::all(&headers, &Name::WwwAuthenticate).collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].nonce, all[0].qop, all[0].is_stale), ("2", Qop::Auth, true));
    }
}
