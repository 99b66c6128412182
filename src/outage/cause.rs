//! At whose door a failure is laid before anything else is known: the class of the fault alone says that much.

use crate::outage::Layer;
use crate::outage::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The far side, unless unrelated targets fail as well.
    Service,
    /// The name was not found: the zone's fault, or that of whoever was asked.
    Lookup,
    /// The service answers, and does not want our account.
    Credential,
    /// The service answers, and cannot reach us.
    Webhook,
    /// Somebody on the way answered in its place.
    Stranger,
    /// Nothing fails yet.
    Warning,
}

impl Cause {
    pub(super) const ALL: [Cause; 6] =
        [Cause::Service, Cause::Lookup, Cause::Credential, Cause::Webhook, Cause::Stranger, Cause::Warning];

    pub(super) fn of(layer: Layer, fault: Fault) -> Cause {
        match fault {
            Fault::CredentialRefused | Fault::Throttled => Cause::Credential,
            Fault::WebhookBacklog | Fault::WebhookFailing => Cause::Webhook,
            Fault::CaptivePortal => Cause::Stranger,
            Fault::EndingCertificate => Cause::Warning,
            _ if layer == Layer::Dns || fault.is_lookup() => Cause::Lookup,
            _ => Cause::Service,
        }
    }

    /// The service was reached and answered: a sign of life, whatever it said to us.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Cause::Credential | Cause::Webhook)
    }
}
