//! The kinds of channels, one file each. A new one: its file here, its line in [`KINDS`].

pub mod generic;
pub mod sms;
pub mod softphone;
pub mod whatsapp;

use std::collections::BTreeMap;

use crate::channel::Channel;
use crate::channel::config::Account;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::catalogue;
use crate::outage::probe::Probe;
use crate::outage::probe::check_resolver;

/// All channels by name. The softphones are always among them.
#[derive(Debug)]
pub struct Channels {
    channels: BTreeMap<String, Box<dyn Channel>>,
    /// In the order of the configuration.
    names: Vec<String>,
}

type Open = fn(&Config, Parts) -> Result<Box<dyn Channel>, ConfigFault>;

const KINDS: &[(&str, Open)] = &[
    (whatsapp::KIND, whatsapp::open),
    ("messenger", generic::open),
    ("instagram", generic::open),
    ("telegram", generic::open),
    ("wechat", generic::open),
    ("imessage", generic::open),
    ("teams", generic::open),
    (sms::KIND, sms::open),
    ("x", generic::open),
    (softphone::KIND, softphone::open),
    ("generic", generic::open),
];

/// What most kinds are made of.
#[derive(Debug)]
pub struct Parts {
    pub name: String,
    /// The word in [`KINDS`].
    pub kind: &'static str,
    /// As configured, or else those of the kind; one for each resolver.
    pub probes: Vec<Probe>,
    pub provider: Option<Provider>,
    pub webhook: Option<WebhookReader>,
}

impl Channels {
    /// All faults at once.
    pub fn open(configs: &[Config]) -> Result<Channels, Vec<ConfigFault>> {
        let mut channels = Channels { channels: BTreeMap::new(), names: Vec::new() };
        let mut faults = Vec::new();
        for config in configs {
            match open_one(config) {
                Ok(_) if channels.find(&config.name).is_some() => {
                    faults.push(config.fault("name", "another channel has this name"));
                }
                Ok(channel) => channels.insert(channel),
                Err(found) => faults.extend(found),
            }
        }
        if channels.first_of_kind(softphone::KIND).is_none() {
            channels.insert(Box::new(softphone::Softphone::default()));
        }
        match faults.is_empty() {
            true => Ok(channels),
            false => Err(faults),
        }
    }

    pub fn find(&self, name: &str) -> Option<&dyn Channel> {
        self.channels.get(name).map(|channel| &**channel)
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Channel> {
        self.names.iter().filter_map(|name| self.find(name))
    }

    /// The one that texts to extensions leave by.
    pub fn for_extensions(&self) -> Option<&dyn Channel> {
        self.first_of_kind(softphone::KIND)
    }

    /// The one that texts to telephone numbers leave by, where nobody says which: the first `sms` that sends.
    pub fn for_numbers(&self) -> Option<&dyn Channel> {
        let mut of_kind = self.iter().filter(|channel| channel.kind() == sms::KIND);
        of_kind.find(|channel| channel.can_send())
    }

    fn first_of_kind(&self, kind: &str) -> Option<&dyn Channel> {
        self.iter().find(|channel| channel.kind() == kind)
    }

    fn insert(&mut self, channel: Box<dyn Channel>) {
        self.names.push(channel.name().to_owned());
        self.channels.insert(channel.name().to_owned(), channel);
    }
}

fn open_one(config: &Config) -> Result<Box<dyn Channel>, Vec<ConfigFault>> {
    let mut kinds = KINDS.iter();
    let Some((kind, open)) = kinds.find(|(kind, _)| *kind == config.kind) else {
        return Err(vec![unknown_kind(config)]);
    };
    let probes = probes(config);
    let provider = config.send.as_ref().map(|send| Provider::open(config, send));
    let webhook = config.webhook.as_ref().map(|webhook| WebhookReader::open(config, webhook));
    match (provider.transpose(), webhook.transpose(), probes) {
        (Ok(provider), Ok(webhook), Ok(probes)) => {
            let parts = Parts { name: config.name.clone(), kind, probes, provider, webhook };
            open(config, parts).map_err(|fault| vec![fault])
        }
        (provider, webhook, probes) => {
            let faults = provider.err().into_iter().chain(webhook.err()).chain(probes.err());
            Err(faults.flatten().collect())
        }
    }
}

fn unknown_kind(config: &Config) -> ConfigFault {
    let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let fault = match config.kind.as_str() {
        "skype" => "Skype ended in May 2025; its accounts went on to Teams: write `teams`".to_owned(),
        kind => format!("`{kind}` is not known; known are {}", known.join(", ")),
    };
    config.fault("kind", fault)
}

/// Those of the configuration, else those of the kind, else what its provider's address tells.
fn probes(config: &Config) -> Result<Vec<Probe>, Vec<ConfigFault>> {
    let account = config.account.as_ref().map(Account::for_catalogue);
    let probes = match (&config.probes, &config.send) {
        (Some(own), _) => own.clone(),
        (None, Some(send)) if config.kind == sms::KIND => catalogue::of_url(&send.url.0),
        (None, _) => catalogue::of_kind(&config.kind, account),
    };
    let mut faults: Vec<ConfigFault> =
        probes.iter().filter_map(|probe| probe.check().err()).map(|fault| config.fault("probes", fault)).collect();
    let resolvers = config.resolvers.iter();
    faults.extend(
        resolvers.filter_map(|resolver| check_resolver(resolver).err()).map(|fault| config.fault("resolvers", fault)),
    );
    match faults.is_empty() {
        true => Ok(probes.iter().flat_map(|probe| probe.settled(&config.resolvers)).collect()),
        false => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = Channels::open(&configs(
            r#"
            [[channel]]
            name = "zap"
            kind = "whatapp"
            [[channel]]
            name = "sms"
            kind = "sms"
            [channel.send]
            url = "sms.example/{to}"
            headers = { X-Key = "{key}" }
            body = "{txt}"
            id = "sid"
            [[channel]]
            name = "texto"
            kind = "sms"
            "#,
        ))
        .unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let known = "`{from}`, `{from_digits}`, `{id}`, `{text}`, `{to}`, `{to_digits}`";
        assert_eq!(
            told,
            [
                "channel `zap`: kind: `whatapp` is not known; known are whatsapp, messenger, instagram, \
                 telegram, wechat, imessage, teams, sms, x, softphone, generic"
                    .to_owned(),
                "channel `sms`: send.url: must begin with https:// or http://".to_owned(),
                "channel `sms`: send.id: is a JSON pointer and begins with `/`".to_owned(),
                format!("channel `sms`: send.headers.X-Key: `{{key}}` is not known; known are {known}"),
                format!("channel `sms`: send.body: `{{txt}}` is not known; known are {known}"),
                "channel `texto`: send: an sms channel needs it: at least `url`".to_owned(),
            ]
        );
    }

    #[test]
    fn softphones_are_there_without_being_configured() {
        let channels = Channels::open(&[]).unwrap();
        assert_eq!(channels.for_extensions().unwrap().name(), "softphone");
        assert!(channels.for_numbers().is_none());
    }

    #[test]
    fn configured_probes_replace_those_of_the_kind_and_the_control_targets() {
        let channels = Channels::open(&configs(
            r#"
            [[channel]]
            name = "whatsapp"
            kind = "whatsapp"
            [[channel]]
            name = "outro"
            kind = "whatsapp"
            probes = [{ layer = "tcp", target = "127.0.0.1:1" }]
            [[channel]]
            name = "quieto"
            kind = "generic"
            "#,
        ))
        .unwrap();
        let probes = |name: &str| channels.find(name).unwrap().probes().len();
        // Eight of WhatsApp and five to control, three of them lookups by four resolvers each, and a status page.
        assert_eq!((probes("whatsapp"), probes("outro"), probes("quieto")), (8 + 5 + 3 * 3 + 1, 1, 0));
        let names: Vec<&str> = channels.iter().map(Channel::name).collect();
        assert_eq!(names, ["whatsapp", "outro", "quieto", "softphone"]);
    }

    #[test]
    fn what_is_wrong_with_a_probe_is_a_fault_of_its_channel() {
        let faults = Channels::open(&configs(
            r#"
            [[channel]]
            name = "zap"
            kind = "skype"
            [[channel]]
            name = "outro"
            kind = "generic"
            resolvers = ["other:cloudflare"]
            probes = [{ layer = "http", target = "a.example" }]
            "#,
        ))
        .unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told[0].contains("write `teams`"), "{told:?}");
        assert_eq!(told[1], "channel `outro`: probes: `a.example` is no URL: it begins with https:// or http://");
        assert!(told[2].starts_with("channel `outro`: resolvers: `other:cloudflare` names no address"), "{told:?}");
    }

    #[test]
    fn an_account_adds_questions_and_a_provider_of_texts_is_probed_by_its_address() {
        let channels = Channels::open(&configs(
            r#"
            [[channel]]
            name = "telegram"
            kind = "telegram"
            account = { token = "1:x" }
            [[channel]]
            name = "sms"
            kind = "sms"
            send = { url = "https://sms.example/send" }
            "#,
        ))
        .unwrap();
        let has = |name: &str, target: &str| {
            let probes = channels.find(name).unwrap().probes();
            probes.iter().any(|probe| probe.target == target)
        };
        assert!(has("telegram", "https://api.telegram.org/bot{token}/getMe"));
        assert!(has("sms", "sms.example:443"));
        assert_eq!(channels.find("telegram").unwrap().kind(), "telegram");
    }

    fn configs(text: &str) -> Vec<Config> {
        #[derive(serde::Deserialize)]
        struct File {
            channel: Vec<Config>,
        }
        toml::from_str::<File>(text).unwrap().channel
    }
}
