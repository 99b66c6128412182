//! A supervisor who listens to a talk, whispers to the agent, or barges in.
//!
//! While he is there the two who talk are members of a room instead of a bridge; when he has gone, or was never reached,
//! they are bridged as before. A supervision ends with the talk: whoever comes by a transfer is not listened to unasked.

use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Ways;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::reach::Purpose;
use crate::call::record::SupervisorMode;
use crate::call::record::SupervisorView;
use crate::media::command::Background;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::Role;
use crate::media::command::RoomId;

/// An order to bring a supervisor into a talk.
#[derive(Debug)]
pub struct Supervise {
    pub extension: String,
    pub mode: SupervisorMode,
    pub room: RoomId,
    /// His phones.
    pub ways: Ways,
}

#[derive(Debug)]
pub(super) struct Supervision {
    extension: String,
    mode: SupervisorMode,
    room: RoomId,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Rings { until: Instant },
    Hears { leg: LegId },
}

/// A supervisor who does not pick up within this is not coming.
const RINGS_FOR: Duration = Duration::from_secs(30);

impl Call {
    /// Whether two talk here, and to whom a supervisor would listen.
    pub fn is_talk(&self) -> bool {
        self.talk.is_some() && self.transfer.is_none() && !self.is_ending()
    }

    pub fn supervisor(&self) -> Option<SupervisorView> {
        self.supervision.as_ref().map(|it| SupervisorView {
            extension: it.extension.clone(),
            mode: it.mode,
            listens: matches!(it.stage, Stage::Hears { .. }),
        })
    }

    pub(super) fn supervise(&mut self, order: Supervise, around: &dyn Around, now: Instant) {
        let Supervise { extension, mode, room, ways } = order;
        self.clerk.note(format!("supervisor {extension} is rung"), now);
        self.supervision = Some(Supervision { extension, mode, room, stage: Stage::Rings { until: now + RINGS_FOR } });
        self.reach(Purpose::Supervisor, ways, around, now);
    }

    pub(super) fn set_supervisor_mode(&mut self, mode: SupervisorMode, now: Instant) {
        let Some(supervision) = &mut self.supervision else {
            return;
        };
        supervision.mode = mode;
        let extension = supervision.extension.clone();
        if let Stage::Hears { leg } = supervision.stage {
            self.clerk.note(format!("supervisor {extension}: {}", mode.word()), now);
            self.seat_supervisor(leg);
        }
        self.tell("call.supervised");
    }

    pub(super) fn on_supervisor_answered(&mut self, id: LegId, around: &dyn Around, now: Instant) {
        let (Some(supervision), Some(talk)) = (&mut self.supervision, self.talk) else {
            return self.hang_up_leg(id, cause::NORMAL);
        };
        supervision.stage = Stage::Hears { leg: id };
        let (extension, mode) = (supervision.extension.clone(), supervision.mode);
        self.clerk.note(format!("supervisor {extension}: {}", mode.word()), now);
        self.engage(id, extension);
        for leg in [self.caller, Some(talk)].into_iter().flatten() {
            self.seat(leg, Role::Speaker);
        }
        self.seat_supervisor(id);
        self.hold_both_if_held(around);
        self.tell("call.supervised");
    }

    /// His phone cannot be reached, or he declined.
    pub(super) fn on_supervisor_refused(&mut self, now: Instant) {
        if let Some(supervision) = self.supervision.take() {
            self.clerk.note(format!("supervisor {} does not come", supervision.extension), now);
            self.tell("call.supervision-ended");
        }
    }

    /// He hung up: the talk goes on without him. False: this is somebody else.
    pub(super) fn on_supervisor_gone(&mut self, id: LegId, around: &dyn Around, now: Instant) -> bool {
        let is_his = self.supervision.as_ref().is_some_and(|it| it.stage == Stage::Hears { leg: id });
        if is_his {
            self.close_leg(id);
            self.end_supervision(around, now);
        }
        is_his
    }

    /// The supervisor leaves, and those who talk are alone again.
    pub(super) fn end_supervision(&mut self, around: &dyn Around, now: Instant) {
        let heard = self.dismiss_supervisor(now);
        if let (true, Some(a), Some(b)) = (heard, self.caller, self.talk) {
            self.media(MediaCommand::Bridge { a, b });
            self.hold_both_if_held(around);
        }
    }

    /// The talk is over or another begins: nobody is left in the room. True: there was one.
    pub(super) fn dismiss_supervisor(&mut self, now: Instant) -> bool {
        let Some(supervision) = self.supervision.take() else {
            return false;
        };
        self.clerk.note(format!("supervisor {} is out", supervision.extension), now);
        let heard = match supervision.stage {
            Stage::Rings { .. } => {
                self.stop_reaching(&Purpose::Supervisor, cause::NORMAL);
                false
            }
            Stage::Hears { leg } => {
                self.hang_up_leg(leg, cause::NORMAL);
                for leg in [self.caller, self.talk].into_iter().flatten() {
                    self.media(MediaCommand::Leave { leg });
                }
                true
            }
        };
        self.tell("call.supervision-ended");
        heard
    }

    /// Keys pass through a bridge by themselves; in a room they would be lost.
    pub(super) fn pass_digit_in_room(&mut self, from: LegId, digit: char) {
        let in_room = self.supervision.as_ref().is_some_and(|it| matches!(it.stage, Stage::Hears { .. }));
        if let (true, Some(leg)) = (in_room, self.partner(from)) {
            self.media(MediaCommand::SendDigits { leg, digits: digit.to_string() });
        }
    }

    /// His phone holds, or comes back. False: this leg is another's.
    pub(super) fn reseat_supervisor(&mut self, leg: LegId) -> bool {
        let is_his = self.supervision.as_ref().is_some_and(|it| it.stage == Stage::Hears { leg });
        if is_his {
            self.seat_supervisor(leg);
        }
        is_his
    }

    /// When his phone has rung long enough.
    pub(super) fn supervisor_rings_until(&self) -> Option<Instant> {
        match self.supervision.as_ref()?.stage {
            Stage::Rings { until } => Some(until),
            Stage::Hears { .. } => None,
        }
    }

    /// A phone that holds would play its music into the talk.
    fn seat_supervisor(&mut self, leg: LegId) {
        let holds = self.leg(leg).is_some_and(|leg| leg.holds());
        let role = match self.supervision.as_ref().map(|it| it.mode).filter(|_| !holds) {
            Some(SupervisorMode::Barge) => Role::Speaker,
            Some(SupervisorMode::Whisper) => {
                self.agent_leg().map_or(Role::Listener, |agent| Role::Whisperer { to: agent })
            }
            Some(SupervisorMode::Listen) | None => Role::Listener,
        };
        self.seat(leg, role);
    }

    fn seat(&mut self, leg: LegId, role: Role) {
        if let Some(room) = self.supervision.as_ref().map(|it| it.room) {
            self.media(MediaCommand::Join { leg, room, role, background: Background::Heard });
        }
    }

    /// Of the two who talk, the one of the house: whoever did not come over a trunk. Of two such, who was called.
    fn agent_leg(&self) -> Option<LegId> {
        let of_the_house = |id: &LegId| self.leg(*id).is_some_and(|leg| leg.record.trunk.is_none());
        let (caller, talk) = (self.caller?, self.talk?);
        Some(if !of_the_house(&talk) && of_the_house(&caller) { caller } else { talk })
    }

    fn hold_both_if_held(&mut self, around: &dyn Around) {
        for leg in [self.caller, self.talk].into_iter().flatten() {
            self.hold_if_held(leg, around);
        }
    }
}
