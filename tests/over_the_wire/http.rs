//! The smallest HTTP client and server that the tests need.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

/// Status and body of one request with a bearer token.
pub(crate) fn request(to: SocketAddr, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    request_with(to, token, method, path, body, "")
}

/// As `request`, with further header lines.
pub(crate) fn request_with(
    to: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
    more: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(to).expect("the API listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    (status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

/// The server's events, as they come.
pub(crate) struct Events {
    lines: BufReader<TcpStream>,
    pub(crate) seen: Vec<Value>,
}

impl Events {
    pub(crate) fn open(to: SocketAddr, token: &str) -> Self {
        let mut stream = TcpStream::connect(to).expect("the API listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {token}\r\n\r\n")
            .expect("a request");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(lines.read_line(&mut line).expect("a header") > 0, "the event stream closed");
        }
        Self { lines, seen: Vec::new() }
    }

    /// The next event of this type for which `is_it` holds; everything before it is passed over.
    pub(crate) fn wait_for(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(45);
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line);
            assert!(matches!(read, Ok(1..)) && Instant::now() < until, "no `{kind}` came; seen: {:#?}", self.seen);
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            let event: Value = serde_json::from_str(data.trim()).expect("JSON in an event");
            self.seen.push(event.clone());
            if event["type"] == kind && is_it(&event["data"]) {
                return event["data"].clone();
            }
        }
    }
}

/// A provider of texts that takes everything and says what came.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) requests: mpsc::Receiver<String>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::that_answers_first(&[])
    }

    /// Answers the first POSTs with these statuses and all others with 200.
    pub(crate) fn that_answers_first(statuses: &'static [u16]) -> Self {
        let mut statuses = statuses.iter().copied();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = answer(stream, &mut statuses);
                // The channel's probes knock here as well.
                if request.starts_with("POST") && sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self { address, requests }
    }
}

fn answer(mut stream: TcpStream, statuses: &mut impl Iterator<Item = u16>) -> String {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = reader.read_exact(&mut body);
    let reply = r#"{"id":"sm-1"}"#;
    let status = if head.starts_with("POST") { statuses.next().unwrap_or(200) } else { 200 };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
        reply.len()
    );
    head + &String::from_utf8_lossy(&body)
}
