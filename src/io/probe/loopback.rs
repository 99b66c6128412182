//! Probes against servers on loopback: each failure has its own word, and none takes longer than it may.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use crate::io::probe::Config;
use crate::io::probe::Prober;
use crate::io::probe::stand_ins;
use crate::io::probe::stand_ins::Says;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::probe::Probe;

#[tokio::test]
async fn names_that_fail_say_how() {
    for (says, word) in [
        (Says::Code(2), "SERVFAIL"),
        (Says::Code(3), "NXDOMAIN"),
        (Says::Code(5), "REFUSED"),
        (Says::Nothing, "no answer within 300ms"),
    ] {
        let prober = prober(Some(stand_ins::name_server(says).await), None);
        let why = failure(&prober, Layer::Dns, "graph.facebook.com").await;
        assert_eq!(why, word);
    }
    let garbage = prober(Some(stand_ins::name_server(Says::Garbage).await), None);
    failure(&garbage, Layer::Dns, "graph.facebook.com").await;
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
    let why = failure(&prober, Layer::Tls, &other).await;
    assert!(why.contains("not valid for name"), "{why}");
    let why = failure(&prober, Layer::Http, &format!("https://{other}/")).await;
    assert!(why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure() {
    let (server, _) = stand_ins::tls("graph.facebook.com").await;
    let names = stand_ins::name_server(Says::Loopback).await;
    let host = format!("graph.facebook.com:{}", server.port());
    let why = failure(&prober(Some(names), None), Layer::Tls, &host).await;
    assert!(why.contains("UnknownIssuer"), "{why}");
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
        let why = failure(&prober, layer, target).await;
        assert_eq!(why, "name lookup: SERVFAIL", "{layer}");
    }
}

#[tokio::test]
async fn ports_that_are_closed_or_silent() {
    let prober = prober(None, None);
    let closed = stand_ins::closed_port().await;
    let why = failure(&prober, Layer::Tcp, &closed.to_string()).await;
    assert!(why.contains("refused"), "{why}");
    let silent = stand_ins::silent().await;
    answers(&prober, Layer::Tcp, &silent.to_string()).await;
    for (layer, target) in
        [(Layer::Tls, format!("localhost:{}", silent.port())), (Layer::Http, format!("http://{silent}/"))]
    {
        failure(&prober, layer, &target).await;
    }
}

#[tokio::test]
async fn pages_that_are_broken_endless_or_never_come() {
    let prober = prober(None, None);
    let url = |address: SocketAddr| format!("http://{address}/");
    let well = stand_ins::http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    answers(&prober, Layer::Http, &url(well)).await;
    let endless = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n").await;
    answers(&prober, Layer::Http, &url(endless)).await;

    let broken = stand_ins::http("HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(failure(&prober, Layer::Http, &url(broken)).await, "status 503");
    let trickle = stand_ins::http_that_trickles().await;
    assert_eq!(failure(&prober, Layer::Http, &url(trickle)).await, "no answer within 300ms");
    let garbage = stand_ins::http("SIP/2.0 200 OK\r\n\r\n").await;
    failure(&prober, Layer::Http, &url(garbage)).await;
    let round = stand_ins::http("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
    let why = failure(&prober, Layer::Http, &url(round)).await;
    assert!(why.contains("too many redirects"), "{why}");
    let large_header = stand_ins::http_without_end("HTTP/1.1 200 OK\r\nX-Filler: ").await;
    failure(&prober, Layer::Http, &url(large_header)).await;
}

#[tokio::test]
async fn a_trust_file_without_a_certificate_is_a_fault_at_the_start() {
    let config = Config { resolvers: Vec::new(), trust: Some(PathBuf::from("/nowhere/ca.pem")) };
    let fault = Prober::new(&config).err().unwrap().to_string();
    assert!(fault.starts_with("cannot read certificates from `/nowhere/ca.pem`"), "{fault}");
}

fn prober(resolver: Option<SocketAddr>, trust: Option<PathBuf>) -> Prober {
    // Without a name server of the test's own nothing is looked up: a port that answers nothing.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let config = Config { resolvers: vec![resolver.unwrap_or(nobody)], trust };
    Prober::new(&config).unwrap()
}

async fn answers(prober: &Prober, layer: Layer, target: &str) {
    let outcome = outcome(prober, layer, target, Duration::from_secs(5)).await;
    assert!(matches!(outcome, Outcome::Answered { .. }), "{layer} {target}: {outcome:?}");
}

async fn failure(prober: &Prober, layer: Layer, target: &str) -> String {
    let started = Instant::now();
    let outcome = outcome(prober, layer, target, Duration::from_millis(300)).await;
    assert!(started.elapsed() < Duration::from_secs(2), "it took too long");
    match outcome {
        Outcome::Failed { why, .. } => why,
        answered => panic!("{layer} {target}: {answered:?}"),
    }
}

async fn outcome(prober: &Prober, layer: Layer, target: &str, within: Duration) -> Outcome {
    let probe = Probe::new(layer, target, Role::Channel);
    prober.run(&probe, within).await.outcome
}
