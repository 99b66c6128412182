//! The kinds of channels, one file each. A new one: its file here, its line in [`KINDS`].

pub mod generic;
pub mod sms;
pub mod softphone;
pub mod whatsapp;

use std::collections::BTreeMap;

use crate::channel::Channel;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

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
    (sms::KIND, sms::open),
    (softphone::KIND, softphone::open),
    (generic::KIND, generic::open),
];

/// What most kinds are made of.
#[derive(Debug)]
pub struct Parts {
    pub name: String,
    /// As configured; `None` where the kind's own probes count.
    pub probes: Option<Vec<Probe>>,
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
    let Some((_, open)) = kinds.find(|(kind, _)| *kind == config.kind) else {
        let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let fault = format!("`{}` is not known; known are {}", config.kind, known.join(", "));
        return Err(vec![config.fault("kind", fault)]);
    };
    let provider = config.send.as_ref().map(|send| Provider::open(config, send));
    let webhook = config.webhook.as_ref().map(|webhook| WebhookReader::open(config, webhook));
    match (provider.transpose(), webhook.transpose()) {
        (Ok(provider), Ok(webhook)) => {
            let parts = Parts { name: config.name.clone(), probes: config.probes.clone(), provider, webhook };
            open(config, parts).map_err(|fault| vec![fault])
        }
        (provider, webhook) => {
            let faults = provider.err().into_iter().chain(webhook.err());
            Err(faults.flatten().collect())
        }
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
                "channel `zap`: kind: `whatapp` is not known; known are whatsapp, sms, softphone, generic".to_owned(),
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
        assert_eq!((probes("whatsapp"), probes("outro"), probes("quieto")), (11, 1, 0));
        let names: Vec<&str> = channels.iter().map(Channel::name).collect();
        assert_eq!(names, ["whatsapp", "outro", "quieto", "softphone"]);
    }

    fn configs(text: &str) -> Vec<Config> {
        #[derive(serde::Deserialize)]
        struct File {
            channel: Vec<Config>,
        }
        toml::from_str::<File>(text).unwrap().channel
    }
}
