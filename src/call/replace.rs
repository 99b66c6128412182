//! An INVITE with Replaces: a new phone takes the place of a leg, RFC 3891. Of a phone that rings, that is a pick-up.

use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::leg::Leg;
use crate::call::leg::Stage;
use crate::call::machine::Call;
use crate::call::machine::Incoming;
use crate::call::machine::cause;
use crate::call::reach::Purpose;
use crate::dialplan::happening::Happening;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;

/// A new leg whose ports are being opened.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) new: LegId,
    old: LegId,
}

impl Call {
    /// The phone of `extension` wants the place of `old`. It is answered, or refused with 603 if `old` is gone.
    pub fn replace(
        &mut self,
        old: LegId,
        extension: &str,
        incoming: Incoming,
        around: &dyn Around,
        now: Instant,
    ) -> LegId {
        let new = self.new_leg(extension.to_owned(), incoming.media_address, around, now);
        self.media(MediaCommand::Vouch { leg: new, address: incoming.peer });
        if let Some(leg) = self.leg_mut(new) {
            leg.session = Some(incoming.session);
            leg.allowed = incoming.codecs;
            (leg.encryption, leg.form) = (incoming.encryption, incoming.form);
            leg.take_offer(&incoming.offer);
        }
        self.replacements.push(Replacement { new, old });
        new
    }

    pub(super) fn is_replacement(&self, id: LegId) -> bool {
        self.replacements.iter().any(|it| it.new == id)
    }

    /// The ports of a new leg are open.
    pub(super) fn complete_replacement(&mut self, new: LegId, around: &dyn Around, now: Instant) {
        let Some(at) = self.replacements.iter().position(|it| it.new == new) else {
            return;
        };
        let old = self.replacements.swap_remove(at).old;
        let has_part = self.caller == Some(old) || self.talk == Some(old) || self.purpose_of(old).is_some();
        if self.is_ending() || !has_part || self.leg(old).is_none_or(|leg| leg.is_closing()) {
            return self.reject_leg(new, 603, cause::NORMAL);
        }
        if !self.answer_leg(new, around, now) {
            return self.reject_leg(new, 488, cause::INCOMPATIBLE);
        }
        self.clerk.note(format!("{} takes the place of {}", self.name_of(new), self.name_of(old)), now);
        match self.purpose_of(old) {
            Some(purpose) => self.pick_up(new, old, &purpose, around, now),
            None => self.put_in_place_of(new, old, around, now),
        }
    }

    fn answer_leg(&mut self, id: LegId, around: &dyn Around, now: Instant) -> bool {
        let prefer = self.caller.and_then(|caller| self.leg(caller)).and_then(Leg::speaks);
        let wall = around.wall(now);
        let Some(leg) = self.leg_mut(id) else { return false };
        let (Some(session), Ok(sdp)) = (leg.session, leg.answer(prefer)) else {
            return false;
        };
        leg.set_up(now, wall);
        self.effects.push_back(Effect::Accept { session, sdp });
        self.connect(id);
        true
    }

    pub(super) fn reject_leg(&mut self, id: LegId, status: u16, cause: u16) {
        if let Some(session) = self.leg(id).and_then(|leg| leg.session) {
            self.effects.push_back(Effect::Reject { session, status, cause });
        }
        self.close_leg(id);
    }

    /// The phone that rings, and those that ring with it, fall silent.
    fn pick_up(&mut self, new: LegId, old: LegId, purpose: &Purpose, around: &dyn Around, now: Instant) {
        self.part_winner_for(old, new);
        match purpose {
            Purpose::Caller => self.become_caller(new, around, now),
            Purpose::Transfer => self.on_target_answered(new, around, now),
            Purpose::Supervisor => self.on_supervisor_answered(new, around, now),
            Purpose::Dial => {
                self.dialling = None;
                self.talk_to(new, None, around, now);
            }
            Purpose::Agent(_) => {
                self.on_picked_up(now);
                self.talk_to(new, None, around, now);
            }
        }
    }

    /// Not the agent whom the queue chose: the caller leaves the queue for a colleague.
    fn on_picked_up(&mut self, now: Instant) {
        self.waiting_in = None;
        self.clerk.on_left_queue(now);
        self.effects.push_back(Effect::PickedUp);
        self.stop_reaching_agents(cause::ELSEWHERE);
        self.stop_playing();
    }

    fn put_in_place_of(&mut self, new: LegId, old: LegId, around: &dyn Around, now: Instant) {
        if self.caller == Some(old) {
            let name = self.name_of(new);
            self.engage(new, name);
            return self.put_in_callers_place(new, around, now);
        }
        self.end_talk(now);
        self.join(new, around, now);
        self.effects.push_back(Effect::PartnersChanged);
        self.hang_up_leg(old, cause::NORMAL);
    }

    /// A leg that is up takes the place of the caller: next to the party that he talks to, or wherever he waits.
    pub(super) fn put_in_callers_place(&mut self, new: LegId, around: &dyn Around, now: Instant) {
        let name = self.name_of(new);
        let Some(old) = self.caller.replace(new) else { return };
        self.caller_name = Some(name);
        self.effects.push_back(Effect::PartnersChanged);
        if self.clerk.answered().is_none() {
            self.clerk.on_answered(now, around.wall(now));
            self.tell("call.in-progress");
        }
        match self.leg(old).filter(|leg| leg.stage == Stage::Up) {
            Some(_) => self.hang_up_leg(old, cause::NORMAL),
            None => self.reject_leg(old, 487, cause::NORMAL),
        }
        if self.transfer.is_some() {
            return self.entertain(around.ringback());
        }
        if let Some(talk) = self.talk {
            self.dismiss_supervisor(now);
            self.media(MediaCommand::Bridge { a: new, b: talk });
            return self.hold_if_held(talk, around);
        }
        self.close_mailbox();
        if self.restart_voicemail(around, now) || self.attend_again(around) || self.play_park_music(around) {
            return;
        }
        if self.playing.take().is_some() {
            self.happenings.push_back(Happening::PlayFinished);
        } else if let Some(queue) = self.waiting_in.clone() {
            self.entertain(around.hold_music(&queue));
        } else if self.reaches.iter().any(|reach| reach.is_for(&Purpose::Dial)) {
            self.entertain_dialler(around);
        }
    }
}
