//! What went wrong with one attempt: the class for the detector, the cause in words for people.

use std::io;
use std::io::ErrorKind;
use std::time::Duration;

use rustls::CertificateError;

use crate::outage::fault::Fault;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) fault: Fault,
    pub(super) why: String,
}

impl Trouble {
    pub(super) fn new(fault: Fault, why: impl Into<String>) -> Trouble {
        Trouble { fault, why: why.into() }
    }

    pub(super) fn late(within: Duration) -> Trouble {
        Trouble::new(Fault::Timeout, format!("no answer within {}", humantime::format_duration(within)))
    }

    /// The lookup that came before failed.
    pub(super) fn of_lookup(self) -> Trouble {
        Trouble { why: format!("name lookup: {}", self.why), ..self }
    }

    /// A connection that failed, or a handshake over it.
    pub(super) fn of_io(error: &io::Error) -> Trouble {
        let inner = error.get_ref();
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Trouble::of_tls(tls);
        }
        if let Some(wrapped) = inner.and_then(|inner| inner.downcast_ref::<io::Error>()) {
            return Trouble::of_io(wrapped);
        }
        let fault = match error.kind() {
            ErrorKind::ConnectionRefused => Fault::Refused,
            ErrorKind::TimedOut => Fault::Timeout,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => Fault::Unreachable,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Fault::Reset,
            _ => Fault::Other,
        };
        Trouble::new(fault, error.to_string())
    }

    pub(super) fn of_tls(error: &rustls::Error) -> Trouble {
        let rustls::Error::InvalidCertificate(certificate) = error else {
            return Trouble::new(Fault::Handshake, error.to_string());
        };
        match certificate {
            CertificateError::Expired => Trouble::new(Fault::ExpiredCertificate, "its certificate has expired"),
            CertificateError::ExpiredContext { time, not_after } => {
                let ago = time.as_secs().saturating_sub(not_after.as_secs());
                let why = format!("its certificate expired {} ago", in_days(ago));
                Trouble::new(Fault::ExpiredCertificate, why)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Trouble::new(Fault::NameMismatch, error.to_string())
            }
            CertificateError::UnknownIssuer => Trouble::new(Fault::UntrustedCertificate, error.to_string()),
            _ => Trouble::new(Fault::Handshake, error.to_string()),
        }
    }
}

/// `3 days`, `5 hours`, `less than an hour`.
pub(super) fn in_days(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600) {
        (0, 0) => "less than an hour".to_owned(),
        (0, 1) => "an hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "a day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}
