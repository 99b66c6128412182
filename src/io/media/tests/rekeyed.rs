//! Keys that are exchanged in the middle of a call, and several keys at once.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::PATIENCE;
use super::secure::Secured;
use super::secure::key;
use super::secure::renewed;
use super::secure::secured;
use super::secure::shaking;
use crate::io::media::transport::Arrived;
use crate::io::media::transport::SEALED;
use crate::io::media::transport::Transmit;
use crate::io::media::transport::Transport;
use crate::io::media::transport::identity::Identity;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Stream;
use crate::media::refusal::Refusal;
use crate::media::security::Dtls;
use crate::media::security::DtlsRole;
use crate::media::security::Mark;
use crate::media::security::Marks;
use crate::media::security::SdesKeys;
use crate::media::security::Security;
use crate::media::security::Suite;

/// The pump has them with the phone's last flight, and the phone with the pump's answer.
fn both_have_keys(bench: &mut Bench, side: &mut Secured) {
    let until = Instant::now() + PATIENCE;
    while !bench.has_event() || side.transport.is_busy() {
        assert!(Instant::now() < until, "{:?}", side.transport);
        side.step();
    }
    assert_eq!(bench.event(), secured(side));
}

#[test]
fn a_second_handshake_loses_nothing_that_is_on_its_way_under_the_first_ones_keys() {
    let (first, second) = (Arc::new(Identity::generate().unwrap()), Arc::new(Identity::generate().unwrap()));
    let mut bench = Bench::with_quiet_after(3 * PATIENCE);
    let mut ana = shaking(&mut bench, DtlsRole::Passive, first.fingerprint(), &first, None);
    let bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    bench.is_obeyed(&ana.phone);
    both_have_keys(&mut bench, &mut ana);
    ana.say(500.0);
    assert!(bruno.get().is_some());
    let packet = ana.phone.frame(500.0);
    let mut room = [0; SEALED];
    let late = ana.transport.seal(&packet, &mut room).unwrap().to_vec();

    // The phone has another certificate from here on.
    let dtls = |role, fingerprint| Security::Dtls(Box::new(Dtls { role, fingerprint }));
    let plain = Stream { remote_rtcp: None, ..ana.phone.stream.clone() };
    bench.connect(&ana.phone, Stream { security: dtls(DtlsRole::Passive, second.fingerprint()), ..plain.clone() });
    bench.is_obeyed(&ana.phone);
    let theirs = dtls(DtlsRole::Active, bench.pump.fingerprint());
    ana.transport = renewed(None, &Stream { security: theirs, remote: ana.phone.server, ..plain }, &second);
    both_have_keys(&mut bench, &mut ana);
    ana.phone.socket.send_to(&late, ana.phone.server).unwrap();
    assert!(bruno.get().is_some(), "under the key of before");
    ana.say(500.0);
    assert!(bruno.get().is_some(), "under the new one");
    assert_eq!(bench.close(&ana.phone).dropped, 0);
}

#[test]
fn packets_that_say_under_which_key_they_are_go_both_ways_and_any_key_of_the_line_is_taken() {
    let (suite, identity) = (Suite::AesCm128HmacSha1Tag80, Arc::new(Identity::generate().unwrap()));
    let mut bench = Bench::start();
    let mark = |number| Mark::new(number, 2);
    let terms = |ours: u8, theirs: u8, marks: Marks| {
        let keys = SdesKeys { suite, ours: key(suite, ours), theirs: key(suite, theirs), marks };
        move |plain| Stream { security: Security::Sdes(Box::new(keys)), ..plain }
    };
    let more = vec![(mark(2).unwrap(), key(suite, 7))];
    let of_pump = terms(1, 2, Marks { ours: mark(1), theirs: mark(1), more });
    let of_phone = terms(2, 1, Marks { ours: mark(1), theirs: mark(1), more: Vec::new() });
    let mut ana = Secured::open(&mut bench, &identity, of_pump, of_phone);
    let mut bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    bench.is_obeyed(&ana.phone);
    ana.say(500.0);
    assert_eq!(bruno.get().unwrap().payload.len(), 160);
    bruno.say(700.0);
    assert_eq!(ana.hears(1, None).len(), 160);
    // Its second key, without a word in the signalling.
    let second = terms(7, 1, Marks { ours: mark(2), theirs: mark(1), more: Vec::new() });
    let towards_pump = Stream { remote: ana.phone.server, remote_rtcp: None, ..ana.phone.stream.clone() };
    ana.transport = renewed(None, &second(towards_pump.clone()), &identity);
    ana.say(500.0);
    assert_eq!(bruno.get().unwrap().payload.len(), 160);
    // One that was never named.
    let third = terms(9, 1, Marks { ours: mark(3), theirs: mark(1), more: Vec::new() });
    ana.transport = renewed(None, &third(towards_pump), &identity);
    ana.say(500.0);
    bruno.hears_nothing_for(Duration::from_millis(100));
}

/// What becomes of the flight with which the one ends the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastWord {
    Heard,
    Lost,
}

/// Hands on what both have to say, until neither has anything.
fn exchange(one: &mut Transport, other: &mut Transport, last: LastWord, now: Instant) {
    let (here, there) = ("192.0.2.1:4000".parse().unwrap(), "192.0.2.2:4000".parse().unwrap());
    one.handle_timeout(there, None, now);
    other.handle_timeout(here, None, now);
    loop {
        let of_one: Vec<Transmit> = std::iter::from_fn(|| one.poll_transmit()).collect();
        if one.is_busy() || last == LastWord::Heard {
            for mut transmit in of_one {
                other.on_datagram(&mut transmit.datagram, here, |_| true, now);
            }
        }
        let of_other: Vec<Transmit> = std::iter::from_fn(|| other.poll_transmit()).collect();
        if of_other.is_empty() {
            return;
        }
        for mut transmit in of_other {
            assert_eq!(one.on_datagram(&mut transmit.datagram, there, |_| true, now), Arrived::Handled);
        }
    }
}

/// Who shakes hands with the far side of this certificate, at this address.
fn terms(role: DtlsRole, of: &Identity, remote: &str) -> Stream {
    let security = Security::Dtls(Box::new(Dtls { role, fingerprint: of.fingerprint() }));
    Stream { security, ..Stream::plain(remote.parse().unwrap(), CodecKind::Pcma) }
}

/// One packet, sealed.
fn sealed(transport: &mut Transport) -> Vec<u8> {
    let packet = [&[0x80, 8, 0, 1][..], &[0; 8], &[0x55; 160]].concat();
    transport.seal(&packet, &mut [0; SEALED]).unwrap().to_vec()
}

#[test]
fn after_a_handshake_its_end_is_heard_and_no_new_beginning() {
    let [near, far] = [(); 2].map(|()| Arc::new(Identity::generate().unwrap()));
    let (ours, theirs) =
        (terms(DtlsRole::Passive, &far, "192.0.2.2:4000"), terms(DtlsRole::Active, &near, "192.0.2.1:4000"));
    let (mut pump, mut phone, now) = (renewed(None, &ours, &near), renewed(None, &theirs, &far), Instant::now());
    exchange(&mut pump, &mut phone, LastWord::Heard, now);
    let mut hears = |mut datagram: Vec<u8>| pump.on_datagram(&mut datagram, ours.remote, |_| true, now);
    assert_eq!(hears(sealed(&mut phone)), Arrived::Media(172));
    let record = |kind: u8| [&[kind, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 18][..], &[7; 18]].concat();
    assert_eq!(hears(record(21)), Arrived::Handled, "an alert");
    assert_eq!(hears(record(22)), Arrived::Refused(Refusal::Source));
}

#[test]
fn the_last_word_of_a_second_handshake_is_repeated_though_packets_of_the_first_still_come() {
    let [near, first, second] = [(); 3].map(|()| Arc::new(Identity::generate().unwrap()));
    let ours = |far: &Identity| terms(DtlsRole::Passive, far, "192.0.2.2:4000");
    let theirs = terms(DtlsRole::Active, &near, "192.0.2.1:4000");
    let now = Instant::now();
    let (mut pump, mut before) = (renewed(None, &ours(&first), &near), renewed(None, &theirs, &first));
    exchange(&mut pump, &mut before, LastWord::Heard, now);
    assert!(!pump.is_busy() && !before.is_busy());
    let (mut pump, mut after) = (renewed(Some(pump), &ours(&second), &near), renewed(None, &theirs, &second));
    exchange(&mut pump, &mut after, LastWord::Lost, now);
    assert!(!pump.is_busy() && after.is_busy());

    let mut late = sealed(&mut before);
    assert_eq!(pump.on_datagram(&mut late, theirs.remote, |_| true, now), Arrived::Media(172));
    exchange(&mut pump, &mut after, LastWord::Heard, now + Duration::from_secs(1));
    assert!(!after.is_busy(), "it has heard the end at last");
}
