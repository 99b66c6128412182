//! Every torture message, and thousands of broken ones made from them, sent to the whole PBX by a stranger and by the
//! carrier: each is answered as the RFC wants it, and the house goes on serving others.

use std::net::SocketAddr;

use desvio::sip::framing::Frame;
use desvio::sip::framing::Framer;
use desvio::sip::hop::ConnectionId;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transport;
use desvio::switch::input::Input;

use crate::bench::Bench;
use crate::bench::SERVER;
use crate::bench::secs;
use crate::cases::allowed;
use crate::cases::cases;
use crate::cases::wire;
use crate::cases::with_own_branch;
use crate::mutation::mutant;

const STRANGER: &str = "203.0.113.77:5060";
const GATEWAY: &str = "198.51.100.50:5060";

fn hop(from: &str, transport: Transport) -> Hop {
    let remote: SocketAddr = from.parse().expect("an address");
    let connection = transport.is_reliable().then_some(ConnectionId(1));
    Hop { transport, local: SERVER.parse().expect("an address"), remote, connection }
}

/// The final statuses with which a message is answered.
fn answers(pbx: &mut Bench, hop: Hop, bytes: &[u8]) -> Vec<u16> {
    // Refusals of what came before are repeated until an ACK that never comes.
    pbx.unclaimed.clear();
    match hop.transport {
        Transport::Udp => pbx.input(Input::Packet(Packet { hop, bytes: bytes.to_vec().into() })),
        _ => return answers_on_a_stream(pbx, hop, bytes),
    }
    finals(pbx)
}

/// As the sockets do it: what cannot be cut is answered where that is possible.
fn answers_on_a_stream(pbx: &mut Bench, hop: Hop, bytes: &[u8]) -> Vec<u16> {
    let mut framer = Framer::new();
    framer.push(bytes);
    let mut statuses = Vec::new();
    while let Some(frame) = framer.next_frame() {
        match frame {
            Frame::Message(bytes) => pbx.input(Input::Packet(Packet { hop, bytes })),
            Frame::Bad(error) => statuses.extend(error.status()),
            Frame::Ping => {}
        }
        statuses.extend(finals(pbx));
    }
    statuses
}

fn finals(pbx: &mut Bench) -> Vec<u16> {
    let texts = std::mem::take(&mut pbx.unclaimed);
    let status = |text: &String| text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse::<u16>().ok();
    texts.iter().filter_map(status).filter(|status| *status >= 200).collect()
}

fn options(number: usize) -> String {
    format!(
        "OPTIONS sip:desvio.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKalive{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:probe@192.0.2.1>;tag=1\r\nTo: <sip:desvio.test>\r\nCall-ID: alive{number}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn torture(from: &str, transport: Transport) {
    let mut pbx = Bench::new();
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        // What follows a message on a stream is the next one, not surplus; and RFC 3261 §18.3 wants a Content-Length there.
        let is_another_on_a_stream = ["dblreq.dat", "inv2543.dat"].iter().any(|name| case.file.ends_with(name));
        if transport.is_reliable() && is_another_on_a_stream {
            continue;
        }
        let message = with_own_branch(wire(&case.file), number);
        let got = answers(&mut pbx, hop(from, transport), &message);
        // A head without an end has no answer yet on a stream: the rest may still come.
        let waits =
            transport.is_reliable() && got.is_empty() && ["clerr", "test"].iter().any(|name| case.file.contains(name));
        if !waits && (got.len() > 1 || !allowed(got.first().copied(), &case.accept)) {
            wrong.push(format!("{}: {got:?}, not {}", case.file, case.accept));
        }
        let alive = answers(&mut pbx, hop(from, transport), options(number).as_bytes());
        assert_eq!(alive, [200], "OPTIONS after {}", case.file);
        // Some share Call-ID, tag and CSeq: until the first is forgotten, the second is a merged request.
        pbx.advance(secs(40));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    pbx.all_is_quiet();
}

#[test]
fn a_stranger_s_torture_messages_get_what_the_rfc_wants() {
    torture(STRANGER, Transport::Udp);
    torture(STRANGER, Transport::Tcp);
}

#[test]
fn the_carrier_s_torture_messages_get_what_the_rfc_wants() {
    torture(GATEWAY, Transport::Udp);
    torture(GATEWAY, Transport::Tcp);
}

/// Messages of calls and registrations that somebody has broken in one or several places; see `tests/torture/mutations`.
#[test]
fn two_hundred_broken_messages_are_answered_once_at_most_and_the_house_goes_on() {
    let files = mutations();
    assert_eq!(files.len(), 200);
    for from in [STRANGER, GATEWAY] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let mut pbx = Bench::new();
            for (number, file) in files.iter().enumerate() {
                let message = std::fs::read(file).expect("a message");
                let got = answers(&mut pbx, hop(from, transport), &message);
                let name = file.display();
                // On a stream what follows the end that the message itself tells is another message.
                assert!(transport.is_reliable() || got.len() <= 1, "{name}: {got:?}");
                assert!(!message.starts_with(b"ACK ") || transport.is_reliable() || got.is_empty(), "{name}: {got:?}");
                let alive = answers(&mut pbx, hop(from, transport), options(number).as_bytes());
                assert_eq!(alive, [200], "OPTIONS after {name}");
                pbx.advance(secs(1));
            }
            pbx.advance(secs(120));
            pbx.all_is_quiet();
        }
    }
}

fn mutations() -> Vec<std::path::PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/mutations");
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "dat")).collect();
    files.sort();
    files
}

/// `DESVIO_MUTANTS` sets how many there are (default 1,000), `DESVIO_SEED` the first seed.
#[test]
fn broken_messages_from_the_carrier_harm_nobody() {
    let setting =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let stock: Vec<Vec<u8>> = cases().iter().map(|case| wire(&case.file)).collect();
    let (first, count) = (setting("DESVIO_SEED", 0), setting("DESVIO_MUTANTS", 1_000));
    let mut pbx = Bench::new();
    for seed in first..first + count {
        let mut rng = fastrand::Rng::with_seed(seed);
        let message = &stock[rng.usize(..stock.len())];
        let message = mutant(&mut rng, message, &stock);
        let got = answers(&mut pbx, hop(GATEWAY, Transport::Udp), &message);
        assert!(got.len() <= 1, "mutant {seed} is answered with {got:?}");
        let number = 1_000 + usize::try_from(seed).expect("a small seed");
        let alive = answers(&mut pbx, hop(STRANGER, Transport::Udp), options(number).as_bytes());
        assert_eq!(alive, [200], "OPTIONS after mutant {seed}");
        pbx.advance(secs(1));
    }
}
