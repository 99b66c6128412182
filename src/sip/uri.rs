//! `sip:`, `sips:` and `tel:` URIs. RFC 3261 §19.1, RFC 3966.
//!
//! A URI is first cut into checked, borrowed pieces ([`UriView`]), which is all that validation needs; only who wants
//! to keep it pays for owned text. URIs of foreign schemes are legal in most headers and are kept as they are.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::decimal::Decimal;
use super::escape::check_escapes;
use super::escape::escaped_user;
use super::escape::unescape;
use super::escape::without_needless_escapes;
use super::host::Host;
use super::host::HostPort;
use super::params;
use super::params::Params;
use super::syntax::SyntaxError;
use super::syntax::cut;
use super::syntax::part_at;

/// `==` compares what is written (hosts in any case); [`Uri::is_same`] compares what is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    pub scheme: Scheme,
    /// Still escaped, but without needless escapes: `%2B55` is `+55`, while `%40` and `%00` stay. Of a `tel:` URI, the number.
    pub user: Option<String>,
    /// Still escaped.
    pub password: Option<String>,
    pub host: Host,
    pub port: Option<u16>,
    pub params: Params,
    /// What stands behind the question mark, still escaped. RFC 3261 §19.1.1.
    pub headers: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// Any other URI, whole, as it was written.
    Other(String),
}

impl Uri {
    pub fn parse(text: &str) -> Result<Uri, SyntaxError> {
        UriView::parse(text).map(UriView::to_uri)
    }

    /// `sip:user@host:port`; what may not stand in a user part is escaped. Addresses may come without brackets.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Uri {
        Uri {
            scheme: Scheme::Sip,
            user: user.map(escaped_user),
            password: None,
            host: Host::from_text(host),
            port,
            params: Params::new(),
            headers: None,
        }
    }

    /// As written, see the field; none if there is no user part.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The user part with every escape undone: for people, not for comparing or writing.
    pub fn user_text(&self) -> Option<Cow<'_, str>> {
        self.user().map(unescape)
    }

    /// IPv6 in brackets; empty for `tel:` and foreign schemes.
    pub fn host_text(&self) -> Cow<'_, str> {
        self.host.text()
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Uri {
        self.params.set(name, value);
        self
    }

    /// A header that the URI asks for, unescaped, as `Replaces` in a Refer-To. RFC 3261 §19.1.1.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut headers = self.headers.as_deref()?.split('&').filter_map(|pair| pair.split_once('='));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| unescape(value))
    }

    /// Whether requests to it must go encrypted on every hop.
    pub fn is_sips(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// Whether both mean the same resource: order and case of parameters do not count, and a parameter that only one
    /// of them has counts only if it is `user`, `ttl`, `method`, `maddr` or `transport`. RFC 3261 §19.1.4.
    pub fn is_same(&self, other: &Uri) -> bool {
        // Of a parameter that stands twice only the first is looked at below.
        self == other || self.means(other)
    }

    fn means(&self, other: &Uri) -> bool {
        self.scheme == other.scheme
            && self.user == other.user
            && self.password == other.password
            && self.host == other.host
            && self.port == other.port
            && agree(&self.params, &other.params)
            && agree(&other.params, &self.params)
            && headers_agree(self.headers.as_deref(), other.headers.as_deref())
    }
}

const COUNTS_ALONE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

fn agree(left: &Params, right: &Params) -> bool {
    left.iter().all(|(name, value)| match right.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
        Some((_, other)) => match (value, other) {
            (Some(value), Some(other)) => unescape(value).eq_ignore_ascii_case(&unescape(other)),
            (value, other) => value == other,
        },
        None => !COUNTS_ALONE.iter().any(|counts| counts.eq_ignore_ascii_case(name)),
    })
}

fn headers_agree(left: Option<&str>, right: Option<&str>) -> bool {
    let sorted = |headers: Option<&str>| {
        let mut headers: Vec<String> =
            headers.unwrap_or_default().split('&').map(|header| unescape(header).into_owned()).collect();
        headers.sort();
        headers
    };
    left == right || sorted(left) == sorted(right)
}

/// The pieces of a URI, checked against the grammar, borrowed from its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct UriView<'a> {
    whole: &'a str,
    kind: Kind,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: Option<HostPort<'a>>,
    params: &'a str,
    pub(super) headers: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sip,
    Sips,
    Tel,
    Other,
}

impl<'a> UriView<'a> {
    pub(super) fn parse(text: &'a str) -> Result<UriView<'a>, SyntaxError> {
        if text.bytes().any(|byte| matches!(byte, 0..=b' ' | b'<' | b'>' | b'"' | 0x7f)) {
            return Err(SyntaxError("a URI has no blanks, brackets or quotes"));
        }
        let (scheme, rest) = cut(text, b':').ok_or(SyntaxError("a URI begins with its scheme"))?;
        if scheme.eq_ignore_ascii_case("sip") {
            return UriView::of_sip(text, Kind::Sip, rest);
        }
        if scheme.eq_ignore_ascii_case("sips") {
            return UriView::of_sip(text, Kind::Sips, rest);
        }
        if scheme.eq_ignore_ascii_case("tel") {
            return UriView::of_tel(text, rest);
        }
        UriView::of_other(text, scheme, rest)
    }

    fn of_sip(whole: &'a str, kind: Kind, rest: &'a str) -> Result<UriView<'a>, SyntaxError> {
        let (userinfo, rest) = match cut(rest, b'@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = userinfo.map_or(Ok((None, None)), userinfo_of)?;
        let (rest, headers) = match cut(rest, b'?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (hostport, params) = part_at(rest, b';');
        params::check(params)?;
        check_escapes(params)?;
        headers.map_or(Ok(()), check_escapes)?;
        Ok(UriView { whole, kind, user, password, host: Some(HostPort::parse(hostport)?), params, headers })
    }

    fn of_tel(whole: &'a str, rest: &'a str) -> Result<UriView<'a>, SyntaxError> {
        let (number, params) = part_at(rest, b';');
        if number.is_empty() || !number.bytes().all(is_number_byte) {
            return Err(SyntaxError("a tel: URI is a telephone number"));
        }
        params::check(params)?;
        Ok(UriView { whole, kind: Kind::Tel, user: Some(number), password: None, host: None, params, headers: None })
    }

    fn of_other(whole: &'a str, scheme: &str, rest: &str) -> Result<UriView<'a>, SyntaxError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) && scheme.bytes().all(legal);
        if !is_scheme || rest.is_empty() {
            return Err(SyntaxError("a URI begins with its scheme"));
        }
        let nothing =
            UriView { whole, kind: Kind::Other, user: None, password: None, host: None, params: "", headers: None };
        Ok(nothing)
    }

    /// As [`Uri::user_text`].
    pub(super) fn user_text(&self) -> Option<Cow<'a, str>> {
        self.user.map(unescape)
    }

    /// None where the host is a name, or where there is none.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host?.address()
    }

    pub(super) fn to_uri(self) -> Uri {
        Uri {
            scheme: match self.kind {
                Kind::Sip => Scheme::Sip,
                Kind::Sips => Scheme::Sips,
                Kind::Tel => Scheme::Tel,
                Kind::Other => Scheme::Other(self.whole.to_owned()),
            },
            user: self.user.map(without_needless_escapes),
            password: self.password.map(str::to_owned),
            host: self.host.map_or(Host::None, HostPort::to_host),
            port: self.host.and_then(|host| host.port),
            params: Params::from_checked(self.params),
            headers: self.headers.map(str::to_owned),
        }
    }
}

fn userinfo_of(userinfo: &str) -> Result<(Option<&str>, Option<&str>), SyntaxError> {
    let (user, password) = match cut(userinfo, b':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    if user.is_empty() {
        return Err(SyntaxError("the user part before the @ is empty"));
    }
    check_escapes(userinfo)?;
    Ok((Some(user), password))
}

/// RFC 3966 §3, plus what phones send for feature codes.
fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'*' | b'#' | b'-' | b'.' | b'(' | b')')
}

impl fmt::Display for Uri {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Sip => out.write_str("sip:")?,
            Scheme::Sips => out.write_str("sips:")?,
            Scheme::Tel => out.write_str("tel:")?,
            Scheme::Other(whole) => return out.write_str(whole),
        }
        if let Some(user) = &self.user {
            out.write_str(user)?;
        }
        if let Some(password) = &self.password {
            out.write_str(":")?;
            out.write_str(password)?;
        }
        if self.user.is_some() && self.scheme != Scheme::Tel {
            out.write_str("@")?;
        }
        self.host.fmt(out)?;
        if let Some(port) = self.port {
            out.write_str(":")?;
            out.write_str(&Decimal::of(port.into()))?;
        }
        self.params.fmt(out)?;
        match &self.headers {
            Some(headers) => write!(out, "?{headers}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_piece_is_found_and_written_again() {
        let text = "sips:ana;x=y:secret@[2001:db8::1]:5071;transport=tcp;lr?Subject=hello%20world&b=c";
        let whole = uri(text);
        assert_eq!(whole.user(), Some("ana;x=y"));
        assert_eq!(whole.password.as_deref(), Some("secret"));
        assert_eq!((whole.host_text().as_ref(), whole.port), ("[2001:db8::1]", Some(5071)));
        assert_eq!(whole.param("Transport"), Some("tcp"));
        assert_eq!(whole.header("subject").unwrap(), "hello world");
        assert_eq!(whole.to_string(), text);
    }

    #[test]
    fn strange_but_legal_users() {
        let strange = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com";
        assert_eq!(uri(strange).to_string(), strange);
        assert_eq!(uri("sip:sips%3Auser%40example.com@example.net").user(), Some("sips%3Auser%40example.com"));
        assert_eq!(uri("sip:user;par=u%40example.net@example.com").user(), Some("user;par=u%40example.net"));
        assert_eq!(uri("sip:null-%00-null@example.com").user(), Some("null-%00-null"));
        assert_eq!(uri("sip:%2B5511%39@x").user(), Some("+55119"));
        assert_eq!(uri("sip:a%20b@x").user_text().unwrap(), "a b");
    }

    #[test]
    fn telephone_numbers_and_foreign_schemes() {
        let number = uri("tel:+55-11-4003;phone-context=example.com");
        assert_eq!((number.user(), number.host_text().as_ref()), (Some("+55-11-4003"), ""));
        assert_eq!(number.to_string(), "tel:+55-11-4003;phone-context=example.com");
        assert_eq!(uri("isbn:2983792873").scheme, Scheme::Other("isbn:2983792873".into()));
        assert_eq!(uri("soap.beep://192.0.2.103:3002").to_string(), "soap.beep://192.0.2.103:3002");
    }

    #[test]
    fn broken_ones_are_refused() {
        for bad in [
            "",
            "sip",
            "sip:",
            "sip:@x",
            "sip:a@",
            "sip: a@x",
            "sip:a@b@c",
            "<sip:a@b>",
            "sip:2001:db8::10",
            "sip:a@x:99999",
            "sip:%4@x",
            "sip:a@x;p=%zz",
            "tel:",
            "tel:abcxyz",
            "1x:y",
            "x:",
            "sip:a@x y",
        ] {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn built_ones_are_escaped() {
        assert_eq!(
            Uri::sip(Some("a b@c%"), "2001:db8::1", Some(5060)).to_string(),
            "sip:a%20b%40c%25@[2001:db8::1]:5060"
        );
        assert_eq!(
            Uri::sip(None, "example.com", None).with_param("transport", "tcp").to_string(),
            "sip:example.com;transport=tcp"
        );
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn the_same_resource_by_other_words() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            ("sip:biloxi.com;transport=tcp;method=REGISTER", "sip:biloxi.com;method=REGISTER;transport=tcp"),
            ("sip:a@x?to=b&subject=c", "sip:a@x?subject=c&to=b"),
        ];
        for (left, right) in same {
            assert!(uri(left).is_same(&uri(right)), "{left} {right}");
        }
        let odd = uri("sip:a@x;p=1;p=2");
        assert!(odd.is_same(&odd));
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ];
        for (left, right) in different {
            assert!(!uri(left).is_same(&uri(right)), "{left} {right}");
        }
    }
}
