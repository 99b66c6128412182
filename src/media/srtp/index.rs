//! Which of a stream's 2^48 packets one is, and whether it was here before. RFC 3711 §3.3.1 and §3.3.2.

/// Where one SSRC stands: its furthest packet and which of those just behind it have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Window {
    /// `None` before the first.
    highest: Option<u64>,
    /// Bit `n`: the packet `n` before the highest has come.
    seen: u128,
}

/// How far back a packet may come late.
pub(super) const REACH: u64 = 128;

impl Window {
    /// The index of a packet by its sequence number: the one that is nearest to the furthest so far. `None` before the
    /// beginning of the stream.
    pub(super) fn estimate(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(highest as u16).cast_signed();
        highest.checked_add_signed(i64::from(ahead))
    }

    /// Whether it is neither known nor too old.
    pub(super) fn is_new(&self, index: u64) -> bool {
        match self.highest {
            Some(highest) if index <= highest => {
                let behind = highest - index;
                behind < REACH && self.seen & (1 << behind) == 0
            }
            _ => true,
        }
    }

    /// Only for what has proven itself.
    pub(super) fn mark(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => {
                let behind = highest - index;
                if behind < REACH {
                    self.seen |= 1 << behind;
                }
            }
            Some(highest) => {
                let step = index - highest;
                self.seen = if step < REACH { self.seen << step | 1 } else { 1 };
                self.highest = Some(index);
            }
            None => (self.highest, self.seen) = (Some(index), 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sequence_rolls_over_and_late_packets_stay_behind_the_turn() {
        let mut window = Window::default();
        for (sequence, index) in [(65_534, 65_534), (1, 65_537), (65_535, 65_535), (0, 65_536), (40, 65_576)] {
            assert_eq!(window.estimate(sequence), Some(index));
            assert!(window.is_new(index));
            window.mark(index);
            assert!(!window.is_new(index));
        }
        assert_eq!(Window { highest: Some(5), seen: 1 }.estimate(65_000), None, "before the beginning");
    }

    proptest! {
        /// Against a set of all that has come.
        #[test]
        fn nothing_passes_twice_and_nothing_new_within_reach_is_refused(
            start in any::<u16>(),
            steps in proptest::collection::vec(-140_i64..200, 1..300),
        ) {
            let (mut window, mut known) = (Window::default(), std::collections::BTreeSet::new());
            let mut at = u64::from(start) + (1 << 20);
            for step in steps {
                at = at.saturating_add_signed(step);
                let highest = known.last().copied().unwrap_or(at);
                let new = !known.contains(&at) && at + REACH > highest;
                prop_assert_eq!(window.is_new(at), new);
                if !known.is_empty() {
                    prop_assert_eq!(window.estimate(at as u16), Some(at));
                }
                if new {
                    window.mark(at);
                    known.insert(at);
                }
            }
        }
    }
}
