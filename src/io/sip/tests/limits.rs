//! Peers that are slow, silent or too many.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;

#[test]
fn one_address_holds_so_many_streams_and_no_more() {
    run(|workers| async move {
        let sip = "listen = [\"tcp:127.0.0.1:0\"]\nmax_connections_per_address = 2\n";
        let mut sockets = open_with(sip, &[], &workers);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(TcpStream::connect(address_of(&sockets)).await.unwrap());
        }
        until(&mut sockets, |sockets| sockets.streams().refused_of_address == 1).await;
        let open: Vec<usize> = sockets.streams().open.iter().map(|(_, open)| open).collect();
        assert_eq!(open, [2, 0, 0, 0]);
        held.clear();
        until(&mut sockets, |sockets| sockets.streams().open == figures::ByTransport::default()).await;
        let mut again = TcpStream::connect(address_of(&sockets)).await.unwrap();
        again.write_all(PING).await.unwrap();
        assert_eq!(packet(&mut sockets).await.bytes, PING);
    });
}

#[test]
fn so_many_streams_and_handshakes_in_all_and_no_more() {
    run(|workers| async move {
        let sip = "listen = [\"tcp:127.0.0.1:0\", \"ws:127.0.0.1:0\"]\nmax_connections = 2\nmax_handshakes = 1\n";
        let mut sockets = open_with(sip, &[], &workers);
        let web = sockets.listeners()[1].address;
        let _first = TcpStream::connect(web).await.unwrap();
        let _second = TcpStream::connect(web).await.unwrap();
        until(&mut sockets, |sockets| sockets.streams().refused_of_handshakes == 1).await;
        let _third = TcpStream::connect(address_of(&sockets)).await.unwrap();
        let _fourth = TcpStream::connect(address_of(&sockets)).await.unwrap();
        until(&mut sockets, |sockets| sockets.streams().refused_in_all == 1).await;
    });
}

#[test]
fn who_says_nothing_or_only_letters_is_not_waited_for() {
    run(|workers| async move {
        let sip = "listen = [\"tcp:127.0.0.1:0\"]\nfirst_message_within = \"200ms\"\n";
        let mut sockets = open_with(sip, &[], &workers);
        let _silent = TcpStream::connect(address_of(&sockets)).await.unwrap();
        let mut trickling = TcpStream::connect(address_of(&sockets)).await.unwrap();
        tokio::spawn(async move {
            while trickling.write_all(b"O").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        until(&mut sockets, |sockets| sockets.streams().mute == 2).await;
    });
}

#[test]
fn a_stream_on_which_nothing_comes_is_closed() {
    run(|workers| async move {
        let mut sockets = open_with("listen = [\"tcp:127.0.0.1:0\"]\nidle_timeout = \"1s\"\n", &[], &workers);
        let mut peer = TcpStream::connect(address_of(&sockets)).await.unwrap();
        peer.write_all(PING).await.unwrap();
        packet(&mut sockets).await;
        assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(_)));
        assert_eq!(sockets.streams().idle, 1);
    });
}

#[test]
fn who_does_not_read_what_we_send_is_cut_off() {
    run(|workers| async move {
        let mut sockets = open("tcp:127.0.0.1:0", &workers);
        let mut peer = TcpStream::connect(address_of(&sockets)).await.unwrap();
        peer.write_all(PING).await.unwrap();
        let hop = packet(&mut sockets).await.hop;
        let large = Bytes::from(vec![b'x'; 60_000]);
        for _ in 0..10_000 {
            if sockets.streams().slow > 0 {
                break;
            }
            sockets.send(Transmit { hop, bytes: large.clone() });
            tokio::task::yield_now().await;
        }
        assert_eq!(sockets.streams().slow, 1);
        assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(lost) if Some(lost) == hop.connection));
        assert_eq!(sockets.streams().overflowed, 1);
    });
}
