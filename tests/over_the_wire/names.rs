//! A whole service on this machine, with a name, a certificate and a page: its name dies, its certificate is another one, and
//! it comes back; and what a customer who calls meanwhile hears.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::customer;
use crate::http::Events;
use crate::server::Certificate;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::certificate;
use crate::server::config;
use crate::sound::seconds_of_sound;

const NAME: &str = "graph.facebook.com";

/// RFC 1035 §4.1.1.
const WELL: u8 = 0;
const SERVFAIL: u8 = 2;

/// Leads every name to 127.0.0.1, or answers with the code that it is told to.
struct NameServer {
    address: SocketAddr,
    code: Arc<AtomicU8>,
}

impl NameServer {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let code = Arc::new(AtomicU8::new(WELL));
        let says = Arc::clone(&code);
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..length], says.load(Ordering::Relaxed));
                let _ = socket.send_to(&answer, peer);
            }
        });
        Self { address, code }
    }

    fn says(&self, code: u8) {
        self.code.store(code, Ordering::Relaxed);
    }
}

fn answer(query: &[u8], code: u8) -> Vec<u8> {
    let name_end = 12 + query[12..].iter().position(|byte| *byte == 0).expect("a name") + 1;
    let question = &query[12..name_end + 4];
    let is_well = code == WELL && question[question.len() - 4..][..2] == [0, 1];
    let header = [query[0], query[1], 0x85, 0x80 | code, 0, 1, 0, u8::from(is_well), 0, 0, 0, 0];
    let mut answer = [&header, question].concat();
    if is_well {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}

/// A page over TLS; the certificate is the first or the second, as it is told.
struct Service {
    port: u16,
    shows: Arc<AtomicU8>,
}

impl Service {
    fn start(certificates: [&Certificate; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let configs = certificates.map(tls_config);
        let shows = Arc::new(AtomicU8::new(0));
        let shown = Arc::clone(&shows);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&configs[usize::from(shown.load(Ordering::Relaxed))]);
                std::thread::spawn(move || show_page(stream, config));
            }
        });
        Self { port, shows }
    }
}

fn tls_config(certificate: &Certificate) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(&certificate.pem).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Arc::new(config.expect("a certificate with its key"))
}

fn show_page(stream: TcpStream, config: Arc<ServerConfig>) {
    let session = ServerConnection::new(config).expect("a session");
    let mut stream = StreamOwned::new(session, stream);
    let mut request = [0; 2048];
    let _ = stream.read(&mut request);
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// A channel that is looked at on every layer, by three resolvers that stand at the same place.
fn channel(names: &NameServer, service: &Service, trust: &str, control: u16) -> String {
    let (resolver, port) = (names.address, service.port);
    format!(
        r#"
[probes]
resolvers = ["{resolver}"]
trust = "{trust}"

[[channel]]
name = "whatsapp"
kind = "whatsapp"
every = "200ms"
timeout = "1s"
resolvers = ["ours", "other:{resolver}", "authoritative:{resolver}"]
detector = {{ failures = "3 of 5", down_after = "500ms", up_after = "1s" }}
probes = [
    {{ layer = "dns", target = "{NAME}" }},
    {{ layer = "tcp", target = "{NAME}:{port}" }},
    {{ layer = "tls", target = "{NAME}:{port}" }},
    {{ layer = "http", target = "https://{NAME}:{port}/" }},
    {{ layer = "tcp", target = "127.0.0.1:{control}", control = true }},
]
"#
    )
}

fn is(state: &'static str) -> impl Fn(&serde_json::Value) -> bool {
    move |change| change["state"] == state
}

/// Somebody unrelated who always answers.
fn control() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(drop));
    port
}

fn reasons(change: &serde_json::Value) -> String {
    change["reasons"].to_string()
}

#[test]
#[ignore = "waits for real probes: run by tests/all"]
fn a_channel_whose_name_dies_or_whose_certificate_is_another_is_down_until_it_is_mended() {
    let (theirs, strangers) = (certificate(NAME), certificate("portal.hotel.example"));
    let (names, service) = (NameServer::start(), Service::start([&theirs, &strangers]));
    let channel = channel(&names, &service, &theirs.pem, control());
    let server = Server::start(&config(&format!("{TRUNK}{channel}")), include_str!("../data/wire.kdl"));
    let mut events = server.events();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let calm = server.get("/v1/channels/whatsapp");
    assert_eq!(calm["state"], "up", "{calm}");
    let looked_at = calm["evidence"].as_array().expect("evidence");
    assert!(looked_at.iter().all(|seen| seen["verdict"] == "good"), "{calm}");

    names.says(SERVFAIL);
    let down = events.wait_for("channel.changed", is("down"));
    assert!(reasons(&down).contains("SERVFAIL"), "{down}");
    names.says(WELL);
    events.wait_for("channel.changed", is("up"));

    service.shows.store(1, Ordering::Relaxed);
    let down = events.wait_for("channel.changed", is("down"));
    // Whether the name or the signature is found wrong first is the library's affair.
    assert!(reasons(&down).contains("certificate"), "{down}");
    service.shows.store(0, Ordering::Relaxed);
    events.wait_for("channel.changed", is("up"));
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_customer_hears_of_the_outage_as_long_as_the_name_is_dead() {
    let theirs = certificate(NAME);
    let (names, service) = (NameServer::start(), Service::start([&theirs, &theirs]));
    let channel = channel(&names, &service, &theirs.pem, control());
    let server = Server::start(&config(&format!("{TRUNK}{channel}")), include_str!("../data/wire.kdl"));
    let mut events = server.events();
    names.says(SERVFAIL);
    events.wait_for("channel.changed", is("down"));
    let announced = seconds_before_the_queue(&server, &mut events);
    names.says(WELL);
    events.wait_for("channel.changed", is("up"));
    let everyday = seconds_before_the_queue(&server, &mut events);
    assert!(announced > everyday + 2.0, "{announced} s of announcement in the outage, {everyday} s on other days");
}

/// With the menu's key typed ahead, only the announcement of an outage stands before the queue.
fn seconds_before_the_queue(server: &Server, events: &mut Events) -> f64 {
    let mut maria = customer::customer(server);
    maria.dials(&format!("sip:+551140031234@{}", server.sip));
    maria.wait_for("Call established");
    maria.presses('1');
    events.wait_for("call.waiting", |call| call["queue"] == "vendas");
    maria.hangs_up();
    events.wait_for("call.completed", |_| true);
    seconds_of_sound(&maria.recording())
}
