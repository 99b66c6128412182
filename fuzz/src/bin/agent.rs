//! The whole user agent: datagrams parted by a line `%%`, between them time passes and calls are taken and answered. Every
//! answer can be read, and when all has run out nothing is left.

#![no_main]

use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use desvio_fuzz::read_back;
use desvio_fuzz::sip::agent::Event;
use desvio_fuzz::sip::agent::SessionEvent;
use desvio_fuzz::sip::agent::UserAgent;
use desvio_fuzz::sip::config::Config;
use desvio_fuzz::sip::hop::Hop;
use desvio_fuzz::sip::hop::Packet;
use desvio_fuzz::sip::hop::Transport;
use libfuzzer_sys::fuzz_target;

const BETWEEN: &[u8] = b"%%\r\n";

fuzz_target!(|data: &[u8]| {
    let mut agent = UserAgent::new(&Config::default(), fastrand::Rng::with_seed(7));
    let mut now = Instant::now();
    for datagram in datagrams(data) {
        let packet = Packet { hop: hop(), bytes: Bytes::copy_from_slice(datagram) };
        agent.receive(packet, now);
        serve(&mut agent, now);
        now += Duration::from_millis(700);
        agent.handle_timeout(now);
        serve(&mut agent, now);
    }
    while let Some(at) = agent.poll_timeout() {
        now = now.max(at);
        agent.handle_timeout(now);
        serve(&mut agent, now);
    }
    let counts = agent.counts();
    assert_eq!(counts.transactions, 0, "{counts:?}");
});

fn datagrams(mut data: &[u8]) -> Vec<&[u8]> {
    let mut datagrams = Vec::new();
    while let Some(at) = data.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        datagrams.push(&data[..at]);
        data = &data[at + BETWEEN.len()..];
    }
    datagrams.push(data);
    datagrams
}

fn hop() -> Hop {
    Hop {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "192.0.2.2:5060".parse().expect("an address"),
        connection: None,
    }
}

/// The PBX: takes and answers every call, hangs up what was confirmed, declines the rest.
fn serve(agent: &mut UserAgent, now: Instant) {
    while let Some(event) = agent.poll_event() {
        match event {
            Event::Invite { transaction, .. } => {
                if let Some(session) = agent.take(transaction, now) {
                    agent.progress(session, 180, None, now);
                    agent.accept(session, Bytes::from_static(b"v=0\r\n"), now);
                }
            }
            Event::Request { transaction, request, .. } => agent.respond(transaction, request.reply(200), now),
            Event::Session { session, event: SessionEvent::Confirmed { .. } } => agent.hang_up(session, None, now),
            Event::Session { session, event: SessionEvent::Offered { .. } } => {
                agent.answer(session, Bytes::from_static(b"v=0\r\n"), now);
            }
            _ => {}
        }
    }
    while let Some(sent) = agent.poll_transmit() {
        read_back(sent.bytes);
    }
}
