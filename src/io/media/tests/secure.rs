//! Encrypted legs over real sockets: keys from the descriptions, keys from a handshake, and paths found by checks.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::io::media::pump::Settings;
use crate::io::media::tests::bench::Bench;
use crate::io::media::tests::bench::PATIENCE;
use crate::io::media::tests::bench::Phone;
use crate::io::media::tests::bench::SETTINGS;
use crate::io::media::tests::bench::purity;
use crate::io::media::tests::bench::stream;
use crate::io::media::tests::injection::refused;
use crate::io::media::tests::play::clip;
use crate::io::media::tests::play::play;
use crate::io::media::transport::Arrived;
use crate::io::media::transport::Port;
use crate::io::media::transport::SEALED;
use crate::io::media::transport::Transmit;
use crate::io::media::transport::Transport;
use crate::io::media::transport::identity::Identity;
use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::command::Command;
use crate::media::command::Event;
use crate::media::command::Repeat;
use crate::media::command::Stream;
use crate::media::refusal::Refusal;
use crate::media::rtp;
use crate::media::security::Candidate;
use crate::media::security::CandidateKind;
use crate::media::security::Dtls;
use crate::media::security::DtlsRole;
use crate::media::security::Fingerprint;
use crate::media::security::HashKind;
use crate::media::security::Ice;
use crate::media::security::IceCredentials;
use crate::media::security::IceKind;
use crate::media::security::IceRole;
use crate::media::security::Marks;
use crate::media::security::MasterKey;
use crate::media::security::SdesKeys;
use crate::media::security::Security;
use crate::media::security::Suite;

/// A phone whose packets go through a transport of its own, the mirror of the pump's.
pub(super) struct Secured {
    pub(super) phone: Phone,
    pub(super) transport: Box<Transport>,
    /// Where it has its reports on a port of their own.
    pub(super) reports: Option<UdpSocket>,
}

pub(super) fn key(suite: Suite, seed: u8) -> MasterKey {
    let material: Vec<u8> = (0..suite.master_octets() as u8).map(|octet| octet ^ seed).collect();
    MasterKey::new(suite, &material).unwrap()
}

fn sdes(suite: Suite, ours: u8, theirs: u8) -> Security {
    let marks = Marks::default();
    Security::Sdes(Box::new(SdesKeys { suite, ours: key(suite, ours), theirs: key(suite, theirs), marks }))
}

pub(super) fn renewed(former: Option<Box<Transport>>, stream: &Stream, identity: &Arc<Identity>) -> Box<Transport> {
    Transport::renew(former, stream, identity, &mut fastrand::Rng::new(), Instant::now()).unwrap()
}

fn ice(ours: &str, theirs: &str, far: IceKind, candidates: Vec<SocketAddr>) -> Ice {
    let credentials = |name: &str| IceCredentials { ufrag: name.to_owned(), password: format!("{name}-password-long") };
    let candidate = |address| Candidate { address, priority: 2_130_706_431, kind: CandidateKind::Host };
    Ice {
        ours: credentials(ours),
        theirs: credentials(theirs),
        role: if far == IceKind::Full { IceRole::Controlled } else { IceRole::Controlling },
        far,
        candidates: candidates.into_iter().map(candidate).collect(),
        end_of_candidates: true,
    }
}

impl Secured {
    /// A leg under `ours`, and a phone under `theirs`, which may know where the pump is.
    pub(super) fn open(
        bench: &mut Bench,
        identity: &Arc<Identity>,
        ours: impl FnOnce(Stream) -> Stream,
        theirs: impl FnOnce(Stream) -> Stream,
    ) -> Secured {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let plain = Stream { remote_rtcp: None, ..stream(socket.local_addr().unwrap(), CodecKind::Pcma) };
        let mut phone = bench.open(socket, plain.clone());
        // RFC 3711 §3.3.1: in the lower half, as the pump may miss the first ones.
        phone.sequence = 1000;
        let towards_pump = Stream { remote: phone.server, ..plain.clone() };
        bench.connect(&phone, ours(plain));
        bench.is_obeyed(&phone);
        Secured { phone, transport: renewed(None, &theirs(towards_pump), identity), reports: None }
    }

    fn with_sdes(bench: &mut Bench, suite: Suite, ours: u8, theirs: u8) -> Secured {
        let identity = Arc::new(Identity::generate().unwrap());
        let terms = |ours, theirs| move |plain| Stream { security: sdes(suite, ours, theirs), ..plain };
        Secured::open(bench, &identity, terms(ours, theirs), terms(theirs, ours))
    }

    /// Works for a while; what was heard, decoded.
    pub(super) fn hears(&mut self, packets: usize, frequency: Option<f64>) -> Vec<i16> {
        let (mut heard, mut count) = (Vec::new(), 0);
        let mut decoder = Decoder::new(CodecKind::Pcma);
        let until = Instant::now() + Duration::from_secs(20);
        while count < packets {
            assert!(Instant::now() < until, "{count} of {packets} packets, {:?}", self.transport);
            if let Some(frequency) = frequency {
                self.say(frequency);
            }
            while let Some(payload) = self.step() {
                let mut samples = [0; 5760];
                let length = decoder.decode(&payload, &mut samples).unwrap();
                heard.extend_from_slice(&samples[..length]);
                count += 1;
            }
        }
        heard
    }

    /// 20 ms of a tone, once there are keys.
    pub(super) fn say(&mut self, frequency: f64) {
        let packet = self.phone.frame(frequency);
        let mut room = [0; SEALED];
        if let Some(sealed) = self.transport.seal(&packet, &mut room) {
            self.phone.socket.send_to(sealed, self.phone.server).unwrap();
        }
    }

    /// Of the next packet that comes; its header is not hidden.
    pub(super) fn ssrc(&self) -> u32 {
        let mut datagram = [0; 2048];
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            assert!(Instant::now() < until, "nothing comes");
            if let Ok((length, from)) = self.phone.socket.recv_from(&mut datagram)
                && from == self.phone.server
                && !rtp::is_rtcp(&datagram[..length])
            {
                return u32::from_be_bytes(*datagram[8..].first_chunk().unwrap());
            }
        }
    }

    /// Sends what is due and takes in one datagram, if one comes soon.
    pub(super) fn step(&mut self) -> Option<Vec<u8>> {
        self.step_at(Instant::now())
    }

    pub(super) fn step_at(&mut self, now: Instant) -> Option<Vec<u8>> {
        let apart = self.reports.as_ref().map(|_| port_after(self.phone.server));
        self.transport.handle_timeout(self.phone.server, apart, now);
        while let Some(Transmit { port, to, datagram }) = self.transport.poll_transmit() {
            let socket = self.reports.as_ref().filter(|_| port == Port::Rtcp).unwrap_or(&self.phone.socket);
            socket.send_to(&datagram, to).unwrap();
        }
        let mut datagram = [0; 2048];
        let (length, from) = self.phone.socket.recv_from(&mut datagram).ok()?;
        let Arrived::Media(length) = self.transport.on_datagram(&mut datagram[..length], from, |_| true, now) else {
            return None;
        };
        let packet = rtp::read(&datagram[..length]).filter(|_| !rtp::is_rtcp(&datagram[..length]))?;
        Some(packet.payload.to_vec())
    }
}

pub(super) fn port_after(rtp: SocketAddr) -> SocketAddr {
    SocketAddr::new(rtp.ip(), rtp.port() + 1)
}

/// Both talk at once; each hears the other's tone.
fn talk(one: &mut Secured, other: &mut Secured) {
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    let until = Instant::now() + Duration::from_secs(20);
    let (mut first, mut second) = (Decoder::new(CodecKind::Pcma), Decoder::new(CodecKind::Pcma));
    let mut samples = [0; 5760];
    while of_one.len().min(of_other.len()) < 4000 {
        assert!(Instant::now() < until, "{} and {} samples", of_one.len(), of_other.len());
        one.say(500.0);
        other.say(900.0);
        while let Some(payload) = one.step() {
            let length = first.decode(&payload, &mut samples).unwrap();
            of_one.extend_from_slice(&samples[..length]);
        }
        while let Some(payload) = other.step() {
            let length = second.decode(&payload, &mut samples).unwrap();
            of_other.extend_from_slice(&samples[..length]);
        }
    }
    for (heard, frequency) in [(of_one, 900.0), (of_other, 500.0)] {
        let purity = purity(&heard[heard.len() - 1600..], 8000, frequency);
        assert!(purity > 0.95, "{purity} of {frequency} Hz");
    }
}

#[test]
fn two_phones_with_other_suites_hear_each_other() {
    let mut bench = Bench::start();
    for (one, other) in [
        (Suite::AeadAes256Gcm, Suite::AesCm128HmacSha1Tag80),
        (Suite::AesCm128HmacSha1Tag32, Suite::AesCm256HmacSha1Tag80),
    ] {
        let mut ana = Secured::with_sdes(&mut bench, one, 1, 2);
        let mut bruno = Secured::with_sdes(&mut bench, other, 3, 4);
        bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.phone.leg });
        talk(&mut ana, &mut bruno);
    }
}

#[test]
fn an_encrypted_phone_and_a_plain_one_hear_each_other() {
    let mut bench = Bench::start();
    let mut ana = Secured::with_sdes(&mut bench, Suite::AeadAes128Gcm, 1, 2);
    let mut bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    bench.is_obeyed(&ana.phone);
    for _ in 0..30 {
        bruno.say(700.0);
    }
    let heard = ana.hears(30, None);
    assert!(purity(&heard, 8000, 700.0) > 0.95);
    let plain = ana.phone.frame(500.0);
    ana.phone.socket.send_to(&plain, ana.phone.server).unwrap();
    bruno.hears_nothing_for(Duration::from_millis(100));
    ana.say(500.0);
    assert_eq!(bruno.get().unwrap().payload.len(), 160, "the encrypted one is heard");
    let figures = bench.close(&ana.phone);
    assert_eq!((figures.received, figures.dropped), (1, 1), "the unencrypted one is dropped");
}

#[test]
fn a_change_of_keys_loses_no_packet_that_is_on_its_way() {
    let mut bench = Bench::start();
    let suite = Suite::AesCm128HmacSha1Tag80;
    let mut ana = Secured::with_sdes(&mut bench, suite, 1, 2);
    let bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    bench.is_obeyed(&ana.phone);
    ana.say(500.0);
    assert!(bruno.get().is_some());
    let terms = Stream { security: sdes(suite, 8, 9), ..ana.phone.stream.clone() };
    bench.connect(&ana.phone, Stream { remote_rtcp: None, ..terms });
    bench.is_obeyed(&ana.phone);
    ana.say(500.0);
    assert!(bruno.get().is_some(), "under the key of before");
    let mirrored = Stream { security: sdes(suite, 9, 8), ..ana.phone.stream.clone() };
    let identity = Arc::new(Identity::generate().unwrap());
    ana.transport = renewed(None, &mirrored, &identity);
    for _ in 0..3 {
        ana.say(500.0);
        assert!(bruno.get().is_some(), "under the new one");
    }
    assert_eq!(bench.close(&ana.phone).dropped, 0);
}

#[test]
fn who_signs_may_move_and_who_does_not_may_not() {
    let mut bench = Bench::start();
    let mut ana = Secured::with_sdes(&mut bench, Suite::AesCm128HmacSha1Tag80, 1, 2);
    let mut bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    bench.is_obeyed(&ana.phone);
    ana.say(500.0);
    assert!(bruno.get().is_some());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let forged = ana.phone.frame(500.0);
    stranger.send_to(&forged, ana.phone.server).unwrap();
    bruno.hears_nothing_for(Duration::from_millis(100));
    bruno.say(700.0);
    assert_eq!(ana.hears(1, None).len(), 160, "still where it was");
    // The phone changes its network.
    ana.phone.socket = stranger;
    ana.phone.socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    ana.say(500.0);
    assert!(bruno.get().is_some());
    bruno.say(700.0);
    assert_eq!(ana.hears(1, None).len(), 160, "where it is now");
}

/// Terms of a handshake in which the pump has this role; the phone shows `shown`.
pub(super) fn shaking(
    bench: &mut Bench,
    role: DtlsRole,
    shown: Fingerprint,
    identity: &Arc<Identity>,
    paths: Option<[IceKind; 2]>,
) -> Secured {
    let pump = bench.pump.fingerprint();
    let other = if role == DtlsRole::Active { DtlsRole::Passive } else { DtlsRole::Active };
    let dtls = |role, fingerprint| Security::Dtls(Box::new(Dtls { role, fingerprint }));
    let (ours, theirs) = (dtls(role, shown), dtls(other, pump));
    Secured::open(
        bench,
        identity,
        |plain| {
            let terms = paths.map(|[_, phone]| Box::new(ice("pump", "phone", phone, vec![plain.remote])));
            Stream { security: ours, ice: terms, ..plain }
        },
        |plain| {
            let terms = paths.map(|[pump, _]| Box::new(ice("phone", "pump", pump, vec![plain.remote])));
            Stream { security: theirs, ice: terms, ..plain }
        },
    )
}

#[test]
fn a_handshake_in_either_role_with_and_without_checks_brings_keys() {
    let identity = Arc::new(Identity::generate().unwrap());
    let paths = [None, Some([IceKind::Lite, IceKind::Full]), Some([IceKind::Full, IceKind::Lite])];
    for role in [DtlsRole::Passive, DtlsRole::Active] {
        for paths in paths {
            let mut bench = Bench::start();
            let mut ana = shaking(&mut bench, role, identity.fingerprint(), &identity, paths);
            let mut bruno = Secured::with_sdes(&mut bench, Suite::AesCm128HmacSha1Tag80, 1, 2);
            bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.phone.leg });
            talk(&mut ana, &mut bruno);
            assert_eq!(bench.event(), secured(&ana));
        }
    }
}

#[test]
fn a_certificate_that_the_description_does_not_name_ends_it() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::with_quiet_after(3 * PATIENCE);
    let another = Fingerprint::new(HashKind::Sha256, &[7; 32]).unwrap();
    let mut ana = shaking(&mut bench, DtlsRole::Passive, another, &identity, None);
    let until = Instant::now() + PATIENCE;
    while !bench.has_event() {
        assert!(Instant::now() < until, "nobody noticed");
        ana.step();
    }
    let Event::NotSecured { leg, why } = bench.event() else { panic!("it was believed") };
    assert_eq!(leg, ana.phone.leg);
    assert!(why.contains("fingerprint"), "{why}");
    ana.phone.say(500.0);
    bench.until(&ana.phone, |figures| refused(figures, Refusal::Encryption) > 0);
    assert_eq!(bench.close(&ana.phone).received, 0);
}

#[test]
fn strangers_who_shake_hands_first_spoil_nothing() {
    let identity = Arc::new(Identity::generate().unwrap());
    for role in [DtlsRole::Passive, DtlsRole::Active] {
        let mut bench = Bench::start();
        let mut ana = shaking(&mut bench, role, identity.fingerprint(), &identity, None);
        let scribbler = UdpSocket::bind("127.0.0.1:0").unwrap();
        scribbler.send_to(&[22, 254, 253, 0], ana.phone.server).unwrap();
        shake_as_a_stranger(bench.pump.fingerprint(), ana.phone.server);
        assert!(!bench.has_event(), "it is no matter of the call");
        scribbler.send_to(&[22, 254, 253, 0], ana.phone.server).unwrap();
        let mut bruno = Secured::with_sdes(&mut bench, Suite::AesCm128HmacSha1Tag80, 1, 2);
        bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.phone.leg });
        talk(&mut ana, &mut bruno);
        assert_eq!(bench.event(), secured(&ana));
        shake_as_a_stranger(bench.pump.fingerprint(), ana.phone.server);
        talk(&mut ana, &mut bruno);
        assert!(!bench.has_event());
    }
}

/// Both sides take the safest first.
pub(super) fn secured(side: &Secured) -> Event {
    Event::Secured { leg: side.phone.leg, suite: Suite::AeadAes256Gcm }
}

/// Goes through with a handshake under a certificate of its own, or tries to for a while.
pub(super) fn shake_as_a_stranger(fingerprint: Fingerprint, pump: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let security = Security::Dtls(Box::new(Dtls { role: DtlsRole::Active, fingerprint }));
    let terms = Stream { security, remote_rtcp: None, ..stream(pump, CodecKind::Pcma) };
    let mut transport = renewed(None, &terms, &Arc::new(Identity::generate().unwrap()));
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        transport.handle_timeout(pump, None, Instant::now());
        while let Some(transmit) = transport.poll_transmit() {
            socket.send_to(&transmit.datagram, transmit.to).unwrap();
        }
        let mut datagram = [0; 2048];
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            transport.on_datagram(&mut datagram[..length], from, |_| true, Instant::now());
        }
    }
}

#[test]
fn who_shook_hands_and_says_nothing_is_still_sent_to() {
    let identity = Arc::new(Identity::generate().unwrap());
    let mut bench = Bench::with(Settings { unproven_for: Duration::from_millis(200), ..SETTINGS });
    let mut ana = shaking(&mut bench, DtlsRole::Passive, identity.fingerprint(), &identity, None);
    play(&mut bench, &ana.phone, &[clip(500)], Repeat::Forever);
    let heard = ana.hears(60, None).len();
    assert!(heard >= 60 * 160 && heard.is_multiple_of(160), "{heard}");
    assert_eq!(bench.close(&ana.phone).withheld, 0);
}

#[test]
fn a_forged_report_is_counted() {
    let mut bench = Bench::start();
    let phone = bench.phone(CodecKind::Pcma);
    bench.connect(&phone, Stream { security: sdes(Suite::AeadAes128Gcm, 1, 2), ..phone.stream.clone() });
    bench.is_obeyed(&phone);
    phone.socket.send_to(&[0x80; 64], port_after(phone.server)).unwrap();
    bench.until(&phone, |figures| figures.dropped > 0);
    assert_eq!(bench.close(&phone).dropped, 1);
}

#[test]
fn a_key_that_comes_back_never_hides_two_packets_alike() {
    let mut bench = Bench::start();
    let (suite, other) = (Suite::AesCm128HmacSha1Tag80, Suite::AeadAes128Gcm);
    let ana = Secured::with_sdes(&mut bench, suite, 1, 2);
    let mut bruno = bench.phone(CodecKind::Pcma);
    bench.order(Command::Bridge { a: ana.phone.leg, b: bruno.leg });
    let plain = Stream { remote_rtcp: None, ..ana.phone.stream.clone() };
    let terms = Stream { security: sdes(suite, 1, 2), ..plain.clone() };
    let mut names = std::collections::BTreeSet::new();
    for between in [plain.clone(), Stream { security: sdes(other, 1, 2), ..plain.clone() }, plain.clone()] {
        for stream in [terms.clone(), terms.clone()] {
            bench.connect(&ana.phone, stream);
            bench.is_obeyed(&ana.phone);
            bruno.say(700.0);
            names.insert(ana.ssrc());
        }
        bench.connect(&ana.phone, between);
        bench.is_obeyed(&ana.phone);
    }
    assert_eq!(names.len(), 3, "one for each time that the key came, and none for a mere refresh");
}

#[test]
fn a_far_side_that_changes_keys_without_end_is_not_remembered_without_end() {
    let (suite, identity) = (Suite::AesCm128HmacSha1Tag80, Arc::new(Identity::generate().unwrap()));
    let plain = stream("192.0.2.1:4000".parse().unwrap(), CodecKind::Pcma);
    let (mut transport, mut renamed) = (None, Vec::new());
    for seed in 1..=40 {
        for _refresh in 0..2 {
            let terms = Stream { security: sdes(suite, seed, 200), ..plain.clone() };
            let mut next = renewed(transport.take(), &terms, &identity);
            renamed.push(next.needs_ssrc());
            transport = Some(next);
        }
    }
    let first = renamed.iter().position(|renamed| *renamed).expect("a bound");
    assert_eq!(first, 2 * 16, "not before it has to be");
    assert!(
        renamed[first..].chunks(2).all(|pair| *pair == [true, false]),
        "from then on at each change, and at no refresh"
    );
}
