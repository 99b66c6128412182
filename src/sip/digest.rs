//! Digest authentication from both sides: answering a challenge, and guarding a realm. RFC 3261 §22, RFC 7616, RFC 8760.
//!
//! The guard never says whether a user exists: an unknown one costs the same hashes as a wrong password and gets the
//! same verdict.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use subtle::Choice;
use subtle::ConstantTimeEq;

use super::accounts::Accounts;
use super::challenge::Fields;
use super::hashing::Algorithm;
use super::hashing::Hex;
use super::hashing::LONGEST_HASH;
use super::headers::Name;
use super::message::Request;
use super::nonce::Mark;
use super::nonce::Nonces;
use super::proof::Proof;
use super::syntax::Quoted;
use super::uri::Uri;

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
        match (self, algorithm) {
            (Secret::Password(_), _) => true,
            (Secret::Ha1 { md5, .. }, Algorithm::Md5) => md5.is_some(),
            (Secret::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256.is_some(),
            (Secret::Ha1 { .. }, Algorithm::Sha512_256) => false,
        }
    }

    /// None where hashes are stored, but not this one.
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<Hex> {
        let stored = match (self, algorithm) {
            (Secret::Password(password), _) => return Some(algorithm.ha1(username, realm, password)),
            (Secret::Ha1 { md5, .. }, Algorithm::Md5) => md5,
            (Secret::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256,
            (Secret::Ha1 { .. }, Algorithm::Sha512_256) => &None,
        };
        stored.as_deref().and_then(|text| Hex::parse(text, algorithm))
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

/// The URI that the sender of a request signed, if it did and if it can be read.
pub fn signed_uri(request: &Request) -> Option<Uri> {
    let fields = request.headers.all(&Name::Authorization).find_map(Fields::parse)?;
    Uri::parse(fields.uri()?).ok()
}

/// Keeps a realm. RFC 3261 §22.1.
pub struct Guard {
    realm: String,
    nonces: Nonces,
    algorithms: Vec<Algorithm>,
    accounts: Accounts,
}

/// Why we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// There were no credentials, or wrong ones.
    Fresh,
    /// They were right, but the nonce is used up: the phone may repeat without asking its owner.
    Stale,
}

/// How we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub staleness: Staleness,
    /// For a phone that gives up at an algorithm that it does not know. None: all that we offer.
    pub only: Option<Algorithm>,
    /// Comes back with the answer.
    pub mark: Mark,
}

impl Question {
    pub fn new(staleness: Staleness) -> Question {
        Question { staleness, only: None, mark: Mark::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Granted {
        username: String,
        /// What the challenge was marked with.
        mark: Mark,
    },
    /// No credentials for our realm.
    Absent,
    /// Whatever credentials on a nonce that is not ours, or right ones on one that is too old or used before: ask again.
    Stale,
    /// Wrong credentials in answer to a question of ours.
    Denied,
}

impl Guard {
    /// `key` seals the nonces; it should be new for every run, for the counts that were used do not outlive one.
    pub fn new(realm: &str, key: [u8; 32]) -> Guard {
        Guard {
            realm: realm.to_owned(),
            nonces: Nonces::new(key),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            accounts: Accounts::new(),
        }
    }

    /// Lets this user in, or changes the secret.
    pub fn admit(&mut self, username: &str, secret: &Secret) {
        self.accounts.insert(username, &self.realm, secret);
    }

    /// Offers and takes only these, the strongest first: phones take the first that they know.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Guard {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// One value of `WWW-Authenticate` or `Proxy-Authenticate` for each algorithm, the strongest first. RFC 8760 §2.3.
    pub fn challenge(&mut self, question: Question, now: Instant) -> Vec<String> {
        let nonce = self.nonces.issue(question.mark, now);
        let stale = if question.staleness == Staleness::Stale { ", stale=true" } else { "" };
        let realm = Quoted(&self.realm);
        let value = |algorithm: &Algorithm| {
            let algorithm = algorithm.as_str();
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={algorithm}, qop=\"auth\"{stale}")
        };
        let only = question.only.filter(|only| self.algorithms.contains(only));
        match only {
            Some(only) => vec![value(&only)],
            None => self.algorithms.iter().map(value).collect(),
        }
    }

    /// Judges the credentials for our realm in `header`, `Authorization` or `ProxyAuthorization`. On a nonce of ours it costs
    /// two hashes whatever is wrong with them, and one more for a body that is covered.
    pub fn verify(&mut self, request: &Request, header: &Name, now: Instant) -> Verdict {
        let Some(fields) = self.fields(request, header) else {
            return Verdict::Absent;
        };
        // RFC 7616 §3.3. IMS phones begin with an empty nonce (3GPP TS 24.229 §5.1.1.2). Right or wrong is not told here,
        // or passwords could be tried without ever being asked for one.
        let Some((issue, mark)) = fields.nonce().and_then(|nonce| self.nonces.read(nonce)) else {
            return Verdict::Stale;
        };
        let Some(proof) = Proof::read(fields).filter(|proof| self.algorithms.contains(&proof.algorithm)) else {
            return Verdict::Denied;
        };
        let is_right = self.is_right(&proof, request) & Choice::from(u8::from(proof.fits(&request.uri)));
        match bool::from(is_right) {
            false => Verdict::Denied,
            true if self.nonces.spend(issue, proof.count, now) => {
                Verdict::Granted { username: proof.username.into_owned(), mark }
            }
            true => Verdict::Stale,
        }
    }

    /// Whether the credentials answer a challenge of ours, fresh or not, by whomever.
    pub fn has_asked(&self, request: &Request, header: &Name) -> bool {
        let nonce = self.fields(request, header).and_then(|fields| fields.nonce());
        nonce.is_some_and(|nonce| self.nonces.read(nonce).is_some())
    }

    /// Whom the credentials for our realm name, without asking whether they are right.
    pub fn claimed_username(&self, request: &Request, header: &Name) -> Option<String> {
        self.fields(request, header)?.username().map(Cow::into_owned)
    }

    fn fields<'a>(&self, request: &'a Request, header: &'a Name) -> Option<Fields<'a>> {
        let ours = |fields: &Fields<'_>| fields.realm_text().is_some_and(|realm| realm == self.realm);
        request.headers.all(header).filter_map(Fields::parse).find(ours)
    }

    fn is_right(&self, proof: &Proof<'_>, request: &Request) -> Choice {
        let (ha1, exists) = self.accounts.ha1(&proof.username, proof.algorithm);
        let expected = proof.covered(request).proof(&ha1);
        let mut given = [0; LONGEST_HASH * 2];
        let given = match given.get_mut(..proof.response.len()) {
            Some(room) => {
                room.copy_from_slice(proof.response.as_bytes());
                room.make_ascii_lowercase();
                &*room
            }
            None => &[],
        };
        expected.as_bytes().ct_eq(given) & exists
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sip::hashing::count;
    use crate::sip::message::Response;
    use crate::sip::method::Method;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    const FRESH: Question = Question { staleness: Staleness::Fresh, only: None, mark: Mark(0) };
    const STALE: Question = Question { staleness: Staleness::Stale, ..FRESH };

    fn guard() -> Guard {
        let mut guard = Guard::new("desvio.local", [1; 32]);
        guard.admit("200", &ana().secret);
        guard
    }

    fn register() -> Request {
        Request::new(Method::Register, Uri::sip(None, "desvio.local", None))
    }

    fn ana() -> Credentials {
        Credentials { username: "200".into(), secret: Secret::Password("correct horse".into()) }
    }

    /// The request with the answer of `who` to these challenges.
    fn answered(who: &Credentials, mut request: Request, challenges: &[String]) -> Request {
        let mut refused = Response::new(401);
        for challenge in challenges {
            refused.headers.push(Name::WwwAuthenticate, challenge.clone());
        }
        let answers = who.answers(&refused, &request, &mut fastrand::Rng::with_seed(1));
        let [answer] = &answers[..] else { panic!("{answers:?}") };
        request.headers.push(Name::Authorization, answer.value.clone());
        request
    }

    fn verdict(guard: &mut Guard, request: &Request, now: Instant) -> Verdict {
        guard.verify(request, &Name::Authorization, now)
    }

    fn granted() -> Verdict {
        Verdict::Granted { username: "200".into(), mark: Mark(0) }
    }

    #[test]
    fn the_right_password_opens_by_either_algorithm() {
        let mut guard = guard();
        let challenges = guard.challenge(FRESH, start());
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
        let by_sha256 = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &by_sha256, start()), granted());
        let challenges = guard.challenge(FRESH, start());
        let by_md5 = answered(&ana(), register(), &challenges[1..]);
        assert_eq!(verdict(&mut guard, &by_md5, start()), granted());
    }

    #[test]
    fn wrong_passwords_and_unknown_users_look_alike() {
        let mut guard = guard();
        for (user, password) in [("200", "wrong"), ("999", "correct horse"), ("999", "nobody")] {
            let thief = Credentials { username: user.into(), secret: Secret::Password(password.into()) };
            let challenges = guard.challenge(FRESH, start());
            assert_eq!(verdict(&mut guard, &answered(&thief, register(), &challenges), start()), Verdict::Denied);
        }
    }

    #[test]
    fn no_credentials_for_our_realm_are_none() {
        let mut guard = guard();
        let elsewhere = Guard::new("elsewhere", [1; 32]).challenge(FRESH, start());
        assert_eq!(verdict(&mut guard, &register(), start()), Verdict::Absent);
        assert_eq!(verdict(&mut guard, &answered(&ana(), register(), &elsewhere), start()), Verdict::Absent);
        let mut unknown_scheme = register();
        unknown_scheme.headers.push(Name::Authorization, "NoOneKnowsThisScheme opaque-data=here");
        assert_eq!(verdict(&mut guard, &unknown_scheme, start()), Verdict::Absent);
    }

    #[test]
    fn an_answer_is_good_once_and_for_a_while() {
        let (mut guard, now) = (guard(), start());
        let challenges = guard.challenge(FRESH, now);
        let request = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &request, now), granted());
        assert_eq!(verdict(&mut guard, &request, now), Verdict::Stale);
        let late = answered(&ana(), register(), &guard.challenge(FRESH, now));
        assert_eq!(verdict(&mut guard, &late, now + Duration::from_secs(301)), Verdict::Stale);
        assert!(guard.challenge(STALE, now)[0].ends_with("stale=true"));
    }

    #[test]
    fn only_a_nonce_of_ours_shows_that_we_have_asked() {
        let (mut guard, now) = (guard(), start());
        let challenges = guard.challenge(FRESH, now);
        let mut guessed = register();
        guessed.headers.push(Name::Authorization, "x");
        let foreign = Guard::new("desvio.local", [2; 32]).challenge(FRESH, now);
        let answers = [guessed, answered(&ana(), register(), &foreign), answered(&ana(), register(), &challenges)];
        assert_eq!(answers.map(|request| guard.has_asked(&request, &Name::Authorization)), [false, false, true]);
    }

    #[test]
    fn a_nonce_from_before_a_restart_is_stale_not_wrong() {
        let before = Guard::new("desvio.local", [2; 32]).challenge(FRESH, start());
        assert_eq!(verdict(&mut guard(), &answered(&ana(), register(), &before), start()), Verdict::Stale);
    }

    #[test]
    fn an_old_phone_without_qop_gets_in_once_per_nonce() {
        let (mut guard, now) = (guard(), start());
        let old = |challenge: &String| challenge.replace(", qop=\"auth\"", "");
        let challenges: Vec<_> = guard.challenge(FRESH, now).iter().map(old).collect();
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
        let challenges: Vec<_> = guard.challenge(FRESH, now).iter().map(strict).collect();
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
        let mut diverted = answered(&ana(), call("200"), &guard.challenge(FRESH, now));
        diverted.uri = call("0900").uri;
        assert_eq!(verdict(&mut guard, &diverted, now), Verdict::Denied);
        let mut by_sipp = answered(
            &ana(),
            Request::new(Method::Invite, Uri::sip(None, "127.0.0.1", Some(5060))),
            &guard.challenge(FRESH, now),
        );
        by_sipp.uri = call("0900").uri;
        assert_eq!(verdict(&mut guard, &by_sipp, now), granted());
    }

    #[test]
    fn stored_hashes_serve_as_the_password_does() {
        let (mut guard, now) = (guard(), start());
        let md5 = Algorithm::Md5.ha1("200", "desvio.local", "correct horse").to_string().to_uppercase();
        let hashed = Secret::Ha1 { md5: Some(md5), sha256: None };
        guard.admit("200", &hashed);
        let challenges = guard.challenge(FRESH, now);
        let by_sha256 = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &by_sha256, now), Verdict::Denied);
        let client = Credentials { username: "200".into(), secret: hashed.clone() };
        let by_md5 = answered(&client, register(), &challenges);
        assert_eq!(verdict(&mut guard, &by_md5, now), granted());
    }

    #[test]
    fn a_hash_that_is_none_lets_nobody_in() {
        let (mut guard, now) = (guard(), start());
        guard.admit("200", &Secret::Ha1 { md5: Some("0".repeat(31)), sha256: Some(String::new()) });
        let challenges = guard.challenge(FRESH, now);
        assert_eq!(verdict(&mut guard, &answered(&ana(), register(), &challenges), now), Verdict::Denied);
    }

    #[test]
    fn known_and_unknown_users_cost_the_same_hashes() {
        let (mut guard, now) = (guard(), start());
        guard.admit("201", &Secret::Ha1 { md5: Some("0".repeat(32)), sha256: None });
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            for (user, password) in [("200", "correct horse"), ("200", "wrong"), ("201", "any"), ("999", "any")] {
                let who = Credentials { username: user.into(), secret: Secret::Password(password.into()) };
                let question = Question { only: Some(algorithm), ..FRESH };
                let request = answered(&who, register(), &guard.challenge(question, now));
                let (verdict, hashes) = count::of(|| verdict(&mut guard, &request, now));
                assert_eq!(hashes, 2, "{user} {password} {verdict:?}");
                assert_eq!(verdict == granted(), password == "correct horse");
            }
        }
    }

    #[test]
    fn what_is_not_offered_is_not_taken() {
        let (mut all, now) = (guard(), start());
        let mut strict = guard().with_algorithms(&[Algorithm::Sha512_256, Algorithm::Sha256]);
        let by_md5 = answered(&ana(), register(), &all.challenge(FRESH, now)[1..]);
        assert_eq!(verdict(&mut strict, &by_md5, now), Verdict::Denied);
        let challenges = strict.challenge(Question { only: Some(Algorithm::Md5), ..FRESH }, now);
        assert_eq!(challenges.len(), 2, "nobody is asked for what we do not take");
        let by_the_strongest = answered(&ana(), register(), &challenges);
        assert!(by_the_strongest.headers.first(&Name::Authorization).unwrap().contains("algorithm=SHA-512-256"));
        assert_eq!(verdict(&mut strict, &by_the_strongest, now), granted());
    }

    #[test]
    fn what_was_noted_in_the_question_comes_back_with_the_answer() {
        let (mut guard, now) = (guard(), start());
        let challenges = guard.challenge(Question { mark: Mark(1), ..FRESH }, now);
        let request = answered(&ana(), register(), &challenges);
        assert_eq!(verdict(&mut guard, &request, now), Verdict::Granted { username: "200".into(), mark: Mark(1) });
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
            "",
            "username=\"200\", uri=\"sip:x\", response=\"\", algorithm=MD5-sess, ",
            "username=\"200\", uri=\"\", response=\"\", ",
            "username=200, uri=\"sip:x\", response=x, qop=auth, nc=zz, cnonce=y, ",
        ] {
            let nonce = guard.nonces.issue(Mark::default(), start());
            let mut on = |nonce: &str| {
                let mut request = register();
                request
                    .headers
                    .push(Name::Authorization, format!("Digest {nonsense}realm=\"desvio.local\", nonce=\"{nonce}\""));
                verdict(&mut guard, &request, start())
            };
            assert_eq!(on(&nonce), Verdict::Denied, "{nonsense}");
            assert_eq!((on(""), on("x")), (Verdict::Stale, Verdict::Stale), "{nonsense}");
        }
    }

    #[test]
    fn on_a_nonce_of_others_right_and_wrong_are_answered_alike() {
        let (mut guard, now) = (guard(), start());
        let foreign = Guard::new("desvio.local", [2; 32]).challenge(FRESH, now);
        let thief = Credentials { secret: Secret::Password("guess".into()), ..ana() };
        for who in [ana(), thief] {
            assert_eq!(verdict(&mut guard, &answered(&who, register(), &foreign), now), Verdict::Stale);
        }
    }
}
