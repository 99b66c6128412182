//! Recordings of a call: begun by the dialplan, by its queue or by the API, and ended at the latest with the call.
//!
//! A recording belongs to one leg, which both sides of the talk pass. When that leg leaves and the call goes on without it, a
//! further file begins with whoever is the caller then. What ends a recording (a full disk, the longest time) never ends
//! the call; a call is over only when all its files are complete.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::machine::Call;
use crate::call::record::RecordingState;
use crate::call::record::TalkRecording;
use crate::dialplan::order::Consent;
use crate::dialplan::order::RecordOrder;
use crate::media::both_sides::Channels;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::RecordEnd;
use crate::media::command::Steer;

/// A file that the pump writes.
#[derive(Debug)]
pub(super) struct Taping {
    leg: LegId,
    file: PathBuf,
    recording: TalkRecording,
    wish: Wish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// As long as the call lasts.
    GoOn,
    /// Its end was ordered; the pump has not said yet that the file is complete.
    End,
}

/// Why an order to a recording was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    #[error("the call is not answered, or is ending")]
    NotAnswered,
    #[error("the call is being recorded already")]
    Already,
    #[error("the call is not being recorded")]
    Nothing,
    #[error("the caller has refused")]
    Refused,
}

const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Files that one call may leave.
const MOST_FILES: u32 = 100;

impl Call {
    /// The pump says that a file is complete after it has said that its leg is closed.
    pub(super) fn is_being_recorded(&self) -> bool {
        !self.tapings.is_empty()
    }

    /// The recording as it is after the order.
    pub fn on_record_order(
        &mut self,
        order: RecordOrder,
        around: &dyn Around,
        now: Instant,
    ) -> Result<TalkRecording, NotRecorded> {
        match order {
            RecordOrder::Start { name, channels } => self.start_recording(name, channels, around, now),
            RecordOrder::Pause => self.steer(Steer::Pause, RecordingState::Paused, "recording.paused"),
            RecordOrder::Resume => self.steer(Steer::Resume, RecordingState::Recording, "recording.resumed"),
            RecordOrder::Stop => self.stop_recording(),
        }
    }

    /// As the dialplan orders it: what cannot be done stands in the record.
    pub(super) fn record(&mut self, order: RecordOrder, around: &dyn Around, now: Instant) {
        if let Err(why) = self.on_record_order(order, around, now) {
            self.clerk.note(format!("not recorded: {why}"), now);
        }
    }

    /// A no also ends what is being recorded.
    pub(super) fn on_consent(&mut self, answer: Consent, now: Instant) {
        self.clerk.on_consent(answer);
        if answer == Consent::Refused {
            self.clerk.note("the caller refuses to be recorded".to_owned(), now);
            let _ = self.stop_recording();
        }
    }

    /// The caller begins to talk to an agent of a queue whose talks are recorded.
    pub(super) fn record_if_queue_wants(&mut self, around: &dyn Around, now: Instant) {
        let wanted = self.clerk.queue().and_then(|queue| around.records(queue));
        if let Some(channels) = wanted.filter(|_| self.running().is_none()) {
            self.record(RecordOrder::Start { name: None, channels }, around, now);
        }
    }

    fn start_recording(
        &mut self,
        name: Option<String>,
        channels: Channels,
        around: &dyn Around,
        now: Instant,
    ) -> Result<TalkRecording, NotRecorded> {
        let up = self.caller.and_then(|caller| self.leg(caller)).filter(|leg| leg.is_up()).map(|leg| leg.id);
        let Some(leg) = up.filter(|_| !self.is_ending() && self.files < MOST_FILES) else {
            return Err(NotRecorded::NotAnswered);
        };
        if self.clerk.consent() == Some(Consent::Refused) {
            return Err(NotRecorded::Refused);
        }
        if self.running().is_some() {
            return Err(NotRecorded::Already);
        }
        self.files += 1;
        let started = around.wall(now);
        let id = format!("rec_{}_{}", self.id.0.trim_start_matches("call_"), self.files);
        let extension = around.recording_format().extension();
        let path = format!("{}/{id}.{extension}", started.strftime("%Y-%m-%d"));
        let file = around.recording_path(&path);
        let recording = TalkRecording {
            id,
            call: self.id.0.clone(),
            name,
            channels,
            started,
            length_ms: 0,
            cut_ms: 0,
            state: RecordingState::Recording,
            why: None,
            path,
        };
        self.clerk.note(format!("recorded as {}", recording.id), now);
        self.media(MediaCommand::RecordTalk { leg, path: file.clone(), channels, longest: LONGEST });
        self.tell_recording("recording.started", &recording);
        self.tapings.push(Taping { leg, file, recording: recording.clone(), wish: Wish::GoOn });
        Ok(recording)
    }

    fn steer(&mut self, order: Steer, state: RecordingState, kind: &'static str) -> Result<TalkRecording, NotRecorded> {
        let taping = self.running_mut().ok_or(NotRecorded::Nothing)?;
        let before = std::mem::replace(&mut taping.recording.state, state);
        let (leg, recording) = (taping.leg, taping.recording.clone());
        if before != state {
            self.media(MediaCommand::Steer { leg, order });
            self.tell_recording(kind, &recording);
        }
        Ok(recording)
    }

    fn stop_recording(&mut self) -> Result<TalkRecording, NotRecorded> {
        let taping = self.running_mut().ok_or(NotRecorded::Nothing)?;
        taping.wish = Wish::End;
        let (leg, recording) = (taping.leg, taping.recording.clone());
        self.media(MediaCommand::Steer { leg, order: Steer::End });
        Ok(recording)
    }

    /// This leg goes into another call, whose own recording it is there.
    pub(super) fn stop_recording_of(&mut self, leg: LegId) {
        if self.running().is_some_and(|taping| taping.leg == leg) {
            let _ = self.stop_recording();
        }
    }

    /// A file is complete: how long it is, and how much of that was cut for a slow disk. False: it is none of these recordings.
    pub(super) fn on_talk_recorded(
        &mut self,
        file: &Path,
        (length, cut): (Duration, Duration),
        ended: &RecordEnd,
        around: &dyn Around,
        now: Instant,
    ) -> bool {
        let Some(at) = self.tapings.iter().position(|taping| taping.file == file) else {
            return false;
        };
        let Taping { leg, mut recording, wish, .. } = self.tapings.remove(at);
        let was = recording.state;
        recording.length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        recording.cut_ms = u64::try_from(cut.as_millis()).unwrap_or(u64::MAX);
        if !cut.is_zero() {
            self.clerk.note(format!("the recording has a gap of {} s: the disk did not keep up", cut.as_secs()), now);
        }
        recording.state = RecordingState::Completed;
        match ended {
            RecordEnd::Failed(why) => {
                recording.state = RecordingState::Failed;
                recording.why = Some(why.clone());
                self.clerk.note(format!("the recording ended: {why}"), now);
                self.media(MediaCommand::Steer { leg, order: Steer::End });
            }
            RecordEnd::Longest => recording.why = Some("the longest time is over".to_owned()),
            _ => {}
        }
        self.tell_recording("recording.completed", &recording);
        let (name, channels) = (recording.name.clone(), recording.channels);
        self.clerk.file_recording(recording);
        if wish == Wish::GoOn && *ended == RecordEnd::Asked && !self.is_ending() {
            self.record(RecordOrder::Start { name, channels }, around, now);
            if was == RecordingState::Paused {
                self.record(RecordOrder::Pause, around, now);
            }
        }
        true
    }

    fn tell_recording(&mut self, kind: &'static str, recording: &TalkRecording) {
        self.effects.push_back(Effect::Recording { kind, recording: Box::new(recording.clone()) });
    }

    fn running(&self) -> Option<&Taping> {
        self.tapings.iter().find(|taping| taping.wish == Wish::GoOn)
    }

    fn running_mut(&mut self) -> Option<&mut Taping> {
        self.tapings.iter_mut().find(|taping| taping.wish == Wish::GoOn)
    }
}
