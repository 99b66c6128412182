//! Supervisors: who may be brought into which talk, and how.

use std::time::Instant;

use crate::call::effect::Input as CallInput;
use crate::call::machine::Call;
use crate::call::record::CallId;
use crate::call::record::SupervisorMode;
use crate::call::record::SupervisorView;
use crate::call::supervision::Supervise;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::commands::no_call;
use crate::switch::commands::problem;
use crate::switch::machine::Switch;

impl Switch {
    /// Rings the supervisor; for one who is there already, changes what he is heard by.
    pub(super) fn supervise(
        &mut self,
        id: &CallId,
        extension: String,
        mode: SupervisorMode,
        now: Instant,
    ) -> Result<Answer, Problem> {
        if !self.desk.is_extension(&extension) {
            return Err(self.no_extension(&extension));
        }
        let (number, call) = self.calls.find(id).ok_or_else(|| no_call(id))?;
        match call.supervisor() {
            Some(there) if there.extension == extension => {
                self.tell_call(number, CallInput::SetSupervisorMode(mode), now);
            }
            Some(other) => return Err(taken(&other)),
            None if !call.is_talk() => return Err(nobody_talks(id)),
            None => {
                let ways = self.ways(&extension, &call.facts_of(&shown(call), None), number, now)?;
                let room = self.conferences.next_room();
                let order = Supervise { extension, mode, room, ways };
                self.tell_call(number, CallInput::Supervise(Box::new(order)), now);
            }
        }
        self.call_view(id)
    }

    pub(super) fn end_supervision(&mut self, id: &CallId, now: Instant) -> Result<Answer, Problem> {
        let (number, call) = self.calls.find(id).ok_or_else(|| no_call(id))?;
        if call.supervisor().is_none() {
            return Err(problem(
                404,
                "no-supervisor",
                "Nobody supervises this call",
                &id.0,
                "POST to the same path brings somebody in.",
            ));
        }
        self.tell_call(number, CallInput::EndSupervision, now);
        Ok(Answer::Done {})
    }
}

/// Whom the supervisor's phone shows: the caller.
fn shown(call: &Call) -> String {
    call.caller_leg().map_or_else(String::new, |leg| call.name_of(leg))
}

fn taken(by: &SupervisorView) -> Problem {
    problem(
        409,
        "supervised",
        "Somebody else supervises this call",
        &by.extension,
        "DELETE on the same path ends that first.",
    )
}

fn nobody_talks(id: &CallId) -> Problem {
    problem(
        409,
        "no-talk",
        "Nobody talks in this call now",
        &id.0,
        "`doing` says `talking to …` when there is something to hear.",
    )
}
