//! What 100,000 registered phones cost in memory, counted by the allocator itself.
//!
//! In a program of its own: the counting allocator serves everything that runs beside it.

use std::alloc::System;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use desvio::registrar::Registrar;
use desvio::registrar::config::Config;
use desvio::registrar::config::Extension;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Transport;
use desvio::sip::message::Message;
use desvio::sip::nonce::Mark;
use jiff::Timestamp;
use stats_alloc::Region;
use stats_alloc::StatsAlloc;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// A quarter of what is promised, for the time it takes: nothing in it grows faster than the phones.
const PHONES: u32 = 25_000;
const SCALE: usize = 4;
const MOST_BYTES: usize = 100_000_000;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

/// As a desk phone behind NAT writes it, with a device and a flow of its own.
fn register(phone: u32) -> Bytes {
    let [_, high, middle, low] = phone.to_be_bytes();
    Bytes::from(format!(
        "REGISTER sip:desvio.local SIP/2.0\r\nVia: SIP/2.0/UDP 10.{high}.{middle}.{low}:5060;branch=z9hG4bK{phone:012};rport\r\n\
         From: <sip:{phone}@desvio.local>;tag={phone}\r\nTo: <sip:{phone}@desvio.local>\r\n\
         Call-ID: {phone:020}@10.{high}.{middle}.{low}\r\nCSeq: 1 REGISTER\r\nUser-Agent: Yealink SIP-T46U 108.86.0.{}\r\n\
         Supported: path, outbound\r\nContact: <sip:{phone}@10.{high}.{middle}.{low}:5060;transport=udp>;\
         +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-{phone:012}>\";reg-id=1\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
        phone % 40
    ))
}

fn hop(phone: u32) -> Hop {
    let [_, high, middle, low] = phone.to_be_bytes();
    Hop {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: ([100, high, middle, low], 40_000).into(),
        connection: None,
    }
}

#[test]
fn a_hundred_thousand_phones_need_less_than_100_mb_and_are_forgotten_without_a_trace() {
    let extensions: Vec<Extension> =
        (0..PHONES).map(|number| Extension { number: number.to_string(), ..Extension::default() }).collect();
    let (now, wall) = (start(), Timestamp::UNIX_EPOCH);
    let all = Region::new(ALLOCATOR);
    let rng = fastrand::Rng::with_seed(1);
    let mut registrar = Registrar::new(&Config::default(), &extensions, "desvio.local", &[1; 32], rng);
    let bindings = Region::new(ALLOCATOR);
    for phone in 0..PHONES {
        let Ok(Message::Request(request)) = Message::parse(register(phone)) else { panic!("malformed") };
        let answer = registrar.register(&phone.to_string(), &request, &hop(phone), Mark::default(), now, wall);
        assert_eq!(answer.status, 200);
        while registrar.poll_effect().is_some() {}
    }
    assert_eq!(registrar.len(), PHONES as usize);
    let held = |region: &Region<'_, System>| {
        let change = region.change();
        change.bytes_allocated.saturating_sub(change.bytes_deallocated)
    };
    let (whole, of_bindings) = (held(&all), held(&bindings));
    println!(
        "100,000 bindings: {:.1} MB, {} bytes each; with their extensions {:.1} MB",
        (of_bindings * SCALE) as f64 / 1e6,
        of_bindings / PHONES as usize,
        (whole * SCALE) as f64 / 1e6
    );
    assert!(whole * SCALE < MOST_BYTES, "{whole} bytes");

    registrar.handle_timeout(now + Duration::from_secs(3600));
    let mut forgotten = 0;
    while registrar.poll_effect().is_some() {
        forgotten += 1;
    }
    assert_eq!((registrar.len(), forgotten), (0, 2 * PHONES), "each is forgotten, and each extension is away");
    let left = held(&bindings);
    assert!(left < of_bindings / 5, "{left} bytes are left");
}
