//! Streams without TLS.

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use super::*;

#[test]
fn two_ends_talk_over_one_connection_and_hear_of_its_end() {
    run(|workers| async move {
        let mut ours = open("tcp:127.0.0.1:0", &workers);
        let mut theirs = open("tcp:127.0.0.1:0", &workers);
        let remote = theirs.listeners()[0].address;
        let hop = ours.hop_towards(Transport::Tcp, remote, Instant::now()).unwrap();
        ours.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        let request = packet(&mut theirs).await;
        assert_eq!(request.bytes, PING);
        assert!(request.hop.connection.is_some());
        theirs.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
        let answer = packet(&mut ours).await;
        assert_eq!(answer.hop.remote, remote);
        drop(theirs);
        assert!(matches!(arrival(&mut ours).await, Arrival::Lost(lost) if Some(lost) == answer.hop.connection));
    });
}

#[test]
fn a_bad_message_on_a_stream_is_answered_counted_and_the_next_one_read() {
    run(|workers| async move {
        let mut sockets = open("tcp:127.0.0.1:0", &workers);
        let mut peer = tokio::net::TcpStream::connect(sockets.listeners()[0].address).await.unwrap();
        let bad = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nTo: <sip:a>\r\n\r\n";
        peer.write_all(bad).await.unwrap();
        peer.write_all(PING).await.unwrap();
        assert_eq!(packet(&mut sockets).await.bytes, PING);
        assert_eq!(sockets.tally().malformed, 1);
        let mut answer = [0; 1_000];
        let length = peer.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("SIP/2.0 400 ") && answer.contains("To: <sip:a>;tag="), "{answer}");
    });
}

/// What comes back until the stream is lost.
async fn handed_back(sockets: &mut Sockets) -> Vec<Bytes> {
    let mut back = Vec::new();
    loop {
        match arrival(sockets).await {
            Arrival::Unsent(transmit) => back.push(transmit.bytes),
            Arrival::Lost(_) => return back,
            other => panic!("{other:?}"),
        }
    }
}

/// Sockets that have a stream to open to where nobody listens.
fn towards_nobody(workers: &Handle) -> (tokio::net::TcpSocket, Sockets, Hop) {
    let (silent, remote) = silent();
    let mut sockets = open("tcp:127.0.0.1:0", workers);
    let hop = sockets.hop_towards(Transport::Tcp, remote, Instant::now()).unwrap();
    (silent, sockets, hop)
}

#[test]
fn what_waits_for_a_stream_that_cannot_be_opened_comes_back() {
    run(|workers| async move {
        let (_silent, mut sockets, hop) = towards_nobody(&workers);
        sockets.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
        assert_eq!(handed_back(&mut sockets).await, [ASKED]);
    });
}

#[test]
fn what_is_sent_while_it_gives_up_comes_back_too() {
    run(|workers| async move {
        let (_silent, mut sockets, hop) = towards_nobody(&workers);
        sockets.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
        // The first is on its way back: the stream takes no more, and we have not heard of its end.
        poll_fn(|context| sockets.poll_ready(context)).await;
        sockets.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        assert_eq!(handed_back(&mut sockets).await, [PING, ASKED]);
        assert_eq!((sockets.streams().slow, sockets.streams().failed), (0, 1));
    });
}

#[test]
fn more_than_may_wait_for_it_costs_nothing_that_waits() {
    run(|workers| async move {
        let (_silent, mut sockets, hop) = towards_nobody(&workers);
        for _ in 0..300 {
            sockets.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        }
        assert_eq!(handed_back(&mut sockets).await.len(), 300);
    });
}

#[test]
fn we_call_from_the_address_that_our_via_names() {
    run(|workers| async move {
        let mut ours = open("tcp:127.0.0.7:0", &workers);
        let mut theirs = open("tcp:127.0.0.1:0", &workers);
        let hop = ours.hop_towards(Transport::Tcp, address_of(&theirs), Instant::now()).unwrap();
        ours.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        assert_eq!(packet(&mut theirs).await.hop.remote.ip(), hop.local.ip());
    });
}

#[test]
fn what_comes_back_over_a_connection_of_ours_reached_us_where_we_listen() {
    run(|workers| async move {
        let mut ours = open("tcp:127.0.0.1:0", &workers);
        let mut theirs = open("tcp:127.0.0.1:0", &workers);
        let hop = ours.hop_towards(Transport::Tcp, address_of(&theirs), Instant::now()).unwrap();
        ours.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        let request = packet(&mut theirs).await;
        theirs.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
        assert_eq!(packet(&mut ours).await.hop.local, address_of(&ours));
    });
}

#[test]
fn many_messages_at_once_arrive_in_order() {
    run(|workers| async move {
        let mut ours = open("tcp:127.0.0.1:0", &workers);
        let mut theirs = open("tcp:127.0.0.1:0", &workers);
        let hop = ours.hop_towards(Transport::Tcp, address_of(&theirs), Instant::now()).unwrap();
        let message = |number: usize| Bytes::from(format!("OPTIONS sip:{number} SIP/2.0\r\nContent-Length: 0\r\n\r\n"));
        for number in 0..200 {
            ours.send(Transmit { hop, bytes: message(number) });
        }
        for number in 0..200 {
            assert_eq!(packet(&mut theirs).await.bytes, message(number));
        }
    });
}
