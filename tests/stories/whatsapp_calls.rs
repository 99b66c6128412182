//! Calls that come by WhatsApp: to phones of the business they go, to the telephone network never (Meta's terms).

use crate::bench::Bench;
use crate::bench::secs;

const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\nroute \"+*\" trunk=\"reserva\"\n\
                    flow \"entrada\" { dial \"200\" }\n";
const OUTSIDE: &str = "+5521988887777";

/// Calls come by `operadora`, which leads to this network; calls out go over `reserva`, a carrier.
fn by(network: &str) -> Bench {
    let config = include_str!("../data/bench.toml").replace("max_calls = 30", &format!("network = \"{network}\""));
    let reserva = "[[trunk]]\nname = \"reserva\"\nhost = \"203.0.113.5\"\n";
    Bench::build(&format!("{config}\n{reserva}"), PLAN)
}

#[test]
fn a_whatsapp_call_is_answered_by_a_phone_and_transferred_to_no_telephone() {
    let mut pbx = by("whatsapp");
    let ana = pbx.registered("200");
    let customer = pbx.customer_calls();
    pbx.picks_up(ana);
    pbx.are_talking(customer, ana);
    pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{OUTSIDE}@desvio.test>"), &[], now));
    assert_eq!(pbx.told(ana).last(), Some(&503));
    assert!(!pbx.unclaimed.iter().any(|sent| sent.starts_with("INVITE")), "the carrier was called");
    pbx.advance(secs(1));
    pbx.are_talking(customer, ana);
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}

#[test]
fn a_call_of_the_telephone_network_or_of_our_own_is_transferred_there() {
    for network in ["telephone", "private"] {
        let mut pbx = by(network);
        let ana = pbx.registered("200");
        pbx.customer_calls();
        pbx.picks_up(ana);
        pbx.does(ana, |phone, now| phone.refers(&format!("<sip:{OUTSIDE}@desvio.test>"), &[], now));
        assert!(pbx.unclaimed.iter().any(|sent| sent.starts_with("INVITE")), "{network}: nobody was called");
    }
}
