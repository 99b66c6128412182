//! Digest authentication from both sides: answering a challenge, and guarding a realm. RFC 3261 §22, RFC 7616, RFC 8760.
//!
//! The guard never says whether a user exists: an unknown one costs the same hashes as a wrong password and gets the
//! same verdict.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use subtle::Choice;
use subtle::ConstantTimeEq;

use super::challenge::Fields;
use super::hashing::Algorithm;
use super::headers::Name;
use super::message::Request;
use super::nonce::Nonces;
use super::proof::Proof;
use super::syntax::Quoted;

/// What we sign in with elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub secret: Secret,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Password(String),
    /// Hashes of `username:realm:password`, in hexadecimal; good for that realm only.
    Ha1 {
        md5: Option<String>,
        sha256: Option<String>,
    },
}

impl Secret {
    /// Whether a challenge of this kind can be answered with it.
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.stored(algorithm).is_none_or(|stored| stored.is_some())
    }

    /// `Some(None)`: hashes are stored, but not this one.
    fn stored(&self, algorithm: Algorithm) -> Option<Option<&str>> {
        match (self, algorithm) {
            (Secret::Password(_), _) => None,
            (Secret::Ha1 { md5, .. }, Algorithm::Md5) => Some(md5.as_deref()),
            (Secret::Ha1 { sha256, .. }, Algorithm::Sha256) => Some(sha256.as_deref()),
        }
    }

    /// Always hashes, even where the result is stored, so that the time tells nothing.
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<String> {
        let password = if let Secret::Password(password) = self { password } else { "" };
        let computed = black_box(algorithm.ha1(username, realm, password));
        self.stored(algorithm).map_or(Some(computed), |stored| stored.map(str::to_ascii_lowercase))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Password(_) => out.write_str("Password(…)"),
            Secret::Ha1 { .. } => out.write_str("Ha1(…)"),
        }
    }
}

/// Keeps a realm. RFC 3261 §22.1.
pub struct Guard {
    realm: String,
    nonces: Nonces,
    algorithms: Vec<Algorithm>,
    /// Stands in for the secret of a user who does not exist.
    nobody: Secret,
}

/// Why we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// There were no credentials, or wrong ones.
    Fresh,
    /// They were right, but the nonce is used up: the phone may repeat without asking its owner.
    Stale,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Granted {
        username: String,
    },
    /// No credentials for our realm.
    Absent,
    /// Right credentials on a nonce that is not ours, too old, or used before: ask again.
    Stale,
    Denied,
}

impl Guard {
    /// `key` seals the nonces; it should be new for every run, for the counts that were used do not outlive one.
    pub fn new(realm: &str, key: [u8; 32]) -> Guard {
        Guard {
            realm: realm.to_owned(),
            nonces: Nonces::new(key),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nobody: Secret::Password("nobody".to_owned()),
        }
    }

    /// Offers only these, the strongest first: phones take the first that they know. For realms whose users have
    /// only one kind of hash stored.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Guard {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// One value of `WWW-Authenticate` or `Proxy-Authenticate` for each algorithm, the strongest first. RFC 8760 §2.3.
    pub fn challenge(&mut self, staleness: Staleness, now: Instant) -> Vec<String> {
        let nonce = self.nonces.issue(now);
        let stale = if staleness == Staleness::Stale { ", stale=true" } else { "" };
        let realm = Quoted(&self.realm);
        let value = |algorithm: &Algorithm| {
            let algorithm = algorithm.as_str();
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}")
        };
        self.algorithms.iter().map(value).collect()
    }

    /// Judges the credentials for our realm in `header`, `Authorization` or `ProxyAuthorization`.
    pub fn verify(
        &mut self,
        request: &Request,
        header: &Name,
        secret_of: impl Fn(&str) -> Option<Secret>,
        now: Instant,
    ) -> Verdict {
        let Some(fields) = self.fields(request, header) else {
            return Verdict::Absent;
        };
        let Some(proof) = Proof::read(fields) else {
            return Verdict::Denied;
        };
        let secret = secret_of(&proof.username);
        let is_right = self.is_right(&proof, request, secret) & Choice::from(u8::from(proof.fits(&request.uri)));
        if !bool::from(is_right) {
            return Verdict::Denied;
        }
        let issue = self.nonces.read(proof.nonce);
        match issue.is_some_and(|issue| self.nonces.spend(issue, proof.count, now)) {
            true => Verdict::Granted { username: proof.username },
            false => Verdict::Stale,
        }
    }

    fn fields<'a>(&self, request: &'a Request, header: &'a Name) -> Option<Fields<'a>> {
        let ours = |fields: &Fields<'_>| fields.plain("realm").is_some_and(|realm| realm == self.realm);
        request.headers.all(header).filter_map(Fields::parse).find(ours)
    }

    fn is_right(&self, proof: &Proof<'_>, request: &Request, secret: Option<Secret>) -> Choice {
        let exists = Choice::from(u8::from(secret.is_some()));
        let secret = secret.unwrap_or_else(|| self.nobody.clone());
        let ha1 = secret.ha1(proof.algorithm, &proof.username, &self.realm);
        let has_hash = Choice::from(u8::from(ha1.is_some()));
        let expected = proof.covered(request).proof(&ha1.unwrap_or_default());
        let given = proof.response.to_ascii_lowercase();
        expected.as_bytes().ct_eq(given.as_bytes()) & exists & has_hash
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sip::message::Response;
    use crate::sip::method::Method;
    use crate::sip::uri::Uri;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn guard() -> Guard {
        Guard::new("desvio.local", [1; 32])
    }

    fn register() -> Request {
        Request::new(Method::Register, Uri::sip(None, "desvio.local", None))
    }

    fn ana() -> Credentials {
        Credentials { username: "200".into(), secret: Secret::Password("correct horse".into()) }
    }

    fn secret_of(user: &str) -> Option<Secret> {
        (user == "200").then(|| ana().secret)
    }

    /// The request with the answer of `who` to these challenges.
    fn answered(who: &Credentials, mut request: Request, challenges: &[String]) -> Request {
        let mut refused = Response::new(401);
        for challenge in challenges {
            refused.headers.push(Name::WwwAuthenticate, challenge.clone());
        }
        let answer = who.answer(&refused, &request, &mut fastrand::Rng::with_seed(1)).expect("it can be answered");
        request.headers.push(Name::Authorization, answer.value);
        request
    }

    fn verdict(guard: &mut Guard, request: &Request, now: Instant) -> Verdict {
        guard.verify(request, &Name::Authorization, secret_of, now)
    }

    fn granted() -> Verdict {
        Verdict::Granted { username: "200".into() }
    }

    #[test]
    fn the_right_password_opens_by_either_algorithm() {
        let mut guard = guard();
        let challenges = guard.challenge(Staleness::Fresh, start());
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
        let by_sha256 = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &by_sha256, start()), granted());
        let challenges = guard.challenge(Staleness::Fresh, start());
        let by_md5 = answered(&ana(), register(), &challenges[1..]);
        assert_eq!(verdict(&mut guard, &by_md5, start()), granted());
    }

    #[test]
    fn wrong_passwords_and_unknown_users_look_alike() {
        let mut guard = guard();
        for (user, password) in [("200", "wrong"), ("999", "correct horse"), ("999", "nobody")] {
            let thief = Credentials { username: user.into(), secret: Secret::Password(password.into()) };
            let challenges = guard.challenge(Staleness::Fresh, start());
            assert_eq!(verdict(&mut guard, &answered(&thief, register(), &challenges), start()), Verdict::Denied);
        }
    }

    #[test]
    fn no_credentials_for_our_realm_are_none() {
        let mut guard = guard();
        let elsewhere = Guard::new("elsewhere", [1; 32]).challenge(Staleness::Fresh, start());
        assert_eq!(verdict(&mut guard, &register(), start()), Verdict::Absent);
        assert_eq!(verdict(&mut guard, &answered(&ana(), register(), &elsewhere), start()), Verdict::Absent);
        let mut unknown_scheme = register();
        unknown_scheme.headers.push(Name::Authorization, "NoOneKnowsThisScheme opaque-data=here");
        assert_eq!(verdict(&mut guard, &unknown_scheme, start()), Verdict::Absent);
    }

    #[test]
    fn an_answer_is_good_once_and_for_a_while() {
        let (mut guard, now) = (guard(), start());
        let challenges = guard.challenge(Staleness::Fresh, now);
        let request = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &request, now), granted());
        assert_eq!(verdict(&mut guard, &request, now), Verdict::Stale);
        let late = answered(&ana(), register(), &guard.challenge(Staleness::Fresh, now));
        assert_eq!(verdict(&mut guard, &late, now + Duration::from_secs(301)), Verdict::Stale);
        assert!(guard.challenge(Staleness::Stale, now)[0].ends_with("stale=true"));
    }

    #[test]
    fn a_nonce_from_before_a_restart_is_stale_not_wrong() {
        let before = Guard::new("desvio.local", [2; 32]).challenge(Staleness::Fresh, start());
        assert_eq!(verdict(&mut guard(), &answered(&ana(), register(), &before), start()), Verdict::Stale);
    }

    #[test]
    fn an_old_phone_without_qop_gets_in_once_per_nonce() {
        let (mut guard, now) = (guard(), start());
        let old = |challenge: &String| challenge.replace(", qop=\"auth\"", "");
        let challenges: Vec<_> = guard.challenge(Staleness::Fresh, now).iter().map(old).collect();
        let request = answered(&ana(), register(), &challenges[1..]);
        assert_eq!(verdict(&mut guard, &request, now), granted());
        assert_eq!(verdict(&mut guard, &request, now), Verdict::Stale);
        let without_qop_by_sha256 = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &without_qop_by_sha256, now), Verdict::Denied);
    }

    #[test]
    fn auth_int_covers_the_body() {
        let (mut guard, now) = (guard(), start());
        let strict = |challenge: &String| challenge.replace("qop=\"auth\"", "qop=\"auth-int\"");
        let challenges: Vec<_> = guard.challenge(Staleness::Fresh, now).iter().map(strict).collect();
        let request = answered(&ana(), register().with_body("text/plain", "as signed"), &challenges);
        let mut altered = request.clone();
        altered.body = "altered".into();
        assert_eq!(verdict(&mut guard, &altered, now), Verdict::Denied);
        assert_eq!(verdict(&mut guard, &request, now), granted());
    }

    #[test]
    fn what_is_dialled_must_be_what_was_signed() {
        let (mut guard, now) = (guard(), start());
        let call = |user| Request::new(Method::Invite, Uri::sip(Some(user), "desvio.local", None));
        let mut diverted = answered(&ana(), call("200"), &guard.challenge(Staleness::Fresh, now));
        diverted.uri = call("0900").uri;
        assert_eq!(verdict(&mut guard, &diverted, now), Verdict::Denied);
        let mut by_sipp = answered(
            &ana(),
            Request::new(Method::Invite, Uri::sip(None, "127.0.0.1", Some(5060))),
            &guard.challenge(Staleness::Fresh, now),
        );
        by_sipp.uri = call("0900").uri;
        assert_eq!(verdict(&mut guard, &by_sipp, now), granted());
    }

    #[test]
    fn stored_hashes_serve_as_the_password_does() {
        let (mut guard, now) = (guard(), start());
        let md5 = Algorithm::Md5.ha1("200", "desvio.local", "correct horse").to_uppercase();
        let hashed = Secret::Ha1 { md5: Some(md5), sha256: None };
        let challenges = guard.challenge(Staleness::Fresh, now);
        let of_hash = |_: &str| Some(hashed.clone());
        let by_sha256 = answered(&ana(), register(), &challenges);
        assert_eq!(guard.verify(&by_sha256, &Name::Authorization, of_hash, now), Verdict::Denied);
        let client = Credentials { username: "200".into(), secret: hashed.clone() };
        let by_md5 = answered(&client, register(), &challenges);
        assert_eq!(guard.verify(&by_md5, &Name::Authorization, of_hash, now), granted());
    }

    #[test]
    fn secrets_are_never_shown() {
        let hashes = Secret::Ha1 { md5: Some("secret".into()), sha256: None };
        let shown = format!("{:?} {:?}", ana(), hashes);
        assert!(!shown.contains("correct") && !shown.contains("secret\""), "{shown}");
    }

    #[test]
    fn nonsense_is_denied_without_a_panic() {
        let mut guard = guard();
        for nonsense in [
            "Digest realm=\"desvio.local\"",
            "Digest realm=\"desvio.local\", username=\"200\", nonce=\"\", uri=\"sip:x\", response=\"\", algorithm=MD5-sess",
            "Digest realm=\"desvio.local\", username=\"200\", nonce=\"x\", uri=\"\", response=\"\"",
            "Digest realm=desvio.local, username=200, nonce=x, uri=\"sip:x\", response=x, qop=auth, nc=zz, cnonce=y",
        ] {
            let mut request = register();
            request.headers.push(Name::Authorization, nonsense);
            assert_eq!(verdict(&mut guard, &request, start()), Verdict::Denied, "{nonsense}");
        }
    }
}
