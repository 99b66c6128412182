//! Two servers tell each other how they see a channel: what fails for one alone is a block, and the other's word shows it.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::probes::StandIn;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;

/// A door whose far side is known later: each server's configuration names the other.
struct Passage {
    door: SocketAddr,
    leads_to: Arc<Mutex<Option<SocketAddr>>>,
}

impl Passage {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let door = listener.local_addr().expect("an address");
        let leads_to = Arc::new(Mutex::new(None));
        let place = leads_to.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Some(to) = *place.lock().expect("not poisoned") else { continue };
                let far = TcpStream::connect(to).expect("the API listens");
                let again = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                for (from, to) in [(again(&near), again(&far)), (far, near)] {
                    std::thread::spawn(move || {
                        let _ = io::copy(&mut &from, &mut &to);
                        let _ = to.shutdown(std::net::Shutdown::Write);
                    });
                }
            }
        });
        Self { door, leads_to }
    }
}

fn server(known_as: &str, peer: SocketAddr, target: &StandIn, control: &StandIn) -> Server {
    let more = format!(
        r#"
[[peer]]
name = "the-other"
url = "http://{peer}"
token = "a-token-of-the-tests"
known_as = "{known_as}"

[[channel]]
name = "whatsapp"
kind = "whatsapp"
every = "200ms"
timeout = "500ms"
detector = {{ down_after = "500ms", partial_after = "1s", up_after = "1s", calm_after = "500ms" }}
probes = [
    {{ layer = "http", target = "http://127.0.0.1:{}/" }},
    {{ layer = "tcp", target = "127.0.0.1:{}", control = true }},
]
"#,
        target.port, control.port
    );
    Server::start(&config(&format!("{TRUNK}{more}")), include_str!("../data/wire.kdl"))
}

fn once(server: &Server, holds: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let channel = server.get("/v1/channels/whatsapp");
        if holds(&channel) {
            return channel;
        }
        assert!(Instant::now() < until, "{channel:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the report of this peer is worth there.
fn word_of<'a>(channel: &'a Value, peer: &str) -> Option<&'a str> {
    let mut evidence = channel["evidence"].as_array().expect("evidence").iter();
    let word = evidence.find(|seen| seen["layer"] == "report" && seen["target"] == peer)?;
    word["verdict"].as_str()
}

fn is(channel: &Value, state: &str, blame: &str) -> bool {
    channel["state"] == state && channel["blame"] == blame
}

#[test]
#[ignore = "waits for real probes: run by tests/all"]
fn a_server_that_alone_cannot_reach_a_channel_learns_from_the_other_that_it_is_blocked_here() {
    let (at_sao_paulo, at_recife, control) = (StandIn::start(), StandIn::start(), StandIn::start());
    let passage = Passage::open();
    let sao_paulo = server("sao-paulo", passage.door, &at_sao_paulo, &control);
    let recife = server("recife", sao_paulo.api, &at_recife, &control);
    *passage.leads_to.lock().expect("not poisoned") = Some(recife.api);
    for server in [&sao_paulo, &recife] {
        once(server, |channel| {
            channel["evidence"].as_array().is_some_and(|all| all.iter().all(|it| it["verdict"] == "good"))
        });
    }

    let mut events = sao_paulo.events();
    at_sao_paulo.works.store(false, Ordering::Relaxed);
    events.wait_for("channel.changed", |change| change["state"] == "down");
    let there = once(&recife, |channel| word_of(channel, "sao-paulo") == Some("bad"));
    assert!(is(&there, "degraded", "channel"), "one voice does not take it down: {there:#}");
    let here = once(&sao_paulo, |channel| is(channel, "degraded", "blocked-here"));
    assert_eq!(word_of(&here, "recife"), Some("good"), "{here:#}");

    at_sao_paulo.works.store(true, Ordering::Relaxed);
    once(&sao_paulo, |channel| is(channel, "up", "none"));
    let there = once(&recife, |channel| is(channel, "up", "none"));
    assert_eq!(word_of(&there, "sao-paulo"), Some("good"), "{there:#}");
}
