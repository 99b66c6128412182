//! Transfers that a party of the call orders: to a number or a flow (blind), or to a party of another call (attended).
//!
//! The sender of the REFER is the *transferor*, the other of the two who talk the *transferee*, and whom he is to talk to
//! the *target*. Whoever he is, the transferor takes the part of the called party first, so that the transferee is the
//! call's caller from then on; when a blind transfer fails and he is still there, they change back.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::NoWay;
use crate::call::effect::Ways;
use crate::call::leg::Leg;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::orders::RING_FOR;
use crate::call::reach::Purpose;
use crate::call::record::Party;
use crate::call::script::Plain;
use crate::call::script::Script;
use crate::dialplan::happening::Happening;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::Repeat;
use crate::media::command::Sound;
use crate::sip::agent::SubscriptionId;

/// A blind transfer that was accepted.
#[derive(Debug)]
pub struct Transfer {
    /// The transferor's leg.
    pub by: LegId,
    /// Whom he wants to be called instead, for the record.
    pub to: String,
    pub target: Target,
    /// `Referred-By` of the INVITE that follows. RFC 3892.
    pub referred_by: Bytes,
    /// Who is told how it goes; none if he does not want to hear it.
    pub referral: Option<SubscriptionId>,
}

/// Where a blind transfer leads.
#[derive(Debug)]
pub enum Target {
    /// Phones to be rung, or the reason why none can be.
    Party(Result<Ways, NoWay>),
    /// A number of ours: the transferee follows this.
    Flow { name: String, script: Box<Script> },
}

/// A transfer whose target rings.
#[derive(Debug)]
pub(super) struct Pending {
    by: LegId,
    to: String,
    pub(super) referred_by: Bytes,
    referral: Option<SubscriptionId>,
    pub(super) until: Instant,
    /// What the transferor followed as the caller that he was.
    aside: Option<Script>,
    ringback: Ringback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ringback {
    NotYet,
    Plays,
}

/// A leg whose part is over, and which hangs up by itself or is hung up.
#[derive(Debug)]
pub(super) struct Dismissed {
    pub(super) leg: LegId,
    pub(super) at: Instant,
}

/// Letters of a `Referred-By` that a record keeps.
const LONGEST_SAID: usize = 120;

/// A phone that hears that its transfer has worked hangs up by itself; RFC 5589 §6.1 leaves it to it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Blind: the target is rung while the transferee listens to music.
impl Call {
    /// Whether the party of this leg may be asked to leave: somebody is there who stays. Else the status that says no.
    pub fn can_transfer(&self, by: LegId) -> Result<(), u16> {
        match (self.partner(by), &self.transfer) {
            (Some(_), None) if !self.is_ending() => Ok(()),
            (Some(_), Some(_)) => Err(491),
            _ => Err(403),
        }
    }

    /// Whether this leg is the caller's, who talks to nobody: he is in a flow, in a queue, or hears a phone ring.
    pub fn is_waiting_caller(&self, leg: LegId) -> bool {
        self.caller == Some(leg) && self.talk.is_none() && !self.is_ending()
    }

    pub(super) fn begin_transfer(&mut self, order: Transfer, around: &dyn Around, now: Instant) {
        let Transfer { by, to, target, referred_by, referral } = order;
        if self.can_transfer(by).is_err() {
            return self.tell_transferor(referral, 481);
        }
        let said: String = String::from_utf8_lossy(&referred_by).chars().take(LONGEST_SAID).collect();
        self.clerk.note(format!("{} transfers the call to {to}, Referred-By: {said}", self.name_of(by)), now);
        match target {
            Target::Flow { name, script } => self.transfer_to_flow(by, to, &name, *script, referral, now),
            Target::Party(Ok(ways)) => {
                let aside = self.take_called_part(by);
                self.tell_transferor(referral, 100);
                self.dismiss_supervisor(now);
                self.media(MediaCommand::Unbridge { leg: by });
                self.entertain(around.hold_music(self.clerk.queue().unwrap_or_default()));
                let (until, ringback) = (now + RING_FOR, Ringback::NotYet);
                self.transfer = Some(Pending { by, to, referred_by, referral, until, aside, ringback });
                self.reach(Purpose::Transfer, ways, around, now);
            }
            Target::Party(Err(why)) => {
                self.clerk.note(format!("no way to {to}: {why}"), now);
                self.tell_transferor(referral, status_of(why));
            }
        }
    }

    /// The transferee follows the flow as if he had called its number.
    fn transfer_to_flow(
        &mut self,
        by: LegId,
        to: String,
        name: &str,
        script: Script,
        referral: Option<SubscriptionId>,
        now: Instant,
    ) {
        if let Some(former) = self.take_called_part(by) {
            self.shelve(&former);
        }
        self.remember_parker(by);
        self.follow(script);
        self.clerk.note(format!("goes on with flow {name}"), now);
        self.dismiss_supervisor(now);
        self.media(MediaCommand::Unbridge { leg: by });
        self.stop_playing();
        self.end_talk(now);
        self.tell_transferred(by, to);
        self.tell_transferor(referral, 200);
        self.dismiss(by, referral, now);
        self.happenings.clear();
        self.happenings.push_back(Happening::Started);
    }

    /// The target rings: the transferee hears it.
    pub(super) fn on_target_rings(&mut self, status: u16, around: &dyn Around) {
        let Some(pending) = &mut self.transfer else { return };
        let referral = pending.referral;
        if pending.ringback == Ringback::NotYet {
            pending.ringback = Ringback::Plays;
            self.entertain(around.ringback());
        }
        self.tell_transferor(referral, status);
    }

    /// The target has answered: the transferor's part is over.
    pub(super) fn on_target_answered(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        let Some(Pending { by, to, referral, aside, .. }) = self.transfer.take() else {
            return self.hang_up_leg(id, cause::NORMAL);
        };
        aside.iter().for_each(|script| self.shelve(script));
        // Another phone may have taken the transferor's place meanwhile; its part is over as well.
        let successor = self.talk.filter(|talk| *talk != by);
        self.end_talk(now);
        self.join(id, around, now);
        if let Some(successor) = successor {
            self.hang_up_leg(successor, cause::NORMAL);
        }
        self.tell_transferred(by, to);
        self.tell_transferor(referral, 200);
        self.dismiss(by, referral, now);
    }

    /// The target cannot be had. Who is still there can take the call back.
    pub(super) fn on_target_refused(&mut self, status: u16, around: &dyn Around, now: Instant) {
        let Some(Pending { to, referral, aside, .. }) = self.transfer.take() else {
            return;
        };
        self.clerk.note(format!("the transfer to {to} failed: {status}"), now);
        self.tell_transferor(referral, status);
        self.stop_playing();
        let Some(stays) = self.talk else {
            aside.iter().for_each(|script| self.shelve(script));
            return self.happenings.push_back(Happening::TalkEnded);
        };
        if let Some(caller) = self.caller {
            self.media(MediaCommand::Bridge { a: caller, b: stays });
        }
        if let Some(script) = aside {
            self.change_parts(stays);
            self.script = script;
        }
        self.hold_if_held(stays, around);
    }

    /// Nobody is left for whom the target could be rung.
    pub(super) fn abandon_transfer(&mut self) {
        if let Some(Pending { referral, aside, .. }) = self.transfer.take() {
            aside.iter().for_each(|script| self.shelve(script));
            self.tell_transferor(referral, 487);
        }
    }

    pub(super) fn on_transfer_timeout(&mut self, around: &dyn Around, now: Instant) {
        self.stop_reaching(&Purpose::Transfer, cause::NORMAL);
        self.on_target_refused(480, around, now);
    }

    /// The transferor hung up right after his REFER, as he may: the transfer goes on. False: this is somebody else.
    pub(super) fn on_transferor_gone(&mut self, id: LegId, now: Instant) -> bool {
        if self.transfer.as_ref().is_none_or(|pending| pending.by != id) {
            return false;
        }
        self.clerk.note(format!("{} hung up, the transfer goes on", self.name_of(id)), now);
        self.end_talk(now);
        self.close_leg(id);
        true
    }

    fn tell_transferor(&mut self, referral: Option<SubscriptionId>, status: u16) {
        if let Some(referral) = referral {
            self.effects.push_back(Effect::Referral { referral, status });
        }
    }

    /// Who hears nothing more of the transfer has nothing to wait for.
    fn dismiss(&mut self, leg: LegId, referral: Option<SubscriptionId>, now: Instant) {
        match referral {
            Some(_) => self.dismissed.push(Dismissed { leg, at: now + PATIENCE }),
            None => self.hang_up_leg(leg, cause::NORMAL),
        }
    }

    pub(super) fn hang_up_dismissed(&mut self, now: Instant) {
        let due: Vec<LegId> = self.dismissed.extract_if(.., |it| it.at <= now).map(|it| it.leg).collect();
        for leg in due {
            self.hang_up_leg(leg, cause::NORMAL);
        }
    }

    fn tell_transferred(&mut self, by: LegId, to: String) {
        let (by, view) = (self.name_of(by), Box::new(self.view()));
        self.effects.push_back(Effect::Transferred { by, to, view });
    }
}

/// Attended: a leg moves from one call to another, where it takes the transferor's place.
impl Call {
    /// Hands out the leg that talks to this one, and ends the call: the two are connected elsewhere. The leg's session
    /// and media go on; `to` is told in the record.
    pub fn give_partner(&mut self, of: LegId, to: &str, around: &dyn Around, now: Instant) -> Option<Leg> {
        let partner = self.partner(of)?;
        let at = self.legs.iter().position(|leg| leg.id == partner)?;
        self.dismiss_supervisor(now);
        self.media(MediaCommand::Unbridge { leg: partner });
        self.stop_recording_of(partner);
        let by = if self.caller == Some(of) { Party::Caller } else { Party::Callee };
        self.clerk.note(format!("{} transfers {} to {to}", self.name_of(of), self.name_of(partner)), now);
        let mut leg = self.legs.swap_remove(at);
        let mut record = leg.record.clone();
        record.ended = around.wall(now);
        self.clerk.file_leg(record);
        leg.record.party = self.shown_name(&leg);
        self.note_ending(by, cause::NORMAL);
        if self.caller == Some(partner) {
            self.caller = None;
        }
        self.happenings.push_back(Happening::CallerHungUp);
        self.wind_up(cause::NORMAL, now);
        if let Some(caller) = self.caller {
            self.hang_up_leg(caller, cause::NORMAL);
        }
        self.work(around, now);
        Some(leg)
    }

    /// Takes a leg of another call in the place of the transferor's.
    pub fn take_in_place_of(
        &mut self,
        by: LegId,
        leg: Leg,
        referral: Option<SubscriptionId>,
        around: &dyn Around,
        now: Instant,
    ) {
        let (id, to) = (leg.id, leg.record.party.clone());
        self.clerk.note(format!("{} transfers the call to {to}", self.name_of(by)), now);
        if let Some(former) = self.take_called_part(by) {
            self.shelve(&former);
        }
        self.end_talk(now);
        self.legs.push(leg);
        self.join(id, around, now);
        self.tell_transferred(by, to);
        self.tell_transferor(referral, 200);
        self.dismiss(by, referral, now);
        self.work(around, now);
    }

    /// Takes a leg of another call in the place of this call's caller, who waits for somebody: in a flow, in a queue, or
    /// for a phone that rings.
    pub fn take_as_caller(&mut self, by: LegId, leg: Leg, around: &dyn Around, now: Instant) {
        let (id, name) = (leg.id, leg.record.party.clone());
        self.clerk.note(format!("{} transfers {name} into this call", self.name_of(by)), now);
        self.legs.push(leg);
        self.tell_transferred(by, name);
        self.put_in_callers_place(id, around, now);
        self.work(around, now);
    }
}

/// Who is who.
impl Call {
    /// The caller hears this until something else is to be heard; the script does not notice.
    pub(super) fn entertain(&mut self, sounds: Vec<Sound>) {
        if !sounds.is_empty() {
            self.play(sounds, Repeat::Forever);
        }
    }

    /// The transferor becomes the called party. What he followed as the caller is returned.
    fn take_called_part(&mut self, by: LegId) -> Option<Script> {
        if self.caller != Some(by) {
            return None;
        }
        let transferee = self.talk?;
        self.change_parts(transferee);
        Some(std::mem::replace(&mut self.script, Script::Plain(Plain::talking())))
    }

    /// The caller and the called party change parts; `caller` is the caller then.
    fn change_parts(&mut self, caller: LegId) {
        let name = self.name_of(caller);
        self.talk = self.caller.replace(caller);
        self.caller_name = Some(name);
        self.parts = self.parts.changed();
    }

    /// The caller and this leg talk from here on; the script does not notice.
    pub(super) fn join(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        let Some(caller) = self.caller else { return };
        self.playing = None;
        self.media(MediaCommand::Bridge { a: caller, b: id });
        self.talk = Some(id);
        let party = self.name_of(id);
        self.clerk.note(format!("talks to {party}"), now);
        self.clerk.on_talking(&party, now);
        self.engage(id, party);
        self.hold_if_held(id, around);
        self.tell("call.connected");
    }

    /// The name that others know the party of a leg by.
    pub fn name_of(&self, id: LegId) -> String {
        self.leg(id).map_or_else(String::new, |leg| self.shown_name(leg))
    }

    fn shown_name(&self, leg: &Leg) -> String {
        match leg.record.party.as_str() {
            CALLER => self.clerk.facts.from.clone(),
            other => other.to_owned(),
        }
    }

    /// The name of the party at the other end, as the party of this leg sees it.
    pub fn remote_of(&self, id: LegId) -> String {
        match self.partner(id) {
            Some(partner) => self.name_of(partner),
            None if self.caller == Some(id) => self.clerk.facts.to.clone(),
            None => self.caller_name().to_owned(),
        }
    }

    /// Whom those who are rung see calling.
    pub(super) fn caller_name(&self) -> &str {
        self.caller_name.as_deref().unwrap_or(&self.clerk.facts.from)
    }
}

/// What a record calls the leg of whoever began the call.
pub(super) const CALLER: &str = "caller";

/// Whether the two who talk still have the parts that the call began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    AsBegun,
    Changed,
}

impl Parts {
    fn changed(self) -> Parts {
        match self {
            Parts::AsBegun => Parts::Changed,
            Parts::Changed => Parts::AsBegun,
        }
    }

    /// For the record: who it was in the call as it began.
    pub(super) fn as_begun(self, party: Party) -> Party {
        match (self, party) {
            (Parts::Changed, Party::Caller) => Party::Callee,
            (Parts::Changed, Party::Callee) => Party::Caller,
            (_, party) => party,
        }
    }
}

/// What the transferor is told of a target that cannot even be tried.
fn status_of(why: NoWay) -> u16 {
    match why {
        NoWay::Unknown => 404,
        NoWay::NotRegistered => 480,
        NoWay::TrunkUnavailable => 503,
        NoWay::KeptApart => 403,
    }
}
