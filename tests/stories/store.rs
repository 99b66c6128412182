//! The store of the bench: what the switch has kept outlives its restarts.

use std::collections::BTreeMap;

use desvio::call::record::Mailbox;
use desvio::call::record::Record;
use desvio::call::record::TalkRecording;
use desvio::call::record::Voicemail;
use desvio::channel::message::Message;
use desvio::outage::incident::Incident;
use desvio::queue::callbacks::Callback;
use desvio::switch::effect::Keep;
use desvio::switch::input::Input;

use crate::bench::Bench;
use crate::switch::wall;

/// What the store holds: it outlives a restart of the switch.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) records: Vec<Record>,
    pub(crate) messages: BTreeMap<String, Message>,
    pub(crate) bindings: BTreeMap<String, desvio::registrar::StoredBinding>,
    pub(crate) channels: BTreeMap<String, serde_json::Value>,
    pub(crate) voicemails: Vec<Voicemail>,
    pub(crate) recordings: BTreeMap<String, TalkRecording>,
    pub(crate) callbacks: BTreeMap<String, Callback>,
    pub(crate) incidents: BTreeMap<String, Incident>,
    /// Every write fails while this says why.
    pub(crate) broken: Option<String>,
}

impl Store {
    pub(crate) fn unfinished_incidents(&self) -> Vec<Incident> {
        let unfinished = |incident: &&Incident| incident.is_open() || incident.is_being_told();
        self.incidents.values().filter(unfinished).cloned().collect()
    }

    pub(crate) fn mailboxes(&self) -> BTreeMap<String, Mailbox> {
        let mut mailboxes: BTreeMap<String, Mailbox> = BTreeMap::new();
        for voicemail in &self.voicemails {
            let mailbox = mailboxes.entry(voicemail.mailbox.clone()).or_default();
            match voicemail.heard {
                Some(_) => mailbox.old += 1,
                None => mailbox.new.extend([voicemail.id.clone()]),
            }
        }
        mailboxes
    }
}

impl Bench {
    pub(crate) fn keep(&mut self, keep: Keep) {
        if let Some(why) = self.store.broken.clone() {
            if let Keep::Message(message) = keep {
                self.switch.handle(Input::MessageNotKept { id: message.id.clone(), why }, self.now);
            }
            return;
        }
        match keep {
            Keep::Record(record) => self.store.records.push((*record).clone()),
            Keep::Message(message) => {
                let id = message.id.clone();
                self.store.messages.insert(id.to_string(), *message);
                self.switch.handle(Input::MessageKept(id), self.now);
            }
            Keep::Receipt { provider_id, delivery, .. } => {
                let mut messages = self.store.messages.values_mut();
                if let Some(message) = messages.find(|message| message.provider_id.as_ref() == Some(&provider_id)) {
                    message.on_delivery(delivery, wall());
                }
            }
            Keep::Binding(binding) => {
                self.store.bindings.insert(format!("{} {}", binding.extension, binding.key()), *binding);
            }
            Keep::ForgetBinding { extension, contact } => {
                self.store.bindings.remove(&format!("{extension} {contact}"));
            }
            Keep::Channel { name, snapshot } => {
                self.store.channels.insert(name, snapshot);
            }
            Keep::Voicemail(voicemail) => {
                self.store.voicemails.retain(|kept| kept.id != voicemail.id);
                self.store.voicemails.push(voicemail);
            }
            Keep::ForgetVoicemail { id } => self.store.voicemails.retain(|kept| kept.id != id),
            Keep::Recording(recording) => {
                self.store.recordings.insert(recording.id.clone(), *recording);
            }
            Keep::ForgetRecording { id } => {
                self.store.recordings.remove(&id);
            }
            Keep::Callback(callback) => {
                self.store.callbacks.insert(callback.id.clone(), *callback);
            }
            Keep::ForgetCallback { id } => {
                self.store.callbacks.remove(&id);
            }
            Keep::Incident(incident) => {
                self.store.incidents.insert(incident.id.clone(), *incident);
            }
        }
    }
}
