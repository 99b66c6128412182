//! Every message of RFC 4475 and RFC 5118 over UDP and over TCP: each gets the answer that `expected.tsv` allows, and
//! the server goes on answering others.
//!
//! The messages leave as they are. No Via in them names where we are, so the answer comes back to where we send from.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::server::Server;
use crate::server::config;

const PLAN: &str = "flow \"entrada\" {\n    answer\n    hangup\n}\n";
/// How long an answer may take; one that must not come is waited for no longer.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1_500);
const SILENT_FOR: Duration = Duration::from_millis(300);

type Exchange = fn(SocketAddr, &[u8], Duration) -> Option<u16>;

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn torture_over_udp() {
    let server = Server::start(&config(""), PLAN);
    torture(&server, server.sip, by_datagram, |_| true);
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn torture_over_tcp() {
    // On a stream what follows a message is the next one, not surplus.
    let server = Server::start(&config(""), PLAN);
    torture(&server, server.tcp, by_stream, |case| !case.file.ends_with("dblreq.dat"));
}

fn torture(server: &Server, address: SocketAddr, exchange: Exchange, is_meant: fn(&Case) -> bool) {
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().filter(|case| is_meant(case)).enumerate() {
        let patience = if case.accept == "none" { SILENT_FOR } else { ANSWERED_WITHIN };
        let got = exchange(address, &with_own_branch(wire(&case.file), number), patience);
        if !allowed(got, &case.accept) && !allowed(got, &case.weak) {
            wrong.push(format!("{}: {got:?}, not {} or {}", case.file, case.accept, case.weak));
        }
        let alive = exchange(address, options(number).as_bytes(), Duration::from_secs(5));
        assert_eq!(alive, Some(200), "OPTIONS after {}", case.file);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// One line of `expected.tsv`.
struct Case {
    file: String,
    accept: String,
    weak: String,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture"))
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(folder().join("expected.tsv")).expect("the table");
    let lines = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines.map(|row| Case { file: row[0].into(), accept: row[7].into(), weak: row[8].into() }).collect()
}

/// `NNN`, `Nxx`, `none`, `V` (a final answer that does not blame the syntax); a `-` before it forbids.
fn allowed(got: Option<u16>, tokens: &str) -> bool {
    let hit = |token: &str| match (token, got) {
        ("none", got) => got.is_none(),
        (_, None) => false,
        ("V", Some(status)) => ![400, 414, 500, 505, 513].contains(&status),
        (token, Some(status)) => match token.strip_suffix("xx") {
            Some(class) => class.parse() == Ok(status / 100),
            None => token.parse() == Ok(status),
        },
    };
    let mut forbidden = tokens.split(',').filter_map(|token| token.strip_prefix('-'));
    !forbidden.any(hit) && tokens.split(',').any(|token| !token.is_empty() && hit(token))
}

/// RFC 5118's archive has bare line feeds, two heads without an end, and lengths that do not fit: made wire bytes.
fn wire(file: &str) -> Vec<u8> {
    let mut raw = std::fs::read(folder().join(file)).expect("a message");
    if file.ends_with("baddn.dat") {
        // The archive lacks its last line end: over UDP it would be a cut message.
        raw.extend_from_slice(b"\r\n");
    }
    if raw.windows(2).any(|pair| pair == b"\r\n") {
        return raw;
    }
    let text = String::from_utf8(raw).expect("text");
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let body = body.replace('\n', "\r\n");
    let rows: Vec<_> =
        head.lines().filter(|row| !row.starts_with("Content-Length") && !row.starts_with("l:")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", rows.join("\r\n"), body.len()).into()
}

/// Some messages share host and branch: they would be repeats of one transaction, answered where the first came from.
fn with_own_branch(message: Vec<u8>, number: usize) -> Vec<u8> {
    let shared = [&b"z9hG4bKkdjuw"[..], b"z9hG4bKas3-111"];
    let found = shared.iter().find_map(|branch| {
        let at = message.windows(branch.len()).position(|window| window == *branch)?;
        Some(at + branch.len())
    });
    match found {
        Some(end) => [&message[..end], format!("{number}").as_bytes(), &message[end..]].concat(),
        None => message,
    }
}

fn options(number: usize) -> String {
    format!(
        "OPTIONS sip:desvio.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKalive{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:probe@192.0.2.1>;tag=1\r\nTo: <sip:desvio.test>\r\nCall-ID: alive{number}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn by_datagram(server: SocketAddr, message: &[u8], patience: Duration) -> Option<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.send_to(message, server).expect("sent");
    let mut buffer = vec![0; 65_535];
    first_final(patience, |left| {
        socket.set_read_timeout(Some(left)).expect("a time");
        let length = socket.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    })
}

fn by_stream(server: SocketAddr, message: &[u8], patience: Duration) -> Option<u16> {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.write_all(message).expect("sent");
    let mut buffer = vec![0; 65_535];
    first_final(patience, |left| {
        stream.set_read_timeout(Some(left)).expect("a time");
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        Some(buffer[..length].to_vec())
    })
}

/// The first final status in what comes, a piece at a time: several answers may come in one.
fn first_final(patience: Duration, mut next: impl FnMut(Duration) -> Option<Vec<u8>>) -> Option<u16> {
    let until = Instant::now() + patience;
    loop {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        let piece = next(left)?;
        let text = String::from_utf8_lossy(&piece);
        let statuses = text.lines().filter_map(|line| line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse::<u16>().ok());
        if let Some(status) = statuses.filter(|status| *status >= 200).min() {
            return Some(status);
        }
    }
}
