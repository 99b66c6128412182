//! What follows when somebody who was rung refuses: the next flow, whom a 3xx names, the next trunk, or the end of the search.

use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::Ending;
use crate::call::effect::Redirecting;
use crate::call::failover::Heard;
use crate::call::failover::leads_on;
use crate::call::leg::Leg;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::reach::Purpose;
use crate::call::reach::Reach;
use crate::call::reach::Refused;
use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Status;
use crate::dialplan::happening::DialOutcome;
use crate::media::command::LegId;
use crate::queue::effect::Refusal;
use crate::sip::name_addr::NameAddr;

/// Redirections that one call follows: phones that send to each other end here.
const MOST_REDIRECTIONS: u32 = 5;

impl Call {
    pub(super) fn on_refused(
        &mut self,
        id: LegId,
        refused: Refused,
        reason: &str,
        redirect: &[NameAddr],
        around: &dyn Around,
        now: Instant,
    ) {
        let (party, status) = (self.party(id), refused.status);
        let refused = Refused { cause: refused.cause.or(Refused::with(status).cause), ..refused };
        let offer = self.leg(id).filter(|_| refused.is_incompatible()).and_then(Leg::offer_in_words);
        let offer = offer.map_or_else(String::new, |offer| format!("; it was offered {offer}"));
        self.clerk.note(format!("{party} refused: {status} {reason}{offer}"), now);
        if self.tries_next_flow(id, status) {
            return;
        }
        let heard = self.leg(id).map_or(Heard::Nothing, |leg| leg.heard);
        if let Some(leg) = self.leg_mut(id) {
            leg.record.sip_status = Some(refused.status);
        }
        self.close_leg(id);
        if !self.follows(id, redirect, around, now) && !self.tries_next(id, refused, heard, around, now) {
            self.on_leg_refused(id, refused, around, now);
        }
    }

    /// RFC 5626 §5.3: that one flow failed says nothing of the others of the same device.
    fn tries_next_flow(&mut self, id: LegId, status: u16) -> bool {
        let flow_failed = matches!(status, 408 | 430 | 503);
        let ringing = self.leg_mut(id).filter(|leg| flow_failed && !leg.is_up() && !leg.is_closing());
        let Some(leg) = ringing else {
            return false;
        };
        leg.way = leg.spares.pop_front().map(Box::new);
        leg.session = None;
        let has_next = leg.way.is_some();
        self.invite(id);
        has_next
    }

    /// A 3xx leads on to whom it names, where that is allowed.
    fn follows(&mut self, id: LegId, contacts: &[NameAddr], around: &dyn Around, now: Instant) -> bool {
        let (Some(at), Some(leg)) = (self.reach_of(id), self.leg(id)) else {
            return false;
        };
        if contacts.is_empty() || self.reaches[at].redirected >= MOST_REDIRECTIONS {
            return false;
        }
        let (party, trunk) = (leg.record.party.clone(), leg.record.trunk.clone());
        let by = Redirecting { party: &party, trunk: trunk.as_deref(), contacts };
        let Ok(ways) = around.ways_on(&by, &self.facts_for(&self.reaches[at].purpose), self.dice(), now) else {
            return false;
        };
        let to = ways.together.first().map_or_else(String::new, |way| way.party.clone());
        self.clerk.note(format!("{party} sends the call on to {to}"), now);
        self.reaches[at].redirected += 1;
        for way in ways.then.into_iter().rev() {
            self.reaches[at].then.push_front(way);
        }
        self.reaches[at].legs.retain(|leg| *leg != id);
        for way in ways.together {
            let leg = self.open_way(way, around, now);
            self.reaches[at].legs.push(leg);
        }
        true
    }

    /// The route's next trunk, where it was the trunk that failed.
    fn tries_next(&mut self, id: LegId, refused: Refused, heard: Heard, around: &dyn Around, now: Instant) -> bool {
        let Some(at) = self.reach_of(id).filter(|at| self.reaches[*at].legs.len() == 1) else {
            return false;
        };
        if !leads_on(refused.status, refused.cause, heard) {
            return false;
        }
        let Some(way) = self.reaches[at].then.pop_front() else {
            return false;
        };
        let trunk = way.trunk.clone();
        self.clerk.note(format!("tries trunk {}", trunk.as_deref().unwrap_or("-")), now);
        if self.clerk.facts.direction == Direction::Outbound {
            self.clerk.facts.trunk = trunk;
        }
        let next = self.open_way(way, around, now);
        self.reaches[at].legs = vec![next];
        true
    }

    /// A leg that rang is out; when it was the last of its group, so is the person.
    pub(super) fn on_leg_refused(&mut self, id: LegId, refused: Refused, around: &dyn Around, now: Instant) {
        let Some(at) = self.reach_of(id) else {
            return;
        };
        let reach = &mut self.reaches[at];
        reach.legs.retain(|leg| *leg != id);
        reach.refusal = Some(reach.refusal.map_or(refused, |before| more_telling(before, refused)));
        if !reach.legs.is_empty() {
            return self.on_dialled_leg_out(id);
        }
        let Reach { purpose, refusal, .. } = self.reaches.swap_remove(at);
        self.on_dialled_leg_out(id);
        let Refused { status, cause } = refusal.unwrap_or(refused);
        match purpose {
            Purpose::Agent(agent) => self.agent_refused(&agent, refusal_of(status)),
            Purpose::Dial => self.on_dialled_refused(Refused { status, cause }),
            Purpose::Transfer => self.on_target_refused(status, around, now),
            Purpose::Supervisor => self.on_supervisor_refused(now),
            Purpose::Caller => {
                self.rings_until = None;
                let (outcome, usual) = ending_of(outcome_of(status));
                let cause = cause.unwrap_or(usual);
                self.clerk.on_ending(Ending { by: Party::Callee, cause });
                self.refuse_caller(status, outcome, cause, now);
            }
        }
    }

    pub(super) fn agent_refused(&mut self, agent: &str, refusal: Refusal) {
        self.effects.push_back(Effect::AgentRefused { agent: agent.to_owned(), refusal });
    }
}

/// Busy and a spoken no outlast "unreachable": somebody was there.
fn more_telling(one: Refused, other: Refused) -> Refused {
    let weight = |status: u16| match status {
        600 | 603 => 3,
        486 => 2,
        480 | 408 => 1,
        _ => 0,
    };
    if weight(other.status) > weight(one.status) { other } else { one }
}

pub(super) fn outcome_of(status: u16) -> DialOutcome {
    match status {
        486 | 600 => DialOutcome::Busy,
        603 | 403 | 607 => DialOutcome::Declined,
        408 | 480 | 487 => DialOutcome::NoAnswer,
        404 | 410 | 430 | 484 | 604 => DialOutcome::Unreachable,
        _ => DialOutcome::Failed,
    }
}

fn refusal_of(status: u16) -> Refusal {
    match outcome_of(status) {
        DialOutcome::Busy => Refusal::Busy,
        DialOutcome::Declined => Refusal::Declined,
        DialOutcome::NoAnswer => Refusal::NoAnswer,
        DialOutcome::Unreachable | DialOutcome::Failed => Refusal::Unreachable,
    }
}

pub(super) fn ending_of(outcome: DialOutcome) -> (Status, u16) {
    match outcome {
        DialOutcome::Busy => (Status::Busy, cause::BUSY),
        DialOutcome::Declined => (Status::Busy, cause::DECLINED),
        DialOutcome::NoAnswer => (Status::NoAnswer, cause::NO_ANSWER),
        DialOutcome::Unreachable => (Status::Failed, cause::UNREACHABLE),
        DialOutcome::Failed => (Status::Failed, cause::NETWORK_FAILURE),
    }
}
