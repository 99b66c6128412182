//! What is told rather than probed: feeds, peers, people and our own traffic.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::config::WhenBlocked;
use crate::outage::detector::Detector;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;

#[test]
fn a_status_page_alone_only_degrades_and_grows_stale() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Feed, "metastatus.com", bad(Fault::Reported));
    told.passes(secs(20 * 60));
    assert_eq!(told.detector.state(), ChannelState::Degraded);
    assert_eq!(told.detector.reasons()[0], "feed: metastatus.com since 12:00 UTC: reported");
    told.passes(secs(11 * 60));
    assert_eq!(told.detector.state(), ChannelState::Up, "{:?}", told.detector.reasons());
    assert_eq!(told.detector.poll_timeout(), None);
}

#[test]
fn two_peers_who_say_so_are_believed_after_half_a_minute() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Report, "partner", bad(Fault::Reported));
    told.says(Layer::Report, "branch", bad(Fault::Reported));
    told.passes(secs(29));
    assert_eq!(told.detector.state(), ChannelState::Degraded);
    told.passes(secs(2));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Down, Blame::Channel));
}

#[test]
fn a_channel_that_is_not_probed_falls_and_rises_by_its_own_traffic() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Traffic, "sends", bad(Fault::SendsFail));
    told.passes(secs(40));
    assert_eq!(told.detector.state(), ChannelState::Down);
    told.says(Layer::Traffic, "sends", good());
    assert_eq!(told.detector.state(), ChannelState::Recovering);
    told.passes(secs(15 * 60 + 1));
    assert_eq!(told.detector.state(), ChannelState::Up);
}

#[test]
fn what_an_earlier_run_was_told_ends_after_a_restart_as_well() {
    for (fault, states) in [
        (Fault::SendsFail, [ChannelState::Down, ChannelState::Recovering, ChannelState::Up]),
        (Fault::ReceiptsLate, [ChannelState::Degraded, ChannelState::Up, ChannelState::Up]),
    ] {
        let mut told = Told::new(Config::default());
        told.says(Layer::Traffic, "sends", bad(fault));
        told.passes(secs(40));
        let kept = told.detector.snapshot(told.now, told.wall);
        told.detector = Detector::new(&Config::default());
        told.detector.restore(kept, told.now, told.wall);
        let mut seen = Vec::new();
        for span in [20, 30 * 60, 16 * 60] {
            told.passes(secs(span));
            seen.push(told.detector.state());
        }
        assert_eq!(seen, states, "{fault}");
    }
}

#[test]
fn receipts_that_are_late_and_silent_customers_are_not_yet_an_outage() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Traffic, "receipts", bad(Fault::ReceiptsLate));
    told.says(Layer::Traffic, "inbound", bad(Fault::InboundSilent));
    told.passes(secs(600));
    assert_eq!(told.detector.state(), ChannelState::Degraded);
    told.says(Layer::Person, "ana", bad(Fault::Reported));
    told.passes(secs(60));
    assert_eq!(told.detector.state(), ChannelState::Down);
}

#[test]
fn a_token_that_is_refused_is_our_fault_whatever_else_is_well() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Traffic, "sends", bad(Fault::CredentialRefused));
    told.passes(secs(20 * 60));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Degraded, Blame::OurCredential));
}

#[test]
fn a_refusal_among_lost_probes_is_a_sign_of_life() {
    let mut told = Told::new(Config::default());
    for round in 0..100 {
        let fault = if round % 25 < 18 { Fault::CredentialRefused } else { Fault::Timeout };
        told.says(Layer::Api, "https://graph.example/health", bad(fault));
        told.says(Layer::Tcp, "chat.example:443", good());
        told.passes(secs(10));
        assert_ne!(told.detector.state(), ChannelState::Down, "{round}: {:?}", told.detector.reasons());
    }
    for _ in 0..14 {
        told.says(Layer::Api, "https://graph.example/health", bad(Fault::Timeout));
        told.says(Layer::Tcp, "chat.example:443", good());
        told.passes(secs(10));
    }
    assert_eq!(told.detector.state(), ChannelState::Down);
}

#[test]
fn a_peer_who_sees_it_up_makes_it_blocked_here() {
    let mut told = Told::new(Config::default());
    told.probes_fail(secs(20));
    told.says(Layer::Report, "branch", good());
    told.probes_fail(secs(120));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Degraded, Blame::BlockedHere));
    let reasons = told.detector.reasons();
    assert_eq!(reasons[0], "blocked here: branch sees it up");

    told.says(Layer::Report, "branch", bad(Fault::Reported));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Down, Blame::Channel));
}

#[test]
fn a_peer_who_saw_it_up_once_does_not_hide_an_outage_for_ever() {
    let mut told = Told::new(Config::default());
    told.probes_fail(secs(20));
    told.says(Layer::Report, "branch", good());
    told.probes_fail(secs(29 * 60));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Degraded, Blame::BlockedHere));
    told.probes_fail(secs(120));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Down, Blame::Channel));
}

#[test]
fn who_cannot_work_while_blocked_can_have_it_called_down() {
    let config = Config { blocked_here: WhenBlocked::Down, ..Config::default() };
    let mut told = Told::new(config);
    told.probes_fail(secs(20));
    told.says(Layer::Report, "branch", good());
    told.probes_fail(secs(60));
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Down, Blame::BlockedHere));
}

#[test]
fn blame_alone_is_a_change_too() {
    let mut told = Told::new(Config::default());
    told.says(Layer::Traffic, "sends", bad(Fault::CredentialRefused));
    let change = told.last.take().unwrap();
    assert_eq!((change.to, change.blame), (ChannelState::Degraded, Blame::OurCredential));
    told.says(Layer::Report, "partner", bad(Fault::Reported));
    told.says(Layer::Report, "branch", bad(Fault::Reported));
    let change = told.last.take().unwrap();
    assert_eq!(
        (change.from, change.to, change.blame),
        (ChannelState::Degraded, ChannelState::Degraded, Blame::Channel)
    );
}

#[test]
fn a_certificate_that_ends_soon_neither_makes_an_outage_nor_keeps_one() {
    let mut told = Told::new(Config::default());
    let rounds = |told: &mut Told, rounds: u32, outcome: Outcome| {
        for _ in 0..rounds {
            told.says(Layer::Tls, "chat.example:443", outcome.clone());
            let ends = bad(Fault::EndingCertificate);
            told.says(Layer::Tls, "the certificate of chat.example:443", ends);
            told.passes(secs(10));
        }
    };
    rounds(&mut told, 60, good());
    assert_eq!((told.detector.state(), told.detector.blame()), (ChannelState::Degraded, Blame::Channel));
    rounds(&mut told, 20, bad(Fault::Timeout));
    assert_eq!(told.detector.state(), ChannelState::Down, "{:?}", told.detector.reasons());
    rounds(&mut told, 6, good());
    assert_eq!(told.detector.state(), ChannelState::Recovering, "{:?}", told.detector.reasons());
}

#[test]
fn a_page_that_speaks_of_its_services_is_not_waited_for_by_its_own_name() {
    let page = "https://graph.example/health";
    let probes = [Probe::new(Layer::Api, page, Role::Channel)];
    let mut told = Told::new(Config::default());
    told.detector = Detector::new(&Config::default()).watching(&probes);
    let service = format!("{page} (PHONE_NUMBER)");
    for outcome in [bad(Fault::Status(500)), good()] {
        for _ in 0..6 {
            told.says(Layer::Api, &service, outcome.clone());
            told.passes(secs(10));
        }
    }
    assert_eq!(told.detector.state(), ChannelState::Recovering);
    assert_eq!(told.detector.evidence().len(), 1);
}

struct Told {
    detector: Detector,
    now: Instant,
    wall: Timestamp,
    last: Option<Change>,
}

impl Told {
    fn new(config: Config) -> Told {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let now = Instant::now();
        let wall = "2026-11-23T12:00:00Z".parse().unwrap();
        Told { detector: Detector::new(&config), now, wall, last: None }
    }

    fn says(&mut self, layer: Layer, who: &str, outcome: Outcome) {
        let evidence = Probe::new(layer, who, Role::Channel).evidence(outcome, self.wall);
        self.last = self.detector.on_evidence(evidence, self.now).or(self.last.take());
    }

    fn passes(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.detector.poll_timeout().filter(|deadline| deadline.at <= end) {
            self.moves_to(deadline.at);
            self.detector.handle_timeout(self.now);
            let next = self.detector.poll_timeout();
            assert!(next.is_none_or(|next| next.at > self.now), "no deadline comes twice");
        }
        self.moves_to(end);
    }

    fn probes_fail(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.says(Layer::Tcp, "chat.example:443", bad(Fault::Timeout));
            self.says(Layer::Tls, "chat.example:443", bad(Fault::Timeout));
            self.passes(secs(5));
        }
    }

    fn moves_to(&mut self, moment: Instant) {
        self.wall = self.wall.checked_add(moment - self.now).unwrap();
        self.now = moment;
    }
}

fn bad(fault: Fault) -> Outcome {
    Outcome::failed(fault, fault.to_string())
}

fn good() -> Outcome {
    Outcome::Answered { took: Duration::ZERO }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
