//! Whose leg each SIP session is: the call it belongs to, the trunk it counts for, the extension whose lamps it lights.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::time::Instant;

use serde_json::json;
use tracing::info;

use crate::call::machine::Call;
use crate::call::machine::LEGS_PER_CALL;
use crate::call::record::CallView;
use crate::media::command::LegId;
use crate::number::masked;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::hop::Hop;
use crate::sip::subscription::dialog_info::Direction;
use crate::sip::subscription::dialog_info::State;
use crate::switch::machine::Switch;
use crate::switch::trunks::state::Course;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: HashMap<SessionId, SessionOf>,
    by_extension: HashMap<String, Vec<SessionId>>,
    /// Legs that a transfer has brought into a call other than the one that opened them.
    call_by_moved_leg: HashMap<LegId, u64>,
}

/// What the switch knows of a leg's session; direction and state as its own phone sees them.
#[derive(Debug)]
pub(super) struct SessionOf {
    pub leg: LegId,
    pub over: Option<Over>,
    /// Whose phone it is; none for a trunk.
    pub extension: Option<String>,
    pub direction: Direction,
    pub state: State,
}

/// The trunk that a session goes over.
#[derive(Debug)]
pub(super) struct Over {
    pub trunk: String,
    pub course: Course,
    /// Where an INVITE of ours is now, and where it may go next.
    pub hops: VecDeque<Hop>,
}

impl SessionOf {
    pub(super) fn trunk(&self) -> Option<&str> {
        self.over.as_ref().map(|over| over.trunk.as_str())
    }
}

impl Sessions {
    pub(super) fn get(&self, session: SessionId) -> Option<&SessionOf> {
        self.by_id.get(&session)
    }

    pub(super) fn of_extension(&self, extension: &str) -> &[SessionId] {
        self.by_extension.get(extension).map_or(&[], Vec::as_slice)
    }

    /// The number of the call that a leg is in.
    pub(super) fn owner(&self, leg: LegId) -> u64 {
        self.call_by_moved_leg.get(&leg).copied().unwrap_or(leg.0 / LEGS_PER_CALL)
    }

    pub(super) fn move_leg(&mut self, leg: LegId, number: u64) {
        self.call_by_moved_leg.insert(leg, number);
    }

    fn add(&mut self, session: SessionId, known: SessionOf) {
        if let Some(extension) = &known.extension {
            self.by_extension.entry(extension.clone()).or_default().push(session);
        }
        self.by_id.insert(session, known);
    }

    pub(super) fn remove(&mut self, session: SessionId) -> Option<SessionOf> {
        let known = self.by_id.remove(&session)?;
        if let Some(extension) = &known.extension
            && let Some(sessions) = self.by_extension.get_mut(extension)
        {
            sessions.retain(|other| *other != session);
            if sessions.is_empty() {
                self.by_extension.remove(extension);
            }
        }
        Some(known)
    }

    /// That call is over; the leg may have gone on to another.
    pub(super) fn forget_moved(&mut self, leg: LegId, from: u64) {
        if self.call_by_moved_leg.get(&leg) == Some(&from) {
            self.call_by_moved_leg.remove(&leg);
        }
    }
}

impl Switch {
    /// The session of a leg, from its INVITE on.
    pub(super) fn bind(
        &mut self,
        session: SessionId,
        leg: LegId,
        over: Option<Over>,
        extension: Option<String>,
        direction: Direction,
    ) {
        if let Some(extension) = &extension {
            self.lamps.touch_extension(extension);
        }
        let state = State::Trying;
        self.calls.sessions.add(session, SessionOf { leg, over, extension, direction, state });
    }

    /// What becomes of our INVITEs tells of a trunk's targets as much as its answers to OPTIONS do.
    pub(super) fn learn_of_trunk(&mut self, session: SessionId, event: &SessionEvent, now: Instant) {
        let over = self.calls.sessions.by_id.get_mut(&session).and_then(|known| known.over.as_mut());
        let Some(Over { trunk, course: Course::Out, hops }) = over else {
            return;
        };
        let Some(hop) = hops.front().copied() else { return };
        match event {
            SessionEvent::MovedOn { status, retry_after, .. } => {
                hops.pop_front();
                match retry_after {
                    Some(wish) => self.desk.trunks.on_target_resting(trunk, &hop, *wish, now),
                    None if *status == 408 => self.desk.trunks.on_target_silent(trunk, &hop, now),
                    None => {}
                }
            }
            SessionEvent::Refused { status: 503, retry_after: Some(wish), .. } => {
                self.desk.trunks.on_target_resting(trunk, &hop, *wish, now);
            }
            // A carrier says 408 for a callee and 503 for a route of its own; we say them for silence and a broken connection.
            SessionEvent::Refused { status: 408 | 503, .. } => {}
            SessionEvent::Progress { .. } | SessionEvent::Accepted { .. } | SessionEvent::Refused { .. } => {
                self.desk.trunks.on_target_answered(trunk, &hop, now);
            }
            _ => {}
        }
    }

    /// A call comes further; its lamps show it.
    pub(super) fn on_session_state(&mut self, session: SessionId, state: State) {
        let Some(known) = self.calls.sessions.by_id.get_mut(&session).filter(|known| known.state < state) else {
            return;
        };
        known.state = state;
        if let Some(extension) = &known.extension {
            self.lamps.touch_extension(extension);
        }
    }

    pub(super) fn on_transferred(&mut self, number: u64, by: &str, to: &str, view: &CallView, now: Instant) {
        info!(call = %view.id, by = %masked(by), to = %masked(to), "call transferred");
        let mut data = json!(view);
        data["transferred_by"] = json!(by);
        data["transferred_to"] = json!(to);
        self.publish("call.transferred", data, now);
        self.touch_lamps_of(number);
    }

    /// Who is in this call talks to somebody else now.
    pub(super) fn touch_lamps_of(&mut self, number: u64) {
        self.touch_slot_of(number);
        for session in self.calls.call(number).into_iter().flat_map(Call::sessions) {
            if let Some(extension) = self.calls.sessions.get(session).and_then(|known| known.extension.as_deref()) {
                self.lamps.touch_extension(extension);
            }
        }
    }
}
