//! The event packages that exist here, and how a subscription names its own. RFC 6665 §7.2 and §8.2.1.

use std::fmt;

use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::params::Params;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    /// What becomes of a REFER; begun by it and by nothing else. RFC 3515.
    Refer,
    /// Messages that wait: RFC 3842.
    MessageSummary,
    /// Who is called or calls: RFC 4235.
    Dialog,
    /// Whether somebody can be reached: RFC 3856.
    Presence,
}

/// RFC 6665 §8.2.2.
pub const ALLOW_EVENTS: &str = "message-summary, dialog, presence, refer";

impl Package {
    /// Those that a SUBSCRIBE may name outside of a dialog.
    pub const SUBSCRIBABLE: [Package; 3] = [Package::MessageSummary, Package::Dialog, Package::Presence];

    pub fn name(self) -> &'static str {
        match self {
            Package::Refer => "refer",
            Package::MessageSummary => "message-summary",
            Package::Dialog => "dialog",
            Package::Presence => "presence",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Package::Refer => "message/sipfrag;version=2.0",
            Package::MessageSummary => "application/simple-message-summary",
            Package::Dialog => "application/dialog-info+xml",
            Package::Presence => "application/pidf+xml",
        }
    }

    fn named(name: &str) -> Option<Package> {
        let all = [Package::Refer, Package::MessageSummary, Package::Dialog, Package::Presence];
        all.into_iter().find(|package| package.name().eq_ignore_ascii_case(name))
    }
}

/// `Event: dialog;id=7`: within one dialog, package and id name the subscription. RFC 6665 §4.4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName {
    pub package: Package,
    pub id: Option<String>,
}

impl EventName {
    /// None: there is no such header, or no such package.
    pub fn of(headers: &Headers) -> Option<EventName> {
        let value = headers.first(&Name::Event)?;
        let (name, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let package = Package::named(name.trim())?;
        let id = Params::parse(params).ok().and_then(|params| params.get("id").map(str::to_owned));
        Some(EventName { package, id })
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.package.name())?;
        match &self.id {
            Some(id) => write!(out, ";id={id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: &str) -> Option<EventName> {
        let mut headers = Headers::new();
        headers.push(Name::Event, value.to_owned());
        EventName::of(&headers)
    }

    #[test]
    fn an_event_is_a_package_and_perhaps_an_id() {
        assert_eq!(event("Dialog ; sla;id=7").unwrap().to_string(), "dialog;id=7");
        assert_eq!(event("message-summary").unwrap().to_string(), "message-summary");
        assert_eq!(event("as-feature-event"), None);
        assert_eq!(EventName::of(&Headers::new()), None);
    }
}
