//! Keeps WhatsApp calls and the telephone network apart: Meta forbids the one on any leg of the other.
//!
//! What `check` sees in a dialplan is refused there. Here is what it cannot see: transfers, calls that programs place,
//! conferences, parked callers. Every way by which two parties come together asks here first.

use std::time::Instant;

use tracing::warn;

use crate::call::effect::KEPT_APART;
use crate::call::effect::Ways;
use crate::call::machine::Call;
use crate::media::command::LegId;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::desk::Desk;
use crate::switch::machine::Switch;

impl Desk {
    /// Whether parties behind these two trunks may talk; none is a phone of ours, who may with everybody.
    pub(super) fn may_meet(&self, one: Option<&str>, other: Option<&str>) -> bool {
        let network = |name: Option<&str>| Some(self.trunks.find(name?)?.config.network);
        match (network(one), network(other)) {
            (Some(one), Some(other)) => one.may_meet(other),
            _ => true,
        }
    }

    /// Whether every way to this number, in E.164, leads to where nobody behind this trunk may be connected with.
    pub(super) fn is_kept_from(&self, trunk: &str, number: &str) -> bool {
        self.program.route_for(number).is_some_and(|route| {
            let trunks = route.trunks(0);
            !trunks.is_empty() && trunks.iter().all(|other| !self.may_meet(Some(trunk), Some(other)))
        })
    }

    /// Of the ways to the first party of a call between two, those from which the second may be called.
    pub(super) fn ways_that_meet(&self, second: &str, ways: Ways) -> Result<Ways, Problem> {
        let mut ways: Vec<_> = ways.together.into_iter().chain(ways.then).collect();
        ways.retain(|way| way.trunk.as_deref().is_none_or(|trunk| !self.is_kept_from(trunk, second)));
        if ways.is_empty() {
            return Err(kept_apart());
        }
        let then = ways.split_off(1);
        Ok(Ways { together: ways, then })
    }
}

pub(super) fn kept_apart() -> Problem {
    warn!("a call between two parties is refused: {KEPT_APART}");
    problem(
        403,
        "whatsapp-to-telephone",
        "These two may not be connected",
        KEPT_APART,
        "Connect WhatsApp calls with extensions; trunks of your own exchanges have `network = \"private\"`.",
    )
}

impl Switch {
    /// Whether all who would stay may talk with each other when these two leave, each out of a call of its own.
    pub(super) fn may_bring_together(&self, one: (u64, LegId), other: (u64, LegId)) -> bool {
        let (ones, others) = (self.trunks_that_stay(one), self.trunks_that_stay(other));
        ones.iter().all(|trunk| others.iter().all(|met| self.desk.may_meet(Some(trunk), Some(met))))
    }

    /// Of a call that this leg leaves, and of the conference that its caller attends.
    fn trunks_that_stay(&self, (number, leg): (u64, LegId)) -> Vec<&str> {
        let beside = self.calls.call(number).into_iter().flat_map(|call| call.trunks_beside(leg));
        let conference = self.conferences.conference_of(number);
        let members = conference.iter().flat_map(|name| self.conferences.members_of(name));
        let in_the_room = members.filter(|member| *member != number).filter_map(|member| self.trunk_of_caller(member));
        beside.chain(in_the_room).collect()
    }

    fn trunk_of_caller(&self, number: u64) -> Option<&str> {
        let call: &Call = self.calls.call(number)?;
        call.trunk_of(call.caller_leg()?)
    }

    /// Whether the callers of these calls may talk with each other.
    pub(super) fn callers_may_meet(&self, one: u64, other: u64) -> bool {
        self.desk.may_meet(self.trunk_of_caller(one), self.trunk_of_caller(other))
    }

    /// Writes into the record of this call why its party does not get to the other.
    pub(super) fn note_kept_apart(&mut self, number: u64, whom: &str, now: Instant) {
        warn!(call = %self.calls.name(number), "parties are not connected: {KEPT_APART}");
        self.calls.with(number, |call| call.keep_apart(whom, now));
    }
}
