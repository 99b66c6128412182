//! Why a call ends: causes of Q.850 and what they are called in SIP. RFC 3326, RFC 3398 §8.2.6.1.

use std::fmt;

use crate::sip::agent::HangUpReason;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;

impl HangUpReason {
    /// A cause of Q.850 with its usual text.
    pub fn q850(cause: u16) -> HangUpReason {
        HangUpReason::Q850(cause, text(cause))
    }

    /// The refusal that says the same to a caller who is not answered yet.
    pub(in crate::sip) fn status(self) -> u16 {
        match self {
            HangUpReason::Sip(status @ 300..700, _) => status,
            HangUpReason::Sip(..) => 480,
            HangUpReason::Q850(cause, _) => status_of(cause),
        }
    }
}

/// The value of a `Reason` header.
impl fmt::Display for HangUpReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HangUpReason::Q850(cause, text) => write!(out, "Q.850;cause={cause};text=\"{text}\""),
            HangUpReason::Sip(status, text) => write!(out, "SIP;cause={status};text=\"{text}\""),
        }
    }
}

/// `Reason: Q.850;cause=16`, RFC 3326; other protocols may stand beside it.
pub(in crate::sip) fn q850_cause(headers: &Headers) -> Option<u16> {
    let mut reasons = headers.list(&Name::Reason).map(|reason| reason.split(';').map(str::trim));
    let mut parameters = reasons.find_map(|mut words| {
        let protocol = words.next()?;
        protocol.eq_ignore_ascii_case("Q.850").then_some(words)
    })?;
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim_end().eq_ignore_ascii_case("cause").then(|| value.trim_start().parse().ok()).flatten()
    })
}

fn status_of(cause: u16) -> u16 {
    match cause {
        1..=3 => 404,
        17 => 486,
        18 => 408,
        21 | 55 | 57 | 87 => 403,
        22 => 410,
        23 | 26 => 404,
        27 => 502,
        28 => 484,
        29 | 69 | 79 => 501,
        34 | 38 | 41 | 42 | 47 | 58 | 63 => 503,
        65 | 70 | 88 => 488,
        102 => 504,
        111 | 127 => 500,
        _ => 480,
    }
}

fn text(cause: u16) -> &'static str {
    match cause {
        1 => "Unallocated number",
        3 => "No route to destination",
        16 => "Normal call clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "No answer from user",
        20 => "Subscriber absent",
        21 => "Call rejected",
        22 => "Number changed",
        27 => "Destination out of order",
        28 => "Invalid number format",
        31 => "Normal, unspecified",
        34 => "No circuit available",
        38 => "Network out of order",
        41 => "Temporary failure",
        42 => "Switching equipment congestion",
        47 => "Resource unavailable",
        88 => "Incompatible destination",
        102 => "Recovery on timer expiry",
        _ => "Interworking",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_written_and_translated() {
        let busy = HangUpReason::q850(17);
        assert_eq!(busy.to_string(), "Q.850;cause=17;text=\"User busy\"");
        assert_eq!(busy.status(), 486);
        assert_eq!(HangUpReason::Sip(603, "Decline").status(), 603);
        assert_eq!(HangUpReason::Sip(200, "Call completed elsewhere").status(), 480);
    }
}
