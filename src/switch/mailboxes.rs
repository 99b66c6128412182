//! How many messages wait in which mailbox, new and heard ones, so that lamps and counts never wait for the store.
//!
//! Of new messages the ids are known, of heard ones only the number: whatever is marked or deleted twice counts once.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Instant;

use serde_json::json;

use crate::call::effect::Around;
use crate::call::effect::Kept;
use crate::call::effect::Sorting;
use crate::call::record::Mailbox;
use crate::call::record::Voicemail;
use crate::registrar::config::Extension;
use crate::sip::subscription::package::Package;
use crate::switch::command::Answer;
use crate::switch::command::Mark;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::machine::Switch;

#[derive(Debug)]
pub(super) struct Mailboxes {
    by_name: BTreeMap<String, Mailbox>,
    name_by_extension: BTreeMap<String, String>,
    /// Deleted lately: the store may still list them.
    deleted: VecDeque<String>,
}

const REMEMBERED: usize = 1024;

impl Mailboxes {
    pub(super) fn new(extensions: &[Extension], kept: BTreeMap<String, Mailbox>) -> Mailboxes {
        let name = |extension: &Extension| extension.mailbox.clone().unwrap_or_else(|| extension.number.clone());
        let names = extensions.iter().map(|extension| (extension.number.clone(), name(extension)));
        Mailboxes { by_name: kept, name_by_extension: names.collect(), deleted: VecDeque::new() }
    }

    pub(super) fn of_extension<'a>(&'a self, extension: &'a str) -> &'a str {
        self.name_by_extension.get(extension).map_or(extension, String::as_str)
    }

    /// New and heard messages.
    pub(super) fn counts(&self, mailbox: &str) -> (usize, usize) {
        self.by_name.get(mailbox).map_or((0, 0), |mailbox| (mailbox.new.len(), mailbox.old))
    }

    pub(super) fn on_left(&mut self, voicemail: &Voicemail) {
        self.by_name.entry(voicemail.mailbox.clone()).or_default().new.insert(voicemail.id.clone());
    }

    fn mark(&mut self, voicemail: &Voicemail, mark: Mark) {
        let mailbox = self.by_name.entry(voicemail.mailbox.clone()).or_default();
        match mark {
            Mark::Heard if mailbox.new.remove(&voicemail.id) => mailbox.old += 1,
            Mark::New if mailbox.new.insert(voicemail.id.clone()) => mailbox.old = mailbox.old.saturating_sub(1),
            Mark::Heard | Mark::New => {}
        }
    }

    fn delete(&mut self, voicemail: &Voicemail) {
        let mailbox = self.by_name.entry(voicemail.mailbox.clone()).or_default();
        if !mailbox.new.remove(&voicemail.id) {
            mailbox.old = mailbox.old.saturating_sub(1);
        }
        if self.deleted.len() == REMEMBERED {
            self.deleted.pop_front();
        }
        self.deleted.push_back(voicemail.id.clone());
    }

    /// What was deleted a moment ago may still be listed.
    pub(super) fn without_deleted(&self, mut messages: Vec<Voicemail>) -> Vec<Voicemail> {
        messages.retain(|message| !self.is_deleted(&message.id));
        messages
    }

    fn is_new(&self, voicemail: &Voicemail) -> bool {
        self.by_name.get(&voicemail.mailbox).is_some_and(|mailbox| mailbox.new.contains(&voicemail.id))
    }

    fn is_deleted(&self, id: &str) -> bool {
        self.deleted.iter().any(|deleted| deleted == id)
    }
}

impl Switch {
    pub(super) fn mark_voicemail(
        &mut self,
        mut voicemail: Voicemail,
        mark: Mark,
        now: Instant,
    ) -> Result<Answer, Problem> {
        if self.mailboxes.is_deleted(&voicemail.id) {
            return Err(deleted(&voicemail.id));
        }
        self.mailboxes.mark(&voicemail, mark);
        self.lamps.touch(Package::MessageSummary, &voicemail.mailbox);
        let heard = (mark == Mark::Heard).then(|| voicemail.heard.unwrap_or_else(|| self.wall(now)));
        if heard != voicemail.heard {
            voicemail.heard = heard;
            let kind = if heard.is_some() { "voicemail.heard" } else { "voicemail.unheard" };
            self.publish(kind, json!(voicemail), now);
            self.effects.push_back(Effect::Keep(Keep::Voicemail(voicemail.clone())));
        }
        Ok(Answer::Voicemail(Box::new(voicemail)))
    }

    pub(super) fn list_voicemails(&mut self, number: u64, mailbox: String) {
        let ticket = self.ticket_of(number);
        self.effects.push_back(Effect::ListVoicemails { ticket, mailbox });
    }

    /// As the listener at the telephone wants it.
    pub(super) fn sort_voicemail(&mut self, voicemail: Voicemail, sorting: Sorting, now: Instant) {
        let path = self.desk.voicemail_folder.join(&voicemail.path);
        // Whatever is not there any more needs no sorting.
        match sorting {
            Sorting::Heard => drop(self.mark_voicemail(voicemail, Mark::Heard, now)),
            Sorting::Delete => {
                if self.delete_voicemail(&voicemail, now).is_ok() {
                    self.effects.push_back(Effect::RemoveFile { path });
                }
            }
        }
    }

    pub(super) fn on_wrong_pin(&mut self, mailbox: &str, now: Instant) {
        tracing::warn!(mailbox, "a wrong PIN");
        self.desk.pins.on_wrong(mailbox, now);
    }

    pub(super) fn on_wrong_conference_pin(&mut self, conference: &str, now: Instant) {
        tracing::warn!(conference, "a wrong PIN");
        self.desk.guesses.on_wrong(conference, now);
    }

    pub(super) fn on_greeting(&mut self, mailbox: String, kept: Kept) {
        match kept {
            Kept::Yes => {
                self.desk.greetings.insert(mailbox);
            }
            // The next start would find the file, and take it for a greeting.
            Kept::No => {
                let path = self.desk.greeting_path(&mailbox);
                self.desk.greetings.remove(&mailbox);
                self.effects.push_back(Effect::RemoveFile { path });
            }
        }
    }

    /// The operator's command has ended.
    pub(super) fn on_notified(&mut self, mut voicemail: Voicemail, result: Result<(), String>, now: Instant) {
        let kind = if result.is_ok() { "voicemail.notified" } else { "voicemail.notice-failed" };
        voicemail.notified = Some(result.map_or_else(|why| format!("failed: {why}"), |()| "sent".to_owned()));
        self.publish(kind, json!(voicemail), now);
        // Whoever marked or deleted it meanwhile has written what holds.
        if self.mailboxes.is_new(&voicemail) {
            self.effects.push_back(Effect::Keep(Keep::Voicemail(voicemail)));
        }
    }

    pub(super) fn delete_voicemail(&mut self, voicemail: &Voicemail, now: Instant) -> Result<Answer, Problem> {
        if self.mailboxes.is_deleted(&voicemail.id) {
            return Err(deleted(&voicemail.id));
        }
        self.mailboxes.delete(voicemail);
        self.lamps.touch(Package::MessageSummary, &voicemail.mailbox);
        self.publish("voicemail.deleted", json!(voicemail), now);
        self.effects.push_back(Effect::Keep(Keep::ForgetVoicemail { id: voicemail.id.clone() }));
        Ok(Answer::Done {})
    }
}

fn deleted(id: &str) -> Problem {
    let detail = format!("There is no voicemail `{id}`.");
    problem(404, "unknown-id", "Unknown voicemail", &detail, "GET /v1/voicemails lists those that there are.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voicemail(id: &str) -> Voicemail {
        Voicemail {
            id: id.to_owned(),
            mailbox: "geral".to_owned(),
            call: "call_1".to_owned(),
            from: "+5511999998888".to_owned(),
            left: "2026-11-23T12:00:00Z".parse().unwrap(),
            length_ms: 3_000,
            path: "geral/1.wav".to_owned(),
            heard: None,
            notified: None,
        }
    }

    #[test]
    fn marks_count_once_however_often_they_are_made() {
        let extension =
            Extension { number: "200".to_owned(), mailbox: Some("geral".to_owned()), ..Extension::default() };
        let mut mailboxes = Mailboxes::new(&[extension], BTreeMap::new());
        assert_eq!((mailboxes.of_extension("200"), mailboxes.of_extension("201")), ("geral", "201"));
        mailboxes.on_left(&voicemail("vm_1"));
        mailboxes.on_left(&voicemail("vm_2"));
        assert_eq!(mailboxes.counts("geral"), (2, 0));
        for _ in 0..2 {
            mailboxes.mark(&voicemail("vm_1"), Mark::Heard);
            assert_eq!(mailboxes.counts("geral"), (1, 1));
        }
        for _ in 0..2 {
            mailboxes.mark(&voicemail("vm_1"), Mark::New);
            assert_eq!(mailboxes.counts("geral"), (2, 0));
        }
        mailboxes.delete(&voicemail("vm_2"));
        assert_eq!(mailboxes.counts("geral"), (1, 0));
        assert!(mailboxes.is_deleted("vm_2") && !mailboxes.is_deleted("vm_1"));
    }
}
