//! What a client says to prove that it knows the password. RFC 7616 §3.4, RFC 2617 §3.2.2.

use std::borrow::Cow;

use super::challenge::Fields;
use super::hashing::Algorithm;
use super::hashing::Counted;
use super::hashing::Covered;
use super::hashing::Protection;
use super::message::Request;
use super::nonce::Count;
use super::uri::Uri;

/// The fields of an `Authorization`, as far as we understand them.
pub(super) struct Proof<'a> {
    pub(super) username: Cow<'a, str>,
    pub(super) algorithm: Algorithm,
    pub(super) nonce: &'a str,
    uri: &'a str,
    pub(super) response: &'a str,
    protection: Protection<'a>,
    pub(super) count: Count,
}

impl<'a> Proof<'a> {
    pub(super) fn read(fields: Fields<'a>) -> Option<Proof<'a>> {
        let algorithm = Algorithm::from_text(fields.algorithm())?;
        let (protection, count) = Proof::protection(&fields, algorithm)?;
        Some(Proof {
            username: fields.username()?,
            algorithm,
            nonce: fields.nonce()?,
            uri: fields.uri()?,
            response: fields.response()?,
            protection,
            count,
        })
    }

    /// Without `qop` only MD5 is taken: phones that old know nothing else. RFC 7616 §3.4 wants it always.
    fn protection(fields: &Fields<'a>, algorithm: Algorithm) -> Option<(Protection<'a>, Count)> {
        let Some(qop) = fields.qop() else {
            return (algorithm == Algorithm::Md5).then_some((Protection::Legacy, Count::Once));
        };
        let counted = Counted { nc: fields.nc()?, cnonce: fields.cnonce()? };
        let count = Count::Nc(count(counted.nc)?);
        match qop {
            auth if auth.eq_ignore_ascii_case("auth") => Some((Protection::Auth(counted), count)),
            whole if whole.eq_ignore_ascii_case("auth-int") => Some((Protection::AuthInt(counted), count)),
            _ => None,
        }
    }

    pub(super) fn covered(&self, request: &'a Request) -> Covered<'a> {
        Covered {
            algorithm: self.algorithm,
            nonce: self.nonce,
            protection: self.protection,
            method: request.method.as_str(),
            uri: self.uri,
            body: &request.body,
        }
    }

    /// Whether the proof was made for this request.
    // Not as RFC 7616 §3.4.6: hosts may differ, since proxies on the way rewrite them, and a URI without a user binds the
    // server only (sipp signs `sip:ADDRESS:PORT` whatever it calls). What is dialled must be what was signed.
    pub(super) fn fits(&self, requested: &Uri) -> bool {
        match Uri::parse(self.uri) {
            Ok(signed) => signed.user.is_none() || signed.user == requested.user,
            Err(_) => false,
        }
    }
}

/// Up to eight hexadecimal digits, and no sign. RFC 7616 §3.4 wants all eight; some phones leave out leading zeros.
fn count(nc: &str) -> Option<u32> {
    let digits = nc.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(nc, 16).ok().filter(|_| digits && nc.len() <= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(fields: &str) -> Option<Proof<'_>> {
        Proof::read(Fields::parse(fields)?)
    }

    #[test]
    fn what_is_incomplete_or_unknown_is_no_proof() {
        let whole =
            r#"Digest username="a\"b", nonce="n", uri="sip:x", response="r", qop=auth, nc=0000000a, cnonce="c""#;
        assert_eq!(proof(whole).unwrap().username, "a\"b");
        assert!(matches!(proof(whole).unwrap().count, Count::Nc(10)));
        for missing in ["username", "nonce", "uri", "response", "nc", "cnonce"] {
            assert!(proof(&whole.replace(missing, "x")).is_none(), "{missing}");
        }
        for nc in ["nc=+000000a", "nc=000000000a", "nc=", "nc=xyz"] {
            assert!(proof(&whole.replace("nc=0000000a", nc)).is_none(), "{nc}");
        }
        assert!(proof(&whole.replace("qop=auth", "qop=other")).is_none());
        assert!(proof(&whole.replace("qop=auth", "algorithm=MD5-sess")).is_none());
    }
}
