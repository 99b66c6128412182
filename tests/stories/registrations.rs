//! Phones behind proxies, with several flows, by the name of one device, and all at once.

use std::net::SocketAddr;

use desvio::media::negotiation;
use desvio::media::negotiation::Local;
use desvio::sip::agent::Invitation;
use desvio::sip::digest::Credentials;
use desvio::sip::digest::Secret;
use desvio::sip::headers::Name;
use desvio::sip::message::Request;
use desvio::sip::method::Method;
use desvio::sip::name_addr::NameAddr;
use desvio::sip::uri::Uri;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

const UUID: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn credentials(number: &str) -> Option<Credentials> {
    Some(Credentials { username: number.to_owned(), secret: Secret::Password("segredo".to_owned()) })
}

impl Bench {
    /// A phone that registers with this Contact and these further headers; returns the status.
    fn registers_as(&mut self, phone: PhoneId, contact: &str, headers: &[(Name, &'static str)]) -> u16 {
        let now = self.now;
        let device = &mut self.phones[phone.0];
        let us = NameAddr::new(Uri::sip(Some(&device.name), "desvio.test", None)).to_string();
        let mut request = Request::new(Method::Register, Uri::sip(None, "desvio.test", None));
        request.headers.push(Name::From, us.clone());
        request.headers.push(Name::To, us);
        request.headers.push(Name::Contact, contact.to_owned());
        for (name, value) in headers {
            request.headers.push(name.clone(), *value);
        }
        let (hop, credentials) = (device.hop(), credentials(&device.name));
        device.agent.request(request, hop, credentials, now);
        self.settle();
        self.phones[phone.0].answers.pop_back().map(|(_, status)| status).expect("it was answered")
    }

    fn phone_at(&mut self, number: &str, address: &str) -> PhoneId {
        let address: SocketAddr = address.parse().expect("an address");
        self.add(number, address, Some("segredo"))
    }

    /// A flow of Ana's one device; each comes from another address, as over another network.
    fn flow(&mut self, number: u32) -> PhoneId {
        let phone = self.phone_at("200", &format!("10.0.7.{number}:5060"));
        let contact = format!("<sip:200@10.0.7.9:5060;ob>;+sip.instance=\"<{UUID}>\";reg-id={number}");
        let status = self.registers_as(phone, &contact, &[(Name::Supported, "outbound, path, gruu")]);
        assert_eq!(status, 200, "{}", self.trace);
        phone
    }

    fn calls_uri(&mut self, phone: PhoneId, target: &str) {
        let now = self.now;
        let device = &mut self.phones[phone.0];
        let target = Uri::parse(target).expect("a URI");
        let rtp = SocketAddr::new(device.address.ip(), 41_000);
        let local = Local::plain(rtp, vec![desvio::media::codec::CodecKind::Pcma]);
        let invitation = Invitation {
            to: NameAddr::new(target.clone()),
            target,
            from: NameAddr::new(Uri::sip(Some(&device.name), "desvio.test", None)),
            sdp: negotiation::offer(&local),
            credentials: credentials(&device.name),
            hop: device.hop(),
            alternatives: Vec::new(),
            headers: Vec::new(),
        };
        device.ended = None;
        device.session = Some(device.agent.invite(invitation, now));
        self.settle();
    }
}

#[test]
fn a_call_to_a_phone_behind_an_edge_proxy_names_the_proxy_and_goes_there() {
    let mut pbx = Bench::new();
    let edge = pbx.phone_at("200", "192.0.2.20:5060");
    let path = [(Name::Path, "<sip:edge@192.0.2.20;lr>"), (Name::Supported, "path")];
    assert_eq!(pbx.registers_as(edge, "<sip:200@10.7.7.7:5062>", &path), 200);
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "200");
    pbx.rings(edge);
    assert!(pbx.trace.contains("INVITE sip:200@10.7.7.7:5062 SIP/2.0 by <sip:edge@192.0.2.20;lr>"), "{}", pbx.trace);
    pbx.picks_up(edge);
    pbx.are_talking(bruno, edge);
    pbx.hangs_up(bruno);
    pbx.all_is_quiet();
}

#[test]
fn a_text_takes_the_same_way_through_the_proxy() {
    let mut pbx = Bench::new();
    let edge = pbx.phone_at("200", "192.0.2.20:5060");
    pbx.registers_as(edge, "<sip:200@10.7.7.7:5062>", &[(Name::Path, "<sip:edge@192.0.2.20;lr>")]);
    let bruno = pbx.registered("201");
    let now = pbx.now;
    pbx.phones[bruno.0].text("200", "oi", now);
    pbx.settle();
    pbx.advance(secs(1));
    assert_eq!(pbx.phones[edge.0].texts, ["oi"]);
    assert!(pbx.trace.contains("MESSAGE sip:200@10.7.7.7:5062 SIP/2.0 by <sip:edge@192.0.2.20;lr>"), "{}", pbx.trace);
}

#[test]
fn one_flow_of_a_device_is_rung_and_the_next_takes_over_when_it_fails() {
    let mut pbx = Bench::new();
    let (first, second) = (pbx.flow(1), pbx.flow(2));
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "200");
    pbx.rings(second);
    pbx.is_silent(first);
    pbx.declines(second, 430);
    pbx.rings(first);
    pbx.picks_up(first);
    pbx.are_talking(bruno, first);
    pbx.hangs_up(first);
    pbx.all_is_quiet();
}

#[test]
fn a_flow_that_is_silent_is_left_for_the_next_after_a_few_seconds() {
    let mut pbx = Bench::new();
    let first = pbx.flow(1);
    let second = pbx.flow(2);
    pbx.phones[second.0].address = "10.0.7.77:5060".parse().expect("an address");
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "200");
    pbx.is_silent(first);
    pbx.advance(secs(5));
    pbx.rings(first);
    pbx.picks_up(first);
    pbx.are_talking(bruno, first);
    pbx.hangs_up(first);
    pbx.all_is_quiet();
}

#[test]
fn a_device_that_says_busy_is_busy_on_every_flow() {
    let mut pbx = Bench::new();
    let (first, second) = (pbx.flow(1), pbx.flow(2));
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "200");
    pbx.declines(second, 486);
    pbx.is_silent(first);
    pbx.ended(bruno, "486");
    pbx.all_is_quiet();
}

#[test]
fn when_the_last_flow_has_failed_the_caller_hears_so_and_a_caller_who_hangs_up_in_between_leaves_nothing() {
    let mut pbx = Bench::new();
    let (first, second) = (pbx.flow(1), pbx.flow(2));
    let bruno = pbx.registered("201");
    pbx.calls(bruno, None, "200");
    pbx.declines(second, 430);
    pbx.declines(first, 430);
    pbx.ended(bruno, "480");
    pbx.calls(bruno, None, "200");
    pbx.declines(second, 430);
    pbx.rings(first);
    pbx.hangs_up(bruno);
    pbx.is_silent(first);
    pbx.all_is_quiet();
}

#[test]
fn the_name_of_a_device_rings_that_device_alone() {
    let mut pbx = Bench::new();
    let desk = pbx.registered("200");
    let device = pbx.flow(1);
    let bruno = pbx.registered("201");
    pbx.calls_uri(bruno, &format!("sip:200@desvio.test;gr={UUID}"));
    pbx.rings(device);
    pbx.is_silent(desk);
    pbx.declines(device, 486);
    pbx.ended(bruno, "486");
    pbx.calls_uri(bruno, "sip:200@desvio.test;gr=urn:uuid:0");
    pbx.ended(bruno, "480");
    pbx.calls_uri(bruno, "sip:tgruu.forged@desvio.test;gr");
    pbx.ended(bruno, "404");
    let carrier = pbx.trunk();
    pbx.calls_uri(carrier, &format!("sip:200@desvio.test;gr={UUID}"));
    pbx.ended(carrier, "404");
    pbx.all_is_quiet();
}

#[test]
fn when_the_power_comes_back_and_all_phones_with_it_some_come_later_and_none_is_lost() {
    let config = format!("{}\n[registrar]\nmax_per_second = 8\n", include_str!("../data/bench.toml"));
    let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
    let phones: Vec<PhoneId> = (1..=9).map(|host| pbx.phone_at("200", &format!("10.0.8.{host}:5060"))).collect();
    let now = pbx.now;
    for phone in &phones {
        pbx.phones[phone.0].register(3600, now);
    }
    pbx.settle();
    let status = |pbx: &Bench, phone: &PhoneId| pbx.phones[phone.0].answers.back().map(|(_, status)| *status);
    let later: Vec<PhoneId> = phones.iter().filter(|phone| status(&pbx, phone) == Some(503)).copied().collect();
    assert!((1..9).contains(&later.len()), "{} of 9 were sent away", later.len());
    assert_eq!(pbx.switch.gauges().registers_deferred, later.len() as u64);
    for phone in &later {
        pbx.advance(secs(5));
        pbx.registers(*phone);
    }
    let Ok(Answer::Registrations(registered)) = pbx.asks(Command::Registrations) else { panic!("no list") };
    assert_eq!(registered.len(), 9);
}
