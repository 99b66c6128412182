//! Carries out what becomes of conferences: what calls and the pump report of them, and what the API wants.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::call::effect::ConferenceNews;
use crate::call::effect::Input as CallInput;
use crate::call::record::CallId;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::attendance::Speech;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::RecordEnd;
use crate::switch::command::Answer;
use crate::switch::command::ConferenceView;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::conferences::Comer;
use crate::switch::conferences::Conference;
use crate::switch::conferences::Reel;
use crate::switch::conferences::Step;
use crate::switch::effect::Effect;
use crate::switch::machine::Switch;

impl Switch {
    pub(super) fn join_conference(&mut self, number: u64, attendance: &Attendance, now: Instant) {
        let Some(call) = self.calls.call(number) else {
            return;
        };
        let others: Vec<u64> = self.conferences.members_of(&attendance.conference).collect();
        if others.iter().any(|other| !self.callers_may_meet(number, *other)) {
            self.note_kept_apart(number, &attendance.conference, now);
            let news = ConferenceNews::Left(ConferenceOutcome::KeptApart);
            return self.tell_call_later(number, CallInput::Conference(news), now);
        }
        let party = call.caller_leg().map_or_else(String::new, |leg| call.name_of(leg));
        let comer = Comer { call: number, id: call.id().clone(), party };
        let wall = self.wall(now);
        let steps = self.conferences.join(comer, attendance, wall);
        self.take_steps(steps, Some(number), now);
    }

    /// From within the call that leaves.
    pub(super) fn leave_conference(&mut self, number: u64, now: Instant) {
        let steps = self.conferences.leave(number);
        self.take_steps(steps, Some(number), now);
    }

    /// `within`: the call whose effects are being carried out.
    fn take_steps(&mut self, steps: Vec<Step>, within: Option<u64>, now: Instant) {
        for step in steps {
            match step {
                Step::Tell { call, news } if within == Some(call) => {
                    self.tell_call_later(call, CallInput::Conference(self.with_paths(news)), now);
                }
                Step::Tell { call, news } => self.tell_call(call, CallInput::Conference(self.with_paths(news)), now),
                Step::Media(command) => {
                    let command = self.with_path(command);
                    self.effects.push_back(Effect::Media(command));
                }
                Step::Publish { kind, data } => self.publish(kind, data, now),
            }
        }
    }

    fn with_paths(&self, news: ConferenceNews) -> ConferenceNews {
        match news {
            ConferenceNews::Hears { room, role, then } => {
                let then = then.into_iter().map(|command| self.with_path(command)).collect();
                ConferenceNews::Hears { room, role, then }
            }
            other => other,
        }
    }

    fn with_path(&self, command: MediaCommand) -> MediaCommand {
        match command {
            MediaCommand::RecordRoom { room, path, longest } => {
                MediaCommand::RecordRoom { room, path: self.recordings().join(path), longest }
            }
            other => other,
        }
    }

    /// Where tapes lie: beside the messages of callers.
    fn recordings(&self) -> PathBuf {
        self.desk.recording_folder.clone()
    }

    /// A tape is written, or could not be.
    pub(super) fn on_room_media(&mut self, event: MediaEvent, now: Instant) {
        let MediaEvent::RoomRecorded { path, length, ended, cut, .. } = event else {
            return;
        };
        let path = path.strip_prefix(self.recordings()).unwrap_or(&path).display().to_string();
        let Some(name) = self.conferences.taped.remove(&path) else {
            return;
        };
        let runs = Reel::Runs { path: path.clone() };
        if let Some(conference) = self.conferences.by_name.get_mut(&name).filter(|found| found.tape == runs) {
            conference.tape = Reel::Off;
        }
        let error = match ended {
            RecordEnd::Failed(why) => Some(why),
            _ => None,
        };
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let cut_ms = u64::try_from(cut.as_millis()).unwrap_or(u64::MAX);
        let data =
            json!({ "conference": name, "path": path, "length_ms": length_ms, "cut_ms": cut_ms, "error": error });
        self.publish("conference.recorded", data, now);
    }

    pub(super) fn conference_views(&self) -> Vec<ConferenceView> {
        self.conferences.by_name.iter().map(|(name, conference)| conference.view(name)).collect()
    }

    pub(super) fn conference_view(&self, name: &str) -> Result<Answer, Problem> {
        let view = self.conferences.view(name).ok_or_else(|| no_conference(name))?;
        Ok(Answer::Conference(Box::new(view)))
    }

    pub(super) fn set_member_speech(
        &mut self,
        name: &str,
        id: &CallId,
        speech: Speech,
        now: Instant,
    ) -> Result<Answer, Problem> {
        let (conference, place) = self.member(name, id)?;
        let (room, muted) = (conference.room, speech == Speech::Muted);
        let member = &mut conference.members[place];
        member.muted = muted;
        let news = ConferenceNews::Hears { room, role: member.role(), then: Vec::new() };
        let told = (!member.waits).then_some(Step::Tell { call: member.call, news });
        let kind = if muted { "conference.muted" } else { "conference.unmuted" };
        let published = conference.told(kind, name, place);
        self.take_steps(told.into_iter().chain([published]).collect(), None, now);
        self.conference_view(name)
    }

    pub(super) fn send_member_away(&mut self, name: &str, id: &CallId, now: Instant) -> Result<Answer, Problem> {
        let (conference, place) = self.member(name, id)?;
        let call = conference.members[place].call;
        let mut steps = self.conferences.leave(call);
        steps.push(Step::Tell { call, news: ConferenceNews::Left(ConferenceOutcome::SentAway) });
        self.take_steps(steps, None, now);
        Ok(Answer::Done {})
    }

    pub(super) fn start_conference_tape(&mut self, name: &str, now: Instant) -> Result<Answer, Problem> {
        let wall = self.wall(now);
        let conference = self.conferences.by_name.get_mut(name).ok_or_else(|| no_conference(name))?;
        match conference.tape {
            Reel::Runs { .. } => {}
            _ if !conference.is_heard() => conference.tape = Reel::Wanted,
            _ => {
                let (path, command) = conference.start_tape(name, self.desk.recording_format, wall);
                self.conferences.taped.insert(path, name.to_owned());
                self.take_steps(vec![Step::Media(command)], None, now);
            }
        }
        self.conference_view(name)
    }

    pub(super) fn stop_conference_tape(&mut self, name: &str, now: Instant) -> Result<Answer, Problem> {
        let conference = self.conferences.by_name.get_mut(name).ok_or_else(|| no_conference(name))?;
        let room = conference.room;
        let runs = matches!(std::mem::replace(&mut conference.tape, Reel::Off), Reel::Runs { .. });
        let stop = runs.then_some(Step::Media(MediaCommand::StopRecordingRoom { room }));
        self.take_steps(stop.into_iter().collect(), None, now);
        self.conference_view(name)
    }

    fn member(&mut self, name: &str, id: &CallId) -> Result<(&mut Conference, usize), Problem> {
        let conference = self.conferences.by_name.get_mut(name).ok_or_else(|| no_conference(name))?;
        let place = conference.members.iter().position(|member| member.id == *id).ok_or_else(|| no_member(id))?;
        Ok((conference, place))
    }
}

fn no_conference(name: &str) -> Problem {
    problem(
        404,
        "unknown-conference",
        "Nobody is in this conference",
        name,
        "GET /v1/conferences lists those that somebody is in.",
    )
}

fn no_member(id: &CallId) -> Problem {
    problem(
        404,
        "unknown-member",
        "This call is not in the conference",
        &id.0,
        "GET /v1/conferences/{name} lists who is.",
    )
}
