//! What is asked, of whom: data only. The asking is done by `io`.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

/// One entry of a channel's `probes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub layer: Layer,
    /// dns: a host name. tcp and tls: `host` or `host:port`, port 443 by default. http: a URL.
    pub target: String,
    /// An unrelated target that tells whether our own line works. Default: false.
    #[serde(default)]
    pub control: bool,
    /// Over which line: `here` or `path:NAME`. Default: here.
    #[serde(default)]
    pub vantage: Vantage,
    /// dns: whom to ask: `ours`, `other:ADDRESS`, `authoritative`. Default: ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<Resolver>,
}

impl Probe {
    pub fn new(layer: Layer, target: &str, role: Role) -> Probe {
        Probe {
            layer,
            target: target.to_owned(),
            control: role == Role::Control,
            vantage: Vantage::Here,
            resolver: None,
        }
    }

    pub fn role(&self) -> Role {
        match self.control {
            true => Role::Control,
            false => Role::Channel,
        }
    }

    /// What came of it, as the detector wants it.
    pub fn evidence(&self, outcome: Outcome, at: Timestamp) -> Evidence {
        Evidence {
            layer: self.layer,
            target: self.target.clone(),
            vantage: self.vantage.clone(),
            resolver: self.resolver.clone(),
            role: self.role(),
            outcome,
            at,
        }
    }
}
