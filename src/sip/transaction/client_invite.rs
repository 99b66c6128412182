//! The INVITE client transaction: RFC 3261 figure 5 with the state `Accepted` of RFC 6026 §7.2.

use std::time::Instant;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::transaction::Heard;
use crate::sip::transaction::Repeat;
use crate::sip::transaction::TimerEffect;
use crate::sip::transaction::Timers;
use crate::sip::transaction::derived;
use crate::sip::transaction::outbox::Outbox;

/// One INVITE of ours, from its sending until no response to it can come any more.
#[derive(Debug)]
pub(in crate::sip) struct ClientInvite {
    request: Box<Request>,
    hop: Hop,
    timers: Timers,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing heard yet. Timer A repeats, Timer B gives up.
    Calling {
        invite: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// A provisional response came; there is no limit, unless the call was cancelled (RFC 3261 §9.1).
    Proceeding {
        heard_at: Instant,
        give_up_at: Option<Instant>,
    },
    /// Refused; the ACK is repeated for each repeated refusal until Timer D.
    Completed {
        ack: Bytes,
        end_at: Instant,
    },
    /// At least one 2xx came; further ones of other branches of a fork may, until Timer M.
    Accepted {
        acks: Vec<Ack>,
        end_at: Instant,
    },
    Terminated,
}

/// The ACK that was sent to one branch of the fork.
#[derive(Debug)]
struct Ack {
    to_tag: Box<str>,
    hop: Hop,
    bytes: Bytes,
}

impl ClientInvite {
    pub(in crate::sip) fn new(
        request: Request,
        hop: Hop,
        timers: Timers,
        now: Instant,
        out: &mut Outbox,
    ) -> ClientInvite {
        let invite = request.write();
        out.send(hop, invite.clone());
        let state = State::Calling {
            invite,
            repeat: timers.first_repeat(hop.transport, now),
            give_up_at: now + timers.give_up(),
        };
        ClientInvite { request: Box::new(request), hop, timers, state }
    }

    pub(in crate::sip) fn on_response(&mut self, response: &Response, now: Instant, out: &mut Outbox) -> Heard {
        match (&mut self.state, response.status) {
            (State::Calling { .. }, 100..200) => {
                self.state = State::Proceeding { heard_at: now, give_up_at: None };
                Heard::News
            }
            (State::Proceeding { heard_at, .. }, 100..200) => {
                *heard_at = now;
                Heard::News
            }
            (State::Calling { .. } | State::Proceeding { .. }, 200..300) => {
                let end_at = now + self.timers.give_up();
                self.state = State::Accepted { acks: Vec::new(), end_at };
                Heard::News
            }
            (State::Calling { .. } | State::Proceeding { .. }, _) => {
                self.complete(response, now, out);
                Heard::News
            }
            // Not as RFC 3261 §13.2.2.4: the ACK for a repeated 2xx is repeated from here and not by the core, because
            // this transaction lives exactly as long as repeats may come (Timer M).
            (State::Accepted { acks, .. }, 200..300) => repeat_ack(acks, response, out),
            (State::Completed { ack, .. }, 300..) => {
                out.send(self.hop, ack.clone());
                Heard::Absorbed
            }
            (State::Completed { .. } | State::Accepted { .. } | State::Terminated, _) => Heard::Absorbed,
        }
    }

    /// RFC 3261 §17.1.1.3: the transaction itself acknowledges a refusal.
    fn complete(&mut self, response: &Response, now: Instant, out: &mut Outbox) {
        let ack = derived::ack_of_refusal(&self.request, response).write();
        out.send(self.hop, ack.clone());
        let wait = self.timers.final_repeats(self.hop.transport);
        self.state = match wait.is_zero() {
            true => State::Terminated,
            false => State::Completed { ack, end_at: now + wait },
        };
    }

    /// Takes note of the ACK that was sent to the branch with this To tag, to repeat it when the 2xx repeats.
    pub(in crate::sip) fn on_acknowledged(&mut self, to_tag: &str, hop: Hop, bytes: Bytes) {
        if let State::Accepted { acks, .. } = &mut self.state {
            let to_tag = to_tag.into();
            acks.push(Ack { to_tag, hop, bytes });
        }
    }

    /// Who does not answer is asked no more; what it still answers is heard until Timer B.
    pub(in crate::sip) fn stop_repeating(&mut self) {
        if let State::Calling { repeat, .. } = &mut self.state {
            *repeat = None;
        }
    }

    /// RFC 3261 §9.1: after a CANCEL the final response is awaited for 64*T1, then the INVITE counts as cancelled.
    pub(in crate::sip) fn on_cancelled(&mut self, now: Instant) {
        if let State::Proceeding { give_up_at, .. } = &mut self.state {
            give_up_at.get_or_insert(now + self.timers.give_up());
        }
    }

    /// Nobody waits for the outcome any more, and nobody will cancel it: it is not awaited for ever.
    pub(in crate::sip) fn on_orphaned(&mut self) {
        if let State::Proceeding { heard_at, give_up_at } = &mut self.state {
            give_up_at.get_or_insert(*heard_at + self.timers.give_up());
        }
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> TimerEffect {
        let hop = self.hop;
        match &mut self.state {
            State::Calling { give_up_at, .. } if *give_up_at <= now => self.end(TimerEffect::TimedOut),
            State::Calling { invite, repeat, .. } if Repeat::is_due(*repeat, now) => {
                out.send(hop, invite.clone());
                *repeat = repeat.map(|repeat| repeat.next(now, None));
                TimerEffect::Silent
            }
            State::Proceeding { give_up_at: Some(at), .. } if *at <= now => self.end(TimerEffect::TimedOut),
            State::Completed { end_at, .. } | State::Accepted { end_at, .. } if *end_at <= now => {
                self.end(TimerEffect::Silent)
            }
            _ => TimerEffect::Silent,
        }
    }

    fn end(&mut self, effect: TimerEffect) -> TimerEffect {
        self.state = State::Terminated;
        effect
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { repeat, give_up_at, .. } => Some(Repeat::or_end(*repeat, *give_up_at)),
            State::Proceeding { give_up_at, .. } => *give_up_at,
            State::Completed { end_at, .. } | State::Accepted { end_at, .. } => Some(*end_at),
            State::Terminated => None,
        }
    }

    /// True while a CANCEL may be sent: after a provisional response, before a final one (RFC 3261 §9.1), and once.
    pub(in crate::sip) fn may_be_cancelled(&self) -> bool {
        matches!(self.state, State::Proceeding { give_up_at: None, .. })
    }

    pub(in crate::sip) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// True once a final response came; what happens after that is no news to the user.
    pub(in crate::sip) fn is_decided(&self) -> bool {
        !matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    pub(in crate::sip) fn request(&self) -> &Request {
        &self.request
    }

    pub(in crate::sip) fn hop(&self) -> Hop {
        self.hop
    }
}

fn repeat_ack(acks: &[Ack], response: &Response, out: &mut Outbox) -> Heard {
    let to_tag = response.headers.to_tag().unwrap_or_default();
    match acks.iter().find(|ack| *ack.to_tag == *to_tag) {
        Some(ack) => {
            out.send(ack.hop, ack.bytes.clone());
            Heard::Absorbed
        }
        // More branches than any fork of a call has: whoever answers so often is not answered.
        None if acks.len() >= MOST_BRANCHES => Heard::Absorbed,
        None => Heard::News,
    }
}

const MOST_BRANCHES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::hop::Hop;
    use crate::sip::transaction::testing::TIMERS;
    use crate::sip::transaction::testing::ms;
    use crate::sip::transaction::testing::request;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::sent;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::tcp;
    use crate::sip::transaction::testing::udp;

    fn calling(hop: Hop, now: Instant, out: &mut Outbox) -> (ClientInvite, Request) {
        let invite = request("INVITE");
        let machine = ClientInvite::new(invite.clone(), hop, TIMERS, now, out);
        assert_eq!(sent(out), ["INVITE sip:b@192.0.2.2 SIP/2.0"]);
        (machine, invite)
    }

    #[test]
    fn timer_a_doubles_and_timer_b_gives_up() {
        let (now, mut out) = (start(), Outbox::default());
        let (mut machine, _) = calling(udp(), now, &mut out);
        for at in [500, 1500, 3500, 7500, 15500, 31500] {
            assert_eq!(machine.deadline(), Some(now + ms(at)));
            assert_eq!(machine.handle_timeout(now + ms(at), &mut out), TimerEffect::Silent);
            assert_eq!(sent(&mut out).len(), 1);
        }
        assert_eq!(machine.handle_timeout(now + secs(32), &mut out), TimerEffect::TimedOut);
        assert!(machine.is_terminated() && sent(&mut out).is_empty());
    }

    #[test]
    fn a_refusal_is_acknowledged_as_often_as_it_comes_until_timer_d() {
        let (now, mut out) = (start(), Outbox::default());
        let (mut machine, invite) = calling(udp(), now, &mut out);
        assert_eq!(machine.on_response(&invite.reply(180), now, &mut out), Heard::News);
        assert_eq!(machine.deadline(), None);
        assert_eq!(machine.on_response(&invite.reply(486), now, &mut out), Heard::News);
        assert_eq!(machine.on_response(&invite.reply(486), now, &mut out), Heard::Absorbed);
        assert_eq!(sent(&mut out), ["ACK sip:b@192.0.2.2 SIP/2.0"; 2]);
        assert_eq!(machine.on_response(&invite.reply(200), now, &mut out), Heard::Absorbed);
        machine.handle_timeout(now + secs(32), &mut out);
        assert!(machine.is_terminated());
    }

    #[test]
    fn an_invite_whose_call_is_gone_is_not_awaited_for_ever() {
        let (now, mut out) = (start(), Outbox::default());
        let (mut machine, invite) = calling(udp(), now, &mut out);
        machine.on_response(&invite.reply(100), now + secs(1), &mut out);
        assert_eq!(machine.deadline(), None);
        machine.on_orphaned();
        assert_eq!(machine.deadline(), Some(now + secs(33)));
        machine.handle_timeout(now + secs(33), &mut out);
        assert!(machine.is_terminated());
    }

    #[test]
    fn over_a_reliable_transport_nothing_is_repeated() {
        let (now, mut out) = (start(), Outbox::default());
        let (mut machine, invite) = calling(tcp(), now, &mut out);
        assert_eq!(machine.deadline(), Some(now + secs(32)));
        machine.on_response(&invite.reply(603), now, &mut out);
        assert!(machine.is_terminated());
    }

    #[test]
    fn a_repeated_2xx_hears_its_own_ack_again_and_a_new_branch_is_news() {
        let (now, mut out) = (start(), Outbox::default());
        let (mut machine, invite) = calling(udp(), now, &mut out);
        let answer = |tag: &str| {
            let mut response = invite.reply(200);
            response.headers.set(crate::sip::headers::Name::To, format!("<sip:b@192.0.2.2>;tag={tag}"));
            response
        };
        assert_eq!(machine.on_response(&answer("a"), now, &mut out), Heard::News);
        machine.on_acknowledged("a", udp(), Bytes::from_static(b"ACK a"));
        assert_eq!(machine.on_response(&answer("a"), now, &mut out), Heard::Absorbed);
        assert_eq!(machine.on_response(&answer("b"), now, &mut out), Heard::News);
        assert_eq!(sent(&mut out), ["ACK a"]);
        machine.handle_timeout(now + secs(32), &mut out);
        assert!(machine.is_terminated());
    }
}
