//! The shipped probes, as data: what a kind of channel needs to answer, and who is asked whether our own line works.

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::probe::Probe;

/// WhatsApp as the business platform and as people use it in a browser. Names and addresses of one owner fall together,
/// so each host is looked at on every layer.
pub const WHATSAPP: &[(Layer, &str)] = &[
    (Layer::Dns, "graph.facebook.com"),
    (Layer::Dns, "web.whatsapp.com"),
    (Layer::Tcp, "graph.facebook.com:443"),
    (Layer::Tcp, "web.whatsapp.com:443"),
    (Layer::Tls, "graph.facebook.com:443"),
    (Layer::Tls, "web.whatsapp.com:443"),
    (Layer::Http, "https://graph.facebook.com/"),
    (Layer::Http, "https://web.whatsapp.com/"),
];

/// Three owners who have nothing to do with each other or with any channel, in two layers.
pub const CONTROL: &[(Layer, &str)] =
    &[(Layer::Dns, "cloudflare.com"), (Layer::Tcp, "google.com:443"), (Layer::Tcp, "registro.br:443")];

/// A kind's own probes with the control targets; nothing for a kind without probes.
pub fn with_control(targets: &[(Layer, &str)]) -> Vec<Probe> {
    if targets.is_empty() {
        return Vec::new();
    }
    let of = |role| move |(layer, target): &(Layer, &str)| Probe::new(*layer, target, role);
    let own = targets.iter().map(of(Role::Channel));
    own.chain(CONTROL.iter().map(of(Role::Control))).collect()
}
