//! Our sockets against others, over loopback.

mod authority;
mod datagrams;
mod limits;
mod streams;
mod tls;
mod websocket;

use std::future::Future;
use std::future::poll_fn;
use std::time::Duration;

use super::*;

const PING: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";
/// A request that can be answered.
const ASKED: &[u8] =
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/// On a thread like the event loop's, with workers beside it.
fn run<F: Future>(test: impl FnOnce(Handle) -> F) {
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let main = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    main.block_on(test(workers.handle().clone()));
    workers.shutdown_background();
}

fn open(listen: &str, workers: &Handle) -> Sockets {
    open_with(&format!("listen = [\"{listen}\"]"), &[], workers)
}

/// `sip` is the section, each of `trunks` a table.
fn open_with(sip: &str, trunks: &[&str], workers: &Handle) -> Sockets {
    let sip: Config = toml::from_str(sip).unwrap();
    let trunks: Vec<_> = trunks.iter().map(|trunk| toml::from_str(trunk).unwrap()).collect();
    Sockets::open(&sip, Files::new(&sip, &trunks, std::path::Path::new("")), workers).unwrap()
}

async fn arrival(sockets: &mut Sockets) -> Arrival {
    let wait = async {
        loop {
            if let Some(arrival) = sockets.receive(Instant::now()) {
                return arrival;
            }
            poll_fn(|context| sockets.poll_ready(context)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap()
}

async fn packet(sockets: &mut Sockets) -> Packet {
    match arrival(sockets).await {
        Arrival::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

/// The same while the other end works too; also what that one hears meanwhile.
async fn packet_beside(sockets: &mut Sockets, other: &mut Sockets) -> (Packet, Vec<Arrival>) {
    let mut heard = Vec::new();
    let working = async {
        loop {
            while let Some(arrival) = other.receive(Instant::now()) {
                heard.push(arrival);
            }
            poll_fn(|context| other.poll_ready(context)).await;
        }
    };
    let packet = tokio::select! {
        packet = packet(sockets) => packet,
        () = working => unreachable!("it works for ever"),
    };
    (packet, heard)
}

/// Lets the sockets work until this holds.
async fn until(sockets: &mut Sockets, holds: impl Fn(&Sockets) -> bool) {
    let wait = async {
        while !holds(sockets) {
            let _ =
                tokio::time::timeout(Duration::from_millis(5), poll_fn(|context| sockets.poll_ready(context))).await;
            let _ = sockets.receive(Instant::now());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it never held");
}

/// Bound, so that nobody else has it, and not listening.
fn silent() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn address_of(sockets: &Sockets) -> SocketAddr {
    sockets.listeners()[0].address
}
