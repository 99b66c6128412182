//! WhatsApp: watched out of the box, written to once a provider is configured.

use crate::channel::Channel;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::catalogue;
use crate::outage::probe::Probe;

pub const KIND: &str = "whatsapp";

#[derive(Debug)]
pub struct WhatsApp {
    parts: Parts,
    probes: Vec<Probe>,
}

pub(super) fn open(_: &Config, mut parts: Parts) -> Result<Box<dyn Channel>, ConfigFault> {
    let own = || catalogue::with_control(catalogue::WHATSAPP);
    let probes = parts.probes.take().unwrap_or_else(own);
    Ok(Box::new(WhatsApp { parts, probes }))
}

impl Channel for WhatsApp {
    fn name(&self) -> &str {
        &self.parts.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn probes(&self) -> &[Probe] {
        &self.probes
    }

    fn provider(&self) -> Option<&Provider> {
        self.parts.provider.as_ref()
    }

    fn webhook(&self) -> Option<&WebhookReader> {
        self.parts.webhook.as_ref()
    }
}
