//! Watches over one leg's two directions: whether anybody is heard who should be, and whether we are.
//!
//! Packets only leave their mark here; what it means is considered once a second.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::media::refusal::Refusal;
use crate::media::sdp::Direction;
use crate::media::silence::Silence;

/// After how long what is said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) quiet: Duration,
    /// Neither audio nor reports for so long ends a call.
    pub(super) lifeless: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Vigil {
    /// The last packet, or the beginning.
    last_heard: Instant,
    /// When the stream was agreed on: nobody is missed for a time before that.
    agreed: Instant,
    /// Under what is agreed on now.
    ever_heard: bool,
    /// What came meanwhile and was refused.
    refused: Option<(SocketAddr, Refusal)>,
    theirs: Told,
    ours: Told,
    sending: Sending,
    lifeless: bool,
}

/// Whether the switch was told that a side is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Quiet,
    /// Under what was agreed on before; it is told again if it stays so.
    QuietBefore,
    /// It is heard again after so long, which is to be told.
    Again(Duration),
}

/// What has become of our packets since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Idle,
    Sent,
    Withheld,
    Unsent,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    Quiet { since: Duration, silence: Silence },
    HeardAgain { after: Duration },
    Lifeless { since: Duration },
}

impl Vigil {
    pub(super) fn new(now: Instant) -> Vigil {
        Vigil {
            last_heard: now,
            agreed: now,
            ever_heard: false,
            refused: None,
            theirs: Told::Nothing,
            ours: Told::Nothing,
            sending: Sending::Idle,
            lifeless: false,
        }
    }

    /// Something else is agreed on, or the same again. A silence that was told of goes on until its end is told too.
    pub(super) fn on_agreed(&mut self, now: Instant) {
        let theirs = match self.theirs {
            Told::Quiet => Told::QuietBefore,
            told => told,
        };
        *self = Vigil { last_heard: self.last_heard, theirs, ..Vigil::new(now) };
    }

    pub(super) fn on_heard(&mut self, now: Instant) {
        if matches!(self.theirs, Told::Quiet | Told::QuietBefore) {
            self.theirs = Told::Again(self.unheard(now));
        }
        self.last_heard = now;
        self.ever_heard = true;
        self.refused = None;
    }

    pub(super) fn on_refused(&mut self, from: SocketAddr, why: Refusal) {
        // What opens a NAT says nothing of where sound has gone.
        if why != Refusal::Stun {
            self.refused = Some((from, why));
        }
    }

    pub(super) fn on_sent(&mut self) {
        self.sending = Sending::Sent;
    }

    pub(super) fn on_withheld(&mut self) {
        self.sending = Sending::Withheld;
    }

    pub(super) fn on_unsent(&mut self) {
        self.sending = Sending::Unsent;
    }

    /// Since the last packet, or the beginning.
    pub(super) fn unheard(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_heard)
    }

    /// One thing to tell, `reported` being when the last report of the far side came; to be asked until there is none.
    pub(super) fn find(
        &mut self,
        direction: Direction,
        reported: Option<Instant>,
        patience: Patience,
        now: Instant,
    ) -> Option<Finding> {
        if let Told::Again(after) = self.theirs {
            self.theirs = Told::Nothing;
            return Some(Finding::HeardAgain { after });
        }
        // On hold nobody need speak.
        if direction == Direction::SendRecv {
            let since = now.saturating_duration_since(self.last_heard.max(self.agreed));
            if matches!(self.theirs, Told::Nothing | Told::QuietBefore) && since >= patience.quiet {
                self.theirs = Told::Quiet;
                return Some(Finding::Quiet { since, silence: self.their_silence(reported, now, patience.quiet) });
            }
            if let Some(since) = self.lifeless(reported, patience, now) {
                return Some(Finding::Lifeless { since });
            }
        }
        self.find_ours()
    }

    fn their_silence(&self, reported: Option<Instant>, now: Instant, quiet: Duration) -> Silence {
        let reports = reported.is_some_and(|came| now.saturating_duration_since(came) < quiet);
        match self.refused {
            Some((from, Refusal::Source | Refusal::Ssrc)) => Silence::Elsewhere { from },
            Some((_, why)) => Silence::Unusable { why },
            None if reports => Silence::OnlyReports,
            None if self.ever_heard => Silence::Stopped,
            None => Silence::NeverCame,
        }
    }

    fn lifeless(&mut self, reported: Option<Instant>, patience: Patience, now: Instant) -> Option<Duration> {
        let heard = self.last_heard.max(self.agreed);
        let last = reported.map_or(heard, |came| came.max(heard));
        let since = now.saturating_duration_since(last);
        if self.lifeless || since < patience.lifeless? {
            return None;
        }
        self.lifeless = true;
        Some(since)
    }

    /// What we cannot say is told at the first look; it is not waited for.
    fn find_ours(&mut self) -> Option<Finding> {
        let silence = match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Idle => return None,
            Sending::Sent => {
                self.ours = Told::Nothing;
                return None;
            }
            Sending::Withheld => Silence::Withheld,
            Sending::Unsent => Silence::Unsent,
        };
        if self.ours == Told::Quiet {
            return None;
        }
        self.ours = Told::Quiet;
        Some(Finding::Quiet { since: Duration::ZERO, silence })
    }
}

#[cfg(test)]
#[path = "tests/vigil.rs"]
mod tests;
