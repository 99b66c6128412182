//! Those who are dialled in a rehearsal: they answer, hear what is announced to them, take the call or do not.

use std::time::Duration;

use crate::dialplan::dial_order::Acceptance;
use crate::dialplan::dial_order::Announcement;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::manner::Does;
use crate::dialplan::manner::OnAnnouncement;
use crate::dialplan::order::DialTarget;
use crate::dialplan::world::Cue;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;

/// Phones that ring together.
#[derive(Debug)]
pub(super) struct Ringers {
    /// How many ring or listen.
    left: usize,
    announcement: Option<Announcement>,
    /// The first in the order of outcomes so far.
    outcome: Option<DialOutcome>,
}

/// Whether the caller is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    None,
    Taken,
}

/// What somebody does who was dialled.
#[derive(Debug, Clone, Copy)]
pub(super) enum Move {
    Answers,
    TakesTheCall,
    Refuses(DialOutcome),
    /// He hung up on what was announced, or pressed another key.
    RefusesAfterAll,
}

/// From the end of an announcement to the key.
const PRESSES_AFTER: Duration = Duration::from_secs(1);

impl World<'_> {
    pub(super) fn dial(&mut self, order: DialOrder) {
        self.unlink();
        let DialOrder { targets, announcement, .. } = order;
        self.ringers = Some(Ringers { left: targets.len(), announcement, outcome: None });
        for target in &targets {
            self.note_way(target);
            self.ring(target);
        }
    }

    pub(super) fn park(&mut self) {
        self.unlink();
        self.slot = Slot::Taken;
        self.events.push(Event::Parked);
    }

    /// Somebody comes for the caller, if he is parked.
    pub(super) fn is_picked_up(&mut self, talks: Duration) {
        if self.slot == Slot::Taken {
            self.talk(talks);
        }
    }

    pub(super) fn pick_up(&mut self, slot: &str) {
        self.unlink();
        match self.parked.iter().position(|parked| parked == slot) {
            Some(at) => {
                self.parked.remove(at);
                self.talk(self.around.manner_of(slot).talks);
            }
            None => self.tell_soon(Happening::PickUpFailed),
        }
    }

    /// The caller's trunk connects him, unless the one he is to be connected with cannot be had.
    pub(super) fn refer(&mut self, to: String) {
        self.unlink();
        let does = self.around.manner_of(&to).does;
        self.events.push(Event::HandedOn(to));
        match does {
            Does::BeAway | Does::BeBusy | Does::Decline => self.tell_soon(Happening::ReferRefused),
            Does::Answer | Does::Ignore => self.hang_up(),
        }
    }

    fn ring(&mut self, target: &DialTarget) {
        let who = target.text().to_owned();
        let manner = self.around.manner_of(&who);
        let (after, what) = match manner.does {
            Does::BeAway => (Duration::ZERO, Move::Refuses(DialOutcome::Unreachable)),
            Does::BeBusy => (Duration::ZERO, Move::Refuses(DialOutcome::Busy)),
            Does::Decline => (manner.after, Move::Refuses(DialOutcome::Declined)),
            Does::Answer => (manner.after, Move::Answers),
            Does::Ignore => return self.events.push(Event::Rang(who)),
        };
        if !matches!(manner.does, Does::BeAway | Does::BeBusy) {
            self.events.push(Event::Rang(who.clone()));
        }
        self.cue(after, Cue::Dialled { link: self.link, who, what });
    }

    pub(super) fn on_dialled(&mut self, who: String, what: Move) {
        match what {
            Move::Answers => self.on_answer(who),
            Move::TakesTheCall => self.talk(self.around.manner_of(&who).talks),
            Move::Refuses(outcome) => self.on_dial_refused(outcome),
            Move::RefusesAfterAll => {
                self.on_dial_refused(DialOutcome::Declined);
                if self.ringers.is_some() {
                    self.tell(Happening::CalleeLeft);
                }
            }
        }
    }

    fn on_answer(&mut self, who: String) {
        let Some(Ringers { announcement, .. }) = &self.ringers else {
            return;
        };
        let Some(Announcement { prompt, acceptance, .. }) = announcement.clone() else {
            return self.on_dialled(who, Move::TakesTheCall);
        };
        if acceptance == Acceptance::ByAnswer {
            self.silence_the_others();
        }
        let lasts = self.names.duration_of(&prompt);
        let (after, what) = match (self.around.manner_of(&who).on_announcement, acceptance) {
            (OnAnnouncement::HangUp, _) => (lasts / 2, Move::RefusesAfterAll),
            (OnAnnouncement::TakeTheCall, Acceptance::ByAnswer) => (lasts, Move::TakesTheCall),
            (OnAnnouncement::TakeTheCall, Acceptance::ByKey(_)) => (lasts + PRESSES_AFTER, Move::TakesTheCall),
        };
        self.events.push(Event::Announced { to: who.clone(), prompt });
        self.cue(after, Cue::Dialled { link: self.link, who, what });
        self.tell(Happening::CalleeListens);
    }

    /// Their cues carry an older link.
    fn silence_the_others(&mut self) {
        self.link += 1;
        if let Some(ringers) = &mut self.ringers {
            ringers.left = 1;
            ringers.outcome = None;
        }
    }

    fn on_dial_refused(&mut self, outcome: DialOutcome) {
        let Some(ringers) = &mut self.ringers else {
            return;
        };
        let first = ringers.outcome.map_or(outcome, |before| before.min(outcome));
        ringers.outcome = Some(first);
        ringers.left = ringers.left.saturating_sub(1);
        if ringers.left == 0 {
            self.ringers = None;
            self.tell(Happening::DialEnded(first));
        }
    }
}
