//! Pages that are broken, endless, somebody else's or never come, and services that speak of themselves.

use std::net::SocketAddr;
use std::time::Duration;

use crate::io::probe::loopback::answers;
use crate::io::probe::loopback::failure;
use crate::io::probe::loopback::failure_of;
use crate::io::probe::loopback::prober;
use crate::io::probe::stand_ins;
use crate::io::probe::stand_ins::Says;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::fault::Fault;
use crate::outage::probe::Credential;
use crate::outage::probe::Probe;
use crate::outage::reading::Reading;

#[tokio::test]
async fn pages_that_are_broken_endless_or_never_come() {
    let prober = prober(None, None);
    let well = stand_ins::http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    answers(&prober, Layer::Http, &url(well)).await;
    let endless = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n").await;
    answers(&prober, Layer::Http, &url(endless)).await;
    let large = stand_ins::http_without_end("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    answers(&prober, Layer::Http, &url(large)).await;

    let broken = stand_ins::http("HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n").await;
    let status = (Fault::Status(503), "status 503".to_owned());
    assert_eq!(failure(&prober, Layer::Http, &url(broken)).await, status);
    let trickle = stand_ins::http_that_trickles().await;
    let late = (Fault::Timeout, "no answer within 300ms".to_owned());
    assert_eq!(failure(&prober, Layer::Http, &url(trickle)).await, late);
    let garbage = stand_ins::http("SIP/2.0 200 OK\r\n\r\n").await;
    assert_eq!(failure(&prober, Layer::Http, &url(garbage)).await.0, Fault::WrongBody);
    let round = stand_ins::http("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
    let (fault, why) = failure(&prober, Layer::Http, &url(round)).await;
    assert_eq!((fault, why.as_str()), (Fault::Redirect, "too many redirects"));
    let large_header = stand_ins::http_without_end("HTTP/1.1 200 OK\r\nX-Filler: ").await;
    failure(&prober, Layer::Http, &url(large_header)).await;
    let closed = stand_ins::closed_port().await;
    assert_eq!(failure(&prober, Layer::Http, &url(closed)).await.0, Fault::Refused);
}

#[tokio::test]
async fn the_page_of_a_hotel_is_told_from_an_outage() {
    let prober = prober(Some(stand_ins::name_server(Says::Loopback).await), None);
    let portal =
        stand_ins::http("HTTP/1.1 302 Found\r\nLocation: http://portal.hotel.example/\r\nContent-Length: 0\r\n\r\n");
    let (fault, why) = failure(&prober, Layer::Http, &url(portal.await)).await;
    assert_eq!((fault, why.as_str()), (Fault::CaptivePortal, "it leads to portal.hotel.example instead"));
    let sign_in = stand_ins::http("HTTP/1.1 511 Sign in\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(failure(&prober, Layer::Http, &url(sign_in)).await.0, Fault::CaptivePortal);

    let page = stand_ins::http("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nwelcome here").await;
    let mut probe = Probe::new(Layer::Http, &url(page), Role::Control);
    probe.contains = Some("come".to_owned());
    assert_eq!(prober.run(&probe, Duration::from_secs(5)).await.failed, None);
    probe.contains = Some("success".to_owned());
    let (fault, why) = failure_of(&prober, &probe).await;
    assert_eq!((fault, why.as_str()), (Fault::CaptivePortal, "the page does not contain `success`"));
    let mut probe = Probe::new(Layer::Http, &url(page), Role::Control);
    probe.status = vec![204];
    assert_eq!(failure_of(&prober, &probe).await, (Fault::CaptivePortal, "status 200".to_owned()));
}

#[tokio::test]
async fn a_service_that_is_asked_with_our_credential_gets_it_and_may_refuse_it() {
    let prober = prober(None, None);
    let unauthorized = "HTTP/1.1 401 No\r\nContent-Length: 42\r\n\r\n{\"ok\":false,\"description\":\"Unauthorized\"} ";
    let (server, seen) = stand_ins::http_that_listens(unauthorized).await;
    let mut probe = Probe::new(Layer::Api, &format!("http://{server}/bot{{token}}/getMe"), Role::Channel);
    (probe.token, probe.reads) = (Some(Credential("1:secret".to_owned())), Some(Reading::Telegram));
    let evidence = prober.run(&probe, Duration::from_secs(5)).await.evidence.remove(0);
    assert_eq!(evidence.outcome, Outcome::failed(Fault::CredentialRefused, "status 401: Unauthorized"));
    assert!(!format!("{evidence:?}").contains("1:secret"));
    assert!(seen.await.unwrap().starts_with("GET /bot1:secret/getMe HTTP/1.1"));

    let (server, seen) = stand_ins::http_that_listens("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").await;
    let mut probe = Probe::new(Layer::Api, &format!("http://{server}/me"), Role::Channel);
    probe.token = Some(Credential("1:secret".to_owned()));
    let evidence = prober.run(&probe, Duration::from_secs(5)).await.evidence.remove(0);
    assert_eq!(evidence.outcome, Outcome::failed(Fault::CredentialRefused, "status 403"));
    assert!(seen.await.unwrap().contains("authorization: Bearer 1:secret"));
}

#[tokio::test]
async fn a_status_page_that_does_not_answer_is_no_outage() {
    let prober = prober(None, None);
    let feed = |address: SocketAddr| {
        let mut probe = Probe::new(Layer::Feed, &url(address), Role::Channel);
        probe.reads = Some(Reading::AppleStatus);
        probe
    };
    let closed = stand_ins::closed_port().await;
    let portal = stand_ins::http("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>").await;
    let endless = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n{").await;
    for address in [closed, portal, endless] {
        let ran = prober.run(&feed(address), Duration::from_secs(5)).await;
        assert!(ran.evidence.is_empty() && ran.failed.is_some(), "{ran:?}");
    }
    let page = stand_ins::http(concat!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        r#"{"services":[{"serviceName":"iMessage","events":[{"eventStatus":"ongoing","statusType":"Outage","message":"x"}]},"#,
        r#"{"serviceName":"Siri","events":[]}]}"#
    ))
    .await;
    let evidence = prober.run(&feed(page), Duration::from_secs(5)).await.evidence;
    assert_eq!(evidence[0].outcome, Outcome::failed(Fault::Reported, "Outage: x"));
    assert_eq!(evidence[1].target, format!("{} (Siri)", url(page)));
    assert!(matches!(evidence[1].outcome, Outcome::Answered { .. }));
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}
