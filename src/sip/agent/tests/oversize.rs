//! Requests that are too large for a datagram.

use crate::sip::agent::Event;
use crate::sip::agent::Invitation;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::tests::bench::Bench;
use crate::sip::agent::tests::bench::accepting;
use crate::sip::agent::tests::bench::header;
use crate::sip::agent::tests::bench::response;
use crate::sip::hop::Hop;
use crate::sip::hop::Transmit;
use crate::sip::hop::Transport;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::transaction::testing::secs;
use crate::sip::transaction::testing::udp;
use crate::sip::uri::Uri;
use bytes::Bytes;

fn text_of(transmit: &Transmit) -> String {
    String::from_utf8_lossy(&transmit.bytes).into_owned()
}

fn calls_at_length(bench: &mut Bench) -> Transmit {
    let party = |user| NameAddr::new(Uri::sip(Some(user), "desvio.local", None));
    let invitation = Invitation {
        target: Uri::sip(Some("200"), "192.0.2.2", Some(5060)),
        hop: bench.hop,
        alternatives: Vec::new(),
        from: party("100"),
        to: party("200"),
        sdp: Bytes::from(vec![b'x'; 1_400]),
        headers: Vec::new(),
        credentials: None,
    };
    bench.agent.invite(invitation, bench.now);
    let mut sent = bench.sent();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

#[test]
fn a_long_invite_goes_over_tcp_says_so_and_is_not_repeated() {
    let mut bench = Bench::new();
    let invite = calls_at_length(&mut bench);
    assert_eq!((invite.hop.transport, invite.hop.remote), (Transport::Tcp, udp().remote));
    assert!(header(&text_of(&invite), "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;"));
    assert!(bench.advance(secs(10)).is_empty(), "the stream repeats what is lost");
    bench.hop = Hop { connection: Some(crate::sip::hop::ConnectionId(9)), ..invite.hop };
    bench.receive(&accepting(&text_of(&invite), "a"));
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Accepted { .. }]));
    let ack = bench.sent().remove(0);
    assert_eq!(ack.hop.transport, Transport::Udp, "the ACK is short");
}

#[test]
fn where_there_is_no_tcp_it_goes_by_datagram_after_all() {
    let mut bench = Bench::new();
    let invite = calls_at_length(&mut bench);
    bench.agent.unsent(invite, bench.now);
    let again = bench.sent().remove(0);
    assert_eq!(again.hop, udp());
    assert!(header(&text_of(&again), "Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;"));
    assert_eq!(bench.advance(secs(1)).len(), 1, "a datagram is repeated");
    bench.receive(&response(&text_of(&again), "180 Ringing", "a", ""));
    assert!(matches!(bench.session_events().as_slice(), [SessionEvent::Progress { status: 180, .. }]));
    let next = calls_at_length(&mut bench);
    assert_eq!(next.hop.transport, Transport::Udp, "it is known for a while");
}

#[test]
fn what_was_meant_for_a_stream_and_has_none_is_answered_503() {
    let mut bench = Bench::new();
    let hop = Hop { transport: Transport::Tls, ..udp() };
    let options = Request::new(Method::Options, Uri::sip(None, "192.0.2.2", None));
    bench.agent.request(options, hop, None, bench.now);
    let sent = bench.sent().remove(0);
    bench.agent.unsent(sent.clone(), bench.now);
    assert!(matches!(bench.events().as_slice(), [Event::Response { response, .. }] if response.status == 503));
    bench.agent.unsent(sent, bench.now);
    assert!(bench.events().is_empty());
    bench.nothing_is_left();
}
