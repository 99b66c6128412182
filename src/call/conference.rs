//! The caller's part in a conference: the switch knows who is in it, the call sees to it that its caller hears it.

use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::ConferenceNews;
use crate::call::effect::Effect;
use crate::call::machine::Call;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::happening::Happening;
use crate::media::command::Background;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::Repeat;
use crate::media::command::Role;
use crate::media::command::RoomId;

/// From the order to join until he has left.
#[derive(Debug)]
pub(super) struct Attending {
    pub(super) conference: String,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// With music.
    Waits,
    In {
        room: RoomId,
        role: Role,
    },
}

impl Call {
    pub(super) fn join_conference(&mut self, attendance: Box<Attendance>, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        self.stop_playing();
        let conference = attendance.conference.clone();
        self.clerk.note(format!("joins conference {conference}"), now);
        self.attending = Some(Attending { conference, stage: Stage::Waits });
        self.effects.push_back(Effect::JoinConference(attendance));
    }

    pub(super) fn on_conference(&mut self, news: ConferenceNews, around: &dyn Around, now: Instant) {
        let Some(attending) = &mut self.attending else {
            return;
        };
        match news {
            ConferenceNews::Waits => {
                self.clerk.on_conference(&attending.conference);
                self.play(around.hold_music(""), Repeat::Forever);
            }
            ConferenceNews::Hears { room, role, then } => {
                self.clerk.on_conference(&attending.conference);
                self.clerk.on_conference_heard(now);
                attending.stage = Stage::In { room, role };
                self.enter_room();
                then.into_iter().for_each(|command| self.media(command));
            }
            ConferenceNews::Left(outcome) => {
                self.attending = None;
                self.clerk.note(outcome.to_string(), now);
                self.clerk.on_talk_over(now);
                self.quit_room();
                self.happenings.push_back(Happening::ConferenceLeft(outcome));
            }
        }
    }

    /// He leaves by himself, or the call ends.
    pub(super) fn leave_conference(&mut self, now: Instant) {
        if self.attending.take().is_some() {
            self.clerk.on_talk_over(now);
            self.effects.push_back(Effect::LeaveConference);
            self.quit_room();
        }
    }

    /// The caller comes back from hold, goes on hold, or is another now. False: he is in no conference.
    pub(super) fn attend_again(&mut self, around: &dyn Around) -> bool {
        match self.attending.as_ref().map(|attending| attending.stage) {
            None => return false,
            Some(Stage::Waits) => self.play(around.hold_music(""), Repeat::Forever),
            Some(Stage::In { .. }) => self.enter_room(),
        }
        true
    }

    pub(super) fn is_attending(&self, leg: LegId) -> bool {
        self.caller == Some(leg) && self.attending.is_some()
    }

    /// A phone that holds would play its music to everybody.
    fn enter_room(&mut self) {
        let (Some(leg), Some(Attending { stage: Stage::In { room, role }, .. })) = (self.caller, &self.attending)
        else {
            return;
        };
        let holds = self.leg(leg).is_some_and(|leg| leg.holds());
        let role = if holds { Role::Listener } else { *role };
        let room = *room;
        self.playing = None;
        self.media(MediaCommand::Join { leg, room, role, background: Background::Gated });
    }

    fn quit_room(&mut self) {
        self.stop_playing();
        if let Some(leg) = self.caller {
            self.media(MediaCommand::Leave { leg });
        }
    }
}
