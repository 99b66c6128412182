//! A parked caller: he waits in a slot of the lot, with music, until a phone takes him from there.
//!
//! Which slot is free the switch knows. Who parked him is whoever called in before the caller took his place, or whoever
//! transferred him here.

use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::leg::Leg;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::Party;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::ParkOrder;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::Repeat;
use crate::media::command::Sound;

#[derive(Debug)]
pub(super) struct Parked {
    /// None before the switch has found one.
    place: Option<Place>,
    order: ParkOrder,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    slot: u32,
    since: Instant,
}

/// A caller who waits in a slot, for those who ask.
#[derive(Debug)]
pub struct Waiting<'c> {
    pub slot: u32,
    pub caller: &'c str,
    /// The extension that parked him.
    pub parked_by: Option<&'c str>,
    pub since: Instant,
    /// Nobody picks him up there any more.
    pub until: Instant,
}

impl Call {
    pub(super) fn park(&mut self, order: ParkOrder, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        self.stop_playing();
        if let Some(parker) = self.caller.filter(|caller| self.is_of_the_house(*caller)) {
            self.parker = Some(self.name_of(parker));
        }
        let (first, last) = (order.first, order.last);
        self.parked = Some(Parked { place: None, order });
        self.effects.push_back(Effect::Park { first, last });
    }

    /// None: no slot was free.
    pub(super) fn on_parked(&mut self, slot: Option<u32>, around: &dyn Around, now: Instant) {
        let Some(parked) = &mut self.parked else {
            return;
        };
        let Some(slot) = slot else {
            self.parked = None;
            return self.happenings.push_back(Happening::ParkFull);
        };
        parked.place = Some(Place { slot, since: now });
        let language = parked.order.language.clone();
        self.clerk.note(format!("parked in slot {slot}"), now);
        self.tell("call.parked");
        if self.caller.is_some_and(|caller| self.is_of_the_house(caller)) {
            return self.say_slot(slot, &language, around);
        }
        if let Some(parker) = self.parker.clone() {
            let text = told(self.caller_name(), slot, &language);
            self.effects.push_back(Effect::Message { to: parker, text });
        }
        self.play_park_music(around);
    }

    fn say_slot(&mut self, slot: u32, language: &str, around: &dyn Around) {
        let digits = slot.to_string();
        let prompts = digits.chars().filter_map(|digit| around.prompt(&format!("digit-{digit}"), language));
        let sounds: Vec<Sound> = prompts.map(Sound::Clip).collect();
        if sounds.is_empty() {
            self.play_park_music(around);
        } else {
            self.play(sounds, Repeat::Once);
        }
    }

    /// The number of the slot was said, or somebody else is the caller now. False: nobody is parked.
    pub(super) fn play_park_music(&mut self, around: &dyn Around) -> bool {
        let Some(parked) = &self.parked else {
            return false;
        };
        let music = parked.order.music.as_ref().map_or_else(|| around.hold_music(""), |name| around.music(name));
        self.playing = None;
        self.entertain(music);
        true
    }

    /// The slot is free again.
    pub(super) fn unpark(&mut self) {
        if self.parked.take().is_some() {
            self.effects.push_back(Effect::Unpark);
            self.stop_playing();
        }
    }

    /// Where the caller is parked, in a few words.
    pub(super) fn parked_in(&self) -> Option<String> {
        self.waiting_in_slot().map(|waiting| format!("parked in {}", waiting.slot))
    }

    pub fn waiting_in_slot(&self) -> Option<Waiting<'_>> {
        let Parked { place, order } = self.parked.as_ref()?;
        let Place { slot, since } = (*place)?;
        let (caller, parked_by) = (self.caller_name(), self.parker.as_deref());
        Some(Waiting { slot, caller, parked_by, since, until: since + order.up_to })
    }

    /// Nobody came: whoever parked the caller is rung.
    pub(super) fn ring_back_parker(&mut self, ring_for: Duration, around: &dyn Around, now: Instant) {
        match self.parker.clone() {
            Some(parker) => {
                self.clerk.note(format!("comes back to {parker}"), now);
                let order = DialOrder::plain(DialTarget::Extension(parker), ring_for);
                self.dial(Box::new(order), around, now);
            }
            None => self.happenings.push_back(Happening::DialEnded(DialOutcome::Unreachable)),
        }
    }

    /// Whoever transferred the caller into a flow may be the one who parks him there.
    pub(super) fn remember_parker(&mut self, by: LegId) {
        self.parker = self.is_of_the_house(by).then(|| self.name_of(by));
    }

    fn is_of_the_house(&self, leg: LegId) -> bool {
        self.leg(leg).is_some_and(|leg| leg.record.trunk.is_none())
    }

    /// Hands out the caller's own leg, who picks up a parked caller, and ends the call; `to` is told in the record.
    pub fn give_caller(&mut self, to: &str, around: &dyn Around, now: Instant) -> Option<Leg> {
        let id = self.caller.filter(|_| self.talk.is_none() && !self.is_ending())?;
        let at = self.legs.iter().position(|leg| leg.id == id && leg.is_up())?;
        self.media(MediaCommand::Stop { leg: id });
        self.stop_recording_of(id);
        self.clerk.note(format!("{} picks up the caller of {to}", self.name_of(id)), now);
        let name = self.name_of(id);
        let mut leg = self.legs.swap_remove(at);
        let mut record = leg.record.clone();
        record.ended = around.wall(now);
        self.clerk.file_leg(record);
        leg.record.party = name;
        self.note_ending(Party::Caller, cause::NORMAL);
        self.caller = None;
        self.happenings.push_back(Happening::CallerHungUp);
        self.wind_up(cause::NORMAL, now);
        self.work(around, now);
        Some(leg)
    }

    /// The parked caller talks to this leg of another call from here on.
    pub fn take_picked_up(&mut self, leg: Leg, around: &dyn Around, now: Instant) {
        let (id, name) = (leg.id, leg.record.party.clone());
        self.parked = None;
        self.clerk.note(format!("picked up by {name}"), now);
        self.tell("call.picked-up");
        self.legs.push(leg);
        self.talk_to(id, None, around, now);
        self.work(around, now);
    }
}

/// For the display of a phone.
fn told(caller: &str, slot: u32, language: &str) -> String {
    match language.split(['-', '_']).next() {
        Some("pt") => format!("{caller} espera na vaga {slot}."),
        Some("es") => format!("{caller} espera en la plaza {slot}."),
        _ => format!("{caller} waits in slot {slot}."),
    }
}
