//! Gateways that ask us for the offer: what they want is told by the answer in their ACK. RFC 3261 §14, RFC 3264 §8.4.

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::codes::CONTACT;
use crate::codes::SDP;
use crate::codes::answer;
use crate::codes::answers;
use crate::codes::inside;
use crate::codes::request;

const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"
flow \"entrada\" { dial \"200\" }
";

/// A gateway talks to Ana; the third is the 200 that it got.
fn talking() -> (Bench, PhoneId, String) {
    let mut pbx = Bench::with_dialplan(PLAN);
    let ana = pbx.registered("200");
    let typed = format!("{CONTACT}Content-Type: application/sdp\r\n");
    answers(&mut pbx, &request("INVITE", &typed, SDP));
    pbx.picks_up(ana);
    let accepted = pbx.unclaimed.drain(..).find(|sent| sent.starts_with("SIP/2.0 200 ")).expect("a 200");
    answers(&mut pbx, &inside(&accepted, "ACK", 1, ""));
    (pbx, ana, accepted)
}

/// Where the gateway says which way it wants to hear.
#[derive(Debug, Clone, Copy)]
enum Way {
    InTheInvite,
    InTheAck,
}

fn turns(pbx: &mut Bench, accepted: &str, number: u32, way: Way, direction: &str) {
    let sdp = format!("{}a={direction}\r\n", SDP.replace("o=- 1 1", &format!("o=- 1 {number}")));
    let (offer, late) = match way {
        Way::InTheInvite => (sdp.as_str(), ""),
        Way::InTheAck => ("", sdp.as_str()),
    };
    let agreed = answer(pbx, &inside(accepted, "INVITE", number, offer));
    assert!(agreed.starts_with("SIP/2.0 200 ") && agreed.contains("m=audio "), "{agreed}");
    answers(pbx, &inside(accepted, "ACK", number, late));
}

#[test]
fn hold_and_its_end_are_understood_whoever_makes_the_offer() {
    use Way::InTheAck;
    use Way::InTheInvite;
    for (hold, resume) in [(InTheAck, InTheAck), (InTheAck, InTheInvite), (InTheInvite, InTheAck)] {
        let (mut pbx, ana, accepted) = talking();
        assert!(!pbx.is_played_to(ana));
        turns(&mut pbx, &accepted, 2, hold, "sendonly");
        assert!(pbx.is_played_to(ana), "{hold:?} {resume:?}\n{}", pbx.trace);
        turns(&mut pbx, &accepted, 3, resume, "sendrecv");
        assert!(!pbx.is_played_to(ana), "{hold:?} {resume:?}\n{}", pbx.trace);
        pbx.hangs_up(ana);
        pbx.all_is_quiet();
    }
}

#[test]
fn who_asks_for_an_offer_while_he_holds_goes_on_holding_until_he_answers_it() {
    let (mut pbx, ana, accepted) = talking();
    turns(&mut pbx, &accepted, 2, Way::InTheInvite, "sendonly");
    let heard = pbx.heard(ana).len();
    answer(&mut pbx, &inside(&accepted, "INVITE", 3, ""));
    assert!(pbx.is_played_to(ana));
    answers(&mut pbx, &inside(&accepted, "ACK", 3, &format!("{SDP}a=sendonly\r\n")));
    assert!(pbx.is_played_to(ana));
    assert_eq!(pbx.heard(ana).len(), heard, "the music has not begun anew\n{}", pbx.trace);
}

#[test]
fn a_gateway_that_holds_in_its_ack_plays_no_music_into_the_room() {
    let plan = "number \"+551140031234\" flow=\"sala\"\nflow \"sala\" {\n    conference \"equipe\"\n    hangup\n}\n";
    let mut pbx = Bench::larger_with("", plan);
    let accepted = answer(&mut pbx, &request("INVITE", CONTACT, ""));
    answers(&mut pbx, &inside(&accepted, "ACK", 1, SDP));
    let ana = pbx.registered("200");
    pbx.calls(ana, None, BUSINESS);
    let here = pbx.leg(ana);
    let gateway = *pbx.pump.legs.keys().find(|leg| **leg != here).expect("the gateway's leg");
    assert!(pbx.pump.hears(here, gateway), "{}", pbx.trace);
    turns(&mut pbx, &accepted, 2, Way::InTheAck, "sendonly");
    assert!(!pbx.pump.hears(here, gateway), "{}", pbx.trace);
    turns(&mut pbx, &accepted, 3, Way::InTheAck, "sendrecv");
    assert!(pbx.pump.hears(here, gateway), "{}", pbx.trace);
}
