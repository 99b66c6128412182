//! Our own phones: a text to an extension is a SIP MESSAGE (RFC 3428). Only the decision is made here; the switch sends it.

use crate::channel::Channel;
use crate::channel::ComposeError;
use crate::channel::Outbound;
use crate::channel::Route;
use crate::channel::SendOutcome;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::outage::probe::Probe;

pub const KIND: &str = "softphone";

#[derive(Debug)]
pub struct Softphone {
    name: String,
}

pub(super) fn open(config: &Config, parts: Parts) -> Result<Box<dyn Channel>, ConfigFault> {
    if parts.provider.is_some() || parts.webhook.is_some() {
        return Err(config.fault("kind", "a softphone channel has neither `send` nor `webhook`"));
    }
    Ok(Box::new(Softphone { name: parts.name }))
}

/// What became of a SIP MESSAGE, from its final status; `None`: no answer came.
pub fn outcome_of(status: Option<u16>) -> SendOutcome {
    let why = |status| format!("the phone answered {status}");
    match status {
        Some(200..=299) => SendOutcome::Accepted { provider_id: None },
        // RFC 3261 §21.4.18, §21.4.24: not registered, or busy with something else.
        Some(status @ (480 | 486 | 503)) => SendOutcome::TryAgain { after: None, why: why(status) },
        None | Some(408 | 504) => SendOutcome::Unknown { why: "the phone did not answer".to_owned() },
        Some(status @ 500..=599) => SendOutcome::Unknown { why: why(status) },
        Some(status) => SendOutcome::Refused { why: why(status) },
    }
}

impl Default for Softphone {
    fn default() -> Softphone {
        Softphone { name: KIND.to_owned() }
    }
}

impl Channel for Softphone {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn probes(&self) -> &[Probe] {
        &[]
    }

    fn can_send(&self) -> bool {
        true
    }

    fn route(&self, outbound: &Outbound) -> Result<Route, ComposeError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match outbound.to.is_empty() || !outbound.to.chars().all(fits) {
            true => Err(ComposeError::NotAnExtension { to: outbound.to.clone() }),
            false => Ok(Route::Sip { extension: outbound.to.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_that_is_switched_off_gets_its_text_later() {
        assert!(matches!(outcome_of(Some(202)), SendOutcome::Accepted { .. }));
        assert!(matches!(outcome_of(Some(480)), SendOutcome::TryAgain { .. }));
        assert!(matches!(outcome_of(None), SendOutcome::Unknown { .. }));
        assert!(matches!(outcome_of(Some(415)), SendOutcome::Refused { .. }));
    }
}
