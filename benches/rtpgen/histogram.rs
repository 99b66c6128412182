//! Spans of time, counted in steps of 5 µs up to 200 ms; never allocates after it was made.

use std::time::Duration;

const STEP_US: u64 = 5;
const STEPS: usize = 40_000;

pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram { counts: vec![0; STEPS + 1], total: 0 }
    }

    pub(crate) fn add(&mut self, span: Duration) {
        let step = usize::try_from(span.as_micros() as u64 / STEP_US).unwrap_or(STEPS);
        self.counts[step.min(STEPS)] += 1;
        self.total += 1;
    }

    /// In milliseconds; 200 stands for everything beyond.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share) as u64;
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen > wanted
        });
        step.unwrap_or(0) as f64 * STEP_US as f64 / 1000.0
    }

    /// The longest, in milliseconds.
    pub(crate) fn longest(&self) -> f64 {
        let step = self.counts.iter().rposition(|count| *count > 0);
        step.unwrap_or(0) as f64 * STEP_US as f64 / 1000.0
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }
}
