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
use crate::call::effect::KEPT_APART;
use crate::call::effect::Way;
use crate::call::effect::Ways;
use crate::call::failover::Heard;
use crate::call::leg::Leg;
use crate::call::machine::Call;
use crate::call::machine::Detect;
use crate::call::machine::cause;
use crate::call::record::CallId;
use crate::call::record::Status;
use crate::call::script::Script;
use crate::dialplan::happening::Happening;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::queue::effect::Refusal;
use crate::queue::effect::Silenced;
use crate::sip::agent::targets::Silence;
use crate::sip::headers::Name;

/// Whom a group of ringing legs is to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The first leg of a call that we place: whoever answers becomes the caller.
    Caller,
    /// A `dial` of the dialplan; a group for each target.
    Dial,
    /// An agent of a queue.
    Agent(String),
    /// Whom a party of the call wants to take its place.
    Transfer,
    /// Who is to hear the two who talk.
    Supervisor,
}

#[derive(Debug)]
pub(super) struct Reach {
    pub(super) purpose: Purpose,
    pub(super) legs: Vec<LegId>,
    /// Trunks that have not been tried yet.
    pub(super) then: VecDeque<Way>,
    /// Redirections that were followed.
    pub(super) redirected: u32,
    /// The most telling refusal so far: a person's word counts more than a dead phone's.
    pub(super) refusal: Option<Refused>,
}

/// A final refusal: its SIP status, and the cause of Q.850 that came along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    pub status: u16,
    pub cause: Option<u16>,
}

impl Refused {
    /// Without a cause of its own: one is named where the outcome alone would mean another.
    pub(super) fn with(status: u16) -> Self {
        let refused = Self { status, cause: None };
        Self { cause: refused.is_incompatible().then_some(cause::INCOMPATIBLE), ..refused }
    }

    /// What was offered or answered does not suit. RFC 3261 §21.4.13, §21.4.26, §21.6.4.
    pub(super) fn is_incompatible(self) -> bool {
        matches!(self.status, 415 | 488 | 606)
    }
}

impl Reach {
    pub(super) fn is_for(&self, purpose: &Purpose) -> bool {
        self.purpose == *purpose
    }
}

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

    /// Says what is to be listened for once it is answered.
    pub fn detect(&mut self, detect: Detect) {
        self.detect = detect;
    }

    pub(super) fn reach(&mut self, purpose: Purpose, ways: Ways, around: &dyn Around, now: Instant) {
        let Ways { together, then } = ways;
        let legs = together.into_iter().map(|way| self.open_way(way, around, now)).collect();
        self.reaches.push(Reach { purpose, legs, then: then.into(), redirected: 0, refusal: None });
    }

    pub(super) fn open_way(&mut self, way: Way, around: &dyn Around, now: Instant) -> LegId {
        if self.clerk.facts.trunk.is_none() {
            self.clerk.facts.trunk.clone_from(&way.trunk);
        }
        let id = self.new_leg(way.party.clone(), way.media_address, around, now);
        if let Some(leg) = self.leg_mut(id) {
            leg.record.trunk.clone_from(&way.trunk);
            leg.allowed.clone_from(&way.codecs);
            (leg.encryption, leg.form) = (way.encryption, way.form);
            leg.way = Some(Box::new(way));
        }
        id
    }

    /// What those who are rung on behalf of `from` may know: a party that a transfer brought in shares nothing with who began
    /// the call but its history. `leg` is whose talk with them it is to be.
    pub fn facts_of(&self, from: &str, leg: Option<LegId>) -> Cow<'_, Facts> {
        let facts = &self.clerk.facts;
        let meets = leg.and_then(|leg| self.trunk_of(leg)).map(str::to_owned);
        if facts.from == from && meets.is_none() {
            return Cow::Borrowed(facts);
        }
        let caller = match facts.from == from {
            true => facts.caller.clone(),
            false => CallerId { diversions: facts.caller.diversions.clone(), ..CallerId::default() },
        };
        Cow::Owned(Facts { from: from.to_owned(), caller, meets, ..facts.clone() })
    }

    /// The trunk that carries this leg.
    pub fn trunk_of(&self, leg: LegId) -> Option<&str> {
        self.leg(leg)?.record.trunk.as_deref()
    }

    /// The trunks of all who are here beside the party of this leg, and those that are tried next where one fails.
    pub fn trunks_beside(&self, leg: LegId) -> impl Iterator<Item = &str> {
        let here = self.legs.iter().filter(move |other| other.id != leg);
        let next = self.reaches.iter().flat_map(|reach| &reach.then).filter_map(|way| way.trunk.as_deref());
        here.filter_map(|other| other.record.trunk.as_deref()).chain(next)
    }

    /// Two parties were not connected; the record says why.
    pub fn keep_apart(&mut self, whom: &str, now: Instant) {
        self.clerk.note(format!("no way to {whom}: {KEPT_APART}"), now);
    }

    /// Draws between trunks of equal rank; the same for the whole call.
    pub fn dice(&self) -> u64 {
        self.number
    }

    /// The ports of a leg that is to ring are open: out goes the INVITE.
    pub(super) fn invite(&mut self, id: LegId) {
        let caller = self.caller.and_then(|caller| self.leg(caller));
        let (prefer, other) = (caller.and_then(Leg::codec), caller.map(Leg::passable).unwrap_or_default());
        // A caller does not hold the line for 32 s while another trunk could take the call.
        let others = self.reaches.iter().any(|reach| reach.legs.contains(&id) && !reach.then.is_empty());
        let silence = if others { Silence::Failure } else { Silence::Borne };
        let Some(leg) = self.leg_mut(id) else { return };
        let Some(mut way) = leg.way.take() else { return };
        leg.spares.append(&mut way.spares);
        let sdp = leg.offer(prefer, other);
        let max_forwards = self.max_forwards;
        let transfer = self.purpose_of(id).filter(|purpose| *purpose == Purpose::Transfer).and(self.transfer.as_ref());
        let referred_by = transfer.map(|pending| (Name::ReferredBy, pending.referred_by.clone()));
        way.headers.extend(referred_by);
        way.silence = silence;
        self.media(MediaCommand::Vouch { leg: id, address: way.hop.remote.ip() });
        self.effects.push_back(Effect::Invite { leg: id, way, sdp, max_forwards });
    }

    pub(super) fn ring_agent(&mut self, agent: &str, around: &dyn Around, now: Instant) {
        let whom = Destination::Extension(agent.to_owned());
        let found = around.ways_to(&whom, &self.facts_of(self.caller_name(), self.caller), self.dice(), now);
        match found {
            Ok(ways) => {
                self.clerk.note(format!("rings {agent}"), now);
                self.reach(Purpose::Agent(agent.to_owned()), ways, around, now);
            }
            Err(_) => self.agent_refused(agent, Refusal::Unreachable),
        }
    }

    /// The queue gives this agent up: he did not answer in time, or another was faster.
    pub(super) fn stop_ringing_agent(&mut self, agent: &str, why: Silenced, now: Instant) {
        let purpose = Purpose::Agent(agent.to_owned());
        if self.reaches.iter().any(|reach| reach.purpose == purpose) {
            self.clerk.note(format!("{agent}: {why:?}"), now);
            self.stop_reaching(&purpose, cause_of(why));
        }
    }

    /// Hangs up every leg that rings for this purpose.
    pub(super) fn stop_reaching(&mut self, purpose: &Purpose, cause: u16) {
        for id in self.take_reaches(purpose) {
            self.hang_up_leg(id, cause);
        }
    }

    /// The legs of all groups that ring for this purpose, which are groups no more.
    fn take_reaches(&mut self, purpose: &Purpose) -> Vec<LegId> {
        self.reaches.extract_if(.., |reach| reach.is_for(purpose)).flat_map(|reach| reach.legs).collect()
    }

    pub(super) fn stop_reaching_agents(&mut self, cause: u16) {
        while let Some(reach) = self.reaches.iter().find(|reach| matches!(reach.purpose, Purpose::Agent(_))) {
            let purpose = reach.purpose.clone();
            self.stop_reaching(&purpose, cause);
        }
    }

    /// Nobody took the first leg of our call in time.
    pub(super) fn stop_reaching_caller(&mut self, now: Instant) {
        self.stop_reaching(&Purpose::Caller, cause::NORMAL);
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
            Purpose::Agent(_) | Purpose::Supervisor => {}
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
        let sdp = sdp.filter(|_| self.hears_early_media());
        let Some(sdp) = sdp.filter(|sdp| self.leg_mut(id).is_some_and(|leg| leg.on_answer(sdp).is_ok())) else {
            return self.effects.push_back(Effect::Progress { session, status: 180, sdp: None });
        };
        drop(sdp);
        let prefer = self.leg(id).and_then(Leg::speaks);
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
        if purpose != Purpose::Dial {
            self.part_winner(id);
        }
        match purpose {
            Purpose::Caller => self.become_caller(id, around, now),
            Purpose::Dial => self.on_dialled_answered(id, around, now),
            Purpose::Agent(agent) => self.talk_to(id, Some(agent), around, now),
            Purpose::Transfer => self.on_target_answered(id, around, now),
            Purpose::Supervisor => self.on_supervisor_answered(id, around, now),
        }
    }

    /// Takes the leg that answered out of its group and hangs up the others that ring for the same purpose.
    pub(super) fn part_winner(&mut self, id: LegId) {
        self.part_winner_for(id, id);
    }

    /// The group of `rung` was answered by `winner`.
    pub(super) fn part_winner_for(&mut self, rung: LegId, winner: LegId) {
        let Some(purpose) = self.purpose_of(rung) else {
            return;
        };
        for other in self.take_reaches(&purpose) {
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
        if self.detect == Detect::Machine {
            self.media(MediaCommand::Detect { leg: id });
        }
        self.begin();
    }

    /// The caller and this leg are connected from here on.
    pub(super) fn talk_to(&mut self, id: LegId, agent: Option<String>, around: &dyn Around, now: Instant) {
        let prefer = self.leg(id).and_then(Leg::speaks);
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
                self.record_if_queue_wants(around, now);
                self.effects.push_back(Effect::AgentAnswered { agent: agent.clone() });
                if let Some(leg) = self.leg_mut(id) {
                    leg.engages = Some(agent);
                }
            }
            None => self.engage(id, party),
        }
        self.effects.push_back(Effect::PartnersChanged);
        self.tell("call.connected");
        self.happenings.push_back(Happening::TalkStarted);
    }

    pub(super) fn reach_of(&self, id: LegId) -> Option<usize> {
        self.reaches.iter().position(|reach| reach.legs.contains(&id))
    }

    pub(super) fn purpose_of(&self, id: LegId) -> Option<Purpose> {
        self.reaches.iter().find(|reach| reach.legs.contains(&id)).map(|reach| reach.purpose.clone())
    }

    pub(super) fn party(&self, id: LegId) -> String {
        self.leg(id).map_or_else(String::new, |leg| leg.record.party.clone())
    }
}

/// A phone that did not win shows no missed call.
fn cause_of(why: Silenced) -> u16 {
    match why {
        Silenced::AnsweredElsewhere => cause::ELSEWHERE,
        Silenced::NoAnswer | Silenced::Withdrawn => cause::NORMAL,
    }
}
