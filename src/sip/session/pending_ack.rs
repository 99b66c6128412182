//! A 2xx of ours to an INVITE, repeated until its ACK comes: RFC 3261 §13.3.1.4.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::agent::TransactionId;
use crate::sip::agent::core::Core;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::transaction::Repeat;

/// See the top of this file.
#[derive(Debug)]
pub(super) struct PendingAck {
    transaction: TransactionId,
    status: u16,
    answer: Bytes,
    /// The number of the INVITE, which its ACK repeats.
    number: u32,
    repeat: Repeat,
    give_up_at: Instant,
}

impl PendingAck {
    /// Sends the 2xx for the first time. Repeats begin at T1 over every transport, as the RFC wants it.
    pub(super) fn send(transaction: TransactionId, response: &Response, core: &mut Core, now: Instant) -> PendingAck {
        let timers = core.layer.timers();
        let answer = response.write();
        core.layer.answer_bytes(transaction, response.status, answer.clone(), now);
        core.invites.remove(&transaction);
        PendingAck {
            transaction,
            status: response.status,
            answer,
            number: response.headers.cseq().map_or(0, |cseq| cseq.number),
            repeat: Repeat { at: now + timers.t1, gap: timers.t1 },
            give_up_at: now + timers.give_up(),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.repeat.at.min(self.give_up_at)
    }

    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.give_up_at <= now
    }

    pub(super) fn repeat(&mut self, core: &mut Core, now: Instant) {
        if self.repeat.at <= now {
            core.layer.answer_bytes(self.transaction, self.status, self.answer.clone(), now);
            self.repeat = self.repeat.next(now, Some(core.layer.timers().t2));
        }
    }

    pub(super) fn is_confirmed_by(&self, ack: &Request) -> bool {
        ack.headers.cseq().is_ok_and(|cseq| cseq.number == self.number)
    }
}
