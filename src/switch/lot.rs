//! The lot of parked callers: who waits in which slot, and who takes whom from there.

use std::collections::BTreeMap;
use std::time::Instant;

use tracing::info;

use crate::call::effect::Input as CallInput;
use crate::switch::machine::Switch;

/// Slot → the number of the call that is parked there.
#[derive(Debug, Default)]
pub(super) struct Lot(BTreeMap<u32, u64>);

impl Lot {
    /// The first free slot of these.
    fn park(&mut self, first: u32, last: u32, call: u64) -> Option<u32> {
        let slot = (first..=last).find(|slot| !self.0.contains_key(slot))?;
        self.0.insert(slot, call);
        Some(slot)
    }

    fn leave(&mut self, call: u64) {
        self.0.retain(|_, parked| *parked != call);
    }

    fn at(&self, slot: &str) -> Option<u64> {
        self.0.get(&slot.trim().parse().ok()?).copied()
    }
}

impl Switch {
    pub(super) fn park(&mut self, number: u64, first: u32, last: u32, now: Instant) {
        let slot = self.lot.park(first, last, number);
        self.tell_call_later(number, CallInput::Parked(slot), now);
    }

    pub(super) fn unpark(&mut self, number: u64) {
        self.lot.leave(number);
    }

    /// The caller of this call goes into the one that is parked there.
    pub(super) fn pick_up(&mut self, number: u64, slot: &str, now: Instant) {
        let Some(parked) = self.lot.at(slot).filter(|parked| *parked != number) else {
            return self.tell_call_later(number, CallInput::PickUpFailed, now);
        };
        if !self.callers_may_meet(number, parked) {
            self.note_kept_apart(number, slot, now);
            return self.tell_call_later(number, CallInput::PickUpFailed, now);
        }
        let (to, mut given) = (self.calls.name(parked), None);
        self.with_call(number, now, |call, desk, now| given = call.give_caller(&to, desk, now));
        let Some(leg) = given else {
            return self.tell_call_later(number, CallInput::PickUpFailed, now);
        };
        info!(call = %to, "a parked caller is picked up");
        self.lot.leave(parked);
        self.calls.move_leg(leg.id(), parked);
        self.with_call(parked, now, |call, desk, now| call.take_picked_up(leg, desk, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_slot_is_taken_and_given_back() {
        let mut lot = Lot::default();
        assert_eq!((lot.park(701, 702, 1), lot.park(701, 702, 2)), (Some(701), Some(702)));
        assert_eq!(lot.park(701, 702, 3), None);
        lot.leave(1);
        assert_eq!(lot.park(701, 702, 3), Some(701));
        assert_eq!((lot.at(" 702"), lot.at("701"), lot.at("703")), (Some(2), Some(3), None));
        assert_eq!(lot.at("7o1"), None, "what a caller types is a number or nothing");
    }
}
