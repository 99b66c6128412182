//! What a final response other than 2xx says to the PBX: RFC 3261 §8.1.3.4 and §20.33, RFC 3326.

use std::cmp::Reverse;
use std::time::Duration;

use crate::sip::agent::SessionEvent;
use crate::sip::agent::reason::q850_cause;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::message::Response;
use crate::sip::name_addr::NameAddr;

impl SessionEvent {
    /// Nobody said so: we give the call up ourselves.
    pub(super) fn refused(status: u16, reason: &str) -> SessionEvent {
        let reason = reason.to_owned();
        SessionEvent::Refused { status, reason, cause: None, retry_after: None, redirect: Vec::new() }
    }

    pub(super) fn refused_by(response: &Response) -> SessionEvent {
        let Response { status, headers, .. } = response;
        SessionEvent::Refused {
            status: *status,
            reason: String::from_utf8_lossy(&response.reason).into_owned(),
            cause: q850_cause(headers),
            retry_after: retry_after(headers),
            redirect: if (300..400).contains(status) { redirect(headers) } else { Vec::new() },
        }
    }
}

/// `Retry-After: 18000;duration=3600`: when to try again, RFC 3261 §20.33.
pub(super) fn retry_after(headers: &Headers) -> Option<Duration> {
    headers.number(&Name::RetryAfter).map(|seconds| Duration::from_secs(u64::from(seconds)))
}

/// RFC 3261 §8.1.3.4: the highest `q` first; a Contact that says none is as good as the best.
fn redirect(headers: &Headers) -> Vec<NameAddr> {
    let mut contacts = headers.contacts().unwrap_or_default();
    contacts.sort_by_key(|contact| Reverse(thousandths(contact.params.get("q"))));
    contacts.truncate(MOST_CONTACTS);
    contacts
}

/// Further ones are not looked at: nobody follows so many.
const MOST_CONTACTS: usize = 16;

/// `0.75` as 750, RFC 3261 §25.1 `qvalue`.
fn thousandths(q: Option<&str>) -> u16 {
    let value = q.map_or(Some(1.0), |q| q.parse::<f32>().ok()).unwrap_or(0.0);
    // The cast cannot leave the range, and NaN becomes 0.
    (value.clamp(0.0, 1.0) * 1000.0).round() as u16
}
