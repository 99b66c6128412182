//! The session timer: a call ends by itself unless one end says in time that it goes on. RFC 4028.

use std::time::Duration;
use std::time::Instant;

use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::session::abilities::Timer;

/// What the configuration wants.
#[derive(Debug, Clone, Copy)]
pub(in crate::sip) struct Policy {
    /// Zero: we ask for no timer, and keep one where the peer asks for it.
    pub(in crate::sip) expires: Duration,
    /// Shorter intervals are refused with 422.
    pub(in crate::sip) least: Duration,
}

/// The timer of a call that stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionTimer {
    pub(super) terms: Terms,
    ends_at: Instant,
    phase: Phase,
}

/// What both ends agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) interval: Duration,
    pub(super) refresher: Refresher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresher {
    Us,
    Them,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Half of the interval is not over, or the peer refreshes.
    Resting,
    /// Our refresh is on its way.
    Refreshing,
    /// Our refresh has to be tried once more at this time.
    Again(Instant),
}

/// What the timer wants now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Refresh,
    /// RFC 4028 §10: nobody refreshed.
    End,
}

/// RFC 4028 §10: the BYE is sent so long before the end, or a third of the interval if that is less.
const MARGIN: Duration = Duration::from_secs(32);

/// Refreshes that are tried in one interval although they are refused, at most twice as many.
const REFUSALS: u32 = 10;

impl SessionTimer {
    pub(super) fn new(terms: Terms, now: Instant) -> SessionTimer {
        SessionTimer { terms, ends_at: now + terms.interval, phase: Phase::Resting }
    }

    pub(super) fn deadline(&self) -> Instant {
        let end = self.ends_at - MARGIN.min(self.terms.interval / 3);
        match (self.terms.refresher, self.phase) {
            (Refresher::Us, Phase::Resting) => end.min(self.ends_at - self.terms.interval / 2),
            (Refresher::Us, Phase::Again(at)) => end.min(at),
            (Refresher::Us, Phase::Refreshing) | (Refresher::Them, _) => end,
        }
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        if self.deadline() > now {
            return Due::Nothing;
        }
        match (self.terms.refresher, self.phase) {
            (Refresher::Us, Phase::Resting | Phase::Again(_))
                if now < self.ends_at - MARGIN.min(self.terms.interval / 3) =>
            {
                Due::Refresh
            }
            _ => Due::End,
        }
    }

    pub(super) fn on_refreshing(&mut self) {
        self.phase = Phase::Refreshing;
    }

    /// Our refresh was refused, so the far end lives: RFC 4028 §10. Who never agreed to a timer is not held to one; who did is
    /// asked again, not without pause.
    pub(super) fn on_refused(&mut self, peer: Timer, wait: Option<Duration>, now: Instant) {
        match (self.phase, peer) {
            (Phase::Refreshing, Timer::Unknown) => *self = SessionTimer::new(self.terms, now),
            (Phase::Refreshing, Timer::Supported) => {
                let pause = self.terms.interval / REFUSALS;
                self.phase = Phase::Again(now + wait.map_or(pause, |wait| wait.max(pause)));
            }
            _ => {}
        }
    }

    /// The refresh could not be made just now.
    pub(super) fn on_put_off(&mut self, until: Instant) {
        self.phase = Phase::Again(until);
    }
}

impl Terms {
    /// RFC 4028 §7.2: what the 2xx to a request of ours settles. A peer that does not know the timer is refreshed by us.
    pub(super) fn of_response(headers: &Headers, wanted: Option<Duration>) -> Option<Terms> {
        let Some(seconds) = headers.number(&Name::SessionExpires) else {
            return wanted.map(|interval| Terms { interval, refresher: Refresher::Us });
        };
        let refresher = match refresher_of(headers) {
            Some("uas") => Refresher::Them,
            _ => Refresher::Us,
        };
        Some(Terms { interval: bearable(seconds), refresher })
    }

    /// RFC 4028 §9: what our 2xx to this request settles; `before` is what held until now.
    pub(super) fn of_request(request: &Request, policy: Policy, peer: Timer, before: Option<Terms>) -> Option<Terms> {
        let headers = &request.headers;
        let asked = headers.number(&Name::SessionExpires).map(bearable);
        let least = headers.number(&Name::MinSe).map_or(policy.least, |least| bearable(least).max(policy.least));
        let wanted = before.map_or(policy.expires, |before| before.interval);
        let interval = match asked {
            Some(asked) if wanted.is_zero() => asked,
            Some(asked) => asked.min(wanted.max(least)),
            None if wanted.is_zero() => return None,
            None => wanted,
        };
        let refresher = match (refresher_of(headers), peer, before) {
            (_, Timer::Unknown, _) | (Some("uas"), ..) => Refresher::Us,
            (Some(_), ..) => Refresher::Them,
            (None, _, Some(before)) => before.refresher,
            (None, _, None) => Refresher::Us,
        };
        Some(Terms { interval: interval.max(least), refresher })
    }

    /// The value for a request of ours in the dialog, where we are the `uac`.
    pub(super) fn in_request(self) -> String {
        self.text(if self.refresher == Refresher::Us { "uac" } else { "uas" })
    }

    /// The value for our 2xx to a request of the peer, where we are the `uas`.
    pub(super) fn in_response(self) -> String {
        self.text(if self.refresher == Refresher::Us { "uas" } else { "uac" })
    }

    fn text(self, refresher: &str) -> String {
        format!("{};refresher={refresher}", self.interval.as_secs())
    }
}

/// RFC 4028 §5: the least interval that a peer may ask us for, where it asks for less and would understand a 422.
pub(in crate::sip) fn too_small(request: &Request, policy: Policy) -> Option<u64> {
    let asked = request.headers.number(&Name::SessionExpires)?;
    let least = policy.least.as_secs();
    let understands =
        request.headers.lists(&Name::Supported, "timer") || request.headers.lists(&Name::Require, "timer");
    (u64::from(asked) < least && understands).then_some(least)
}

/// RFC 4028 §5: 90 s go without saying.
pub(super) fn push_least(headers: &mut Headers, least: Duration) {
    if least > Duration::from_secs(90) {
        headers.push(Name::MinSe, least.as_secs().to_string());
    }
}

/// The interval that a 422 asks for, if it is longer than what we asked for. RFC 4028 §7.3.
pub(super) fn asked_by_422(headers: &Headers, before: Duration) -> Option<Duration> {
    let asked = headers.number(&Name::MinSe).map(bearable)?;
    (asked > before && asked <= LONGEST).then_some(asked)
}

/// Who asks for more wants no timer at all.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What a peer names is not taken below this: it would have us refresh without end.
fn bearable(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds.max(20)))
}

fn refresher_of(headers: &Headers) -> Option<&str> {
    let parameters = headers.first(&Name::SessionExpires)?.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, who) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("refresher"))?;
    match who.trim() {
        who if who.eq_ignore_ascii_case("uas") => Some("uas"),
        who if who.eq_ignore_ascii_case("uac") => Some("uac"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::request;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;

    const POLICY: Policy = Policy { expires: Duration::from_secs(1800), least: Duration::from_secs(90) };

    fn asked(expires: &str, least: &str, peer: Timer, before: Option<Terms>) -> Option<(u64, Refresher)> {
        let mut invite = request("INVITE");
        for (name, value) in [(Name::SessionExpires, expires), (Name::MinSe, least)] {
            if !value.is_empty() {
                invite.headers.push(name, value.to_owned());
            }
        }
        let terms = Terms::of_request(&invite, POLICY, peer, before)?;
        Some((terms.interval.as_secs(), terms.refresher))
    }

    #[test]
    fn the_shorter_interval_wins_but_not_below_what_either_can_bear() {
        assert_eq!(asked("600", "", Timer::Supported, None), Some((600, Refresher::Us)));
        assert_eq!(asked("7200", "", Timer::Supported, None), Some((1800, Refresher::Us)));
        assert_eq!(asked("7200;refresher=uac", "3600", Timer::Supported, None), Some((3600, Refresher::Them)));
        assert_eq!(
            asked("60", "", Timer::Unknown, None),
            Some((90, Refresher::Us)),
            "a proxy asked, the phone knows nothing"
        );
        assert_eq!(asked("600; Refresher=UAS", "", Timer::Supported, None), Some((600, Refresher::Us)));
        assert_eq!(asked("", "", Timer::Unknown, None), Some((1800, Refresher::Us)));
    }

    #[test]
    fn inside_the_call_the_roles_stay_unless_the_peer_changes_them() {
        let before = Some(Terms { interval: secs(600), refresher: Refresher::Them });
        assert_eq!(asked("", "", Timer::Supported, before), Some((600, Refresher::Them)));
        assert_eq!(asked("600;refresher=uas", "", Timer::Supported, before), Some((600, Refresher::Us)));
    }

    #[test]
    fn without_a_wish_of_ours_only_the_peer_brings_a_timer() {
        let off = Policy { expires: Duration::ZERO, ..POLICY };
        let mut invite = request("INVITE");
        assert_eq!(Terms::of_request(&invite, off, Timer::Supported, None), None);
        invite.headers.push(Name::SessionExpires, "300");
        let terms = Terms::of_request(&invite, off, Timer::Supported, None);
        assert_eq!(terms, Some(Terms { interval: secs(300), refresher: Refresher::Us }));
    }

    #[test]
    fn we_refresh_at_half_and_give_up_32_s_or_a_third_before_the_end() {
        let now = start();
        let mut ours = SessionTimer::new(Terms { interval: secs(1800), refresher: Refresher::Us }, now);
        assert_eq!(ours.deadline(), now + secs(900));
        assert_eq!((ours.due(now + secs(899)), ours.due(now + secs(900))), (Due::Nothing, Due::Refresh));
        ours.on_refreshing();
        assert_eq!(ours.deadline(), now + secs(1768));
        assert_eq!(ours.due(now + secs(1768)), Due::End);
        ours.on_put_off(now + secs(905));
        assert_eq!(ours.due(now + secs(905)), Due::Refresh);
        let theirs = SessionTimer::new(Terms { interval: secs(90), refresher: Refresher::Them }, now);
        assert_eq!((theirs.deadline(), theirs.due(now + secs(60))), (now + secs(60), Due::End));
    }

    #[test]
    fn nobody_has_us_refresh_all_the_time() {
        let mut headers = Headers::new();
        headers.push(Name::SessionExpires, "0");
        assert_eq!(Terms::of_response(&headers, None).map(|terms| terms.interval), Some(secs(20)));
    }

    #[test]
    fn the_refresher_is_named_from_the_side_of_the_message() {
        let ours = Terms { interval: secs(90), refresher: Refresher::Us };
        assert_eq!((ours.in_request().as_str(), ours.in_response().as_str()), ("90;refresher=uac", "90;refresher=uas"));
        let mut headers = Headers::new();
        assert_eq!(Terms::of_response(&headers, Some(secs(1800))).map(|terms| terms.refresher), Some(Refresher::Us));
        assert_eq!(Terms::of_response(&headers, None), None);
        headers.push(Name::SessionExpires, "120;refresher=uas");
        let terms = Terms { interval: secs(120), refresher: Refresher::Them };
        assert_eq!(Terms::of_response(&headers, None), Some(terms));
    }
}
