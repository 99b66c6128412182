//! What is asked, of whom: data only. The asking is done by `io`.

use serde::Deserialize;
use serde::Serialize;

use crate::outage::Layer;
use crate::outage::Role;

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
}

impl Probe {
    pub fn new(layer: Layer, target: &str, role: Role) -> Probe {
        Probe { layer, target: target.to_owned(), control: role == Role::Control }
    }

    pub fn role(&self) -> Role {
        match self.control {
            true => Role::Control,
            false => Role::Channel,
        }
    }
}
