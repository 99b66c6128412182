//! What somebody can do who knows a leg's port, or writes somebody else's address into an SDP: next to nothing.

use std::net::UdpSocket;
use std::time::Duration;

use super::bench::Bench;
use super::bench::HERE;
use super::bench::Phone;
use super::bench::SETTINGS;
use super::play::clip;
use super::play::play;
use super::secure::port_after;
use crate::io::media::pump::Settings;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::Repeat;
use crate::media::command::Stream;
use crate::media::far;
use crate::media::figures::Figures;
use crate::media::refusal::Refusal;
use crate::media::rtcp;
use crate::media::rtcp::ReportBlock;
use crate::media::silence::Silence;

fn talk(bench: &mut Bench) -> (Phone, Phone) {
    let (a, b) = (bench.phone(CodecKind::Pcma), bench.phone(CodecKind::Pcma));
    bench.order(Command::Bridge { a: a.leg, b: b.leg });
    bench.is_obeyed(&a);
    (a, b)
}

/// The phone's next packet, under another SSRC.
fn forged(phone: &mut Phone, fill: u8) -> Vec<u8> {
    let mut packet = phone.packet(8, &[fill; 160]);
    packet[8..12].copy_from_slice(&[9, 9, 9, 9]);
    packet
}

pub(super) fn refused(figures: &Figures, why: Refusal) -> u32 {
    figures.refused.iter().find(|(reason, _)| *reason == why).map_or(0, |(_, count)| count)
}

#[test]
fn of_two_who_speak_at_once_the_partner_hears_the_first_alone() {
    let mut bench = Bench::start();
    let (mut a, b) = talk(&mut bench);
    let stranger = UdpSocket::bind((HERE, 0)).unwrap();
    a.send_payload(8, &[1; 160]);
    assert_eq!(b.get().unwrap().payload, [1; 160]);
    for turn in 0..40_u8 {
        let injected = forged(&mut a, 0xee);
        stranger.send_to(&injected, a.server).unwrap();
        a.socket.send_to(&injected, a.server).unwrap();
        a.send_payload(8, &[turn; 160]);
        assert_eq!(b.get().unwrap().payload, [turn; 160]);
    }
    let figures = bench.close(&a);
    assert_eq!((figures.received, figures.dropped), (41, 80));
    assert_eq!((refused(&figures, Refusal::Source), refused(&figures, Refusal::Ssrc)), (40, 40));
}

#[test]
fn a_stream_that_starts_anew_unannounced_is_heard_again() {
    let mut bench = Bench::start();
    let (mut a, b) = talk(&mut bench);
    a.send_payload(8, &[1; 160]);
    assert!(b.get().is_some());
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(20));
        let anew = forged(&mut a, 2);
        a.socket.send_to(&anew, a.server).unwrap();
    }
    assert_eq!(b.get().unwrap().payload, [2; 160]);
    assert!(refused(&bench.close(&a), Refusal::Ssrc) >= 2, "the first ones are on probation");
}

#[test]
fn after_a_reinvite_a_new_stream_is_heard_at_once() {
    let mut bench = Bench::start();
    let (mut a, b) = talk(&mut bench);
    a.send_payload(8, &[1; 160]);
    assert!(b.get().is_some());
    bench.connect(&a, a.stream.clone());
    bench.is_obeyed(&a);
    let anew = forged(&mut a, 2);
    a.socket.send_to(&anew, a.server).unwrap();
    assert_eq!(b.get().unwrap().payload, [2; 160]);
    assert_eq!(bench.close(&a).dropped, 0);
}

#[test]
fn an_address_that_never_answers_gets_a_bounded_amount_until_it_does() {
    let mut bench = Bench::with(Settings { unproven_for: Duration::from_millis(500), ..SETTINGS });
    let mut victim = bench.phone(CodecKind::Pcma);
    play(&mut bench, &victim, &[clip(500)], Repeat::Forever);
    let silence = loop {
        if let Event::Quiet { silence, .. } = bench.event() {
            break silence;
        }
    };
    assert_eq!(silence, Silence::Withheld);
    victim.discard();
    victim.hears_nothing_for(Duration::from_millis(100));
    let figures = bench.measure(&victim);
    assert!(figures.sent <= 30 && figures.withheld > 0, "{figures:?}");
    victim.say(500.0);
    assert!((0..5).all(|_| victim.get().is_some()), "who answers is no victim");
}

#[test]
fn a_silent_caller_whose_signalling_comes_from_there_hears_everything() {
    let mut bench = Bench::with(Settings { unproven_for: Duration::from_millis(100), ..SETTINGS });
    let caller = bench.phone(CodecKind::Pcma);
    bench.order(Command::Vouch { leg: caller.leg, address: HERE });
    play(&mut bench, &caller, &[clip(60)], Repeat::Forever);
    assert!((0..60).all(|_| caller.get().is_some()));
    assert_eq!(bench.close(&caller).withheld, 0);
}

#[test]
fn the_far_sides_reports_tell_how_it_hears_us_and_how_far_away_it_is() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    let reports = UdpSocket::bind((HERE, 0)).unwrap();
    reports.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let stream = Stream { remote_rtcp: Some(reports.local_addr().unwrap()), ..phone.stream.clone() };
    bench.connect(&phone, stream);
    phone.say(500.0);
    play(&mut bench, &phone, &[clip(500)], Repeat::Forever);
    let report = phone.report(&reports);
    let ours = rtcp::read(&report).next().unwrap();
    let last_report = far::middle(ours.sender.unwrap().ntp);
    let block = ReportBlock { ssrc: ours.ssrc, lost: 7, jitter: 80, last_report, ..ReportBlock::default() };
    let mut out = [0; rtcp::MAX_LEN];
    let length = rtcp::write(4_711, None, Some(block), "phone", &mut out);
    reports.send_to(&out[..length], port_after(phone.server)).unwrap();
    // Of fewer packets no share is told.
    let figures = bench.until(&phone, |figures| figures.far.is_some() && figures.sent >= 50);
    let ear = figures.far.unwrap();
    assert_eq!((ear.lost, ear.jitter_ms), (7, 10.0));
    assert!(figures.round_trip.unwrap() < Duration::from_secs(5));
    assert!(figures.told().is_some() && figures.loss().is_none(), "{figures:?}");
}
