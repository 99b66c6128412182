//! The four transaction machines of RFC 3261 §17 with the corrections of RFC 6026, one type for each figure.
//!
//! A machine knows its own timers and what it sent; it never sees a socket, a dialog or another transaction. What it
//! sends goes to the [`Outbox`] at once; what its user must hear is the value that the method returns.

pub(super) mod client_invite;
pub(super) mod client_request;
pub(super) mod deadlines;
pub(super) mod derived;
pub(super) mod fingerprint;
pub(super) mod layer;
mod machines;
pub(super) mod outbox;
mod pending;
pub(super) mod server_invite;
pub(super) mod server_request;
pub mod tally;

use std::time::Duration;
use std::time::Instant;

use crate::sip::hop::Transport;

/// What becomes of a message that reached a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The transaction user has to act on it.
    News,
    /// A repetition, or a message that this state ignores: nobody else needs to see it.
    Absorbed,
}

/// What a timer that ran out means for the transaction user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimerEffect {
    /// Something was repeated, or the transaction went away as it should.
    Silent,
    /// No final response came (Timers B and F): the user has to be told.
    TimedOut,
}

/// The timer values of RFC 3261, table 4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timers {
    /// T1: estimate of the round trip.
    pub(super) t1: Duration,
    /// T2: longest gap between repeats of a non-INVITE request or of a final INVITE response.
    pub(super) t2: Duration,
    /// T4: longest time that a message remains in the network.
    pub(super) t4: Duration,
}

impl Timers {
    /// Timers B, F, H, L and M: 64*T1. Timer J too, where the transport may lose datagrams.
    pub(super) fn give_up(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: longer than the far side may repeat its final response; zero over a reliable transport.
    pub(super) fn final_repeats(&self, transport: Transport) -> Duration {
        match transport.is_reliable() {
            true => Duration::ZERO,
            false => self.give_up().max(Duration::from_secs(32)),
        }
    }

    /// Timer J: how long repeated requests may still come; zero over a reliable transport.
    pub(super) fn request_repeats(&self, transport: Transport) -> Duration {
        match transport.is_reliable() {
            true => Duration::ZERO,
            false => self.give_up(),
        }
    }

    /// Timers I and K: how long stragglers are absorbed; zero over a reliable transport.
    pub(super) fn stragglers(&self, transport: Transport) -> Duration {
        match transport.is_reliable() {
            true => Duration::ZERO,
            false => self.t4,
        }
    }

    /// Timers A, E and G: when to repeat for the first time; never over a reliable transport.
    pub(super) fn first_repeat(&self, transport: Transport, now: Instant) -> Option<Repeat> {
        (!transport.is_reliable()).then(|| Repeat { at: now + self.t1, gap: self.t1 })
    }
}

/// A message that is sent again and again, with growing gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) at: Instant,
    pub(super) gap: Duration,
}

impl Repeat {
    /// The next repeat: the gap doubles, up to `longest` where there is a limit.
    pub(super) fn next(self, now: Instant, longest: Option<Duration>) -> Repeat {
        let doubled = self.gap * 2;
        let gap = longest.map_or(doubled, |longest| doubled.min(longest));
        Repeat { at: now + gap, gap }
    }

    /// True once this repeat is due.
    pub(super) fn is_due(repeat: Option<Repeat>, now: Instant) -> bool {
        repeat.is_some_and(|repeat| repeat.at <= now)
    }

    /// The earlier of the repeat and the end of the wait.
    pub(super) fn or_end(repeat: Option<Repeat>, end_at: Instant) -> Instant {
        repeat.map_or(end_at, |repeat| repeat.at.min(end_at))
    }
}

/// What the machines' tests share: a lossy hop, a reliable one, and an arbitrary origin for virtual time.
#[cfg(test)]
pub(super) mod testing {
    use std::time::Duration;
    use std::time::Instant;

    use bytes::Bytes;

    use super::Timers;
    use crate::sip::hop::ConnectionId;
    use crate::sip::hop::Hop;
    use crate::sip::hop::Transport;
    use crate::sip::message::Message;
    use crate::sip::message::Request;
    use crate::sip::transaction::outbox::Outbox;

    pub(in crate::sip) const TIMERS: Timers =
        Timers { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    pub(in crate::sip) fn start() -> Instant {
        Instant::now()
    }

    pub(in crate::sip) fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    pub(in crate::sip) fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    pub(in crate::sip) fn udp() -> Hop {
        Hop {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.2:5060".parse().unwrap(),
            connection: None,
        }
    }

    pub(in crate::sip) fn tcp() -> Hop {
        Hop { transport: Transport::Tcp, connection: Some(ConnectionId(1)), ..udp() }
    }

    /// A request of ours, as a transaction gets it.
    pub(in crate::sip) fn request(method: &str) -> Request {
        let text = format!(
            "{method} sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n\
             From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The first line of everything that was sent since the last look.
    pub(in crate::sip) fn sent(out: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| out.pop()).map(|sent| first_line(&sent.bytes)).collect()
    }

    pub(in crate::sip) fn first_line(bytes: &Bytes) -> String {
        let text = String::from_utf8_lossy(bytes);
        text.lines().next().unwrap_or_default().to_owned()
    }
}
