//! Answers to challenges of far ends, RFC 3261 §22: each kind once, and once more where the nonce was merely stale.

use crate::sip::agent::core::Core;
use crate::sip::answer::Answer;
use crate::sip::answer::realm_of;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::transaction::layer::ClientKey;

/// Which challenges to one request have been answered.
#[derive(Debug, Clone, Default)]
pub(in crate::sip) struct Attempts {
    rounds: Vec<Round>,
}

/// The answers to one realm of servers (401) or of proxies (407).
#[derive(Debug, Clone)]
struct Round {
    status: u16,
    realm: String,
    tries: Tries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tries {
    Answered,
    /// The nonce of the first answer was too old.
    AnsweredAnew,
}

/// No request meets more realms on its way: whoever asks for another one each time is not answered for ever.
const MOST_ROUNDS: usize = 8;

impl Attempts {
    fn is_unused(&self) -> bool {
        self.rounds.is_empty()
    }

    /// Whether this answer may help; takes note that it was given.
    fn admits(&mut self, status: u16, answer: &Answer) -> bool {
        let same = |round: &&mut Round| round.status == status && round.realm == answer.realm;
        let Some(round) = self.rounds.iter_mut().find(same) else {
            let has_room = self.rounds.len() < MOST_ROUNDS;
            if has_room {
                self.rounds.push(Round { status, realm: answer.realm.clone(), tries: Tries::Answered });
            }
            return has_room;
        };
        // RFC 3261 §22.3: the same credentials would be refused again, unless only the nonce was too old.
        let again = round.tries == Tries::Answered && answer.is_stale;
        round.tries = Tries::AnsweredAnew;
        again
    }
}

impl Core {
    /// As [`Core::answer_challenge`], for a request of which nobody counts the tries: one that had credentials is not
    /// repeated.
    pub(in crate::sip) fn answer_first_challenge(
        &mut self,
        key: ClientKey,
        response: &Response,
        credentials: Option<&Credentials>,
    ) -> Option<(Request, Hop)> {
        let (request, _) = self.layer.request(key)?;
        if is_signed(request) {
            return None;
        }
        self.answer_challenge(key, response, credentials, &mut Attempts::default())
    }

    /// The request once more with credentials, and where to send it; `None` if the response is no challenge, or one that
    /// we cannot or should not answer. One that was signed ahead and forbidden goes once more without, unless it is an
    /// INVITE. It has the next CSeq and no Via.
    pub(in crate::sip) fn answer_challenge(
        &mut self,
        key: ClientKey,
        response: &Response,
        credentials: Option<&Credentials>,
        attempts: &mut Attempts,
    ) -> Option<(Request, Hop)> {
        let credentials = credentials?;
        let (request, hop) = self.layer.request(key)?;
        let header = match response.status {
            401 => Name::Authorization,
            407 => Name::ProxyAuthorization,
            403 => {
                let was_signed_ahead = attempts.is_unused() && is_signed(request);
                // A call that is barred would be tried twice, by every server on its way.
                let may_go_again = was_signed_ahead && request.method != Method::Invite;
                self.ahead.forget(hop, credentials);
                // Not every server that takes a nonce no more says so by a challenge.
                return if may_go_again { self.once_more_unsigned(key) } else { None };
            }
            _ => return None,
        };
        // A request that was signed ahead is refused as if it had not been signed.
        let is_first = attempts.is_unused();
        if is_first {
            self.ahead.forget(hop, credentials);
        }
        let mut answers = credentials.answers(response, request, &mut self.rng);
        answers.retain(|answer| attempts.admits(response.status, answer));
        if answers.is_empty() {
            self.ahead.forget(hop, credentials);
            return None;
        }
        self.ahead.note(hop, credentials, &header, &answers);
        let (mut request, hop) = if is_first { self.once_more_unsigned(key)? } else { self.once_more(key)? };
        put_in(&mut request, &header, answers);
        Some((request, hop))
    }

    fn once_more_unsigned(&self, key: ClientKey) -> Option<(Request, Hop)> {
        let (mut request, hop) = self.once_more(key)?;
        for name in &CREDENTIALS {
            request.headers.remove(name);
        }
        Some((request, hop))
    }
}

const CREDENTIALS: [Name; 2] = [Name::Authorization, Name::ProxyAuthorization];

fn is_signed(request: &Request) -> bool {
    CREDENTIALS.iter().any(|name| request.headers.contains(name))
}

/// Each realm has one answer; those to other realms stay, for the request meets them again. RFC 3261 §22.3.
fn put_in(request: &mut Request, header: &Name, answers: Vec<Answer>) {
    let is_other = |value: &&str| answers.iter().all(|answer| realm_of(value) != Some(answer.realm.as_str()));
    let kept: Vec<String> = request.headers.all(header).filter(is_other).map(str::to_owned).collect();
    request.headers.remove(header);
    for value in kept.into_iter().chain(answers.into_iter().map(|answer| answer.value)) {
        request.headers.push(header.clone(), value);
    }
}
