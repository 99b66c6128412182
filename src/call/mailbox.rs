//! Listening to a mailbox by telephone: who may, how many messages there are, each with its caller and time, and the keys.
//!
//! A phone of the extension whose mailbox it is comes in at once; everybody else types the mailbox's PIN, which stands in no
//! record and no log, and may be wrong three times. The messages are asked for once; what is marked or deleted meanwhile
//! through the API is told there, not here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::Kept;
use crate::call::effect::Sorting;
use crate::call::machine::Call;
use crate::call::record::Voicemail;
use crate::dialplan::happening::Happening;
use crate::media::clip::Clip;
use crate::media::command::Command as MediaCommand;
use crate::media::command::RecordEnd;
use crate::media::command::RecordLimits;
use crate::media::command::Repeat;
use crate::media::command::Sound;
use crate::media::speech;
use crate::media::speech::Language;

#[derive(Debug)]
pub(super) struct Listening {
    mailbox: String,
    language: String,
    /// New ones first, each the oldest first.
    messages: Vec<Voicemail>,
    /// The message in hand.
    at: usize,
    stage: Stage,
    /// When somebody who presses nothing has had enough time.
    pub(super) until: Option<Instant>,
    silences: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Pin {
        digits: String,
        wrong: u32,
    },
    /// The messages have been asked for.
    Asking,
    Menu,
    /// The file of the message in hand is being read.
    Fetching,
    Message,
    GreetingPrompt,
    GreetingRecording,
    /// The last words; then it is over.
    Leaving,
}

/// After the last word of a menu.
const PATIENCE: Duration = Duration::from_secs(6);
const MOST_SILENCES: u32 = 3;
const MOST_WRONG: u32 = 3;
const LONGEST_PIN: usize = 16;
const LONGEST_GREETING: Duration = Duration::from_secs(60);
const SHORTEST_GREETING: Duration = Duration::from_secs(1);

impl Call {
    pub(super) fn open_mailbox(&mut self, mailbox: String, language: String, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        let owner = self.caller.and_then(|caller| self.leg(caller)).and_then(|leg| leg.engages.clone());
        let is_owner = owner.is_some_and(|extension| around.mailbox_of(&extension) == mailbox);
        self.clerk.note(format!("opens the mailbox {mailbox}"), now);
        let stage = if is_owner { Stage::Asking } else { Stage::Pin { digits: String::new(), wrong: 0 } };
        let asks = is_owner || around.pin_fits(&mailbox, "", now).is_some();
        let (messages, at, until, silences) = (Vec::new(), 0, None, 0);
        self.listening = Some(Listening { mailbox, language, messages, at, stage, until, silences });
        match (is_owner, asks) {
            (true, _) => self.ask_for_messages(),
            (false, true) => self.say(&["mailbox-pin"], around),
            (false, false) => {
                self.clerk
                    .note("refused: the mailbox has no PIN, so only phones of its owner may listen".to_owned(), now);
                self.close_mailbox();
            }
        }
    }

    pub(super) fn is_writing_greeting(&self) -> bool {
        self.listening.as_ref().is_some_and(|it| it.stage == Stage::GreetingRecording)
    }

    /// Another is the caller now, and has not shown that he may listen.
    pub(super) fn close_mailbox(&mut self) {
        if self.listening.take().is_some() {
            self.happenings.push_back(Happening::MailboxLeft);
        }
    }

    /// What a listener asked for who has gone meanwhile opens no other mailbox.
    pub(super) fn on_voicemails(&mut self, mut messages: Vec<Voicemail>, around: &dyn Around) {
        let Some(listening) = self.listening.as_mut().filter(|it| it.stage == Stage::Asking) else {
            return;
        };
        messages.retain(|message| message.mailbox == listening.mailbox);
        messages.sort_by_key(|message| (message.heard.is_some(), message.left));
        let new = messages.iter().filter(|message| message.heard.is_none()).count();
        let old = messages.len() - new;
        listening.messages = messages;
        let mut names = vec!["mailbox-new".to_owned()];
        names.extend(counted(new, &listening.language));
        names.push("mailbox-old".to_owned());
        names.extend(counted(old, &listening.language));
        names.push("mailbox-menu".to_owned());
        self.turn_to(Stage::Menu);
        self.say(&names, around);
    }

    /// The file of the message in hand, or why it cannot be heard.
    pub(super) fn on_message_fetched(&mut self, result: Result<Arc<Clip>, String>, around: &dyn Around, now: Instant) {
        let Some(listening) = self.listening.as_ref().filter(|it| it.stage == Stage::Fetching) else {
            return;
        };
        let Some(message) = listening.messages.get(listening.at) else {
            return;
        };
        let clip = match result {
            Ok(clip) => clip,
            Err(why) => {
                self.clerk.note(format!("{} cannot be heard: {why}", message.id), now);
                return self.next_message(around);
            }
        };
        let language = listening.language.clone();
        let mut names = vec!["mailbox-from".to_owned()];
        names.extend(speech::digits(&message.from));
        let (hour, minute) = around.time_of_day(message.left);
        names.push("mailbox-at".to_owned());
        names.extend(counted(usize::from(hour), &language));
        names.extend((language.starts_with("pt") || language.starts_with("es")).then(|| "and".to_owned()));
        names.extend(counted(usize::from(minute), &language));
        let mut sounds = prompts(&names, &language, around);
        sounds.push(Sound::Clip(clip));
        sounds.extend(prompts(&["mailbox-keys".to_owned()], &language, around));
        self.turn_to(Stage::Message);
        self.play(sounds, Repeat::Once);
    }

    /// A key while a mailbox is open.
    pub(super) fn on_mailbox_key(&mut self, key: char, around: &dyn Around, now: Instant) {
        let Some(listening) = &mut self.listening else { return };
        listening.silences = 0;
        listening.until = None;
        match (&mut listening.stage, key) {
            (Stage::Pin { digits, .. }, '0'..='9') if digits.len() < LONGEST_PIN => {
                digits.push(key);
                listening.until = Some(now + PATIENCE);
                self.stop_playing();
            }
            (Stage::Pin { .. }, _) => self.try_pin(around, now),
            (Stage::Asking | Stage::Leaving | Stage::GreetingRecording, _) => {}
            (_, '*') => self.leave_mailbox(around),
            (Stage::Menu, '1') => {
                listening.at = 0;
                self.fetch_message(around);
            }
            (Stage::Menu, '2') => {
                self.turn_to(Stage::GreetingPrompt);
                let language = self.listening.as_ref().map(|it| it.language.clone()).unwrap_or_default();
                let mut sounds = prompts(&["mailbox-greeting".to_owned()], &language, around);
                sounds.extend(around.beep());
                self.play(sounds, Repeat::Once);
            }
            (Stage::Message, '1') => self.fetch_message(around),
            (Stage::Message, '2' | '#') => {
                self.sort_message(Sorting::Heard, around, now);
                self.next_message(around);
            }
            (Stage::Message, '3') => {
                self.sort_message(Sorting::Delete, around, now);
                self.say(&["mailbox-deleted"], around);
                // What follows is the next message, once this has been said.
                self.turn_to(Stage::Fetching);
            }
            _ => self.on_mailbox_silence(around, now),
        }
    }

    pub(super) fn on_mailbox_played(&mut self, around: &dyn Around, now: Instant) {
        let Some(listening) = &mut self.listening else { return };
        match listening.stage {
            Stage::Pin { .. } | Stage::Menu => listening.until = Some(now + PATIENCE),
            Stage::Message => {
                listening.until = Some(now + PATIENCE);
                self.sort_message(Sorting::Heard, around, now);
            }
            Stage::Fetching => self.next_message(around),
            Stage::GreetingPrompt => self.record_greeting(around),
            Stage::Leaving => self.close_mailbox(),
            Stage::Asking | Stage::GreetingRecording => {}
        }
    }

    /// Nothing was pressed in time.
    pub(super) fn on_mailbox_silence(&mut self, around: &dyn Around, now: Instant) {
        let Some(listening) = &mut self.listening else { return };
        listening.until = None;
        listening.silences += 1;
        if matches!(&listening.stage, Stage::Pin { digits, .. } if !digits.is_empty()) {
            return self.try_pin(around, now);
        }
        if listening.silences >= MOST_SILENCES {
            return self.leave_mailbox(around);
        }
        match listening.stage {
            Stage::Pin { .. } => self.say(&["mailbox-pin"], around),
            Stage::Message => self.say(&["mailbox-keys"], around),
            Stage::Menu => self.say(&["mailbox-menu"], around),
            _ => {}
        }
    }

    /// The greeting is on disk. False: the file is none.
    pub(super) fn on_greeting_recorded(
        &mut self,
        file: &Path,
        length: Duration,
        ended: &RecordEnd,
        around: &dyn Around,
        now: Instant,
    ) -> bool {
        let is_its =
            |it: &&Listening| it.stage == Stage::GreetingRecording && around.greeting_path(&it.mailbox) == file;
        let Some(listening) = self.listening.as_ref().filter(is_its) else {
            return false;
        };
        let mailbox = listening.mailbox.clone();
        let kept = length >= SHORTEST_GREETING && !matches!(ended, RecordEnd::Failed(_));
        if let RecordEnd::Failed(why) = ended {
            self.clerk.note(format!("the greeting could not be written: {why}"), now);
        }
        let worth = if kept { Kept::Yes } else { Kept::No };
        self.effects.push_back(Effect::Greeting { mailbox, kept: worth });
        if self.is_ending() {
            self.listening = None;
            return true;
        }
        self.turn_to(Stage::Menu);
        let words: &[&str] = if kept { &["mailbox-greeting-saved", "mailbox-menu"] } else { &["mailbox-menu"] };
        self.say(words, around);
        true
    }

    fn try_pin(&mut self, around: &dyn Around, now: Instant) {
        let Some(Listening { mailbox, stage: Stage::Pin { digits, wrong }, .. }) = &mut self.listening else {
            return;
        };
        if around.pin_fits(mailbox, digits, now) == Some(true) {
            return self.ask_for_messages();
        }
        digits.clear();
        *wrong += 1;
        let over = *wrong >= MOST_WRONG;
        let mailbox = mailbox.clone();
        self.effects.push_back(Effect::WrongPin { mailbox });
        self.clerk.note("a wrong PIN".to_owned(), now);
        if over {
            self.turn_to(Stage::Leaving);
            return self.say(&["mailbox-wrong-pin"], around);
        }
        self.say(&["mailbox-wrong-pin", "mailbox-pin"], around);
    }

    fn ask_for_messages(&mut self) {
        self.turn_to(Stage::Asking);
        if let Some(listening) = &self.listening {
            let mailbox = listening.mailbox.clone();
            self.effects.push_back(Effect::ListVoicemails { mailbox });
        }
    }

    fn fetch_message(&mut self, around: &dyn Around) {
        let Some(listening) = &self.listening else { return };
        let Some(message) = listening.messages.get(listening.at) else {
            self.turn_to(Stage::Menu);
            return self.say(&["mailbox-no-more", "mailbox-menu"], around);
        };
        let path = around.voicemail_file(&message.path);
        self.stop_playing();
        self.turn_to(Stage::Fetching);
        self.effects.push_back(Effect::LoadSound { path });
    }

    fn next_message(&mut self, around: &dyn Around) {
        if let Some(listening) = &mut self.listening {
            listening.at += 1;
        }
        self.fetch_message(around);
    }

    fn sort_message(&mut self, sorting: Sorting, around: &dyn Around, now: Instant) {
        let message = self.listening.as_mut().and_then(|it| it.messages.get_mut(it.at));
        let Some(message) = message.filter(|message| sorting == Sorting::Delete || message.heard.is_none()) else {
            return;
        };
        let voicemail = Box::new(message.clone());
        message.heard.get_or_insert_with(|| around.wall(now));
        self.effects.push_back(Effect::SortVoicemail { voicemail, sorting });
    }

    fn record_greeting(&mut self, around: &dyn Around) {
        let (Some(listening), Some(leg)) = (&self.listening, self.caller) else {
            return;
        };
        let path = around.greeting_path(&listening.mailbox);
        let limits = RecordLimits { longest: LONGEST_GREETING, silence: PATIENCE, stop_key: Some('#') };
        self.turn_to(Stage::GreetingRecording);
        self.media(MediaCommand::Record { leg, path, limits });
    }

    fn leave_mailbox(&mut self, around: &dyn Around) {
        self.turn_to(Stage::Leaving);
        self.say(&["thank-you"], around);
    }

    fn turn_to(&mut self, stage: Stage) {
        if let Some(listening) = &mut self.listening {
            listening.stage = stage;
            listening.until = None;
        }
    }

    fn say(&mut self, names: &[impl AsRef<str>], around: &dyn Around) {
        let language = self.listening.as_ref().map(|it| it.language.clone()).unwrap_or_default();
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        self.play(prompts(&names, &language, around), Repeat::Once);
    }
}

fn counted(number: usize, language: &str) -> Vec<String> {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let counted = Language::of(language).and_then(|language| speech::cardinal(number, language));
    counted.unwrap_or_else(|| speech::digits(&number.to_string()))
}

/// Prompts that are missing in the language are left out.
fn prompts(names: &[String], language: &str, around: &dyn Around) -> Vec<Sound> {
    names.iter().filter_map(|name| around.prompt(name, language)).map(Sound::Clip).collect()
}
