//! Ringing somebody: an agent that the queue chose, a party that the dialplan dials, or the first leg of a call from the API.
//!
//! One person may have several phones: all of them ring, the first to answer wins, and only when the last has refused is
//! the person out of reach. A number outside may be reached over several trunks: they are tried one after the other, as
//! long as it is the trunk that fails and not the callee who refuses ([`crate::call::failover`]).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::Effect;
use crate::call::effect::Ending;
use crate::call::effect::NoWay;
use crate::call::effect::Redirecting;
use crate::call::effect::Way;
use crate::call::effect::Ways;
use crate::call::failover::Heard;
use crate::call::failover::leads_on;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Status;
use crate::call::script::Script;
use crate::call::verdict::Verdict;
use crate::dialplan::walk::DialOutcome;
use crate::dialplan::walk::Happening;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::queue::effect::Refusal;
use crate::sip::agent::targets::Silence;
use crate::sip::headers::Name;
use crate::sip::name_addr::NameAddr;

/// Whom a group of ringing legs is to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The first leg of a call that we place: whoever answers becomes the caller.
    Caller,
    /// A `dial` of the dialplan.
    Dial,
    /// An agent of a queue.
    Agent(String),
    /// Whom a party of the call wants to take its place.
    Transfer,
}

#[derive(Debug)]
pub(super) struct Reach {
    purpose: Purpose,
    legs: Vec<LegId>,
    /// Trunks that have not been tried yet.
    then: VecDeque<Way>,
    /// Redirections that were followed.
    redirected: u32,
    /// The most telling refusal so far: a person's word counts more than a dead phone's.
    refusal: Option<Refused>,
}

/// A final refusal: its SIP status, and the cause of Q.850 that came along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub status: u16,
    pub cause: Option<u16>,
}

impl Refused {
    pub(super) fn with(status: u16) -> Self {
        Self { status, cause: None }
    }
}

impl Reach {
    pub(super) fn is_for(&self, purpose: &Purpose) -> bool {
        self.purpose == *purpose
    }
}

/// Redirections that one call follows: phones that send to each other end here.
const MOST_REDIRECTIONS: u32 = 5;

impl Call {
    /// A call that the API places: `whom` is rung, and follows the script once it answers.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing and none may be left out")]
    pub fn placed(
        id: CallId,
        number: u64,
        ways: Ways,
        ring_for: Duration,
        facts: Facts,
        script: Script,
        around: &dyn Around,
        now: Instant,
    ) -> Self {
        let mut call = Self::new(id, number, facts, script, around, now);
        call.rings_until = Some(now + ring_for);
        call.tell("call.queued");
        call.reach(Purpose::Caller, ways, around, now);
        call
    }

    pub(super) fn reach(&mut self, purpose: Purpose, ways: Ways, around: &dyn Around, now: Instant) {
        let Ways { together, then } = ways;
        let legs = together.into_iter().map(|way| self.open_way(way, around, now)).collect();
        self.reaches.push(Reach { purpose, legs, then: then.into(), redirected: 0, refusal: None });
    }

    fn open_way(&mut self, way: Way, around: &dyn Around, now: Instant) -> LegId {
        if self.clerk.facts.trunk.is_none() {
            self.clerk.facts.trunk.clone_from(&way.trunk);
        }
        let id = self.new_leg(way.party.clone(), way.media_address, around, now);
        if let Some(leg) = self.leg_mut(id) {
            leg.record.trunk.clone_from(&way.trunk);
            leg.allowed.clone_from(&way.codecs);
            leg.way = Some(Box::new(way));
        }
        id
    }

    /// What those who are rung on behalf of `from` may know: a party that a transfer brought in shares nothing with who began
    /// the call but its history.
    pub fn facts_of(&self, from: &str) -> Cow<'_, Facts> {
        let facts = &self.clerk.facts;
        if facts.from == from {
            return Cow::Borrowed(facts);
        }
        let caller = CallerId { diversions: facts.caller.diversions.clone(), ..CallerId::default() };
        Cow::Owned(Facts { from: from.to_owned(), caller, ..facts.clone() })
    }

    /// Draws between trunks of equal rank; the same for the whole call.
    pub fn dice(&self) -> u64 {
        self.number
    }

    /// The ports of a leg that is to ring are open: out goes the INVITE.
    pub(super) fn invite(&mut self, id: LegId) {
        let prefer = self.caller.and_then(|caller| self.leg(caller)).and_then(|leg| leg.codec());
        // A caller does not hold the line for 32 s while another trunk could take the call.
        let others = self.reaches.iter().any(|reach| reach.legs.contains(&id) && !reach.then.is_empty());
        let silence = if others { Silence::Failure } else { Silence::Borne };
        let Some(leg) = self.leg_mut(id) else { return };
        let Some(mut way) = leg.way.take() else { return };
        leg.spares.append(&mut way.spares);
        let sdp = leg.offer(prefer);
        let max_forwards = self.max_forwards;
        let transfer = self.purpose_of(id).filter(|purpose| *purpose == Purpose::Transfer).and(self.transfer.as_ref());
        let referred_by = transfer.map(|pending| (Name::ReferredBy, pending.referred_by.clone()));
        way.headers.extend(referred_by);
        way.silence = silence;
        self.effects.push_back(Effect::Invite { leg: id, way, sdp, max_forwards });
    }

    pub(super) fn ring_agent(&mut self, agent: &str, around: &dyn Around, now: Instant) {
        let whom = Destination::Extension(agent.to_owned());
        let found = around.ways_to(&whom, &self.facts_of(self.caller_name()), self.dice(), now);
        match found {
            Ok(ways) => {
                self.clerk.note(format!("rings {agent}"), now);
                self.reach(Purpose::Agent(agent.to_owned()), ways, around, now);
            }
            Err(_) => self.agent_refused(agent, Refusal::Unreachable),
        }
    }

    /// The queue gives this agent up: he did not answer in time, or another was faster.
    pub(super) fn stop_ringing_agent(&mut self, agent: &str, why: Refusal, now: Instant) {
        let purpose = Purpose::Agent(agent.to_owned());
        if self.reaches.iter().any(|reach| reach.purpose == purpose) {
            self.clerk.note(format!("{agent}: {why:?}"), now);
            self.stop_reaching(&purpose);
        }
    }

    /// Hangs up every leg that rings for this purpose.
    pub(super) fn stop_reaching(&mut self, purpose: &Purpose) {
        let Some(at) = self.reaches.iter().position(|reach| reach.purpose == *purpose) else {
            return;
        };
        for id in self.reaches.swap_remove(at).legs {
            self.hang_up_leg(id, cause::NORMAL);
        }
    }

    pub(super) fn stop_reaching_agents(&mut self) {
        while let Some(reach) = self.reaches.iter().find(|reach| matches!(reach.purpose, Purpose::Agent(_))) {
            let purpose = reach.purpose.clone();
            self.stop_reaching(&purpose);
        }
    }

    /// Nobody took the first leg of our call in time.
    pub(super) fn stop_reaching_caller(&mut self, now: Instant) {
        self.stop_reaching(&Purpose::Caller);
        self.clerk.note("nobody answered".to_owned(), now);
        self.refuse_caller(480, Status::NoAnswer, cause::NO_ANSWER, now);
    }

    pub(super) fn on_progress(
        &mut self,
        id: LegId,
        status: u16,
        sdp: Option<Bytes>,
        around: &dyn Around,
        now: Instant,
    ) {
        let Some(purpose) = self.purpose_of(id) else {
            return;
        };
        // RFC 6228: one branch of a fork gave up, and no other has media.
        if status == 199 {
            return self.clerk.note(format!("{}: a branch gave up", self.party(id)), now);
        }
        self.clerk.note(format!("{} rings ({status})", self.party(id)), now);
        if let Some(leg) = self.leg_mut(id).filter(|_| status == 180) {
            leg.heard = Heard::Ringing;
        }
        match purpose {
            Purpose::Dial => self.pass_progress_on(id, sdp, around),
            Purpose::Caller => self.tell("call.ringing"),
            Purpose::Transfer => self.on_target_rings(status, around),
            Purpose::Agent(_) => {}
        }
    }

    /// A caller who was not answered hears what the callee's side sends before its answer: RFC 3960 §3.2.
    fn pass_progress_on(&mut self, id: LegId, sdp: Option<Bytes>, _around: &dyn Around) {
        let Some(caller) = self.caller.filter(|caller| self.leg(*caller).is_some_and(|leg| !leg.is_up())) else {
            return;
        };
        let Some(session) = self.leg(caller).and_then(|leg| leg.session) else {
            return;
        };
        let Some(sdp) = sdp.filter(|sdp| self.leg_mut(id).is_some_and(|leg| leg.on_answer(sdp).is_ok())) else {
            return self.effects.push_back(Effect::Progress { session, status: 180, sdp: None });
        };
        drop(sdp);
        let prefer = self.leg(id).and_then(|leg| leg.codec());
        let Some(Ok(answer)) = self.leg_mut(caller).map(|leg| leg.early_answer(prefer)) else {
            return;
        };
        self.connect(id);
        self.connect(caller);
        self.media(MediaCommand::Bridge { a: caller, b: id });
        self.effects.push_back(Effect::Progress { session, status: 183, sdp: Some(answer) });
    }

    pub(super) fn on_accepted(&mut self, id: LegId, sdp: &[u8], around: &dyn Around, now: Instant) {
        let Some(purpose) = self.purpose_of(id) else {
            return;
        };
        let Some(leg) = self.leg_mut(id) else { return };
        if let Err(fault) = leg.on_answer(sdp) {
            let party = self.party(id);
            self.clerk.note(format!("{party} answered with media we cannot use: {fault}"), now);
            self.hang_up_leg(id, cause::INCOMPATIBLE);
            return self.on_leg_refused(id, Refused::with(488), around, now);
        }
        leg.set_up(now, around.wall(now));
        self.connect(id);
        self.part_winner(id);
        match purpose {
            Purpose::Caller => self.become_caller(id, around, now),
            Purpose::Dial => self.talk_to(id, None, around, now),
            Purpose::Agent(agent) => self.talk_to(id, Some(agent), around, now),
            Purpose::Transfer => self.on_target_answered(id, around, now),
        }
    }

    /// Takes the leg that answered out of its group and hangs up the others.
    fn part_winner(&mut self, id: LegId) {
        self.part_winner_for(id, id);
    }

    /// The group of `rung` was answered by `winner`.
    pub(super) fn part_winner_for(&mut self, rung: LegId, winner: LegId) {
        let Some(at) = self.reach_of(rung) else {
            return;
        };
        for other in self.reaches.swap_remove(at).legs {
            if other != winner {
                self.hang_up_leg(other, cause::ELSEWHERE);
            }
        }
    }

    pub(super) fn become_caller(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        self.rings_until = None;
        self.caller = Some(id);
        self.clerk.on_answered(now, around.wall(now));
        self.tell("call.in-progress");
        self.begin();
    }

    /// The caller and this leg are connected from here on.
    pub(super) fn talk_to(&mut self, id: LegId, agent: Option<String>, around: &dyn Around, now: Instant) {
        let prefer = self.leg(id).and_then(|leg| leg.codec());
        let Some(caller) = self.caller.filter(|_| self.answer_caller(prefer, around, now)) else {
            return self.hang_up_leg(id, cause::INCOMPATIBLE);
        };
        self.playing = None;
        self.waiting_in = None;
        self.media(MediaCommand::Bridge { a: caller, b: id });
        self.talk = Some(id);
        let party = self.party(id);
        self.clerk.note(format!("talks to {party}"), now);
        self.clerk.on_talking(&party, now);
        match agent {
            Some(agent) => {
                self.effects.push_back(Effect::AgentAnswered { agent: agent.clone() });
                if let Some(leg) = self.leg_mut(id) {
                    leg.engages = Some(agent);
                }
            }
            None => self.engage(id, party),
        }
        self.tell("call.connected");
        self.happenings.push_back(Happening::TalkStarted);
    }

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
        self.clerk.note(format!("{party} refused: {status} {reason}"), now);
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
        let Ok(ways) = around.ways_on(&by, &self.facts_of(self.caller_name()), self.dice(), now) else {
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

    fn reach_of(&self, id: LegId) -> Option<usize> {
        self.reaches.iter().position(|reach| reach.legs.contains(&id))
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
            return;
        }
        let Reach { purpose, refusal, .. } = self.reaches.swap_remove(at);
        let Refused { status, cause } = refusal.unwrap_or(refused);
        match purpose {
            Purpose::Agent(agent) => self.agent_refused(&agent, refusal_of(status)),
            Purpose::Dial => {
                self.verdict = Some(Verdict { status: Some(status), cause });
                self.dial_ended(outcome_of(status));
            }
            Purpose::Transfer => self.on_target_refused(status, around, now),
            Purpose::Caller => {
                self.rings_until = None;
                let (outcome, usual) = ending_of(outcome_of(status));
                let cause = cause.unwrap_or(usual);
                self.clerk.on_ending(Ending { by: Party::Callee, cause });
                self.refuse_caller(status, outcome, cause, now);
            }
        }
    }

    pub(super) fn dial_failed(&mut self, why: NoWay) {
        self.dial_ended(match why {
            NoWay::NotRegistered => DialOutcome::Unreachable,
            NoWay::Unknown | NoWay::TrunkUnavailable => DialOutcome::Failed,
        });
    }

    fn dial_ended(&mut self, outcome: DialOutcome) {
        self.stop_playing();
        self.happenings.push_back(Happening::DialEnded(outcome));
    }

    fn agent_refused(&mut self, agent: &str, refusal: Refusal) {
        self.effects.push_back(Effect::AgentRefused { agent: agent.to_owned(), refusal });
    }

    pub(super) fn purpose_of(&self, id: LegId) -> Option<Purpose> {
        self.reaches.iter().find(|reach| reach.legs.contains(&id)).map(|reach| reach.purpose.clone())
    }

    fn party(&self, id: LegId) -> String {
        self.leg(id).map_or_else(String::new, |leg| leg.record.party.clone())
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
