//! Who signs in, who only tries to, and what that costs the others.

use std::net::SocketAddr;

use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

impl Bench {
    /// A phone with this password at this address; registers once and returns the status.
    fn tries(&mut self, phone: PhoneId) -> u16 {
        let now = self.now;
        self.phones[phone.0].register(3600, now);
        self.settle();
        self.phones[phone.0].answers.pop_back().map(|(_, status)| status).expect("it was answered")
    }

    fn guesser(&mut self, name: &str, address: &str) -> PhoneId {
        self.add(name, address.parse().expect("an address"), Some("errado"))
    }

    fn blocked_sources(&mut self) -> usize {
        let Ok(Answer::Status(status)) = self.asks(Command::Status) else { panic!("no status") };
        status.blocked_sources
    }
}

#[test]
fn who_goes_on_guessing_is_not_listened_to_and_the_right_password_does_not_help_him_for_a_minute() {
    let mut pbx = Bench::new();
    let guesser = pbx.guesser("200", "198.18.0.6:5060");
    for _ in 0..31 {
        assert_eq!(pbx.tries(guesser), 403);
    }
    assert_eq!(pbx.blocked_sources(), 1);
    let owner: SocketAddr = "198.18.0.6:5062".parse().unwrap();
    let owner = pbx.add("200", owner, Some("segredo"));
    assert_eq!(pbx.tries(owner), 403);
    assert_eq!(pbx.switch.gauges().auth_refused, 1);
    assert_eq!(pbx.switch.gauges().auth_failures, 31, "what is not read is not counted as wrong");
    pbx.advance(secs(60));
    assert_eq!(pbx.blocked_sources(), 0);
    assert_eq!(pbx.tries(owner), 200);
}

#[test]
fn one_forgotten_phone_does_not_silence_the_office_behind_the_same_router() {
    let mut pbx = Bench::new();
    let ana = pbx.add("200", "198.18.0.6:40000".parse().unwrap(), Some("segredo"));
    pbx.registers(ana);
    let forgotten = pbx.guesser("201", "198.18.0.6:40001");
    for _ in 0..40 {
        pbx.tries(forgotten);
    }
    assert_eq!(pbx.blocked_sources(), 1);
    pbx.registers(ana);
    pbx.calls(ana, None, "201");
    pbx.ended(ana, "480");
    let stranger = pbx.guesser("999", "198.18.0.6:40002");
    assert_eq!(pbx.tries(stranger), 403);
    assert_eq!(pbx.tries(forgotten), 403);
}

#[test]
fn a_thief_who_guesses_under_the_name_of_a_phone_next_to_him_still_needs_its_password() {
    let mut pbx = Bench::new();
    let ana = pbx.add("200", "198.18.0.6:40000".parse().unwrap(), Some("segredo"));
    pbx.registers(ana);
    let thief = pbx.guesser("200", "198.18.0.6:40001");
    for _ in 0..40 {
        assert_eq!(pbx.tries(thief), 403);
    }
    assert_eq!(pbx.switch.gauges().auth_failures, 40, "each was read and found wrong");
}

#[test]
fn the_carrier_and_other_sources_go_on_while_one_is_blocked() {
    let mut pbx = Bench::new();
    let guesser = pbx.guesser("200", "198.18.0.6:5060");
    for _ in 0..31 {
        pbx.tries(guesser);
    }
    let bruno = pbx.registered("201");
    let customer = pbx.customer_calls();
    pbx.hears(customer, "main-menu");
    pbx.calls(bruno, None, "200");
    pbx.ended(bruno, "480");
}

#[test]
fn after_a_restart_the_old_nonce_is_stale_and_the_phone_is_let_in_without_asking_its_owner() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.registers(ana);
    assert_eq!(pbx.switch.gauges().auth_failures, 0);
}
