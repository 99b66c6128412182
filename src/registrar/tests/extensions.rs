//! Path, flows, names of devices and push parameters: RFC 3327, RFC 5626, RFC 5627, RFC 8599.

use super::*;

const DEVICE: &str = "\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";
const INSTANCE: &str = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";
const EDGE: &str = "Path: <sip:edge@198.51.100.9;lr;ob>, <sip:192.0.2.77:5070;lr>\r\n";

fn flow(number: u32) -> String {
    format!(
        "Supported: outbound, path, gruu\r\n\
         Contact: <sip:200@10.0.0.5:5060;ob>;+sip.instance={DEVICE};reg-id={number}\r\n"
    )
}

impl Desk {
    fn device(&self, uri: &str) -> Option<Device> {
        self.registrar.device(&Uri::parse(uri).unwrap(), self.now)
    }

    fn gruus(&self, response: &Response) -> (String, String) {
        let contact = contacts(response).pop().unwrap();
        let part = |name: &str| {
            let (_, rest) = contact.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{contact}"));
            rest.split('"').next().unwrap().to_owned()
        };
        (part("pub-gruu"), part("temp-gruu"))
    }
}

fn here() -> Device {
    Device::Here { extension: "200".into(), instance: INSTANCE.into() }
}

#[test]
fn calls_go_back_through_the_proxies_that_the_register_came_by() {
    let mut desk = new_desk();
    let response = desk.register("a", 1, &format!("{ONE}{EDGE}Supported: path\r\n"));
    assert_eq!(response.headers.all(&Name::Path).count(), 1, "the phone learns of it");
    let binding = &desk.registrar.contacts("200", desk.now)[0];
    let routes: Vec<_> = binding.routes().collect();
    assert_eq!(routes[0], (Name::Route, Bytes::from_static(b"<sip:edge@198.51.100.9;lr;ob>")));
    assert_eq!(routes[1], (Name::Route, Bytes::from_static(b"<sip:192.0.2.77:5070;lr>")));
    assert_eq!(binding.uri.to_string(), "sip:200@10.0.0.5:5060");
    assert_eq!(
        binding.hop.remote,
        "198.51.100.9:5060".parse::<SocketAddr>().unwrap(),
        "where the nearest proxy listens"
    );
}

#[test]
fn a_path_is_kept_for_a_phone_that_knows_nothing_of_it_and_it_hears_nothing_of_it() {
    let mut desk = new_desk();
    let response = desk.register("a", 1, &format!("{ONE}Path: <sip:elsewhere.example;lr>\r\n"));
    assert_eq!((response.status, response.headers.contains(&Name::Path)), (200, false));
    let binding = &desk.registrar.contacts("200", desk.now)[0];
    assert_eq!((binding.path.len(), binding.hop), (1, desk.hop));
}

#[test]
fn a_path_that_cannot_be_a_route_is_refused() {
    let mut desk = new_desk();
    let long = format!("Path: {}\r\n", ["<sip:p.example;lr>"; 9].join(", "));
    for path in ["Path: <sip:strict.example>\r\n", "Path: <tel:123;lr>\r\n", "Path: <sip:;lr>\r\n", &long] {
        assert_eq!(desk.register("a", 1, &format!("{ONE}{path}")).status, 400, "{path}");
    }
    assert!(desk.registrar.is_empty() && desk.effects().is_empty());
}

#[test]
fn a_path_outlives_a_restart() {
    let mut desk = new_desk();
    desk.register("a", 1, &format!("{ONE}{EDGE}"));
    let Some(Effect::Keep(kept)) = desk.registrar.poll_effect() else { panic!("nothing kept") };
    let mut restarted = new_desk();
    restarted.registrar.restore(vec![*kept], restarted.now, restarted.wall());
    assert_eq!(restarted.registrar.contacts("200", restarted.now)[0].path.len(), 2);
}

#[test]
fn two_flows_of_one_device_are_one_phone_and_the_last_made_is_rung() {
    let mut desk = new_desk();
    let first = desk.register("a", 1, &flow(1));
    assert_eq!(first.headers.first(&Name::Require), Some("outbound"));
    assert_eq!(first.headers.first(&Name::FlowTimer), Some("120"));
    let other = Hop { remote: "198.51.100.9:40001".parse().unwrap(), ..desk.hop };
    let first_hop = std::mem::replace(&mut desk.hop, other);
    desk.register("b", 1, &flow(2));
    assert_eq!(desk.registrar.len(), 2, "the same Contact, and yet two bindings");
    let [phone] = &desk.registrar.contacts("200", desk.now)[..] else { panic!("one device") };
    assert_eq!((phone.hop, phone.spares.len(), phone.spares[0].hop), (other, 1, first_hop));
    desk.effects();
    desk.register("b", 2, &format!("{}Expires: 0\r\n", flow(2)));
    assert_eq!(desk.effects(), [format!("forget sip:200@10.0.0.5:5060;ob flow 2 of {INSTANCE}")]);
}

#[test]
fn a_flow_that_comes_again_takes_the_place_of_its_former_self() {
    let mut desk = new_desk();
    desk.hop.transport = Transport::Tcp;
    desk.hop.connection = Some(ConnectionId(1));
    desk.register("a", 1, &flow(1));
    desk.hop.connection = Some(ConnectionId(2));
    desk.register("a", 2, &flow(1));
    assert_eq!(desk.registrar.len(), 1);
    desk.registrar.connection_lost(ConnectionId(1), desk.now);
    assert_eq!(desk.registrar.contacts("200", desk.now)[0].hop.connection, Some(ConnectionId(2)));
    desk.registrar.connection_lost(ConnectionId(2), desk.now);
    assert!(desk.registrar.is_empty());
}

#[test]
fn a_phone_whose_first_flow_breaks_is_still_there_over_the_other() {
    let mut desk = new_desk();
    desk.hop.transport = Transport::Tcp;
    for number in [1, 2] {
        desk.hop.connection = Some(ConnectionId(u64::from(number)));
        desk.register(&format!("call{number}"), 1, &flow(number));
    }
    desk.effects();
    desk.registrar.connection_lost(ConnectionId(2), desk.now);
    let [phone] = &desk.registrar.contacts("200", desk.now)[..] else { panic!("one device") };
    assert_eq!((phone.hop.connection, phone.spares.len()), (Some(ConnectionId(1)), 0));
    assert!(desk.effects().is_empty(), "nobody hears that the extension is away");
}

#[test]
fn a_number_of_a_flow_says_nothing_without_a_device_or_from_who_does_not_speak_of_outbound() {
    let mut desk = new_desk();
    let nameless = desk.register("a", 1, "Supported: outbound\r\nContact: <sip:200@10.0.0.5:5060>;reg-id=1\r\n");
    assert_eq!((nameless.status, nameless.headers.contains(&Name::Require)), (200, false));
    let contact = format!("Contact: <sip:200@10.0.0.6:5060>;+sip.instance={DEVICE};reg-id=1\r\n");
    assert!(!desk.register("b", 1, &contact).headers.contains(&Name::FlowTimer));
}

#[test]
fn one_register_makes_one_flow() {
    let mut desk = new_desk();
    let second = format!("Contact: <sip:200@10.0.0.6>;+sip.instance={DEVICE};reg-id=2\r\n");
    assert_eq!(desk.register("a", 1, &format!("{}{second}", flow(1))).status, 400);
    let removed = second.replace("reg-id=2", "reg-id=2;expires=0");
    assert_eq!(desk.register("a", 2, &format!("{}{removed}", flow(1))).status, 200);
}

#[test]
fn a_proxy_that_keeps_no_flows_is_named_to_the_phone() {
    let mut desk = new_desk();
    let proxy = "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKphone\r\n";
    let refused = desk.register("a", 1, &format!("{}{proxy}Path: <sip:198.51.100.9;lr>\r\n", flow(1)));
    assert_eq!((refused.status, &refused.reason[..]), (439, &b"First Hop Lacks Outbound Support"[..]));
    let keeps = "Path: <sip:198.51.100.9;lr>, <sip:edge.example;lr;ob>\r\n";
    assert_eq!(desk.register("a", 2, &format!("{}{proxy}{keeps}", flow(1))).status, 200);
}

#[test]
fn a_device_gets_a_name_for_everybody_and_one_that_tells_nothing() {
    let mut desk = new_desk();
    let response = desk.register("a", 1, &flow(1));
    let (public, temporary) = desk.gruus(&response);
    assert_eq!(public, "sip:200@desvio.local;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    assert!(temporary.starts_with("sip:tgruu.") && temporary.ends_with("@desvio.local;gr"), "{temporary}");
    assert!(!temporary.contains("200"));
    assert_eq!((desk.device(&public), desk.device(&temporary)), (Some(here()), Some(here())));
    assert_eq!(desk.device("sip:200@desvio.local"), None);
    assert_eq!(desk.registrar.contacts_of("200", INSTANCE, desk.now).len(), 1);
    assert!(desk.registrar.contacts_of("200", "<urn:uuid:0>", desk.now).is_empty());
}

#[test]
fn each_registration_has_another_temporary_name_and_all_of_one_call_id_hold() {
    let mut desk = new_desk();
    let (_, first) = {
        let response = desk.register("a", 1, &flow(1));
        desk.gruus(&response)
    };
    let (_, second) = {
        let response = desk.register("a", 2, &flow(1));
        desk.gruus(&response)
    };
    assert_ne!(first, second);
    assert_eq!((desk.device(&first), desk.device(&second)), (Some(here()), Some(here())));
    desk.register("after-a-restart-of-the-phone", 1, &flow(1));
    assert_eq!((desk.device(&first), desk.device(&second)), (Some(Device::Away), Some(Device::Away)));
}

#[test]
fn names_that_are_not_ours_lead_nowhere_and_those_of_absent_phones_say_so() {
    let mut desk = new_desk();
    let response = desk.register("a", 1, &flow(1));
    let (public, temporary) = desk.gruus(&response);
    let forged = temporary.replacen("tgruu.", "tgruu.A", 1);
    let changed = temporary.replacen("@", "A@", 1);
    for stranger in [&forged, &changed, "sip:tgruu.@desvio.local;gr"] {
        assert_eq!(desk.device(stranger), Some(Device::Unknown), "{stranger}");
    }
    for none in ["sip:999@desvio.local;gr=urn:uuid:1", "sip:200@desvio.local;gr", "sip:desvio.local;gr"] {
        assert_eq!(desk.device(none), None, "{none}");
    }
    desk.advance(3600);
    assert_eq!((desk.device(&public), desk.device(&temporary)), (Some(Device::Away), Some(Device::Away)));
    let mut other_run = new_desk();
    other_run.registrar =
        Registrar::new(&Config::default(), &[], "desvio.local", &[9; 32], fastrand::Rng::with_seed(1));
    assert_eq!(other_run.device(&temporary), Some(Device::Unknown));
}

#[test]
fn nobody_gets_a_name_who_does_not_ask_or_has_none_of_its_own() {
    let mut desk = new_desk();
    let quiet = format!("Contact: <sip:200@10.0.0.5:5060>;+sip.instance={DEVICE}\r\n");
    assert!(!contacts(&desk.register("a", 1, &quiet))[0].contains("gruu"));
    assert!(!contacts(&desk.register("b", 1, &format!("{ONE}Supported: gruu\r\n")))[0].contains("gruu"));
    let odd = "Supported: gruu\r\nContact: <sip:200@10.0.0.6>;+sip.instance=\"<urn:x:a b?>\"\r\n";
    assert!(!contacts(&desk.register("c", 1, odd)).concat().contains("urn:x:a b?;gr"));
}

#[test]
fn a_phone_that_sleeps_says_how_it_wants_to_be_woken() {
    let mut desk = new_desk();
    let contact = "Contact: <sip:200@10.0.0.5;pn-provider=fcm;pn-prid=abc:def;pn-param=project>\r\n";
    assert_eq!(desk.register("a", 1, contact).status, 200);
    let push = desk.registrar.view(desk.now, desk.wall())[0].push.clone();
    assert_eq!(
        push,
        Some(Push { provider: "fcm".into(), prid: Some("abc:def".into()), param: Some("project".into()) })
    );
    assert!(desk.registrar.contacts("200", desk.now)[0].uri.to_string().contains("pn-prid=abc:def"));
}

#[test]
fn a_push_service_that_is_not_listed_is_refused_where_some_are() {
    let mut desk = new_desk();
    desk.registrar.config.push_providers = vec!["apns".into()];
    let contact = |provider: &str| format!("Contact: <sip:200@10.0.0.5;{provider};pn-prid=x>\r\n");
    assert_eq!(desk.register("a", 1, &contact("pn-provider=fcm")).status, 555);
    assert_eq!(desk.register("a", 2, &contact("pn-provider")).status, 555);
    assert_eq!(desk.register("a", 3, &contact("pn-provider=APNS")).status, 200);
    assert_eq!(desk.register("b", 1, TWO).status, 200);
}
