//! The detector against stand-ins on this machine: a target that answers, falls silent, and answers again.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;

/// An HTTP server that can be told to break off every request.
pub(crate) struct StandIn {
    pub(crate) port: u16,
    pub(crate) works: Arc<AtomicBool>,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let works = Arc::new(AtomicBool::new(true));
        let answers = Arc::clone(&works);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request);
                if answers.load(Ordering::Relaxed) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                }
            }
        });
        Self { port, works }
    }
}

#[test]
#[ignore = "waits for real probes: run by tests/all"]
fn a_channel_falls_when_its_target_falls_silent_and_rises_again() {
    let target = StandIn::start();
    let control = StandIn::start();
    let channel = format!(
        r#"
[[channel]]
name = "whatsapp"
kind = "whatsapp"
every = "200ms"
timeout = "500ms"
detector = {{ failures = "3 of 5", down_after = "500ms", up_after = "1s" }}
probes = [
    {{ layer = "http", target = "http://127.0.0.1:{}/" }},
    {{ layer = "tcp", target = "127.0.0.1:{}", control = true }},
]
"#,
        target.port, control.port
    );
    let server = Server::start(&config(&format!("{TRUNK}{channel}")), include_str!("../data/wire.kdl"));
    let mut events = server.events();
    assert_ne!(server.get("/v1/channels/whatsapp")["state"], "down");

    target.works.store(false, Ordering::Relaxed);
    let change = events.wait_for("channel.changed", |change| change["state"] == "down");
    assert!(change["reasons"][0].as_str().is_some_and(|reason| reason.contains("127.0.0.1")), "{change}");

    target.works.store(true, Ordering::Relaxed);
    events.wait_for("channel.changed", |change| change["state"] == "up");
}
