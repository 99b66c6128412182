//! The four machines of RFC 3261 §17 as two: of requests of ours, and of those of peers.

use std::time::Duration;
use std::time::Instant;

use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::transaction::TimerEffect;
use crate::sip::transaction::client_invite::ClientInvite;
use crate::sip::transaction::client_request::ClientRequest;
use crate::sip::transaction::outbox::Outbox;
use crate::sip::transaction::server_invite::ServerInvite;
use crate::sip::transaction::server_request::ServerRequest;

#[derive(Debug)]
pub(super) enum Client {
    Invite(ClientInvite),
    Request(ClientRequest),
}

impl Client {
    pub(super) fn request(&self) -> &Request {
        match self {
            Client::Invite(machine) => machine.request(),
            Client::Request(machine) => machine.request(),
        }
    }

    pub(super) fn hop(&self) -> Hop {
        match self {
            Client::Invite(machine) => machine.hop(),
            Client::Request(machine) => machine.hop(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) -> TimerEffect {
        match self {
            Client::Invite(machine) => machine.handle_timeout(now, out),
            Client::Request(machine) => machine.handle_timeout(now, out),
        }
    }

    pub(super) fn is_decided(&self) -> bool {
        match self {
            Client::Invite(machine) => machine.is_decided(),
            Client::Request(machine) => machine.is_decided(),
        }
    }

    pub(super) fn is_terminated(&self) -> bool {
        match self {
            Client::Invite(machine) => machine.is_terminated(),
            Client::Request(machine) => machine.is_terminated(),
        }
    }

    pub(super) fn deadline(&self, leisure: &mut Leisure) -> Option<Instant> {
        let exact = match self {
            Client::Invite(machine) => machine.deadline(),
            Client::Request(machine) => machine.deadline(),
        };
        if self.is_decided() { leisure.round_up(exact) } else { exact }
    }
}

#[derive(Debug)]
pub(super) enum Server {
    Invite(ServerInvite),
    Request(ServerRequest),
}

impl Server {
    pub(super) fn on_repeat(&mut self, out: &mut Outbox) {
        match self {
            Server::Invite(machine) => machine.on_repeat(out),
            Server::Request(machine) => machine.on_repeat(out),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        match self {
            Server::Invite(machine) => machine.handle_timeout(now, out),
            Server::Request(machine) => machine.handle_timeout(now),
        }
    }

    pub(super) fn is_terminated(&self) -> bool {
        match self {
            Server::Invite(machine) => machine.is_terminated(),
            Server::Request(machine) => machine.is_terminated(),
        }
    }

    /// Octets of the answer that is kept to be repeated.
    pub(super) fn kept(&self) -> usize {
        match self {
            Server::Invite(machine) => machine.kept(),
            Server::Request(machine) => machine.kept(),
        }
    }

    pub(super) fn deadline(&self, leisure: &mut Leisure) -> Option<Instant> {
        match self {
            Server::Invite(machine) if machine.is_pending() => machine.deadline(),
            Server::Invite(machine) => leisure.round_up(machine.deadline()),
            Server::Request(machine) => leisure.round_up(machine.deadline()),
        }
    }
}

/// Nobody notices when a transaction ends that only absorbs repeats: such ends come together in steps, and wake us once.
#[derive(Debug, Default)]
pub(super) struct Leisure {
    origin: Option<Instant>,
}

const STEP: Duration = Duration::from_millis(500);

impl Leisure {
    /// The steps go both ways from the first deadline of all, which may well be the latest for half a minute.
    fn round_up(&mut self, exact: Option<Instant>) -> Option<Instant> {
        let exact = exact?;
        let origin = *self.origin.get_or_insert(exact);
        let beyond = remainder(exact.saturating_duration_since(origin));
        let before = remainder(origin.saturating_duration_since(exact));
        Some(if beyond.is_zero() { exact + before } else { exact + (STEP - beyond) })
    }
}

fn remainder(of: Duration) -> Duration {
    Duration::from_nanos(u64::try_from(of.as_nanos() % STEP.as_nanos()).expect("less than a step"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::ms;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;

    #[test]
    fn what_can_wait_comes_in_steps_and_never_early() {
        let (mut leisure, now) = (Leisure::default(), start());
        let rounded = [0, 1, 499, 500, 501].map(|at| leisure.round_up(Some(now + ms(at))));
        assert_eq!(rounded, [0, 500, 500, 500, 1000].map(|at| Some(now + ms(at))));
        assert_eq!(leisure.round_up(None), None);

        let (mut leisure, first) = (Leisure::default(), now + secs(32));
        assert_eq!(leisure.round_up(Some(first)), Some(first));
        let rounded = [0, 1, 499, 500, 501].map(|at| leisure.round_up(Some(now + ms(at))));
        assert_eq!(rounded, [0, 500, 500, 500, 1000].map(|at| Some(now + ms(at))));
    }
}
