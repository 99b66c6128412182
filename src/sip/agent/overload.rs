//! When new work is refused so that the work in hand goes on: too many INVITEs, transactions or calls, or a server that
//! lags behind. RFC 3261 §21.5.4; nothing inside a dialog is ever refused here.

use std::time::Duration;

use crate::sip::agent::core::Core;
use crate::sip::agent::gate::Gate;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::limits::Limits;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;

/// Why a request was answered 503 without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overload {
    InvitesOfSource,
    Invites,
    Transactions,
    Calls,
    Behind,
}

/// Requests refused because of [`Overload`], since the start, and what was dropped unread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shed {
    /// Dropped unread: the source sent more than `requests_per_second`.
    pub rate: u64,
    pub invites_of_source: u64,
    pub invites: u64,
    pub transactions: u64,
    pub calls: u64,
    pub behind: u64,
}

impl Shed {
    pub(super) fn count(&mut self, why: Overload) {
        let counter = match why {
            Overload::InvitesOfSource => &mut self.invites_of_source,
            Overload::Invites => &mut self.invites,
            Overload::Transactions => &mut self.transactions,
            Overload::Calls => &mut self.calls,
            Overload::Behind => &mut self.behind,
        };
        *counter += 1;
    }

    /// With the names that they have in the metrics.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("rate", self.rate),
            ("invites_per_source", self.invites_of_source),
            ("invites", self.invites),
            ("transactions", self.transactions),
            ("calls", self.calls),
            ("behind", self.behind),
        ]
        .into_iter()
    }
}

/// How busy the agent is at this moment.
pub(super) struct Load<'a> {
    pub(super) core: &'a Core,
    pub(super) gate: &'a Gate,
    /// Call legs.
    pub(super) calls: usize,
    /// How long the oldest message has waited to be read.
    pub(super) lag: Duration,
}

impl Load<'_> {
    /// Why this request, which begins something new, has to be refused; none if there is room for it.
    pub(super) fn refuses(&self, request: &Request, hop: Hop) -> Option<Overload> {
        let limits = &self.core.limits;
        if self.core.layer.weight() >= limits.transactions {
            return Some(Overload::Transactions);
        }
        (request.method == Method::Invite).then(|| self.refuses_invite(hop, limits)).flatten()
    }

    fn refuses_invite(&self, hop: Hop, limits: &Limits) -> Option<Overload> {
        let layer = &self.core.layer;
        if layer.pending_invites() >= limits.invites {
            return Some(Overload::Invites);
        }
        if layer.pending_invites_of(hop.source()) >= limits.invites_per_source && !self.gate.is_exempt(hop.remote.ip())
        {
            return Some(Overload::InvitesOfSource);
        }
        if self.calls >= limits.calls {
            return Some(Overload::Calls);
        }
        (self.lag > limits.behind).then_some(Overload::Behind)
    }
}

/// RFC 3261 §20.33: when to try again; spread out, lest all come at once.
pub(super) fn refusal(request: &Request, rng: &mut fastrand::Rng) -> Response {
    let mut response = request.reply(503).with_reason("Service Unavailable: overloaded, try again later");
    response.headers.push(Name::RetryAfter, rng.u8(RETRY_AFTER).to_string());
    response
}

/// Seconds.
const RETRY_AFTER: std::ops::RangeInclusive<u8> = 5..=20;
