//! Every message of RFC 4475 and RFC 5118 over UDP and over TCP: each gets the answer that `expected.tsv` allows, and
//! the server goes on answering others.
//!
//! The messages leave as they are. No Via in them names where we are, so the answer comes back to where we send from.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::time::Duration;
use std::time::Instant;

use crate::cases::Case;
use crate::cases::allowed;
use crate::cases::cases;
use crate::cases::wire;
use crate::cases::with_own_branch;
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
    let server = Server::start(&config(""), PLAN);
    torture(&server, server.tcp, by_stream, |case| !ANOTHER_ON_A_STREAM.iter().any(|name| case.file.ends_with(name)));
}

/// On a stream what follows a message is the next one and not surplus, a body that is too short may still come, what is no
/// start line is stepped over, and a message without Content-Length is refused (RFC 3261 §18.3).
const ANOTHER_ON_A_STREAM: [&str; 4] = ["dblreq.dat", "clerr.dat", "test.dat", "inv2543.dat"];

fn torture(server: &Server, address: SocketAddr, exchange: Exchange, is_meant: fn(&Case) -> bool) {
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().filter(|case| is_meant(case)).enumerate() {
        let patience = if case.accept == "none" { SILENT_FOR } else { ANSWERED_WITHIN };
        let got = exchange(address, &with_own_branch(wire(&case.file), number), patience);
        if !allowed(got, &case.accept) {
            wrong.push(format!("{}: {got:?}, not {}", case.file, case.accept));
        }
        let alive = exchange(address, options(number).as_bytes(), Duration::from_secs(5));
        assert_eq!(alive, Some(200), "OPTIONS after {}", case.file);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!server.log().contains("panicked"), "{}", server.log());
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
