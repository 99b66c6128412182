//! What the peer of a session says that it can do, and what of it we make use of.

use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;

/// See the top of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) update: Update,
    pub(super) timer: Timer,
    pub(super) provisional: Provisional,
}

/// UPDATE, RFC 3311.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    Unknown,
    Allowed,
}

/// Session timers, RFC 4028.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    Unknown,
    Supported,
}

/// How our provisional responses reach the peer, RFC 3262.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provisional {
    Unreliable,
    /// What carries SDP is confirmed by the peer.
    WithSdpReliable,
    /// The peer wants to confirm all of them.
    AllReliable,
}

impl Abilities {
    pub(super) const NONE: Abilities =
        Abilities { update: Update::Unknown, timer: Timer::Unknown, provisional: Provisional::Unreliable };

    pub(super) fn of_request(request: &Request) -> Abilities {
        let headers = &request.headers;
        let mut abilities = Abilities::NONE;
        abilities.learn(headers);
        if headers.lists(&Name::Require, "100rel") {
            abilities.provisional = Provisional::AllReliable;
        } else if headers.lists(&Name::Supported, "100rel") {
            abilities.provisional = Provisional::WithSdpReliable;
        }
        abilities
    }

    pub(super) fn on_response(&mut self, response: &Response) {
        self.learn(&response.headers);
    }

    /// RFC 3261 §20.5: a message without `Allow` says nothing about it.
    fn learn(&mut self, headers: &Headers) {
        if headers.contains(&Name::Allow) {
            let allowed = headers.lists(&Name::Allow, "UPDATE");
            self.update = if allowed { Update::Allowed } else { Update::Unknown };
        }
        if headers.lists(&Name::Supported, "timer") || headers.lists(&Name::Require, "timer") {
            self.timer = Timer::Supported;
        }
    }
}
