//! WhatsApp: watched out of the box, written to once a provider is configured.

use crate::channel::Channel;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

pub const KIND: &str = "whatsapp";

#[derive(Debug)]
pub struct WhatsApp {
    parts: Parts,
}

pub(super) fn open(_: &Config, parts: Parts) -> Result<Box<dyn Channel>, ConfigFault> {
    Ok(Box::new(WhatsApp { parts }))
}

impl Channel for WhatsApp {
    fn name(&self) -> &str {
        &self.parts.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn probes(&self) -> &[Probe] {
        &self.parts.probes
    }

    fn provider(&self) -> Option<&Provider> {
        self.parts.provider.as_ref()
    }

    fn webhook(&self) -> Option<&WebhookReader> {
        self.parts.webhook.as_ref()
    }
}
