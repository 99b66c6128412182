//! Taking a message: greeting, tone, recording, thanks.
//!
//! The message counts from the moment that the pump says its file is on disk, also when the caller has hung up by then.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::Recording;
use crate::call::machine::Call;
use crate::dialplan::happening::Happening;
use crate::media::clip::Clip;
use crate::media::command::Command as MediaCommand;
use crate::media::command::RecordEnd;
use crate::media::command::RecordLimits;
use crate::media::command::Repeat;
use crate::media::command::Sound;

const LONGEST: Duration = Duration::from_secs(180);
const SILENCE: Duration = Duration::from_secs(5);
/// A caller who hangs up at the tone has left no message.
const SHORTEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Voicemail {
    mailbox: String,
    language: String,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Recording,
    Thanking,
}

impl Call {
    /// The pump says when a message is on disk, and that may be after it has said that the leg is closed.
    pub(super) fn is_writing_voicemail(&self) -> bool {
        self.voicemail.as_ref().is_some_and(|voicemail| voicemail.stage == Stage::Recording)
    }

    pub(super) fn start_voicemail(&mut self, mailbox: String, language: String, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        self.clerk.note(format!("leaves a message for {mailbox}"), now);
        let own = around.greeting(&mailbox);
        self.voicemail = Some(Voicemail { mailbox, language, stage: Stage::Greeting });
        match own {
            Some(path) => self.effects.push_back(Effect::LoadSound { path }),
            None => self.greet(None, around),
        }
    }

    /// The mailbox's own greeting has been read, or cannot be.
    pub(super) fn on_greeting_fetched(&mut self, result: Result<Arc<Clip>, String>, around: &dyn Around) {
        if self.voicemail.as_ref().is_some_and(|voicemail| voicemail.stage == Stage::Greeting) {
            self.greet(result.ok(), around);
        }
    }

    fn greet(&mut self, own: Option<Arc<Clip>>, around: &dyn Around) {
        let Some(voicemail) = &self.voicemail else { return };
        let greeting = own.or_else(|| around.prompt("voicemail", &voicemail.language));
        let mut sounds: Vec<Sound> = greeting.map(Sound::Clip).into_iter().collect();
        sounds.extend(around.beep());
        self.play(sounds, Repeat::Once);
    }

    /// Another is the caller now: he hears the greeting from its beginning. False: nobody leaves a message.
    pub(super) fn restart_voicemail(&mut self, around: &dyn Around, now: Instant) -> bool {
        let Some(Voicemail { mailbox, language, .. }) = self.voicemail.take() else {
            return false;
        };
        self.start_voicemail(mailbox, language, around, now);
        true
    }

    pub(super) fn voicemail_played(&mut self, around: &dyn Around, _now: Instant) {
        let Some(voicemail) = &mut self.voicemail else {
            return;
        };
        match voicemail.stage {
            Stage::Greeting => {
                voicemail.stage = Stage::Recording;
                // Who leaves another message takes nothing from the first.
                let file = match self.messages {
                    0 => self.id.0.clone(),
                    left => format!("{}_{}", self.id.0, left + 1),
                };
                let path = around.voicemail_path(&voicemail.mailbox, &file);
                let limits = RecordLimits { longest: LONGEST, silence: SILENCE, stop_key: Some('#') };
                if let Some(leg) = self.caller {
                    self.media(MediaCommand::Record { leg, path, limits });
                }
            }
            Stage::Recording => {}
            Stage::Thanking => {
                self.voicemail = None;
                self.happenings.push_back(Happening::VoicemailDone);
            }
        }
    }

    pub(super) fn on_recorded(
        &mut self,
        path: PathBuf,
        (length, cut): (Duration, Duration),
        ended: &RecordEnd,
        around: &dyn Around,
        now: Instant,
    ) {
        let Some(voicemail) = &mut self.voicemail else {
            return;
        };
        let saved = length >= SHORTEST && !matches!(ended, RecordEnd::Failed(_));
        if let RecordEnd::Failed(why) = ended {
            self.clerk.note(format!("the message could not be written: {why}"), now);
        }
        if !cut.is_zero() {
            self.clerk.note(format!("the message has a gap of {} s: the disk did not keep up", cut.as_secs()), now);
        }
        if saved {
            let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            let recording = Recording { mailbox: voicemail.mailbox.clone(), path, length_ms };
            self.effects.push_back(Effect::Voicemail(recording));
            self.messages += 1;
        }
        if self.is_ending() {
            self.voicemail = None;
            return;
        }
        let Some(voicemail) = &mut self.voicemail else {
            return;
        };
        voicemail.stage = Stage::Thanking;
        let thanks = around.prompt("voicemail-saved", &voicemail.language).filter(|_| saved);
        match thanks {
            Some(clip) => self.play(vec![Sound::Clip(clip)], Repeat::Once),
            None => self.voicemail_played(around, now),
        }
    }
}
