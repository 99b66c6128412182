//! SIP over WebSocket, as a browser speaks it.

use std::sync::Arc;

use futures_util::SinkExt;
use futures_util::StreamExt;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::authority::Authority;
use super::*;

type Browser = WebSocketStream<TcpStream>;

/// Opens a WebSocket as a page does, while the sockets go on.
async fn browser(sockets: &mut Sockets) -> Browser {
    let address = address_of(sockets);
    let opening = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
        client_async(request, stream).await.unwrap().0
    };
    while_serving(sockets, opening).await
}

async fn while_serving<T>(sockets: &mut Sockets, doing: impl Future<Output = T>) -> T {
    let serving = async {
        loop {
            poll_fn(|context| sockets.poll_ready(context)).await;
            assert!(sockets.receive(Instant::now()).is_none());
        }
    };
    tokio::select! {
        done = doing => done,
        () = serving => unreachable!("it serves for ever"),
    }
}

async fn heard(browser: &mut Browser) -> Message {
    tokio::time::timeout(Duration::from_secs(10), browser.next()).await.unwrap().unwrap().unwrap()
}

#[test]
fn one_frame_is_one_message_in_both_directions() {
    run(|workers| async move {
        let mut sockets = open("ws:127.0.0.1:0", &workers);
        let mut browser = browser(&mut sockets).await;
        let asked = String::from_utf8(ASKED.to_vec()).unwrap();
        browser.send(Message::text(asked.clone())).await.unwrap();
        let request = packet(&mut sockets).await;
        assert_eq!((request.hop.transport, &request.bytes[..]), (Transport::Ws, ASKED));
        browser.send(Message::binary(ASKED)).await.unwrap();
        assert_eq!(packet(&mut sockets).await.hop, request.hop);
        sockets.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
        assert_eq!(heard(&mut browser).await, Message::text(String::from_utf8(PING.to_vec()).unwrap()));
        sockets.send(Transmit { hop: request.hop, bytes: Bytes::from_static(b"\xff") });
        assert_eq!(heard(&mut browser).await, Message::binary(&b"\xff"[..]));
    });
}

#[test]
fn pings_are_answered_in_both_spellings() {
    run(|workers| async move {
        let mut sockets = open("ws:127.0.0.1:0", &workers);
        let mut browser = browser(&mut sockets).await;
        browser.send(Message::text("\r\n\r\n")).await.unwrap();
        assert_eq!(while_serving(&mut sockets, heard(&mut browser)).await, Message::text("\r\n"));
        browser.send(Message::Ping(Bytes::from_static(b"x"))).await.unwrap();
        assert_eq!(while_serving(&mut sockets, heard(&mut browser)).await, Message::Pong(Bytes::from_static(b"x")));
    });
}

#[test]
fn a_browser_that_has_left_is_never_called() {
    run(|workers| async move {
        let mut sockets = open("ws:127.0.0.1:0", &workers);
        let mut browser = browser(&mut sockets).await;
        browser.send(Message::binary(ASKED)).await.unwrap();
        let hop = packet(&mut sockets).await.hop;
        browser.close(None).await.unwrap();
        assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(lost) if Some(lost) == hop.connection));
        sockets.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
        assert!(matches!(arrival(&mut sockets).await, Arrival::Unsent(_)));
    });
}

#[test]
fn a_frame_above_the_limit_ends_the_connection() {
    run(|workers| async move {
        let mut sockets = open("ws:127.0.0.1:0", &workers);
        let mut browser = browser(&mut sockets).await;
        browser.send(Message::binary(vec![b'x'; 70_000])).await.unwrap();
        assert!(matches!(arrival(&mut sockets).await, Arrival::Lost(_)));
    });
}

#[test]
fn a_person_with_a_browser_is_told_what_this_port_is() {
    run(|workers| async move {
        let mut sockets = open("ws:127.0.0.1:0", &workers);
        let address = address_of(&sockets);
        let asking = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = while_serving(&mut sockets, asking).await;
        assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
        assert!(answer.contains("RFC 7118"), "{answer}");
    });
}

#[test]
fn over_tls_it_is_the_same() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.issue("a", "pbx.example");
        let mut sockets = open_with(&format!("listen = [\"wss:127.0.0.1:0\"]\n{pair}"), &[], &workers);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.pem()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let address = address_of(&sockets);
        let opening = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = "pbx.example".try_into().unwrap();
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
            let mut request = "wss://pbx.example/".into_client_request().unwrap();
            request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
            client_async(request, stream).await.unwrap().0
        };
        let mut browser = while_serving(&mut sockets, opening).await;
        browser.send(Message::binary(ASKED)).await.unwrap();
        let request = packet(&mut sockets).await;
        assert_eq!(request.hop.transport, Transport::Wss);
        sockets.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
        let answer = tokio::time::timeout(Duration::from_secs(10), browser.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(answer.into_data(), PING);
    });
}
