//! The vocabulary. A new verb is a file here and a line in [`VERBS`].

mod answer;
mod call;
mod callback;
mod conference;
mod consent;
mod dial;
mod echo;
mod event;
mod gather;
mod go;
mod hangup;
mod http;
mod if_else;
mod language;
mod mailbox;
mod menu;
pub(super) mod message;
mod on_hangup;
mod park;
mod pickup;
mod play;
mod progress;
mod queue;
mod record;
mod reject;
mod ringing;
mod say;
mod set;
mod tag;
mod tone;
mod transfer;
mod voicemail;
mod wait;
mod when;

use crate::dialplan::verb::Compile;

/// All verbs, in the order of the reference: from the beginning of a call to its end.
pub(super) const VERBS: &[&dyn Compile] = &[
    &answer::Answer,
    &ringing::Ringing,
    &progress::Progress,
    &language::Language,
    &play::Play,
    &say::Say,
    &tone::Tone,
    &echo::Echo,
    &wait::Wait,
    &menu::Menu,
    &gather::Gather,
    &set::Set,
    &set::Count,
    &if_else::If,
    &when::When,
    &go::Go,
    &call::Call,
    &call::Return,
    &queue::Queue,
    &dial::Dial,
    &transfer::Transfer,
    &park::Park,
    &pickup::Pickup,
    &conference::Conference,
    &voicemail::Voicemail,
    &mailbox::Mailbox,
    &consent::Consent,
    &record::Record,
    &message::Message,
    &tag::Tag,
    &callback::Callback,
    &http::Http,
    &event::Event,
    &on_hangup::OnHangup,
    &reject::Reject,
    &hangup::Hangup,
];

pub(super) fn find(name: &str) -> Option<&'static dyn Compile> {
    let mut verbs = VERBS.iter().copied();
    verbs.find(|verb| verb.sheet().name == name)
}

/// Every word that can begin a step.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    let verbs = VERBS.iter().map(|verb| verb.sheet().name);
    verbs.chain(std::iter::once("else"))
}
