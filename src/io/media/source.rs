//! Whom a leg listens to, and where it therefore sends.
//!
//! The SDP names an address, but a phone behind NAT names one that nobody can reach; the packets themselves show the
//! way back. The first packet that fits what was negotiated decides, and from then on every other source is a stranger
//! (RFC 7362 §5.2 and its warning). Only signalling opens the choice again.

use std::net::SocketAddr;

/// The far side of one leg's RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    negotiated: SocketAddr,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has spoken yet.
    Open,
    /// This one was heard; after a re-INVITE with the same address the next packet may move it.
    Reopened { from: SocketAddr },
    /// This one alone is heard.
    Latched { from: SocketAddr },
}

impl Source {
    pub(super) fn new(negotiated: SocketAddr) -> Source {
        Source { negotiated, state: State::Open }
    }

    /// A re-INVITE. To another address: what was proven about the old one is void. To the same: a phone that moved to
    /// another network still names its private address, so its next packet may come from elsewhere.
    pub(super) fn reconnect(&mut self, negotiated: SocketAddr) {
        self.state = match self.state {
            State::Latched { from } | State::Reopened { from } if negotiated == self.negotiated => {
                State::Reopened { from }
            }
            _ => State::Open,
        };
        self.negotiated = negotiated;
    }

    /// Where to send: the proven source, before there is one the negotiated address, and nowhere else.
    pub(super) fn destination(&self) -> SocketAddr {
        self.proven().unwrap_or(self.negotiated)
    }

    /// The address that was really heard.
    pub(super) fn proven(&self) -> Option<SocketAddr> {
        match self.state {
            State::Open => None,
            State::Reopened { from } | State::Latched { from } => Some(from),
        }
    }

    /// Whether a stranger's packet may be looked at more closely. Cheap, so it is asked before anything is parsed.
    pub(super) fn may_hear(&self, from: SocketAddr) -> bool {
        match self.state {
            State::Latched { from: latched } => from == latched || from == self.negotiated,
            State::Open | State::Reopened { .. } => true,
        }
    }

    /// A packet from here fitted what was negotiated. The negotiated address itself may take over once from whoever
    /// spoke first.
    pub(super) fn heard(&mut self, from: SocketAddr) {
        self.state = State::Latched { from };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_source_is_kept_and_strangers_are_refused() {
        let mut source = Source::new(address("192.168.0.7:4000"));
        assert_eq!(source.destination(), address("192.168.0.7:4000"));
        source.heard(address("203.0.113.9:61000"));
        assert_eq!(source.destination(), address("203.0.113.9:61000"));
        assert!(!source.may_hear(address("198.51.100.1:4000")));
        assert!(source.may_hear(address("192.168.0.7:4000")), "the negotiated address may always claim its place");
    }

    #[test]
    fn a_reinvite_with_the_same_address_keeps_sending_there_until_another_speaks() {
        let mut source = Source::new(address("192.168.0.7:4000"));
        source.heard(address("203.0.113.9:61000"));
        source.reconnect(address("192.168.0.7:4000"));
        assert_eq!(source.destination(), address("203.0.113.9:61000"));
        assert!(source.may_hear(address("203.0.113.9:62000")));
        source.heard(address("203.0.113.9:62000"));
        assert!(!source.may_hear(address("203.0.113.9:61000")));
    }

    #[test]
    fn a_reinvite_to_another_address_sends_there_at_once() {
        let mut source = Source::new(address("192.168.0.7:4000"));
        source.heard(address("203.0.113.9:61000"));
        source.reconnect(address("198.51.100.4:9000"));
        assert_eq!(source.destination(), address("198.51.100.4:9000"));
        assert_eq!(source.proven(), None);
    }
}
