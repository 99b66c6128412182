//! What a NOTIFY tells: one document for each event package.

use bytes::Bytes;

use crate::sip::message::reason_phrase;
use crate::sip::subscription::dialog_info::DialogInfo;
use crate::sip::subscription::message_summary::MessageSummary;
use crate::sip::subscription::package::Package;
use crate::sip::subscription::presence::Presence;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// The status line of what became of a REFER. RFC 3515 §2.4.5.
    Fragment {
        status: u16,
    },
    Summary(MessageSummary),
    Dialogs(DialogInfo),
    Presence(Presence),
}

impl Document {
    pub fn package(&self) -> Package {
        match self {
            Document::Fragment { .. } => Package::Refer,
            Document::Summary(_) => Package::MessageSummary,
            Document::Dialogs(_) => Package::Dialog,
            Document::Presence(_) => Package::Presence,
        }
    }

    /// `version` counts the NOTIFYs of one subscription from 0.
    pub fn write(&self, version: u32) -> Bytes {
        let text = match self {
            Document::Fragment { status } => format!("SIP/2.0 {status} {}\r\n", reason_phrase(*status)),
            Document::Summary(summary) => summary.to_string(),
            Document::Dialogs(dialogs) => dialogs.write(version),
            Document::Presence(presence) => presence.to_string(),
        };
        Bytes::from(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_a_status_line() {
        let fragment = Document::Fragment { status: 486 };
        assert_eq!(fragment.write(3).as_ref(), b"SIP/2.0 486 Busy Here\r\n");
        assert_eq!(fragment.package().content_type(), "message/sipfrag;version=2.0");
    }
}
