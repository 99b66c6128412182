//! Our server as a process of its own, with a folder and ports of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::http;
use crate::http::Events;

pub(crate) struct Server {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) sip: SocketAddr,
    pub(crate) tcp: SocketAddr,
    /// See [`with_tls`].
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) api: SocketAddr,
    lines: mpsc::Receiver<String>,
    said: Vec<String>,
}

/// A folder of the test's own, gone with the machine's temporary files.
pub(crate) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("desvio-{}-{count}-{name}", std::process::id()));
    // An earlier process of the same number may have left one, with its calls and texts in it.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Three extensions, a queue, a trunk known by 127.0.0.2, and a channel whose probes go where `more` says.
pub(crate) fn config(more: &str) -> String {
    format!(
        r#"
[sip]
domain = "desvio.test"
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]

[media]
address = "127.0.0.1"
ports = "20000-29999"
codecs = ["pcma", "pcmu"]

[storage]
url = "sqlite:data/desvio.db"

[api]
listen = "127.0.0.1:0"
token = "a-token-of-the-tests"

[dialplan]
files = ["dialplans/*.kdl"]
language = "pt-BR"

[[extension]]
number = "200"
name = "Ana"
password = "segredo"

[[extension]]
number = "201"
name = "Bruno"
password = "segredo"

[[extension]]
number = "202"
name = "Carla"
password = "segredo"

[[queue]]
name = "vendas"
agents = ["200", "201"]
ring_for = "5s"
wrap_up = "1s"

{more}
"#
    )
}

pub(crate) const TRUNK: &str = r#"
[[trunk]]
name = "operadora"
host = "127.0.0.2"
port = 5060
from = ["127.0.0.2"]
"#;

/// A certificate that signs itself, and its key, in a folder of their own.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

pub(crate) fn certificate(name: &str) -> Certificate {
    let folder = folder("certificate");
    let path = |file: &str| folder.join(file).display().to_string();
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    let certificate = Certificate { pem: path("tls.pem"), key: path("tls.key") };
    std::fs::write(&certificate.pem, made.cert.pem()).expect("a certificate");
    std::fs::write(&certificate.key, made.signing_key.serialize_pem()).expect("a key");
    certificate
}

impl Certificate {
    /// As the configuration names it.
    pub(crate) fn keys(&self) -> String {
        format!("certificate = \"{}\"\ncertificate_key = \"{}\"\n", self.pem, self.key)
    }
}

/// The same configuration with a listener for TLS, and these keys more under `[sip]`.
pub(crate) fn with_tls(config: &str, keys: &str) -> String {
    let listen = "\"tcp:127.0.0.1:0\"]\n";
    assert!(config.contains(listen));
    config.replacen(listen, &format!("\"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"]\n{keys}"), 1)
}

impl Server {
    pub(crate) fn start(config: &str, plan: &str) -> Self {
        let folder = folder("server");
        std::fs::create_dir_all(folder.join("config")).expect("a folder");
        std::fs::create_dir_all(folder.join("dialplans")).expect("a folder");
        std::fs::write(folder.join("config/desvio.toml"), config).expect("a configuration");
        std::fs::write(folder.join("dialplans/plan.kdl"), plan).expect("a dialplan");
        Self::start_in(folder)
    }

    /// Starts (again) on what stands in this folder.
    pub(crate) fn start_in(folder: PathBuf) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_desvio"))
            .args(["serve", "--config", "config/desvio.toml"])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).expect("a log"))
            .spawn()
            .expect("the server starts");
        let lines = lines_of(child.stdout.take().expect("its output"));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server =
            Self { child, folder, sip: nowhere, tcp: nowhere, tls: None, api: nowhere, lines, said: Vec::new() };
        server.sip = server.address_after("udp:");
        server.tcp = server.address_after("tcp:");
        server.api = server.address_after("http://");
        server.tls = server.address_in("  tls:");
        server
    }

    fn address_in(&self, mark: &str) -> Option<SocketAddr> {
        self.said.iter().find_map(|line| {
            let (_, rest) = line.split_once(mark)?;
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
            rest[..end].trim_end_matches('.').parse().ok()
        })
    }

    /// The same, once its trunks can carry calls: where they are is found out after the start.
    pub(crate) fn with_its_trunks(self) -> Self {
        let until = Instant::now() + Duration::from_secs(30);
        let wait = |server: &Self| {
            let status = server.get("/v1/status");
            status["trunks"].as_array().expect("trunks").iter().any(|trunk| trunk["state"] != "ready")
        };
        while wait(&self) {
            assert!(Instant::now() < until, "the trunks are not ready: {}", self.get("/v1/status"));
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// From the lines that the server says at its start.
    pub(crate) fn address_after(&mut self, mark: &str) -> SocketAddr {
        loop {
            if let Some(address) = self.address_in(mark) {
                return address;
            }
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("the server never said {mark}: {:#?}\n{}", self.said, self.log()),
            }
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = http::request(self.api, "a-token-of-the-tests", "GET", path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = http::request(self.api, "a-token-of-the-tests", method, path, Some(body));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) fn events(&self) -> Events {
        Events::open(self.api, "a-token-of-the-tests")
    }

    pub(crate) fn send_with_key(&self, method: &str, path: &str, body: &Value, key: &str) -> Value {
        let (status, answer) = http::request_with(
            self.api,
            "a-token-of-the-tests",
            method,
            path,
            Some(body),
            &format!("Idempotency-Key: {key}\r\n"),
        );
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// `PUT /v1/channels/whatsapp/override`.
    pub(crate) fn declare_outage(&self) {
        let wish = serde_json::json!({ "state": "down", "reason": "test", "author": "test" });
        self.send("PUT", "/v1/channels/whatsapp/override", &wish);
    }

    /// Sends it a signal.
    pub(crate) fn is_told(&self, signal: &str) {
        let pid = self.child.id().to_string();
        Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill");
    }

    /// At once, as by a loss of power.
    pub(crate) fn killed(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.is_told("TERM");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server said:\n{}\n{}", self.said.join("\n"), self.log());
        }
    }
}

pub(crate) fn lines_of(from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

pub(crate) fn newest(folder: &Path, ends_with: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(ends_with)).collect();
    files.sort_by_key(|path| std::fs::metadata(path).map(|meta| meta.len()).unwrap_or(0));
    files.pop()
}
