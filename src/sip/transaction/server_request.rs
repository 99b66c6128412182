//! The non-INVITE server transaction: RFC 3261 figure 8.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::transaction::Timers;
use crate::sip::transaction::outbox::Outbox;

/// One request of a peer that is neither INVITE nor ACK.
#[derive(Debug)]
pub(in crate::sip) struct ServerRequest {
    hop: Hop,
    timers: Timers,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not answered yet.
    Trying {
        give_up_at: Instant,
    },
    /// Answered provisionally: a repeated request hears that again.
    Proceeding {
        last: Bytes,
        give_up_at: Instant,
    },
    /// Answered: a repeated request hears the answer again, until Timer J.
    Completed {
        answer: Bytes,
        end_at: Instant,
    },
    Terminated,
}

impl ServerRequest {
    pub(in crate::sip) fn new(hop: Hop, timers: Timers, now: Instant) -> ServerRequest {
        // Not as RFC 3261 §17.2.2: a request that nobody answers is forgotten when its client has given up (Timer F);
        // RFC 4320 §4.2 forbids to answer after that.
        let give_up_at = now + timers.give_up();
        let state = State::Trying { give_up_at };
        ServerRequest { hop, timers, state }
    }

    /// The same request once more.
    pub(in crate::sip) fn on_repeat(&mut self, out: &mut Outbox) {
        match &self.state {
            State::Proceeding { last: answer, .. } | State::Completed { answer, .. } => {
                out.send(self.hop, answer.clone());
            }
            State::Trying { .. } | State::Terminated => {}
        }
    }

    /// Our user's answer; what comes after a final one is dropped.
    pub(in crate::sip) fn on_answer(&mut self, status: u16, bytes: Bytes, now: Instant, out: &mut Outbox) {
        match (&self.state, status) {
            (State::Trying { give_up_at } | State::Proceeding { give_up_at, .. }, 100..200) => {
                let give_up_at = *give_up_at;
                out.send(self.hop, bytes.clone());
                self.state = State::Proceeding { last: bytes, give_up_at };
            }
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                out.send(self.hop, bytes.clone());
                self.complete(bytes, now);
            }
            (State::Completed { .. } | State::Terminated, _) => {}
        }
    }

    fn complete(&mut self, answer: Bytes, now: Instant) {
        let wait = self.timers.request_repeats(self.hop.transport);
        self.state = match wait.is_zero() {
            true => State::Terminated,
            false => State::Completed { answer, end_at: now + wait },
        };
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.state = State::Terminated;
        }
    }

    /// Octets of the answer that is kept to be repeated.
    pub(in crate::sip) fn kept(&self) -> usize {
        match &self.state {
            State::Proceeding { last: answer, .. } | State::Completed { answer, .. } => answer.len(),
            State::Trying { .. } | State::Terminated => 0,
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { give_up_at } | State::Proceeding { give_up_at, .. } => Some(*give_up_at),
            State::Completed { end_at, .. } => Some(*end_at),
            State::Terminated => None,
        }
    }

    pub(in crate::sip) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::TIMERS;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::sent;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    #[test]
    fn repeats_are_absorbed_before_the_answer_and_answered_after_it_until_timer_j() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ServerRequest::new(udp(), TIMERS, now);
        machine.on_repeat(&mut out);
        machine.on_answer(200, Bytes::from_static(b"200"), now + secs(3), &mut out);
        machine.on_repeat(&mut out);
        machine.on_answer(404, Bytes::from_static(b"404"), now + secs(3), &mut out);
        assert_eq!(sent(&mut out), ["200", "200"]);
        assert_eq!(machine.deadline(), Some(now + secs(35)));
        machine.handle_timeout(now + secs(35));
        assert!(machine.is_terminated());
    }

    #[test]
    fn over_a_reliable_transport_it_ends_with_its_answer() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ServerRequest::new(tcp(), TIMERS, now);
        machine.on_answer(200, Bytes::from_static(b"200"), now, &mut out);
        assert!(machine.is_terminated());
    }
}
