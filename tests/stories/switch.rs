//! The switch of the bench, made of a configuration and a dialplan as texts.

use std::path::PathBuf;
use std::time::Instant;

use desvio::channel::channels::Channels;
use desvio::channel::config::Messages;
use desvio::dialplan::config::Config as Dialplan;
use desvio::dialplan::fault::Fault;
use desvio::dialplan::load::Checked;
use desvio::dialplan::load::load;
use desvio::dialplan::names::Names;
use desvio::dialplan::source::SourceFile;
use desvio::media::prompts::Prompts;
use desvio::media::recording::Format;
use desvio::media::security::Fingerprint;
use desvio::media::security::HashKind;
use desvio::switch::machine::KeptState;
use desvio::switch::machine::Settings;
use desvio::switch::machine::Switch;
use jiff::Timestamp;

#[derive(serde::Deserialize)]
struct Sections {
    sip: desvio::sip::config::Config,
    media: desvio::media::config::Config,
    #[serde(default)]
    registrar: desvio::registrar::config::Config,
    #[serde(default)]
    extension: Vec<desvio::registrar::config::Extension>,
    #[serde(default)]
    trunk: Vec<desvio::switch::trunk::Config>,
    #[serde(default)]
    queue: Vec<desvio::queue::config::Config>,
    #[serde(default)]
    mailbox: Vec<desvio::switch::pins::Config>,
    #[serde(default)]
    channel: Vec<desvio::channel::config::Config>,
    #[serde(default)]
    alarm: desvio::switch::alarm::config::Config,
}

/// The dialplan as the bench's configuration knows names.
pub(crate) fn checked(config: &str, plan: &str) -> Result<Checked, Vec<Fault>> {
    let sections: Sections = toml::from_str(config).expect("the bench's configuration");
    let names = Names {
        extensions: sections.extension.iter().map(|extension| extension.number.clone()).collect(),
        queues: sections.queue.iter().map(|queue| queue.name.clone()).collect(),
        trunks: sections.trunk.iter().map(|trunk| trunk.name.clone()).collect(),
        hosts: sections.trunk.iter().map(|trunk| (trunk.name.clone(), trunk.host.clone())).collect(),
        networks: sections.trunk.iter().map(|trunk| (trunk.name.clone(), trunk.network)).collect(),
        channels: sections.channel.iter().map(|channel| channel.name.clone()).collect(),
        prompts: Prompts::shipped().names(),
        music: Prompts::shipped().music_names(),
        ..Names::default()
    };
    let file = SourceFile { path: "plan.kdl".to_owned(), text: plan.to_owned() };
    let dialplan = Dialplan { language: "pt-BR".to_owned(), ..Dialplan::default() };
    load(&[file], &names, &dialplan)
}

pub(crate) fn switch(config: &str, plan: &str, kept: KeptState, seed: u64, now: Instant, wall: Timestamp) -> Switch {
    let sections: Sections = toml::from_str(config).expect("the bench's configuration");
    let prompts = Prompts::shipped();
    let program = checked(config, plan)
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<String>()))
        .program;
    let settings = Settings {
        sip: sections.sip,
        media: sections.media,
        registrar: sections.registrar,
        extensions: sections.extension,
        trunks: sections.trunk,
        queues: sections.queue,
        kinds: Channels::open(&sections.channel).expect("channels").into(),
        channels: sections.channel,
        messages: Messages::default(),
        alarm: sections.alarm,
        program,
        language: "pt-BR".to_owned(),
        prompts,
        home: desvio::number::Region::default(),
        digest_key: [7; 32],
        // Also phones that know nothing of encryption are told of it, as in the field.
        fingerprint: Fingerprint::new(HashKind::Sha256, &[0xD5; 32]),
        voicemail_folder: PathBuf::from("/nowhere/voicemail"),
        recording_folder: PathBuf::from("/nowhere/recordings"),
        recording_format: Format::Wav,
        mailboxes: sections.mailbox,
        zone: jiff::tz::TimeZone::UTC,
        version: "test",
        kept,
    };
    Switch::new(settings, fastrand::Rng::with_seed(seed), now, wall)
}

/// 23 November 2026, a Monday, 12:39 in São Paulo.
pub(crate) fn wall() -> Timestamp {
    "2026-11-23T12:39:00-03:00".parse().expect("a time")
}
