//! Signing ahead: the nonce that a server gave us serves for the next request to it as well, and saves a round trip.
//! RFC 7616 §3.6, RFC 3261 §22.3.
//!
//! A challenge is answered as if the request had not been signed at all, a 403 is followed by the request unsigned unless it
//! was a call, and what was known is forgotten.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::sip::agent::core::Core;
use crate::sip::answer::Answer;
use crate::sip::answer::Reusable;
use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;

/// What servers have asked last, by their address and the user that we are there.
#[derive(Debug, Default)]
pub(in crate::sip) struct Known {
    by_server: BTreeMap<(SocketAddr, String), Vec<Asked>>,
}

#[derive(Debug)]
struct Asked {
    /// Where the answer stands.
    header: Name,
    challenge: Reusable,
    /// Answers that were given to it.
    count: u32,
}

/// We sign in with few trunks, of few addresses each.
const MOST_SERVERS: usize = 256;
/// Of one server and the proxies before it.
const MOST_REALMS: usize = 4;

impl Known {
    /// These answers are on their way to a server.
    pub(super) fn note(&mut self, hop: Hop, who: &Credentials, header: &Name, answers: &[Answer]) {
        let server = (hop.remote, who.username.clone());
        let mut known = self.by_server.remove(&server).unwrap_or_default();
        // A realm that asks once more takes no answer any more to what it asked before.
        known.retain(|old| old.header != *header || answers.iter().all(|answer| answer.realm != old.challenge.realm));
        let asked = answers.iter().filter_map(|answer| answer.reusable.clone());
        known.extend(asked.map(|challenge| Asked { header: header.clone(), challenge, count: 1 }));
        known.truncate(MOST_REALMS);
        if known.is_empty() {
            return;
        }
        if self.by_server.len() == MOST_SERVERS {
            self.by_server.pop_first();
        }
        self.by_server.insert(server, known);
    }

    /// What this server asked is worth nothing any more.
    pub(super) fn forget(&mut self, hop: Hop, who: &Credentials) {
        self.by_server.remove(&(hop.remote, who.username.clone()));
    }
}

impl Core {
    /// Answers in a new request what its server will ask, where that is known.
    pub(in crate::sip) fn sign_ahead(&mut self, request: &mut Request, hop: Hop, who: Option<&Credentials>) {
        let Some(who) = who else { return };
        let Some(asked) = self.ahead.by_server.get_mut(&(hop.remote, who.username.clone())) else {
            return;
        };
        for Asked { header, challenge, count } in asked {
            *count = count.saturating_add(1);
            if let Some(value) = who.answer_again(challenge, *count, request, &mut self.rng) {
                request.headers.push(header.clone(), value);
            }
        }
    }
}
