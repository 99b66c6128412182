//! Probes against servers on loopback: each failure has its own word and its own class, and none takes longer than it may.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use jiff::ToSpan;
use jiff::Zoned;
use jiff::civil::date;

use crate::io::probe::Config;
use crate::io::probe::Prober;
use crate::io::probe::stand_ins;
use crate::io::probe::stand_ins::Says;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[tokio::test]
async fn names_that_fail_say_how() {
    for (says, fault, word) in [
        (Says::Code(2), Fault::ServFail, "SERVFAIL"),
        (Says::Code(3), Fault::NxDomain, "NXDOMAIN"),
        (Says::Code(5), Fault::LookupRefused, "REFUSED"),
        (Says::NoAddress, Fault::NoAddress, "the name has no address"),
        (Says::Nothing, Fault::LookupTimeout, "no answer within 300ms"),
        (Says::Garbage, Fault::LookupTimeout, "no answer within 300ms"),
    ] {
        let prober = prober(Some(stand_ins::name_server(says).await), None);
        let trouble = failure(&prober, Layer::Dns, "graph.facebook.com").await;
        assert_eq!(trouble, (fault, word.to_owned()));
    }
    let nobody = prober(None, None);
    let (fault, why) = failure(&nobody, Layer::Dns, "graph.facebook.com").await;
    assert_eq!(fault, Fault::LookupTimeout);
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn an_answer_too_long_for_a_datagram_is_fetched_over_tcp() {
    let prober = prober(Some(stand_ins::name_server(Says::TooLong).await), None);
    answers(&prober, Layer::Dns, "graph.facebook.com").await;
}

#[tokio::test]
async fn answers_that_are_worse_than_none_are_told_apart() {
    let (server, change) = stand_ins::changing_name_server(Says::Address([157, 240, 1, 35])).await;
    let prober = prober(Some(server), None);
    answers(&prober, Layer::Dns, "graph.facebook.com").await;
    change.send(Says::Address([127, 0, 0, 1])).unwrap();
    let (fault, why) = failure(&prober, Layer::Dns, "graph.facebook.com").await;
    assert_eq!((fault, why.as_str()), (Fault::ChangedAnswer, "it answers 127.0.0.1, before it was 157.240.1.35"));
    change.send(Says::Stale([157, 240, 1, 35])).unwrap();
    let (fault, why) = failure(&prober, Layer::Dns, "graph.facebook.com").await;
    assert_eq!(fault, Fault::StaleAnswer, "{why}");
}

#[tokio::test]
async fn every_resolver_sees_the_world_from_where_it_stands() {
    let ours = stand_ins::name_server(Says::Code(3)).await;
    let other = stand_ins::name_server(Says::Loopback).await;
    let zone = stand_ins::name_server(Says::Code(2)).await;
    let prober = prober(Some(ours), None);
    let probe = Probe::new(Layer::Dns, "web.telegram.org", Role::Channel);
    let resolvers =
        [Resolver::Ours(String::new()), Resolver::Other(other.to_string()), Resolver::Authoritative(zone.to_string())];
    let mut seen = Vec::new();
    for probe in probe.settled(&resolvers) {
        let evidence = prober.run(&probe, Duration::from_secs(5)).await.evidence.remove(0);
        assert_eq!(evidence.resolver, probe.resolver);
        seen.push(evidence.outcome);
    }
    assert_eq!(seen[0], Outcome::failed(Fault::NxDomain, "NXDOMAIN"));
    assert!(matches!(seen[1], Outcome::Answered { .. }), "{:?}", seen[1]);
    assert_eq!(seen[2], Outcome::failed(Fault::ServFail, "none of 1 servers of the zone knows it: SERVFAIL"));
}

#[tokio::test]
async fn a_name_server_that_has_never_answered_says_nothing() {
    let (other, change) = stand_ins::changing_name_server(Says::Nothing).await;
    let prober = prober(Some(stand_ins::name_server(Says::Loopback).await), None);
    let mut probe = Probe::new(Layer::Dns, "graph.facebook.com", Role::Channel);
    probe.resolver = Some(Resolver::Other(other.to_string()));
    let run = || prober.run(&probe, Duration::from_millis(300));
    assert!(run().await.evidence.is_empty(), "the network may let nobody ask it");
    change.send(Says::Loopback).unwrap();
    assert_eq!(run().await.evidence.len(), 1);
    change.send(Says::Nothing).unwrap();
    assert_eq!(run().await.evidence[0].outcome, Outcome::failed(Fault::LookupTimeout, "no answer within 300ms"));
}

#[tokio::test]
async fn a_zone_whose_servers_cannot_be_found_is_not_to_blame() {
    let ours = stand_ins::name_server(Says::Code(2)).await;
    let mut probe = Probe::new(Layer::Dns, "graph.facebook.com", Role::Channel);
    probe.resolver = Some(Resolver::Authoritative(String::new()));
    let ran = prober(Some(ours), None).run(&probe, Duration::from_secs(5)).await;
    assert!(ran.evidence.is_empty(), "{ran:?}");
    assert_eq!(ran.failed, Some(Fault::Other));
}

#[tokio::test]
async fn a_whole_stand_in_for_a_channel_answers_on_every_layer() {
    let (server, trust) = stand_ins::tls("graph.facebook.com").await;
    let names = stand_ins::name_server(Says::Loopback).await;
    let prober = prober(Some(names), Some(trust));
    let host = format!("graph.facebook.com:{}", server.port());
    answers(&prober, Layer::Dns, "graph.facebook.com").await;
    answers(&prober, Layer::Tcp, &host).await;
    answers(&prober, Layer::Tls, &host).await;
    // A service that says 400 to a stranger is alive.
    answers(&prober, Layer::Http, &format!("https://{host}/")).await;

    let other = format!("web.whatsapp.com:{}", server.port());
    for (layer, target) in [(Layer::Tls, other.clone()), (Layer::Http, format!("https://{other}/"))] {
        let (fault, why) = failure(&prober, layer, &target).await;
        assert_eq!(fault, Fault::NameMismatch, "{layer}: {why}");
        assert!(why.contains("not valid for name"), "{why}");
    }
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for_or_that_have_ended_are_failures() {
    let names = stand_ins::name_server(Says::Loopback).await;
    let (server, _) = stand_ins::tls("graph.facebook.com").await;
    let host = format!("graph.facebook.com:{}", server.port());
    let (fault, why) = failure(&prober(Some(names), None), Layer::Tls, &host).await;
    assert_eq!(fault, Fault::UntrustedCertificate, "{why}");
    let (server, trust) = stand_ins::tls_until("graph.facebook.com", date(2021, 10, 4)).await;
    let host = format!("graph.facebook.com:{}", server.port());
    let (fault, why) = failure(&prober(Some(names), Some(trust)), Layer::Tls, &host).await;
    assert_eq!(fault, Fault::ExpiredCertificate);
    assert!(why.starts_with("its certificate expired ") && why.ends_with(" days ago"), "{why}");
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_told_beside_a_handshake_that_succeeds() {
    let end = Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date() + 2.days();
    let (server, trust) = stand_ins::tls_until("graph.facebook.com", end).await;
    let names = stand_ins::name_server(Says::Loopback).await;
    let target = format!("graph.facebook.com:{}", server.port());
    let probe = Probe::new(Layer::Tls, &target, Role::Channel);
    let evidence = prober(Some(names), Some(trust)).run(&probe, Duration::from_secs(5)).await.evidence;
    assert!(matches!(evidence[0].outcome, Outcome::Answered { .. }));
    assert_eq!(evidence[1].target, format!("the certificate of {target}"));
    let Outcome::Failed { fault, why } = &evidence[1].outcome else {
        panic!("it ends in two days");
    };
    assert_eq!(*fault, Fault::EndingCertificate);
    assert!(why.starts_with("its certificate ends in "), "{why}");
}

#[tokio::test]
async fn a_dead_name_fails_the_layers_above_with_the_reason() {
    let names = stand_ins::name_server(Says::Code(2)).await;
    let prober = prober(Some(names), None);
    for (layer, target) in [
        (Layer::Tcp, "graph.facebook.com:443"),
        (Layer::Tls, "graph.facebook.com:443"),
        (Layer::Http, "https://graph.facebook.com/"),
    ] {
        let trouble = failure(&prober, layer, target).await;
        assert_eq!(trouble, (Fault::ServFail, "name lookup: SERVFAIL".to_owned()), "{layer}");
    }
}

#[tokio::test]
async fn when_a_name_is_dead_its_last_known_addresses_are_tried() {
    let (names, change) = stand_ins::changing_name_server(Says::Loopback).await;
    let prober = prober(Some(names), None);
    let listening = stand_ins::silent().await;
    let here = format!("graph.facebook.com:{}", listening.port());
    answers(&prober, Layer::Tcp, &here).await;
    change.send(Says::Code(2)).unwrap();
    answers(&prober, Layer::Tcp, &here).await;

    let closed = stand_ins::closed_port().await;
    let (fault, why) = failure(&prober, Layer::Tcp, &format!("graph.facebook.com:{}", closed.port())).await;
    assert_eq!(fault, Fault::Refused);
    assert!(why.starts_with("its last known addresses: ") && why.ends_with("(name lookup: SERVFAIL)"), "{why}");
}

#[tokio::test]
async fn ports_that_are_closed_silent_or_swallowed() {
    let prober = prober(None, None);
    let closed = stand_ins::closed_port().await;
    let (fault, why) = failure(&prober, Layer::Tcp, &closed.to_string()).await;
    assert_eq!(fault, Fault::Refused, "{why}");
    let (hole, _held) = stand_ins::black_hole().await;
    let late = (Fault::Timeout, "no answer within 300ms".to_owned());
    assert_eq!(failure(&prober, Layer::Tcp, &hole.to_string()).await, late);
    let silent = stand_ins::silent().await;
    answers(&prober, Layer::Tcp, &silent.to_string()).await;
    assert_eq!(failure(&prober, Layer::Tls, &silent.to_string()).await, late);
    let trickle = stand_ins::tls_that_trickles().await;
    assert_eq!(failure(&prober, Layer::Tls, &trickle.to_string()).await, late);
    assert_eq!(failure(&prober, Layer::Http, &format!("http://{silent}/")).await, late);
}

#[tokio::test]
async fn a_second_way_out_is_another_vantage() {
    let target = stand_ins::http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let prober = prober(None, None);
    let (proxy, mut told) = stand_ins::proxy(target).await;
    for (layer, target) in [(Layer::Tcp, "graph.facebook.com:443"), (Layer::Http, "http://127.0.0.2:9/")] {
        let mut probe = Probe::new(layer, target, Role::Channel);
        probe.via = Some(format!("http://{proxy}").parse().unwrap());
        let probe = probe.settled(&[]).remove(0);
        let evidence = prober.run(&probe, Duration::from_secs(5)).await.evidence.remove(0);
        assert!(matches!(evidence.outcome, Outcome::Answered { .. }), "{:?}", evidence.outcome);
        assert_eq!(evidence.vantage, Vantage::Path(proxy.to_string()));
    }
    assert_eq!(told.recv().await.unwrap(), "CONNECT graph.facebook.com:443 HTTP/1.1");

    for (via, fault) in [("127.0.0.1", None), ("203.0.113.77", Some(Fault::Unreachable))] {
        let mut probe = Probe::new(Layer::Tcp, &target.to_string(), Role::Channel);
        probe.via = Some(via.parse().unwrap());
        assert_eq!(prober.run(&probe, Duration::from_secs(5)).await.failed, fault, "{via}");
    }
}

#[tokio::test]
async fn a_trust_file_without_a_certificate_is_a_fault_at_the_start() {
    let config = Config { trust: Some(PathBuf::from("/nowhere/ca.pem")), ..Config::default() };
    let fault = Prober::new(&config).err().unwrap().to_string();
    assert!(fault.starts_with("cannot read certificates from `/nowhere/ca.pem`"), "{fault}");
}

pub(super) fn prober(resolver: Option<SocketAddr>, trust: Option<PathBuf>) -> Prober {
    // Without a name server of the test's own nothing is looked up: a port that answers nothing.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let config = Config { resolvers: vec![resolver.unwrap_or(nobody)], trust, ..Config::default() };
    Prober::new(&config).unwrap()
}

pub(super) async fn answers(prober: &Prober, layer: Layer, target: &str) {
    let probe = Probe::new(layer, target, Role::Channel);
    let outcome = prober.run(&probe, Duration::from_secs(5)).await.evidence.remove(0).outcome;
    assert!(matches!(outcome, Outcome::Answered { .. }), "{layer} {target}: {outcome:?}");
}

pub(super) async fn failure(prober: &Prober, layer: Layer, target: &str) -> (Fault, String) {
    failure_of(prober, &Probe::new(layer, target, Role::Channel)).await
}

pub(super) async fn failure_of(prober: &Prober, probe: &Probe) -> (Fault, String) {
    let started = Instant::now();
    let outcome = prober.run(probe, Duration::from_millis(300)).await.evidence.remove(0).outcome;
    assert!(started.elapsed() < Duration::from_secs(2), "it took too long");
    match outcome {
        Outcome::Failed { fault, why } => (fault, why),
        answered => panic!("{}: {answered:?}", probe.target),
    }
}
