//! How a service's own words about itself are understood: an answer of its API, or of its status page.
//!
//! Nothing of it is trusted to have the form that it had yesterday: what cannot be read is said to be unreadable, never to be
//! an outage.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::outage::fault::Fault;
use crate::outage::readings::apple;
use crate::outage::readings::meta;
use crate::outage::readings::microsoft;
use crate::outage::readings::rss;
use crate::outage::readings::statuspage;
use crate::outage::readings::telegram;
use crate::outage::readings::whatsapp;

/// `reads` of a probe. A new one: its file in `readings`, its line here and in [`Reading::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Meta's Graph API: may our number send (`?fields=health_status`).
    WhatsappHealth,
    /// Any other answer of Meta's Graph API.
    Graph,
    /// Telegram's Bot API: `getMe`, or any other method.
    Telegram,
    /// Telegram's Bot API: `getWebhookInfo`.
    TelegramWebhook,
    /// RSS 2.0 or Atom with an item for each incident.
    Rss,
    /// Meta's `orgs.json`; `service` is the id of an organisation.
    MetaStatus,
    /// Apple's system status.
    AppleStatus,
    /// Microsoft Graph's `healthOverviews`.
    MicrosoftHealth,
    /// Atlassian Statuspage's `status.json`, which many providers of texts use.
    Statuspage,
}

/// What was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub status: u16,
    pub body: &'a [u8],
    /// The service that is asked for, on a page that lists several.
    pub service: Option<&'a str>,
    pub wall: Timestamp,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// On a page that lists several services: which.
    pub service: Option<String>,
    pub is: Result<(), (Fault, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Services of one page that are kept apart.
const SERVICES: usize = 64;

/// Letters of others' words in a sentence of ours.
const LONGEST_WORDS: usize = 200;

impl Reading {
    pub fn read(self, answered: &Answered<'_>) -> Result<Vec<Finding>, Unreadable> {
        let mut findings = match self {
            Reading::WhatsappHealth => vec![Finding::of(whatsapp::health(answered)?)],
            Reading::Graph => vec![Finding::of(whatsapp::graph(answered))],
            Reading::Telegram => vec![Finding::of(telegram::method(answered)?)],
            Reading::TelegramWebhook => vec![Finding::of(telegram::webhook(answered)?)],
            Reading::Rss => vec![Finding::of(rss::incidents(answered)?)],
            Reading::MetaStatus => meta::services(answered)?,
            Reading::AppleStatus => apple::services(answered)?,
            Reading::MicrosoftHealth => microsoft::services(answered)?,
            Reading::Statuspage => vec![Finding::of(statuspage::status(answered)?)],
        };
        findings.truncate(SERVICES);
        for service in findings.iter_mut().filter_map(|finding| finding.service.as_mut()) {
            *service = in_short(service);
        }
        Ok(findings)
    }
}

impl Answered<'_> {
    pub(super) fn json(&self) -> Result<Value, Unreadable> {
        serde_json::from_slice(self.body).map_err(|why| Unreadable(format!("the answer is no JSON: {why}")))
    }

    pub(super) fn wants(&self, service: &str) -> bool {
        self.service.is_none_or(|wanted| wanted.eq_ignore_ascii_case(service))
    }
}

impl Finding {
    pub(super) fn of(is: Result<(), (Fault, String)>) -> Finding {
        Finding { service: None, is }
    }
}

/// A text of others on one line, and not too long.
pub(super) fn in_short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_WORDS).collect()
}

/// Of a page that names no service that was asked for.
pub(super) fn or_nobody(findings: Vec<Finding>, answered: &Answered<'_>) -> Result<Vec<Finding>, Unreadable> {
    match findings.is_empty() {
        true => Err(Unreadable(format!("the page does not speak of `{}`", answered.service.unwrap_or("any service")))),
        false => Ok(findings),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each kind makes of a body that came with this status at noon of 4 October 2021.
    pub(in crate::outage) fn read(reading: Reading, status: u16, body: &str) -> Result<Vec<Finding>, Unreadable> {
        read_of(reading, status, body, None)
    }

    pub(in crate::outage) fn read_of(
        reading: Reading,
        status: u16,
        body: &str,
        service: Option<&str>,
    ) -> Result<Vec<Finding>, Unreadable> {
        let wall = "2021-10-04T12:00:00Z".parse().unwrap();
        reading.read(&Answered { status, body: body.as_bytes(), service, wall })
    }

    /// The class and the words of the only finding.
    pub(in crate::outage) fn trouble(reading: Reading, status: u16, body: &str) -> (Fault, String) {
        read(reading, status, body).unwrap().remove(0).is.unwrap_err()
    }

    pub(in crate::outage) fn is_well(reading: Reading, status: u16, body: &str) -> bool {
        read(reading, status, body).unwrap().iter().all(|finding| finding.is.is_ok())
    }

    const ALL: [Reading; 9] = [
        Reading::WhatsappHealth,
        Reading::Graph,
        Reading::Telegram,
        Reading::TelegramWebhook,
        Reading::Rss,
        Reading::MetaStatus,
        Reading::AppleStatus,
        Reading::MicrosoftHealth,
        Reading::Statuspage,
    ];

    #[test]
    fn garbage_is_unreadable_and_never_an_outage() {
        for reading in ALL {
            for body in ["", "<html>portal</html>", "{}", "[]", "null", "{\"a\":", "[{\"services\":7}]"] {
                if let Ok(findings) = read(reading, 200, body) {
                    assert!(findings.iter().all(|finding| finding.is.is_ok()), "{reading:?} of {body}: {findings:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_page_calls_its_services_cannot_fill_the_memory() {
        let services: Vec<String> =
            (0..1000).map(|at| format!(r#"{{"serviceName":"{at}{}"}}"#, "x".repeat(1000))).collect();
        let page = format!(r#"{{"services":[{}]}}"#, services.join(","));
        let findings = read(Reading::AppleStatus, 200, &page).unwrap();
        let longest = findings.iter().filter_map(|finding| finding.service.as_ref()).map(String::len).max();
        assert_eq!((findings.len(), longest), (SERVICES, Some(LONGEST_WORDS)));
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_survived(body in prop::collection::vec(any::<u8>(), 0..400), status in 100u16..600) {
            let wall = Timestamp::UNIX_EPOCH;
            for reading in ALL {
                let _ = reading.read(&Answered { status, body: &body, service: None, wall });
            }
        }

        #[test]
        fn pieces_of_feeds_in_any_order_are_survived(pieces in prop::collection::vec(
            prop::sample::select(vec!["<item>", "</item>", "<title>", "</title", "<![CDATA[", "]]>", "&#x41;", "&#;", "é",
                "<pubDate>", "</pubDate>", "<", ">", "&", "resolved"]), 0..40)) {
            let _ = read(Reading::Rss, 200, &pieces.concat());
        }
    }
}
