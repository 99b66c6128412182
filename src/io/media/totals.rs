//! What the threads count for the metrics.
//!
//! Each thread writes counters of its own, so no two ever pull at the same cache line; whoever asks adds them up.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::media::refusal::Refusal;
use crate::media::silence::Silence;

/// Sums over all legs since the start, those that were closed included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// RTP packets accepted.
    pub received: u64,
    pub sent: u64,
    /// Packets that never came, by the sequence numbers (RFC 3550 §6.4.1). Known when a leg closes.
    pub lost: u64,
    /// With their RTP headers.
    pub octets_received: u64,
    /// Datagrams that were refused.
    pub dropped: u64,
    /// The same by reason, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Sides that were reported as not heard, by cause, in the order of [`Silence::WORDS`].
    pub quiet: [u64; Silence::COUNT],
    /// Packets of our own that left more than 5 ms after their time.
    pub late: u64,
    /// Sound of recordings that was let go because the disk did not keep up.
    pub recording_cut: Duration,
}

/// The counters of one thread; only that thread writes them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    pub(super) received: Counter,
    pub(super) sent: Counter,
    pub(super) lost: Counter,
    pub(super) octets_received: Counter,
    pub(super) dropped: [Counter; Refusal::ALL.len()],
    pub(super) quiet: [Counter; Silence::COUNT],
    pub(super) late: Counter,
}

impl Counters {
    pub(super) fn add_to(&self, totals: &mut Totals) {
        totals.received += self.received.value();
        totals.sent += self.sent.value();
        totals.lost += self.lost.value();
        totals.octets_received += self.octets_received.value();
        for (total, dropped) in totals.refused.iter_mut().zip(&self.dropped) {
            *total += dropped.value();
            totals.dropped += dropped.value();
        }
        for (total, quiet) in totals.quiet.iter_mut().zip(&self.quiet) {
            *total += quiet.value();
        }
        totals.late += self.late.value();
    }
}

/// A number with one writer and many readers.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Not a read-modify-write: there is one writer.
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.value() + more, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
