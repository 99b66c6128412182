//! Broken messages by the thousand: none is a panic, none is answered twice or wrongly, and afterwards all is as before.
//!
//! `DESVIO_MUTANTS` sets how many there are (default 3,000), `DESVIO_SEED` the first seed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::sip::agent::Event;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::outside;
use crate::sip::framing::Frame;
use crate::sip::framing::Framer;
use crate::sip::headers::Name;
use crate::sip::hop::Packet;
use crate::sip::hop::Transport;
use crate::sip::limits::Limits;
use crate::sip::message::Message;
use crate::sip::message::Response;
use crate::sip::mutation::mutant;
use crate::sip::transaction::testing::secs;
use crate::sip::transaction::testing::tcp;

pub(super) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Torture messages and an ordinary INVITE: what mutants are made of.
fn good_stock() -> Vec<Vec<u8>> {
    let root = Path::new(file!()).ancestors().nth(5).expect("src/sip/agent/tests/hostile.rs");
    let mut stock = vec![fs::read(root.join("tests/data/invite.sip")).unwrap()];
    for folder in ["rfc4475", "rfc5118"] {
        let files = fs::read_dir(root.join("tests/torture").join(folder)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        stock.extend(files.iter().map(|file| fs::read(file).unwrap()));
    }
    stock
}

fn mutants() -> impl Iterator<Item = (u64, Vec<u8>)> {
    let stock = good_stock();
    let (first, count) = (setting("DESVIO_SEED", 0), setting("DESVIO_MUTANTS", 3_000));
    (first..first + count).map(move |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let message = &stock[rng.usize(0..stock.len())];
        (seed, mutant(&mut rng, message, &stock))
    })
}

/// Answers whatever the agent passes on, as the PBX would: takes a call and refuses it, declines the rest.
fn serve(bench: &mut Bench) {
    for event in bench.events() {
        match event {
            Event::Invite { transaction, .. } => {
                let session = bench.agent.take(transaction, bench.now);
                session.into_iter().for_each(|session| bench.agent.reject(session, 486, None, bench.now));
            }
            Event::Request { transaction, request, .. } => {
                bench.agent.respond(transaction, request.reply(404), bench.now);
            }
            _ => {}
        }
    }
}

fn is_served(bench: &mut Bench, seed: u64) {
    let branch = format!("alive{seed}");
    bench.receive(&outside("OPTIONS", &branch, "").replace("Call-ID: one", &format!("Call-ID: {branch}")));
    serve(bench);
    assert_eq!(bench.lines(), ["SIP/2.0 404 Not Found"], "the request after mutant {seed}");
}

/// What a response must be, whatever it answers.
fn check(answer: &[u8], seed: u64) -> Response {
    // Our answer has all the Vias of its request, however many a mutant has.
    let limits = Limits { vias: usize::MAX, ..Limits::default() };
    let message = Message::parse_within(Bytes::copy_from_slice(answer), &limits);
    let Ok(Message::Response(response)) = message else { panic!("mutant {seed}: {message:?}") };
    assert!(response.headers.contains(&Name::Via), "mutant {seed}: an answer without Via");
    response
}

#[test]
fn broken_datagrams_are_answered_once_or_dropped_and_the_next_request_is_served() {
    let mut statuses = BTreeSet::new();
    let mut bench = Bench::new();
    for (seed, bytes) in mutants() {
        let packet = Packet { hop: bench.hop, bytes: bytes.into() };
        bench.agent.receive(packet, bench.now);
        serve(&mut bench);
        let answers: Vec<Response> = bench.sent().iter().map(|sent| check(&sent.bytes, seed)).collect();
        let finals = answers.iter().filter(|answer| answer.is_final()).count();
        assert!(finals <= 1, "mutant {seed} is answered {finals} times");
        statuses.extend(answers.iter().map(|answer| answer.status));
        is_served(&mut bench, seed);
        bench.advance(secs(1));
    }
    bench.nothing_is_left();
    // Otherwise these accidents would prove nothing.
    assert!(statuses.len() > 8, "{statuses:?}");
}

#[test]
fn broken_messages_on_a_stream_cost_none_of_the_later_ones() {
    let mut bench = Bench::new();
    bench.hop = tcp();
    let mut framer = Framer::new();
    let mut missed = 0;
    for (seed, bytes) in mutants() {
        let next = outside("OPTIONS", &format!("next{seed}"), "").replace("one", &format!("next{seed}"));
        framer.push(&bytes);
        framer.push(b"\r\n");
        framer.push(next.as_bytes());
        let mut found = false;
        for frame in std::iter::from_fn(|| framer.next_frame()) {
            match frame {
                Frame::Message(bytes) => {
                    found |= bytes.starts_with(b"OPTIONS") && bytes.ends_with(next.as_bytes());
                    bench.agent.receive(Packet { hop: bench.hop, bytes }, bench.now);
                }
                Frame::Bad(error) => drop(error.reply().map(|reply| check(&reply.write(), seed))),
                Frame::Ping => {}
            }
        }
        missed += u32::from(!found);
        serve(&mut bench);
        bench.sent().iter().for_each(|sent| drop(check(&sent.bytes, seed)));
        bench.advance(secs(1));
    }
    assert_eq!(bench.hop.transport, Transport::Tcp);
    // A length that is stated too long swallows what follows, and one cut in its head grows into it: a message or two.
    assert!(u64::from(missed) < setting("DESVIO_MUTANTS", 3_000) / 4, "{missed} messages behind broken ones were lost");
    is_found_again(&mut framer);
}

/// After whatever came, at most 64 KB of good messages until the first of them is seen.
fn is_found_again(framer: &mut Framer) {
    let last = outside("OPTIONS", "last", "");
    let found = (0..300).any(|_| {
        framer.push(last.as_bytes());
        std::iter::from_fn(|| framer.next_frame())
            .any(|frame| matches!(frame, Frame::Message(bytes) if bytes == last.as_bytes()))
    });
    assert!(found, "the stream is lost for good");
}
