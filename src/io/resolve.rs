//! Where a trunk's host is: RFC 3263 without NAPTR.
//!
//! An address is taken as it stands; a name with a port is looked up as a host; a name alone is looked up as a service
//! (SRV) first. Which transport and port follow from that is decided by [`plan`], which asks nobody.

use std::net::IpAddr;
use std::net::SocketAddr;

use hickory_resolver::Resolver as Hickory;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::sip::hop::Transport;

/// Places that one host may have; more are not tried.
const MOST_PLACES: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name server did not find `{host}`: {why}")]
    NotFound { host: String, why: String },
    #[error("`{host}` has no address that we can reach over {transport}")]
    NoAddress { host: String, transport: Transport },
    #[error("no name server can be asked: {0}")]
    NoResolver(String),
}

/// A transport and an address to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// What has to be asked for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    /// Nothing: RFC 3263 §4.1, a numeric address.
    Known(Place),
    /// Its addresses, with this port: RFC 3263 §4.2.
    Addresses { transport: Transport, port: u16 },
    /// Its services, best first; then its addresses with the transport's own port.
    Services(Vec<Transport>),
}

fn plan(host: &str, port: Option<u16>, transport: Option<Transport>) -> Plan {
    let wanted = transport.unwrap_or(Transport::Udp);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let port = port.unwrap_or(wanted.default_port());
        return Plan::Known(Place { transport: wanted, address: SocketAddr::new(address, port) });
    }
    match (port, transport) {
        (Some(port), _) => Plan::Addresses { transport: wanted, port },
        (None, Some(transport)) => Plan::Services(vec![transport]),
        (None, None) => Plan::Services(vec![Transport::Udp, Transport::Tcp]),
    }
}

fn service(transport: Transport, host: &str) -> String {
    let host = host.trim_end_matches('.');
    match transport {
        Transport::Udp => format!("_sip._udp.{host}."),
        Transport::Tcp => format!("_sip._tcp.{host}."),
        Transport::Tls => format!("_sips._tcp.{host}."),
        Transport::Ws | Transport::Wss => format!("_sip._ws.{host}."),
    }
}

/// Asks the system's name servers.
pub struct Resolver {
    inner: Hickory<TokioRuntimeProvider>,
}

impl Resolver {
    /// As `/etc/resolv.conf` and `/etc/hosts` say; where there is none, the machine itself is asked.
    pub fn from_system() -> Result<Resolver, ResolveError> {
        let builder = Hickory::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "the system's name servers are not known; only addresses and /etc/hosts will do");
            Hickory::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        let inner = builder.build().map_err(|error| ResolveError::NoResolver(error.to_string()))?;
        Ok(Resolver { inner })
    }

    /// Every place where the host can be reached, best first.
    pub async fn places(
        &self,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Result<Vec<Place>, ResolveError> {
        match plan(host, port, transport) {
            Plan::Known(place) => Ok(vec![place]),
            Plan::Addresses { transport, port } => self.addresses(host, transport, port).await,
            Plan::Services(transports) => self.services(host, &transports).await,
        }
    }

    async fn services(&self, host: &str, transports: &[Transport]) -> Result<Vec<Place>, ResolveError> {
        let mut places = Vec::new();
        for transport in transports {
            for (target, port) in self.targets(&service(*transport, host)).await {
                places.extend(self.addresses(&target, *transport, port).await.unwrap_or_default());
            }
        }
        if places.is_empty() {
            let transport = transports[0];
            return self.addresses(host, transport, transport.default_port()).await;
        }
        places.truncate(MOST_PLACES);
        Ok(places)
    }

    /// Lowest priority first, then the heaviest: RFC 2782 without its dice, because a trunk has one or two hosts.
    async fn targets(&self, service: &str) -> Vec<(String, u16)> {
        let Ok(found) = self.inner.srv_lookup(service).await else {
            return Vec::new();
        };
        let mut records: Vec<(u16, u16, String, u16)> = Vec::new();
        for record in found.answers() {
            if let RData::SRV(srv) = &record.data {
                let weight = u16::MAX - srv.weight;
                records.push((srv.priority, weight, srv.target.to_string(), srv.port));
            }
        }
        records.sort();
        // RFC 2782: a target of "." says that there is no such service here.
        let offered = records.into_iter().filter(|(_, _, target, _)| target != ".");
        offered.map(|(_, _, target, port)| (target, port)).collect()
    }

    async fn addresses(&self, host: &str, transport: Transport, port: u16) -> Result<Vec<Place>, ResolveError> {
        let not_found = |error: hickory_resolver::net::NetError| ResolveError::NotFound {
            host: host.to_owned(),
            why: error.to_string(),
        };
        let found = self.inner.lookup_ip(host).await.map_err(not_found)?;
        let place = |ip| Place { transport, address: SocketAddr::new(ip, port) };
        let mut places: Vec<Place> = found.iter().map(place).collect();
        // Most carriers are reached over IPv4, and a machine without IPv6 still gets AAAA records.
        places.sort_by_key(|place| place.address.is_ipv6());
        places.truncate(MOST_PLACES);
        match places.is_empty() {
            true => Err(ResolveError::NoAddress { host: host.to_owned(), transport }),
            false => Ok(places),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(address: &str, transport: Transport) -> Plan {
        Plan::Known(Place { transport, address: address.parse().unwrap() })
    }

    #[test]
    fn an_address_needs_nobody_to_be_asked() {
        assert_eq!(plan("192.0.2.7", None, None), known("192.0.2.7:5060", Transport::Udp));
        assert_eq!(
            plan("[2001:db8::7]", Some(5070), Some(Transport::Tcp)),
            known("[2001:db8::7]:5070", Transport::Tcp)
        );
    }

    #[test]
    fn a_port_rules_out_services() {
        let asked = plan("sip.operadora.example", Some(5080), None);
        assert_eq!(asked, Plan::Addresses { transport: Transport::Udp, port: 5080 });
    }

    #[test]
    fn a_name_alone_is_a_service_of_each_transport() {
        assert_eq!(plan("operadora.example", None, None), Plan::Services(vec![Transport::Udp, Transport::Tcp]));
        assert_eq!(plan("operadora.example", None, Some(Transport::Tcp)), Plan::Services(vec![Transport::Tcp]));
        assert_eq!(service(Transport::Udp, "operadora.example."), "_sip._udp.operadora.example.");
    }
}
