//! Answering the challenge of a server elsewhere. RFC 3261 §22.2, RFC 7616 §3.4.

use super::challenge::Challenge;
use super::challenge::Fields;
use super::challenge::Qop;
use super::challenge::Scope;
use super::digest::Credentials;
use super::hashing::Algorithm;
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
    /// As it is written, with its escapes.
    pub realm: String,
    /// The server knew the password to be right and only wants a fresh nonce: worth another try. RFC 7616 §3.3.
    pub is_stale: bool,
    pub(super) reusable: Option<Reusable>,
}

/// A challenge whose nonce is good for further requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reusable {
    algorithm: Algorithm,
    pub(super) realm: String,
    nonce: String,
    opaque: Option<String>,
}

impl Reusable {
    /// None without a count of uses, for its server takes no nonce twice; and for a session's key, which is made of the first
    /// answer.
    fn of(challenge: &Challenge<'_>) -> Option<Reusable> {
        let Challenge { algorithm, realm, nonce, opaque, .. } = *challenge;
        (challenge.qop == Qop::Auth && challenge.scope == Scope::Realm).then(|| Reusable {
            algorithm,
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: opaque.map(str::to_owned),
        })
    }

    fn challenge(&self) -> Challenge<'_> {
        Challenge {
            algorithm: self.algorithm,
            scope: Scope::Realm,
            realm: &self.realm,
            nonce: &self.nonce,
            opaque: self.opaque.as_deref(),
            qop: Qop::Auth,
            is_stale: false,
        }
    }
}

impl Credentials {
    /// Answers of each realm in a 401 or 407 the topmost challenge that our secret serves. RFC 8760 §2.4, and RFC 3261 §22.3
    /// for the several realms that a forking proxy puts together.
    pub fn answers(&self, refused: &Response, request: &Request, rng: &mut fastrand::Rng) -> Vec<Answer> {
        let name = if refused.status == 407 { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        let served = Challenge::all(&refused.headers, &name).filter(|asked| self.secret.serves(asked.algorithm));
        let mut answers: Vec<Answer> = Vec::new();
        for challenge in served {
            if answers.len() == MOST_REALMS || answers.iter().any(|answer| answer.realm == challenge.realm) {
                continue;
            }
            let value = self.value(&challenge, FIRST_USE, request, rng);
            let (realm, is_stale) = (challenge.realm.to_owned(), challenge.is_stale);
            let reusable = Reusable::of(&challenge);
            answers.extend(value.map(|value| Answer { value, realm, is_stale, reusable }));
        }
        answers
    }

    /// The answer to a challenge that was answered before, this being its `count`th use.
    pub(super) fn answer_again(
        &self,
        asked: &Reusable,
        count: u32,
        request: &Request,
        rng: &mut fastrand::Rng,
    ) -> Option<String> {
        self.value(&asked.challenge(), count, request, rng)
    }

    fn value(
        &self,
        challenge: &Challenge<'_>,
        count: u32,
        request: &Request,
        rng: &mut fastrand::Rng,
    ) -> Option<String> {
        let Challenge { algorithm, realm, nonce, .. } = *challenge;
        let (nc, cnonce) = (&*format!("{count:08x}"), &*format!("{:016x}", rng.u64(..)));
        let counted = Counted { nc, cnonce };
        let uri = request.uri.to_string();
        let counts = |qop| format!(", qop={qop}, nc={nc}, cnonce=\"{cnonce}\"");
        let (protection, count) = match (challenge.qop, challenge.scope) {
            (Qop::Auth, _) => (Protection::Auth(counted), counts("auth")),
            (Qop::AuthInt, _) => (Protection::AuthInt(counted), counts("auth-int")),
            (Qop::Absent, Scope::Realm) => (Protection::Legacy, String::new()),
            // RFC 2617 §3.2.2.2: the session's key needs our nonce, though the proof itself does not.
            (Qop::Absent, Scope::Session) => (Protection::Legacy, format!(", cnonce=\"{cnonce}\"")),
        };
        let covered =
            Covered { algorithm, nonce, protection, method: request.method.as_str(), uri: &uri, body: &request.body };
        let mut ha1 = self.secret.ha1(algorithm, &self.username, realm)?;
        if challenge.scope == Scope::Session {
            ha1 = algorithm.ha1_of_session(&ha1, nonce, cnonce);
        }
        let proof = covered.proof(&ha1);
        let opaque = challenge.opaque.map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        Some(format!(
            "Digest username={}, realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{proof}\", algorithm={}{count}{opaque}",
            Quoted(&self.username),
            challenge.algorithm_text(),
        ))
    }
}

/// Further realms of one response are not answered: no network has so many proxies in a row.
const MOST_REALMS: usize = 4;

/// The realm of an answer that was given before, as it is written.
pub(super) fn realm_of(value: &str) -> Option<&str> {
    Fields::parse(value)?.realm()
}

const FIRST_USE: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::digest::Secret;
    use crate::sip::method::Method;
    use crate::sip::uri::Uri;

    fn answers(status: u16, challenges: &[(Name, &'static str)], secret: Secret) -> Vec<Answer> {
        let request = Request::new(Method::Register, Uri::sip(None, "example.com", None));
        let mut refused = Response::new(status);
        challenges.iter().for_each(|(name, value)| refused.headers.push(name.clone(), *value));
        let credentials = Credentials { username: "a\"b".into(), secret };
        credentials.answers(&refused, &request, &mut fastrand::Rng::with_seed(1))
    }

    fn answer(status: u16, challenges: &[(Name, &'static str)], secret: Secret) -> Option<Answer> {
        answers(status, challenges, secret).into_iter().next()
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

    #[test]
    fn every_realm_is_answered_once() {
        let elsewhere = r#"Digest realm="s", nonce="3", algorithm=MD5-sess, qop="auth""#;
        let challenges = [SHA, MD5, (Name::WwwAuthenticate, elsewhere)];
        let both = answers(401, &challenges, Secret::Password("p".into()));
        assert_eq!(both.iter().map(|answer| answer.realm.as_str()).collect::<Vec<_>>(), ["r", "s"]);
        assert!(both[1].value.contains("algorithm=MD5-sess, qop=auth"));
        assert_eq!(realm_of(&both[1].value), Some("s"));
    }

    #[test]
    fn a_session_key_needs_our_nonce_also_without_qop() {
        let old = (Name::WwwAuthenticate, r#"Digest realm="r", nonce="1", algorithm=MD5-sess"#);
        let answer = answer(401, &[old], Secret::Password("p".into())).unwrap().value;
        assert!(answer.contains(", cnonce=\"") && !answer.contains("qop="), "{answer}");
    }
}
