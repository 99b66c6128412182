//! Any other channel: watched by the probes that are configured, written to by the provider that is configured.

use crate::channel::Channel;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

pub const KIND: &str = "generic";

#[derive(Debug)]
pub struct Generic {
    parts: Parts,
}

pub(super) fn open(_: &Config, parts: Parts) -> Result<Box<dyn Channel>, ConfigFault> {
    Ok(Box::new(Generic { parts }))
}

impl Channel for Generic {
    fn name(&self) -> &str {
        &self.parts.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn probes(&self) -> &[Probe] {
        self.parts.probes.as_deref().unwrap_or_default()
    }

    fn provider(&self) -> Option<&Provider> {
        self.parts.provider.as_ref()
    }

    fn webhook(&self) -> Option<&WebhookReader> {
        self.parts.webhook.as_ref()
    }
}
