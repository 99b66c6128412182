//! What a story can see of its people, and what it holds to be true of them.

use desvio::call::record::Record;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

impl Bench {
    /// Whether the server's side of this phone's call is still there.
    pub(crate) fn has_media(&self, phone: PhoneId) -> bool {
        self.phones[phone.0].server_port.is_some_and(|port| self.pump.leg_on(port).is_some())
    }

    /// Whether a sound is played to this phone at this moment.
    pub(crate) fn is_played_to(&self, phone: PhoneId) -> bool {
        self.pump.legs[&self.leg(phone)].is_playing()
    }

    /// The pump's leg that talks to this phone.
    pub(crate) fn leg(&self, phone: PhoneId) -> desvio::media::command::LegId {
        let port = self.phones[phone.0]
            .server_port
            .unwrap_or_else(|| panic!("{} has no media\n{}", self.phones[phone.0].name, self.trace));
        self.pump
            .leg_on(port)
            .unwrap_or_else(|| panic!("the media of {} is closed\n{}", self.phones[phone.0].name, self.trace))
    }

    /// Everything that this phone has heard in its present or last call.
    pub(crate) fn heard(&self, phone: PhoneId) -> Vec<String> {
        let port = self.phones[phone.0].server_port;
        port.and_then(|port| self.pump.heard_on.get(&port)).cloned().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn hears(&self, phone: PhoneId, what: &str) {
        let heard = self.heard(phone);
        assert!(
            heard.iter().any(|name| name == what),
            "{} never heard `{what}`, but {heard:?}\n{}",
            self.phones[phone.0].name,
            self.trace
        );
    }

    #[track_caller]
    pub(crate) fn rings(&self, phone: PhoneId) {
        assert!(self.phones[phone.0].ringing.is_some(), "{} does not ring\n{}", self.phones[phone.0].name, self.trace);
    }

    #[track_caller]
    pub(crate) fn is_silent(&self, phone: PhoneId) {
        assert!(self.phones[phone.0].ringing.is_none(), "{} rings\n{}", self.phones[phone.0].name, self.trace);
    }

    #[track_caller]
    pub(crate) fn are_talking(&self, one: PhoneId, other: PhoneId) {
        let (a, b) = (self.leg(one), self.leg(other));
        let (leg, partner) = (&self.pump.legs[&a], &self.pump.legs[&b]);
        assert_eq!((leg.partner, partner.partner), (Some(b), Some(a)), "not bridged\n{}", self.trace);
        assert!(leg.stream.is_some() && partner.stream.is_some(), "not connected\n{}", self.trace);
        assert!(self.phones[one.0].up && self.phones[other.0].up, "not both answered\n{}", self.trace);
    }

    #[track_caller]
    pub(crate) fn ended(&self, phone: PhoneId, how: &str) {
        assert_eq!(self.phones[phone.0].ended.as_deref(), Some(how), "{}\n{}", self.phones[phone.0].name, self.trace);
    }

    /// Nobody is in a call, and nothing of any call is left: no leg, no session, no transaction after its timers.
    #[track_caller]
    pub(crate) fn all_is_quiet(&mut self) {
        self.advance(secs(40));
        assert!(self.switch.is_empty(), "calls are left\n{}", self.trace);
        assert!(self.pump.legs.is_empty(), "media legs are left\n{}", self.trace);
        assert!(self.phones.iter().all(|phone| phone.ringing.is_none()), "a phone rings\n{}", self.trace);
    }

    #[track_caller]
    pub(crate) fn only_record(&self) -> &Record {
        assert_eq!(self.store.records.len(), 1, "records\n{}", self.trace);
        &self.store.records[0]
    }

    pub(crate) fn was_published(&self, kind: &str) -> bool {
        self.events.iter().any(|event| event.kind == kind)
    }
}
