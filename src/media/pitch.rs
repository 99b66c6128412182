//! Where a voice repeats itself: the search that concealment and time scaling share.

use std::ops::RangeInclusive;

/// A distance in samples, and how alike the sound at that distance is: 1 is the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Period {
    pub(super) lag: usize,
    pub(super) likeness: f32,
}

/// Finds the lag within `lags` at which the pieces that `pair` cuts out are most alike: coarsely first, on every
/// `step`-th sample, then around the best on all.
pub(super) fn find<'a>(
    lags: RangeInclusive<usize>,
    step: usize,
    pair: impl Fn(usize) -> (&'a [i16], &'a [i16]),
) -> Period {
    let at = |lag: usize, step: usize| {
        let (one, other) = pair(lag);
        Period { lag, likeness: likeness(one, other, step) }
    };
    let better = |a: &Period, b: &Period| a.likeness.total_cmp(&b.likeness);
    let nothing = Period { lag: *lags.end(), likeness: 0.0 };
    let rough = lags.clone().step_by(step).map(|lag| at(lag, step)).max_by(better).unwrap_or(nothing);
    let near = rough.lag.saturating_sub(step - 1).max(*lags.start())..=(rough.lag + step - 1).min(*lags.end());
    near.map(|lag| at(lag, 1)).max_by(better).unwrap_or(nothing)
}

/// Normalised correlation of every `step`-th sample; 0 for silence.
fn likeness(one: &[i16], other: &[i16], step: usize) -> f32 {
    let (mut product, mut first, mut second) = (0_i64, 0_i64, 0_i64);
    for (a, b) in one.iter().step_by(step).zip(other.iter().step_by(step)) {
        let (a, b) = (i64::from(*a), i64::from(*b));
        product += a * b;
        first += a * a;
        second += b * b;
    }
    product as f32 / (first as f32 * second as f32).sqrt().max(1.0)
}

/// From one sample to the other in `length` steps, the `index`-th of them.
pub(super) fn fade(from: i16, to: i16, index: usize, length: usize) -> i16 {
    let (length, index) = (length.max(1) as i32, index as i32);
    ((i32::from(from) * (length - index) + i32::from(to) * index) / length) as i16
}
