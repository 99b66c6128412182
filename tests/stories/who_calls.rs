//! Who calls: what carriers tell us, what phones see, what the next carrier is told, in which numbers, and who sends a
//! call on to whom.

use bytes::Bytes;
use desvio::sip::headers::Name;
use desvio::sip::message::Request;
use desvio::sip::method::Method;
use desvio::switch::effect::PublicEvent;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CARRIER;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;

const SECOND: &str = "203.0.113.5:5060";

const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\nnumber \"+551140035555\" flow=\"fora\"\n\
                    route \"190\" trunk=\"operadora\"\nroute \"+*\" trunk=\"operadora\"\nroute \"+351*\" trunk=\"reserva\"\n\
                    flow \"entrada\" { dial \"200\" ring-for=\"20s\" }\nflow \"fora\" { dial \"+351912345678\" }\n";

/// The bench with further keys of the carrier's table, of a second carrier, and of `[registrar]`.
fn bench(first: &str, second: &str, registrar: &str) -> Bench {
    let config = include_str!("../data/bench.toml")
        .replace("max_calls = 30\n", &format!("{first}\n"))
        .replace("[media]\n", &format!("[registrar]\n{registrar}\n[media]\n"));
    let second = format!("[[trunk]]\nname = \"reserva\"\nhost = \"203.0.113.5\"\n{second}\n");
    Bench::build(&format!("{config}\n{second}"), PLAN)
}

fn second(pbx: &mut Bench) -> PhoneId {
    pbx.add("reserva", SECOND.parse().expect("an address"), None)
}

fn says(pbx: &mut Bench, phone: PhoneId, headers: &[(Name, &'static str)]) {
    pbx.phones[phone.0].headers =
        headers.iter().map(|(name, value)| (name.clone(), Bytes::from_static(value.as_bytes()))).collect();
}

fn invite(pbx: &Bench, phone: PhoneId) -> &Request {
    pbx.phones[phone.0].last(&Method::Invite)
}

fn from(invite: &Request) -> String {
    let mut from = invite.headers.from_header().expect("a From");
    from.params.remove("tag");
    from.to_string()
}

fn first<'r>(invite: &'r Request, name: &Name) -> &'r str {
    invite.headers.first(name).unwrap_or_default()
}

#[test]
fn a_phone_sees_the_number_and_name_that_the_network_asserts() {
    let mut pbx = bench("", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    says(&mut pbx, carrier, &[(Name::PAssertedIdentity, "\"Padaria\" <sip:1131234567@sip.example>")]);
    pbx.calls(carrier, Some("5511999998888"), BUSINESS);
    assert_eq!(from(invite(&pbx, ana)), "\"Padaria\" <sip:+551131234567@desvio.test>");
    assert!(!invite(&pbx, ana).headers.contains(&Name::PAssertedIdentity));
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().from, "+551131234567");
}

#[test]
fn a_number_is_the_same_in_whatever_form_a_carrier_writes_it() {
    for written in ["011999998888", "01511999998888", "+5511999998888", "1199998888", "+5511999998888;npdi;rn=+551170"]
    {
        let mut pbx = bench("number_format = \"national\"\noperator_code = \"15\"\narea_code = \"11\"", "", "");
        let ana = pbx.registered("200");
        let carrier = pbx.trunk();
        pbx.calls(carrier, Some(written), "01140031234");
        pbx.rings(ana);
        pbx.hangs_up(carrier);
        pbx.all_is_quiet();
        assert_eq!(pbx.only_record().from, CUSTOMER, "{written}");
    }
}

#[test]
fn who_withholds_the_number_is_anonymous_on_phones_in_records_and_in_events() {
    let mut pbx = bench("", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    says(&mut pbx, carrier, &[(Name::PAssertedIdentity, "<sip:+5511999998888@x>"), (Name::Privacy, "id")]);
    pbx.calls(carrier, Some("anonymous"), BUSINESS);
    let heard = invite(&pbx, ana);
    assert_eq!(from(heard), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!(first(heard, &Name::Privacy), "id");
    assert!(!String::from_utf8_lossy(&heard.write()).contains("999998888"), "nothing tells the number");
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().from, "anonymous");
    let told = |event: &PublicEvent| serde_json::to_string(&event.data).expect("an event is JSON");
    assert!(pbx.events.iter().all(|event| !told(event).contains("999998888")));
}

#[test]
fn a_call_that_is_sent_on_keeps_its_caller_and_tells_who_sent_it() {
    let mut pbx = bench("", "number_format = \"e164-without-plus\"", "");
    let carrier = pbx.trunk();
    let second = second(&mut pbx);
    says(&mut pbx, carrier, &[(Name::Diversion, "<sip:+551130001111@x>;reason=user-busy")]);
    pbx.calls(carrier, Some(CUSTOMER), "+551140035555");
    let heard = invite(&pbx, second);
    assert_eq!(heard.uri.to_string(), "sip:351912345678@203.0.113.5");
    assert_eq!(from(heard), "<sip:5511999998888@203.0.113.5>");
    assert_eq!(first(heard, &Name::PAssertedIdentity), "<sip:5511999998888@203.0.113.5>");
    let diversions: Vec<&str> = heard.headers.all(&Name::Diversion).collect();
    assert_eq!(
        diversions,
        ["<sip:551140035555@203.0.113.5>;reason=unconditional", "<sip:551130001111@203.0.113.5>;reason=user-busy"]
    );
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().diverted_from.as_deref(), Some("+551130001111"));
}

#[test]
fn a_wish_for_privacy_goes_on_with_the_call_and_the_number_only_where_it_is_trusted() {
    let mut pbx = bench("", "", "");
    let carrier = pbx.trunk();
    let second = second(&mut pbx);
    says(&mut pbx, carrier, &[(Name::PAssertedIdentity, "<sip:+5511999998888@x>"), (Name::Privacy, "id")]);
    pbx.calls(carrier, Some("anonymous"), "+551140035555");
    let heard = invite(&pbx, second);
    assert_eq!(from(heard), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!(first(heard, &Name::PAssertedIdentity), "<sip:+5511999998888@203.0.113.5>");
    assert_eq!(first(heard, &Name::Privacy), "id");
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_that_takes_no_foreign_numbers_gets_its_own() {
    let keys = "caller_id = \"+551140039999\"\ncaller_id_pass = false\ndiversion = false\nidentity = \"none\"";
    let mut pbx = bench("", keys, "");
    let carrier = pbx.trunk();
    let second = second(&mut pbx);
    pbx.calls(carrier, Some(CUSTOMER), "+551140035555");
    let heard = invite(&pbx, second);
    assert_eq!(from(heard), "<sip:+551140039999@203.0.113.5>");
    assert!(!heard.headers.contains(&Name::Diversion) && !heard.headers.contains(&Name::PAssertedIdentity));
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
}

#[test]
fn what_a_phone_asserts_is_not_passed_on() {
    let mut pbx = bench("caller_id = \"+551140039999\"", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    says(&mut pbx, ana, &[(Name::PAssertedIdentity, "<sip:+5511900000000@x>"), (Name::Diversion, "<sip:1@x>")]);
    pbx.calls(ana, None, "+5521988887777");
    let heard = invite(&pbx, carrier);
    assert_eq!(first(heard, &Name::PAssertedIdentity), "<sip:+551140039999@198.51.100.9>");
    assert_eq!(from(heard), "<sip:+551140039999@198.51.100.9>");
    assert!(!heard.headers.contains(&Name::Diversion));
    pbx.declines(carrier, 486);
    pbx.all_is_quiet();
}

#[test]
fn a_phone_may_hide_its_number_and_still_signs_in() {
    let mut pbx = bench("caller_id = \"+551140039999\"", "", "");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    let carrier = pbx.trunk();
    pbx.calls(ana, Some("anonymous"), "201");
    assert_eq!(from(invite(&pbx, bruno)), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    pbx.declines(bruno, 486);
    says(&mut pbx, ana, &[(Name::Privacy, "id")]);
    pbx.calls(ana, None, "+5521988887777");
    let heard = invite(&pbx, carrier);
    assert_eq!(from(heard), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    assert_eq!(first(heard, &Name::PAssertedIdentity), "<sip:+551140039999@198.51.100.9>");
    pbx.declines(carrier, 486);
    pbx.all_is_quiet();
    assert_eq!(pbx.store.records[0].from, "200", "the house knows its own people");
}

#[test]
fn numbers_go_out_in_the_carrier_s_form_and_emergency_numbers_as_they_are() {
    let mut pbx = bench("number_format = \"brazil\"\noperator_code = \"21\"\narea_code = \"11\"", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    let dialled = [
        ("+551131234567", "31234567"),
        ("+5521988887777", "02121988887777"),
        ("+442079460018", "0021442079460018"),
        ("0800 123 4567", "08001234567"),
        ("190", "190"),
    ];
    for (number, written) in dialled {
        pbx.calls(ana, None, &number.replace(' ', ""));
        assert_eq!(invite(&pbx, carrier).uri.user(), Some(written), "{number}");
        pbx.declines(carrier, 486);
    }
    pbx.all_is_quiet();
    assert_eq!(pbx.store.records[0].to, "+551131234567");
}

#[test]
fn a_trunk_gets_its_own_headers_and_codecs() {
    let mut pbx = bench("headers = { X-Account = \"4711\" }\ncodecs = [\"pcmu\"]", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    pbx.calls(ana, None, "+5521988887777");
    let heard = invite(&pbx, carrier);
    assert_eq!(first(heard, &Name::from_text("X-Account").expect("a name")), "4711");
    let sdp = String::from_utf8_lossy(&heard.body).into_owned();
    assert!(sdp.contains("PCMU/8000") && !sdp.contains("PCMA/8000"), "{sdp}");
    pbx.declines(carrier, 486);
    pbx.all_is_quiet();
}

#[test]
fn a_phone_that_sends_its_calls_on_is_followed_where_that_is_allowed() {
    for (key, rings) in [("", false), ("follow_redirects = true", true)] {
        let mut pbx = bench("", "", key);
        let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
        pbx.phones[ana.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:201@desvio.test>")]);
        let carrier = pbx.trunk();
        pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
        assert_eq!(pbx.phones[bruno.0].ringing.is_some(), rings, "{}", pbx.trace);
        if rings {
            pbx.picks_up(bruno);
            pbx.are_talking(carrier, bruno);
            pbx.hangs_up(carrier);
        }
        pbx.all_is_quiet();
    }
}

#[test]
fn a_phone_that_sends_its_calls_outside_is_named_to_the_carrier_by_our_number() {
    let mut pbx = bench("caller_id = \"+551140039999\"", "caller_id = \"+551140038888\"", "follow_redirects = true");
    let ana = pbx.registered("200");
    let (carrier, second) = (pbx.trunk(), second(&mut pbx));
    pbx.phones[ana.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:+351912345678@desvio.test>")]);
    pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
    let heard = invite(&pbx, second);
    let diversions: Vec<&str> = heard.headers.all(&Name::Diversion).collect();
    assert_eq!(
        diversions,
        ["<sip:+551140038888@203.0.113.5>;reason=deflection", "<sip:+551140031234@203.0.113.5>;reason=unconditional"]
    );
    pbx.picks_up(second);
    pbx.are_talking(carrier, second);
    pbx.hangs_up(second);
    pbx.all_is_quiet();
}

#[test]
fn phones_that_send_to_each_other_end_in_a_refusal() {
    let mut pbx = bench("", "", "follow_redirects = true");
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    for _ in 0..20 {
        pbx.phones[ana.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:201@desvio.test>")]);
        pbx.phones[bruno.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:200@desvio.test>")]);
    }
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
    pbx.all_is_quiet();
    assert!(pbx.phones[carrier.0].ended.is_some());
    assert_eq!(pbx.phones[ana.0].script.len() + pbx.phones[bruno.0].script.len(), 40 - 6);
}

#[test]
fn a_phone_cannot_send_calls_where_no_route_leads() {
    let mut pbx = bench("", "", "follow_redirects = true");
    let ana = pbx.registered("200");
    pbx.phones[ana.0].will_answer(Method::Invite, 302, &[(Name::Contact, "<sip:mallory@203.0.113.66>")]);
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some(CUSTOMER), BUSINESS);
    assert!(!pbx.trace.contains("203.0.113.66"), "{}", pbx.trace);
    pbx.all_is_quiet();
}

#[test]
fn a_carrier_may_send_a_call_on_within_its_own_house() {
    let mut pbx = bench("follow_redirects = true", "", "");
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    let contact = format!("<sip:ported-4711@{CARRIER}>");
    pbx.phones[carrier.0].will_answer(Method::Invite, 302, &[(Name::Contact, &contact)]);
    pbx.calls(ana, None, "+5521988887777");
    pbx.rings(carrier);
    assert_eq!(invite(&pbx, carrier).uri.user(), Some("ported-4711"));
    pbx.picks_up(carrier);
    pbx.are_talking(ana, carrier);
    pbx.advance(secs(3));
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}
