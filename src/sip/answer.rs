//! Answering the challenge of a server elsewhere. RFC 3261 §22.2, RFC 7616 §3.4.

use super::challenge::Challenge;
use super::challenge::Qop;
use super::digest::Credentials;
use super::hashing::Counted;
use super::hashing::Covered;
use super::hashing::Protection;
use super::headers::Name;
use super::message::Request;
use super::message::Response;
use super::syntax::Quoted;

/// What to put into `Authorization` or `Proxy-Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub value: String,
    /// The server knew the password to be right and only wants a fresh nonce: worth another try. RFC 7616 §3.3.
    pub is_stale: bool,
}

impl Credentials {
    /// Answers the topmost challenge of a 401 or 407 that our secret serves; none if there is none. RFC 8760 §2.4.
    pub fn answer(&self, refused: &Response, request: &Request, rng: &mut fastrand::Rng) -> Option<Answer> {
        let name = if refused.status == 407 { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        let challenge = Challenge::all(&refused.headers, &name).find(|asked| self.secret.serves(asked.algorithm))?;
        let cnonce = format!("{:016x}", rng.u64(..));
        let value = self.value(&challenge, request, &cnonce)?;
        Some(Answer { value, is_stale: challenge.is_stale })
    }

    fn value(&self, challenge: &Challenge<'_>, request: &Request, cnonce: &str) -> Option<String> {
        let Challenge { algorithm, realm, nonce, .. } = *challenge;
        let counted = Counted { nc: FIRST_USE, cnonce };
        let uri = request.uri.to_string();
        let (protection, count) = match challenge.qop {
            Qop::Absent => (Protection::Legacy, String::new()),
            Qop::Auth => (Protection::Auth(counted), format!(", qop=auth, nc={FIRST_USE}, cnonce=\"{cnonce}\"")),
            Qop::AuthInt => {
                (Protection::AuthInt(counted), format!(", qop=auth-int, nc={FIRST_USE}, cnonce=\"{cnonce}\""))
            }
        };
        let covered =
            Covered { algorithm, nonce, protection, method: request.method.as_str(), uri: &uri, body: &request.body };
        let proof = covered.proof(&self.secret.ha1(algorithm, &self.username, realm)?);
        let opaque = challenge.opaque.map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        Some(format!(
            "Digest username={}, realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{proof}\", algorithm={}{count}{opaque}",
            Quoted(&self.username),
            algorithm.as_str(),
        ))
    }
}

/// Every challenge is answered once, so every nonce is used once.
const FIRST_USE: &str = "00000001";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::digest::Secret;
    use crate::sip::method::Method;
    use crate::sip::uri::Uri;

    fn answer(status: u16, challenges: &[(Name, &'static str)], secret: Secret) -> Option<Answer> {
        let request = Request::new(Method::Register, Uri::sip(None, "example.com", None));
        let mut refused = Response::new(status);
        challenges.iter().for_each(|(name, value)| refused.headers.push(name.clone(), *value));
        let credentials = Credentials { username: "a\"b".into(), secret };
        credentials.answer(&refused, &request, &mut fastrand::Rng::with_seed(1))
    }

    const SHA: (Name, &str) = (Name::WwwAuthenticate, r#"Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth""#);
    const MD5: (Name, &str) = (Name::WwwAuthenticate, r#"Digest realm="r", nonce="2", opaque="o", stale=true"#);

    #[test]
    fn the_topmost_challenge_that_the_secret_serves() {
        let by_password = answer(401, &[SHA, MD5], Secret::Password("p".into())).unwrap();
        assert!(by_password.value.contains("algorithm=SHA-256, qop=auth, nc=00000001, cnonce="));
        assert!(
            by_password.value.starts_with(r#"Digest username="a\"b", realm="r", nonce="1", uri="sip:example.com""#)
        );
        let by_hash = answer(401, &[SHA, MD5], Secret::Ha1 { md5: Some("0".repeat(32)), sha256: None }).unwrap();
        assert!(by_hash.value.ends_with(r#"algorithm=MD5, opaque="o""#) && by_hash.is_stale);
    }

    #[test]
    fn a_proxys_challenge_stands_in_its_own_header() {
        assert_eq!(answer(407, &[SHA], Secret::Password("p".into())), None);
        assert!(answer(407, &[(Name::ProxyAuthenticate, MD5.1)], Secret::Password("p".into())).is_some());
    }
}
