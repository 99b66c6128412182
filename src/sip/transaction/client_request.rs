//! The non-INVITE client transaction: RFC 3261 figure 6.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::transaction::Heard;
use crate::sip::transaction::Repeat;
use crate::sip::transaction::TimerEffect;
use crate::sip::transaction::Timers;
use crate::sip::transaction::outbox::Outbox;

/// One request of ours that is neither INVITE nor ACK.
#[derive(Debug)]
pub(in crate::sip) struct ClientRequest {
    request: Box<Request>,
    hop: Hop,
    timers: Timers,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing heard yet. Timer E repeats with growing gaps, Timer F gives up.
    Trying {
        bytes: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// A provisional response came: Timer E goes on at T2, Timer F as before.
    Proceeding {
        bytes: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// Repeated responses are absorbed until Timer K.
    Completed {
        end_at: Instant,
    },
    Terminated,
}

impl ClientRequest {
    pub(in crate::sip) fn new(
        request: Request,
        hop: Hop,
        timers: Timers,
        now: Instant,
        out: &mut Outbox,
    ) -> ClientRequest {
        let bytes = request.write();
        out.send(hop, bytes.clone());
        let state = State::Trying {
            bytes,
            repeat: timers.first_repeat(hop.transport, now),
            give_up_at: now + timers.give_up(),
        };
        ClientRequest { request: Box::new(request), hop, timers, state }
    }

    pub(in crate::sip) fn on_response(&mut self, response: &Response, now: Instant) -> Heard {
        match (&mut self.state, response.status) {
            (State::Trying { bytes, repeat, give_up_at }, 100..200) => {
                self.state = State::Proceeding { bytes: bytes.clone(), repeat: *repeat, give_up_at: *give_up_at };
                Heard::News
            }
            (State::Proceeding { .. }, 100..200) => Heard::News,
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                self.complete(now);
                Heard::News
            }
            (State::Completed { .. } | State::Terminated, _) => Heard::Absorbed,
        }
    }

    fn complete(&mut self, now: Instant) {
        let wait = self.timers.stragglers(self.hop.transport);
        self.state = match wait.is_zero() {
            true => State::Terminated,
            false => State::Completed { end_at: now + wait },
        };
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> TimerEffect {
        let Timers { t2, .. } = self.timers;
        match &mut self.state {
            State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. } if *give_up_at <= now => {
                self.state = State::Terminated;
                TimerEffect::TimedOut
            }
            State::Trying { bytes, repeat, .. } if Repeat::is_due(*repeat, now) => {
                out.send(self.hop, bytes.clone());
                *repeat = repeat.map(|repeat| repeat.next(now, Some(t2)));
                TimerEffect::Silent
            }
            State::Proceeding { bytes, repeat, .. } if Repeat::is_due(*repeat, now) => {
                out.send(self.hop, bytes.clone());
                *repeat = Some(Repeat { at: now + t2, gap: t2 });
                TimerEffect::Silent
            }
            State::Completed { end_at } if *end_at <= now => {
                self.state = State::Terminated;
                TimerEffect::Silent
            }
            _ => TimerEffect::Silent,
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { repeat, give_up_at, .. } | State::Proceeding { repeat, give_up_at, .. } => {
                Some(Repeat::or_end(*repeat, *give_up_at))
            }
            State::Completed { end_at } => Some(*end_at),
            State::Terminated => None,
        }
    }

    pub(in crate::sip) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// True once a final response came.
    pub(in crate::sip) fn is_decided(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Terminated)
    }

    pub(in crate::sip) fn request(&self) -> &Request {
        &self.request
    }

    pub(in crate::sip) fn hop(&self) -> Hop {
        self.hop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::TIMERS;
    use crate::sip::transaction::testing::ms;
    use crate::sip::transaction::testing::request;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::sent;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    #[test]
    fn timer_e_grows_to_t2_and_timer_f_gives_up() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ClientRequest::new(request("OPTIONS"), udp(), TIMERS, now, &mut out);
        for at in [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500] {
            assert_eq!(machine.deadline(), Some(now + ms(at)));
            machine.handle_timeout(now + ms(at), &mut out);
        }
        assert_eq!(sent(&mut out).len(), 11);
        assert_eq!(machine.handle_timeout(now + secs(32), &mut out), TimerEffect::TimedOut);
    }

    #[test]
    fn after_a_provisional_response_it_repeats_every_t2() {
        let (now, mut out) = (start(), Outbox::default());
        let options = request("OPTIONS");
        let mut machine = ClientRequest::new(options.clone(), udp(), TIMERS, now, &mut out);
        machine.on_response(&options.reply(100), now);
        machine.handle_timeout(now + ms(500), &mut out);
        assert_eq!(machine.deadline(), Some(now + ms(4500)));
    }

    #[test]
    fn repeated_answers_are_absorbed_until_timer_k() {
        let (now, mut out) = (start(), Outbox::default());
        let options = request("OPTIONS");
        let mut machine = ClientRequest::new(options.clone(), udp(), TIMERS, now, &mut out);
        assert_eq!(machine.on_response(&options.reply(200), now), Heard::News);
        assert_eq!(machine.on_response(&options.reply(200), now), Heard::Absorbed);
        assert_eq!(machine.deadline(), Some(now + secs(5)));
        machine.handle_timeout(now + secs(5), &mut out);
        assert!(machine.is_terminated());
        let mut reliable = ClientRequest::new(options.clone(), tcp(), TIMERS, now, &mut out);
        reliable.on_response(&options.reply(200), now);
        assert!(reliable.is_terminated());
    }
}
