//! What a client says to prove that it knows the password. RFC 7616 §3.4, RFC 2617 §3.2.2.

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
    pub(super) username: String,
    pub(super) algorithm: Algorithm,
    pub(super) nonce: &'a str,
    uri: &'a str,
    pub(super) response: &'a str,
    protection: Protection<'a>,
    pub(super) count: Count,
}

impl<'a> Proof<'a> {
    pub(super) fn read(fields: Fields<'a>) -> Option<Proof<'a>> {
        let algorithm = Algorithm::from_text(fields.get("algorithm"))?;
        let (protection, count) = Proof::protection(&fields, algorithm)?;
        Some(Proof {
            username: fields.plain("username")?.into_owned(),
            algorithm,
            nonce: fields.get("nonce")?,
            uri: fields.get("uri")?,
            response: fields.get("response")?,
            protection,
            count,
        })
    }

    /// Without `qop` only MD5 is taken: phones that old know nothing else. RFC 7616 §3.4 wants it always.
    fn protection(fields: &Fields<'a>, algorithm: Algorithm) -> Option<(Protection<'a>, Count)> {
        let Some(qop) = fields.get("qop") else {
            return (algorithm == Algorithm::Md5).then_some((Protection::Legacy, Count::Once));
        };
        let counted = Counted { nc: fields.get("nc")?, cnonce: fields.get("cnonce")? };
        let count = Count::Nc(u32::from_str_radix(counted.nc, 16).ok()?);
        match qop.to_ascii_lowercase().as_str() {
            "auth" => Some((Protection::Auth(counted), count)),
            "auth-int" => Some((Protection::AuthInt(counted), count)),
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
        assert!(proof(&whole.replace("qop=auth", "qop=other")).is_none());
        assert!(proof(&whole.replace("qop=auth", "algorithm=MD5-sess")).is_none());
    }
}
