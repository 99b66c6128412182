//! Which trunk stands at the other end of a stream, because it proved a name by a certificate.

use std::collections::BTreeMap;

use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::switch::trunk::Config;

#[derive(Debug, Default)]
pub(super) struct Proven {
    /// `tls_name` in lower case → trunk.
    trunk_by_name: BTreeMap<String, String>,
    trunk_by_connection: BTreeMap<ConnectionId, String>,
}

impl Proven {
    pub(super) fn new(trunks: &[Config]) -> Self {
        let named = trunks.iter().filter_map(|trunk| Some((trunk.tls_name.as_ref()?.to_ascii_lowercase(), trunk)));
        let trunk_by_name = named.map(|(name, trunk)| (name, trunk.name.clone())).collect();
        Self { trunk_by_name, trunk_by_connection: BTreeMap::new() }
    }

    pub(super) fn on_proved(&mut self, connection: ConnectionId, names: &[String]) {
        let trunk = names.iter().find_map(|name| self.trunk_by_name.get(&name.to_ascii_lowercase()));
        if let Some(trunk) = trunk {
            self.trunk_by_connection.insert(connection, trunk.clone());
        }
    }

    pub(super) fn on_connection_lost(&mut self, connection: ConnectionId) {
        self.trunk_by_connection.remove(&connection);
    }

    pub(super) fn trunk(&self, hop: &Hop) -> Option<&str> {
        self.trunk_by_connection.get(&hop.connection?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::hop::Transport;

    #[test]
    fn a_trunk_is_known_by_the_name_that_it_proved_until_its_stream_ends() {
        let carrier = "name = \"operadora\"\nhost = \"198.51.100.9\"\ntls_name = \"sip.operadora.example\"";
        let mut proven = Proven::new(&[toml::from_str(carrier).unwrap()]);
        let [local, remote] = ["192.0.2.1:5061", "203.0.113.5:40000"].map(|address| address.parse().unwrap());
        let hop =
            |connection| Hop { transport: Transport::Tls, local, remote, connection: Some(ConnectionId(connection)) };
        proven.on_proved(ConnectionId(1), &["other.example".to_owned()]);
        proven.on_proved(ConnectionId(2), &["a.example".to_owned(), "SIP.operadora.example".to_owned()]);
        assert_eq!(proven.trunk(&hop(1)), None);
        assert_eq!(proven.trunk(&hop(2)), Some("operadora"));
        proven.on_connection_lost(ConnectionId(2));
        assert_eq!(proven.trunk(&hop(2)), None);
    }
}
