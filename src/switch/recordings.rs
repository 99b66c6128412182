//! Recordings of calls: ordered through the API, told to listeners, kept.

use std::time::Instant;

use serde_json::json;

use crate::call::record::CallId;
use crate::call::record::TalkRecording;
use crate::call::recording::NotRecorded;
use crate::dialplan::order::RecordOrder;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::commands::no_call;
use crate::switch::commands::problem;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::machine::Switch;

impl Switch {
    pub(super) fn record_call(&mut self, id: &CallId, order: RecordOrder, now: Instant) -> Result<Answer, Problem> {
        let (number, _) = self.calls.find(id).ok_or_else(|| no_call(id))?;
        let mut result = Err(NotRecorded::NotAnswered);
        self.with_call(number, now, |call, desk, now| result = call.on_record_order(order, desk, now));
        let recording = result.map_err(refusal)?;
        Ok(Answer::Recording(Box::new(recording)))
    }

    pub(super) fn keep_recording(&mut self, kind: &'static str, recording: TalkRecording, now: Instant) {
        self.publish(kind, json!(recording), now);
        self.effects.push_back(Effect::Keep(Keep::Recording(Box::new(recording))));
    }

    pub(super) fn delete_recording(&mut self, recording: &TalkRecording, now: Instant) -> Result<Answer, Problem> {
        if !recording.is_over() {
            let hint = "End it with POST /v1/calls/{id}/recording and the action `stop`.";
            return Err(problem(409, "recording-runs", "The recording is still being made", &recording.id, hint));
        }
        self.publish("recording.deleted", json!(recording), now);
        self.effects.push_back(Effect::Keep(Keep::ForgetRecording { id: recording.id.clone() }));
        Ok(Answer::Done {})
    }
}

fn refusal(why: NotRecorded) -> Problem {
    let (rule, hint) = match why {
        NotRecorded::NotAnswered => ("not-answered", "A call can be recorded from its answer to its end."),
        NotRecorded::Already => ("already-recorded", "End the recording that runs, or let it go on."),
        NotRecorded::Refused => ("refused", "The caller has said no to it: `consent` in the dialplan."),
        NotRecorded::Nothing => ("not-recorded", "Begin with the action `start`."),
    };
    problem(409, rule, "The recording cannot do this now", &why.to_string(), hint)
}
