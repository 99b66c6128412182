//! The lot of parked callers: who waits in which slot, and who takes whom from there.

use std::collections::BTreeMap;
use std::time::Instant;

use tracing::info;

use crate::call::effect::Input as CallInput;
use crate::call::machine::Call;
use crate::sip::subscription::dialog_info::DialogEntry;
use crate::sip::subscription::dialog_info::Direction;
use crate::sip::subscription::dialog_info::Remote;
use crate::sip::subscription::dialog_info::State;
use crate::sip::subscription::package::Package;
use crate::sip::uri::Uri;
use crate::switch::command::ParkedView;
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

    /// The slot that is free from now on.
    fn leave(&mut self, call: u64) -> Option<u32> {
        let slot = self.slot_of(call)?;
        self.0.remove(&slot);
        Some(slot)
    }

    fn slot_of(&self, call: u64) -> Option<u32> {
        self.0.iter().find(|(_, parked)| **parked == call).map(|(slot, _)| *slot)
    }

    fn at(&self, slot: &str) -> Option<u64> {
        self.0.get(&slot.trim().parse().ok()?).copied()
    }
}

impl Switch {
    pub(super) fn park(&mut self, number: u64, first: u32, last: u32, now: Instant) {
        let slot = self.lot.park(first, last, number);
        self.tell_call_later(number, CallInput::Parked(slot), now);
        self.touch_slot(slot);
    }

    pub(super) fn unpark(&mut self, number: u64) {
        let slot = self.lot.leave(number);
        self.touch_slot(slot);
    }

    /// Another waits in this call's slot now.
    pub(super) fn touch_slot_of(&mut self, number: u64) {
        self.touch_slot(self.lot.slot_of(number));
    }

    fn touch_slot(&mut self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.lamps.touch(Package::Dialog, &slot.to_string());
        }
    }

    pub(super) fn parked_views(&self) -> Vec<ParkedView> {
        let parked = self.lot.0.values().filter_map(|number| self.calls.call(*number));
        let view = |call: &Call| {
            let waiting = call.waiting_in_slot()?;
            Some(ParkedView {
                slot: waiting.slot,
                call: call.id().clone(),
                caller: waiting.caller.to_owned(),
                parked_by: waiting.parked_by.map(str::to_owned),
                since: self.wall(waiting.since),
                until: self.wall(waiting.until),
            })
        };
        parked.filter_map(view).collect()
    }

    /// Whether somebody may wait under this number.
    pub(super) fn is_slot(&self, number: &str) -> bool {
        number.parse().is_ok_and(|slot: u32| slot.to_string() == number && self.desk.program.has_slot(slot))
    }

    /// The slot as a lamp shows it: as long as somebody waits there, it is taken.
    pub(super) fn dialog_of_slot(&self, slot: &str) -> Option<DialogEntry> {
        let call = self.calls.call(self.lot.at(slot)?)?;
        let remote = call.waiting_in_slot()?.caller.to_owned();
        Some(DialogEntry {
            id: call.id().to_string(),
            call_id: call.id().to_string(),
            local_tag: None,
            remote_tag: None,
            direction: Direction::Recipient,
            state: State::Confirmed,
            remote: Remote {
                display: self.desk.names_by_extension.get(&remote).cloned(),
                uri: Uri::sip(Some(&remote), &self.desk.domain, None).to_string(),
            },
        })
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
        self.unpark(parked);
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
        assert_eq!((lot.leave(1), lot.leave(1)), (Some(701), None));
        assert_eq!(lot.park(701, 702, 3), Some(701));
        assert_eq!((lot.at(" 702"), lot.at("701"), lot.at("703")), (Some(2), Some(3), None));
        assert_eq!(lot.at("7o1"), None, "what a caller types is a number or nothing");
    }
}
