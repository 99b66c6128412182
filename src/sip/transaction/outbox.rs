//! What goes out next, in order.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::hop::Transmit;
use crate::sip::transaction::tally::Tally;

/// Messages that wait for the sockets.
#[derive(Debug, Default)]
pub(in crate::sip) struct Outbox {
    queue: VecDeque<Transmit>,
    sent: Tally,
}

impl Outbox {
    pub(in crate::sip) fn send(&mut self, hop: Hop, bytes: Bytes) {
        self.sent.count(&bytes);
        self.queue.push_back(Transmit { hop, bytes });
    }

    pub(in crate::sip) fn pop(&mut self) -> Option<Transmit> {
        self.queue.pop_front()
    }

    pub(in crate::sip) fn sent(&self) -> Tally {
        self.sent
    }
}
