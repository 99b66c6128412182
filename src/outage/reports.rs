//! What peers report of a channel: from whom it is taken, and how much of it.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::fault::Fault;
use crate::outage::vantage::Vantage;

/// A peer's word: another node, a branch, somebody who watches for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub from: String,
    pub says: Says,
    /// Why, in the peer's words.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Up,
    Down,
}

/// The reports of one channel.
#[derive(Debug, Default)]
pub struct Reports {
    taken: VecDeque<Instant>,
    peers: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("{MOST} reports of this channel came within a minute")]
    TooMany,
    #[error("{PEERS} peers report of this channel already")]
    TooManyPeers,
    #[error("`from` has 1 to {LONGEST_NAME} characters")]
    NoName,
}

/// Reports of one channel in a minute.
const MOST: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Peers of one channel: each is a target of its own for the detector.
const PEERS: usize = 32;

const LONGEST_NAME: usize = 64;
const LONGEST_REASON: usize = 200;

impl Reports {
    pub fn take(&mut self, report: Report, now: Instant, at: Timestamp) -> Result<Evidence, ReportError> {
        let Report { from, says, reason } = report;
        if from.trim().is_empty() || from.chars().count() > LONGEST_NAME {
            return Err(ReportError::NoName);
        }
        while self.taken.front().is_some_and(|taken| now.saturating_duration_since(*taken) >= MINUTE) {
            self.taken.pop_front();
        }
        if self.taken.len() >= MOST {
            return Err(ReportError::TooMany);
        }
        if !self.peers.contains(&from) && self.peers.len() >= PEERS {
            return Err(ReportError::TooManyPeers);
        }
        self.taken.push_back(now);
        self.peers.insert(from.clone());
        let reason: String = reason.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect();
        Ok(Evidence {
            layer: Layer::Report,
            target: from.clone(),
            vantage: Vantage::Outside(from),
            resolver: None,
            role: Role::Channel,
            outcome: match says {
                Says::Up => Outcome::Answered { took: Duration::ZERO },
                Says::Down => Outcome::failed(Fault::Reported, reason),
            },
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_word_becomes_evidence_from_outside() {
        let (mut reports, now) = (Reports::default(), start());
        let evidence = reports.take(report("filial-recife"), now, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(evidence.vantage, Vantage::Outside("filial-recife".to_owned()));
        assert_eq!(evidence.outcome, Outcome::failed(Fault::Reported, "no answer"));
    }

    #[test]
    fn floods_crowds_and_the_nameless_are_refused() {
        let (mut reports, now) = (Reports::default(), start());
        let mut take = |from: &str, at| reports.take(report(from), at, Timestamp::UNIX_EPOCH);
        for _ in 0..MOST {
            take("filial", now).unwrap();
        }
        assert_eq!(take("filial", now), Err(ReportError::TooMany));
        for peer in 1..PEERS {
            take(&format!("peer-{peer}"), now + MINUTE).unwrap();
        }
        assert_eq!(take("one-more", now + MINUTE), Err(ReportError::TooManyPeers));
        assert!(take("filial", now + MINUTE).is_ok());
        assert_eq!(take(" ", now + MINUTE), Err(ReportError::NoName));
        assert_eq!(take(&"x".repeat(65), now + MINUTE), Err(ReportError::NoName));
    }

    fn report(from: &str) -> Report {
        Report { from: from.to_owned(), says: Says::Down, reason: "no\n answer".to_owned() }
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }
}
