//! `application/simple-message-summary`: how many messages wait. RFC 3842 §5.2.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSummary {
    /// The URI of the mailbox.
    pub account: String,
    pub new: usize,
    pub old: usize,
}

impl fmt::Display for MessageSummary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageSummary { account, new, old } = self;
        let waiting = if *new > 0 { "yes" } else { "no" };
        write!(out, "Messages-Waiting: {waiting}\r\nMessage-Account: {account}\r\n")?;
        write!(out, "Voice-Message: {new}/{old} (0/0)\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lamp_is_lit_by_new_messages_only() {
        let mut summary = MessageSummary { account: "sip:geral@desvio.test".to_owned(), new: 2, old: 8 };
        assert_eq!(
            summary.to_string(),
            "Messages-Waiting: yes\r\nMessage-Account: sip:geral@desvio.test\r\nVoice-Message: 2/8 (0/0)\r\n"
        );
        summary.new = 0;
        assert!(summary.to_string().starts_with("Messages-Waiting: no\r\n"));
    }
}
