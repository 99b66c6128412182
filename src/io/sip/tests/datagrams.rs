//! Datagrams.

use std::net::UdpSocket;

use super::*;

#[test]
fn a_datagram_knows_at_which_address_it_reached_a_wildcard_socket() {
    run(|workers| async move {
        let mut sockets = open("udp:0.0.0.0:0", &workers);
        let port = sockets.listeners()[0].address.port();
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.send_to(PING, ("127.0.0.1", port)).unwrap();
        let packet = packet(&mut sockets).await;
        assert_eq!(packet.bytes, PING);
        assert_eq!(packet.hop.local, SocketAddr::from(([127, 0, 0, 1], port)));
        sockets.send(Transmit { hop: packet.hop, bytes: Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n") });
        poll_fn(|context| {
            let _ = sockets.poll_ready(context);
            Poll::Ready(())
        })
        .await;
        phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut buffer = [0; 100];
        // The answer may have been queued: the socket's first readiness comes with the next turn of the loop.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let _ = poll_fn(|context| Poll::Ready(sockets.poll_ready(context))).await;
        let (length, _) = phone.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"SIP/2.0 200 OK\r\n\r\n");
    });
}

#[test]
fn a_taken_port_names_itself_its_holder_and_the_setting() {
    run(|workers| async move {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener: Listener = format!("udp:{}", taken.local_addr().unwrap()).parse().unwrap();
        let config = Config { listen: vec![listener], ..Config::default() };
        let said = Sockets::open(&config, Files::default(), &workers).err().unwrap().to_string();
        assert!(said.contains(&listener.to_string()), "{said}");
        assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
        assert!(said.contains("`[sip] listen`"), "{said}");
    });
}

#[test]
fn stun_is_answered_keep_alives_are_not_and_sip_between_them_arrives() {
    run(|workers| async move {
        let mut sockets = open("udp:127.0.0.1:0", &workers);
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = address_of(&sockets);
        let binding = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        for datagram in [&b"\r\n\r\n"[..], &binding, b"", PING] {
            phone.send_to(datagram, port).unwrap();
        }
        assert_eq!(packet(&mut sockets).await.bytes, PING);
        phone.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = [0; 100];
        let length = phone.recv(&mut answer).unwrap();
        assert_eq!((length, &answer[..2], &answer[8..20]), (32, &[1, 1][..], &[7; 12][..]));
        phone.set_nonblocking(true).unwrap();
        assert!(phone.recv(&mut answer).is_err(), "a keep-alive was answered");
    });
}

#[test]
fn a_message_of_the_largest_size_comes_in_one_datagram() {
    run(|workers| async move {
        let mut sockets = open("udp:127.0.0.1:0", &workers);
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        let head = "MESSAGE sip:a SIP/2.0\r\nContent-Length: 65000\r\n\r\n";
        let message = [head.as_bytes(), &vec![b'x'; 65_000]].concat();
        phone.send_to(&message, address_of(&sockets)).unwrap();
        assert_eq!(packet(&mut sockets).await.bytes.len(), message.len());
    });
}
