//! Those who may not: strangers, wrong passwords, full trunks, and a server that is about to stop.

use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

fn status_of_registering(pbx: &mut Bench, number: &str, password: &str) -> Option<u16> {
    let index = pbx.phones.len() as u8 + 1;
    let phone = pbx.add(number, std::net::SocketAddr::from(([10, 0, 2, index], 5060)), Some(password));
    let now = pbx.now;
    pbx.phones[phone.0].register(3600, now);
    pbx.settle();
    pbx.phones[phone.0].answers.pop_back().map(|(_, status)| status)
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let mut pbx = Bench::new();
    let wrong = status_of_registering(&mut pbx, "200", "errado");
    let unknown = status_of_registering(&mut pbx, "299", "errado");
    assert_eq!((wrong, unknown), (Some(403), Some(403)));
    assert_eq!(pbx.switch.tally().auth_failures, 2);
}

#[test]
fn a_stranger_is_challenged_before_he_learns_which_numbers_exist() {
    let mut pbx = Bench::new();
    let stranger = pbx.add("mallory", "203.0.113.66:5060".parse().expect("an address"), None);
    pbx.calls(stranger, None, BUSINESS);
    pbx.ended(stranger, "401");
    pbx.calls(stranger, None, "no-such-number");
    pbx.ended(stranger, "401");
    pbx.all_is_quiet();
}

#[test]
fn an_extension_cannot_call_under_the_name_of_another() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    pbx.registered("201");
    pbx.calls(ana, Some("201"), "201");
    pbx.ended(ana, "403");
}

#[test]
fn a_trunk_cannot_dial_out_again_nor_reach_extensions() {
    let mut pbx = Bench::new();
    pbx.registered("200");
    let carrier = pbx.trunk();
    for number in ["200", "+5521988887777"] {
        pbx.calls(carrier, Some(CUSTOMER), number);
        pbx.ended(carrier, "404");
    }
}

#[test]
fn a_server_that_stops_takes_no_new_calls_and_ends_the_running_ones() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.input(Input::Drain);
    pbx.ended(ana, "bye");
    pbx.ended(bruno, "bye");
    assert!(pbx.switch.is_empty(), "{}", pbx.trace);
    assert_eq!(pbx.store.records.len(), 1);
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "503");
}

#[test]
fn calls_go_on_when_the_store_cannot_write() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let bruno = pbx.registered("201");
    pbx.store.broken = Some("disk full".to_owned());
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.are_talking(ana, bruno);
    pbx.advance(secs(5));
    pbx.hangs_up(ana);
    pbx.all_is_quiet();
}
