//! Every kind that needs nothing particular: watched by its probes, written to by the provider that is configured.

use crate::channel::Channel;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

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
        self.parts.kind
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
