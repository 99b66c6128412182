//! Who sent a request: a trunk, known by certificate or address, or an extension that signs in with a digest.

use std::borrow::Cow;
use std::time::Instant;

use tracing::debug;
use tracing::warn;

use crate::sip::agent::TransactionId;
use crate::sip::digest::Question;
use crate::sip::digest::Staleness;
use crate::sip::digest::Verdict;
use crate::sip::hashing::Algorithm;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::nonce::Mark;
use crate::switch::doorman::Report;
use crate::switch::identity;
use crate::switch::machine::Switch;

/// Who sent a request, once it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    Extension(String),
    Trunk(String),
}

impl Switch {
    /// Trusted by certificate, by address, or by a digest; otherwise the request has been answered and there is nobody.
    pub(super) fn sender(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: &Hop,
        now: Instant,
    ) -> Option<Sender> {
        let user = request.headers.from_user();
        let claims_extension = user.as_deref().is_some_and(|user| self.desk.is_extension(user));
        if let Some(trunk) = self.desk.proven.trunk(hop).filter(|_| !claims_extension) {
            return Some(Sender::Trunk(trunk.to_owned()));
        }
        let called = request.uri.user_text();
        let source = hop.remote.ip().to_canonical();
        if !claims_extension && let Some(trunk) = self.desk.trunks.of_source(source, called.as_deref()) {
            return Some(Sender::Trunk(trunk.to_owned()));
        }
        let (username, _) = self.authenticated(transaction, request, hop, now)?;
        // RFC 3323 §4.1.1.3: who wants to be anonymous says so in From, and signs in all the same.
        if user.as_deref() != Some(username.as_str()) && !identity::from_is_anonymous(&request.headers) {
            self.refuse(transaction, request.reply(403).with_reason("From is not the user that signed in"), now);
            return None;
        }
        Some(Sender::Extension(username))
    }

    /// Digest authentication, RFC 7616. A wrong password and an unknown user get the same answer.
    pub(super) fn authenticated(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: &Hop,
        now: Instant,
    ) -> Option<(String, Mark)> {
        if self.is_kept_out(request, hop) {
            self.agent.turn_away(transaction, request.reply(403), now);
            return None;
        }
        let staleness = match self.guard.verify(request, &Name::Authorization, now) {
            Verdict::Granted { username, mark } => return Some((username, mark)),
            Verdict::Absent => Staleness::Fresh,
            Verdict::Stale => Staleness::Stale,
            Verdict::Denied => {
                self.on_wrong_password(request, hop, now);
                self.refuse(transaction, request.reply(403), now);
                return None;
            }
        };
        let only = knows_md5_only(request).then_some(Algorithm::Md5);
        let is_first = request.method == Method::Register && !request.headers.contains(&Name::Authorization);
        let mark = if is_first { self.desk.registrar.first_look(request, hop) } else { Mark::default() };
        let mut response = request.reply(401);
        for challenge in self.guard.challenge(Question { staleness, only, mark }, now) {
            response.headers.push(Name::WwwAuthenticate, challenge);
        }
        self.agent.turn_away(transaction, response, now);
        None
    }

    /// Whether too many wrong passwords came from there. Not meant are our own machine, trunks, and the phones that are
    /// registered from that very address: one forgotten phone must not silence the whole office behind its router.
    pub(super) fn is_kept_out(&mut self, request: &Request, hop: &Hop) -> bool {
        let source = hop.remote.ip().to_canonical();
        if source.is_loopback() || self.desk.proven.trunk(hop).is_some() || !self.doorman.blocks(source) {
            return false;
        }
        let signed = self.guard.claimed_username(request, &Name::Authorization);
        let claimed = signed.or_else(|| request.headers.from_user().map(Cow::into_owned));
        let is_known = claimed.is_some_and(|extension| self.desk.registrar.is_registered_from(&extension, source));
        let is_kept_out = !is_known && self.desk.trunks.of_source(source, None).is_none();
        if is_kept_out {
            self.doorman.on_refused(source);
        }
        is_kept_out
    }

    fn on_wrong_password(&mut self, request: &Request, hop: &Hop, now: Instant) {
        self.tally.auth_failures += 1;
        let source = hop.remote.ip().to_canonical();
        let report = self.doorman.on_failure(source, now);
        if let Some(report) = report {
            let name = self.guard.claimed_username(request, &Name::Authorization).unwrap_or_default();
            debug!(%source, %name, method = %request.method, "the name that was tried");
            tell(report);
        }
    }

    pub(super) fn tell_wrong_passwords(&mut self, now: Instant) {
        self.doorman.handle_timeout(now).into_iter().for_each(tell);
    }
}

/// These lines are a promise to fail2ban and its kin: see docs/operations.md.
fn tell(report: Report) {
    match report {
        Report::Failed { source } => warn!(%source, failures = 1, "authentication failed"),
        Report::Total { source, failures, refused } => {
            warn!(%source, failures, refused, "authentication failed");
        }
        Report::Blocked { source, failures } => {
            warn!(%source, failures, "authentication failed too often: the source is not listened to for a minute");
        }
    }
}

// Not as RFC 8760 §2.4: baresip up to 2 (libre) does not skip a challenge whose algorithm it does not know, it gives up.
fn knows_md5_only(request: &Request) -> bool {
    let agent = request.headers.first(&Name::UserAgent).unwrap_or_default();
    let version = agent.strip_prefix("baresip v").and_then(|rest| rest.split('.').next()?.parse().ok());
    version.is_some_and(|major: u32| major <= 2)
}
