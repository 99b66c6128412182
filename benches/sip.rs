//! What reading and answering one INVITE costs: `cargo bench --bench sip`.

use bytes::Bytes;
use desvio::sip::framing::Framer;
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
