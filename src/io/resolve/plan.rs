//! What has to be asked for a host, and in which order answers are tried. Asks nobody.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::io::resolve::Place;
use crate::sip::hop::Transport;

/// What has to be asked for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: RFC 3263 §4.1, a numeric address.
    Known(Place),
    /// Its addresses, with this port: RFC 3263 §4.2.
    Addresses { transport: Transport, port: u16 },
    /// The service over this transport, then its addresses.
    Service(Transport),
    /// Which transports it wants, then these services, then its addresses: RFC 3263 §4.1.
    Anything,
}

pub(super) fn plan(host: &str, port: Option<u16>, transport: Option<Transport>) -> Plan {
    let wanted = transport.unwrap_or(Transport::Udp);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let port = port.unwrap_or(wanted.default_port());
        return Plan::Known(Place { transport: wanted, address: SocketAddr::new(address, port) });
    }
    match (port, transport) {
        (Some(port), _) => Plan::Addresses { transport: wanted, port },
        (None, Some(transport)) => Plan::Service(transport),
        (None, None) => Plan::Anything,
    }
}

/// One service of a host, and the transport over which it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) transport: Transport,
    /// The name to ask SRV for.
    pub(super) name: String,
}

impl Service {
    /// The name that a host's service has where no NAPTR says otherwise: RFC 3263 §4.1, RFC 7118 §9.
    pub(super) fn of(transport: Transport, host: &str) -> Service {
        let host = host.trim_end_matches('.');
        let name = match transport {
            Transport::Udp => format!("_sip._udp.{host}."),
            Transport::Tcp => format!("_sip._tcp.{host}."),
            Transport::Tls => format!("_sips._tcp.{host}."),
            Transport::Ws => format!("_sip._ws.{host}."),
            Transport::Wss => format!("_sips._ws.{host}."),
        };
        Service { transport, name }
    }
}

/// One NAPTR record. RFC 3403 §4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naptr {
    pub(super) order: u16,
    pub(super) preference: u16,
    pub(super) flags: String,
    pub(super) services: String,
    pub(super) replacement: String,
}

/// The services that a domain wants to be used, in its order. Records for other things than SIP are passed over.
pub(super) fn services(mut records: Vec<Naptr>) -> Vec<Service> {
    records.sort_by_key(|record| (record.order, record.preference));
    let service = |record: Naptr| {
        let transport = match record.services.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            "SIP+D2W" => Transport::Ws,
            "SIPS+D2W" => Transport::Wss,
            _ => return None,
        };
        // RFC 3263 §4.1: the flag is "s", the regular expression is empty, the replacement is the SRV name.
        let is_service = record.flags.eq_ignore_ascii_case("s") && record.replacement != ".";
        is_service.then_some(Service { transport, name: record.replacement })
    };
    records.into_iter().filter_map(service).collect()
}

/// One SRV record. RFC 2782.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Srv {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) target: String,
    pub(super) port: u16,
}

/// Lowest priority first; those of one priority are drawn by weight. RFC 2782, "Usage rules".
pub(super) fn in_order(mut records: Vec<Srv>, dice: &mut fastrand::Rng) -> Vec<Srv> {
    // Weight 0 stands first, so that it is drawn at times and seldom. The rest makes the order one of the records alone.
    records.sort_by(|a, b| (a.priority, a.weight, &a.target, a.port).cmp(&(b.priority, b.weight, &b.target, b.port)));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|first| first.priority) {
        let equals = records.iter().take_while(|record| record.priority == priority).count();
        let drawn = draw(&records[..equals], dice);
        ordered.push(records.remove(drawn));
    }
    ordered
}

fn draw(equals: &[Srv], dice: &mut fastrand::Rng) -> usize {
    let all: u32 = equals.iter().map(|record| u32::from(record.weight)).sum();
    let mark = dice.u32(0..=all);
    let mut sum = 0;
    let reaches_mark = |record: &Srv| {
        sum += u32::from(record.weight);
        sum >= mark
    };
    equals.iter().position(reaches_mark).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn known(address: &str, transport: Transport) -> Plan {
        Plan::Known(Place { transport, address: address.parse().unwrap() })
    }

    #[test]
    fn an_address_needs_nobody_to_be_asked() {
        assert_eq!(plan("192.0.2.7", None, None), known("192.0.2.7:5060", Transport::Udp));
        assert_eq!(plan("192.0.2.7", None, Some(Transport::Tls)), known("192.0.2.7:5061", Transport::Tls));
        assert_eq!(
            plan("[2001:db8::7]", Some(5070), Some(Transport::Tcp)),
            known("[2001:db8::7]:5070", Transport::Tcp)
        );
    }

    #[test]
    fn a_port_rules_out_services_and_a_transport_rules_out_naptr() {
        let asked = plan("sip.operadora.example", Some(5080), None);
        assert_eq!(asked, Plan::Addresses { transport: Transport::Udp, port: 5080 });
        assert_eq!(plan("operadora.example", None, Some(Transport::Tcp)), Plan::Service(Transport::Tcp));
        assert_eq!(plan("operadora.example", None, None), Plan::Anything);
        assert_eq!(Service::of(Transport::Udp, "operadora.example.").name, "_sip._udp.operadora.example.");
        assert_eq!(Service::of(Transport::Tls, "operadora.example").name, "_sips._tcp.operadora.example.");
    }

    fn naptr(order: u16, preference: u16, flags: &str, services: &str) -> Naptr {
        let replacement = format!("{}.example.", services.to_lowercase());
        Naptr { order, preference, flags: flags.to_owned(), services: services.to_owned(), replacement }
    }

    #[test]
    fn a_domain_s_wishes_are_followed_in_order_and_preference() {
        let records = vec![
            naptr(20, 1, "s", "SIP+D2U"),
            naptr(10, 50, "S", "sip+d2t"),
            naptr(10, 20, "s", "SIPS+D2T"),
            naptr(5, 1, "s", "SIP+D2S"),
            naptr(5, 1, "u", "E2U+sip"),
            naptr(5, 1, "a", "SIP+D2U"),
        ];
        let transports: Vec<Transport> = services(records).into_iter().map(|service| service.transport).collect();
        assert_eq!(transports, [Transport::Tls, Transport::Tcp, Transport::Udp]);
    }

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, target: target.to_owned(), port: 5060 }
    }

    #[test]
    fn priority_goes_before_weight_and_every_target_is_kept() {
        let records = vec![srv(20, 100, "c"), srv(10, 60, "a"), srv(10, 20, "b"), srv(10, 20, "d"), srv(20, 0, "z")];
        let mut first = BTreeMap::new();
        for seed in 0..5_000 {
            let order = in_order(records.clone(), &mut fastrand::Rng::with_seed(seed));
            assert_eq!(order.len(), 5);
            assert!(order[..3].iter().all(|record| record.priority == 10));
            *first.entry(order[0].target.clone()).or_insert(0) += 1;
        }
        assert!((2_800..3_200).contains(&first["a"]), "{first:?}");
        assert!((850..1_150).contains(&first["b"]), "{first:?}");
    }

    #[test]
    fn a_weight_of_nothing_is_drawn_seldom_but_not_never() {
        let records = vec![srv(1, 0, "backup"), srv(1, 9, "main")];
        let backups = (0..5_000)
            .filter(|seed| in_order(records.clone(), &mut fastrand::Rng::with_seed(*seed))[0].target == "backup")
            .count();
        assert!((350..650).contains(&backups), "{backups}");
        let alone = in_order(vec![srv(1, 0, "a"), srv(1, 0, "b")], &mut fastrand::Rng::with_seed(1));
        assert_eq!(alone.len(), 2);
    }
}
