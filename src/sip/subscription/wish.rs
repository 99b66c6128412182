//! What a SUBSCRIBE asks for, or why it cannot have it: RFC 6665 §4.2.1.

use std::time::Duration;

use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::subscription::config::Config;
use crate::sip::subscription::package::ALLOW_EVENTS;
use crate::sip::subscription::package::EventName;
use crate::sip::subscription::package::Package;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub event: EventName,
    /// Zero: to be told once, and no more.
    pub expires: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("SUBSCRIBE needs one Contact")]
    NoContact,
    #[error("SUBSCRIBE needs an Event")]
    NoEvent,
    #[error("Bad Event")]
    UnknownEvent,
    #[error("this event is told as {}", .0.content_type())]
    NotAcceptable(Package),
    #[error("Interval Too Brief")]
    TooBrief { least: Duration },
}

impl Wish {
    /// A SUBSCRIBE outside of a dialog.
    pub fn read(request: &Request, config: &Config) -> Result<Wish, Refusal> {
        if !request.headers.contacts().is_ok_and(|contacts| contacts.len() == 1) {
            return Err(Refusal::NoContact);
        }
        if !request.headers.contains(&Name::Event) {
            return Err(Refusal::NoEvent);
        }
        let event = EventName::of(&request.headers).filter(|event| Package::SUBSCRIBABLE.contains(&event.package));
        let event = event.ok_or(Refusal::UnknownEvent)?;
        if !accepts(request, event.package) {
            return Err(Refusal::NotAcceptable(event.package));
        }
        Ok(Wish { event, expires: expires(request, config)? })
    }
}

/// How long it shall last from now on; zero ends it. RFC 6665 §4.2.1.1: what is too long is shortened, what is too short refused.
pub fn expires(request: &Request, config: &Config) -> Result<Duration, Refusal> {
    let Config { expires, min_expires, max_expires, .. } = *config;
    let asked = request.headers.expires().map_or(expires, |seconds| Duration::from_secs(u64::from(seconds)));
    match asked.is_zero() || asked >= min_expires {
        true => Ok(asked.min(max_expires)),
        false => Err(Refusal::TooBrief { least: min_expires }),
    }
}

/// RFC 6665 §3.1.3: without Accept, the package's own form is meant.
fn accepts(request: &Request, package: Package) -> bool {
    let mut accepted = request.headers.list(&Name::Accept).map(|value| value.split(';').next().unwrap_or("").trim());
    let wanted = package.content_type();
    let family = wanted.split('/').next().unwrap_or_default();
    let fits = |kind: &str| {
        let any_of_family = kind
            .split_once('/')
            .is_some_and(|(left, right)| right == "*" && (left == "*" || left.eq_ignore_ascii_case(family)));
        any_of_family || kind.eq_ignore_ascii_case(wanted)
    };
    !request.headers.contains(&Name::Accept) || accepted.any(fits)
}

impl Refusal {
    pub fn response(&self, request: &Request) -> Response {
        let status = match self {
            Refusal::NoContact | Refusal::NoEvent => 400,
            Refusal::UnknownEvent => 489,
            Refusal::NotAcceptable(_) => 406,
            Refusal::TooBrief { .. } => 423,
        };
        let mut response = request.reply(status).with_reason(&self.to_string());
        match self {
            Refusal::UnknownEvent => response.headers.push(Name::AllowEvents, ALLOW_EVENTS),
            Refusal::NotAcceptable(package) => response.headers.push(Name::Accept, package.content_type()),
            Refusal::TooBrief { least } => response.headers.push(Name::MinExpires, least.as_secs().to_string()),
            Refusal::NoContact | Refusal::NoEvent => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::method::Method;
    use crate::sip::uri::Uri;

    fn read(rows: &[(Name, &'static str)]) -> Result<Wish, Refusal> {
        let mut request = Request::new(Method::Subscribe, Uri::sip(Some("200"), "desvio.test", None));
        request.headers.push(Name::Contact, "<sip:201@10.0.0.2>");
        rows.iter().for_each(|(name, value)| request.headers.push(name.clone(), *value));
        Wish::read(&request, &Config::default())
    }

    #[test]
    fn the_time_is_the_phones_within_our_bounds() {
        let expires =
            |value| read(&[(Name::Event, "dialog"), (Name::Expires, value)]).map(|wish| wish.expires.as_secs());
        assert_eq!(expires("600"), Ok(600));
        assert_eq!(expires("86400"), Ok(3600));
        assert_eq!(expires("0"), Ok(0));
        assert_eq!(expires("59"), Err(Refusal::TooBrief { least: Duration::from_secs(60) }));
        assert_eq!(read(&[(Name::Event, "presence")]).unwrap().expires.as_secs(), 3600);
    }

    #[test]
    fn events_that_nobody_here_tells_are_refused() {
        assert_eq!(read(&[]), Err(Refusal::NoEvent));
        assert_eq!(read(&[(Name::Event, "ua-profile")]), Err(Refusal::UnknownEvent));
        assert_eq!(read(&[(Name::Event, "refer")]), Err(Refusal::UnknownEvent), "only a REFER begins that");
    }

    #[test]
    fn a_form_that_the_phone_cannot_read_is_not_sent() {
        let accepts = |value| read(&[(Name::Event, "dialog"), (Name::Accept, value)]).is_ok();
        assert!(accepts("text/plain, application/dialog-info+xml;q=0.5"));
        assert!(accepts("application/*") && accepts("*/*"));
        assert!(!accepts("application/pidf+xml"));
    }
}
