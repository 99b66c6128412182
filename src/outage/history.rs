//! The last 64 outcomes of one target, with their causes and the times of the failures among them.

use std::collections::VecDeque;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::cause::Cause;

/// A moment on both clocks: the monotonic one decides, the wall clock is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

/// Newest in the lowest bit; a set bit is a failure.
#[derive(Debug, Default)]
pub(super) struct History {
    failures: u64,
    by_cause: [u64; Cause::ALL.len()],
    known: u32,
    /// When each failure in `failures` happened, oldest first.
    failed_at: VecDeque<Moment>,
    /// The first failure after the newest sign of life: an answer, or a refusal that is our own fault.
    run_since: Option<Moment>,
    answered_at: Option<Instant>,
    /// The newest refusal that is our own fault.
    refused_at: Option<Moment>,
}

const LENGTH: u32 = u64::BITS;

impl History {
    pub(super) fn push(&mut self, failure: Option<Cause>, at: Moment) {
        self.known = (self.known + 1).min(LENGTH);
        self.failures = self.failures << 1 | u64::from(failure.is_some());
        for (cause, bits) in Cause::ALL.into_iter().zip(&mut self.by_cause) {
            *bits = *bits << 1 | u64::from(failure == Some(cause));
        }
        match failure {
            Some(_) => self.failed_at.push_back(at),
            None => self.answered_at = Some(at.now),
        }
        match failure {
            Some(cause) if !cause.is_ours() => self.run_since = self.run_since.or(Some(at)),
            Some(_) => (self.run_since, self.refused_at) = (None, Some(at)),
            None => self.run_since = None,
        }
        while self.failed_at.len() > self.failures.count_ones() as usize {
            self.failed_at.pop_front();
        }
    }

    pub(super) fn known(&self) -> u32 {
        self.known
    }

    pub(super) fn failures_among(&self, newest: u32) -> u32 {
        (self.failures & mask(newest)).count_ones()
    }

    /// How often it began to fail: one long failure is one spell.
    pub(super) fn spells_among(&self, newest: u32) -> u32 {
        let began = self.failures & !(self.failures >> 1);
        (began & mask(newest)).count_ones()
    }

    /// The oldest failure among the newest outcomes.
    pub(super) fn failing_since(&self, newest: u32) -> Option<Moment> {
        let older = self.failed_at.len() - self.failures_among(newest) as usize;
        self.failed_at.get(older).copied()
    }

    pub(super) fn answered_in_a_row(&self) -> u32 {
        self.failures.trailing_zeros().min(self.known)
    }

    pub(super) fn failed_last(&self) -> bool {
        self.failures & 1 == 1
    }

    /// Failures since the newest sign of life.
    pub(super) fn failed_in_a_row(&self) -> u32 {
        let ours = Cause::ALL.into_iter().filter(|cause| cause.is_ours());
        let alive = ours.fold(0, |bits, cause| bits | self.by_cause[cause as usize]);
        (self.failures & !alive).trailing_ones()
    }

    pub(super) fn run_since(&self) -> Option<Moment> {
        self.run_since
    }

    pub(super) fn answered_at(&self) -> Option<Instant> {
        self.answered_at
    }

    pub(super) fn refused_at(&self) -> Option<Moment> {
        self.refused_at
    }

    /// The refusals among the newest outcomes, if there are any: they are signs of life. Else what most of the failures have
    /// in common, and what the newest of them says where there is no most.
    pub(super) fn cause_among(&self, newest: u32) -> Option<Cause> {
        let bits = |cause: Cause| self.by_cause[cause as usize] & mask(newest);
        if let Some(ours) = Cause::ALL.into_iter().find(|cause| cause.is_ours() && bits(*cause) != 0) {
            return Some(ours);
        }
        let most = Cause::ALL.into_iter().map(|cause| bits(cause).count_ones()).max()?;
        let candidates = Cause::ALL.into_iter().filter(|cause| most > 0 && bits(*cause).count_ones() == most);
        candidates.min_by_key(|cause| bits(*cause).trailing_zeros())
    }

    /// Before it began to answer again it had hardly ever answered.
    pub(super) fn failed_solidly_before(&self) -> bool {
        let before = self.failures.checked_shr(self.answered_in_a_row()).unwrap_or(0);
        (before & mask(SOLID)).count_ones() >= SOLID - 1
    }

    /// Only what was seen since the newest failure.
    pub(super) fn forget_failures(&mut self) {
        let answered_at = self.answered_at;
        *self = History { known: self.answered_in_a_row(), answered_at, ..History::default() };
    }
}

/// So many failures in a row are no accident, even on a line that loses a fifth of its packets.
pub(super) const SOLID: u32 = 8;

fn mask(bits: u32) -> u64 {
    match bits {
        0..=63 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}
