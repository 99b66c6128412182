//! Names to addresses, by the name servers that this machine uses, without a cache: a stale answer would hide an outage.
//!
//! What was learnt is kept for the bad hour only: the last addresses of a name, so that its ports can be tried when nobody
//! resolves it any more, and the servers of its zone, so that they can be asked when nobody leads to them any more.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use futures_util::future::join_all;
use futures_util::future::select_ok;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::system_conf::read_system_conf;
use reqwest::dns::Addrs;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use tokio::time::sleep;

use crate::io::probe::ProbeError;
use crate::io::probe::question;
use crate::io::probe::question::Recursion;
use crate::io::probe::question::Reply;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;

/// Cheap to clone; all clones learn together.
#[derive(Clone)]
pub(super) struct Names {
    servers: Arc<[SocketAddr]>,
    learnt: Arc<Mutex<Learnt>>,
}

#[derive(Default)]
struct Learnt {
    addresses_by_name: BTreeMap<String, Vec<IpAddr>>,
    zones_by_name: BTreeMap<String, Zone>,
}

#[derive(Clone)]
struct Zone {
    servers: Vec<SocketAddr>,
    since: Instant,
}

/// The next of our name servers is asked as well when the one before has not answered by then.
const NEXT_SERVER_AFTER: Duration = Duration::from_millis(400);

/// Names that anything is kept of. They come from the configuration, so this is a bound and no limit.
const NAMES: usize = 4096;

/// Addresses that are kept of one name.
const ADDRESSES: usize = 8;

/// Servers of one zone that are asked.
const ZONE_SERVERS: usize = 4;

/// Then the servers of a zone are looked up again.
const ZONE_LASTS: Duration = Duration::from_secs(3600);

const DNS: u16 = 53;

impl Names {
    /// `servers`: those to ask; none: those of the system.
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Names, ProbeError> {
        let servers: Vec<SocketAddr> = match servers {
            [] => {
                let (system, _) = read_system_conf().map_err(|why| ProbeError::Resolver(why.to_string()))?;
                let addresses = system.name_servers().iter().map(|server| SocketAddr::new(server.ip, DNS));
                addresses.collect()
            }
            chosen => chosen.to_vec(),
        };
        Ok(Names { servers: servers.into(), learnt: Arc::default() })
    }

    /// At least one; an address stands for itself. `from`: the address of ours to ask from.
    pub(super) async fn addresses_of(&self, host: &str, from: Option<IpAddr>) -> Result<Vec<IpAddr>, Trouble> {
        if let Some(address) = literal(host) {
            return Ok(vec![address]);
        }
        let name = absolute(host)?;
        let found = self.ask_ours(&name, from).await?.addresses;
        self.remember(host, &found);
        Ok(found)
    }

    /// IPv6 where there is no IPv4; an answer without any address is a failure.
    pub(super) async fn ask_ours(&self, name: &Name, from: Option<IpAddr>) -> Result<Reply, Trouble> {
        self.first_of_ours(|server| address_by(server, from, name, Recursion::Desired)).await
    }

    /// The first of our name servers that has an answer; else what the last of them said.
    async fn first_of_ours<F>(&self, ask: impl Fn(SocketAddr) -> F) -> Result<Reply, Trouble>
    where
        F: Future<Output = Result<Reply, Trouble>>,
    {
        let asked = self.servers.iter().zip(0..).map(|(server, place)| {
            let asked = ask(*server);
            Box::pin(async move {
                // A timer of no time at all is still one that wakes us.
                if place > 0 {
                    sleep(NEXT_SERVER_AFTER * place).await;
                }
                asked.await
            })
        });
        let asked: Vec<_> = asked.collect();
        if asked.is_empty() {
            return Err(Trouble::new(Fault::Other, "this machine has no name server"));
        }
        let (reply, _others) = select_ok(asked).await?;
        Ok(reply)
    }

    pub(super) fn last_known(&self, host: &str) -> Vec<IpAddr> {
        self.learnt().addresses_by_name.get(host).cloned().unwrap_or_default()
    }

    /// What a blocking resolver gives in place of the true addresses does not drive those out.
    fn remember(&self, host: &str, found: &[IpAddr]) {
        let mut learnt = self.learnt();
        let room = learnt.addresses_by_name.len() < NAMES;
        let known = learnt.addresses_by_name.get(host);
        let worse = known.is_some_and(|known| known.iter().any(is_public)) && !found.iter().any(is_public);
        if (room || known.is_some()) && !worse {
            let kept = found.iter().take(ADDRESSES).copied();
            learnt.addresses_by_name.insert(host.to_owned(), kept.collect());
        }
    }

    /// An answer can be worse than none: one past its time, or an address where the service cannot be.
    pub(super) fn judge(&self, host: &str, reply: &Reply) -> Result<(), Trouble> {
        let known = self.last_known(host);
        if known.iter().any(is_public) && !reply.addresses.is_empty() && !reply.addresses.iter().any(is_public) {
            let why = format!("it answers {}, before it was {}", list(&reply.addresses), list(&known));
            return Err(Trouble::new(Fault::ChangedAnswer, why));
        }
        if reply.stale {
            let why = "it answers from its cache, past its time: the servers of the zone do not answer it";
            return Err(Trouble::new(Fault::StaleAnswer, why));
        }
        self.remember(host, &reply.addresses);
        Ok(())
    }

    /// Servers of the zone that the name is in. When they cannot be found any more, those that were found before.
    pub(super) async fn zone_servers(&self, host: &str) -> Result<Vec<SocketAddr>, Trouble> {
        let known = self.learnt().zones_by_name.get(host).cloned();
        if let Some(zone) = &known
            && zone.since.elapsed() < ZONE_LASTS
        {
            return Ok(zone.servers.clone());
        }
        match (self.find_zone_servers(&absolute(host)?).await, known) {
            (Ok(servers), _) => {
                let mut learnt = self.learnt();
                if learnt.zones_by_name.len() < NAMES || learnt.zones_by_name.contains_key(host) {
                    let zone = Zone { servers: servers.clone(), since: Instant::now() };
                    learnt.zones_by_name.insert(host.to_owned(), zone);
                }
                Ok(servers)
            }
            (Err(_), Some(zone)) => Ok(zone.servers),
            (Err(trouble), None) => Err(trouble),
        }
    }

    /// The deepest name above that has servers of its own. A resolver that denies the name may still know its zone.
    async fn find_zone_servers(&self, name: &Name) -> Result<Vec<SocketAddr>, Trouble> {
        let mut candidate = name.clone();
        let mut trouble = Trouble::new(Fault::LookupTimeout, "the servers of its zone cannot be found");
        while candidate.num_labels() >= 2 {
            let of = |server| question::ask(server, None, &candidate, RecordType::NS, Recursion::Desired);
            match self.first_of_ours(of).await {
                Ok(reply) if !reply.servers.is_empty() => return self.addresses_of_servers(&reply.servers).await,
                Ok(_) => {}
                Err(found) => trouble = found,
            }
            candidate = candidate.base_name();
        }
        Err(trouble)
    }

    async fn addresses_of_servers(&self, servers: &[Name]) -> Result<Vec<SocketAddr>, Trouble> {
        let asked = servers.iter().take(ZONE_SERVERS).map(|server| self.ask_ours(server, None));
        let found = join_all(asked).await;
        let first_of_each = found.iter().flatten().filter_map(|reply| reply.addresses.first());
        let places: Vec<SocketAddr> = first_of_each.map(|address| SocketAddr::new(*address, DNS)).collect();
        match places.is_empty() {
            true => Err(Trouble::new(Fault::Other, "the servers of its zone have no address")),
            false => Ok(places),
        }
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One server's answer; IPv6 is asked for where there is no IPv4.
pub(super) async fn address_by(
    server: SocketAddr,
    from: Option<IpAddr>,
    name: &Name,
    recursion: Recursion,
) -> Result<Reply, Trouble> {
    let ipv4 = question::ask(server, from, name, RecordType::A, recursion).await?;
    if !ipv4.addresses.is_empty() || (recursion == Recursion::Unwanted && ipv4.exists) {
        return Ok(ipv4);
    }
    let ipv6 = question::ask(server, from, name, RecordType::AAAA, recursion).await?;
    match ipv6.addresses.is_empty() {
        true => Err(question::no_address()),
        false => Ok(ipv6),
    }
}

/// Not such as blocking resolvers give in place of the true one.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(ipv4) => {
            // RFC 6598.
            let shared = ipv4.octets()[0] == 100 && ipv4.octets()[1] & 0xc0 == 64;
            !(ipv4.is_private()
                || ipv4.is_loopback()
                || ipv4.is_link_local()
                || ipv4.is_unspecified()
                || ipv4.is_broadcast()
                || ipv4.is_documentation()
                || shared)
        }
        IpAddr::V6(ipv6) => {
            !(ipv6.is_loopback()
                || ipv6.is_unspecified()
                || ipv6.is_unique_local()
                || ipv6.is_unicast_link_local()
                || ipv6.to_ipv4_mapped().is_some())
        }
    }
}

fn list(addresses: &[IpAddr]) -> String {
    let first: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
    first.join(", ")
}

/// What needs no name server: an address, and this machine (RFC 6761 §6.3), which many of them deny.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    match host.eq_ignore_ascii_case("localhost") {
        true => Some(Ipv4Addr::LOCALHOST.into()),
        false => host.trim_matches(['[', ']']).parse().ok(),
    }
}

/// With the final dot no search domain is tried.
pub(super) fn absolute(host: &str) -> Result<Name, Trouble> {
    let name = Name::from_ascii(format!("{}.", host.trim_end_matches('.')));
    name.map_err(|why| Trouble::new(Fault::Other, format!("`{host}` is no name: {why}")))
}

/// HTTP probes ask the same name servers.
impl Resolve for Names {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses_of(name.as_str(), None).await;
            let addresses = found.map_err(|trouble| LookupError(trouble.of_lookup()))?;
            // The port comes from the URL.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Travels through the HTTP client to whoever asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.why)]
pub(super) struct LookupError(pub(super) Trouble);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::probe::stand_ins;
    use crate::io::probe::stand_ins::Says;

    #[tokio::test]
    async fn the_servers_of_a_zone_are_found_and_known_when_nobody_leads_to_them_any_more() {
        let (server, change) = stand_ins::changing_name_server(Says::Zones).await;
        let names = Names::new(&[server]).unwrap();
        let found = vec![SocketAddr::from(([127, 0, 0, 1], 53))];
        assert_eq!(names.zone_servers("star.c10r.facebook.com").await, Ok(found.clone()));
        change.send(Says::Code(2)).unwrap();
        let an_hour_ago = Instant::now() - ZONE_LASTS;
        names.learnt().zones_by_name.get_mut("star.c10r.facebook.com").unwrap().since = an_hour_ago;
        assert_eq!(names.zone_servers("star.c10r.facebook.com").await, Ok(found));
        let unknown = names.zone_servers("web.whatsapp.com").await.unwrap_err();
        assert_eq!(unknown.fault, Fault::ServFail);
    }

    #[tokio::test]
    async fn the_second_name_server_helps_when_the_first_is_silent() {
        let (silent, well) =
            (stand_ins::name_server(Says::Nothing).await, stand_ins::name_server(Says::Loopback).await);
        let names = Names::new(&[silent, well]).unwrap();
        let started = Instant::now();
        assert_eq!(names.addresses_of("a.example", None).await, Ok(vec![[127, 0, 0, 1].into()]));
        assert!(started.elapsed() < Duration::from_millis(1400), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn this_machine_is_found_without_any_name_server() {
        let server = stand_ins::name_server(Says::Code(3)).await;
        let names = Names::new(&[server]).unwrap();
        for host in ["localhost", "LOCALHOST", "127.0.0.1"] {
            assert_eq!(names.addresses_of(host, None).await, Ok(vec![Ipv4Addr::LOCALHOST.into()]), "{host}");
        }
        assert!(names.addresses_of("localhost.example", None).await.is_err());
    }

    #[test]
    fn addresses_that_block_pages_are_made_of_are_told_from_public_ones() {
        for strange in ["127.0.0.1", "0.0.0.0", "10.1.2.3", "100.64.0.1", "::1", "fd00::1", "fe80::1", "::ffff:1.1.1.1"]
        {
            assert!(!is_public(&strange.parse().unwrap()), "{strange}");
        }
        for public in ["157.240.1.35", "1.1.1.1", "2a03:2880:f0fc:c:face:b00c:0:35"] {
            assert!(is_public(&public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn an_address_of_nobody_is_a_failure_only_where_the_true_one_is_known() {
        let names = Names::new(&[([127, 0, 0, 1], 9).into()]).unwrap();
        let answer = |address: &str| Reply {
            addresses: vec![address.parse().unwrap()],
            servers: Vec::new(),
            authoritative: false,
            stale: false,
            exists: true,
        };
        assert_eq!(names.judge("intranet", &answer("10.0.0.1")), Ok(()));
        assert_eq!(names.judge("graph.facebook.com", &answer("157.240.1.35")), Ok(()));
        let trouble = names.judge("graph.facebook.com", &answer("127.0.0.1")).unwrap_err();
        assert_eq!(trouble.fault, Fault::ChangedAnswer);
        assert_eq!(trouble.why, "it answers 127.0.0.1, before it was 157.240.1.35");
        let stale = Reply { stale: true, ..answer("157.240.1.35") };
        assert_eq!(names.judge("graph.facebook.com", &stale).unwrap_err().fault, Fault::StaleAnswer);
    }
}
