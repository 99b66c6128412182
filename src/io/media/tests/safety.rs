//! Strangers, garbage, silence, and what is given back.

use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use super::bench::Bench;
use super::bench::HERE;
use super::bench::stream;
use super::injection::refused;
use super::play::clip;
use super::play::play;
use super::secure::port_after;
use super::two_ports::apart;
use crate::io::media::transport::identity::Identity;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::command::Repeat;
use crate::media::command::Stream;
use crate::media::refusal::Refusal;
use crate::media::rtcp;
use crate::media::sdp::Direction;
use crate::media::security::DtlsRole;
use crate::media::silence::Silence;

#[test]
fn behind_nat_the_first_source_is_taken_and_a_stranger_is_refused() {
    let mut bench = Bench::start();
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let elsewhere = UdpSocket::bind((HERE, 0)).unwrap();
    let mut phone = bench.open(socket, stream(elsewhere.local_addr().unwrap(), CodecKind::Pcma));
    bench.connect(&phone, phone.stream.clone());
    bench.is_obeyed(&phone);
    phone.say(500.0);
    bench.until(&phone, |figures| figures.received == 1);
    let stranger = UdpSocket::bind((HERE, 0)).unwrap();
    let forged = phone.packet(8, &[1; 160]);
    stranger.send_to(&forged, phone.server).unwrap();
    play(&mut bench, &phone, &[clip(60)], Repeat::Once);
    assert!((0..3).all(|_| phone.get().is_some()), "audio goes where the packets came from");
    let figures = bench.close(&phone);
    assert_eq!(figures.source, Some(phone.socket.local_addr().unwrap()));
    assert_eq!((figures.received, figures.dropped), (1, 1));
}

#[test]
fn a_packet_that_does_not_fit_latches_nobody() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    let stranger = UdpSocket::bind((HERE, 0)).unwrap();
    let wrong_payload_type = phone.packet(77, &[1; 160]);
    let mut wrong_version = phone.packet(8, &[1; 160]);
    wrong_version[0] = 0x40;
    let cut = &phone.packet(8, &[])[..9];
    let huge = vec![0x80; 4000];
    for garbage in [&wrong_payload_type[..], &wrong_version, cut, &huge, b"", b"GET / HTTP/1.1"] {
        stranger.send_to(garbage, phone.server).unwrap();
    }
    play(&mut bench, &phone, &[clip(200)], Repeat::Once);
    assert!((0..10).all(|_| phone.get().is_some()));
    let figures = bench.close(&phone);
    assert_eq!((figures.received, figures.dropped, figures.source), (0, 6, None));
    assert_eq!(bench.pump.totals().dropped, 6);
}

#[test]
fn what_opens_a_nat_is_counted_as_that() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let shaking = apart(&mut bench, DtlsRole::Passive, &identity, None).phone;
    let plain = bench.phone(CodecKind::Pcma);
    // Binding, no attributes. RFC 8489 §5.
    let punch = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    for (phone, counted) in [(&shaking, 2), (&plain, 1)] {
        phone.socket.send_to(&punch, phone.server).unwrap();
        phone.socket.send_to(&punch, port_after(phone.server)).unwrap();
        bench.until(phone, |figures| refused(figures, Refusal::Stun) >= counted);
        assert_eq!(bench.close(phone).dropped, u64::from(counted));
    }
}

#[test]
fn a_side_on_hold_is_sent_nothing_and_heard_not() {
    let mut bench = Bench::start();
    let mut phone = bench.phone(CodecKind::Pcma);
    let held = Stream { direction: Direction::Inactive, ..phone.stream.clone() };
    bench.connect(&phone, held);
    play(&mut bench, &phone, &[clip(60)], Repeat::Once);
    bench.is_obeyed(&phone);
    phone.say(500.0);
    assert!(matches!(bench.event(), Event::Finished { .. }), "the prompt passes all the same");
    phone.hears_nothing_for(Duration::from_millis(40));
    let figures = bench.close(&phone);
    assert_eq!((figures.received, figures.sent), (0, 0));
}

#[test]
fn a_silent_side_is_reported_once() {
    let mut bench = Bench::with_quiet_after(Duration::from_millis(100));
    let phone = bench.phone(CodecKind::Pcma);
    let Event::Quiet { leg, since, silence } = bench.event() else { panic!("not quiet") };
    assert_eq!(leg, phone.leg);
    assert!(since >= Duration::from_millis(100));
    assert_eq!(silence, Silence::NeverCame);
    std::thread::sleep(Duration::from_millis(1200));
    bench.nothing_happened();
}

#[test]
fn reports_go_out_and_garbage_on_their_port_is_stepped_over() {
    let mut bench = Bench::start();
    let reports = UdpSocket::bind((HERE, 0)).unwrap();
    reports.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut phone = bench.phone(CodecKind::Pcma);
    let stream = Stream { remote_rtcp: Some(reports.local_addr().unwrap()), ..phone.stream.clone() };
    bench.connect(&phone, stream);
    phone.say(500.0);
    play(&mut bench, &phone, &[clip(500)], Repeat::Forever);
    reports.send_to(b"\x80\xc8\xff\xff garbage", port_after(phone.server)).unwrap();
    let datagram = phone.report(&reports);
    let report = rtcp::read(&datagram).next().unwrap();
    assert!(report.sender.unwrap().packets > 0);
    assert_eq!(report.block.unwrap().lost, 0);
}

#[test]
fn two_hundred_legs_leave_nothing_open() {
    let mut bench = Bench::start();
    let warm = bench.phone(CodecKind::Pcma);
    bench.close(&warm);
    let mut most = 0;
    for round in 0..3_u64 {
        let legs: Vec<LegId> = (1..=200).map(|n| LegId(10_000 + round * 1000 + n)).collect();
        for leg in &legs {
            let opened = bench.pump.carry_out(Command::Open { leg: *leg, address: HERE });
            assert!(matches!(opened, Some(Event::Opened { .. })));
        }
        most = most.max(media_sockets());
        for pair in legs.chunks_exact(2) {
            bench.order(Command::Bridge { a: pair[0], b: pair[1] });
        }
        for leg in &legs {
            bench.order(Command::Close { leg: *leg });
        }
        (0..200).for_each(|_| assert!(matches!(bench.event(), Event::Closed { .. })));
        assert_eq!(bench.pump.legs(), 0);
    }
    assert!(most >= 400);
    let closed = bench.pump.carry_out(Command::Close { leg: LegId(10_001) });
    assert!(matches!(closed, Some(Event::Closed { .. })), "to close twice is to hear of it twice");
    let left = media_sockets();
    assert!(left <= most - 400 + 60, "{left} of {most} sockets are left");
}

/// Sockets of this process; other tests beside us have some too.
fn media_sockets() -> usize {
    let links =
        fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok).filter_map(|fd| fs::read_link(fd.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}
