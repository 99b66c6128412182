//! The INVITE server transaction: RFC 3261 figure 7 with the state `Accepted` of RFC 6026 §7.1.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::transaction::Heard;
use crate::sip::transaction::Repeat;
use crate::sip::transaction::Timers;
use crate::sip::transaction::outbox::Outbox;

/// One INVITE of a peer, from its first arrival until no repeat of it can come any more.
#[derive(Debug)]
pub(in crate::sip) struct ServerInvite {
    hop: Hop,
    timers: Timers,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not decided: a repeated INVITE hears the last provisional response again.
    Proceeding {
        last: Option<Bytes>,
    },
    /// Refused: Timer G repeats the refusal until the ACK, Timer H gives up.
    Completed {
        refusal: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// The ACK came: its repeats are absorbed until Timer I.
    Confirmed {
        end_at: Instant,
    },
    /// Accepted: the session repeats the 2xx, repeated INVITEs are absorbed until Timer L.
    Accepted {
        end_at: Instant,
    },
    Terminated,
}

impl ServerInvite {
    pub(in crate::sip) fn new(hop: Hop, timers: Timers) -> ServerInvite {
        let state = State::Proceeding { last: None };
        ServerInvite { hop, timers, state }
    }

    /// The same INVITE once more.
    pub(in crate::sip) fn on_repeat(&mut self, out: &mut Outbox) {
        match &self.state {
            State::Proceeding { last: Some(answer) } | State::Completed { refusal: answer, .. } => {
                out.send(self.hop, answer.clone());
            }
            // RFC 6026 §7.1: the session repeats its 2xx by itself; a repeated INVITE is absorbed.
            State::Proceeding { last: None } | State::Accepted { .. } => {}
            State::Confirmed { .. } | State::Terminated => {}
        }
    }

    /// Our user's answer. A final one is sent once; what comes after it is dropped, but for the repeats of a 2xx.
    pub(in crate::sip) fn on_answer(&mut self, status: u16, bytes: Bytes, now: Instant, out: &mut Outbox) {
        match (&mut self.state, status) {
            // It says nothing that was not said.
            (State::Proceeding { last: Some(_) }, 100) => {}
            (State::Proceeding { last }, 100..200) => {
                *last = Some(bytes.clone());
                out.send(self.hop, bytes);
            }
            (State::Proceeding { .. }, 200..300) => {
                out.send(self.hop, bytes);
                let end_at = now + self.timers.give_up();
                self.state = State::Accepted { end_at };
            }
            (State::Proceeding { .. }, _) => {
                out.send(self.hop, bytes.clone());
                self.state = State::Completed {
                    refusal: bytes,
                    repeat: self.timers.first_repeat(self.hop.transport, now),
                    give_up_at: now + self.timers.give_up(),
                };
            }
            (State::Accepted { .. }, 200..300) => out.send(self.hop, bytes),
            (State::Completed { .. } | State::Confirmed { .. } | State::Accepted { .. } | State::Terminated, _) => {}
        }
    }

    /// The only answer to whoever has proven nothing: it is not repeated and waits for no ACK. RFC 3261 §26.3.2.4.
    pub(in crate::sip) fn on_rebuff(&mut self, bytes: Bytes, out: &mut Outbox) {
        if let State::Proceeding { .. } = self.state {
            out.send(self.hop, bytes);
            self.state = State::Terminated;
        }
    }

    /// An ACK with the key of this transaction: news only if it stands for a 2xx.
    pub(in crate::sip) fn on_ack(&mut self, now: Instant) -> Heard {
        match &self.state {
            State::Completed { .. } => {
                self.confirm(now);
                Heard::Absorbed
            }
            // RFC 6026 §7.1: peers without a branch of its own for the ACK (RFC 2543) confirm a 2xx this way.
            State::Accepted { .. } => Heard::News,
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => Heard::Absorbed,
        }
    }

    fn confirm(&mut self, now: Instant) {
        let wait = self.timers.stragglers(self.hop.transport);
        self.state = match wait.is_zero() {
            true => State::Terminated,
            false => State::Confirmed { end_at: now + wait },
        };
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        let Timers { t2, .. } = self.timers;
        match &mut self.state {
            State::Completed { give_up_at, .. } if *give_up_at <= now => self.state = State::Terminated,
            State::Completed { refusal, repeat, .. } if Repeat::is_due(*repeat, now) => {
                out.send(self.hop, refusal.clone());
                *repeat = repeat.map(|repeat| repeat.next(now, Some(t2)));
            }
            State::Confirmed { end_at } | State::Accepted { end_at } if *end_at <= now => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    /// Not answered yet, or refused and not acknowledged.
    pub(in crate::sip) fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding { .. } | State::Completed { .. })
    }

    /// Octets of the answer that is kept to be repeated.
    pub(in crate::sip) fn kept(&self) -> usize {
        match &self.state {
            State::Proceeding { last: Some(answer) } | State::Completed { refusal: answer, .. } => answer.len(),
            _ => 0,
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { repeat, give_up_at, .. } => Some(Repeat::or_end(*repeat, *give_up_at)),
            State::Confirmed { end_at } | State::Accepted { end_at } => Some(*end_at),
            State::Proceeding { .. } | State::Terminated => None,
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
    use crate::sip::transaction::testing::ms;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::sent;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    fn answer(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_refusal_is_repeated_until_the_ack_whose_repeats_are_absorbed() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ServerInvite::new(udp(), TIMERS);
        machine.on_repeat(&mut out);
        machine.on_answer(180, answer("180"), now, &mut out);
        machine.on_repeat(&mut out);
        machine.on_answer(486, answer("486"), now, &mut out);
        machine.on_repeat(&mut out);
        for at in [500, 1500, 3500, 7500, 11500] {
            assert_eq!(machine.deadline(), Some(now + ms(at)));
            machine.handle_timeout(now + ms(at), &mut out);
        }
        assert_eq!(sent(&mut out), ["180", "180", "486", "486", "486", "486", "486", "486", "486"]);
        assert_eq!(machine.on_ack(now + secs(12)), Heard::Absorbed);
        assert_eq!(machine.deadline(), Some(now + secs(17)));
        machine.handle_timeout(now + secs(17), &mut out);
        assert!(machine.is_terminated() && sent(&mut out).is_empty());
    }

    #[test]
    fn timer_h_gives_up_a_refusal_that_nobody_acknowledges() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ServerInvite::new(tcp(), TIMERS);
        machine.on_answer(404, answer("404"), now, &mut out);
        assert_eq!(machine.deadline(), Some(now + secs(32)), "Timer G is silent");
        machine.handle_timeout(now + secs(32), &mut out);
        assert!(machine.is_terminated());
    }

    #[test]
    fn after_a_2xx_repeats_of_the_invite_are_absorbed_and_those_of_the_2xx_pass() {
        let (now, mut out) = (start(), Outbox::default());
        let mut machine = ServerInvite::new(udp(), TIMERS);
        machine.on_answer(200, answer("200"), now, &mut out);
        machine.on_repeat(&mut out);
        machine.on_answer(200, answer("200 again"), now, &mut out);
        machine.on_answer(486, answer("486"), now, &mut out);
        assert_eq!(sent(&mut out), ["200", "200 again"]);
        assert_eq!(machine.on_ack(now), Heard::News);
        machine.handle_timeout(now + secs(32), &mut out);
        assert!(machine.is_terminated());
    }
}
