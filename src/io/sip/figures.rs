//! What the sockets count, for the metrics.

use std::fmt;

use crate::io::sip::connection::End;
use crate::sip::hop::Transport;

/// Since the start, but for what is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// Messages that were lost because their peer did not take what came before, or could not be reached.
    pub overflowed: u64,
    /// Pieces of streams that could not be cut into messages.
    pub malformed: u64,
    /// Handshakes of peers that are under way now.
    pub handshakes: usize,
    /// Streams that are open now.
    pub open: ByTransport,
    /// Connections refused because there were too many in all,
    pub refused_in_all: u64,
    /// or from their address,
    pub refused_of_address: u64,
    /// or of handshakes under way.
    pub refused_of_handshakes: u64,
    /// Handshakes that failed, ours and theirs, and connections that could not be opened.
    pub failed: u64,
    /// Streams closed because no message came in time,
    pub mute: u64,
    /// or nothing for a long time,
    pub idle: u64,
    /// or their peer did not take what we sent.
    pub slow: u64,
}

/// One number for each kind of stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByTransport([usize; 4]);

/// Why a connection is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Total,
    Address,
    Handshakes,
}

impl ByTransport {
    const KINDS: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

    pub(super) fn of(&mut self, transport: Transport) -> &mut usize {
        // Datagrams have no stream and are never asked for.
        let index = Self::KINDS.iter().position(|kind| *kind == transport).unwrap_or_default();
        &mut self.0[index]
    }

    pub fn iter(&self) -> impl Iterator<Item = (Transport, usize)> {
        Self::KINDS.into_iter().zip(self.0)
    }
}

impl StreamFigures {
    pub(super) fn count_refusal(&mut self, why: Refusal) {
        match why {
            Refusal::Total => self.refused_in_all += 1,
            Refusal::Address => self.refused_of_address += 1,
            Refusal::Handshakes => self.refused_of_handshakes += 1,
        }
    }

    pub(super) fn count_end(&mut self, end: &End) {
        match end {
            End::Closed | End::Broken(_) => {}
            End::Refused(_) => self.failed += 1,
            End::Mute => self.mute += 1,
            End::Idle => self.idle += 1,
            End::Slow => self.slow += 1,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Total => "`[sip] max_connections` are open",
            Refusal::Address => "`[sip] max_connections_per_address` are open from there",
            Refusal::Handshakes => "`[sip] max_handshakes` are under way",
        })
    }
}
