//! What kind of failure a probe met: the class decides whose fault it can be, the sentence beside it is for people.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// In text as [`fmt::Display`] writes it: `servfail`, `name-mismatch`, `status 503`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// No answer in time, other than of a name server.
    Timeout,
    /// Somebody is there and does not want us: a closed port.
    Refused,
    /// No way there: no route, no network.
    Unreachable,
    /// The connection or the answer broke off.
    Reset,

    /// No name server answered in time.
    LookupTimeout,
    ServFail,
    NxDomain,
    /// The name exists and has no address.
    NoAddress,
    /// The name server refuses us (REFUSED).
    LookupRefused,
    /// Other addresses than others are told, such as a block page's.
    ChangedAnswer,
    /// An old answer from a cache, although the zone says otherwise.
    StaleAnswer,

    /// The certificate is somebody else's.
    NameMismatch,
    ExpiredCertificate,
    /// Valid still, and not for long.
    EndingCertificate,
    /// By no authority that we trust.
    UntrustedCertificate,
    /// Any other failed handshake.
    Handshake,

    /// An HTTP status that the service gives only when it is not well.
    Status(u16),
    /// An answer that is no answer of this service: garbage, endless, without what it must hold.
    WrongBody,
    /// Redirects without end, or to where they must not lead.
    Redirect,
    /// A page of somebody on the way (hotel, provider), where the service's own was expected.
    CaptivePortal,
    /// An answer, but later than is of use.
    Slow,

    /// Our token or password is wrong, expired or blocked.
    CredentialRefused,
    /// The account of ours has used up what it may.
    Throttled,
    /// What the service wants to tell us piles up: our webhook does not take it.
    WebhookBacklog,
    /// The service says that our webhook fails or is not there.
    WebhookFailing,

    /// Texts of ours are not taken.
    SendsFail,
    /// Delivery receipts come much later than they use to.
    ReceiptsLate,
    /// Customers write far less than they use to at this hour.
    InboundSilent,

    /// A feed, a peer or a person says so.
    Reported,
    /// None of the others.
    Other,
}

/// A word that names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fault; such are `timeout`, `servfail`, `status 503`, `credential-refused`, `reported`")]
pub struct FaultError(String);

/// All but [`Fault::Status`], which carries a number.
const WORDS: &[(&str, Fault)] = &[
    ("timeout", Fault::Timeout),
    ("refused", Fault::Refused),
    ("unreachable", Fault::Unreachable),
    ("reset", Fault::Reset),
    ("lookup-timeout", Fault::LookupTimeout),
    ("servfail", Fault::ServFail),
    ("nxdomain", Fault::NxDomain),
    ("no-address", Fault::NoAddress),
    ("lookup-refused", Fault::LookupRefused),
    ("changed-answer", Fault::ChangedAnswer),
    ("stale-answer", Fault::StaleAnswer),
    ("name-mismatch", Fault::NameMismatch),
    ("expired-certificate", Fault::ExpiredCertificate),
    ("ending-certificate", Fault::EndingCertificate),
    ("untrusted-certificate", Fault::UntrustedCertificate),
    ("handshake", Fault::Handshake),
    ("wrong-body", Fault::WrongBody),
    ("redirect", Fault::Redirect),
    ("captive-portal", Fault::CaptivePortal),
    ("slow", Fault::Slow),
    ("credential-refused", Fault::CredentialRefused),
    ("throttled", Fault::Throttled),
    ("webhook-backlog", Fault::WebhookBacklog),
    ("webhook-failing", Fault::WebhookFailing),
    ("sends-fail", Fault::SendsFail),
    ("receipts-late", Fault::ReceiptsLate),
    ("inbound-silent", Fault::InboundSilent),
    ("reported", Fault::Reported),
    ("other", Fault::Other),
];

impl Fault {
    /// The name could not be looked up: whatever the layer, the far side was not even asked.
    pub fn is_lookup(self) -> bool {
        matches!(
            self,
            Fault::LookupTimeout
                | Fault::ServFail
                | Fault::NxDomain
                | Fault::NoAddress
                | Fault::LookupRefused
                | Fault::ChangedAnswer
                | Fault::StaleAnswer
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Fault::Status(code) = self {
            return write!(f, "status {code}");
        }
        let word = WORDS.iter().find(|(_, fault)| fault == self);
        f.write_str(word.map_or("other", |(word, _)| word))
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let fault = || FaultError(text.to_owned());
        match text.strip_prefix("status ") {
            Some(code) => Ok(Fault::Status(code.trim().parse().map_err(|_| fault())?)),
            None => WORDS.iter().find(|(word, _)| *word == text).map(|(_, fault)| *fault).ok_or_else(fault),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Fault, FaultError> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        fault.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        let all = WORDS.iter().map(|(_, fault)| *fault).chain([Fault::Status(503)]);
        for fault in all {
            assert_eq!(fault.to_string().parse(), Ok(fault));
        }
        for wrong in ["", "status", "status x", "status 70000", "SERVFAIL "] {
            assert!(wrong.parse::<Fault>().unwrap_err().to_string().contains(wrong));
        }
    }
}
