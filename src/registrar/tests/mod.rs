//! Phones come, refresh, move and go.

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;

use super::*;
use crate::registrar::config::Percent;
use crate::sip::hop::Transport;
use crate::sip::message::Message;
use crate::sip::uri::Uri;

mod crowds;
mod extensions;

/// A registrar with two extensions, a clock, and one phone's address.
struct Desk {
    registrar: Registrar,
    start: Instant,
    now: Instant,
    hop: Hop,
    /// What the challenge was marked with.
    mark: Mark,
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
pub(super) fn start() -> Instant {
    Instant::now()
}

fn new_desk() -> Desk {
    let extension = |number: &str| Extension { number: number.to_owned(), ..Extension::default() };
    let config = Config { max_contacts: 2, jitter: Percent(0), ..Config::default() };
    let start = start();
    Desk {
        registrar: Registrar::new(
            &config,
            &[extension("200"), extension("201")],
            "desvio.local",
            &[1; 32],
            fastrand::Rng::with_seed(1),
        ),
        start,
        now: start,
        hop: Hop {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.9:40000".parse().unwrap(),
            connection: None,
        },
        mark: Mark::default(),
    }
}

/// From a phone that believes to be at 10.0.0.5.
fn request(call_id: &str, cseq: u32, headers: &str) -> Request {
    let text = format!(
        "REGISTER sip:desvio.local SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK{cseq};rport\r\n\
         From: <sip:200@desvio.local>;tag=1\r\nTo: <sip:200@desvio.local>\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} REGISTER\r\nUser-Agent: Phone/1\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(request)) = Message::parse(Bytes::from(text)) else { panic!("malformed") };
    request
}

impl Desk {
    fn wall(&self) -> Timestamp {
        let origin: Timestamp = "2026-11-23T12:39:00Z".parse().unwrap();
        origin + (self.now - self.start)
    }

    fn advance(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.registrar.handle_timeout(self.now);
    }

    /// Registers over the desk's hop.
    fn register(&mut self, call_id: &str, cseq: u32, headers: &str) -> Response {
        let request = request(call_id, cseq, headers);
        self.registrar.register("200", &request, &self.hop, self.mark, self.now, self.wall())
    }

    fn effects(&mut self) -> Vec<String> {
        let effects = std::iter::from_fn(|| self.registrar.poll_effect());
        let told = |effect| match effect {
            Effect::Reachable { extension } => format!("reachable {extension}"),
            Effect::Unreachable { extension } => format!("unreachable {extension}"),
            Effect::Keep(kept) => format!("keep {}", kept.contact),
            Effect::Forget { contact, .. } => format!("forget {contact}"),
            Effect::Rewritten { evidence, .. } => format!("rewritten {}", evidence.join("; ")),
        };
        effects.map(told).collect()
    }
}

fn contacts(response: &Response) -> Vec<String> {
    response.headers.list(&Name::Contact).map(str::to_owned).collect()
}

const ONE: &str = "Contact: <sip:200@10.0.0.5:5060>\r\n";
const TWO: &str = "Contact: <sip:200@10.0.0.6:5060>;q=0.5\r\n";
const THREE: &str = "Contact: <sip:200@10.0.0.7:5060>\r\n";

#[test]
fn a_phone_behind_nat_is_reached_over_the_hop_it_came_by_under_the_name_it_gave() {
    let mut desk = new_desk();
    let response = desk.register("a", 1, &format!("{ONE}Expires: 600\r\n"));
    assert_eq!(response.status, 200);
    assert_eq!(contacts(&response), ["<sip:200@10.0.0.5:5060>;expires=600"]);
    assert_eq!(response.headers.first(&Name::Date), Some("Mon, 23 Nov 2026 12:39:00 GMT"));
    let binding = &desk.registrar.contacts("200", desk.now)[0];
    assert_eq!(binding.uri.to_string(), "sip:200@10.0.0.5:5060");
    assert_eq!(binding.hop, desk.hop);
    assert_eq!(binding.user_agent.as_deref(), Some("Phone/1"));
    assert_eq!(desk.effects(), ["keep sip:200@10.0.0.5:5060", "reachable 200"]);
}

#[test]
fn a_phone_without_nat_is_reached_where_its_contact_says() {
    let mut desk = new_desk();
    desk.hop.remote = "10.0.0.5:33000".parse().unwrap();
    desk.register("a", 1, ONE);
    assert_eq!(desk.registrar.contacts("200", desk.now)[0].hop.remote, "10.0.0.5:5060".parse::<SocketAddr>().unwrap());
}

#[test]
fn it_lasts_as_long_as_asked_within_the_limits() {
    let mut desk = new_desk();
    let brief = desk.register("a", 1, &format!("{ONE}Expires: 30\r\n"));
    assert_eq!((brief.status, brief.headers.first(&Name::MinExpires)), (423, Some("60")));
    assert!(desk.effects().is_empty());
    let long = desk.register("a", 2, "Contact: <sip:200@10.0.0.5:5060>;expires=999999\r\n");
    assert_eq!(contacts(&long), ["<sip:200@10.0.0.5:5060>;expires=3600"]);
    let unsaid = desk.register("a", 3, ONE);
    assert_eq!(contacts(&unsaid), ["<sip:200@10.0.0.5:5060>;expires=3600"]);
}

#[test]
fn a_refreshed_binding_lives_on_and_a_forgotten_one_dies_on_time() {
    let mut desk = new_desk();
    desk.register("a", 1, &format!("{ONE}Expires: 60\r\n"));
    desk.advance(50);
    desk.register("a", 2, &format!("{ONE}Expires: 60\r\n"));
    desk.effects();
    desk.advance(59);
    assert_eq!(desk.registrar.len(), 1);
    assert!(desk.effects().is_empty());
    desk.advance(1);
    assert!(desk.registrar.is_empty() && !desk.registrar.is_reachable("200"));
    assert_eq!(desk.effects(), ["forget sip:200@10.0.0.5:5060", "unreachable 200"]);
    assert_eq!(desk.registrar.poll_timeout(), None);
}

#[test]
fn a_shorter_life_is_noticed_in_time() {
    let mut desk = new_desk();
    desk.register("a", 1, &format!("{ONE}Expires: 3600\r\n"));
    desk.register("a", 2, &format!("{ONE}Expires: 60\r\n"));
    desk.advance(60);
    assert!(desk.registrar.is_empty());
}

#[test]
fn several_phones_come_in_order_of_preference_up_to_the_limit() {
    let mut desk = new_desk();
    desk.register("b", 1, TWO);
    let both = desk.register("a", 1, ONE);
    assert_eq!(
        contacts(&both),
        ["<sip:200@10.0.0.6:5060>;expires=3600;q=0.500", "<sip:200@10.0.0.5:5060>;expires=3600"]
    );
    let hosts =
        desk.registrar.contacts("200", desk.now).into_iter().map(|binding| binding.uri.host_text().into_owned());
    assert_eq!(hosts.collect::<Vec<_>>(), ["10.0.0.5", "10.0.0.6"]);
    assert_eq!(desk.register("c", 1, THREE).status, 403);
    assert_eq!(desk.register("a", 2, ONE).status, 200);
    assert_eq!(desk.registrar.len(), 2);
}

#[test]
fn a_phone_that_starts_again_under_another_name_replaces_itself() {
    let mut desk = new_desk();
    desk.register("a", 1, "Contact: <sip:200-0xaa@10.0.0.5:5060>\r\n");
    desk.register("b", 1, "Contact: <sip:200-0xbb@10.0.0.5:5060>\r\n");
    assert_eq!(desk.registrar.len(), 1);
    desk.register("c", 1, "Contact: <sip:200@10.0.0.8:5060>;+sip.instance=\"<urn:uuid:1>\"\r\n");
    desk.register("d", 1, "Contact: <sip:200@10.0.0.9:5060>;+sip.instance=\"<urn:uuid:1>\"\r\n");
    let names: Vec<String> =
        desk.registrar.contacts("200", desk.now).iter().map(|binding| binding.uri.to_string()).collect();
    assert_eq!(names, ["sip:200@10.0.0.9:5060", "sip:200-0xbb@10.0.0.5:5060"]);
}

#[test]
fn within_a_call_id_only_a_higher_number_counts() {
    let mut desk = new_desk();
    desk.register("a", 7, ONE);
    assert_eq!(desk.register("a", 7, &format!("{ONE}Expires: 0\r\n")).status, 500);
    assert_eq!(desk.register("a", 6, "Contact: *\r\nExpires: 0\r\n").status, 500);
    assert_eq!(desk.registrar.len(), 1);
    assert_eq!(desk.register("restarted", 1, ONE).status, 200);
}

#[test]
fn one_or_all_are_removed_and_a_query_changes_nothing() {
    let mut desk = new_desk();
    desk.register("a", 1, ONE);
    desk.register("b", 1, TWO);
    assert_eq!(contacts(&desk.register("q", 1, "")).len(), 2);
    let left = desk.register("a", 2, "Contact: <sip:200@10.0.0.5:5060>;expires=0\r\n");
    assert_eq!(contacts(&left), ["<sip:200@10.0.0.6:5060>;expires=3600;q=0.500"]);
    assert_eq!(desk.register("a", 3, "Contact: *\r\n").status, 400);
    assert_eq!(desk.register("a", 3, &format!("Contact: *\r\n{ONE}Expires: 0\r\n")).status, 400);
    desk.effects();
    assert!(contacts(&desk.register("a", 4, "Contact: *\r\nExpires: 0\r\n")).is_empty());
    assert_eq!(desk.effects(), ["forget sip:200@10.0.0.6:5060", "unreachable 200"]);
}

#[test]
fn all_contacts_of_a_message_count_or_none() {
    let mut desk = new_desk();
    let mixed = desk.register("a", 1, &format!("{ONE}Contact: <sip:200@10.0.0.6:5060>;expires=5\r\n"));
    assert_eq!(mixed.status, 423);
    assert_eq!(desk.register("a", 2, &format!("{ONE}Contact: <mailto:ana@example.com>\r\n")).status, 400);
    assert!(desk.registrar.is_empty());
}

#[test]
fn with_its_connection_a_phone_is_lost() {
    let mut desk = new_desk();
    desk.hop.transport = Transport::Tcp;
    desk.hop.connection = Some(ConnectionId(7));
    desk.register("a", 1, ONE);
    desk.hop.connection = Some(ConnectionId(8));
    desk.register("a", 2, ONE);
    desk.registrar.connection_lost(ConnectionId(7), desk.now);
    assert!(desk.registrar.is_reachable("200"));
    desk.effects();
    desk.registrar.connection_lost(ConnectionId(8), desk.now);
    assert_eq!(desk.effects(), ["unreachable 200"]);
    assert!(desk.registrar.table.connections() == 0);
}

fn stored(transport: &str, extension: &str, contact: &str, like: &StoredBinding) -> StoredBinding {
    StoredBinding {
        transport: transport.into(),
        extension: extension.into(),
        key: String::new(),
        contact: contact.into(),
        ..like.clone()
    }
}

#[test]
fn the_name_under_which_a_phone_knows_us_outlives_a_restart() {
    let mut desk = new_desk();
    let mut request = request("a", 1, ONE);
    request.uri = Uri::sip(None, "PBX.example.com", None);
    desk.registrar.register("200", &request, &desk.hop, desk.mark, desk.now, desk.wall());
    assert!(desk.registrar.is_known_as("pbx.example.com"));
    let Some(Effect::Keep(kept)) = desk.registrar.poll_effect() else { panic!("nothing kept") };
    let mut restarted = new_desk();
    assert!(!restarted.registrar.is_known_as("pbx.example.com"));
    restarted.registrar.restore(vec![*kept], restarted.now, restarted.wall());
    assert!(restarted.registrar.is_known_as("pbx.example.com"));
}

#[test]
fn an_earlier_version_kept_the_flow_behind_the_instance() {
    let mut desk = new_desk();
    desk.register("a", 1, ONE);
    let Some(Effect::Keep(kept)) = desk.registrar.poll_effect() else { panic!("nothing kept") };
    let mut restarted = new_desk();
    let old = StoredBinding { instance: Some("<urn:uuid:1>2".into()), ..*kept };
    restarted.registrar.restore(vec![old], restarted.now, restarted.wall());
    let view = &restarted.registrar.view(restarted.now, restarted.wall())[0];
    assert_eq!((view.instance.as_deref(), view.flow), (Some("<urn:uuid:1>"), Some(2)));
    assert_eq!(view.user_agent.as_deref(), Some("Phone/1"));
}

#[test]
fn what_a_restart_ends_is_not_on_the_disk() {
    let mut desk = new_desk();
    desk.register("a", 1, ONE);
    assert_eq!(desk.effects(), ["keep sip:200@10.0.0.5:5060", "reachable 200"]);
    desk.hop.transport = Transport::Tls;
    desk.hop.connection = Some(ConnectionId(7));
    desk.register("a", 2, ONE);
    assert_eq!(desk.effects(), ["forget sip:200@10.0.0.5:5060"], "it changed to TLS");
    desk.register("a", 3, ONE);
    assert!(desk.effects().is_empty());
}

#[test]
fn the_same_contact_in_other_words_does_not_stand_on_disk_twice() {
    let mut desk = new_desk();
    desk.register("a", 1, "Contact: <sip:200@Phone.example>\r\n");
    desk.effects();
    desk.register("a", 2, "Contact: <sip:200@phone.EXAMPLE>\r\n");
    assert_eq!(desk.effects(), ["keep sip:200@phone.EXAMPLE", "forget sip:200@Phone.example"]);
    assert_eq!(desk.registrar.len(), 1);
}

#[test]
fn after_a_restart_phones_over_udp_are_there_again() {
    let mut desk = new_desk();
    desk.register("a", 1, &format!("{ONE}Expires: 600\r\n"));
    let Some(Effect::Keep(kept)) = desk.registrar.poll_effect() else { panic!("nothing kept") };
    let text = serde_json::to_string(&kept).unwrap();
    let kept: StoredBinding = serde_json::from_str(&text).unwrap();
    let stream = stored("tcp", "200", "sip:200@10.0.0.6", &kept);
    let stranger = stored("udp", "999", "sip:999@10.0.0.7", &kept);

    desk.advance(100);
    let wall = desk.wall();
    let mut restarted = new_desk();
    restarted.registrar.restore(vec![kept, stream, stranger], desk.now, wall);
    restarted.now = desk.now;
    assert_eq!(restarted.effects(), ["reachable 200", "forget sip:200@10.0.0.6", "forget sip:999@10.0.0.7"]);
    let binding = &restarted.registrar.contacts("200", desk.now)[0];
    assert_eq!(binding.expires_at, desk.now + Duration::from_secs(500));
    assert_eq!(binding.hop, desk.hop);
    assert_eq!(restarted.registrar.view(desk.now, wall)[0].expires, wall + Duration::from_secs(500));
    assert_eq!(restarted.register("a", 1, ONE).status, 500, "the order rule outlives the restart");
}
