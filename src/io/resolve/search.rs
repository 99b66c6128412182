//! Puts the answers of name servers together to the places of one host.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use crate::io::resolve::Found;
use crate::io::resolve::Place;
use crate::io::resolve::ResolveError;
use crate::io::resolve::plan::Naptr;
use crate::io::resolve::plan::Plan;
use crate::io::resolve::plan::Service;
use crate::io::resolve::plan::Srv;
use crate::io::resolve::plan::in_order;
use crate::io::resolve::plan::plan;
use crate::io::resolve::plan::services;
use crate::sip::hop::Transport;

/// Places that one host may have; more are not tried.
const MOST_PLACES: usize = 16;
/// Services that one domain may name; more are not asked for.
const MOST_SERVICES: usize = 8;
/// However short-lived the records are, they are not asked for more often.
const LASTS_AT_LEAST: Duration = Duration::from_secs(30);
/// However long-lived the records are, a carrier that moves is followed within this time.
const LASTS_AT_MOST: Duration = Duration::from_secs(3_600);

/// What a name server said to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// At least one record, and how long they may be kept.
    Records(Vec<T>, Duration),
    /// There is no such name, or it has no such record.
    Nothing,
    /// The server did not answer, or not to the point.
    Failed(String),
}

/// Somebody who can be asked.
pub(super) trait NameServer {
    async fn naptr(&self, name: &str) -> Answer<Naptr>;
    async fn srv(&self, name: &str) -> Answer<Srv>;
    async fn addresses(&self, name: &str) -> Answer<IpAddr>;
}

/// One search, from the host's name to its places.
pub(super) struct Search<'n, N> {
    names: &'n N,
    dice: fastrand::Rng,
    lasts: Duration,
}

/// What came of asking for one service.
enum Offer {
    Places(Vec<Place>),
    /// There is no SRV record.
    Unknown,
    /// RFC 2782: a target of "." says that there is decidedly no such service.
    Refused,
}

impl<'n, N: NameServer> Search<'n, N> {
    pub(super) fn new(names: &'n N, dice: fastrand::Rng) -> Search<'n, N> {
        Search { names, dice, lasts: LASTS_AT_MOST }
    }

    pub(super) async fn run(
        mut self,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Result<Found, ResolveError> {
        let mut places = match plan(host, port, transport) {
            Plan::Known(place) => vec![place],
            Plan::Addresses { transport, port } => self.addresses(host, transport, port).await?,
            Plan::Service(transport) => self.offers(host, vec![Service::of(transport, host)]).await?,
            Plan::Anything => {
                let wanted = self.wanted(host).await;
                self.offers(host, wanted).await?
            }
        };
        places.truncate(MOST_PLACES);
        Ok(Found { places, lasts: self.lasts.clamp(LASTS_AT_LEAST, LASTS_AT_MOST) })
    }

    /// RFC 3263 §4.1: what NAPTR says, else every transport that a `sip:` URI may use.
    async fn wanted(&mut self, host: &str) -> Vec<Service> {
        let named = match self.names.naptr(host).await {
            Answer::Records(records, lasts) => {
                self.lasts = self.lasts.min(lasts);
                services(records)
            }
            // Not as RFC 3263 §4.1: a server that fails at NAPTR is asked for SRV all the same, because many a router
            // in between drops questions of a kind that it does not know.
            Answer::Nothing | Answer::Failed(_) => Vec::new(),
        };
        if named.is_empty() {
            return [Transport::Udp, Transport::Tcp].map(|transport| Service::of(transport, host)).to_vec();
        }
        named.into_iter().take(MOST_SERVICES).collect()
    }

    /// The places of these services in order; those of the host itself where it names no service at all.
    async fn offers(&mut self, host: &str, services: Vec<Service>) -> Result<Vec<Place>, ResolveError> {
        let mut places = Vec::new();
        let mut refused = false;
        let transport = services.first().map_or(Transport::Udp, |service| service.transport);
        for service in services {
            match self.offer(host, &service).await? {
                Offer::Places(more) => places.extend(more),
                Offer::Refused => refused = true,
                Offer::Unknown => {}
            }
        }
        match (places.is_empty(), refused) {
            (false, _) => Ok(places),
            (true, true) => Err(ResolveError::NotOffered { host: host.to_owned() }),
            // RFC 3263 §4.2: no SRV, so the host itself with the default port.
            (true, false) => self.addresses(host, transport, transport.default_port()).await,
        }
    }

    async fn offer(&mut self, host: &str, service: &Service) -> Result<Offer, ResolveError> {
        let records = match self.names.srv(&service.name).await {
            Answer::Records(records, lasts) => {
                self.lasts = self.lasts.min(lasts);
                records
            }
            Answer::Nothing => return Ok(Offer::Unknown),
            // What was known before is better than a guess at the host's own address.
            Answer::Failed(why) => return Err(ResolveError::NotFound { host: host.to_owned(), why }),
        };
        let mut places = Vec::new();
        let mut failed = None;
        for record in in_order(records, &mut self.dice).into_iter().filter(|record| record.target != ".") {
            // A target without an address costs the others nothing.
            match self.addresses(&record.target, service.transport, record.port).await {
                Ok(more) => places.extend(more),
                Err(fault @ ResolveError::NotFound { .. }) => failed = Some(fault),
                Err(_) => {}
            }
            if places.len() >= MOST_PLACES {
                break;
            }
        }
        match (places.is_empty(), failed) {
            // What was known before is better than the next service.
            (true, Some(fault)) => Err(fault),
            (true, None) => Ok(Offer::Refused),
            (false, None) => Ok(Offer::Places(places)),
            (false, Some(_)) => {
                // Asked again soon: the one that is missing may be the best.
                self.lasts = LASTS_AT_LEAST;
                Ok(Offer::Places(places))
            }
        }
    }

    async fn addresses(&mut self, host: &str, transport: Transport, port: u16) -> Result<Vec<Place>, ResolveError> {
        let (mut addresses, lasts) = match self.names.addresses(host).await {
            Answer::Records(addresses, lasts) => (addresses, lasts),
            Answer::Nothing => return Err(ResolveError::NoAddress { host: host.to_owned(), transport }),
            Answer::Failed(why) => return Err(ResolveError::NotFound { host: host.to_owned(), why }),
        };
        self.lasts = self.lasts.min(lasts);
        // Most carriers are reached over IPv4, and a machine without IPv6 still gets AAAA records.
        addresses.sort_by_key(IpAddr::is_ipv6);
        Ok(addresses.into_iter().map(|ip| Place { transport, address: SocketAddr::new(ip, port) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A name server of which everything is known beforehand.
    #[derive(Default)]
    struct StandIn {
        naptr: BTreeMap<&'static str, Answer<Naptr>>,
        srv: BTreeMap<&'static str, Answer<Srv>>,
        addresses: BTreeMap<&'static str, Answer<IpAddr>>,
    }

    impl NameServer for StandIn {
        async fn naptr(&self, name: &str) -> Answer<Naptr> {
            self.naptr.get(name).cloned().unwrap_or(Answer::Nothing)
        }

        async fn srv(&self, name: &str) -> Answer<Srv> {
            self.srv.get(name).cloned().unwrap_or(Answer::Nothing)
        }

        async fn addresses(&self, name: &str) -> Answer<IpAddr> {
            self.addresses.get(name).cloned().unwrap_or(Answer::Nothing)
        }
    }

    const HOST: &str = "operadora.example";

    fn srv(priority: u16, weight: u16, target: &str, port: u16) -> Srv {
        Srv { priority, weight, target: target.to_owned(), port }
    }

    fn naptr(order: u16, services: &str, replacement: &str) -> Naptr {
        Naptr {
            order,
            preference: 0,
            flags: "s".to_owned(),
            services: services.to_owned(),
            replacement: replacement.to_owned(),
        }
    }

    fn at(addresses: &[&str]) -> Answer<IpAddr> {
        Answer::Records(addresses.iter().map(|ip| ip.parse().unwrap()).collect(), Duration::from_secs(300))
    }

    fn carrier() -> StandIn {
        let mut names = StandIn::default();
        let records = vec![srv(20, 1, "b.example.", 5070), srv(10, 1, "a.example.", 5060)];
        names.srv.insert("_sip._udp.operadora.example.", Answer::Records(records, Duration::from_secs(120)));
        names.addresses.insert("a.example.", at(&["2001:db8::1", "192.0.2.1"]));
        names.addresses.insert("b.example.", at(&["192.0.2.2"]));
        names.addresses.insert(HOST, at(&["192.0.2.9"]));
        names
    }

    fn run(names: &StandIn, port: Option<u16>, transport: Option<Transport>) -> Result<Found, ResolveError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Search::new(names, fastrand::Rng::with_seed(1)).run(HOST, port, transport))
    }

    fn found(names: &StandIn, transport: Option<Transport>) -> Vec<String> {
        let found = run(names, None, transport).unwrap();
        found.places.iter().map(|place| format!("{} {}", place.transport, place.address)).collect()
    }

    #[test]
    fn every_target_of_a_service_is_a_place_in_its_order() {
        let names = carrier();
        assert_eq!(found(&names, None), ["udp 192.0.2.1:5060", "udp [2001:db8::1]:5060", "udp 192.0.2.2:5070"]);
        assert_eq!(run(&names, None, None).unwrap().lasts, Duration::from_secs(120));
    }

    #[test]
    fn naptr_chooses_the_transport_and_the_name_of_the_service() {
        let mut names = carrier();
        let wishes = vec![naptr(50, "SIP+D2U", "_sip._udp.operadora.example."), naptr(10, "SIPS+D2T", "tls.example.")];
        names.naptr.insert(HOST, Answer::Records(wishes, Duration::from_secs(45)));
        names.srv.insert("tls.example.", Answer::Records(vec![srv(1, 1, "b.example.", 5061)], Duration::from_secs(99)));
        let places = found(&names, None);
        assert_eq!(places[..2], ["tls 192.0.2.2:5061", "udp 192.0.2.1:5060"]);
        assert_eq!(run(&names, None, None).unwrap().lasts, Duration::from_secs(45));
        assert_eq!(found(&names, Some(Transport::Udp))[0], "udp 192.0.2.1:5060", "a transport of ours asks no NAPTR");
    }

    #[test]
    fn tcp_is_found_beside_udp_and_alone_when_it_is_asked_for() {
        let mut names = carrier();
        let tcp = Answer::Records(vec![srv(1, 1, "b.example.", 5060)], Duration::from_secs(60));
        names.srv.insert("_sip._tcp.operadora.example.", tcp);
        assert_eq!(found(&names, None).last().unwrap(), "tcp 192.0.2.2:5060");
        assert_eq!(found(&names, Some(Transport::Tcp)), ["tcp 192.0.2.2:5060"]);
        assert_eq!(found(&names, Some(Transport::Tls)), ["tls 192.0.2.9:5061"], "no SRV: the host, on its port");
    }

    #[test]
    fn a_port_of_ours_asks_for_the_host_alone() {
        let places = run(&carrier(), Some(5080), None).unwrap().places;
        assert_eq!(places[0].address, "192.0.2.9:5080".parse::<SocketAddr>().unwrap());
        assert_eq!(places.len(), 1);
    }

    #[test]
    fn a_service_that_is_refused_is_not_looked_for_elsewhere() {
        let mut names = carrier();
        let refused = || Answer::Records(vec![srv(0, 0, ".", 0)], Duration::from_secs(60));
        names.srv.insert("_sip._udp.operadora.example.", refused());
        let error = run(&names, None, None).unwrap_err();
        assert!(matches!(error, ResolveError::NotOffered { .. }), "{error}");
    }

    #[test]
    fn a_name_server_that_fails_is_a_failure_and_not_another_address() {
        let mut names = carrier();
        names.srv.insert("_sip._udp.operadora.example.", Answer::Failed("no answer".to_owned()));
        assert!(matches!(run(&names, None, None), Err(ResolveError::NotFound { .. })));
        let mut names = carrier();
        names.naptr.insert(HOST, Answer::Failed("dropped on the way".to_owned()));
        assert_eq!(found(&names, None).len(), 3);
    }

    #[test]
    fn a_target_without_address_costs_the_others_nothing() {
        let mut names = carrier();
        names.addresses.insert("a.example.", Answer::Failed("no answer".to_owned()));
        assert_eq!(found(&names, None), ["udp 192.0.2.2:5070"]);
        names.addresses.remove("b.example.");
        assert!(run(&names, None, None).is_err());
    }

    #[test]
    fn answers_are_kept_half_a_minute_at_least_and_an_hour_at_most() {
        for (ttl, lasts) in [(0, 30), (31, 31), (86_400, 3_600)] {
            let mut names = StandIn::default();
            let address = "192.0.2.9".parse().unwrap();
            names.addresses.insert(HOST, Answer::Records(vec![address], Duration::from_secs(ttl)));
            assert_eq!(run(&names, None, None).unwrap().lasts, Duration::from_secs(lasts));
        }
    }

    #[test]
    fn a_domain_with_very_many_hosts_is_cut_off() {
        let mut names = StandIn::default();
        let many: Vec<Srv> = (0..60).map(|port| srv(1, 1, "a.example.", 5000 + port)).collect();
        names.srv.insert("_sip._udp.operadora.example.", Answer::Records(many, Duration::from_secs(60)));
        names.addresses.insert("a.example.", at(&["192.0.2.1"]));
        assert_eq!(found(&names, None).len(), MOST_PLACES);
    }
}
