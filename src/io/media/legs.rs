//! The legs of one thread, found by name for orders, by place for packets.
//!
//! A place is used again after a leg has gone; its generation tells a wake-up that was meant for the former tenant.

use std::collections::HashMap;

use crate::io::media::grid::SLOTS;
use crate::io::media::leg::Leg;
use crate::media::command::LegId;

/// Where a leg stands in its thread.
pub(super) type Place = usize;

#[derive(Debug, Default)]
pub(super) struct Legs {
    places: Vec<Tenancy>,
    free: Vec<Place>,
    place_by_leg: HashMap<LegId, Place>,
    /// Who is served in which turn of the grid.
    slots: [Vec<Place>; SLOTS],
}

#[derive(Debug, Default)]
struct Tenancy {
    generation: u32,
    leg: Option<Box<Leg>>,
}

impl Legs {
    pub(super) fn insert(&mut self, leg: Box<Leg>) -> Place {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Tenancy::default());
            self.places.len() - 1
        });
        self.place_by_leg.insert(leg.id, place);
        self.places[place].leg = Some(leg);
        place
    }

    /// The caller has taken it out of its slot.
    pub(super) fn remove(&mut self, place: Place) -> Option<Box<Leg>> {
        let tenancy = self.places.get_mut(place)?;
        let leg = tenancy.leg.take()?;
        tenancy.generation = tenancy.generation.wrapping_add(1);
        self.place_by_leg.remove(&leg.id);
        self.free.push(place);
        Some(leg)
    }

    pub(super) fn find(&self, leg: LegId) -> Option<Place> {
        self.place_by_leg.get(&leg).copied()
    }

    pub(super) fn at(&mut self, place: Place) -> Option<&mut Leg> {
        self.places.get_mut(place)?.leg.as_deref_mut()
    }

    /// Two legs at once; `None` when either has gone or both are the same.
    pub(super) fn both(&mut self, one: Place, other: Place) -> Option<(&mut Leg, &mut Leg)> {
        let [one, other] = self.places.get_disjoint_mut([one, other]).ok()?;
        Some((one.leg.as_deref_mut()?, other.leg.as_deref_mut()?))
    }

    pub(super) fn generation(&self, place: Place) -> u32 {
        self.places[place].generation
    }

    pub(super) fn is_current(&self, place: Place, generation: u32) -> bool {
        self.places.get(place).is_some_and(|tenancy| tenancy.generation == generation && tenancy.leg.is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.place_by_leg.is_empty()
    }

    /// One past the highest place.
    pub(super) fn end(&self) -> Place {
        self.places.len()
    }

    pub(super) fn join_slot(&mut self, place: Place, slot: usize) {
        self.slots[slot].push(place);
    }

    pub(super) fn leave_slot(&mut self, place: Place, slot: usize) {
        self.slots[slot].retain(|other| *other != place);
    }

    pub(super) fn in_slot(&self, slot: usize, position: usize) -> Option<Place> {
        self.slots[slot].get(position).copied()
    }
}
