//! Answers to challenges of far ends, RFC 3261 §22: each kind once, and once more where the nonce was merely stale.

use crate::sip::agent::core::Core;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::transaction::layer::ClientKey;

/// Which challenges to one request have been answered.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::sip) struct Attempts {
    by_server: Tries,
    by_proxy: Tries,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Tries {
    #[default]
    None,
    Answered,
    /// The nonce of the first answer was too old.
    AnsweredAnew,
}

impl Core {
    /// The request once more with credentials, and where to send it; `None` if the response is no challenge, or one that
    /// we cannot or should not answer. It has the next CSeq and no Via.
    pub(in crate::sip) fn answer_challenge(
        &mut self,
        key: ClientKey,
        response: &Response,
        credentials: Option<&Credentials>,
        attempts: &mut Attempts,
    ) -> Option<(Request, Hop)> {
        let (tries, header) = match response.status {
            401 => (&mut attempts.by_server, Name::Authorization),
            407 => (&mut attempts.by_proxy, Name::ProxyAuthorization),
            _ => return None,
        };
        let (request, hop) = self.layer.request(key)?;
        let answer = credentials?.answer(response, request, &mut self.rng)?;
        *tries = match (*tries, answer.is_stale) {
            (Tries::None, _) => Tries::Answered,
            (Tries::Answered, true) => Tries::AnsweredAnew,
            // RFC 3261 §22.3: the same credentials would be refused again.
            (Tries::Answered, false) | (Tries::AnsweredAnew, _) => return None,
        };
        let mut request = request.clone();
        let number = request.headers.cseq().ok()?.number + 1;
        let cseq = format!("{number} {}", request.method);
        request.headers.remove(&Name::Via);
        request.headers.set(Name::CSeq, cseq);
        request.headers.set(header, answer.value);
        Some((request, hop))
    }
}
