//! Anything in any order: random people do random things, and afterwards the house must be empty and the books complete.

use std::time::Duration;

use desvio::call::machine::Detect;
use desvio::call::record::CallId;
use desvio::sip::headers::Name;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::PlaceCall;
use desvio::switch::command::Then;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::features::Notice;
use crate::phone::Phone;
use crate::weather::Network;
use crate::weather::Weather;

/// Each seed is another day.
const DAYS: u64 = 150;
const DEEDS: usize = 60;

struct Day {
    pbx: Bench,
    rng: fastrand::Rng,
    phones: Vec<PhoneId>,
}

#[test]
fn whatever_people_do_every_call_leaves_one_record_and_nothing_else() {
    // Otherwise these days would prove nothing.
    let talks = days_with_loss(0);
    assert!(talks > DAYS as usize, "only {talks} talks in {DAYS} days");
}

#[test]
fn and_so_it_is_when_every_fifth_message_is_lost() {
    let talks = days_with_loss(20);
    assert!(talks > DAYS as usize / 2, "only {talks} talks in {DAYS} days");
}

#[test]
fn and_so_it_is_when_messages_come_late_or_twice_or_overtake_each_other_or_the_network_fails() {
    let talks = days_in_bad_weather();
    assert!(talks > DAYS as usize / 4, "only {talks} talks in {DAYS} days");
}

fn days_in_bad_weather() -> usize {
    let mut talks = 0;
    for seed in 0..DAYS {
        let mut day = Day::begin(seed);
        let weather = Weather { lost: 10, doubled: 20, delay: Duration::from_millis(day.rng.u64(1..900)), failures: 5 };
        day.pbx.note(&format!("{weather:?}"));
        day.pbx.network = Some(Network::new(seed, weather));
        for _ in 0..DEEDS {
            day.somebody_does_something();
        }
        if let Some(network) = &mut day.pbx.network {
            network.weather = Weather::FAIR;
        }
        talks += day.ends(seed);
    }
    talks
}

/// Says how many talks there were.
fn days_with_loss(loss: u32) -> usize {
    let mut talks = 0;
    for seed in 0..DAYS {
        let mut day = Day::begin(seed);
        day.pbx.loss = loss;
        for _ in 0..DEEDS {
            day.somebody_does_something();
        }
        talks += day.ends(seed);
    }
    talks
}

impl Day {
    fn begin(seed: u64) -> Self {
        let mut pbx = Bench::new();
        let mut phones = vec![pbx.registered("200"), pbx.registered("201")];
        // Nine gateways of the carrier, each good for one call.
        for gateway in 1..10 {
            let address = std::net::SocketAddr::from(([198, 51, 100, 100 + gateway], 5060));
            phones.push(pbx.add("operadora", address, None));
        }
        phones.push(pbx.trunk());
        pbx.does(phones[0], |phone, now| phone.subscribes("dialog", "201", 3600, now));
        Self { pbx, rng: fastrand::Rng::with_seed(seed), phones }
    }

    fn somebody_does_something(&mut self) {
        let phone = self.phones[self.rng.usize(..self.phones.len())];
        let state = &self.pbx.phones[phone.0];
        let (rings, in_call, is_agent) = (state.ringing.is_some(), state.session.is_some(), phone.0 < 2);
        match self.rng.u32(..16) {
            0..=2 => self.pbx.advance(secs(self.rng.u64(..40))),
            3 if self.rng.bool() => self.outage(),
            4 => self.program_places_a_call(),
            5 => self.program_ends_a_call(),
            6 if is_agent && !in_call => self.toggle_registration(phone),
            _ if rings && self.rng.u32(..4) > 0 => self.pbx.picks_up(phone),
            _ if rings => self.pbx.declines(phone, [486, 480, 603, 500][self.rng.usize(..4)]),
            7 | 8 if in_call => self.pbx.hangs_up(phone),
            9 | 10 if state.up => self.transfers(phone),
            11 if is_agent && state.up && state.aside.is_none() => self.consults(phone),
            12 if is_agent && state.up && state.aside.is_some() => {
                self.pbx.does(phone, |phone, now| phone.joins_both(now));
            }
            13 if is_agent && !in_call => self.takes_a_colleagues_place(phone),
            _ if in_call => self.presses(phone),
            _ if is_agent => self.agent_calls(phone),
            _ => self.pbx.calls(phone, Some(CUSTOMER), BUSINESS),
        }
    }

    fn presses(&mut self, phone: PhoneId) {
        if self.pbx.phones[phone.0].up && self.pbx.has_media(phone) {
            let digit = ["0", "1", "9", "#"][self.rng.usize(..4)];
            self.pbx.presses(phone, digit);
        }
    }

    fn agent_calls(&mut self, phone: PhoneId) {
        let to = ["200", "201", CUSTOMER, "+551140039999"][self.rng.usize(..4)];
        self.pbx.calls(phone, None, to);
    }

    fn transfers(&mut self, phone: PhoneId) {
        let to = ["200", "201", CUSTOMER, BUSINESS, "299"][self.rng.usize(..5)];
        self.pbx.does(phone, |phone, now| phone.refers(&format!("<sip:{to}@desvio.test>"), &[], now));
    }

    fn consults(&mut self, phone: PhoneId) {
        self.pbx.does(phone, |phone, now| phone.sets_aside(now));
        self.agent_calls(phone);
    }

    /// Of the other agent, whatever he does.
    fn takes_a_colleagues_place(&mut self, phone: PhoneId) {
        let other = &self.pbx.phones[1 - phone.0];
        let session = other.session.or(other.ringing.as_ref().map(|(session, _)| *session));
        let Some(names) = session.and_then(|session| other.agent.dialog_names(session)) else {
            return;
        };
        let remote = names.remote_tag.unwrap_or_default();
        let replaces = format!("{};to-tag={};from-tag={remote}", names.call_id, names.local_tag);
        self.pbx.phones[phone.0].next_headers = vec![(Name::Replaces, replaces.into())];
        self.pbx.calls(phone, None, "pickup");
    }

    fn toggle_registration(&mut self, phone: PhoneId) {
        let expires = if self.rng.bool() { 3600 } else { 0 };
        let now = self.pbx.now;
        self.pbx.phones[phone.0].register(expires, now);
        self.pbx.settle();
    }

    fn outage(&mut self) {
        self.pbx.whatsapp_is_set(if self.rng.bool() { "down" } else { "up" });
    }

    fn program_places_a_call(&mut self) {
        let to = ["200", "201", CUSTOMER][self.rng.usize(..3)].to_owned();
        let then = match self.rng.u32(..3) {
            0 => Then::Flow("entrada".to_owned()),
            1 => Then::Queue("vendas".to_owned()),
            _ => Then::Connect(["200", "201", CUSTOMER][self.rng.usize(..3)].to_owned()),
        };
        let _ = self.pbx.asks(Command::PlaceCall(PlaceCall {
            to,
            from: None,
            then,
            ring_for: secs(30),
            detect: Detect::Nothing,
        }));
    }

    fn program_ends_a_call(&mut self) {
        let Ok(Answer::Calls(calls)) = self.pbx.asks(Command::Calls) else { return };
        if !calls.is_empty() {
            let id: CallId = calls[self.rng.usize(..calls.len())].id.clone();
            let _ = self.pbx.asks(Command::HangUp(id));
        }
    }

    /// Everybody hangs up; then the house is empty and each call that began has its record. Says how many talks there were.
    fn ends(mut self, seed: u64) -> usize {
        self.pbx.loss = 0;
        for phone in self.phones.clone() {
            if self.pbx.phones[phone.0].session.is_some() {
                self.pbx.hangs_up(phone);
            }
        }
        // The longest that a call without a caller can last: a placed one that rings.
        self.pbx.advance(secs(120));
        for phone in self.phones.clone() {
            if self.pbx.phones[phone.0].session.is_some() {
                self.pbx.hangs_up(phone);
            }
            self.pbx.does(phone, Phone::gives_up_what_is_aside);
        }
        self.pbx.trace.push_str(&format!("seed {seed}\n"));
        self.pbx.all_is_quiet();
        // An older notice may come last; a phone knows it by its CSeq.
        let lamps = self.pbx.phones[0].notices.iter().filter(|notice| notice.event == "dialog");
        let number = |notice: &&Notice| notice.request.headers.cseq().map_or(0, |cseq| cseq.number);
        let lamp = lamps.max_by_key(number).expect("a lamp");
        assert!(lamp.says("<state>terminated</state>"), "a lamp burns: {}\n{}", lamp.body, self.pbx.trace);
        let Ok(Answer::Status(status)) = self.pbx.asks(Command::Status) else { panic!("no status") };
        assert_eq!(status.calls_total, self.pbx.store.records.len() as u64, "records\n{}", self.pbx.trace);
        assert_eq!(status.waiting, 0, "somebody still waits\n{}", self.pbx.trace);
        self.pbx.store.records.iter().filter(|record| record.talk_ms > 0).count()
    }
}
