//! RTP and RTCP on ports of their own, each with a handshake of its own. RFC 5764 §4.2.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use super::bench::Bench;
use super::bench::HERE;
use super::bench::PATIENCE;
use super::bench::Phone;
use super::bench::stream;
use super::injection::refused;
use super::play::clip;
use super::play::play;
use super::secure::Secured;
use super::secure::port_after;
use super::secure::renewed;
use super::secure::secured;
use super::secure::shake_as_a_stranger;
use crate::io::media::transport::Arrived;
use crate::io::media::transport::News;
use crate::io::media::transport::Port;
use crate::io::media::transport::SEALED;
use crate::io::media::transport::identity::Identity;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::Repeat;
use crate::media::command::Stream;
use crate::media::figures::Figures;
use crate::media::refusal::Refusal;
use crate::media::rtcp;
use crate::media::rtcp::Report;
use crate::media::rtcp::ReportBlock;
use crate::media::security::Dtls;
use crate::media::security::DtlsRole;
use crate::media::security::Fingerprint;
use crate::media::security::Security;

/// A phone without `rtcp-mux`, towards which the pump has this role. The pump is told that it is at `named`, port by port, which
/// stands for its own ports where it is `None`.
pub(super) fn apart(
    bench: &mut Bench,
    role: DtlsRole,
    identity: &Arc<Identity>,
    named: Option<[SocketAddr; 2]>,
) -> Secured {
    let reports = UdpSocket::bind((HERE, 0)).unwrap();
    reports.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let address = reports.local_addr().unwrap();
    let (ours, theirs) = (dtls(role, identity.fingerprint()), dtls(opposite(role), bench.pump.fingerprint()));
    let secured = Secured::open(
        bench,
        identity,
        |plain| {
            let [remote, remote_rtcp] = named.unwrap_or([plain.remote, address]);
            Stream { security: ours, remote, remote_rtcp: Some(remote_rtcp), ..plain }
        },
        |plain| Stream { security: theirs, remote_rtcp: Some(port_after(plain.remote)), ..plain },
    );
    Secured { reports: Some(reports), ..secured }
}

fn dtls(role: DtlsRole, fingerprint: Fingerprint) -> Security {
    Security::Dtls(Box::new(Dtls { role, fingerprint }))
}

fn opposite(role: DtlsRole) -> DtlsRole {
    match role {
        DtlsRole::Active => DtlsRole::Passive,
        DtlsRole::Passive => DtlsRole::Active,
    }
}

impl Secured {
    /// Takes in one datagram of the RTCP port; a report, opened.
    fn step_control(&mut self) -> Option<Vec<u8>> {
        let mut datagram = [0; 2048];
        let (length, from) = self.reports.as_ref()?.recv_from(&mut datagram).ok()?;
        match self.transport.on_control(&mut datagram[..length], from, |_| true, Instant::now()) {
            Arrived::Media(length) => Some(datagram[..length].to_vec()),
            Arrived::Handled => None,
            Arrived::Refused(why) => panic!("{why:?} of {length} octets"),
        }
    }

    fn sends_control(&self, datagram: &[u8]) {
        self.reports.as_ref().unwrap().send_to(datagram, port_after(self.phone.server)).unwrap();
    }
}

/// That so many packets of the pump were lost.
fn report(lost: i32, of: u32) -> Vec<u8> {
    let block = ReportBlock { ssrc: of, lost, ..ReportBlock::default() };
    let mut out = [0; rtcp::MAX_LEN];
    let length = rtcp::write(4_711, None, Some(block), "phone", &mut out);
    out[..length].to_vec()
}

/// Once the pump has read that so many were lost; nothing else happens meanwhile.
fn told_of(lost: i32, bench: &mut Bench, phone: &Phone) -> Figures {
    let until = Instant::now() + PATIENCE;
    loop {
        bench.order(Command::Measure { leg: phone.leg });
        let Event::Measured { figures, .. } = bench.event() else { panic!("something else happened") };
        if figures.far.as_ref().is_some_and(|ear| ear.lost == i64::from(lost)) {
            return *figures;
        }
        assert!(Instant::now() < until, "{figures:?}");
    }
}

/// Once a report of the pump has come, sealed for this port.
fn first_report(phone: &mut Secured) -> Report {
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < until, "no report, {:?}", phone.transport);
        phone.step();
        if let Some(report) = phone.step_control() {
            return rtcp::read(&report).next().unwrap();
        }
    }
}

#[test]
fn reports_on_a_port_of_their_own_have_a_handshake_of_their_own() {
    let identity = Arc::new(Identity::generate().unwrap());
    for role in [DtlsRole::Passive, DtlsRole::Active] {
        let mut bench = Bench::start();
        let mut ana = apart(&mut bench, role, &identity, None);
        play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
        let ours = first_report(&mut ana);
        assert_eq!(bench.event(), secured(&ana), "of the port of sound, and once");

        let (plain, mut room) = (report(7, ours.ssrc), [0; SEALED]);
        ana.sends_control(&plain);
        let sealed = ana.transport.seal_control(&plain, &mut room).unwrap().to_vec();
        ana.sends_control(&sealed);
        let figures = told_of(7, &mut bench, &ana.phone);
        assert_eq!(refused(&figures, Refusal::Encryption), 1, "the one in the open");
    }
}

/// Both ports have shaken hands, and nothing went wrong.
fn reports_go_both_ways(bench: &mut Bench, ana: &mut Secured) {
    let ours = first_report(ana);
    assert_eq!(bench.event(), secured(ana));
    let mut room = [0; SEALED];
    let sealed = ana.transport.seal_control(&report(7, ours.ssrc), &mut room).unwrap().to_vec();
    ana.sends_control(&sealed);
    told_of(7, bench, &ana.phone);
}

#[test]
fn behind_nat_the_handshakes_show_where_both_ports_are() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let nowhere = ["192.0.2.1:4000", "192.0.2.1:4001"].map(|address| address.parse().unwrap());
    let mut ana = apart(&mut bench, DtlsRole::Passive, &identity, Some(nowhere));
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    // The handshake for sound is over, and shows another host than the description, before that for reports begins.
    assert!(ana.hears(5, None).len() >= 5 * 160, "packets may come in heaps");
    reports_go_both_ways(&mut bench, &mut ana);
}

#[test]
fn reports_from_the_host_that_the_description_names_for_them_are_taken() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let mut ana = apart(&mut bench, DtlsRole::Passive, &identity, None);
    // RFC 3605.
    let elsewhere = UdpSocket::bind("127.0.0.2:0").unwrap();
    elsewhere.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let security = dtls(DtlsRole::Passive, identity.fingerprint());
    let remote_rtcp = Some(elsewhere.local_addr().unwrap());
    bench.connect(&ana.phone, Stream { security, remote_rtcp, ..ana.phone.stream.clone() });
    ana.reports = Some(elsewhere);
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    // Sound has come from the other host by now, and that alone is heard on the port of sound.
    ana.hears(5, Some(500.0));
    reports_go_both_ways(&mut bench, &mut ana);
}

#[test]
fn handshakes_that_begin_before_the_answer_wait_for_it() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let [socket, reports] = [(); 2].map(|()| {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        socket
    });
    let remote_rtcp = Some(reports.local_addr().unwrap());
    let plain = stream(socket.local_addr().unwrap(), CodecKind::Pcma);
    let phone = bench.open(socket, plain.clone());
    // With its first order it goes to a thread.
    play(&mut bench, &phone, &[clip(500)], Repeat::Forever);
    bench.is_obeyed(&phone);
    let security = dtls(DtlsRole::Active, bench.pump.fingerprint());
    let (remote, port) = (phone.server, port_after(phone.server));
    let terms = Stream { security, remote, remote_rtcp: Some(port), ..plain.clone() };
    let mut ana = Secured { phone, transport: renewed(None, &terms, &identity), reports: Some(reports) };
    // Its clock stands still, so it repeats nothing.
    let start = Instant::now();
    ana.step_at(start);
    bench.is_obeyed(&ana.phone);
    let security = dtls(DtlsRole::Passive, identity.fingerprint());
    bench.connect(&ana.phone, Stream { security, remote_rtcp, ..plain });
    let until = Instant::now() + PATIENCE;
    while ana.transport.is_busy() {
        assert!(Instant::now() < until, "{:?}", ana.transport);
        ana.step_at(start);
        ana.step_control();
    }
}

#[test]
fn strangers_on_the_port_of_reports_spoil_nothing_and_a_wrong_certificate_there_ends_it() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let mut ana = apart(&mut bench, DtlsRole::Passive, &identity, None);
    shake_as_a_stranger(bench.pump.fingerprint(), port_after(ana.phone.server));
    assert!(!bench.has_event(), "it is no matter of the call");
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    first_report(&mut ana);
    assert_eq!(bench.event(), secured(&ana));

    let mut bruno = apart(&mut bench, DtlsRole::Passive, &identity, None);
    // On its second port somebody else sits.
    let another = Arc::new(Identity::generate().unwrap());
    let terms = dtls(DtlsRole::Active, bench.pump.fingerprint());
    let stream = Stream { security: terms, remote: port_after(bruno.phone.server), ..bruno.phone.stream.clone() };
    bruno.transport = renewed(None, &Stream { remote_rtcp: None, ..stream }, &another);
    let (socket, port) = (bruno.reports.take().unwrap(), port_after(bruno.phone.server));
    (bruno.phone.socket, bruno.phone.server) = (socket, port);
    let until = Instant::now() + PATIENCE;
    while !bench.has_event() {
        assert!(Instant::now() < until, "nobody noticed");
        bruno.step();
    }
    let Event::NotSecured { leg, why } = bench.event() else { panic!("it was believed") };
    assert_eq!(leg, bruno.phone.leg);
    assert!(why.contains("fingerprint"), "{why}");
}

#[test]
fn a_far_side_that_shakes_no_hands_for_its_reports_is_talked_to_without_any() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let mut ana = apart(&mut bench, DtlsRole::Passive, &identity, None);
    let one_port = Stream { remote_rtcp: None, ..ana.phone.stream.clone() };
    let ours = dtls(DtlsRole::Passive, identity.fingerprint());
    bench.connect(&ana.phone, Stream { security: ours, ..one_port });
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    assert!(ana.hears(5, None).len() >= 5 * 160, "packets may come in heaps");
    // The phone's transport is the mirror of the pump's: it is the one that waits in vain here.
    let mut room = [0; SEALED];
    assert!(ana.transport.is_busy(), "it still waits");
    assert!(ana.transport.seal_control(&report(7, 1), &mut room).is_none(), "and nothing leaves in the open");
    let later = Instant::now() + Duration::from_secs(21);
    ana.transport.handle_timeout(ana.phone.server, Some(port_after(ana.phone.server)), later);
    assert!(!ana.transport.is_busy(), "but not for ever");
    assert!(matches!(ana.transport.poll_news(), Some(News::Secured { port: Port::Rtp, .. })));
    assert!(matches!(ana.transport.poll_news(), Some(News::Unfinished { port: Port::Rtcp, .. })));
    assert!(ana.transport.seal_control(&report(7, 1), &mut room).is_none());
    assert!(ana.transport.seal(&[0x80; 172], &mut room).is_some(), "and sound goes on");
    let theirs = dtls(DtlsRole::Active, bench.pump.fingerprint());
    let refreshed = Stream { security: theirs, remote_rtcp: Some(ana.phone.server), ..ana.phone.stream.clone() };
    assert!(renewed(Some(ana.transport), &refreshed, &identity).is_busy(), "what is refreshed is tried again");
}

#[test]
fn a_refresh_goes_on_with_the_keys_of_both_ports_and_a_shared_port_with_those_of_sound() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::start();
    let mut ana = apart(&mut bench, DtlsRole::Passive, &identity, None);
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    let until = Instant::now() + PATIENCE;
    while ana.transport.is_busy() {
        assert!(Instant::now() < until, "{:?}", ana.transport);
        ana.step();
        ana.step_control();
    }
    let ssrc = ana.ssrc();
    assert_eq!(bench.event(), secured(&ana));
    let (plain, theirs) = (ana.phone.stream.clone(), dtls(DtlsRole::Active, bench.pump.fingerprint()));
    let ours = dtls(DtlsRole::Passive, identity.fingerprint());
    let apart = (ana.reports.as_ref().unwrap().local_addr().unwrap(), port_after(ana.phone.server));
    let mut room = [0; SEALED];
    for (lost, (of_phone, of_pump)) in [(7, (Some(apart.0), Some(apart.1))), (8, (None, None))] {
        bench.connect(&ana.phone, Stream { security: ours.clone(), remote_rtcp: of_phone, ..plain.clone() });
        bench.is_obeyed(&ana.phone);
        let terms =
            Stream { security: theirs.clone(), remote: ana.phone.server, remote_rtcp: of_pump, ..plain.clone() };
        ana.transport = renewed(Some(ana.transport), &terms, &identity);
        assert!(!ana.transport.is_busy());
        let report = report(lost, ssrc);
        let sealed = ana.transport.seal_control(&report, &mut room).unwrap();
        match of_pump {
            Some(port) => ana.reports.as_ref().unwrap().send_to(sealed, port).unwrap(),
            None => ana.phone.socket.send_to(sealed, ana.phone.server).unwrap(),
        };
        told_of(lost, &mut bench, &ana.phone);
    }
    let terms = Stream { security: theirs, remote: ana.phone.server, remote_rtcp: Some(apart.1), ..plain };
    assert!(renewed(Some(ana.transport), &terms, &identity).is_busy(), "back on two ports, those shake hands again");
}
