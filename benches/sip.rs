//! What reading and answering one INVITE costs: `cargo bench --bench sip`.

use std::time::Instant;

use bytes::Bytes;
use desvio::sip::agent::Event;
use desvio::sip::agent::UserAgent;
use desvio::sip::config::Config;
use desvio::sip::framing::Framer;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transport;
use desvio::sip::limits::Limits;
use desvio::sip::message::Message;
use desvio::sip::message::Request;
use divan::AllocProfiler;
use divan::Bencher;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// 17 headers and SDP, as a trunk sends it.
const INVITE: &[u8] = include_bytes!("../tests/data/invite.sip");

fn main() {
    divan::main();
}

fn read(datagram: Bytes) -> Request {
    match Message::parse(datagram) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Bytes::from_static(INVITE)).bench_values(read);
}

#[divan::bench]
fn validate(bencher: Bencher<'_, '_>) {
    let request = read(Bytes::from_static(INVITE));
    bencher.bench_local(|| request.validate());
}

/// From a datagram that was just received to the bytes of its answer.
#[divan::bench]
fn parse_five_headers_reply_write(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Bytes::from(INVITE.to_vec())).bench_values(|datagram| {
        let request = read(datagram);
        let headers = &request.headers;
        let typed = (headers.via(), headers.from_header(), headers.to_header(), headers.call_id(), headers.cseq());
        divan::black_box(&typed);
        request.reply(180).write()
    });
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

/// The whole way of a new call: read, checked, a transaction, 100, an event for the PBX; then 486 and its bytes.
#[divan::bench]
fn receive_route_answer(bencher: Bencher<'_, '_>) {
    let limits = Limits { invites: usize::MAX, transactions: usize::MAX, requests_per_second: 0, ..Limits::default() };
    let limits = Limits { invites_per_source: usize::MAX, ..limits };
    let mut agent = UserAgent::new(&Config { limits, ..Config::default() }, fastrand::Rng::with_seed(7));
    let now = start();
    let remote = "203.0.113.7:5060".parse().expect("an address");
    let local = "192.0.2.1:5060".parse().expect("an address");
    let hop = Hop { transport: Transport::Udp, local, remote, connection: None };
    let mut number = 0;
    let text = String::from_utf8_lossy(INVITE);
    bencher
        .with_inputs(|| {
            number += 1;
            let text = text.replace("z9hG4bKnashds8.1", &format!("z9hG4bK{number:09}"));
            Bytes::from(text.replace("3848276298220188511", &format!("{number:019}")))
        })
        .bench_local_values(|bytes| {
            agent.receive(Packet { hop, bytes }, now);
            if let Some(Event::Invite { transaction, request, .. }) = agent.poll_event() {
                agent.respond(transaction, request.reply(486), now);
            }
            while let Some(sent) = agent.poll_transmit() {
                divan::black_box(sent);
            }
        });
}

#[divan::bench]
fn parse_and_write(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Bytes::from(INVITE.to_vec())).bench_values(|datagram| read(datagram).write());
}

#[divan::bench]
fn cut_from_a_stream(bencher: Bencher<'_, '_>) {
    let mut framer = Framer::new();
    bencher.bench_local(|| {
        framer.push(INVITE);
        framer.next_frame()
    });
}
