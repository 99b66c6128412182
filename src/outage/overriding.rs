//! A person's word, which stands above every probe until it is taken back or expires.

use std::time::Instant;

use crate::outage::ChannelState;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub state: ChannelState,
    pub reason: String,
    pub author: String,
    /// `None`: until somebody takes it back.
    pub until: Option<Instant>,
}

impl Override {
    pub(super) fn sentence(&self) -> String {
        match self.reason.is_empty() {
            true => format!("set to {} by {}", self.state, self.author),
            false => format!("set to {} by {}: {}", self.state, self.author, self.reason),
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
