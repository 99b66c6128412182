//! How a call ends: who hung up, what the record says of it, and what is closed with it.
//!
//! Whoever goes, the caller's leg decides: the call outlives a party of its talk, never its caller.

use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::Ending;
use crate::call::machine::Call;
use crate::call::machine::Life;
use crate::call::machine::cause;
use crate::call::reach::Refused;
use crate::call::record::Party;
use crate::call::record::Status;
use crate::call::verdict::Verdict;
use crate::dialplan::happening::Happening;
use crate::media::command::LegId;

impl Call {
    /// The caller's session is over: everything else ends with it.
    pub(super) fn on_caller_gone(&mut self, id: LegId, by: Party, cause: u16, now: Instant) {
        self.note_ending(by, cause);
        if by == Party::Caller {
            self.clerk.note("the caller hung up".to_owned(), now);
        }
        self.close_leg(id);
        self.happenings.push_back(Happening::CallerHungUp);
        self.wind_up(cause, now);
    }

    /// The agent or the dialled party hung up, or a leg that still rang broke.
    pub(super) fn on_party_gone(
        &mut self,
        id: LegId,
        by: Party,
        named: Option<u16>,
        around: &dyn Around,
        now: Instant,
    ) {
        if self.on_transferor_gone(id, now) || self.on_supervisor_gone(id, around, now) {
            return;
        }
        if self.talk != Some(id) {
            let status = self.status_of_listener(id, now).unwrap_or(480);
            self.close_leg(id);
            return self.on_leg_refused(id, Refused { status, cause: named }, around, now);
        }
        self.verdict = Some(Verdict { status: None, cause: named });
        self.note_ending(by, named.unwrap_or(cause::NORMAL));
        self.close_leg(id);
        self.end_talk(now);
        self.happenings.push_back(Happening::TalkEnded);
    }

    pub(super) fn end_talk(&mut self, now: Instant) {
        self.dismiss_supervisor(now);
        if let Some(talk) = self.talk.take() {
            self.clerk.on_talk_over(now);
            self.disengage(talk);
        }
    }

    /// What the record says of the end: parts that a transfer has changed are those that the call began with.
    pub(super) fn note_ending(&mut self, by: Party, cause: u16) {
        self.clerk.on_ending(Ending { by: self.parts.as_begun(by), cause });
    }

    pub(super) fn on_ordered_end(&mut self, why: &'static str, around: &dyn Around, now: Instant) {
        self.clerk.note(why.to_owned(), now);
        if self.clerk.answered().is_none() {
            self.clerk.on_refusal(Status::Canceled);
        }
        self.work(around, now);
        self.end_caller(Party::System, cause::NORMAL, now);
    }

    /// We end the call: BYE to a caller who was answered, a refusal to one who was not.
    pub(super) fn end_caller(&mut self, by: Party, cause: u16, now: Instant) {
        self.note_ending(by, cause);
        if let Some(id) = self.caller {
            self.hang_up_leg(id, cause);
        }
        self.happenings.push_back(Happening::CallerHungUp);
        self.wind_up(cause, now);
    }

    pub(super) fn refuse_caller(&mut self, status: u16, outcome: Status, cause: u16, now: Instant) {
        self.clerk.on_refusal(outcome);
        self.clerk.on_ending(Ending { by: Party::System, cause });
        if let Some(session) = self.caller.and_then(|id| self.leg(id)).and_then(|leg| leg.session) {
            self.effects.push_back(Effect::Reject { session, status, cause });
        }
        if let Some(id) = self.caller {
            self.close_leg(id);
        }
        self.wind_up(cause, now);
    }

    /// Ends everything but the caller's own leg, which has its own way to end.
    pub(super) fn wind_up(&mut self, cause: u16, now: Instant) {
        if self.life == Life::Ending {
            return;
        }
        self.life = Life::Ending;
        self.rings_until = None;
        self.abandon_transfer();
        self.end_talk(now);
        self.leave_queue(now);
        self.leave_conference(now);
        self.drop_unwritten();
        self.reaches.clear();
        self.dialling = None;
        self.unpark();
        let others: Vec<LegId> = self.legs.iter().filter(|leg| Some(leg.id) != self.caller).map(|leg| leg.id).collect();
        for id in others {
            self.hang_up_leg(id, cause);
        }
    }

    /// Only what the pump writes has an end of its own. What still was to be played ends here: its end may be reported after
    /// the caller has gone, and nothing may be recorded of a leg that is not there.
    fn drop_unwritten(&mut self) {
        if !self.is_writing_voicemail() {
            self.voicemail = None;
        }
        if !self.is_writing_greeting() {
            self.listening = None;
        }
    }

    pub(super) fn finish_if_done(&mut self, around: &dyn Around, now: Instant) {
        if self.life != Life::Ending
            || !self.legs.is_empty()
            || self.is_writing_voicemail()
            || self.is_writing_greeting()
            || self.is_being_recorded()
        {
            return;
        }
        self.life = Life::Over;
        let mut steps = std::mem::take(&mut self.walked);
        steps.append(&mut self.script.steps(self.clerk.began()));
        let record = self.clerk.write(self.id.clone(), steps, now, around.wall(now));
        self.effects.push_back(Effect::Finished(Box::new(record)));
    }
}
