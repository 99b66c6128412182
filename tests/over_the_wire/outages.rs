//! What an outage leaves in the database, and what strangers see of it, with our server as a process of its own.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;

const PLAN: &str = include_str!("../data/wire.kdl");

const CHANNEL: &str = r#"
[[channel]]
name = "whatsapp"
kind = "whatsapp"
probes = [{ layer = "tcp", target = "127.0.0.1:9" }, { layer = "tcp", target = "127.0.0.1:9", control = true }]

[status]
listen = "127.0.0.1:0"
name = "Loja <da> Ana"
phone = ["+551140031234"]
channels = { whatsapp = "WhatsApp" }
"#;

fn page(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("the door is open");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// What is counted is kept within 2 s.
fn once(server: &Server, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let found = server.get(path);
        if holds(&found) {
            return found;
        }
        assert!(Instant::now() < until, "{path}: {found}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "starts the server as a process: run by tests/all"]
fn strangers_see_the_page_and_nothing_else_and_an_incident_outlives_the_process() {
    let mut server = Server::start(&config(&format!("{TRUNK}{CHANNEL}")), PLAN);
    let door = server.address_after("status    http://");
    server.declare_outage();
    let seen = page(door, "/status");
    assert!(seen.starts_with("HTTP/1.1 200") && seen.contains("<b>WhatsApp</b> is out of order"), "{seen}");
    assert!(seen.contains("Loja &lt;da&gt; Ana"), "{seen}");
    assert!(page(door, "/v1/channels").starts_with("HTTP/1.1 404"), "the API is not behind this door");

    let listed = once(&server, "/v1/incidents?open=true", |list| list["data"][0]["id"].is_string());
    let id = listed["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.stop(), Some(0));
    let server = Server::start_in(server.folder.clone());
    let path = format!("/v1/incidents/{id}");
    let story = once(&server, &path, |one| one["timeline"].as_array().is_some_and(|story| story.len() > 1));
    assert_eq!(story["timeline"][1]["text"], "the server started again", "{story}");
    let up = json!({ "state": "up", "reason": "test", "author": "test" });
    server.send("PUT", "/v1/channels/whatsapp/override", &up);
    once(&server, &path, |one| one["ended"].is_string());
}

#[test]
#[ignore = "starts the server as a process: run by tests/all"]
fn a_drill_is_begun_and_reported_by_the_command_line() {
    let server = Server::start(&config(&format!("{TRUNK}{CHANNEL}")), PLAN);
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_desvio"));
        // The port was chosen by the system: the command reads it from a configuration of its own.
        let told = std::fs::read_to_string(server.folder.join("config/desvio.toml")).expect("the configuration");
        let told = told.replacen("listen = \"127.0.0.1:0\"\ntoken", &format!("listen = \"{}\"\ntoken", server.api), 1);
        std::fs::write(server.folder.join("config/client.toml"), told).expect("a configuration");
        let command = command.args(["--config", "config/client.toml"]).args(arguments).current_dir(&server.folder);
        let output = command.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = run(&["drill", "whatsapp", "--for", "10m", "--shadow", "--detach"]);
    assert_eq!(code, Some(1), "nobody is signed in, so something fails: {said}");
    assert!(said.contains("FAILS  agents"), "{said}");
    let (_, listed) = run(&["channels"]);
    assert!(listed.contains("whatsapp"), "{listed}");
    let (_, ended) = run(&["drill", "whatsapp", "--end"]);
    assert!(ended.contains("the drill was ended by hand"), "{ended}");
    // Who is told that it is over finds it: no wait in between.
    let (_, incidents) = run(&["incidents"]);
    assert!(incidents.contains("whatsapp (shadow drill)"), "{incidents}");
}
