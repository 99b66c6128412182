//! Signs of life while a call stands, and its end where there are none: RFC 4028.

use std::time::Duration;
use std::time::Instant;

use crate::sip::agent::HangUpReason;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::Purpose;
use crate::sip::agent::core::User;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::Session;
use crate::sip::session::State;
use crate::sip::session::abilities::Timer;
use crate::sip::session::abilities::Update;
use crate::sip::session::refusal::retry_after;
use crate::sip::session::timer;
use crate::sip::session::timer::Due;
use crate::sip::session::timer::SessionTimer;
use crate::sip::session::timer::Terms;
use crate::sip::session::timer::push_least;
use crate::sip::transaction::layer::ClientKey;

/// A refresh that met an offer, or a far end that is busy, is tried again after this.
const AGAIN: Duration = Duration::from_secs(3);

impl Session {
    pub(super) fn on_timer(&mut self, core: &mut Core, now: Instant) {
        let (State::Talking, Some(timer)) = (&self.state, &self.timer) else {
            return;
        };
        match timer.due(now) {
            Due::Nothing => {}
            Due::Refresh => self.refresh(core, now),
            Due::End => self.lose(Some(HangUpReason::q850(TIMER_EXPIRED)), core, now),
        }
    }

    /// RFC 4028 §7.4: an UPDATE without offer where the peer takes it, else a re-INVITE that changes nothing.
    fn refresh(&mut self, core: &mut Core, now: Instant) {
        if self.peer.update == Update::Unknown {
            let idle = self.exchange.is_idle() && self.wanted.is_none();
            if idle {
                self.offer(self.spoken.clone(), core, now);
            }
            return self.with_timer(|timer| match idle {
                true => timer.on_refreshing(),
                // Whatever offer is on its way refreshes too.
                false => timer.on_put_off(now + AGAIN),
            });
        }
        let hop = self.dialog.hop();
        let mut request = self.dialog.request(Method::Update);
        self.introduce(&mut request.headers, core);
        core.send(request, hop, User::Session(self.id, Purpose::Refresh), now);
        self.with_timer(SessionTimer::on_refreshing);
    }

    fn with_timer(&mut self, act: impl FnOnce(&mut SessionTimer)) {
        if let Some(timer) = &mut self.timer {
            act(timer);
        }
    }

    pub(super) fn on_refresh_response(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let State::Talking = &self.state else {
            return;
        };
        match response.status {
            100..200 => {}
            200..300 => {
                self.dialog.refresh_target(&response.headers);
                self.on_refreshed(&response.headers, core, now);
            }
            401 | 407 => self.refresh_with_credentials(key, response, core, now),
            // RFC 3261 §12.2.1.2: the far end knows nothing of this call any more.
            408 => self.lose(None, core, now),
            481 => self.end(SessionEvent::Lost, core),
            422 => self.on_interval_refused(&response.headers, now),
            405 | 501 => {
                self.peer.update = Update::Unknown;
                self.refresh(core, now);
            }
            // Refused for the moment only.
            491 => self.with_timer(|timer| timer.on_put_off(now + AGAIN)),
            _ => self.on_refresh_refused(retry_after(&response.headers), now),
        }
    }

    fn refresh_with_credentials(&mut self, key: ClientKey, response: &Response, core: &mut Core, now: Instant) {
        let Some((request, hop)) = core.answer_first_challenge(key, response, self.credentials.as_deref()) else {
            return self.on_refresh_refused(None, now);
        };
        self.dialog.on_sent(&request);
        core.send(request, hop, User::Session(self.id, Purpose::Refresh), now);
    }

    /// Also for an offer that was no refresh: then nothing happens.
    pub(super) fn on_refresh_refused(&mut self, wait: Option<Duration>, now: Instant) {
        let peer = self.peer.timer;
        self.with_timer(|timer| timer.on_refused(peer, wait, now));
    }

    /// RFC 4028 §7.3: the interval is too short for somebody on the way.
    pub(super) fn on_interval_refused(&mut self, headers: &Headers, now: Instant) {
        self.with_timer(|timer| {
            if let Some(longer) = timer::asked_by_422(headers, timer.terms.interval) {
                timer.terms.interval = longer;
            }
            timer.on_put_off(now + AGAIN);
        });
    }

    /// A 2xx to our INVITE, re-INVITE or UPDATE came.
    pub(super) fn on_refreshed(&mut self, headers: &Headers, core: &Core, now: Instant) {
        let before = self.timer.as_ref().map(|timer| timer.terms.interval);
        let wanted = Some(core.session_timer.expires).filter(|expires| !expires.is_zero());
        self.timer = Terms::of_response(headers, before.or(wanted)).map(|terms| SessionTimer::new(terms, now));
    }

    /// Puts our terms into a 2xx of ours to an INVITE or UPDATE of the peer, and starts the timer on them.
    pub(super) fn agree(
        &self,
        request: &Request,
        response: &mut Response,
        core: &Core,
        now: Instant,
    ) -> Option<SessionTimer> {
        let before = self.timer.as_ref().map(|timer| timer.terms);
        let terms = Terms::of_request(request, core.session_timer, self.peer.timer, before)?;
        // RFC 4028 §9: who does not know the timer is not told of it; we refresh all the same.
        if self.peer.timer == Timer::Supported {
            response.headers.push(Name::Require, "timer");
            response.headers.push(Name::SessionExpires, terms.in_response());
        }
        Some(SessionTimer::new(terms, now))
    }

    /// What every INVITE and UPDATE of ours inside the call says beside its purpose.
    pub(super) fn introduce(&self, headers: &mut Headers, core: &Core) {
        let contact = core.identity.contact(self.dialog.hop(), self.dialog.contact_user.as_deref());
        headers.push(Name::Contact, contact);
        headers.push(Name::Allow, ALLOW);
        headers.push(Name::Supported, SUPPORTED);
        if let Some(SessionTimer { terms, .. }) = self.timer {
            headers.push(Name::SessionExpires, terms.in_request());
            push_least(headers, core.session_timer.least);
        }
    }
}

/// Q.850: recovery on timer expiry.
const TIMER_EXPIRED: u16 = 102;
